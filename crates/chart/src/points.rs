//! The points of a line as they are drawn: in runs without a gap, thinned to what can be seen.

use crate::description::{Point, Series};
use crate::limits::VALUE_MAX;

/// How much longer than its period the distance of two points may be before there is a gap.
const GAP: f64 = 1.5;

/// A series' points that can be drawn: numbers within the times, oldest first. One point before is kept, as its line comes in
/// from the side.
pub(crate) fn visible(series: &Series, start_ms: i64, end_ms: i64) -> Vec<Point> {
    let from_ms = start_ms.saturating_sub(series.period_ms.max(0));
    let points =
        series.points.iter().filter(|(time_ms, value)| value.is_finite() && (from_ms..=end_ms).contains(time_ms));
    let mut points: Vec<Point> =
        points.map(|(time_ms, value)| (*time_ms, value.clamp(-VALUE_MAX, VALUE_MAX))).collect();
    if !points.is_sorted_by_key(|point| point.0) {
        points.sort_by_key(|point| point.0);
    }
    points
}

/// Whether there is a gap between two times.
pub(crate) fn is_gap(earlier_ms: i64, later_ms: i64, period_ms: i64) -> bool {
    period_ms > 0 && later_ms.saturating_sub(earlier_ms) as f64 > GAP * period_ms as f64
}

/// Points in runs, each without a gap.
pub(crate) fn runs(points: &[Point], period_ms: i64) -> impl Iterator<Item = &[Point]> {
    points.chunk_by(move |earlier, later| !is_gap(earlier.0, later.0, period_ms))
}

/// A run with at most four points a column of `column_ms`: the first, lowest, highest and last of each, so the line covers the
/// same pixels.
pub(crate) fn thinned(run: &[Point], start_ms: i64, column_ms: f64) -> Vec<Point> {
    let column = |time_ms: i64| (time_ms.saturating_sub(start_ms) as f64 / column_ms.max(1.0)).floor() as i64;
    let mut thinned = Vec::with_capacity(run.len().min(1024));
    for points in run.chunk_by(|one, next| column(one.0) == column(next.0)) {
        if points.len() <= 4 {
            thinned.extend_from_slice(points);
            continue;
        }
        let by_value = |one: &&Point, other: &&Point| one.1.total_cmp(&other.1);
        let corners = [points.first(), points.iter().min_by(by_value), points.iter().max_by(by_value), points.last()];
        let mut corners: Vec<Point> = corners.into_iter().flatten().copied().collect();
        corners.sort_by_key(|point| point.0);
        corners.dedup();
        thinned.append(&mut corners);
    }
    thinned
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gaps_part_runs() {
        let points: Vec<Point> = [0, 60, 120, 300, 360, 600].map(|time| (time, 1.0)).to_vec();
        let lengths = |period| runs(&points, period).map(<[Point]>::len).collect::<Vec<_>>();
        assert_eq!((lengths(60), lengths(300), lengths(0)), (vec![3, 2, 1], vec![6], vec![6]));
    }

    #[test]
    fn what_is_no_number_or_outside_is_not_drawn() {
        let points = vec![
            (90, 3.0),
            (10, 1.0),
            (20, f64::NAN),
            (30, f64::INFINITY),
            (-70, 2.0),
            (-50, 4.0),
            (200, 5.0),
            (40, 1e300),
        ];
        let series = Series { points, period_ms: 60, ..Series::default() };
        assert_eq!(visible(&series, 0, 100), [(-50, 4.0), (10, 1.0), (40, VALUE_MAX), (90, 3.0)]);
    }

    proptest! {
        #[test]
        fn thinning_keeps_ends_and_extremes_of_every_column(values in prop::collection::vec(-1e3..1e3f64, 0..400), column in 1..50i64) {
            let points: Vec<Point> = values.iter().enumerate().map(|(at, value)| (at as i64, *value)).collect();
            let thin = thinned(&points, 0, column as f64);
            prop_assert!(thin.is_sorted_by_key(|point| point.0));
            prop_assert!(thin.len() <= points.len());
            for part in points.chunks(column as usize) {
                let kept: Vec<Point> = thin.iter().filter(|point| part.contains(point)).copied().collect();
                prop_assert!(kept.len() <= 4);
                prop_assert_eq!((kept.first(), kept.last()), (part.first(), part.last()));
                let highest = |points: &[Point]| points.iter().map(|point| point.1).fold(f64::MIN, f64::max);
                let lowest = |points: &[Point]| points.iter().map(|point| point.1).fold(f64::MAX, f64::min);
                prop_assert_eq!((highest(&kept), lowest(&kept)), (highest(part), lowest(part)));
            }
        }
    }
}
