//! From datapoints to a state and the words for it: pure functions. `decide` is the documented evaluation with its treatment of
//! missing data, `comparison` says which datapoints breach, `reason` writes StateReason and StateReasonData. Sources: "Evaluating
//! an alarm", "Configuring how CloudWatch alarms treat missing data".

mod comparison;
mod decide;
mod reason;
mod schedule;
mod text;
mod wall_clock;

pub(crate) use comparison::{Band, Comparison, Operator};
pub(crate) use decide::{Basis, Rule, Slot, Treat, Verdict, decide};
pub(crate) use reason::{Account, Datapoint, reason};
pub(crate) use schedule::{Cadence, Slots};
pub(crate) use text::{datapoint_time, shown};
pub(crate) use wall_clock::{PERIODS_S, WallClock, time_zone};

/// The state of an alarm.
pub(crate) use watchkeep_lang::alarm_rule::State as StateValue;
