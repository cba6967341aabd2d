//! The functions `..._over_time`: a value of the samples of a range. A range without samples has none.

use super::sums::{self, CompensatedSum, Mean};
use super::window::Window;

/// The mean.
pub fn avg(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    let (first, rest) = window.values.split_first()?;
    let mut mean = Mean::new(*first);
    rest.iter().for_each(|value| mean.push(*value));
    Some(mean.value())
}

/// How many.
pub fn count(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    (!window.values.is_empty()).then_some(window.values.len() as f64)
}

/// The oldest.
pub fn first(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    window.values.first().copied()
}

/// The newest.
pub fn last(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    window.values.last().copied()
}

/// The median distance from the median.
pub fn mad(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    if window.values.is_empty() {
        return None;
    }
    let median = sums::quantile(0.5, &mut window.values.to_vec());
    let mut distances: Vec<f64> = window.values.iter().map(|value| (value - median).abs()).collect();
    Some(sums::quantile(0.5, &mut distances))
}

/// The largest.
pub fn max(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    window.values.iter().copied().reduce(|max, value| if value > max || max.is_nan() { value } else { max })
}

/// The smallest.
pub fn min(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    window.values.iter().copied().reduce(|min, value| if value < min || min.is_nan() { value } else { min })
}

/// 1.
pub fn present(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    (!window.values.is_empty()).then_some(1.0)
}

/// A quantile.
pub fn quantile(window: &Window<'_>, scalars: &[f64]) -> Option<f64> {
    let q = *scalars.first()?;
    (!window.values.is_empty()).then(|| sums::quantile(q, &mut window.values.to_vec()))
}

/// The standard deviation of the population.
pub fn stddev(window: &Window<'_>, scalars: &[f64]) -> Option<f64> {
    stdvar(window, scalars).map(f64::sqrt)
}

/// The variance of the population.
pub fn stdvar(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    (!window.values.is_empty()).then(|| sums::variance(window.values.iter().copied()))
}

/// The sum.
pub fn sum(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    let add = |sum: CompensatedSum, value: &f64| sum.plus(*value);
    (!window.values.is_empty()).then(|| window.values.iter().fold(CompensatedSum::default(), add).value())
}

/// Whether the factors of smoothing lie between 0 and 1.
pub fn check_factors(factors: &[f64]) -> Result<(), String> {
    for (factor, (what, short)) in factors.iter().zip([("smoothing", "sf"), ("trend", "tf")]) {
        if !(*factor > 0.0 && *factor < 1.0) {
            return Err(format!("invalid {what} factor. Expected: 0 < {short} < 1, got: {factor:.6}"));
        }
    }
    Ok(())
}

/// Holt's smoothing by level and trend, with a factor for each; its last value.
pub fn double_exponential_smoothing(window: &Window<'_>, scalars: &[f64]) -> Option<f64> {
    let (level, trend) = (*scalars.first()?, *scalars.get(1)?);
    let (first, rest) = window.values.split_first()?;
    let second = *rest.first()?;
    let (mut before, mut smoothed, mut slope) = (0.0, *first, second - first);
    for (place, value) in rest.iter().enumerate() {
        if place > 0 {
            slope = trend * (smoothed - before) + (1.0 - trend) * slope;
        }
        let next = level * value + (1.0 - level) * (smoothed + slope);
        (before, smoothed) = (smoothed, next);
    }
    Some(smoothed)
}
