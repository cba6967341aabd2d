//! Metrics, as the other services and the other ways in hand them in, and as the other ways out read them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::{AccountId, Arn, BoxFuture, Region, TimestampMs};

/// Where metrics belong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricPlace {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
}

/// Who hands in measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// One of Watchkeep's services: the namespaces that begin with `AWS/` are open to it.
    Service,
    /// Somebody outside.
    Client,
}

/// How precisely a measurement's time is kept: `StorageResolution` of PutMetricData.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// To the second.
    Second,
    /// To the minute.
    Minute,
}

/// What makes a metric, within its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricIdentity {
    /// The namespace, as `AWS/Usage`.
    pub namespace: Arc<str>,
    /// The metric's name.
    pub name: Arc<str>,
    /// Names and values of the dimensions; their order does not matter.
    pub dimensions: Vec<(Arc<str>, Arc<str>)>,
}

/// The samples of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// One sample.
    One(f64),
    /// Values, each with how often it occurred; counts need not be whole.
    Weighted(Vec<(f64, f64)>),
    /// Only their summary.
    Summary(Reading),
}

/// What was measured of one metric at one time: one datum of PutMetricData.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The metric.
    pub metric: MetricIdentity,
    /// When.
    pub time: TimestampMs,
    /// How precisely that is kept.
    pub precision: Precision,
    /// One of the 27 names of `StandardUnit`, as `Bytes`.
    pub unit: &'static str,
    /// The samples.
    pub samples: Samples,
}

/// A measurement that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedMeasurement {
    /// Its place among those that were handed in.
    pub index: usize,
    /// Why, for a person.
    pub reason: String,
}

/// Why nothing was taken, or nothing can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// The same may do a little later.
    #[error("metrics are busy: {0}")]
    Busy(String),
    /// More is asked for than may be read at once.
    #[error("more than {0} readings")]
    TooMany(usize),
    /// It will not do.
    #[error("metrics failed: {0}")]
    Failed(String),
}

/// Takes measurements, as PutMetricData does.
pub trait MetricSink: Send + Sync {
    /// Stores these measurements; they are durable when it is done. Each is checked for itself: the answer lists those that were
    /// refused, in their order.
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        publisher: Publisher,
        measurements: Vec<Measurement>,
    ) -> BoxFuture<'a, Result<Vec<RefusedMeasurement>, MetricsError>>;
}

/// The samples of one time, summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// How many samples.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
}

/// What a metric has in a range of time, in one unit.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricReadings {
    /// The metric, by its place among those asked for.
    pub index: usize,
    /// The unit's name.
    pub unit: &'static str,
    /// By time, ascending; one a time. As precise as they are still kept.
    pub readings: Vec<(TimestampMs, Reading)>,
}

/// The labels that AWS's own metrics are given beside their dimensions while enrichment runs ("AWS vended metrics in OpenTelemetry
/// format").
pub trait Enrichment: Send + Sync {
    /// The labels of a metric, in the order of their names; none if it is not enriched.
    fn labels(&self, metric: &MetricIdentity) -> Vec<(Arc<str>, Arc<str>)>;
}

/// Which metrics of a resource are measured in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// None but by other settings.
    Basic,
    /// Those of these names.
    Of(BTreeSet<String>),
    /// All.
    All,
}

impl Detail {
    /// Whether the metric of this name is.
    pub fn covers(&self, metric_name: &str) -> bool {
        match self {
            Detail::Basic => false,
            Detail::Of(names) => names.contains(metric_name),
            Detail::All => true,
        }
    }
}

/// What is configured of how resources are measured: CloudWatch's resource metrics configurations.
pub trait DetailedMonitoring: Send + Sync {
    /// What is configured of the resource of this ARN.
    fn detail(&self, place: &MetricPlace, resource: &Arn) -> Detail;
}

/// Finds and reads metrics as they are kept, without the statistics and periods of GetMetricData.
pub trait MetricSource: Send + Sync {
    /// The metrics in this place with data in the last two weeks, of this name if one is given, that `wanted` accepts, in the
    /// order of namespace, name and dimensions; the first `max` of them.
    fn find(
        &self,
        place: &MetricPlace,
        name: Option<&str>,
        wanted: &mut dyn FnMut(&MetricIdentity) -> bool,
        max: usize,
    ) -> Vec<MetricIdentity>;

    /// What these metrics have in `times`; nothing is said of those that have nothing. At most `readings_max` readings.
    ///
    /// # Errors
    ///
    /// [`MetricsError::TooMany`] if there are more than `readings_max`.
    fn read<'a>(
        &'a self,
        place: &'a MetricPlace,
        metrics: &'a [MetricIdentity],
        times: Range<TimestampMs>,
        readings_max: usize,
    ) -> BoxFuture<'a, Result<Vec<MetricReadings>, MetricsError>>;

    /// The labels that metrics of this place have beside their dimensions, if enrichment runs there.
    fn enrichment(&self, _place: &MetricPlace) -> Option<Arc<dyn Enrichment>> {
        None
    }
}
