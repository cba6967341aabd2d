//! Limits on Query requests.

/// Most parameters of a request. The largest request that CloudWatch allows, PutMetricData with 1,000 datums of 30 dimensions
/// and 150 values with counts, has 363,000.
pub const PARAMETERS_MAX: usize = 500_000;

/// Deepest nesting of structures, lists and maps in a request; AWS's deepest, in GetMetricData, is 7.
pub const DEPTH_MAX: usize = 32;

/// Most segments of all parameters' paths together, common beginnings counted once: two a parameter in that largest request.
pub const NODES_MAX: usize = 1_000_000;

/// Most segments of one path; AWS's longest has 9.
pub const SEGMENTS_MAX: usize = 64;

/// Most children of a segment that are searched one by one; beyond, they are indexed.
pub const SEARCHED_MAX: u32 = 12;
