//! A request of metrics: its data points as measurements, handed in together.

use std::sync::Arc;

use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{
    Measurement, MetricIdentity, MetricPlace, MetricsError, Precision, Publisher, Reading, Samples,
};
use watchkeep_model::ServiceError;

use crate::Metrics;
use crate::answer::too_large;
use crate::attributes::{Dimension, ResourcePart};
use crate::buckets::Counts;
use crate::cumulative::{Step, StreamKey, Total, TotalAt, Undo};
use crate::distribution::{self, Extremes};
use crate::limits::{DIMENSIONS_BYTES_MAX, DIMENSIONS_MAX, POINTS_MAX};
use crate::messages::{
    CUMULATIVE, DELTA, ExponentialHistogramDataPoint, ExportMetricsPartialSuccess, ExportMetricsServiceRequest,
    ExportMetricsServiceResponse, HistogramDataPoint, InstrumentationScope, KeyValue, Metric, NO_RECORDED_VALUE,
    NumberDataPoint, SummaryDataPoint,
};
use crate::unit::{Translated, translate};

/// The header that names the namespace of all metrics whose resources name none.
pub(crate) const NAMESPACE_HEADER: &str = "x-aws-metric-namespace";

/// The namespace of metrics for which neither resource nor header names one.
const NAMESPACE: &str = "OpenTelemetry";

/// A data point that is not taken, and why.
type Refusal = &'static str;

impl Metrics {
    /// Takes a request.
    ///
    /// # Errors
    /// If it holds too much (413), or none of it could be kept just now (503) or at all.
    pub(crate) async fn export(
        &self,
        place: &MetricPlace,
        headers: &HeaderMap,
        request: ExportMetricsServiceRequest,
    ) -> Result<ExportMetricsServiceResponse, ServiceError> {
        if request.points() > POINTS_MAX {
            return Err(too_large());
        }
        let namespace = headers.get(NAMESPACE_HEADER).and_then(|value| value.to_str().ok()).unwrap_or(NAMESPACE);
        let mut export = Export {
            metrics: self,
            place,
            now: self.clock.now(),
            measurements: Vec::new(),
            undo: Vec::new(),
            bytes: 0,
            rejected: 0,
            reason: None,
        };
        export.add_all(&request, &namespace.into());
        let Export { measurements, undo, bytes, mut rejected, mut reason, .. } = export;
        drop(request);
        if bytes > DIMENSIONS_BYTES_MAX {
            self.streams.undo(undo);
            return Err(too_large());
        }
        match self.sink.put(place, Publisher::Client, measurements).await {
            Ok(refused) => {
                rejected += refused.len() as i64;
                reason = reason.or_else(|| refused.into_iter().next().map(|refused| refused.reason));
            }
            Err(error) => {
                self.streams.undo(undo);
                return Err(failed(&error));
            }
        }
        let partial_success = (rejected > 0).then(|| ExportMetricsPartialSuccess {
            rejected_data_points: rejected,
            error_message: reason.unwrap_or_default(),
        });
        Ok(ExportMetricsServiceResponse { partial_success })
    }
}

fn failed(error: &MetricsError) -> ServiceError {
    match error {
        MetricsError::Busy(_) => {
            ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, "Metrics are busy. Try again.")
        }
        MetricsError::TooMany(_) | MetricsError::Failed(_) => {
            ServiceError::common("InternalFailure", "InternalFailure", 500, "The metrics could not be kept.")
        }
    }
}

/// What is made of a request.
struct Export<'a> {
    metrics: &'a Metrics,
    place: &'a MetricPlace,
    now: TimestampMs,
    measurements: Vec<Measurement>,
    undo: Vec<Undo>,
    /// Of the measurements' dimensions.
    bytes: usize,
    rejected: i64,
    reason: Option<String>,
}

/// What the points of a metric have in common.
struct Shared<'a> {
    resource: &'a ResourcePart,
    namespace: &'a Arc<str>,
    name: Arc<str>,
    unit: Translated,
    /// The digest of all of a stream's identity but the point's attributes.
    stream: Sha256,
}

/// What all kinds of points have.
struct Head<'a> {
    start_ns: u64,
    time_ns: u64,
    flags: u32,
    attributes: &'a [KeyValue],
}

macro_rules! head {
    ($point:expr) => {
        Head {
            start_ns: $point.start_time_unix_nano,
            time_ns: $point.time_unix_nano,
            flags: $point.flags,
            attributes: &$point.attributes,
        }
    };
}

