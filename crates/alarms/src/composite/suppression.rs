//! When the actions of a composite alarm are held back by its suppressor alarm. Source: "Suppressing composite alarm actions".
//!
//! | what happens | nothing held | in WaitPeriod | by Alarm | in ExtensionPeriod |
//! | --- | --- | --- | --- | --- |
//! | composite changed, suppressor not in ALARM | WaitPeriod | WaitPeriod anew | - | WaitPeriod |
//! | composite changed, suppressor in ALARM | by Alarm | - | by Alarm | - |
//! | suppressor entered ALARM | nothing held | by Alarm | - | by Alarm |
//! | suppressor left ALARM | nothing held | - | ExtensionPeriod | - |
//! | the period is over | - | **run** | - | **run** |
//! | suppressor replaced by one in ALARM | nothing held | by Alarm | by Alarm | by Alarm |
//! | suppressor replaced by one not in ALARM | nothing held | **run** | **run** | **run** |
//! | suppressor taken away | nothing held | **run** | **run** | **run** |
//!
//! **run** is always: the actions of the state in which the composite is at that moment, and nothing is held from then on. So
//! what is held is no more than that something is: actions of a state that has passed are never run.
//!
//! AWS's page says that replacing the suppressor discards a running period, and that actions follow the current state when a period
//! becomes inactive; that they then run at once, unless the new suppressor holds them, is how we read the two together. It does not
//! say what a suppressor does that re-enters ALARM in an ExtensionPeriod; here it holds the actions again.

use serde::{Deserialize, Serialize};

/// The suppression of one composite alarm's actions, to be kept with the alarm. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    periods: Periods,
    suppressor: Suppressor,
    held: Held,
}

/// How long actions wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Periods {
    /// `ActionsSuppressorWaitPeriod`, in milliseconds: after a change of the composite, for the suppressor to enter ALARM.
    pub wait_ms: u64,
    /// `ActionsSuppressorExtensionPeriod`, in milliseconds: after the suppressor left ALARM, for the composite to change.
    pub extension_ms: u64,
}

/// The state of the suppressor alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suppressor {
    /// It is in ALARM: it suppresses.
    InAlarm,
    /// It is in OK or INSUFFICIENT_DATA.
    NotInAlarm,
}

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// The composite alarm entered another state.
    CompositeChanged,
    /// The suppressor alarm entered ALARM.
    SuppressorEnteredAlarm,
    /// The suppressor alarm left ALARM.
    SuppressorLeftAlarm,
    /// A put named another suppressor alarm, which is in this state.
    SuppressorReplaced(Suppressor),
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Nothing.
    Nothing,
    /// Run the actions of the composite's current state.
    RunActions,
}

/// `ActionsSuppressedBy`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuppressedBy {
    /// The composite waits for the suppressor to enter ALARM.
    WaitPeriod,
    /// The composite waits after the suppressor left ALARM.
    ExtensionPeriod,
    /// The suppressor is in ALARM.
    Alarm,
}

/// What holds back actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Held {
    /// There are none.
    Nothing,
    Wait {
        until_ms: i64,
    },
    Alarm,
    Extension {
        until_ms: i64,
    },
}

impl Suppression {
    /// That of a composite alarm that is given a suppressor.
    pub fn new(periods: Periods, suppressor: Suppressor) -> Suppression {
        Suppression { periods, suppressor, held: Held::Nothing }
    }

    /// The state of the suppressor, as far as it was told.
    pub fn suppressor(&self) -> Suppressor {
        self.suppressor
    }

    /// The periods as a put has them. One that runs keeps its end.
    pub fn set_periods(&mut self, periods: Periods) {
        self.periods = periods;
    }

    /// Tells of a moment that has come. To be called at [`Suppression::next_wake_ms`], and after a restart before anything else.
    pub fn clock_reached(&mut self, now_ms: i64) -> Verdict {
        match self.held {
            Held::Wait { until_ms } | Held::Extension { until_ms } if until_ms <= now_ms => self.run(),
            _ => Verdict::Nothing,
        }
    }

