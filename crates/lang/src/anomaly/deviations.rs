//! How far values usually are from what is expected, by the hour of the day; and the spikes that are usual.

use super::calendar::Local;
use super::frame::Frame;
use super::robust::{Groups, median, quantile, sigma};
use super::{HOUR_MS, Outliers};

const HOURS: usize = 24;

/// The share of training points that two deviations reach, if that is more than two standard deviations: what a person calls
/// normal, also where the distribution has long tails.
const USUAL_SHARE: f64 = 0.985;

/// How many standard deviations a deviation is at most: more of them, and anomalies of the training have come in.
const SIGMAS_MAX: f64 = 1.4;

/// The least deviation, normalized: far below anything that shows, and above rounding.
const LEAST: f64 = 1e-6;

/// With so many points, an hour's own deviations count as much as those of the whole day.
const HOUR_POINTS: f64 = 20.0;

/// By how much an hour may differ from the day.
const HOUR_RATIO: (f64, f64) = (0.4, 3.0);

/// The share of days on which there must be spikes for them to be usual.
const SPIKE_DAYS: f64 = 0.5;

/// The share of spikes that must lie in hours that have them on most days, for other hours to have none.
const SPIKES_IN_THEIR_HOURS: f64 = 0.7;

/// The deviations of a model, normalized.
#[derive(Debug, Clone)]
pub(super) struct Deviations {
    /// One deviation, by hours.
    by_hour: [f32; HOURS],
    /// How high spikes are that are usual, by hours; upwards, then downwards.
    spikes: Option<[[f32; HOURS]; 2]>,
}

impl Deviations {
    /// Of what the model does not explain.
    pub(super) fn new(frame: &Frame, rest: &[f64], outliers: Outliers, expects_spikes: bool) -> Deviations {
        let spread = sigma(&mut distances(rest.iter()));
        let limit = outliers.sigmas() * spread;
        let calm = || rest.iter().filter(|value| value.abs() <= limit);
        let usual = quantile(&mut distances(calm()), USUAL_SHARE).unwrap_or(0.0) / 2.0;
        // What was fitted to the points is closer to them than to those that come.
        let fresh = (1.0 + 2.0 / frame.days.max(1) as f64).sqrt();
        let calm = sigma(&mut distances(calm()));
        let whole = usual.min(SIGMAS_MAX * calm).max(calm) * fresh;
        let ratios = ratios(frame, rest, limit);
        let by_hour = ratios.map(|ratio| (whole * ratio).max(LEAST) as f32);
        let spikes = expects_spikes.then(|| {
            let side = |sign: f64| usual_spikes(frame, rest.iter().map(|value| value * sign), limit);
            [side(1.0), side(-1.0)]
        });
        Deviations { by_hour, spikes }
    }

    /// How far above and below what is expected a value may be at a time.
    pub(super) fn reach(&self, local: Local, deviations: f64) -> (f64, f64) {
        let own = local.hour();
        // Between the middles of two hours.
        let into = (local.of_day_ms % HOUR_MS) as f64 / HOUR_MS as f64 - 0.5;
        let next = (if into < 0.0 { own + HOURS - 1 } else { own + 1 }) % HOURS;
        let of = |hour: usize| f64::from(self.by_hour.get(hour).copied().unwrap_or_default());
        let width = deviations * (of(own) * (1.0 - into.abs()) + of(next) * into.abs());
        let spike = |side: usize| {
            let spikes = self.spikes.as_ref().and_then(|spikes| spikes.get(side)?.get(own));
            spikes.map_or(0.0, |spike| f64::from(*spike))
        };
        (width.max(spike(0)), width.max(spike(1)))
    }
}

fn distances<'v>(values: impl Iterator<Item = &'v f64>) -> Vec<f64> {
    values.map(|value| value.abs()).collect()
}

/// How an hour's deviations compare with those of the whole day.
fn ratios(frame: &Frame, rest: &[f64], limit: f64) -> [f64; HOURS] {
    let calm = frame.samples.iter().zip(rest).filter(|(_, value)| value.abs() <= limit);
    let items = calm.map(|(sample, value)| (sample.local.hour(), value.abs()));
    let whole = median(&mut items.clone().map(|(_, value)| value).collect::<Vec<_>>()).unwrap_or(0.0);
    let mut ratios = [1.0; HOURS];
    if whole > 0.0 {
        for (ratio, found) in ratios.iter_mut().zip(Groups::new(HOURS, items).medians()) {
            let (own, count) = found.map_or((1.0, 0.0), |(median, count)| (median / whole, count as f64));
            let blended = ((own * own * count + HOUR_POINTS) / (count + HOUR_POINTS)).sqrt();
            *ratio = blended.clamp(HOUR_RATIO.0, HOUR_RATIO.1);
        }
    }
    ratios
}

/// How high spikes above `limit` usually are, by hours: in the hours that have them on most days if nearly all lie in those, in
/// all hours if they come on most days at any time.
fn usual_spikes(frame: &Frame, rest: impl Iterator<Item = f64>, limit: f64) -> [f32; HOURS] {
    let spikes: Vec<(usize, usize, f64)> = frame
        .samples
        .iter()
        .zip(rest)
        .filter(|(_, value)| *value > limit && limit > 0.0)
        .map(|(sample, value)| (sample.day, sample.local.hour(), value))
        .collect();
    let days = |hour: Option<usize>| {
        let mut days: Vec<usize> =
            spikes.iter().filter(|spike| hour.is_none_or(|hour| hour == spike.1)).map(|spike| spike.0).collect();
        days.dedup();
        days.len()
    };
    let most = (frame.days as f64 * SPIKE_DAYS).max(3.0);
    let height = |is_wanted: &dyn Fn(usize) -> bool| {
        let mut heights: Vec<f64> = spikes.iter().filter(|spike| is_wanted(spike.1)).map(|spike| spike.2).collect();
        // A little more than most of them.
        quantile(&mut heights, 0.95).map_or(0.0, |height| 1.1 * height as f32)
    };
    let mut usual = [0.0; HOURS];
    if (days(None) as f64) < most {
        return usual;
    }
    let has_them: Vec<usize> = (0..HOURS).filter(|hour| days(Some(*hour)) as f64 >= most).collect();
    let in_them = spikes.iter().filter(|spike| has_them.contains(&spike.1)).count();
    let anywhere = (in_them as f64) < SPIKES_IN_THEIR_HOURS * spikes.len() as f64;
    for (hour, usual) in usual.iter_mut().enumerate() {
        if anywhere {
            *usual = height(&|_| true);
        } else if has_them.contains(&hour) {
            *usual = height(&|other| other == hour);
        }
    }
    usual
}
