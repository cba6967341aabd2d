//! CloudWatch alarms: what they watch, the state that it makes, the history of that, and what is done about it.
//!
//! It knows no HTTP and no other service: metrics are read through the ports `AlarmMetrics` and `PromQlQueries`, log events through `AlarmLogQueries`, topics are published to through
//! `TopicSink`, functions are invoked through `Functions`. From datapoints to a state: `evaluation`, which is pure; whose turn it is: `book`; reading and deciding: `evaluator`;
//! how a state changes: `transition` and `engine`; what is done about it: `actions`.
//!
//! AL-1 a change of state happened when its row of history is durable; history shows it once. AL-2 an action is owed from then on
//! until its own row says how it ended, across crashes.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod actions;
mod backtest;
mod book;
mod change;
pub mod composite;
mod contributors;
mod definition;
mod describe_alarms;
mod engine;
mod errors;
mod evaluation;
mod evaluator;
mod events;
mod history;
mod kept;
mod limits;
mod log_alarms;
pub mod message;
pub mod mute;
mod notice;
mod open;
mod paging;
mod picture;
mod plan;
mod promql;
mod put_composite_alarm;
mod put_metric_alarm;
pub mod region_names;
mod relations;
mod render;
mod resources;
mod settling;
mod tables;
mod tags;
#[cfg(test)]
mod tests;
mod transition;
mod warm_up;

use std::fmt;
use std::sync::Arc;

use watchkeep_core::ports::{
    AlarmActions, AlarmLogQueries, AlarmLogQueryListener, AlarmMetrics, EventBus, Functions, MetricPlace,
    PromQlQueries, TopicSink,
};
use watchkeep_model::cloudwatch::SERVICE;
use watchkeep_store::{ResourceKey, StoreError, Table};
use watchkeep_wire::service::{Routed, RoutedService};

use engine::Engine;

pub use backtest::{BacktestError, BacktestedChange};

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[&tables::ALARM_HISTORY];

watchkeep_wire::routes! {
    /// What the service answers.
    pub static ROUTES: Alarms = cloudwatch {
        PutMetricAlarm => put_metric_alarm::put_metric_alarm,
        PutLogAlarm => log_alarms::put_log_alarm,
        PutCompositeAlarm => put_composite_alarm::put_composite_alarm,
        DescribeAlarms => describe_alarms::describe_alarms,
        DescribeAlarmsForMetric => describe_alarms::describe_alarms_for_metric,
        DescribeAlarmContributors => contributors::describe_alarm_contributors,
        DescribeAlarmHistory => history::describe_alarm_history,
        DeleteAlarms => change::delete_alarms,
        EnableAlarmActions => change::enable_alarm_actions,
        DisableAlarmActions => change::disable_alarm_actions,
        SetAlarmState => change::set_alarm_state,
        PutAlarmMuteRule => mute::api::put_alarm_mute_rule,
        GetAlarmMuteRule => mute::api::get_alarm_mute_rule,
        ListAlarmMuteRules => mute::api::list_alarm_mute_rules,
        DeleteAlarmMuteRule => mute::api::delete_alarm_mute_rule,
    }
}

/// Whom alarms need.
pub struct AlarmsPorts {
    /// What they watch.
    pub metrics: Arc<dyn AlarmMetrics>,
    /// Who answers PromQL queries, if somebody does.
    pub promql: Option<Arc<dyn PromQlQueries>>,
    /// Who runs the queries of log alarms, if somebody does.
    pub log_queries: Option<Arc<dyn AlarmLogQueries>>,
    /// Where they publish, if there are topics.
    pub topics: Option<Arc<dyn TopicSink>>,
    /// The functions that they invoke.
    pub functions: Arc<dyn Functions>,
    /// What carries out their other actions.
    pub actions: Arc<dyn AlarmActions>,
    /// Who hears of changes.
    pub events: Arc<dyn EventBus>,
}

/// The alarms service.
pub struct Alarms {
    engine: Arc<Engine>,
}

impl Alarms {
    /// The service with its routing table, for the doors.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&SERVICE, self.clone(), ROUTES))
    }

    /// Begins to evaluate and to act in the background.
    pub fn start(&self) {
        tokio::spawn(self.engine.clone().keep_evaluating());
        tokio::spawn(self.engine.clone().keep_acting());
    }

    /// Evaluates the alarms whose turn has come, and acts: for one who moves the clock. How many were evaluated.
    ///
    /// # Errors
    ///
    /// What writing changes of state can meet; those alarms are evaluated at their next turn.
    pub async fn settle(&self) -> Result<usize, StoreError> {
        let count = self.engine.evaluate_due().await?;
        self.engine.act().await;
        Ok(count)
    }

    /// When the next alarm has its turn, in milliseconds since the epoch.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.engine.next_due_ms()
    }

    /// Forgets everything. To be called when the store was reset, while no call is under way.
    pub async fn reset(&self) {
        let _evaluating = self.engine.evaluating.lock().await;
        self.engine.book.clear();
        self.engine.relations.clear();
        self.engine.outbox.clear();
        self.engine.repeats.clear();
    }
}

impl AlarmLogQueryListener for Alarms {
    fn run_ended(&self, place: &MetricPlace, alarm_name: &str) {
        let key = ResourceKey::new(place.account, &place.region, alarm_name);
        self.engine.book.hasten(&key, self.engine.clock.now().0);
        self.engine.sooner.notify_one();
    }
}

impl fmt::Debug for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarms").field("alarms", &self.engine.book.len()).finish_non_exhaustive()
    }
}
