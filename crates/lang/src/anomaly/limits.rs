//! The limits of anomaly models, a sentence each.

/// How much of a metric's history a model is trained on ("Using CloudWatch anomaly detection": up to two weeks).
pub const TRAINING_MS: i64 = 14 * super::DAY_MS;

/// The points that a model is trained on; of more, the newest are taken. Two weeks of minutes are 20,160.
pub const POINTS_MAX: usize = 25_000;

/// The fewest points that a model is made of.
pub const POINTS_MIN: usize = 12;

/// The shortest time that they must span.
pub const SPAN_MIN_MS: i64 = 2 * super::HOUR_MS;

/// How far ahead of its training a model says what is expected.
pub const AHEAD_MS: i64 = 7 * super::DAY_MS;

/// The time ranges that may be excluded from training ("PutAnomalyDetector").
pub const EXCLUDED_MAX: usize = 10;
