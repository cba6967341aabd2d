//! A model of what is expected of a metric, and the band that its values usually lie in. Source: "Using CloudWatch anomaly
//! detection".
//!
//! ```text
//! value = level + hourly + daily + weekly + rest        band = level + hourly + daily + weekly +- n * deviation
//! ```
//!
//! - **level**: at each hour the median of the time before it (a day, by [`Adaptation`]), and a trend if the days show one.
//! - **hourly, daily, weekly**: medians over the hours, the days and the weeks of the training, by the clock of a time zone. Days
//!   are of one kind, or of two (a weekend, wherever it lies) if that comes closer to the values. A profile is smooth but where
//!   something sharp repeats, a nightly job for instance. What only one of two weeks has is no season.
//! - **deviation**: of what is left, without outliers, by the hour of the day.
//!
//! All of it is medians of at most two weeks of points: a few wild values, a shift of the level or a day that was different do
//! not move the seasons, and training is a few passes over the points. A model takes kilobytes ([`Model::bytes`]).
//!
//! ```
//! use watchkeep_lang::anomaly::{Model, Settings};
//!
//! let hour_ms = 3_600_000;
//! let load = |hour: i64| 100.0 + 10.0 * (hour % 24) as f64 + (hour * 7919 % 13) as f64;
//! let points: Vec<(i64, f64)> = (0..14 * 24).map(|hour| (hour * hour_ms, load(hour))).collect();
//! let model = Model::train(&points, &Settings::new(hour_ms)).expect("two weeks are enough");
//! let next_day_noon = (14 * 24 + 12) * hour_ms;
//! let band = model.band(&[next_day_noon], 2.0);
//! assert!(band[0].lower > 190.0 && band[0].upper < 270.0);
//! ```

mod calendar;
mod deviations;
mod frame;
mod level;
pub mod limits;
mod robust;
mod seasons;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use calendar::Zone;

use calendar::Calendar;
use deviations::Deviations;
use frame::{Frame, Norm};
use level::Level;
use limits::AHEAD_MS;
use seasons::{Seasons, Weekend};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How a model is trained.
#[derive(Debug, Clone)]
pub struct Settings {
    /// From one point to the next, in milliseconds.
    pub period_ms: i64,
    /// The zone whose days the metric follows.
    pub zone: Zone,
    /// Times that are not trained on: from the start, up to but not including the end, in milliseconds since the epoch.
    pub excluded: Vec<Range<i64>>,
    /// Whether spikes that came on most days are expected to come again.
    pub expects_spikes: bool,
    /// How fast a lasting change becomes what is expected.
    pub adaptation: Adaptation,
    /// Which values are not counted into the deviation.
    pub outliers: Outliers,
    /// What the metric's values never are below, if that is known.
    pub least: Option<f64>,
    /// What the metric's values never are above, if that is known.
    pub most: Option<f64>,
}

impl Settings {
    /// For points of this period, and nothing else known.
    pub fn new(period_ms: i64) -> Settings {
        Settings {
            period_ms,
            zone: Zone::default(),
            excluded: Vec::new(),
            expects_spikes: false,
            adaptation: Adaptation::Normal,
            outliers: Outliers::Moderate,
            least: None,
            most: None,
        }
    }
}

/// How fast a lasting change becomes what is expected (`AdaptationSpeed`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Adaptation {
    /// Within hours.
    Fast,
    /// Within half a day.
    #[default]
    Normal,
    /// Within two days.
    Slow,
}

impl Adaptation {
    /// The time whose median is the level: a change has become it when it has lasted half of that.
    fn window_ms(self) -> i64 {
        match self {
            Adaptation::Fast => 6 * HOUR_MS,
            Adaptation::Normal => DAY_MS,
            Adaptation::Slow => 3 * DAY_MS,
        }
    }
}

/// Which values are not counted into the deviation (`OutlierFilteringStrength`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outliers {
    /// Only the most extreme.
    Minimal,
    /// A moderate range.
    #[default]
    Moderate,
    /// A wide range: the band is tighter.
    Strict,
}

impl Outliers {
    /// Beyond how many standard deviations a value is an outlier.
    fn sigmas(self) -> f64 {
        match self {
            Outliers::Minimal => 10.0,
            Outliers::Moderate => 5.0,
            Outliers::Strict => 3.5,
        }
    }
}

/// What a value usually is at most and at least; `lower <= upper`, both finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// At most.
    pub upper: f64,
    /// At least.
    pub lower: f64,
}

