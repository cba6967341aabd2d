//! Tests of the whole service, in process, over a store in a temporary directory and on a manual clock; metrics and topics are
//! stand-ins.

mod acting;
mod api;
mod composite;
mod evaluating;
mod logs;
mod muting;
mod promql;
mod stand_ins;
mod suppressing;
mod warming;
mod windows;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use watchkeep_core::ports::BusEvent;
use watchkeep_core::{AccountId, Caller, Clock, ManualClock, Principal, SeededRandom, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::*;
use watchkeep_store::{Store, StoreConfig};

use crate::{Alarms, AlarmsPorts};
use stand_ins::{CalledFunctions, Events, LogQueries, StandInMetrics, Topics};

/// 2024-03-22T14:00:00Z.
pub const NOW: i64 = 1_711_116_000_000;
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:ops";

/// The service, and everything around it.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub store: Arc<Store>,
    pub metrics: Arc<StandInMetrics>,
    pub queries: Arc<LogQueries>,
    pub topics: Arc<Topics>,
    pub functions: Arc<CalledFunctions>,
    pub events: Arc<Events>,
    pub alarms: Arc<Alarms>,
    directory: TempDir,
}

impl World {
    /// An empty one; it is [`NOW`].
    pub async fn new() -> World {
        let clock = Arc::new(ManualClock::new(TimestampMs(NOW)));
        let directory = TempDir::new().unwrap();
        let (metrics, topics, functions) = Default::default();
        World::open(directory, clock, (metrics, Arc::default()), topics, functions, Arc::default()).await
    }

    async fn open(
        directory: TempDir,
        clock: Arc<ManualClock>,
        (metrics, queries): (Arc<StandInMetrics>, Arc<LogQueries>),
        topics: Arc<Topics>,
        functions: Arc<CalledFunctions>,
        events: Arc<Events>,
    ) -> World {
        let random = Arc::new(SeededRandom::new(1));
        let store_config = StoreConfig::small(directory.path());
        let fatal = |error: &watchkeep_store::JournalError| panic!("the journal failed: {error}");
        let store = Store::open(store_config, crate::TABLES, clock.clone(), random.clone(), fatal).await.unwrap();
        let ports = AlarmsPorts {
            metrics: metrics.clone(),
            promql: Some(metrics.clone()),
            log_queries: Some(queries.clone()),
            topics: Some(topics.clone()),
            functions: functions.clone(),
            actions: functions.clone(),
            events: events.clone(),
        };
        let alarms = Alarms::open(store.clone(), clock.clone(), random, ports).await.unwrap();
        World { clock, store, metrics, queries, topics, functions, events, alarms, directory }
    }

    /// The same after the process just ended: nothing is closed.
    pub async fn crash(self) -> World {
        let World { clock, store, metrics, queries, topics, functions, events, alarms, directory } = self;
        drop((alarms, store));
        World::open(directory, clock, (metrics, queries), topics, functions, events).await
    }

    /// Lets time pass, each alarm being evaluated in its turn.
    pub async fn pass(&self, ms: i64) {
        let end = self.clock.now().0 + ms;
        self.alarms.settle().await.unwrap();
        while let Some(due_ms) = self.alarms.next_due_ms().filter(|due_ms| *due_ms <= end) {
            self.advance_to(due_ms);
            self.alarms.settle().await.unwrap();
        }
        self.advance_to(end);
        self.alarms.settle().await.unwrap();
    }

    fn advance_to(&self, time_ms: i64) {
        self.clock.advance(Duration::from_millis((time_ms - self.clock.now().0).max(0) as u64));
    }

    /// A datapoint of `Cpu` so many minutes after [`NOW`].
    pub fn put(&self, minute: i64, value: f64) {
        self.metrics.put("Cpu", NOW + minute * MINUTE, value);
    }

    pub async fn alarm(&self, input: PutMetricAlarmInput) -> Result<(), ServiceError> {
        crate::put_metric_alarm::put_metric_alarm(&self.alarms, &caller(), input).await.map(|_| ())
    }

    pub async fn describe(&self, input: DescribeAlarmsInput) -> Result<DescribeAlarmsOutput, ServiceError> {
        crate::describe_alarms::describe_alarms(&self.alarms, &caller(), input).await
    }

