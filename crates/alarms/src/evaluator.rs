//! The evaluator: whose turn it is reads its datapoints, many alarms at once, and changes its state.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use hashbrown::HashMap;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{
    AlarmMetrics, PromQlQueries, QueryOf, QueryTimes, WatchAnswer, WatchError, WatchQuery, WatchRead, WatchedDatapoint,
    WatchedMetric, WatchedSeries,
};
use watchkeep_store::StoreError;

use crate::book::Due;
use crate::engine::{Engine, Transit, place};
use crate::evaluation::{Account, Band, Basis, Datapoint, Slot, Slots, StateValue, Verdict, decide, reason};
use crate::kept::Defined;
use crate::limits::{CONTRIBUTORS_MAX, EVALUATED_AT_ONCE, QUERIES_AT_ONCE, SECOND_MS};
use crate::plan::{Plan, Reads, watched_metric};
use crate::promql::Tracks;
use crate::resources::{Definition, MetricAlarm, Watched};
use crate::transition::{Transition, Wanted};
use crate::warm_up::{Warmth, is_filled};
use crate::{contributors, promql};

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
                self.repeat().await;
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
        let (mut single, mut reads) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
        let mut others = Vec::new();
        for due in due {
            match (&due.plan.reads, due.plan.cadence.slots(now_ms)) {
                (Reads::Metric(handle), slots @ Slots::Even { .. }) if due.alarm.warming.is_none() => {
                    let times = TimestampMs(slots.bound_ms(0))..TimestampMs(slots.bound_ms(slots.len()));
                    reads.push(WatchRead { handle: handle.clone(), times });
                    single.push((due, slots));
                }
                (_, slots) => others.push((due, slots)),
            }
        }
        let asked = futures_util::stream::iter(others).map(|(due, slots)| self.evaluate_one(due, slots, now_ms));
        let mut transits: Vec<Transit> =
            asked.buffer_unordered(QUERIES_AT_ONCE).filter_map(std::future::ready).collect().await;
        if reads.is_empty() {
            return transits;
        }
        match self.metrics.read(reads).await {
            Ok(answers) => {
                for ((due, slots), datapoints) in single.into_iter().zip(answers) {
                    transits.extend(evaluate_metric(due, &datapoints, &slots, now_ms));
                }
            }
            Err(error) => tracing::warn!(%error, "what alarms watch was not read; it is at their next turn"),
        }
        transits
    }

    /// The change of state of an alarm that is read by itself.
    async fn evaluate_one(&self, due: Due, slots: Slots, now_ms: i64) -> Option<Transit> {
        let (key, alarm) = (due.alarm.key.clone(), due.alarm.clone());
        if let Reads::Logs { .. } = due.plan.reads {
            let (transit, state) = self.evaluate_log(due, now_ms).await;
            self.book.evaluated(&key, state);
            return transit;
        }
        let evaluated = self.evaluate_queries(due, slots, now_ms).await;
        let (transit, state) = match evaluated {
            Ok((transit, is_partial)) => (transit, is_partial.then_some("PARTIAL_DATA")),
            Err(error) => {
                tracing::debug!(%error, alarm = key.name, "an alarm was not evaluated");
                let is_wrong = matches!(error, WatchError::Invalid(_));
                (None, Some(if is_wrong { "EVALUATION_ERROR" } else { "EVALUATION_FAILURE" }))
            }
        };
        if !matches!(alarm.definition.watched, Watched::Metric(_)) {
            self.book.evaluated(&key, state);
        }
        transit
    }

    /// The change of state, and whether there was more than could be processed.
    async fn evaluate_queries(
        &self,
        mut due: Due,
        slots: Slots,
        now_ms: i64,
    ) -> Result<(Option<Transit>, bool), WatchError> {
        let warmth = due.alarm.warmth(now_ms);
        if warmth == Warmth::WaitsForTime {
            return Ok((None, false));
        }
        let read = read(self.metrics.as_ref(), self.promql.as_deref(), &due, &slots, now_ms).await?;
        if warmth == Warmth::WaitsForData && !read.fills(&due.plan, &slots) {
            return Ok((None, false));
        }
        if due.alarm.warming.is_some() {
            let warm = self.end_warm_up(&due).await.map_err(|error| WatchError::Failed(error.to_string()))?;
            let Some(warm) = warm else { return Ok((None, false)) };
            due.alarm = warm;
        }
        let alarm = due.alarm.clone();
        let (transit, tracks) = read.evaluate(due, &slots, now_ms);
        if let Some(tracks) = tracks {
            self.book.tracked(&alarm, tracks);
        }
        Ok((transit, read.is_partial()))
    }
}

