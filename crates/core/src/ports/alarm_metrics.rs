//! Metrics, as alarms watch them.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::{BoxFuture, TimestampMs};

use super::metrics::{MetricIdentity, MetricPlace};

/// A metric that is watched: what is read of it again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedMetric {
    /// Where it is.
    pub place: MetricPlace,
    /// Which it is.
    pub metric: MetricIdentity,
    /// A statistic's name, as `Average` or `p99`.
    pub statistic: String,
    /// Only data of this unit count, by its name in the API.
    pub unit: Option<String>,
    /// The seconds of a datapoint.
    pub period_s: i64,
}

/// A watched metric that was looked up. Whoever made it knows what is in it.
#[derive(Clone)]
pub struct MetricHandle(pub Arc<dyn Any + Send + Sync>);

impl fmt::Debug for MetricHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricHandle")
    }
}

/// What is to be read of a watched metric: its datapoints that begin in these times, which begin with one.
#[derive(Debug, Clone)]
pub struct WatchRead {
    /// The metric.
    pub handle: MetricHandle,
    /// The times.
    pub times: Range<TimestampMs>,
}

/// A datapoint of a watched metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WatchedDatapoint {
    /// The start of its period.
    pub time: TimestampMs,
    /// The statistic.
    pub value: f64,
    /// How many samples it is of.
    pub sample_count: f64,
}

/// What one of several queries asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryOf {
    /// A metric.
    Metric {
        /// Which it is.
        metric: MetricIdentity,
        /// A statistic's name.
        statistic: String,
        /// Only data of this unit, by its name.
        unit: Option<String>,
        /// The seconds of a datapoint.
        period_s: i64,
    },
    /// An expression: metric math or a Metrics Insights query.
    Expression {
        /// Its text.
        text: String,
        /// The seconds of a datapoint, where it does not follow from what the expression refers to.
        period_s: Option<i64>,
    },
}

/// One of the queries that an alarm watches together.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchQuery {
    /// Its id, by which others refer to it.
    pub id: String,
    /// What it asks for.
    pub of: QueryOf,
    /// Its label.
    pub label: Option<String>,
    /// Whether its data are answered.
    pub returns_data: bool,
}

/// What a query answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryShape {
    /// One series.
    Series,
    /// A series for each group of a Metrics Insights query; whether they are in an order.
    Groups {
        /// Whether the query says `ORDER BY`.
        is_ordered: bool,
    },
    /// The two bounds of an `ANOMALY_DETECTION_BAND`, the upper one first.
    Band,
    /// Any number of series.
    Array,
}

/// A query that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedQuery {
    /// Its id.
    pub id: String,
    /// What it answers with.
    pub shape: QueryShape,
    /// The seconds of its datapoints.
    pub period_s: i64,
}

/// A series that a query answered with.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedSeries {
    /// The query's id.
    pub id: String,
    /// The names and values of its group, for those of a Metrics Insights query.
    pub attributes: Vec<(String, String)>,
    /// By time, ascending.
    pub points: Vec<(TimestampMs, f64)>,
}

/// What queries answered with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WatchAnswer {
    /// The series of those that return data, in their order.
    pub series: Vec<WatchedSeries>,
    /// Whether there was more than could be processed.
    pub is_partial: bool,
}

/// Why something cannot be watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// It never can; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// It may a little later.
    #[error("metrics are busy: {0}")]
    Busy(String),
    /// It failed.
    #[error("metrics failed: {0}")]
    Failed(String),
}

/// Answers what alarms watch: metrics' side of alarms.
pub trait AlarmMetrics: Send + Sync {
    /// Looks up a metric, once, so that reading it costs little; it need not exist.
    ///
    /// # Errors
    ///
    /// [`WatchError::Invalid`] if there is no such statistic or unit, or a dimension is named twice.
    fn watch(&self, metric: &WatchedMetric) -> Result<MetricHandle, WatchError>;

    /// The datapoints of each, oldest first; only those that there are.
    fn read(&self, reads: Vec<WatchRead>) -> BoxFuture<'_, Result<Vec<Vec<WatchedDatapoint>>, WatchError>>;

    /// Checks queries; what those that return data answer with, in their order.
    ///
    /// # Errors
    ///
    /// [`WatchError::Invalid`] if a query is not valid.
    fn check(&self, place: &MetricPlace, queries: &[WatchQuery]) -> Result<Vec<CheckedQuery>, WatchError>;

    /// Computes queries over these times.
    fn compute<'a>(
        &'a self,
        place: &'a MetricPlace,
        queries: &'a [WatchQuery],
        times: Range<TimestampMs>,
    ) -> BoxFuture<'a, Result<WatchAnswer, WatchError>>;
}