/// A trained model.
#[derive(Debug, Clone)]
pub struct Model {
    period_ms: i64,
    /// Where in its period a training point began.
    phase_ms: i64,
    range_ms: Range<i64>,
    zone: Zone,
    norm: Norm,
    level: Level,
    seasons: Seasons,
    deviations: Deviations,
    least: f64,
    most: f64,
}

impl Model {
    /// Trains a model on points, each the start of its period in milliseconds since the epoch and a value, best in the order of
    /// time. Of more than the newest two weeks, and of more than [`limits::POINTS_MAX`], the oldest are left out, as are values
    /// that are not numbers. `None` if that leaves fewer than [`limits::POINTS_MIN`], or less than [`limits::SPAN_MIN_MS`].
    pub fn train(points: &[(i64, f64)], settings: &Settings) -> Option<Model> {
        let settings = Settings { period_ms: settings.period_ms.clamp(1, limits::TRAINING_MS), ..settings.clone() };
        let frame = Frame::new(points, &settings)?;
        let values = || frame.samples.iter().map(|sample| sample.value);
        let without = |levels: &[f64]| values().zip(levels).map(|(value, level)| value - level).collect::<Vec<_>>();

        let mut rest = without(&level::first(&frame));
        let weekend = Weekend::of(&frame, &rest);
        let seasonless = |seasons: &Seasons| -> Vec<f64> {
            frame.samples.iter().map(|sample| sample.value - seasons.at(sample.local)).collect()
        };
        // The first seasons are of a rough level; the second of the level that these leave.
        let mut seasons = Seasons::fit(&frame, &rest, weekend);
        rest = without(&level::centered(&frame, &level::blocks(&frame, &seasonless(&seasons))));
        seasons = Seasons::fit(&frame, &rest, weekend);

        let mut rest = seasonless(&seasons);
        let blocks = level::blocks(&frame, &rest);
        let level = Level::new(&frame, &blocks, settings.adaptation, seasons.has_days());
        for (value, sample) in rest.iter_mut().zip(&frame.samples) {
            *value -= level.of_block(sample.block);
        }
        let deviations = Deviations::new(&frame, &rest, settings.outliers, settings.expects_spikes);
        Some(Model {
            period_ms: settings.period_ms,
            phase_ms: frame.start_ms.rem_euclid(settings.period_ms),
            range_ms: frame.start_ms..frame.end_ms.saturating_add(AHEAD_MS),
            zone: settings.zone,
            norm: frame.norm,
            level,
            seasons,
            deviations,
            least: settings.least.filter(|least| least.is_finite()).unwrap_or(f64::MIN),
            most: settings.most.filter(|most| most.is_finite()).unwrap_or(f64::MAX),
        })
    }

    /// The band at these times, each the start of a period, `deviations` deviations to both sides; less than none count as none.
    pub fn band(&self, times_ms: &[i64], deviations: f64) -> Vec<Band> {
        let deviations = if deviations.is_finite() { deviations.max(0.0) } else { 0.0 };
        let mut calendar = Calendar::new(&self.zone);
        times_ms.iter().map(|time_ms| self.band_at(*time_ms, deviations, &mut calendar)).collect()
    }

    /// The times that it can say something of: those that it was trained on, and a while ahead.
    pub fn range_ms(&self) -> Range<i64> {
        self.range_ms.clone()
    }

    /// The bytes of memory that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Model>() + self.seasons.bytes() + self.level.bytes()
    }

    fn band_at(&self, time_ms: i64, deviations: f64, calendar: &mut Calendar<'_>) -> Band {
        let into_ms = time_ms.saturating_sub(self.phase_ms).rem_euclid(self.period_ms);
        let aligned_ms = time_ms.saturating_sub(into_ms);
        let mut own = self.aligned(aligned_ms, deviations, calendar);
        if into_ms > 0 {
            // A period that begins elsewhere than those of the training: between two of them.
            let next = self.aligned(aligned_ms.saturating_add(self.period_ms), deviations, calendar);
            let share = into_ms as f64 / self.period_ms as f64;
            own = (own.0 + (next.0 - own.0) * share, own.1 + (next.1 - own.1) * share);
        }
        let bounded = |value: f64| self.norm.restored(value).min(self.most).max(self.least);
        let (upper, lower) = (bounded(own.0), bounded(own.1));
        Band { upper, lower: lower.min(upper) }
    }

    /// The upper and the lower bound, normalized.
    fn aligned(&self, time_ms: i64, deviations: f64, calendar: &mut Calendar<'_>) -> (f64, f64) {
        let local = calendar.local(time_ms);
        let expected = self.level.at(time_ms) + self.seasons.at(local);
        let (above, below) = self.deviations.reach(local, deviations);
        (expected + above, expected - below)
    }
}