impl Export<'_> {
    fn add_all(&mut self, request: &ExportMetricsServiceRequest, default_namespace: &Arc<str>) {
        for resource_metrics in &request.resource_metrics {
            let attributes = resource_metrics.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
            let resource = ResourcePart::of(attributes);
            let namespace = resource.namespace.as_ref().unwrap_or(default_namespace);
            let mut digest = Sha256::new();
            let MetricPlace { account, region } = self.place;
            add_text(&mut digest, &format!("{account} {region}"));
            add_text(&mut digest, namespace);
            add_attributes(&mut digest, attributes);
            for scope_metrics in &resource_metrics.scope_metrics {
                let mut digest = digest.clone();
                if let Some(InstrumentationScope { name, version, .. }) = &scope_metrics.scope {
                    add_text(&mut digest, name);
                    add_text(&mut digest, version);
                }
                for metric in &scope_metrics.metrics {
                    let mut stream = digest.clone();
                    add_text(&mut stream, &metric.name);
                    add_text(&mut stream, &metric.unit);
                    let name = metric.name.as_str().into();
                    let unit = translate(&metric.unit);
                    self.add(metric, &Shared { resource: &resource, namespace, name, unit, stream });
                }
            }
        }
    }

    fn add(&mut self, metric: &Metric, shared: &Shared<'_>) {
        if let Some(gauge) = &metric.gauge {
            for point in &gauge.data_points {
                let samples = number(point).map(|number| Some(Samples::One(number * shared.unit.factor)));
                self.add_point(shared, &head!(point), samples);
            }
        }
        if let Some(sum) = &metric.sum {
            for point in &sum.data_points {
                let samples = self.of_sum(shared, point, sum.aggregation_temporality, sum.is_monotonic);
                self.add_point(shared, &head!(point), samples);
            }
        }
        if let Some(histogram) = &metric.histogram {
            for point in &histogram.data_points {
                let samples = self.of_explicit(shared, point, histogram.aggregation_temporality);
                self.add_point(shared, &head!(point), samples);
            }
        }
        if let Some(histogram) = &metric.exponential_histogram {
            for point in &histogram.data_points {
                let samples = self.of_exponential(shared, point, histogram.aggregation_temporality);
                self.add_point(shared, &head!(point), samples);
            }
        }
        if let Some(summary) = &metric.summary {
            for point in &summary.data_points {
                let samples = self.of_summary(shared, point);
                self.add_point(shared, &head!(point), samples);
            }
        }
    }

    /// Adds a point's measurement, if it brings samples.
    fn add_point(&mut self, shared: &Shared<'_>, head: &Head<'_>, samples: Result<Option<Samples>, Refusal>) {
        let samples = match samples {
            _ if head.flags & NO_RECORDED_VALUE != 0 => return,
            Ok(Some(samples)) => samples,
            Ok(None) => return,
            Err(refusal) => return self.refuse(refusal),
        };
        let dimensions: Vec<Dimension> = shared.resource.with(head.attributes);
        if dimensions.len() > DIMENSIONS_MAX {
            return self.refuse("a data point may have at most 30 attributes");
        }
        self.bytes += dimensions.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if self.bytes > DIMENSIONS_BYTES_MAX {
            return;
        }
        let metric =
            MetricIdentity { namespace: Arc::clone(shared.namespace), name: Arc::clone(&shared.name), dimensions };
        let time = if head.time_ns == 0 { self.now } else { TimestampMs((head.time_ns / 1_000_000) as i64) };
        let (unit, precision) = (shared.unit.name, Precision::Second);
        self.measurements.push(Measurement { metric, time, precision, unit, samples });
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.rejected += 1;
        self.reason.get_or_insert_with(|| refusal.to_owned());
    }

    /// A sum that only grows counts what came since; one that goes up and down is a value like a gauge's, unless it tells changes.
    fn of_sum(
        &mut self,
        shared: &Shared<'_>,
        point: &NumberDataPoint,
        temporality: i32,
        is_monotonic: bool,
    ) -> Result<Option<Samples>, Refusal> {
        let number = number(point)?;
        let sample = |number: f64| Some(Samples::One(number * shared.unit.factor));
        match temporality {
            DELTA => Ok(sample(number)),
            CUMULATIVE if !is_monotonic => Ok(sample(number)),
            CUMULATIVE if !number.is_finite() => Err("a sum must be a finite number"),
            CUMULATIVE => match self.since(shared, &head!(point), Total::Number(number))? {
                Some(Total::Number(number)) => Ok(sample(number)),
                _ => Ok(None),
            },
            _ => Err("a sum must be delta or cumulative"),
        }
    }

    fn of_explicit(
        &mut self,
        shared: &Shared<'_>,
        point: &HistogramDataPoint,
        temporality: i32,
    ) -> Result<Option<Samples>, Refusal> {
        let counts = Counts::of_explicit(point)?;
        self.of_counts(shared, &head!(point), counts, extremes(point.min, point.max), temporality)
    }

    fn of_exponential(
        &mut self,
        shared: &Shared<'_>,
        point: &ExponentialHistogramDataPoint,
        temporality: i32,
    ) -> Result<Option<Samples>, Refusal> {
        let counts = Counts::of_exponential(point);
        self.of_counts(shared, &head!(point), counts, extremes(point.min, point.max), temporality)
    }

    fn of_counts(
        &mut self,
        shared: &Shared<'_>,
        head: &Head<'_>,
        counts: Counts,
        extremes: Extremes,
        temporality: i32,
    ) -> Result<Option<Samples>, Refusal> {
        let factor = shared.unit.factor;
        match temporality {
            DELTA => Ok(distribution::samples(&counts, extremes, factor)),
            CUMULATIVE => {
                // Smallest and largest are those of all the time since the start.
                let within = match extremes {
                    Extremes::Exactly(minimum, maximum) => Extremes::Within(minimum, maximum),
                    other => other,
                };
                let whole = counts.clone();
                match self.since(shared, head, Total::Histogram(counts))? {
                    // Where all of it is new, so are its extremes.
                    Some(Total::Histogram(counts)) if counts == whole => {
                        Ok(distribution::samples(&counts, extremes, factor))
                    }
                    Some(Total::Histogram(counts)) => Ok(distribution::samples(&counts, within, factor)),
                    _ => Ok(None),
                }
            }
            _ => Err("a histogram must be delta or cumulative"),
        }
    }

    /// Count and sum of a summary grow from its start; its quantiles are of late. CloudWatch's own metric streams tell the smallest
    /// and largest as the quantiles 0 and 1.
    fn of_summary(&mut self, shared: &Shared<'_>, point: &SummaryDataPoint) -> Result<Option<Samples>, Refusal> {
        if !point.sum.is_finite() {
            return Err("a summary's sum must be a finite number");
        }
        let total = Total::Summary { count: point.count, sum: point.sum };
        let Some(Total::Summary { count, sum }) = self.since(shared, &head!(point), total)? else { return Ok(None) };
        if count == 0 {
            return Ok(None);
        }
        let (count, factor) = (count as f64, shared.unit.factor);
        let told = |wanted: f64| {
            let mut quantiles = point.quantile_values.iter();
            quantiles.find(|told| told.quantile == wanted).map(|told| told.value).filter(|value| value.is_finite())
        };
        let mean = sum / count;
        let minimum = told(0.0).unwrap_or(mean).min(mean);
        let maximum = told(1.0).unwrap_or(mean).max(mean);
        let reading = Reading { count, sum: sum * factor, minimum: minimum * factor, maximum: maximum * factor };
        Ok(Some(Samples::Summary(reading)))
    }

    /// What a total brings since the point before.
    fn since(&mut self, shared: &Shared<'_>, head: &Head<'_>, total: Total) -> Result<Option<Total>, Refusal> {
        if head.flags & NO_RECORDED_VALUE != 0 {
            return Ok(None);
        }
        let mut digest = shared.stream.clone();
        add_attributes(&mut digest, head.attributes);
        let time_ns = if head.time_ns == 0 { self.now.0.max(0) as u64 * 1_000_000 } else { head.time_ns };
        let point = TotalAt { start_ns: head.start_ns, time_ns, total };
        match self.metrics.streams.advance(key(digest), point, self.now, &mut self.undo) {
            Step::New(total) => Ok(Some(total)),
            Step::Begun | Step::Known => Ok(None),
            Step::Late => Err("a cumulative data point is older than one that was taken"),
            Step::NoRoom => Err("there are too many cumulative streams"),
        }
    }
}