/// What was read of an alarm.
pub(crate) enum Read {
    /// The datapoints of a metric.
    Datapoints(Vec<WatchedDatapoint>),
    /// What queries answered with.
    Queries(WatchAnswer),
    /// What a PromQL query answered with at these times.
    PromQl(QueryTimes, WatchAnswer),
}

/// Reads what an alarm watches, in the places of its datapoints: those of another length with a period of that length.
pub(crate) async fn read(
    metrics: &dyn AlarmMetrics,
    promql: Option<&dyn PromQlQueries>,
    due: &Due,
    slots: &Slots,
    now_ms: i64,
) -> Result<Read, WatchError> {
    let length_s = |length_ms: i64| length_ms / SECOND_MS;
    match &due.plan.reads {
        Reads::Metric(handle) => {
            let mut reads = Vec::new();
            for (times, length_ms) in slots.runs() {
                let handle = match (&due.alarm.definition.watched, length_s(length_ms) == due.plan.period_s) {
                    (Watched::Metric(metric), false) => {
                        let watched = watched_metric(metric, &place(&due.alarm.key));
                        metrics.watch(&WatchedMetric { period_s: length_s(length_ms), ..watched })?
                    }
                    _ => handle.clone(),
                };
                reads.push(WatchRead { handle, times: TimestampMs(times.start)..TimestampMs(times.end) });
            }
            Ok(Read::Datapoints(metrics.read(reads).await?.into_iter().flatten().collect()))
        }
        Reads::Queries { place, queries, .. } => {
            let mut all = WatchAnswer::default();
            for (times, length_ms) in slots.runs() {
                let times = TimestampMs(times.start)..TimestampMs(times.end);
                let answer = match length_s(length_ms) == due.plan.period_s {
                    true => metrics.compute(place, queries, times).await?,
                    false => metrics.compute(place, &of_period(queries, length_s(length_ms)), times).await?,
                };
                join(&mut all, answer);
            }
            Ok(Read::Queries(all))
        }
        Reads::PromQl { place, query } => {
            let promql = promql.ok_or_else(|| WatchError::Failed("nobody answers PromQL queries".to_owned()))?;
            let times = promql::times(&due.alarm, query, due.tracks.as_deref(), now_ms);
            let answer = promql.evaluate(place, &query.query, times, CONTRIBUTORS_MAX).await?;
            Ok(Read::PromQl(times, answer))
        }
        Reads::Logs { .. } => Err(WatchError::Invalid("log alarms look at the results of their queries".to_owned())),
    }
}

impl Read {
    /// The change that it makes, and what is to be remembered of a PromQL query.
    pub(crate) fn evaluate(&self, due: Due, slots: &Slots, now_ms: i64) -> (Option<Transit>, Option<Tracks>) {
        let plan = due.plan.clone();
        match (self, &plan.reads) {
            (Read::Datapoints(datapoints), _) => (evaluate_metric(due, datapoints, slots, now_ms), None),
            (Read::Queries(answer), _) if plan.has_contributors() => {
                (contributors::evaluate(due, answer, slots, now_ms), None)
            }
            (Read::Queries(answer), reads) => {
                let band = match reads {
                    Reads::Queries { band, .. } => band.as_deref(),
                    Reads::Metric(_) | Reads::PromQl { .. } | Reads::Logs { .. } => None,
                };
                (evaluate_answer(due, answer, band, slots, now_ms), None)
            }
            (Read::PromQl(times, answer), Reads::PromQl { query, .. }) => {
                let (transit, tracks) = promql::evaluate(&due, query, (*times, answer), now_ms);
                (transit, Some(tracks))
            }
            (Read::PromQl(..), _) => (None, None),
        }
    }

    fn is_partial(&self) -> bool {
        match self {
            Read::Datapoints(_) => false,
            Read::Queries(answer) | Read::PromQl(_, answer) => answer.is_partial,
        }
    }

    /// Whether it fills the window of an alarm that warms up.
    fn fills(&self, plan: &Plan, slots: &Slots) -> bool {
        let is_filled = |datapoints: &[Datapoint]| is_filled(plan, &range(slots, datapoints));
        match self {
            Read::Datapoints(datapoints) => is_filled(&datapoints.iter().map(datapoint).collect::<Vec<_>>()),
            Read::Queries(answer) => answer.series.iter().any(|series| is_filled(&points(series))),
            Read::PromQl(..) => false,
        }
    }
}

/// Queries with datapoints of another length.
fn of_period(queries: &[WatchQuery], length_s: i64) -> Vec<WatchQuery> {
    let other = |query: &WatchQuery| {
        let mut query = query.clone();
        match &mut query.of {
            QueryOf::Metric { period_s, .. } => *period_s = length_s,
            QueryOf::Expression { period_s: Some(period_s), .. } => *period_s = length_s,
            QueryOf::Expression { period_s: None, .. } => {}
        }
        query
    };
    queries.iter().map(other).collect()
}

