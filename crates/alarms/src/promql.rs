//! Alarms on PromQL queries: every series that the query answers with breaches. One that did so for the pending period is a
//! contributor in ALARM, and one that did not for the recovery period is OK again. Since when is not kept: it follows from the data, and
//! is made up from them when an alarm comes into memory. Source: "PromQL alarms".

use std::collections::BTreeMap;

use serde_json::json;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{QueryTimes, WatchAnswer};

use crate::book::Due;
use crate::contributors::{contributor_id, of_alarm, of_contributor};
use crate::engine::Transit;
use crate::evaluation::{StateValue, datapoint_time, shown};
use crate::limits::{SECOND_MS, TURN_SLACK_MS};
use crate::message::text::timestamp;
use crate::resources::{MetricAlarm, PromQlDefinition};
use crate::transition::{TransitionOf, Wanted};

/// The attributes of the series that are there at a time, and their values, by their ids.
type Present = BTreeMap<String, (BTreeMap<String, String>, f64)>;

/// Since when series have been other than their contributors' states: there and not in ALARM, or in ALARM and not there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracks(BTreeMap<String, Track>);

#[derive(Debug, Clone)]
struct Track {
    attributes: BTreeMap<String, String>,
    since_ms: i64,
    /// The last value, of one that is there.
    value: Option<f64>,
}

impl Tracks {
    /// Takes note of what is there at a time.
    fn note(&mut self, alarm: &MetricAlarm, present: &Present, time_ms: i64) {
        let in_alarm = |id: &str| alarm.contributors.contains_key(id);
        self.0.retain(|id, _| present.contains_key(id) != in_alarm(id));
        for (id, (attributes, value)) in present.iter().filter(|(id, _)| !in_alarm(id)) {
            let new = || Track { attributes: attributes.clone(), since_ms: time_ms, value: None };
            self.0.entry(id.clone()).or_insert_with(new).value = Some(*value);
        }
        for (id, known) in alarm.contributors.iter().filter(|(id, _)| !present.contains_key(*id)) {
            let new = || Track { attributes: known.attributes.clone(), since_ms: time_ms, value: None };
            self.0.entry(id.clone()).or_insert_with(new);
        }
    }
}

/// The times at which the query must be asked: now; of an alarm that nothing is known of yet, also as far back as its periods go.
pub(crate) fn times(alarm: &MetricAlarm, query: &PromQlDefinition, tracks: Option<&Tracks>, now_ms: i64) -> QueryTimes {
    let every_ms = i64::from(query.interval_s) * SECOND_MS;
    let period_s = query.pending_s.unwrap_or_default().max(query.recovery_s.unwrap_or_default());
    let back_ms = match tracks {
        Some(_) => 0,
        None => (i64::from(period_s) * SECOND_MS).min(now_ms.saturating_sub(alarm.updated)).max(0),
    };
    let turns = back_ms / every_ms.max(1);
    QueryTimes {
        first: TimestampMs(now_ms - turns * every_ms),
        step_ms: every_ms,
        count: usize::try_from(turns).unwrap_or_default() + 1,
    }
}

/// The changes of the contributors of an alarm, and of the alarm; and what is to be remembered until the next time.
pub(crate) fn evaluate(
    due: &Due,
    query: &PromQlDefinition,
    (times, answer): (QueryTimes, &WatchAnswer),
    now_ms: i64,
) -> (Option<Transit>, Tracks) {
    let mut tracks = due.tracks.as_deref().cloned().unwrap_or_default();
    let mut present = Present::new();
    for turn in 0..times.count {
        let time = TimestampMs(times.first.0 + times.step_ms * turn as i64);
        present = present_at(answer, time);
        tracks.note(&due.alarm, &present, time.0);
    }
    let mut current = due.alarm.value.clone();
    let mut transitions = Vec::new();
    for (id, track) in &tracks.0 {
        let elapsed_ms = now_ms - track.since_ms;
        let (value, period_s) = match current.contributors.contains_key(id) {
            true => (StateValue::Ok, query.recovery_s.unwrap_or_default()),
            false => (StateValue::Alarm, query.pending_s.unwrap_or_default()),
        };
        if elapsed_ms + TURN_SLACK_MS < i64::from(period_s) * SECOND_MS && period_s > 0 {
            continue;
        }
        let of = TransitionOf { id: id.clone(), attributes: track.attributes.clone() };
        let wanted = Wanted {
            value,
            reason: reason(track, value, elapsed_ms / SECOND_MS, now_ms),
            data: Some(data(track, now_ms)),
        };
        let change = of_contributor(&current, of, wanted, now_ms);
        current = current.after(&change);
        transitions.push(change);
    }
    tracks.0.retain(|id, _| present.contains_key(id) != current.contributors.contains_key(id));
    let absent = current.contributors.keys().filter(|id| !present.contains_key(*id)).count();
    let value = if current.contributors.is_empty() { StateValue::Ok } else { StateValue::Alarm };
    transitions.extend(of_alarm(&current, value, present.len() + absent, now_ms));
    let transit = (!transitions.is_empty()).then(|| Transit { alarm: due.alarm.clone(), transitions });
    (transit, tracks)
}

fn present_at(answer: &WatchAnswer, time: TimestampMs) -> Present {
    let mut present = Present::new();
    for series in &answer.series {
        let point = series.points.binary_search_by_key(&time, |(time, _)| *time).ok();
        let Some((_, value)) = point.and_then(|place| series.points.get(place)) else { continue };
        let attributes: BTreeMap<String, String> = series.attributes.iter().cloned().collect();
        present.insert(contributor_id(&attributes), (attributes, *value));
    }
    present
}

fn reason(track: &Track, value: StateValue, elapsed_s: i64, now_ms: i64) -> String {
    let span = if elapsed_s > 0 { format!(" for {elapsed_s} seconds") } else { String::new() };
    match (value, track.value) {
        (StateValue::Alarm, Some(value)) => {
            let time = datapoint_time(now_ms);
            format!(
                "Threshold Crossed: the query returned the time series{span}, last with the value {} ({time}).",
                shown(value)
            )
        }
        _ => format!("The query did not return the time series{span}."),
    }
}

fn data(track: &Track, now_ms: i64) -> String {
    let point = |value: f64| json!({"timestamp": timestamp(now_ms), "value": value});
    let data = json!({
        "version": "1.0",
        "queryDate": timestamp(now_ms),
        "startDate": timestamp(track.since_ms),
        "recentDatapoints": track.value.into_iter().collect::<Vec<f64>>(),
        "evaluatedDatapoints": track.value.into_iter().map(point).collect::<Vec<_>>(),
    });
    data.to_string()
}
