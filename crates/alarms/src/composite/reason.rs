//! Why a composite alarm is in its state: `StateReason` and `StateReasonData`.

use serde_json::json;
use watchkeep_lang::alarm_rule::State;

use crate::message::text::{long_time, timestamp};

/// A child, as it is when its composite is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Its state.
    pub state: State,
    /// When it entered that, in milliseconds since the epoch.
    pub since_ms: i64,
}

/// The reason of a change that a child's change caused.
pub fn child_transitioned(child: &Child<'_>) -> String {
    format!("{} transitioned to {} at {}", child.arn, child.state.as_str(), long_time(child.since_ms))
}

/// The reason of the first state of a composite.
pub fn created(arn: &str, state: State) -> String {
    format!("{arn} was created and its alarm rule evaluates to {}", state.as_str())
}

/// The reason of a change that a put of the rule caused. AWS's text for this is not documented.
pub fn updated(arn: &str, state: State) -> String {
    format!("{arn} was updated and its alarm rule evaluates to {}", state.as_str())
}

/// `StateReasonData`: the child whose change caused the composite's, or all of them if a put did.
pub fn data(children: &[Child<'_>]) -> String {
    let shown = children.iter().map(|child| {
        json!({"arn": child.arn, "state": {"value": child.state.as_str(), "timestamp": timestamp(child.since_ms)}})
    });
    json!({"triggeringAlarms": shown.collect::<Vec<_>>()}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_name_who_caused_the_change() {
        let arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:cpu";
        let child = Child { arn, state: State::Alarm, since_ms: 1_658_505_465_123 };
        assert_eq!(
            child_transitioned(&child),
            format!("{arn} transitioned to ALARM at Friday 22 July, 2022 15:57:45 UTC")
        );
        assert_eq!(created(arn, State::Ok), format!("{arn} was created and its alarm rule evaluates to OK"));
        assert_eq!(updated(arn, State::Alarm), format!("{arn} was updated and its alarm rule evaluates to ALARM"));
        let expected = format!(
            r#"{{"triggeringAlarms":[{{"arn":"{arn}","state":{{"value":"ALARM","timestamp":"2022-07-22T15:57:45.123+0000"}}}}]}}"#
        );
        assert_eq!(data(&[child]), expected);
        assert_eq!(data(&[]), r#"{"triggeringAlarms":[]}"#);
    }
}
