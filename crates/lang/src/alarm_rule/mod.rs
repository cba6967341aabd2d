//! The rule of a composite alarm: from the states of other alarms to true (`ALARM`) or false (`OK`). Sources: "PutCompositeAlarm",
//! "Composite alarms".
//!
//! ```text
//! rule    = or ;
//! or      = and { "OR" and } ;
//! and     = not { "AND" not } ;
//! not     = "NOT" not | operand ;
//! operand = "(" or ")" | "TRUE" | "FALSE" | state "(" alarm ")" | atleast ;
//! atleast = "AT_LEAST" "(" number [ "%" ] "," [ "NOT" ] state "," "(" alarm { "," alarm } ")" ")" ;
//! state   = "ALARM" | "OK" | "INSUFFICIENT_DATA" ;
//! alarm   = bare | '"' quoted '"' ;                                (* a name or an ARN *)
//! ```
//!
//! A bare alarm has no blanks, parentheses, commas or quotes; in quotes `\"` and `\\` stand for a quote and a backslash. Blanks
//! and line breaks are free. `TRUE` and `FALSE` may be written in any case, as AWS's own pages do; all other words are upper case.
//! A percentage is met by that share of the alarms, rounded up, and may itself stand in quotes.
//!
//! ```
//! use watchkeep_lang::alarm_rule::{AlarmRule, State};
//!
//! let rule = AlarmRule::parse("AT_LEAST(50%, ALARM, (web-1, web-2, web-3)) AND NOT ALARM(deployment)")?;
//! let state_of = |alarm: &str| Some(if alarm.starts_with("web") { State::Alarm } else { State::Ok });
//! assert!(rule.is_met(state_of));
//! # Ok::<(), watchkeep_lang::alarm_rule::RuleError>(())
//! ```

mod display;
pub mod limits;
mod parse;
mod reference;
mod scan;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use reference::AlarmReference;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// `OK`
    #[serde(rename = "OK")]
    Ok,
    /// `ALARM`
    #[serde(rename = "ALARM")]
    Alarm,
    /// `INSUFFICIENT_DATA`
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

/// A rule, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRule {
    expression: Expression,
    /// In the order of their first appearance, no alarm twice.
    children: Vec<AlarmReference>,
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at position {position}")]
pub struct RuleError {
    /// Where, in characters of the rule, counted from 1.
    pub position: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is longer than [`limits::RULE_CHARS_MAX`].
    #[error("the rule has more than {} characters", limits::RULE_CHARS_MAX)]
    TooLong,
    /// There are more elements than [`limits::ELEMENTS_MAX`].
    #[error("the rule has more than {} elements", limits::ELEMENTS_MAX)]
    TooManyElements,
    /// There are more alarms than [`limits::CHILDREN_MAX`].
    #[error("the rule refers to more than {} alarms", limits::CHILDREN_MAX)]
    TooManyChildren,
    /// Parentheses and `NOT` nest deeper than [`limits::DEPTH_MAX`].
    #[error("the rule nests deeper than {} levels", limits::DEPTH_MAX)]
    TooDeep,
    /// A quote or parenthesis is opened here and never closed.
    #[error("'{0}' is not closed")]
    Unclosed(char),
    /// Something else should stand here.
    #[error("{expected} expected instead of '{found}'")]
    Expected {
        /// What should stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// The rule ends where something should follow.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// This is neither a count nor a percentage.
    #[error("'{0}' is neither a number of alarms nor a percentage from 0% to 100%")]
    Threshold(String),
}

/// A node. Chains are flat, so that a rule of a hundred `OR`s is no deeper than one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    /// Joined by `AND`.
    All(Vec<Expression>),
    /// Joined by `OR`.
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Constant(bool),
    Is(State, AlarmReference),
    AtLeast(Threshold, Condition, Vec<AlarmReference>),
}

/// How many alarms of a list must meet a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threshold {
    Count(u32),
    /// 0 to 100.
    Percent(u32),
}

/// What `AT_LEAST` asks of each of its alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Is(State),
    IsNot(State),
}

impl State {
    /// The name that the API and rules use.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Alarm => "ALARM",
            State::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<State> {
        [State::Ok, State::Alarm, State::InsufficientData].into_iter().find(|state| state.as_str() == name)
    }
}

impl AlarmRule {
    /// Compiles a rule.
    ///
    /// # Errors
    ///
    /// [`RuleError`]: text that is not of the grammar, or exceeds a limit.
    pub fn parse(text: &str) -> Result<AlarmRule, RuleError> {
        parse::parse(text)
    }

    /// Whether the rule is true, so that its composite alarm is in `ALARM`. An alarm of which `state_of` knows nothing is in none
    /// of the three states: `ALARM(it)` is false and `NOT ALARM(it)` is true.
    pub fn is_met(&self, state_of: impl Fn(&str) -> Option<State>) -> bool {
        self.expression.is_met(&state_of)
    }

    /// The alarms that the rule watches, in the order of their first appearance, each once: a name and the ARN of the same name
    /// are one alarm.
    pub fn children(&self) -> &[AlarmReference] {
        &self.children
    }
}

impl Expression {
    fn is_met(&self, state_of: &impl Fn(&str) -> Option<State>) -> bool {
        match self {
            Expression::All(parts) => parts.iter().all(|part| part.is_met(state_of)),
            Expression::Any(parts) => parts.iter().any(|part| part.is_met(state_of)),
            Expression::Not(part) => !part.is_met(state_of),
            Expression::Constant(value) => *value,
            Expression::Is(state, alarm) => state_of(alarm.name()) == Some(*state),
            Expression::AtLeast(threshold, condition, alarms) => {
                let met = alarms.iter().filter(|alarm| condition.is_met(state_of(alarm.name()))).count();
                met >= threshold.of(alarms.len())
            }
        }
    }
}

impl Threshold {
    /// How many of `alarms` it asks for.
    fn of(self, alarms: usize) -> usize {
        match self {
            Threshold::Count(count) => count as usize,
            Threshold::Percent(percent) => (percent as usize * alarms).div_ceil(100),
        }
    }
}

impl Condition {
    fn is_met(self, state: Option<State>) -> bool {
        match self {
            Condition::Is(wanted) => state == Some(wanted),
            Condition::IsNot(unwanted) => state != Some(unwanted),
        }
    }
}
