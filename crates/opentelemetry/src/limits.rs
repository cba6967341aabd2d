//! The bounds of what exporters send, a sentence each.

use std::time::Duration;

use watchkeep_wire::http_api::BodyLimit;

/// A request of metrics: exporters and collectors send batches of some thousand points, 100 to 200 bytes each.
pub(crate) const METRICS_BODY: BodyLimit = BodyLimit { wire_bytes: 4 << 20, decoded_bytes: 16 << 20 };

/// A request of logs, as large as one of metrics.
pub(crate) const LOGS_BODY: BodyLimit = METRICS_BODY;

/// The most log records in a request; collectors send some thousand.
pub(crate) const RECORDS_MAX: usize = 50_000;

/// The bytes of all events of a request: each record becomes one that repeats its resource and its scope, however large they are.
pub(crate) const EVENTS_BYTES_MAX: usize = 64 << 20;

/// The most messages (resources, scopes, metrics, points, attributes, values) in a request: each may be two bytes on the wire and
/// a hundred in memory.
pub(crate) const MESSAGES_MAX: usize = 400_000;

/// The most data points in a request: each becomes a measurement with up to 30 dimensions. Collectors send some thousand.
pub(crate) const POINTS_MAX: usize = 50_000;

/// The bytes of all dimensions of a request's points: each point repeats its resource's.
pub(crate) const DIMENSIONS_BYTES_MAX: usize = 32 << 20;

/// The most numbers in lists (bucket counts, bounds) of one data point: SDKs make 160 buckets a side at most.
pub(crate) const BUCKETS_MAX: usize = 1_024;

/// CloudWatch's dimensions of a metric.
pub(crate) const DIMENSIONS_MAX: usize = 30;

/// CloudWatch's characters of a dimension's value; what is longer is cut.
pub(crate) const DIMENSION_VALUE_CHARS_MAX: usize = 1_024;

/// Running totals that are remembered, of all clients together; a number takes some hundred bytes, a histogram some hundred more.
pub(crate) const STREAMS_MAX: usize = 200_000;

/// Processes that count for one stream without saying who they are; beyond them those that were not heard of for longest are forgotten.
pub(crate) const WRITERS_MAX: usize = 64;

/// A running total that was not heard of for so long is forgotten when there is need for room.
pub(crate) const STREAM_IDLE: Duration = Duration::from_secs(3_600);

/// How often the forgotten are looked for while there is no room.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
