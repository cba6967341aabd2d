//! Warming up: a new alarm that is configured so stays in INSUFFICIENT_DATA, and does nothing, until its data fill its window or its
//! time is over. It happens once. Source: "Alarm warm-up periods".

use std::sync::Arc;

use watchkeep_store::{CatalogError, Versioned};

use crate::book::Due;
use crate::engine::Engine;
use crate::evaluation::Datapoint;
use crate::limits::MINUTE_MS;
use crate::plan::Plan;
use crate::resources::MetricAlarm;

/// `EvaluationState` meanwhile.
pub(crate) const IN_WARM_UP: &str = "IN_WARM_UP";

/// How far an alarm has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Warmth {
    /// It is evaluated.
    Warm,
    /// It will be when its data fill the window.
    WaitsForData,
    /// It will be when its time is over.
    WaitsForTime,
}

impl MetricAlarm {
    /// How far it has come at this time.
    pub(crate) fn warmth(&self, now_ms: i64) -> Warmth {
        let (Some(since_ms), Some(warm_up)) = (self.warming, self.definition.warm_up) else { return Warmth::Warm };
        let is_promql = self.definition.periods.is_none();
        match now_ms >= since_ms.saturating_add(i64::from(warm_up.minutes) * MINUTE_MS) {
            true => Warmth::Warm,
            // Nobody can say what fills the window of a query that has none.
            false if warm_up.only_after == Some(true) || is_promql => Warmth::WaitsForTime,
            false => Warmth::WaitsForData,
        }
    }
}

/// Whether data fill the window: there are some in its newest period, and some from before it.
pub(crate) fn is_filled(plan: &Plan, range: &[Option<Datapoint>]) -> bool {
    let (before, window) = range.split_at(range.len().saturating_sub(plan.rule.periods));
    window.last().is_some_and(Option::is_some) && before.iter().any(Option::is_some)
}

impl Engine {
    /// Ends the warm-up of an alarm, durably; the alarm after that, or none if it was changed meanwhile.
    pub(crate) async fn end_warm_up(&self, due: &Due) -> Result<Option<Arc<Versioned<MetricAlarm>>>, CatalogError> {
        let _writing = self.writing.lock().await;
        let Some(current) = self.resources.metric_alarms.get(&due.alarm.key) else { return Ok(None) };
        if current.version != due.alarm.version {
            return Ok(None);
        }
        let changed = MetricAlarm { warming: None, ..current.value.clone() };
        let alarm = self.resources.metric_alarms.update(&current, changed).await?;
        self.book.note(alarm.clone());
        Ok(Some(alarm))
    }
}
