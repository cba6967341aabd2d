//! Tests of the anomaly models: on generated metrics, and on arbitrary points.

mod accuracy;
mod examples;
mod generated;
mod properties;

use super::*;

/// 2026-03-02T00:00:00Z, a Monday.
const MONDAY_MS: i64 = 1_772_409_600_000;

/// How far apart the bounds are, on average.
fn mean_width(bands: &[Band]) -> f64 {
    bands.iter().map(|band| band.upper - band.lower).sum::<f64>() / bands.len() as f64
}

fn contains(band: &Band, value: f64) -> bool {
    (band.lower..=band.upper).contains(&value)
}
