//! How fast series change. The samples of a range seldom reach its ends, so `rate`, `increase` and `delta` extrapolate: to an end
//! that is near, and by half a sample's distance towards one that is not.

use super::sums::CompensatedSum;
use super::window::Window;

/// The increase of a counter a second.
pub fn rate(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(window, true, seconds(window.length_ms()))
}

/// The increase of a counter.
pub fn increase(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(window, true, 1.0)
}

/// The difference of a gauge.
pub fn delta(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(window, false, 1.0)
}

/// The increase of a counter a second, by its last two samples.
pub fn irate(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    let ((before_ms, before), (last_ms, last)) = last_two(window)?;
    // A counter that fell began anew at 0.
    let increase = if last < before { last } else { last - before };
    Some(increase / seconds(last_ms - before_ms))
}

/// The difference of the last two samples.
pub fn idelta(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    let ((_, before), (_, last)) = last_two(window)?;
    Some(last - before)
}

/// How often the value changed.
pub fn changes(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    let is_change = |pair: &[f64]| matches!(pair, [one, other] if one != other && !(one.is_nan() && other.is_nan()));
    (!window.values.is_empty()).then(|| window.values.windows(2).filter(|pair| is_change(pair)).count() as f64)
}

/// How often a counter began anew.
pub fn resets(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    (!window.values.is_empty()).then_some(window.before_resets.len() as f64)
}

/// The slope of the line through the samples, a second.
pub fn deriv(window: &Window<'_>, _: &[f64]) -> Option<f64> {
    let ((first_ms, _), _) = window.ends()?;
    Some(regression(window, first_ms).0)
}

/// Where the line through the samples will be in so many seconds.
pub fn predict_linear(window: &Window<'_>, scalars: &[f64]) -> Option<f64> {
    let seconds = *scalars.first()?;
    window.ends()?;
    let (slope, intercept) = regression(window, window.now_ms);
    Some(slope * seconds + intercept)
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn last_two(window: &Window<'_>) -> Option<((i64, f64), (i64, f64))> {
    let ([.., before_ms, last_ms], [.., before, last]) = (window.times_ms, window.values) else { return None };
    Some(((*before_ms, *before), (*last_ms, *last)))
}

/// What the samples say of the whole range, divided by `per`.
fn extrapolated(window: &Window<'_>, is_counter: bool, per: f64) -> Option<f64> {
    let ((first_ms, first), (last_ms, last)) = window.ends()?;
    let mut result = last - first;
    if is_counter {
        // What a counter had reached before it began anew.
        window.before_resets.iter().for_each(|before| result += before);
    }
    let sampled = seconds(last_ms - first_ms);
    let average = sampled / (window.values.len() - 1) as f64;
    let threshold = average * 1.1;
    let mut to_start = seconds(first_ms - window.start_ms);
    let mut to_end = seconds(window.end_ms - last_ms);
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if is_counter && result > 0.0 && first >= 0.0 {
        // A counter is never below 0: it began no earlier than where the line through the samples is 0.
        to_start = to_start.min(sampled * (first / result));
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    Some(result * ((sampled + to_start + to_end) / sampled / per))
}

/// Slope and intercept of the line through the samples, by least squares; the intercept is its value at `origin_ms`.
fn regression(window: &Window<'_>, origin_ms: i64) -> (f64, f64) {
    let first = window.values.first().copied().unwrap_or(f64::NAN);
    if window.values.iter().all(|value| *value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) =
        (CompensatedSum::default(), CompensatedSum::default(), CompensatedSum::default(), CompensatedSum::default());
    for (time_ms, y) in window.times_ms.iter().zip(window.values) {
        let x = seconds(time_ms - origin_ms);
        x_sum = x_sum.plus(x);
        y_sum = y_sum.plus(*y);
        xy_sum = xy_sum.plus(x * y);
        xx_sum = xx_sum.plus(x * x);
    }
    let count = window.values.len() as f64;
    let total = |sum: CompensatedSum| sum.sum + sum.lost;
    let (x, y, xy, xx) = (total(x_sum), total(y_sum), total(xy_sum), total(xx_sum));
    let slope = (xy - x * y / count) / (xx - x * x / count);
    (slope, y / count - slope * x / count)
}