    /// Tells of a fact, at its time. A period that is over by then is over before it: only should the composite have changed in the
    /// meantime, are the actions that nobody asked for in time those of a state that has passed, and wait with the new one's.
    pub fn apply(&mut self, at_ms: i64, fact: Fact) -> Verdict {
        let due = match fact {
            Fact::CompositeChanged => Verdict::Nothing,
            _ => self.clock_reached(at_ms),
        };
        let is_held = self.held != Held::Nothing;
        let verdict = match fact {
            Fact::CompositeChanged => self.hold(at_ms),
            Fact::SuppressorEnteredAlarm => {
                self.suppressor = Suppressor::InAlarm;
                if is_held { self.hold(at_ms) } else { Verdict::Nothing }
            }
            Fact::SuppressorLeftAlarm => {
                self.suppressor = Suppressor::NotInAlarm;
                if self.held == Held::Alarm { self.extend(at_ms) } else { Verdict::Nothing }
            }
            Fact::SuppressorReplaced(suppressor) => {
                self.suppressor = suppressor;
                match suppressor {
                    Suppressor::InAlarm if is_held => self.hold(at_ms),
                    Suppressor::NotInAlarm if is_held => self.run(),
                    _ => Verdict::Nothing,
                }
            }
        };
        if due == Verdict::RunActions { due } else { verdict }
    }

    /// Ends the suppression: a put has no suppressor any more.
    pub fn removed(self) -> Verdict {
        if self.held == Held::Nothing { Verdict::Nothing } else { Verdict::RunActions }
    }

    /// Whether actions are held back that will run later. While they are, the end of a mute window runs none.
    pub fn holds_actions(&self) -> bool {
        self.held != Held::Nothing
    }

    /// When [`Suppression::clock_reached`] is to be called, if a period runs.
    pub fn next_wake_ms(&self) -> Option<i64> {
        match self.held {
            Held::Wait { until_ms } | Held::Extension { until_ms } => Some(until_ms),
            Held::Nothing | Held::Alarm => None,
        }
    }

    /// `ActionsSuppressedBy`: what suppresses actions, or would if the composite changed now.
    pub fn suppressed_by(&self) -> Option<SuppressedBy> {
        match (self.suppressor, self.held) {
            (Suppressor::InAlarm, _) | (_, Held::Alarm) => Some(SuppressedBy::Alarm),
            (_, Held::Wait { .. }) => Some(SuppressedBy::WaitPeriod),
            (_, Held::Extension { .. }) => Some(SuppressedBy::ExtensionPeriod),
            (_, Held::Nothing) => None,
        }
    }

    /// Actions wait from now on: for the suppressor's state to end, or for it to begin.
    fn hold(&mut self, at_ms: i64) -> Verdict {
        match self.suppressor {
            Suppressor::InAlarm => self.held = Held::Alarm,
            Suppressor::NotInAlarm if self.periods.wait_ms == 0 => return self.run(),
            Suppressor::NotInAlarm => {
                self.held = Held::Wait { until_ms: at_ms.saturating_add_unsigned(self.periods.wait_ms) };
            }
        }
        Verdict::Nothing
    }

    fn extend(&mut self, at_ms: i64) -> Verdict {
        if self.periods.extension_ms == 0 {
            return self.run();
        }
        self.held = Held::Extension { until_ms: at_ms.saturating_add_unsigned(self.periods.extension_ms) };
        Verdict::Nothing
    }

    fn run(&mut self) -> Verdict {
        self.held = Held::Nothing;
        Verdict::RunActions
    }
}

impl SuppressedBy {
    /// The name that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            SuppressedBy::WaitPeriod => "WaitPeriod",
            SuppressedBy::ExtensionPeriod => "ExtensionPeriod",
            SuppressedBy::Alarm => "Alarm",
        }
    }

    /// `ActionsSuppressedReason`
    pub fn reason(self) -> String {
        format!("Actions suppressed by {}", self.as_str())
    }
}

#[cfg(test)]
mod tests;
