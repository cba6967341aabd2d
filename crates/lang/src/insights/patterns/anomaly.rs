//! Whether the number of a pattern's texts is unusual at some time.

use std::collections::BTreeMap;

use crate::insights::value::Value;

/// Of fewer minutes nothing can be said.
const MINUTES_MIN: usize = 10;

/// The most minutes that are looked at; a longer time is looked at in longer pieces.
const PIECES_MAX: usize = 1440;

/// From how many deviations on a number is unusual.
const DEVIATIONS: f64 = 5.0;

/// How a standard deviation follows from the median of deviations, if they are normal.
const NORMAL: f64 = 1.4826;

const MINUTE_MS: i64 = 60_000;

/// The values of [`ANOMALY_COLUMNS`](crate::insights::plan::ANOMALY_COLUMNS): how many deviations the most unusual number lies from the median, whether
/// that is unusual, and what it is.
pub(super) fn columns(times: &BTreeMap<i64, u64>) -> Vec<Value<'static>> {
    match most_unusual(times) {
        None => vec![Value::Number(0.0), Value::Bool(false), Value::Null],
        Some((score, at_ms, count, usual)) => {
            let is_unusual = score >= DEVIATIONS;
            let description = is_unusual.then(|| {
                let more = if count > usual { "more" } else { "fewer" };
                let time = crate::insights::time::render(at_ms);
                Value::text(format!("{count} events at {time}, {more} than the usual {usual}"))
            });
            vec![Value::number(score), Value::Bool(is_unusual), description.unwrap_or_default()]
        }
    }
}

fn most_unusual(times: &BTreeMap<i64, u64>) -> Option<(f64, i64, f64, f64)> {
    let (first, last) = (*times.first_key_value()?.0, *times.last_key_value()?.0);
    let minutes = usize::try_from(last.saturating_sub(first) / MINUTE_MS).ok()?.saturating_add(1);
    if minutes < MINUTES_MIN {
        return None;
    }
    let minutes_each = minutes.div_ceil(PIECES_MAX).max(1);
    let mut counts = vec![0.0; minutes.div_ceil(minutes_each)];
    for (time_ms, count) in times {
        let at = usize::try_from(time_ms.saturating_sub(first) / MINUTE_MS).ok()? / minutes_each;
        *counts.get_mut(at)? += *count as f64;
    }
    let usual = median(&counts)?;
    let deviations: Vec<f64> = counts.iter().map(|count| (count - usual).abs()).collect();
    // Numbers that hardly vary vary by their square root at least, as numbers of independent events do.
    let spread = (median(&deviations)? * NORMAL).max(usual.sqrt()).max(1.0);
    let (at, count) = counts
        .iter()
        .enumerate()
        .max_by(|(_, one), (_, other)| (*one - usual).abs().total_cmp(&(*other - usual).abs()))?;
    let at_ms = first.saturating_add(i64::try_from(at * minutes_each).ok()?.saturating_mul(MINUTE_MS));
    Some(((count - usual).abs() / spread, at_ms, *count, usual))
}

fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
