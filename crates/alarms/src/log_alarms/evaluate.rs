//! From the last runs of a log alarm's query to its state. Each run is a result; of one with groups every group is a contributor with
//! results of its own. Sources: "Missing data treatment", "Multi-contributor alarms" and "Evaluation states" of "Log alarms".

use std::collections::{BTreeMap, BTreeSet};

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{LogQueryOutcome, LogQueryRun, LogQueryValue};
use watchkeep_store::CatalogError;

use super::reason::{QueryResult, Results};
use crate::book::Due;
use crate::contributors::{contributor_id, of_contributor};
use crate::engine::{Engine, Transit};
use crate::evaluation::{Basis, Slot, StateValue, Verdict, decide};
use crate::evaluator::transition;
use crate::limits::{LOG_CONTRIBUTORS_IN_ALARM_MAX, REASON_CHARS_MAX, RESULTS_RETRY_MS};
use crate::plan::Plan;
use crate::resources::MetricAlarm;
use crate::transition::{Transition, TransitionOf, Wanted};
use crate::warm_up::Warmth;

const PARTIAL_DATA: &str = "PARTIAL_DATA";
const EVALUATION_FAILURE: &str = "EVALUATION_FAILURE";
const EVALUATION_ERROR: &str = "EVALUATION_ERROR";

