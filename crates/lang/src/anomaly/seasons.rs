//! What repeats every hour, every day and every week.

use super::calendar::Local;
use super::frame::{Bins, Frame};
use super::level::agreed;
use super::robust::{ERROR_OF_MEDIAN, Groups, median, sigma};
use super::{DAY_MS, HOUR_MS, MINUTE_MS};

/// What repeats is told from chance if it is so many standard errors apart.
const SIGNIFICANT_ERRORS: f64 = 4.0;

/// The time over which a day's profile is smooth, but where it significantly is not.
const SMOOTH_MS: i64 = 30 * MINUTE_MS;

/// How much closer to the values a week of two kinds of days must come than one of days that are all alike.
const WORTH_TWO_KINDS: f64 = 0.9;

const HOURS: usize = 24;
const WEEK_HOURS: usize = 7 * HOURS;

/// Which days of the week are of the second kind, a bit for each from Monday on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weekend(u8);

impl Weekend {
    /// All days are alike.
    pub(super) const NONE: Weekend = Weekend(0);
    const CANDIDATES: [Weekend; 3] = [Weekend(0b110_0000), Weekend(0b011_0000), Weekend(0b100_0000)];

    /// The kind of a day: 0 or 1.
    fn kind(self, weekday: usize) -> usize {
        usize::from(self.0 >> weekday & 1)
    }

    /// The one that tells the days apart best, given what is left of the values without their level.
    pub(super) fn of(frame: &Frame, rest: &[f64]) -> Weekend {
        let mut all: Vec<f64> = rest.iter().map(|value| value.abs()).collect();
        let wild = 5.0 * median(&mut all).unwrap_or(0.0);
        let best = (WORTH_TWO_KINDS * Weekend::NONE.misfit(frame, rest, wild), Weekend::NONE);
        let candidates = Weekend::CANDIDATES.into_iter().filter(|weekend| weekend.has_two_days_each(frame));
        let misfits = candidates.map(|weekend| (weekend.misfit(frame, rest, wild), weekend));
        misfits.fold(best, |best, next| if next.0 < best.0 { next } else { best }).1
    }

    fn has_two_days_each(self, frame: &Frame) -> bool {
        let mut days: [Vec<usize>; 2] = Default::default();
        for sample in &frame.samples {
            if let Some(days) = days.get_mut(self.kind(sample.local.weekday))
                && days.last() != Some(&sample.day)
            {
                days.push(sample.day);
            }
        }
        days.iter().all(|days| days.len() >= 2)
    }

    /// How far the values are from the profiles of the kinds of days, by hours; no more than `wild` for each.
    fn misfit(self, frame: &Frame, rest: &[f64], wild: f64) -> f64 {
        let group = |local: Local| self.kind(local.weekday) * HOURS + local.hour();
        let items = frame.samples.iter().zip(rest).map(|(sample, value)| (group(sample.local), *value));
        let medians = Groups::new(2 * HOURS, items.clone()).medians();
        let of = |group: usize| medians.get(group).copied().flatten().map_or(0.0, |(median, _)| median);
        items.map(|(group, value)| (value - of(group)).abs().min(wild)).sum()
    }
}

/// The seasons of a model, normalized.
#[derive(Debug, Clone)]
pub(super) struct Seasons {
    bins: Bins,
    weekend: Weekend,
    /// By the bins of an hour; empty if there is no such season.
    hourly: Vec<f32>,
    /// By kinds of days, then the bins of a day; empty if there is no such season.
    daily: Vec<f32>,
    /// By the hours of a week; empty if there is no such season.
    weekly: Vec<f32>,
}

impl Seasons {
    /// The seasons of what is left of the values without their level.
    pub(super) fn fit(frame: &Frame, rest: &[f64], weekend: Weekend) -> Seasons {
        let mut seasons =
            Seasons { bins: frame.bins, weekend, hourly: Vec::new(), daily: Vec::new(), weekly: Vec::new() };
        let mut rest = rest.to_vec();
        if frame.bins.of_hour > 0 && frame.span_ms() >= 3 * HOUR_MS {
            seasons.hourly = hourly(frame, &rest);
            subtract(frame, &mut rest, |local| pick(&seasons.hourly, seasons.bins.in_hour(local)));
        }
        if frame.bins.of_day > 0 && frame.span_ms() >= 2 * DAY_MS {
            seasons.daily = daily(frame, &rest, weekend);
            subtract(frame, &mut rest, |local| pick(&seasons.daily, seasons.in_daily(local)));
        }
        if frame.bins.of_day > 0 && frame.span_ms() >= 13 * DAY_MS {
            seasons.weekly = weekly(frame, &rest);
        }
        seasons
    }

    /// What the seasons add at a time.
    pub(super) fn at(&self, local: Local) -> f64 {
        pick(&self.hourly, self.bins.in_hour(local))
            + pick(&self.daily, self.in_daily(local))
            + pick(&self.weekly, local.weekday * HOURS + local.hour())
    }

    /// Whether there is a profile of the day.
    pub(super) fn has_days(&self) -> bool {
        !self.daily.is_empty()
    }

    /// The bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        (self.hourly.capacity() + self.daily.capacity() + self.weekly.capacity()) * size_of::<f32>()
    }

    fn in_daily(&self, local: Local) -> usize {
        self.weekend.kind(local.weekday) * self.bins.of_day + self.bins.in_day(local)
    }
}

