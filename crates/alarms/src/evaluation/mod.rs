//! From datapoints to a state and the words for it: pure functions. `decide` is the documented evaluation with its treatment of
//! missing data, `comparison` says which datapoints breach, `reason` writes StateReason and StateReasonData. Sources: "Evaluating
//! an alarm", "Configuring how CloudWatch alarms treat missing data".

mod comparison;
mod decide;
mod reason;
mod schedule;
mod text;

pub(crate) use comparison::{Band, Comparison, Operator};
pub(crate) use decide::{Basis, Rule, Slot, Treat, Verdict, decide};
pub(crate) use reason::{Account, Datapoint, reason};
pub(crate) use schedule::Cadence;
pub(crate) use text::timestamp;

use serde::{Deserialize, Serialize};

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum StateValue {
    /// Not breaching.
    #[serde(rename = "OK")]
    Ok,
    /// Breaching.
    #[serde(rename = "ALARM")]
    Alarm,
    /// Nothing can be said.
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

impl StateValue {
    /// The API's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            StateValue::Ok => "OK",
            StateValue::Alarm => "ALARM",
            StateValue::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// The state of this name.
    pub(crate) fn parse(text: &str) -> Option<StateValue> {
        let all = [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData];
        all.into_iter().find(|state| state.as_str() == text)
    }
}