    pub async fn composite(&self, input: PutCompositeAlarmInput) -> Result<(), ServiceError> {
        crate::put_composite_alarm::put_composite_alarm(&self.alarms, &caller(), input).await.map(|_| ())
    }

    /// Metric alarms of these names, whose states stay as they are set.
    pub async fn still(&self, names: &[&str]) {
        for name in names {
            let treat = Some("ignore".to_owned());
            let input = PutMetricAlarmInput { alarm_name: (*name).into(), treat_missing_data: treat, ..above_80(1) };
            self.alarm(PutMetricAlarmInput { alarm_actions: None, ..input }).await.unwrap();
        }
    }

    /// The composite alarm of this name.
    pub async fn of(&self, name: &str) -> CompositeAlarm {
        let alarm_types = Some(vec!["CompositeAlarm".to_owned()]);
        let input = DescribeAlarmsInput { alarm_names: Some(vec![name.into()]), alarm_types, ..Default::default() };
        self.describe(input).await.unwrap().composite_alarms.unwrap().remove(0)
    }

    /// The state of the composite alarm of this name.
    pub async fn state_of(&self, name: &str) -> String {
        self.of(name).await.state_value.unwrap()
    }

    /// The alarm `cpu`.
    pub async fn cpu(&self) -> MetricAlarm {
        let input = DescribeAlarmsInput { alarm_names: Some(vec!["cpu".into()]), ..Default::default() };
        self.describe(input).await.unwrap().metric_alarms.unwrap().remove(0)
    }

    pub async fn state(&self) -> String {
        self.cpu().await.state_value.unwrap()
    }

    pub async fn set(&self, value: &str) -> Result<(), ServiceError> {
        self.set_of("cpu", value).await
    }

    pub async fn set_of(&self, name: &str, value: &str) -> Result<(), ServiceError> {
        let input = SetAlarmStateInput {
            alarm_name: name.into(),
            state_value: value.into(),
            state_reason: "test".into(),
            state_reason_data: None,
        };
        crate::change::set_alarm_state(&self.alarms, &caller(), input).await.map(|_| ())
    }

    /// The history, oldest first: types and summaries.
    pub async fn history(&self) -> Vec<(String, String)> {
        let input = DescribeAlarmHistoryInput { scan_by: Some("TimestampAscending".into()), ..Default::default() };
        let items = crate::history::describe_alarm_history(&self.alarms, &caller(), input).await.unwrap();
        let items = items.alarm_history_items.unwrap().into_iter();
        items.map(|item| (item.history_item_type.unwrap(), item.history_summary.unwrap())).collect()
    }

    /// The summaries of the changes of state, oldest first.
    pub async fn transitions(&self) -> Vec<String> {
        let history = self.history().await.into_iter();
        history.filter(|(of, _)| of == "StateUpdate").map(|(_, summary)| summary).collect()
    }

    /// The events of this type.
    pub fn events(&self, detail_type: &str) -> Vec<BusEvent> {
        self.events.all().into_iter().filter(|event| event.detail_type == detail_type).collect()
    }
}

pub fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// The composite alarm `all` of a rule.
pub fn all(rule: &str) -> PutCompositeAlarmInput {
    PutCompositeAlarmInput {
        alarm_name: "all".into(),
        alarm_rule: rule.into(),
        alarm_actions: Some(vec![TOPIC.into()]),
        ok_actions: Some(vec![TOPIC.into()]),
        ..Default::default()
    }
}

/// `cpu`: the average of `Cpu` above 80, a minute, N periods.
pub fn above_80(periods: i32) -> PutMetricAlarmInput {
    PutMetricAlarmInput {
        alarm_name: "cpu".into(),
        namespace: Some("app".into()),
        metric_name: Some("Cpu".into()),
        statistic: Some("Average".into()),
        period: Some(60),
        evaluation_periods: Some(periods),
        threshold: Some(80.0),
        comparison_operator: Some("GreaterThanThreshold".into()),
        alarm_actions: Some(vec![TOPIC.into()]),
        ..Default::default()
    }
}
