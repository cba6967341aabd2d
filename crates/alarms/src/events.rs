//! What alarms tell of themselves on the default bus. Source: "Alarm events and EventBridge".

use serde_json::Value;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::BusEvent;
use watchkeep_store::ResourceKey;

use crate::engine::place;
use crate::history::Change;
use crate::kept::Kept;
use crate::message::event::{self, MuteDetail};
use crate::notice;
use crate::resources::arn;
use crate::transition::Transition;

/// The event of a change of state.
pub(crate) fn state_change(key: &ResourceKey, uid: u64, transition: &Transition) -> BusEvent {
    let mute =
        transition.muted.as_ref().map(|by| MuteDetail { rule_arn: &by.rule_arn, start_ms: by.start, end_ms: by.end });
    let (detail_type, detail) = notice::of_transition(key, uid, transition, |notice| event::state_change(notice, mute));
    let id = format!("{uid:016x}-{}", transition.new.transition);
    of_alarm(key, id, detail_type, transition.new.updated, detail)
}

/// The event of a change of configuration.
pub(crate) fn configuration_change(
    key: &ResourceKey,
    alarm: &Kept,
    before: Option<&Kept>,
    change: Change,
    time_ms: i64,
) -> BusEvent {
    let detail = notice::of_alarm(key, alarm, |now, state| match (change, before) {
        (Change::Update, Some(before)) => notice::of_alarm(key, before, |before, _| {
            event::configuration_change(&now, &state, &event::Change::Update(Box::new(before)))
        }),
        (Change::Delete, _) => event::configuration_change(&now, &state, &event::Change::Delete),
        (Change::Create | Change::Update, _) => event::configuration_change(&now, &state, &event::Change::Create),
    });
    let id = format!("{:016x}-{change:?}-{time_ms}", alarm.uid());
    of_alarm(key, id, event::CONFIGURATION_CHANGE, time_ms, detail)
}

fn of_alarm(key: &ResourceKey, id: String, detail_type: &'static str, time_ms: i64, detail: Value) -> BusEvent {
    BusEvent {
        place: place(key),
        id,
        source: "aws.cloudwatch".into(),
        detail_type,
        time: TimestampMs(time_ms),
        resources: vec![arn(key)],
        detail,
    }
}
