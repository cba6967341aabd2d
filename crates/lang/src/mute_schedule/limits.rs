//! The limits of mute schedules, a sentence each.

/// The longest expression, in characters ("Schedule").
pub const EXPRESSION_CHARS_MAX: usize = 256;

/// The longest duration and name of a time zone, in characters ("Schedule").
pub const OTHER_CHARS_MAX: usize = 50;

/// The shortest window ("Schedule": `PT1M`).
pub const DURATION_S_MIN: i64 = 60;

/// The longest window, its days taken for 24 hours each ("Schedule": `P15D`).
pub const DURATION_S_MAX: i64 = 15 * 86_400;

/// How far back the start of a window is looked for: its longest duration, and a day for changes of the clock on either side.
pub const DAYS_BACK: i32 = 17;

/// How far ahead the next start is looked for: there are eight years between two 29ths of February around a year 2100.
pub const DAYS_AHEAD: i32 = 8 * 366 + 1;
