//! The points that a model is trained on: normalized, and each with its place in the hour, the day, the week and the history.

use super::calendar::{Calendar, Local};
use super::limits::{EXCLUDED_MAX, POINTS_MAX, POINTS_MIN, SPAN_MIN_MS, TRAINING_MS};
use super::robust::{median, quantile};
use super::{DAY_MS, HOUR_MS, MINUTE_MS, Settings};

/// Values farther from the middle than so many times the usual distance count as being so far.
const VALUE_MAX: f64 = 1e6;

/// How the values of a metric become numbers of a size that calculates well: `(value - center) / unit`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Norm {
    pub center: f64,
    pub unit: f64,
}

/// The bins of the seasons.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bins {
    /// The length of a bin, a minute at least.
    pub length_ms: i64,
    /// The bins of an hour; 0 if the hour has too few.
    pub of_hour: usize,
    /// The bins of a day; 0 if the day has too few.
    pub of_day: usize,
}

impl Bins {
    pub(super) fn new(period_ms: i64) -> Bins {
        let length_ms = period_ms.max(MINUTE_MS);
        let count = |whole_ms: i64, least: i64| {
            let count = (whole_ms + length_ms - 1) / length_ms;
            if count >= least { count as usize } else { 0 }
        };
        Bins { length_ms, of_hour: count(HOUR_MS, 3), of_day: count(DAY_MS, 2) }
    }

    pub(super) fn in_hour(&self, local: Local) -> usize {
        (local.of_day_ms % HOUR_MS / self.length_ms) as usize
    }

    pub(super) fn in_day(&self, local: Local) -> usize {
        (local.of_day_ms / self.length_ms) as usize
    }
}

/// A point of the training.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// The number of its block.
    pub block: usize,
    /// The number of its day, by the clock, from the first.
    pub day: usize,
    pub local: Local,
    /// Its value, normalized.
    pub value: f64,
}

/// The points of a training.
#[derive(Debug)]
pub(super) struct Frame {
    pub samples: Vec<Sample>,
    pub norm: Norm,
    pub bins: Bins,
    pub start_ms: i64,
    pub end_ms: i64,
    /// The length of a block: an hour, or the period if that is longer.
    pub block_ms: i64,
    pub blocks: usize,
    pub days: usize,
}

impl Frame {
    /// `None` if there are too few points.
    pub(super) fn new(points: &[(i64, f64)], settings: &Settings) -> Option<Frame> {
        let points = usable(points, settings);
        let (start_ms, last_ms) = (points.first()?.0, points.last()?.0);
        if points.len() < POINTS_MIN || last_ms - start_ms < SPAN_MIN_MS {
            return None;
        }
        let norm = Norm::of(&points)?;
        let block_ms = settings.period_ms.clamp(HOUR_MS, TRAINING_MS);
        let mut calendar = Calendar::new(&settings.zone);
        let first_day = calendar.local(start_ms).day;
        let samples: Vec<Sample> = points
            .iter()
            .map(|&(time_ms, value)| {
                let local = calendar.local(time_ms);
                let day = (local.day - first_day).max(0) as usize;
                let block = ((time_ms - start_ms) / block_ms) as usize;
                Sample { block, day, local, value: norm.normalized(value) }
            })
            .collect();
        let last = samples.last()?;
        let (blocks, days) = (last.block + 1, last.day + 1);
        let end_ms = last_ms.saturating_add(settings.period_ms);
        Some(Frame { norm, bins: Bins::new(settings.period_ms), start_ms, end_ms, block_ms, blocks, days, samples })
    }

    /// How long the points span.
    pub(super) fn span_ms(&self) -> i64 {
        self.end_ms - self.start_ms
    }
}

impl Norm {
    fn of(points: &[(i64, f64)]) -> Option<Norm> {
        let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
        let center = median(&mut values)?;
        let mut distances: Vec<f64> = points.iter().map(|point| (point.1 - center).abs()).collect();
        let usual = quantile(&mut distances, 0.9).filter(|usual| *usual > 0.0);
        let widest = || distances.iter().copied().fold(0.0, f64::max);
        let unit = usual.unwrap_or_else(widest);
        // All values alike: as good as any is a unit that no rounding reaches.
        let unit = if unit > 0.0 { unit } else { center.abs() * 1e-6 };
        Some(Norm { center, unit: if unit > 0.0 && unit.is_finite() { unit } else { 1.0 } })
    }

    fn normalized(self, value: f64) -> f64 {
        ((value - self.center) / self.unit).clamp(-VALUE_MAX, VALUE_MAX)
    }

    /// Back from normalized.
    pub(super) fn restored(self, value: f64) -> f64 {
        (self.center + value * self.unit).clamp(f64::MIN, f64::MAX)
    }
}

/// The points that are trained on: of the last two weeks, not excluded, in the order of their times.
fn usable(points: &[(i64, f64)], settings: &Settings) -> Vec<(i64, f64)> {
    let is_excluded = |time_ms: i64| {
        let mut ranges = settings.excluded.iter().take(EXCLUDED_MAX);
        ranges.any(|range| range.start < time_ms.saturating_add(settings.period_ms) && time_ms < range.end)
    };
    // Differences of larger ones would not be finite.
    let is_number = |value: f64| value.abs() <= f64::MAX / 4.0;
    let kept = points.iter().filter(|(time_ms, value)| is_number(*value) && !is_excluded(*time_ms));
    let mut kept: Vec<(i64, f64)> = kept.copied().collect();
    if !kept.is_sorted_by_key(|point| point.0) {
        kept.sort_by_key(|point| point.0);
    }
    kept.dedup_by_key(|point| point.0);
    let oldest_ms = kept.last().map_or(0, |point| point.0.saturating_sub(TRAINING_MS));
    let in_time = kept.len() - kept.partition_point(|point| point.0 <= oldest_ms);
    kept.drain(..kept.len() - in_time.min(POINTS_MAX));
    kept
}
