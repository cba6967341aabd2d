//! Reading points: from the hot heads where the whole range is in them, from the store where not. Never from both for one
//! series, so nothing counts twice.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use hashbrown::HashMap;
use watchkeep_model::ServiceError;
use watchkeep_store::{Scan, StoreError};

use crate::Metrics;
use crate::buckets::{ALL_DIGITS, Buckets};
use crate::errors;
use crate::limits::{SAMPLES_AT_ONCE, UNREGISTERED_MS};
use crate::point::of_batch;
use crate::rollup::Rollups;
use crate::series::{Identity, SeriesId};
use crate::tables::points;

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
        let with_keys = if self.resources.datasets.is_empty() { &[] } else { readings.as_slice() };
        let places: BTreeSet<(&str, &str)> = with_keys.iter().map(|reading| place_of(&reading.key)).collect();
        let mut locked_until_ms = i64::MIN;
        for (account, region) in places {
            let lock = self.ensure_readable(account, region).await.map_err(|error| errors::of_store(&error))?;
            locked_until_ms = lock.map_or(locked_until_ms, |lock| lock.until_ms.max(locked_until_ms));
        }
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
                    // The head does not tell apart what is locked; the store does.
                    if head.is_complete_from(range.start) && range.start >= locked_until_ms {
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
            let rollups = self.rollups.clone();
            let read = self.store.blocking(move |store| read_cold(store, readings, &cold, &rollups, now_ms)).await;
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

/// The account and Region of a series.
pub(crate) fn place_of(key: &str) -> (&str, &str) {
    let identity = Identity::of(key);
    (identity.account, identity.region)
}

/// How precisely samples are still told apart, in binary digits behind the first, when there are too many of them: less and
/// less, until they fit. AWS's own bins are a tenth wide, as those of three digits are.
const DIGITS: [u32; 6] = [ALL_DIGITS, 12, 8, 5, 3, 0];

/// Merges samples if there are more than `samples_max`, until at most half as many are left, so that the next merging is some
/// way off. Whether there are at most `samples_max` in the end.
fn fit(readings: &mut [Reading], samples_max: usize) -> bool {
    let count = |readings: &[Reading]| readings.iter().map(|reading| reading.buckets.samples()).sum::<usize>();
    if count(readings) <= samples_max {
        return true;
    }
    for digits in DIGITS {
        readings.iter_mut().for_each(|reading| reading.buckets.merge(digits));
        if count(readings) <= samples_max / 2 {
            return true;
        }
    }
    count(readings) <= samples_max
}

/// Reads the series of `cold`, each into the buckets of these readings, in one scan of each tier.
fn read_cold(
    store: &watchkeep_store::Store,
    mut readings: Vec<Reading>,
    cold: &HashMap<u64, Vec<usize>>,
    rollups: &Rollups,
    now_ms: i64,
) -> Result<Vec<Reading>, ReadError> {
    let ranges =
        cold.values().flatten().filter_map(|&index| readings.get(index)).map(|r| r.buckets.window().range_ms());
    let whole = ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0);
    let mut too_many = false;
    for (tier, times) in rollups.tiers(whole, now_ms) {
        let scan = Scan::new(tier.table()).time(times).ids(points::SERIES, cold.keys().copied()).without_seqs();
        store.scan(&scan, &mut |batch| {
            // Points of one series come in runs.
            let mut run = (0, &[][..]);
            for (series, point) in of_batch(batch) {
                if run.0 != series || run.1.is_empty() {
                    run = (series, cold.get(&series).map_or(&[][..], Vec::as_slice));
                }
                for &index in run.1 {
                    if let Some(reading) = readings.get_mut(index) {
                        reading.buckets.add(&point);
                    }
                }
            }
            too_many = !fit(&mut readings, SAMPLES_AT_ONCE);
            if too_many { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if too_many {
            break;
        }
    }
    if too_many { Err(ReadError::TooManySamples) } else { Ok(readings) }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::TimestampMs;
    use watchkeep_lang::statistic::Statistic;

    use super::*;
    use crate::point::{PointRef, Resolution, Samples};
    use crate::unit::Unit;
    use crate::window::Window;

    #[test]
    fn samples_are_merged_as_coarsely_as_they_must_be() {
        let window =
            Window::new(TimestampMs(0), TimestampMs(60_000), 60, TimestampMs(60_000), &crate::Retention::default());
        let mut readings = [Reading { key: String::new(), buckets: Buckets::new(window, None, true) }];
        let add = |readings: &mut [Reading; 1], value: u32| {
            let samples = Samples::One(value.into());
            let point = PointRef { time_ms: 0, unit: Unit::NONE, resolution: Resolution::Minute, samples };
            readings[0].buckets.add(&point);
        };
        for turn in 0..100_000u32 {
            // Equal ones first: as long as they fit, nothing is lost.
            add(&mut readings, if turn < 50_000 { turn % 300 } else { turn });
            assert!(fit(&mut readings, 1000));
            if turn == 49_999 {
                let mut exact = readings[0].buckets.clone();
                exact.finish();
                let (_, bucket) = exact.of_unit(Unit::NONE).next().unwrap();
                assert_eq!(bucket.value(Statistic::parse("PR(99:199)").unwrap()).map(f64::round), Some(33.0));
                assert_eq!(bucket.value(Statistic::parse("p50").unwrap()), Some(149.0));
            }
        }
        assert!(readings[0].buckets.samples() <= 1000);
        readings[0].buckets.finish();
        let (_, bucket) = readings[0].buckets.of_unit(Unit::NONE).next().unwrap();
        let p75 = bucket.value(Statistic::parse("p75").unwrap()).unwrap();
        assert!((p75 - 75_000.0).abs() < 75_000.0 * 0.07, "{p75}");
        assert!(!fit(&mut readings, 2), "nothing helps");
    }
}
