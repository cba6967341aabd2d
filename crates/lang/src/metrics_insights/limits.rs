//! The limits of Metrics Insights, a sentence each.

/// The longest query, in characters (model: `MetricExpression`).
pub const QUERY_CHARS_MAX: usize = 2_048;

/// The most series that a query gives, with or without `LIMIT` ("Metrics Insights limits").
pub const SERIES_MAX: usize = 500;

/// The most metrics that a query processes: the first that it finds ("Metrics Insights limits").
pub const METRICS_MAX: usize = 10_000;

/// The most queries of one GetMetricData call ("Metrics Insights limits").
pub const QUERIES_MAX: usize = 1;

/// How far back a query sees, in milliseconds: two weeks ("Metrics Insights limits").
pub const RANGE_MS_MAX: i64 = 14 * 24 * 60 * 60 * 1000;

/// The shortest period, in seconds: shorter ones are computed as this.
pub const PERIOD_SECONDS_MIN: u32 = 60;

/// The most buckets of all groups together that an aggregation holds, of 24 bytes each: the widest query that the other
/// limits allow would take 200 million.
pub const BUCKETS_MAX: usize = 5_000_000;
