//! The evaluator: whose turn it is reads its datapoints, many alarms at once, and changes its state.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{WatchAnswer, WatchError, WatchRead, WatchedDatapoint};
use watchkeep_store::StoreError;

use crate::book::Due;
use crate::contributors;
use crate::engine::{Engine, Transit};
use crate::evaluation::{Account, Band, Basis, Datapoint, Slot, StateValue, Verdict, decide, reason};
use crate::kept::Defined;
use crate::limits::EVALUATED_AT_ONCE;
use crate::plan::{Plan, Reads};
use crate::resources::{Definition, MetricAlarm, Watched};
use crate::transition::{Transition, Wanted};

/// How long the evaluator waits when there is no alarm.
const IDLE: Duration = Duration::from_secs(3600);

/// How long it waits after the store would not take a change.
const PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// Evaluates in the turn of each alarm, for ever.
    pub(crate) async fn keep_evaluating(self: Arc<Self>) {
        loop {
            let sooner = self.sooner.notified();
            let now = self.clock.now();
            let wait = match self.next_due_ms() {
                Some(due_ms) => Duration::from_millis(u64::try_from(due_ms.saturating_sub(now.0)).unwrap_or(0)),
                None => IDLE,
            };
            if !wait.is_zero() {
                tokio::select! {
                    () = self.clock.sleep(wait) => {}
                    () = sooner => {}
                }
            }
            if let Err(error) = self.evaluate_due().await {
                tracing::warn!(%error, "alarms were not evaluated; they are at their next turn");
                self.clock.sleep(PAUSE).await;
            }
        }
    }

    /// Evaluates those whose turn has come; how many there were.
    ///
    /// # Errors
    ///
    /// What writing changes of state can meet.
    pub(crate) async fn evaluate_due(&self) -> Result<usize, StoreError> {
        let _turn = self.evaluating.lock().await;
        self.wake().await?;
        let mut count = 0;
        loop {
            let due = self.book.take_due(self.clock.now().0, EVALUATED_AT_ONCE);
            if due.is_empty() {
                return Ok(count);
            }
            count += due.len();
            let transits = self.evaluate(due).await;
            self.transit(transits).await?;
            tokio::task::yield_now().await;
        }
    }

    /// The changes of state of these alarms.
    async fn evaluate(&self, due: Vec<Due>) -> Vec<Transit> {
        let now_ms = self.clock.now().0;
        let mut transits = Vec::new();
        let (mut single, mut reads) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
        for due in due {
            let times = due.plan.cadence.times_ms(now_ms);
            match &due.plan.reads {
                Reads::Metric(handle) => {
                    let times = TimestampMs(times.start)..TimestampMs(times.end);
                    reads.push(WatchRead { handle: handle.clone(), times });
                    single.push(due);
                }
                Reads::Queries { .. } => transits.extend(self.evaluate_queries(due, now_ms).await),
            }
        }
        if reads.is_empty() {
            return transits;
        }
        match self.metrics.read(reads).await {
            Ok(answers) => {
                for (due, datapoints) in single.into_iter().zip(answers) {
                    transits.extend(evaluate_metric(due, &datapoints, now_ms));
                }
            }
            Err(error) => tracing::warn!(%error, "what alarms watch was not read; it is at their next turn"),
        }
        transits
    }

    async fn evaluate_queries(&self, due: Due, now_ms: i64) -> Option<Transit> {
        let plan = due.plan.clone();
        let Reads::Queries { place, queries, band, has_contributors } = &plan.reads else { return None };
        let times = plan.cadence.times_ms(now_ms);
        let answer = self.metrics.compute(place, queries, TimestampMs(times.start)..TimestampMs(times.end)).await;
        let state = match &answer {
            Ok(answer) => answer.is_partial.then_some("PARTIAL_DATA"),
            Err(WatchError::Invalid(_)) => Some("EVALUATION_ERROR"),
            Err(WatchError::Busy(_) | WatchError::Failed(_)) => Some("EVALUATION_FAILURE"),
        };
        self.book.evaluated(&due.alarm.key, state);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, alarm = due.alarm.key.name, "an alarm was not evaluated");
                return None;
            }
        };
        if *has_contributors {
            return contributors::evaluate(due, &answer, now_ms);
        }
        evaluate_answer(due, &answer, band.as_deref(), now_ms)
    }
}

/// The change that the datapoints of a metric make.
pub(crate) fn evaluate_metric(due: Due, datapoints: &[WatchedDatapoint], now_ms: i64) -> Option<Transit> {
    let Due { alarm, plan } = due;
    let start_ms = plan.cadence.times_ms(now_ms).start;
    let datapoint = |point: &WatchedDatapoint| Datapoint {
        time_ms: point.time.0,
        value: point.value,
        sample_count: Some(point.sample_count),
        band: None,
    };
    let datapoints: Vec<Datapoint> = datapoints.iter().map(datapoint).collect();
    let range = range(&plan, &datapoints, start_ms);
    let transition = judge(&alarm, &plan, &range, start_ms, now_ms)?;
    Some(Transit { alarm, transitions: vec![transition] })
}

