//! The limits of models of patterns: what a model takes in memory and in JSON is bounded, whatever it is fed with.

/// The characters of a message that are looked at ("Log anomaly detection").
pub const MESSAGE_CHARS_MAX: usize = 1_500;

/// The tokens of a message; what comes after them is one more.
pub const TOKENS_MAX: usize = 120;

/// The patterns of a model. Texts that would be one more are not counted.
pub const PATTERNS_MAX: usize = 300;

/// The values that are kept of a dynamic token. One with more values is not discrete.
pub const VALUES_MAX: usize = 10;

/// The dynamic tokens of a pattern whose values are kept.
pub const DISCRETE_TOKENS_MAX: usize = 16;

/// Those among them of which it is learned how often each value occurs.
pub const SHARED_TOKENS_MAX: usize = 4;

/// The characters of a value that is kept.
pub const VALUE_CHARS_MAX: usize = 64;
