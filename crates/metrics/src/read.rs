//! Reading points: from the hot heads where the whole range is in them, from the store where not. Never from both for one
//! series, so nothing counts twice.

use std::ops::ControlFlow;

use hashbrown::HashMap;
use watchkeep_model::ServiceError;
use watchkeep_store::{Scan, StoreError};

use crate::Metrics;
use crate::buckets::Buckets;
use crate::errors;
use crate::limits::{SAMPLES_AT_ONCE, UNREGISTERED_MS};
use crate::point::of_batch;
use crate::series::SeriesId;
use crate::tables::{METRIC_POINTS, points};

/// A series and the buckets that its points go into.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The series' key.
    pub(crate) key: String,
    /// Empty before, filled and finished after.
    pub(crate) buckets: Buckets,
}

/// Why points could not be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("more samples than can be held at once")]
    TooManySamples,
}

impl Metrics {
    /// Fills the buckets.
    pub(crate) async fn read(&self, mut readings: Vec<Reading>) -> Result<Vec<Reading>, ServiceError> {
        let now_ms = self.clock.now().0;
        let mut cold = HashMap::<u64, Vec<usize>>::default();
        for (index, reading) in readings.iter_mut().enumerate() {
            let range = reading.buckets.window().range_ms();
            if range.is_empty() {
                continue;
            }
            let id = match self.index.get(&reading.key) {
                Some(series) => {
                    let head = series.head();
                    if head.is_complete_from(range.start) {
                        head.for_each(range.start, range.end, |point| reading.buckets.add(point));
                        continue;
                    }
                    series.id
                }
                None if range.start >= now_ms.saturating_sub(UNREGISTERED_MS) => continue,
                None => SeriesId::of(&reading.key, 0),
            };
            cold.entry(id.0).or_default().push(index);
        }
        if !cold.is_empty() {
            let read = self.store.blocking(move |store| read_cold(store, readings, &cold)).await;
            readings = read.map_err(|error| match error {
                ReadError::Store(error) => errors::of_store(&error),
                ReadError::TooManySamples => {
                    errors::internal("The query reads more samples than can be held at once. Use a shorter time range.")
                }
            })?;
        }
        readings.iter_mut().for_each(|reading| reading.buckets.finish());
        Ok(readings)
    }
}

/// Reads the series of `cold`, each into the buckets of these readings, in one scan.
fn read_cold(
    store: &watchkeep_store::Store,
    mut readings: Vec<Reading>,
    cold: &HashMap<u64, Vec<usize>>,
) -> Result<Vec<Reading>, ReadError> {
    let ranges =
        cold.values().flatten().filter_map(|&index| readings.get(index)).map(|r| r.buckets.window().range_ms());
    let whole = ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0);
    let scan = Scan::new(&METRIC_POINTS).time(whole).ids(points::SERIES, cold.keys().copied());
    let mut too_many = false;
    store.scan(&scan, &mut |batch| {
        for (series, point) in of_batch(batch) {
            for &index in cold.get(&series).into_iter().flatten() {
                if let Some(reading) = readings.get_mut(index) {
                    reading.buckets.add(&point);
                }
            }
        }
        too_many = readings.iter().map(|reading| reading.buckets.samples()).sum::<usize>() > SAMPLES_AT_ONCE;
        if too_many { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if too_many { Err(ReadError::TooManySamples) } else { Ok(readings) }
}
