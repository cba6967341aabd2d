//! The embedded metric format: log events that say, in JSON, what of them are metrics ("Specification: Embedded metric format").
//!
//! ```text
//! {"_aws":{"Timestamp":1574109732004,"CloudWatchMetrics":[{"Namespace":"lambda-function-metrics",
//!  "Dimensions":[["functionVersion"]],"Metrics":[{"Name":"time","Unit":"Milliseconds","StorageResolution":60}]}]},
//!  "functionVersion":"$LATEST","time":100,"requestId":"989ffbf8-9ace-4817-a57c-e4dd734019ee"}
//! ```
//!
//! A directive that breaks the format is skipped with all its metrics, a metric or a set of dimensions by itself; what is skipped
//! is counted, as CloudWatch Logs counts `EMFValidationErrors`.

mod read;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::statistic::{Sample, Summary};

pub use read::read;

/// Limits of the format, and ours where it has none.
pub mod limits {
    /// Metrics of one directive.
    pub const METRICS_MAX: usize = 100;

    /// Numbers of one metric.
    pub const VALUES_MAX: usize = 100;

    /// Dimensions of one set.
    pub const DIMENSIONS_MAX: usize = 30;

    /// Characters of a namespace, of a metric's name, and of a dimension's value.
    pub const NAME_CHARS_MAX: usize = 1_024;

    /// What one event may make, its metrics times its sets of dimensions: an event of a megabyte could make millions.
    pub const MEASUREMENTS_MAX: usize = 10_000;
}

/// The metrics of a log event.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedMetrics {
    /// When they were measured, milliseconds since 1970: not the event's own time.
    pub timestamp_ms: i64,
    /// What was measured, in the order of the document, a set of dimensions after the other.
    pub measurements: Vec<Measurement>,
    /// How many metrics, sets of dimensions and directives were skipped: `EMFValidationErrors`.
    pub skipped: usize,
}

/// What was measured of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The metric's name.
    pub name: Arc<str>,
    /// Names and values of the dimensions.
    pub dimensions: Vec<(Arc<str>, Arc<str>)>,
    /// One of CloudWatch's units.
    pub unit: &'static str,
    /// Whether it is kept to the second.
    pub high_resolution: bool,
    /// The samples.
    pub samples: Samples,
}

/// The samples of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Numbers, each with how often it occurred.
    Values(Vec<Sample>),
    /// Only their summary.
    Summary(Summary),
}

/// An event that says it holds metrics, and is not in the format: `EMFParsingErrors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event is not in the embedded metric format: {0}")]
pub struct Malformed(pub &'static str);
