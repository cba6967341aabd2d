//! Alarms on several series: each group of a Metrics Insights query is a contributor with a state of its own, OK or ALARM. Source:
//! "Alarms on Metrics Insights queries".

use std::collections::BTreeMap;

use watchkeep_core::Caller;
use watchkeep_core::ports::WatchAnswer;
use watchkeep_model::cloudwatch::{AlarmContributor, DescribeAlarmContributorsInput, DescribeAlarmContributorsOutput};
use watchkeep_model::{ServiceError, Timestamp};

use crate::Alarms;
use crate::book::Due;
use crate::engine::Transit;
use crate::errors::not_found;
use crate::evaluation::{Slots, StateValue};
use crate::evaluator::{points, range, transition, verdict, wanted};
use crate::limits::CONTRIBUTORS_MAX;
use crate::resources::{MetricAlarm, State, regional};
use crate::transition::{Transition, TransitionOf, Wanted};

/// Lists the contributors in ALARM.
pub(crate) async fn describe_alarm_contributors(
    service: &Alarms,
    caller: &Caller,
    input: DescribeAlarmContributorsInput,
) -> Result<DescribeAlarmContributorsOutput, ServiceError> {
    let found = service.engine.resources.metric_alarms.get(&regional(caller, &input.alarm_name));
    let alarm = found.ok_or_else(|| not_found("alarm", &input.alarm_name))?;
    let contributors = alarm.contributors.iter().map(|(id, contributor)| AlarmContributor {
        contributor_id: id.clone(),
        contributor_attributes: contributor.attributes.clone(),
        state_reason: contributor.reason.clone(),
        state_transitioned_timestamp: Some(Timestamp(contributor.transitioned)),
    });
    // At most 500: one page.
    Ok(DescribeAlarmContributorsOutput { alarm_contributors: contributors.collect(), next_token: None })
}

/// The changes of the contributors of an alarm, and of the alarm.
pub(crate) fn evaluate(due: Due, answer: &WatchAnswer, slots: &Slots, now_ms: i64) -> Option<Transit> {
    let Due { alarm, plan, .. } = due;
    let mut seen = BTreeMap::new();
    for series in answer.series.iter().take(CONTRIBUTORS_MAX) {
        let attributes: BTreeMap<String, String> = series.attributes.iter().cloned().collect();
        seen.insert(contributor_id(&attributes), (attributes, points(series)));
    }
    // Those in ALARM that the query does not return any more have no data.
    for (id, known) in &alarm.contributors {
        seen.entry(id.clone()).or_insert_with(|| (known.attributes.clone(), Vec::new()));
    }
    let count = seen.len();
    let mut transitions = Vec::new();
    let mut current = alarm.value.clone();
    for (id, (attributes, points)) in seen {
        let before = if current.contributors.contains_key(&id) { StateValue::Alarm } else { StateValue::Ok };
        let range = range(slots, &points);
        let verdict = verdict(&plan, &range, before);
        let is_alarm = verdict.state == StateValue::Alarm;
        if is_alarm == (before == StateValue::Alarm) {
            continue;
        }
        let mut wanted = wanted(&current.definition, &plan, &range, (slots, now_ms), &verdict);
        wanted.value = if is_alarm { StateValue::Alarm } else { StateValue::Ok };
        let change = of_contributor(&current, TransitionOf { id, attributes }, wanted, now_ms);
        current = current.after(&change);
        transitions.push(change);
    }
    let value = match (current.contributors.len(), count) {
        (0, 0) => verdict(&plan, &range(slots, &[]), current.state.value).state,
        (0, _) => StateValue::Ok,
        _ => StateValue::Alarm,
    };
    transitions.extend(of_alarm(&current, value, count, now_ms));
    (!transitions.is_empty()).then_some(Transit { alarm, transitions })
}

/// The change of an alarm whose contributors make it so; its actions are theirs.
pub(crate) fn of_alarm(alarm: &MetricAlarm, value: StateValue, count: usize, now_ms: i64) -> Option<Transition> {
    if value == alarm.state.value {
        return None;
    }
    let in_alarm = alarm.contributors.len();
    let reason = match value {
        StateValue::InsufficientData => "Insufficient Data: no time series were returned.".to_owned(),
        _ => format!("{in_alarm} out of {count} time series evaluated to ALARM"),
    };
    let mut change = transition(alarm, Wanted { value, reason, data: None }, now_ms);
    change.actions.clear();
    Some(change)
}

/// The change of a contributor, with the actions that are owed for it.
pub(crate) fn of_contributor(alarm: &MetricAlarm, of: TransitionOf, wanted: Wanted, now_ms: i64) -> Transition {
    let mut change = transition(alarm, wanted, now_ms).for_contributor();
    let (reason, data, since) = match alarm.contributors.get(&of.id) {
        Some(known) => (known.reason.clone(), known.data.clone(), known.transitioned),
        None => (String::new(), None, alarm.state.transitioned),
    };
    let value = if change.new.value == StateValue::Alarm { StateValue::Ok } else { StateValue::Alarm };
    let transition = alarm.state.transition;
    change.old = State {
        value,
        reason,
        data,
        updated: since,
        transitioned: since,
        transition,
        evaluation: None,
        previous: None,
    };
    change.new.previous = Some(value);
    change.contributor = Some(of);
    change
}

/// The id of a contributor: 16 characters that follow from its attributes.
pub(crate) fn contributor_id(attributes: &BTreeMap<String, String>) -> String {
    // FNV-1a, which never changes.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let bytes = attributes.iter().flat_map(|(name, value)| [name.as_bytes(), &[0], value.as_bytes(), &[0]]);
    for byte in bytes.flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}
