//! The limits of event patterns.

/// The combinations of a pattern: the product of the lengths of its `$or` lists ("Using or in event patterns").
pub const COMBINATIONS_MAX: usize = 1_000;

/// The measure of a pattern's wildcards (`complexity`). EventBridge takes 7 and refuses 11; its engine's authors suggest 10.
pub const WILDCARD_MEASURE_MAX: usize = 10;

/// The states that are looked at to measure a wildcard. One that needs more is too complex.
pub const WILDCARD_STATES_MAX: usize = 4_096;
