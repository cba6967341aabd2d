//! The limits of the Prometheus API, a sentence each, with Prometheus's own where it has one.

use std::time::Duration;

/// The bytes of a query's text.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;

/// How deep an expression may be nested; each operator of a chain is a level.
pub const DEPTH_MAX: usize = 250;

/// The selectors of a query.
pub const SELECTORS_MAX: usize = 100;

/// The memory of a compiled regular expression, in bytes.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// The steps of a range query. Prometheus: 11,000.
pub const STEPS_MAX: i64 = 11_000;

/// The series that a query's selectors find, all together.
pub const SERIES_MAX: usize = 100_000;

/// The samples that a query reads, and the values that it computes on the way: 16 and 8 bytes each. Prometheus: 50 million at a
/// time.
pub const SAMPLES_MAX: usize = 20_000_000;

/// The values of an answer.
pub const ANSWER_VALUES_MAX: usize = 5_000_000;

/// The series, label names or values that a list answers.
pub const LIST_MAX: usize = 100_000;

/// The series selectors (`match[]`) of a request.
pub const MATCHES_MAX: usize = 100;

/// How many series are read at a time: what is read is kept in a wider form until it is taken over.
pub const READ_SERIES: usize = 256;

/// How long a query may take. Prometheus: 2 minutes.
pub const QUERY_TIME_MAX: Duration = Duration::from_secs(120);

/// The queries that are computed at a time; others wait. Prometheus: 20.
pub const QUERIES_AT_ONCE: usize = 4;

/// How far back an instant selector looks for a sample. Prometheus: 5 minutes.
pub const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// How far back a request may make it look.
pub const LOOKBACK_MS_MAX: i64 = 24 * 3600 * 1000;

/// The step of a subquery that names none: Prometheus's default evaluation interval.
pub const SUBQUERY_STEP_MS: i64 = 60 * 1000;

/// The bytes of a request with a query.
pub const FORM_BYTES_MAX: usize = 1 << 20;

/// The bytes of a remote write, compressed.
pub const WRITE_BYTES_MAX: usize = 8 << 20;

/// The bytes of a remote write after snappy is undone. Senders send 2,000 samples at a time, a megabyte or two.
pub const WRITE_DECODED_BYTES_MAX: usize = 16 << 20;

/// The samples of a remote write: a small sample becomes a large measurement.
pub const WRITE_SAMPLES_MAX: usize = 200_000;

/// The labels of a series, besides its name: CloudWatch's dimensions.
pub const LABELS_MAX: usize = 30;

/// How many measurements are handed in at a time.
pub const WRITE_MEASUREMENTS: usize = 20_000;

/// How many reasons of refused samples an answer names.
pub const REASONS_MAX: usize = 5;

/// The metrics whose metadata is remembered.
pub const METADATA_MAX: usize = 20_000;

/// The bytes of a metric's help text that are remembered.
pub const METADATA_TEXT_BYTES_MAX: usize = 1024;

/// How long a query of an alarm may take: others wait for their turns meanwhile.
pub const ALARM_QUERY_TIME_MAX: Duration = Duration::from_secs(10);
