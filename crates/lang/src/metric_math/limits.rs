//! The limits of metric math, a sentence each.

/// The longest expression, in characters (model: `MetricDataQuery.Expression`).
pub const EXPRESSION_CHARS_MAX: usize = 2_048;

/// How deep parentheses, calls, signs and powers may nest: what bounds the stack of the parser, the checker and the evaluator.
pub const DEPTH_MAX: usize = 64;

/// The series of an array (a call of GetMetricData has as many queries, and a search as many results).
pub const SERIES_MAX: usize = 500;

/// The slots of a window that a series may be filled up to: 455 days of minutes fit.
pub const SLOTS_MAX: i64 = 1_000_000;

/// The points that all steps of an evaluation may compute together: 500 series over a week of minutes through four steps.
/// It bounds both the time and the memory that an expression takes.
pub const POINTS_MAX: usize = 20_000_000;

/// The arguments that a LAMBDA data source may be given beside its name.
pub const LAMBDA_ARGUMENTS_MAX: usize = 20;
