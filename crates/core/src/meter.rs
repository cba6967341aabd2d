//! What services measure of themselves: counters that anybody may add to, taken off once a minute and handed to the
//! [`MetricSink`](crate::ports::MetricSink). So that what vends metrics needs no store, and a call costs no datum.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::TimestampMs;
use crate::ports::{Measurement, MetricIdentity, MetricPlace, Precision, Reading, Samples};

/// One metric of a place.
#[derive(Debug)]
pub struct Counter {
    place: MetricPlace,
    metric: MetricIdentity,
    unit: &'static str,
    added: Mutex<Option<Reading>>,
}

impl Counter {
    /// Adds a sample.
    pub fn add(&self, value: f64) {
        let mut added = lock(&self.added);
        *added = Some(match *added {
            None => Reading { count: 1.0, sum: value, minimum: value, maximum: value },
            Some(reading) => Reading {
                count: reading.count + 1.0,
                sum: reading.sum + value,
                minimum: reading.minimum.min(value),
                maximum: reading.maximum.max(value),
            },
        });
    }
}

/// All counters.
#[derive(Debug, Default)]
pub struct Meter {
    counters: Mutex<Vec<Arc<Counter>>>,
}

impl Meter {
    /// A counter of this metric, in one of the units of `StandardUnit`. It counts as long as somebody holds it; two of the same
    /// metric add up.
    pub fn counter(&self, place: MetricPlace, metric: MetricIdentity, unit: &'static str) -> Arc<Counter> {
        let counter = Arc::new(Counter { place, metric, unit, added: Mutex::new(None) });
        lock(&self.counters).push(counter.clone());
        counter
    }

    /// Takes off what was added since the last time, as measurements of `time`; those that nothing was added to have none.
    pub fn take(&self, time: TimestampMs) -> Vec<(MetricPlace, Measurement)> {
        let mut taken = Vec::new();
        lock(&self.counters).retain(|counter| {
            if let Some(reading) = lock(&counter.added).take() {
                let measurement = Measurement {
                    metric: counter.metric.clone(),
                    time,
                    precision: Precision::Minute,
                    unit: counter.unit,
                    samples: Samples::Summary(reading),
                };
                taken.push((counter.place.clone(), measurement));
            }
            // One that only this list holds will never be added to again.
            Arc::strong_count(counter) > 1
        });
        taken
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, Region};

    #[test]
    fn what_was_added_is_taken_once() {
        let meter = Meter::default();
        let place = MetricPlace { account: AccountId::DEFAULT, region: Region::default() };
        let metric =
            MetricIdentity { namespace: "AWS/Logs".into(), name: "IncomingBytes".into(), dimensions: Vec::new() };
        let counter = meter.counter(place.clone(), metric.clone(), "Bytes");
        assert!(meter.take(TimestampMs(0)).is_empty());
        [3.0, 1.0, 8.0].into_iter().for_each(|bytes| counter.add(bytes));
        let taken = meter.take(TimestampMs(60_000));
        let reading = Reading { count: 3.0, sum: 12.0, minimum: 1.0, maximum: 8.0 };
        assert!(matches!(&taken[..], [(of, measurement)]
            if *of == place && measurement.metric == metric && measurement.unit == "Bytes"
                && measurement.time.0 == 60_000 && measurement.samples == Samples::Summary(reading)));
        assert!(meter.take(TimestampMs(0)).is_empty());
        counter.add(1.0);
        drop(counter);
        assert_eq!(meter.take(TimestampMs(0)).len(), 1, "what was added before it was let go counts");
        assert!(lock(&meter.counters).is_empty());
    }
}
