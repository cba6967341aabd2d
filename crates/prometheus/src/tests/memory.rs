//! Metrics in memory, as the service of metrics has them: names are checked, what shares a second is summed up.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use watchkeep_core::ports::{
    Enrichment, Measurement, MetricIdentity, MetricPlace, MetricReadings, MetricSink, MetricSource, MetricsError,
    Publisher, Reading, RefusedMeasurement, Samples,
};
use watchkeep_core::{BoxFuture, TimestampMs};

type Key = (String, String, Vec<(String, String)>);

/// A metric with its readings by time.
type Kept = (MetricIdentity, BTreeMap<TimestampMs, Reading>);

#[derive(Default)]
pub(super) struct Memory {
    metrics: Mutex<BTreeMap<Key, Kept>>,
    /// What the next call answers instead of what is true.
    pub(super) fails: Mutex<Option<MetricsError>>,
    /// What enriches metrics.
    pub(super) enrichment: Mutex<Option<Arc<dyn Enrichment>>>,
}

fn key(metric: &MetricIdentity) -> Key {
    let mut dimensions: Vec<_> =
        metric.dimensions.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    dimensions.sort();
    (metric.namespace.to_string(), metric.name.to_string(), dimensions)
}

fn reading(samples: &Samples) -> Reading {
    match samples {
        Samples::One(value) => Reading { count: 1.0, sum: *value, minimum: *value, maximum: *value },
        Samples::Summary(reading) => *reading,
        Samples::Weighted(_) => panic!("nothing hands in weighted samples here"),
    }
}

impl MetricSink for Memory {
    fn put<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: Publisher,
        measurements: Vec<Measurement>,
    ) -> BoxFuture<'a, Result<Vec<RefusedMeasurement>, MetricsError>> {
        Box::pin(async move {
            if let Some(error) = self.fails.lock().unwrap().take() {
                return Err(error);
            }
            let mut metrics = self.metrics.lock().unwrap();
            let mut refused = Vec::new();
            for (index, measurement) in measurements.into_iter().enumerate() {
                let new = reading(&measurement.samples);
                let texts = measurement.metric.dimensions.iter().map(|(_, value)| value);
                if !new.sum.is_finite() || texts.into_iter().any(|text| !text.is_ascii()) {
                    refused.push(RefusedMeasurement { index, reason: "not as CloudWatch has it".to_owned() });
                    continue;
                }
                let (_, readings) = metrics
                    .entry(key(&measurement.metric))
                    .or_insert_with(|| (measurement.metric.clone(), BTreeMap::new()));
                let sum_up = |own: &mut Reading| {
                    own.count += new.count;
                    own.sum += new.sum;
                    own.minimum = own.minimum.min(new.minimum);
                    own.maximum = own.maximum.max(new.maximum);
                };
                readings.entry(measurement.time.floor_to(1000)).and_modify(sum_up).or_insert(new);
            }
            Ok(refused)
        })
    }
}

impl MetricSource for Memory {
    fn find(
        &self,
        _: &MetricPlace,
        name: Option<&str>,
        wanted: &mut dyn FnMut(&MetricIdentity) -> bool,
        max: usize,
    ) -> Vec<MetricIdentity> {
        let metrics = self.metrics.lock().unwrap();
        let named =
            metrics.values().map(|(metric, _)| metric).filter(|metric| name.is_none_or(|name| *metric.name == *name));
        named.filter(|metric| wanted(metric)).take(max).cloned().collect()
    }

    fn read<'a>(
        &'a self,
        _: &'a MetricPlace,
        wanted: &'a [MetricIdentity],
        times: Range<TimestampMs>,
        readings_max: usize,
    ) -> BoxFuture<'a, Result<Vec<MetricReadings>, MetricsError>> {
        Box::pin(async move {
            let metrics = self.metrics.lock().unwrap();
            let of = |(index, metric): (usize, &MetricIdentity)| {
                let (_, readings) = metrics.get(&key(metric))?;
                let readings: Vec<_> = readings.range(times.clone()).map(|(time, reading)| (*time, *reading)).collect();
                (!readings.is_empty()).then_some(MetricReadings { index, unit: "None", readings })
            };
            let all: Vec<MetricReadings> = wanted.iter().enumerate().filter_map(of).collect();
            let count: usize = all.iter().map(|readings| readings.readings.len()).sum();
            if count > readings_max { Err(MetricsError::TooMany(readings_max)) } else { Ok(all) }
        })
    }

    fn enrichment(&self, _: &MetricPlace) -> Option<Arc<dyn Enrichment>> {
        self.enrichment.lock().unwrap().clone()
    }
}