/// Adds the series of later times to those of the same query and group; the bounds of a band keep their order.
fn join(all: &mut WatchAnswer, later: WatchAnswer) {
    all.is_partial |= later.is_partial;
    if all.series.is_empty() {
        all.series = later.series;
        return;
    }
    let mut joined = vec![false; all.series.len()];
    for series in later.series {
        let is_same = |(place, one): (usize, &WatchedSeries)| {
            joined.get(place) == Some(&false) && one.id == series.id && one.attributes == series.attributes
        };
        match all.series.iter().enumerate().position(is_same) {
            Some(place) => {
                if let (Some(one), Some(is_joined)) = (all.series.get_mut(place), joined.get_mut(place)) {
                    one.points.extend(series.points);
                    *is_joined = true;
                }
            }
            None => {
                all.series.push(series);
                joined.push(true);
            }
        }
    }
}

fn datapoint(point: &WatchedDatapoint) -> Datapoint {
    Datapoint { time_ms: point.time.0, value: point.value, sample_count: Some(point.sample_count), band: None }
}

/// The datapoints of a series of a query.
pub(crate) fn points(series: &WatchedSeries) -> Vec<Datapoint> {
    let point = |(time, value): &(TimestampMs, f64)| Datapoint {
        time_ms: time.0,
        value: *value,
        sample_count: None,
        band: None,
    };
    series.points.iter().map(point).collect()
}

/// The change that the datapoints of a metric make.
pub(crate) fn evaluate_metric(
    due: Due,
    datapoints: &[WatchedDatapoint],
    slots: &Slots,
    now_ms: i64,
) -> Option<Transit> {
    let Due { alarm, plan, .. } = due;
    let datapoints: Vec<Datapoint> = datapoints.iter().map(datapoint).collect();
    let range = range(slots, &datapoints);
    let transition = judge(&alarm, &plan, &range, slots, now_ms)?;
    Some(Transit { alarm, transitions: vec![transition] })
}

/// The change that the answer to queries makes, which has one series and maybe a band.
fn evaluate_answer(due: Due, answer: &WatchAnswer, band: Option<&str>, slots: &Slots, now_ms: i64) -> Option<Transit> {
    let Due { alarm, plan, .. } = due;
    let range = range(slots, &datapoints_of(answer, band));
    let transition = judge(&alarm, &plan, &range, slots, now_ms)?;
    Some(Transit { alarm, transitions: vec![transition] })
}

/// The datapoints of queries: those of the watched one, each with the band at its time if there is one.
fn datapoints_of(answer: &WatchAnswer, band: Option<&str>) -> Vec<Datapoint> {
    let is_band = |id: &str| band == Some(id);
    let Some(main) = answer.series.iter().find(|series| !is_band(&series.id)) else { return Vec::new() };
    let mut bounds = answer.series.iter().filter(|series| is_band(&series.id));
    // The upper one comes first.
    let (upper, lower) = (bounds.next(), bounds.next());
    let by_time = |series: Option<&WatchedSeries>| {
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
pub(crate) fn range(slots: &Slots, datapoints: &[Datapoint]) -> Vec<Option<Datapoint>> {
    let mut range = vec![None; slots.len()];
    for point in datapoints {
        if let Some(slot) = slots.index(point.time_ms).and_then(|index| range.get_mut(index)) {
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
    (slots, now_ms): (&Slots, i64),
    verdict: &Verdict,
) -> Wanted {
    let (statistic, unit) = match &definition.watched {
        Watched::Metric(metric) => (Some(&*metric.statistic), metric.unit.as_deref()),
        Watched::Queries { .. } | Watched::PromQl(_) | Watched::Logs(_) => (None, None),
    };
    let account = Account {
        now_ms,
        slots,
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
    slots: &Slots,
    now_ms: i64,
) -> Option<Transition> {
    let verdict = verdict(plan, range, alarm.state.value);
    if verdict.state == alarm.state.value {
        return None;
    }
    let wanted = wanted(&alarm.definition, plan, range, (slots, now_ms), &verdict);
    Some(transition(alarm, wanted, now_ms))
}

/// The change of an alarm to another state, with the actions that are owed for it.
pub(crate) fn transition(alarm: &MetricAlarm, wanted: Wanted, now_ms: i64) -> Transition {
    let defined = (Defined::Metric(alarm.definition.clone()), alarm.updated);
    Transition::new(defined, &alarm.definition.actions, &alarm.state, wanted, now_ms)
}
