//! Limits on Query requests.

/// Most parameters of a request. The largest request that CloudWatch allows, PutMetricData with 1,000 datums of 30 dimensions
/// and 150 values with counts, has 363,000.
pub const PARAMETERS_MAX: usize = 500_000;

/// Deepest nesting of structures, lists and maps in a request; AWS's deepest, in GetMetricData, is 7.
pub const DEPTH_MAX: usize = 32;
