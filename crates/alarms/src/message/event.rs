//! The details of the events that alarms put on the default bus, whether or not their actions run.

use serde_json::{Map, Value, json};

use super::text::timestamp;
use super::{Alarm, Notice, StateOf, configuration};

/// The `detail-type` of a change of an alarm's state.
pub const STATE_CHANGE: &str = "CloudWatch Alarm State Change";
/// The `detail-type` of a change of a contributor's state.
pub const CONTRIBUTOR_STATE_CHANGE: &str = "CloudWatch Alarm Contributor State Change";
/// The `detail-type` of a change of an alarm's configuration.
pub const CONFIGURATION_CHANGE: &str = "CloudWatch Alarm Configuration Change";

/// By what an alarm is muted while its state changes. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub struct MuteDetail<'a> {
    /// The ARN of the rule.
    pub rule_arn: &'a str,
    /// When the window opened.
    pub start_ms: i64,
    /// When it closes.
    pub end_ms: i64,
}

/// What happened to an alarm's configuration.
#[derive(Debug, Clone)]
pub enum Change<'a> {
    /// It was made.
    Create,
    /// It was replaced: what it was before.
    Update(Box<Alarm<'a>>),
    /// It was deleted.
    Delete,
}

/// The `detail-type` and the detail of a change of state, of the alarm's or of a contributor's.
pub fn state_change(notice: &Notice<'_>, mute: Option<MuteDetail<'_>>) -> (&'static str, Value) {
    let Notice { alarm, contributor, new, old, .. } = notice;
    let mut detail = Map::new();
    let mut put = |name: &str, value: Value| detail.insert(name.to_owned(), value);
    put("alarmName", json!(alarm.name));
    let detail_type = match contributor {
        Some(contributor) => {
            put("alarmContributor", json!({"id": contributor.id, "attributes": contributor.attributes}));
            put("state", configuration::state(new));
            CONTRIBUTOR_STATE_CHANGE
        }
        None => {
            put("state", configuration::state(new));
            put("previousState", configuration::state(old));
            STATE_CHANGE
        }
    };
    put("configuration", configuration::brief(alarm));
    if let Some(mute) = mute {
        put(
            "muteDetail",
            json!({
                "mutedByArn": mute.rule_arn,
                "muteWindowStart": timestamp(mute.start_ms),
                "muteWindowEnd": timestamp(mute.end_ms),
            }),
        );
    }
    detail.extend(configuration::tags(notice));
    (detail_type, Value::Object(detail))
}

/// The detail of a change of configuration: that of the alarm as it is now, or as it was last.
pub fn configuration_change(alarm: &Alarm<'_>, state: &StateOf<'_>, change: &Change<'_>) -> Value {
    let operation = match change {
        Change::Create => "create",
        Change::Update(_) => "update",
        Change::Delete => "delete",
    };
    let mut detail = json!({
        "alarmName": alarm.name,
        "operation": operation,
        "state": {"value": state.value, "timestamp": timestamp(state.since_ms)},
        "configuration": configuration::full(alarm),
    });
    if let (Change::Update(before), Some(members)) = (change, detail.as_object_mut()) {
        members.insert("previousConfiguration".to_owned(), configuration::full(before));
    }
    detail
}