fn number(point: &NumberDataPoint) -> Result<f64, Refusal> {
    let number = point.as_double.or(point.as_int.map(|number| number as f64));
    // What is only there to say that there is nothing has no number.
    let number = if point.flags & NO_RECORDED_VALUE != 0 { Some(0.0) } else { number };
    number.ok_or("a data point must have a value")
}

fn extremes(minimum: Option<f64>, maximum: Option<f64>) -> Extremes {
    match (minimum, maximum) {
        (Some(minimum), Some(maximum)) if minimum <= maximum && (maximum - minimum).is_finite() => {
            Extremes::Exactly(minimum, maximum)
        }
        _ => Extremes::Untold,
    }
}

/// Adds attributes to a digest, whatever their order.
fn add_attributes(digest: &mut Sha256, attributes: &[KeyValue]) {
    let mut sorted: Vec<&KeyValue> = attributes.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    for KeyValue { key, value } in sorted {
        add_text(digest, key);
        let value = value.as_ref().map(prost::Message::encode_to_vec).unwrap_or_default();
        digest.update((value.len() as u64).to_le_bytes());
        digest.update(&value);
    }
    digest.update(u64::MAX.to_le_bytes());
}

fn add_text(digest: &mut Sha256, text: &str) {
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text);
}

fn key(digest: Sha256) -> StreamKey {
    let mut key = StreamKey::default();
    for (to, from) in key.iter_mut().zip(digest.finalize()) {
        *to = from;
    }
    key
}
