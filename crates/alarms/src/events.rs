//! What alarms tell of themselves on the default bus. Source: "Alarm events and EventBridge".

use serde_json::{Value, json};
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::ServiceEvent;
use watchkeep_store::ResourceKey;

use crate::evaluation::timestamp;
use crate::history::Change;
use crate::render::{event_configuration, event_state, full_event_configuration};
use crate::resources::{MetricAlarm, arn};
use crate::transition::Transition;

/// The event of a change of state.
pub(crate) fn state_change(key: &ResourceKey, uid: u64, transition: &Transition) -> ServiceEvent {
    let configuration = event_configuration(&transition.definition, uid);
    let (detail_type, detail) = match &transition.contributor {
        None => (
            "CloudWatch Alarm State Change",
            json!({
                "alarmName": key.name,
                "state": event_state(&transition.new),
                "previousState": event_state(&transition.old),
                "configuration": configuration,
            }),
        ),
        Some(contributor) => (
            "CloudWatch Alarm Contributor State Change",
            json!({
                "alarmName": key.name,
                "alarmContributor": {"id": contributor.id, "attributes": contributor.attributes},
                "state": event_state(&transition.new),
                "configuration": configuration,
            }),
        ),
    };
    event(key, format!("{uid:016x}-{}", transition.new.transition), detail_type, transition.new.updated, detail)
}

/// The event of a change of configuration.
pub(crate) fn configuration_change(
    key: &ResourceKey,
    alarm: &MetricAlarm,
    before: Option<&MetricAlarm>,
    change: Change,
    time_ms: i64,
) -> ServiceEvent {
    let operation = match change {
        Change::Create => "create",
        Change::Update => "update",
        Change::Delete => "delete",
    };
    let mut detail = json!({
        "alarmName": key.name,
        "operation": operation,
        "state": {"value": alarm.state.value, "timestamp": timestamp(alarm.state.updated)},
        "configuration": full_event_configuration(key, alarm),
    });
    if let (Some(before), Some(members)) = (before, detail.as_object_mut()) {
        members.insert("previousConfiguration".into(), full_event_configuration(key, before));
    }
    let id = format!("{:016x}-{operation}-{time_ms}", alarm.uid);
    event(key, id, "CloudWatch Alarm Configuration Change", time_ms, detail)
}

fn event(key: &ResourceKey, id: String, detail_type: &'static str, time_ms: i64, detail: Value) -> ServiceEvent {
    ServiceEvent {
        place: crate::engine::place(key),
        id,
        source: "aws.cloudwatch",
        detail_type,
        time: TimestampMs(time_ms),
        resources: vec![arn(key)],
        detail,
    }
}