fn pick(season: &[f32], place: usize) -> f64 {
    season.get(place).map_or(0.0, |value| f64::from(*value))
}

fn subtract(frame: &Frame, rest: &mut [f64], season: impl Fn(Local) -> f64) {
    for (value, sample) in rest.iter_mut().zip(&frame.samples) {
        *value -= season(sample.local);
    }
}

/// What every hour has in common, around the middle of each.
fn hourly(frame: &Frame, rest: &[f64]) -> Vec<f32> {
    let by_block = frame.samples.iter().zip(rest).map(|(sample, value)| (sample.block, *value));
    let middles = Groups::new(frame.blocks, by_block).medians();
    let around = |(index, value): (usize, &f64)| {
        let sample = frame.samples.get(index)?;
        let (middle, _) = middles.get(sample.block).copied().flatten()?;
        Some((frame.bins.in_hour(sample.local), value - middle))
    };
    let items = rest.iter().enumerate().filter_map(around);
    let medians = Groups::new(frame.bins.of_hour, items.clone()).medians();
    let of = |bin: usize| medians.get(bin).copied().flatten().map_or(0.0, |(median, _)| median);
    let noise = sigma(&mut items.map(|(bin, value)| (value - of(bin)).abs()).collect::<Vec<_>>());
    let is_significant =
        |&(median, count): &(f64, usize)| count > 2 && median.abs() > SIGNIFICANT_ERRORS * error(noise, count);
    match medians.iter().flatten().any(is_significant) {
        true => medians.iter().map(|bin| bin.map_or(0.0, |(median, _)| median as f32)).collect(),
        false => Vec::new(),
    }
}

/// The standard error of a median.
fn error(noise: f64, count: usize) -> f64 {
    ERROR_OF_MEDIAN * noise / (count.max(1) as f64).sqrt()
}

/// The profile of each kind of day: medians over the days, smooth where nothing significant speaks against it.
fn daily(frame: &Frame, rest: &[f64], weekend: Weekend) -> Vec<f32> {
    let bins = frame.bins.of_day;
    let group =
        |local: Local| weekend.kind(local.weekday) * bins + frame.bins.in_day(local).min(bins.saturating_sub(1));
    let items = frame.samples.iter().zip(rest).map(|(sample, value)| (group(sample.local), *value));
    let mut medians = Groups::new(2 * bins, items.clone()).medians();
    // Of one value nothing is known to repeat.
    medians.iter_mut().for_each(|bin| *bin = bin.filter(|(_, count)| *count >= 2));
    let distances = items.filter_map(|(bin, value)| Some((value - medians.get(bin).copied().flatten()?.0).abs()));
    let noise = sigma(&mut distances.collect::<Vec<_>>());
    medians.chunks(bins.max(1)).flat_map(|kind| smoothed(kind, noise, frame.bins.length_ms)).collect()
}

fn smoothed(profile: &[Option<(f64, usize)>], noise: f64, bin_ms: i64) -> Vec<f32> {
    let reach = (SMOOTH_MS / bin_ms / 2) as usize;
    let mut window = Vec::with_capacity(2 * reach + 1);
    let smooth = profile.iter().enumerate().map(|(at, own)| {
        // Midnight is within the day of the clock: the profile is a circle.
        let around = profile.iter().cycle().skip(at + profile.len().saturating_sub(reach)).take(2 * reach + 1);
        window.clear();
        window.extend(around.flatten().map(|(median, _)| *median));
        let smooth = median(&mut window);
        match (own, smooth) {
            (None, smooth) => smooth.unwrap_or(0.0) as f32,
            (Some((own, count)), Some(smooth)) if (own - smooth).abs() <= SIGNIFICANT_ERRORS * error(noise, *count) => {
                smooth as f32
            }
            (Some((own, _)), _) => *own as f32,
        }
    });
    smooth.collect()
}

/// What an hour of the week has beyond its day's profile in every week; where weeks disagree, as much as all of them have.
fn weekly(frame: &Frame, rest: &[f64]) -> Vec<f32> {
    let weeks = frame.days.div_ceil(7);
    let group = |week: usize, hour: usize| week * WEEK_HOURS + hour;
    let items = frame.samples.iter().zip(rest).map(|(sample, value)| {
        let hour = sample.local.weekday * HOURS + sample.local.hour();
        (group(sample.day / 7, hour), *value)
    });
    let medians = Groups::new(weeks * WEEK_HOURS, items).medians();
    let noise = sigma(&mut rest.iter().map(|value| value.abs()).collect::<Vec<_>>());
    let of_hour = |hour: usize| {
        let found: Vec<(f64, usize)> =
            (0..weeks).filter_map(|week| medians.get(group(week, hour)).copied().flatten()).collect();
        let fewest = found.iter().map(|(_, count)| *count).min()?;
        let least = agreed(&found.iter().map(|(median, _)| *median).collect::<Vec<_>>())?;
        (least.abs() > SIGNIFICANT_ERRORS / 2.0 * error(noise, fewest)).then_some(least as f32)
    };
    (0..WEEK_HOURS).map(|hour| of_hour(hour).unwrap_or(0.0)).collect()
}
