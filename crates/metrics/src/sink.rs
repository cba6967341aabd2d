//! The port through which everything but PutMetricData hands in measurements: the other services, and the other ways in.

use std::sync::Arc;

use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{
    Measurement, MetricPlace, MetricSink, MetricsError, Precision, Publisher, RefusedMeasurement, Samples as Handed,
};
use watchkeep_lang::statistic::{Sample, Summary};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::Dimension;
use watchkeep_store::StoreError;

use crate::Metrics;
use crate::append::Batch;
use crate::datum::{
    self, Accepted, Place, check_dimensions, check_name, check_namespace, check_number, check_summary, check_time,
};
use crate::errors::{repeated_dimension, too_many_series, value_is_invalid};
use crate::limits::NAME_CHARS_MAX;
use crate::point::{Point, Resolution, Samples};
use crate::series::KeyWriter;
use crate::unit::Unit;

impl MetricSink for Metrics {
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        publisher: Publisher,
        measurements: Vec<Measurement>,
    ) -> BoxFuture<'a, Result<Vec<RefusedMeasurement>, MetricsError>> {
        Box::pin(async move {
            let accepted = self.accepted();
            let mut batch = Batch::with_capacity(measurements.len());
            let mut refused = Vec::new();
            for (index, measurement) in measurements.into_iter().enumerate() {
                if let Err(error) = self.take(place, publisher, index, measurement, &accepted, &mut batch) {
                    refused.push(RefusedMeasurement { index, reason: error.message.to_string() });
                }
            }
            match self.append(batch).await {
                Ok(()) => Ok(refused),
                Err(error) => Err(failed(&error)),
            }
        })
    }
}

impl Metrics {
    /// Adds a measurement to the batch, if it is one that can be kept.
    pub(crate) fn take(
        &self,
        place: &MetricPlace,
        publisher: Publisher,
        index: usize,
        measurement: Measurement,
        accepted: &Accepted,
        batch: &mut Batch,
    ) -> Result<(), ServiceError> {
        let at = Place { entity: None, datum: index };
        let metric = &measurement.metric;
        match publisher {
            Publisher::Client => check_namespace(&metric.namespace)?,
            Publisher::Service => check_name(&metric.namespace, NAME_CHARS_MAX, || "Namespace".to_owned())?,
        }
        check_name(&metric.name, NAME_CHARS_MAX, || format!("{at}.MetricName"))?;
        let dimension =
            |(name, value): &(Arc<str>, Arc<str>)| Dimension { name: name.to_string(), value: value.to_string() };
        let dimensions: Vec<Dimension> = metric.dimensions.iter().map(dimension).collect();
        check_dimensions(&dimensions, at)?;
        check_time(measurement.time.0, at, accepted)?;
        let unit =
            Unit::parse(measurement.unit).ok_or_else(|| value_is_invalid(measurement.unit, format!("{at}.Unit")))?;
        let resolution = match measurement.precision {
            Precision::Second => Resolution::Second,
            Precision::Minute => Resolution::Minute,
        };
        // Without any weight there is nothing to keep.
        let Some(samples) = samples(measurement.samples, at)? else { return Ok(()) };
        let time_ms = measurement.time.floor_to(resolution.seconds() as i64 * 1000).0;
        let mut writer = KeyWriter::new(place.account, &place.region, &metric.namespace);
        let key = writer.key(&metric.name, &dimensions).map_err(|_| repeated_dimension())?;
        let series = self.index.get_or_create(key, accepted.now.0).map_err(|_| too_many_series())?;
        batch.add(series, Point { time_ms, unit, resolution, samples }, None);
        Ok(())
    }
}

/// What is kept of the samples.
fn samples(handed: Handed, at: Place) -> Result<Option<Samples<Box<[u8]>>>, ServiceError> {
    match handed {
        Handed::One(value) => {
            check_number(value, || format!("{at}.Value"))?;
            Ok(Some(Samples::One(value)))
        }
        Handed::Weighted(values) => {
            let mut samples = Vec::with_capacity(values.len());
            for (value, count) in values {
                check_number(value, || format!("{at}.Values"))?;
                datum::check_count(count, || format!("{at}.Counts"))?;
                samples.push(Sample { value, count });
            }
            Ok(Samples::of_values(samples))
        }
        Handed::Summary(set) => {
            let set = Summary { count: set.count, sum: set.sum, minimum: set.minimum, maximum: set.maximum };
            check_summary(set, at)?;
            Ok(Some(Samples::of_set(set)))
        }
    }
}

/// The store's error as the port has it.
pub(crate) fn failed(error: &StoreError) -> MetricsError {
    if error.is_retryable() {
        MetricsError::Busy(error.to_string())
    } else if matches!(error, StoreError::Locked(_)) {
        MetricsError::Failed(error.to_string())
    } else {
        tracing::error!(%error, "the store failed");
        MetricsError::Failed(error.to_string())
    }
}