/// A change of state, if there is one, and `EvaluationState`.
type Evaluated = (Option<Transit>, Option<&'static str>);

impl Engine {
    /// Evaluates a log alarm by the runs of its query that there are. Runs that cannot be read are looked at again a little later.
    pub(crate) async fn evaluate_log(&self, due: Due, now_ms: i64) -> Evaluated {
        match self.evaluate_results(due.clone(), now_ms).await {
            Ok(evaluated) => evaluated,
            Err(error) => {
                tracing::warn!(
                    error,
                    alarm = due.alarm.key.name,
                    "a log alarm was not evaluated; it is a little later"
                );
                self.book.hasten(&due.alarm.key, now_ms.saturating_add(RESULTS_RETRY_MS));
                (None, Some(EVALUATION_FAILURE))
            }
        }
    }

    async fn evaluate_results(&self, mut due: Due, now_ms: i64) -> Result<Evaluated, String> {
        let warmth = due.alarm.warmth(now_ms);
        if warmth == Warmth::WaitsForTime {
            return Ok((None, None));
        }
        let queries = self.log_queries.as_ref().ok_or("nobody answers log queries")?;
        let after = TimestampMs(due.alarm.results_after.unwrap_or(i64::MIN));
        let runs =
            queries.runs(due.alarm.uid, after, due.plan.rule.periods).await.map_err(|error| error.to_string())?;
        if warmth == Warmth::WaitsForData && !is_filled(&runs, &due.plan) {
            return Ok((None, None));
        }
        if due.alarm.warming.is_some() {
            let warm = self.end_warm_up(&due).await.map_err(|error: CatalogError| error.to_string())?;
            let Some(warm) = warm else { return Ok((None, None)) };
            due.alarm = warm;
        }
        Ok(evaluate(&due, &runs, now_ms))
    }
}

/// Whether there is a run for every result that is looked at, and the newest has a number.
fn is_filled(runs: &[LogQueryRun], plan: &Plan) -> bool {
    let has_number = |run: &LogQueryRun| values(run).iter().any(|value| value.value.is_some());
    runs.len() >= plan.rule.periods && runs.last().is_some_and(has_number)
}

/// The numbers of a run; none of one that failed.
fn values(run: &LogQueryRun) -> &[LogQueryValue] {
    match &run.outcome {
        LogQueryOutcome::Complete { values, .. } => values,
        LogQueryOutcome::Failed { .. } => &[],
    }
}

/// The changes of an alarm and its contributors that runs make, which are the last ones, oldest first.
pub(super) fn evaluate(due: &Due, runs: &[LogQueryRun], now_ms: i64) -> Evaluated {
    if let Some((state, reason)) = failure(runs) {
        let wanted = Wanted { value: StateValue::InsufficientData, reason, data: None };
        let change = changed(&due.alarm, wanted, now_ms).map(|change| change.evaluated(state));
        return (transit(due, change.into_iter().collect()), Some(state));
    }
    let is_partial = |run: &LogQueryRun| matches!(run.outcome, LogQueryOutcome::Complete { is_partial: true, .. });
    let state = runs.last().is_some_and(is_partial).then_some(PARTIAL_DATA);
    let changes = match due.plan.has_contributors() {
        true => by_contributor(due, runs, now_ms),
        false => {
            let number = |run: &LogQueryRun| values(run).first().and_then(|value| value.value);
            let results: Vec<QueryResult> = runs.iter().map(|run| result(run, number(run))).collect();
            let verdict = verdict(&due.plan, &results, due.alarm.state.value);
            let wanted = Results::new(&due.plan, &results, now_ms).wanted(&verdict);
            changed(&due.alarm, wanted, now_ms).into_iter().collect()
        }
    };
    (transit(due, changes), state)
}

/// What is wrong if runs failed: of all of them, or if the query cannot be carried out any more, it is the alarm's fault.
fn failure(runs: &[LogQueryRun]) -> Option<(&'static str, String)> {
    let failed = |run: &LogQueryRun| match &run.outcome {
        LogQueryOutcome::Failed { is_invalid, why } => Some((*is_invalid, why.clone())),
        LogQueryOutcome::Complete { .. } => None,
    };
    let all: Vec<(bool, String)> = runs.iter().filter_map(failed).collect();
    let (count, (_, why)) = (all.len(), all.last()?);
    let is_invalid = runs.last().and_then(failed).is_some_and(|(is_invalid, _)| is_invalid);
    let state = if is_invalid || count == runs.len() { EVALUATION_ERROR } else { EVALUATION_FAILURE };
    let reason =
        format!("{state}: {count} out of the last {} query results failed. The last of them: {why}", runs.len());
    Some((state, reason.chars().take(REASON_CHARS_MAX).collect()))
}

fn result(run: &LogQueryRun, value: Option<f64>) -> QueryResult {
    QueryResult { time_ms: run.time.0, query_id: run.query_id.clone().unwrap_or_default(), value }
}

/// What results say of a state. As long as the query has not run so often, only what more runs could not change is said.
fn verdict(plan: &Plan, results: &[QueryResult], current: StateValue) -> Verdict {
    let slot = |result: &QueryResult| match result.value {
        None => Slot::Missing,
        Some(value) if plan.comparison.breaches(value, None) => Slot::Breaching,
        Some(_) => Slot::Good,
    };
    let slots: Vec<Slot> = results.iter().map(slot).collect();
    of_slots(plan, &slots, current)
}

fn of_slots(plan: &Plan, slots: &[Slot], current: StateValue) -> Verdict {
    let rule = &plan.rule;
    if slots.len() >= rule.periods {
        return decide(slots, rule, current);
    }
    let count = |wanted: Slot| slots.iter().filter(|slot| **slot == wanted).count();
    let (bad, good) = (count(Slot::Breaching), count(Slot::Good));
    if bad >= rule.to_alarm {
        return Verdict { state: StateValue::Alarm, basis: Basis::Datapoints };
    }
    if good + rule.to_alarm > rule.periods {
        return Verdict { state: StateValue::Ok, basis: Basis::Datapoints };
    }
    match slots.is_empty() {
        true => Verdict { state: StateValue::InsufficientData, basis: Basis::NoData },
        false => Verdict { state: current, basis: Basis::Kept },
    }
}

fn by_contributor(due: &Due, runs: &[LogQueryRun], now_ms: i64) -> Vec<Transition> {
    let Due { alarm, plan, .. } = due;
    let newest = runs.last().map(values).unwrap_or_default();
    let seen: BTreeSet<String> = newest.iter().map(|value| contributor_id(&value.attributes)).collect();
    let mut current = alarm.value.clone();
    let mut changes = Vec::new();
    // A group that is not there any more is OK, whatever stands for missing data.
    for (id, known) in alarm.contributors.iter().filter(|(id, _)| !seen.contains(*id)) {
        let reason = "The last query result does not have the contributor.".to_owned();
        let wanted = Wanted { value: StateValue::Ok, reason, data: None };
        let of = TransitionOf { id: id.clone(), attributes: known.attributes.clone() };
        record(&mut current, &mut changes, of, wanted, now_ms);
    }
    // Those first that count most: there may be too many.
    let numbers: Vec<Numbers<'_>> = runs.iter().map(numbers).collect();
    for LogQueryValue { attributes, .. } in newest {
        let id = contributor_id(attributes);
        let before = if current.contributors.contains_key(&id) { StateValue::Alarm } else { StateValue::Ok };
        let of_run =
            |(run, numbers): (&LogQueryRun, &Numbers<'_>)| result(run, numbers.get(attributes).copied().flatten());
        let results: Vec<QueryResult> = runs.iter().zip(&numbers).map(of_run).collect();
        let verdict = verdict(plan, &results, before);
        let is_alarm = verdict.state == StateValue::Alarm;
        let has_room = current.contributors.len() < LOG_CONTRIBUTORS_IN_ALARM_MAX;
        if is_alarm == (before == StateValue::Alarm) || (is_alarm && !has_room) {
            continue;
        }
        let mut wanted = Results::new(plan, &results, now_ms).wanted(&verdict);
        wanted.value = if is_alarm { StateValue::Alarm } else { StateValue::Ok };
        let of = TransitionOf { id, attributes: attributes.clone() };
        record(&mut current, &mut changes, of, wanted, now_ms);
    }
    changes.extend(of_alarm(alarm, &current, runs, plan, now_ms));
    changes
}

/// The numbers of a run by their groups.
type Numbers<'r> = BTreeMap<&'r BTreeMap<String, String>, Option<f64>>;

fn numbers(run: &LogQueryRun) -> Numbers<'_> {
    values(run).iter().map(|value| (&value.attributes, value.value)).collect()
}

fn record(current: &mut MetricAlarm, changes: &mut Vec<Transition>, of: TransitionOf, wanted: Wanted, now_ms: i64) {
    let change = of_contributor(current, of, wanted, now_ms);
    *current = current.after(&change);
    changes.push(change);
}

/// The change of an alarm after those of its contributors. Runs without any groups are missing data.
fn of_alarm(
    before: &MetricAlarm,
    current: &MetricAlarm,
    runs: &[LogQueryRun],
    plan: &Plan,
    now_ms: i64,
) -> Option<Transition> {
    let in_alarm = current.contributors.len();
    let slots: Vec<Slot> =
        runs.iter().map(|run| if values(run).is_empty() { Slot::Missing } else { Slot::Good }).collect();
    let without = of_slots(plan, &slots, before.state.value);
    let count = runs.last().map_or(0, |run| values(run).len());
    let told = Wanted {
        value: StateValue::Alarm,
        reason: format!("{in_alarm} out of {count} contributors evaluated to ALARM"),
        data: None,
    };
    let wanted = match without.basis {
        _ if in_alarm > 0 => told,
        Basis::Datapoints => Wanted { value: StateValue::Ok, ..told },
        // None of them breaches any more, whatever the alarm's state is kept at.
        Basis::Kept if before.state.value == StateValue::Alarm && !before.contributors.is_empty() => {
            Wanted { value: StateValue::Ok, ..told }
        }
        _ => {
            let missing: Vec<QueryResult> = runs.iter().map(|run| result(run, None)).collect();
            Results::new(plan, &missing, now_ms).wanted(&without)
        }
    };
    Some(own_actions(changed(current, wanted, now_ms)?, in_alarm > 0 || !before.contributors.is_empty()))
}

/// A change of an alarm with contributors, with the actions that are its own: they tell of each that alarms or recovers. What makes the
/// alarm's state without them, it tells itself.
pub(crate) fn own_actions(change: Transition, has_contributors: bool) -> Transition {
    let is_theirs = match change.new.value {
        StateValue::Alarm => has_contributors,
        // Or there was nothing to recover from.
        StateValue::Ok => has_contributors || change.new.previous != Some(StateValue::Alarm),
        StateValue::InsufficientData => false,
    };
    if is_theirs { change.beside_contributors() } else { change }
}

/// The change of an alarm, if its state is another then.
fn changed(alarm: &MetricAlarm, wanted: Wanted, now_ms: i64) -> Option<Transition> {
    (wanted.value != alarm.state.value).then(|| transition(alarm, wanted, now_ms))
}

fn transit(due: &Due, transitions: Vec<Transition>) -> Option<Transit> {
    (!transitions.is_empty()).then(|| Transit { alarm: due.alarm.clone(), transitions })
}
