//! The limits of composite alarm rules, a sentence each.

/// The longest rule, in characters (model: `AlarmRule`).
pub const RULE_CHARS_MAX: usize = 10_240;

/// The most elements: references to alarms, `TRUE`, `FALSE` and pairs of parentheses that group ("PutCompositeAlarm").
pub const ELEMENTS_MAX: usize = 500;

/// The most alarms that a rule may watch, each counted once ("PutCompositeAlarm").
pub const CHILDREN_MAX: usize = 100;

/// How far parentheses and `NOT` may nest: parsing and evaluating recurse as deep.
pub const DEPTH_MAX: usize = 128;