/// The change that the answer to queries makes, which has one series and maybe a band.
pub(crate) fn evaluate_answer(due: Due, answer: &WatchAnswer, band: Option<&str>, now_ms: i64) -> Option<Transit> {
    let Due { alarm, plan } = due;
    let start_ms = plan.cadence.times_ms(now_ms).start;
    let range = range(&plan, &datapoints_of(answer, band), start_ms);
    let transition = judge(&alarm, &plan, &range, start_ms, now_ms)?;
    Some(Transit { alarm, transitions: vec![transition] })
}

/// The datapoints of queries: those of the watched one, each with the band at its time if there is one.
fn datapoints_of(answer: &WatchAnswer, band: Option<&str>) -> Vec<Datapoint> {
    let is_band = |id: &str| band == Some(id);
    let Some(main) = answer.series.iter().find(|series| !is_band(&series.id)) else { return Vec::new() };
    let mut bounds = answer.series.iter().filter(|series| is_band(&series.id));
    // The upper one comes first.
    let (upper, lower) = (bounds.next(), bounds.next());
    let by_time = |series: Option<&watchkeep_core::ports::WatchedSeries>| {
        series.map(|series| series.points.iter().copied().collect::<HashMap<TimestampMs, f64>>()).unwrap_or_default()
    };
    let (upper, lower) = (by_time(upper), by_time(lower));
    let points = main.points.iter().filter_map(|(time, value)| {
        let found = lower.get(time).zip(upper.get(time)).map(|(lower, upper)| Band { lower: *lower, upper: *upper });
        // What is usual then is not known: nothing can be said of the datapoint.
        let known = band.is_none() || found.is_some();
        known.then_some(Datapoint { time_ms: time.0, value: *value, sample_count: None, band: found })
    });
    points.collect()
}

/// The evaluation range: a place for each datapoint that there could be.
pub(crate) fn range(plan: &Plan, datapoints: &[Datapoint], start_ms: i64) -> Vec<Option<Datapoint>> {
    let mut range = vec![None; plan.cadence.range];
    let period_ms = plan.period_s.saturating_mul(1000).max(1);
    for point in datapoints {
        let index = usize::try_from(point.time_ms.saturating_sub(start_ms) / period_ms);
        if let Some(slot) = index.ok().and_then(|index| range.get_mut(index)) {
            *slot = Some(*point);
        }
    }
    range
}

/// What the datapoints of a range say of a state.
pub(crate) fn verdict(plan: &Plan, range: &[Option<Datapoint>], current: StateValue) -> Verdict {
    let slot = |slot: &Option<Datapoint>| match slot {
        None => Slot::Missing,
        Some(point) if plan.comparison.breaches(point.value, point.band) => Slot::Breaching,
        Some(_) => Slot::Good,
    };
    if let Some(samples_min) = plan.samples_min {
        let newest = range.iter().rev().take(plan.rule.periods).flatten();
        let samples: f64 = newest.filter_map(|point| point.sample_count).sum();
        if samples > 0.0 && samples < samples_min {
            return Verdict { state: current, basis: Basis::Kept };
        }
    }
    let slots: Vec<Slot> = range.iter().map(slot).collect();
    decide(&slots, &plan.rule, current)
}

/// The state that a verdict makes of an alarm or a contributor, with its reason.
pub(crate) fn wanted(
    definition: &Definition,
    plan: &Plan,
    range: &[Option<Datapoint>],
    (start_ms, now_ms): (i64, i64),
    verdict: &Verdict,
) -> Wanted {
    let (statistic, unit) = match &definition.watched {
        Watched::Metric(metric) => (Some(&*metric.statistic), metric.unit.as_deref()),
        Watched::Queries { .. } => (None, None),
    };
    let account = Account {
        now_ms,
        start_ms,
        period_s: plan.period_s,
        range,
        rule: plan.rule,
        is_m_of_n: definition.to_alarm.is_some(),
        comparison: plan.comparison,
        statistic,
        unit,
    };
    let reason = reason(&account, verdict);
    Wanted { value: verdict.state, reason: reason.text, data: Some(reason.data) }
}

fn judge(
    alarm: &MetricAlarm,
    plan: &Plan,
    range: &[Option<Datapoint>],
    start_ms: i64,
    now_ms: i64,
) -> Option<Transition> {
    let verdict = verdict(plan, range, alarm.state.value);
    if verdict.state == alarm.state.value {
        return None;
    }
    let wanted = wanted(&alarm.definition, plan, range, (start_ms, now_ms), &verdict);
    Some(transition(alarm, wanted, now_ms))
}

/// The change of an alarm to another state, with the actions that are owed for it.
pub(crate) fn transition(alarm: &MetricAlarm, wanted: Wanted, now_ms: i64) -> Transition {
    let defined = (Defined::Metric(alarm.definition.clone()), alarm.updated);
    Transition::new(defined, &alarm.definition.actions, &alarm.state, wanted, now_ms)
}
