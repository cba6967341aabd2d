//! Quantiles of classic histograms, whose buckets are series with the label `le`. Source: "histogram_quantile()".

use super::super::labels::{BUCKET_BOUND, METRIC_NAME};
use super::super::number::parse_number;
use super::*;

/// How far apart, relatively, counts of neighbouring buckets are taken for equal: what summing up floats may have done.
const TOLERANCE: f64 = 1e-12;

/// A bucket: its upper bound, and how many observations are not above it.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    bound: f64,
    count: f64,
}

/// The quantile of each histogram at each step.
pub(super) fn quantiles(quantiles: &[f64], rows: Vec<Row>, steps: usize) -> Evaluated<Vec<Row>> {
    let mut histograms: Vec<(Labels, Vec<(f64, Row)>)> = Vec::new();
    let mut places = ByLabels::<usize>::default();
    for row in rows {
        // What has no bound is no bucket.
        let Some(bound) = parse_number(row.labels.get(BUCKET_BOUND)) else { continue };
        let labels = row.labels.filter(|name| name != BUCKET_BOUND && name != METRIC_NAME);
        let place = *places.entry(labels).or_insert_with_key(|labels| {
            histograms.push((labels.clone(), Vec::new()));
            histograms.len() - 1
        });
        if let Some((_, buckets)) = histograms.get_mut(place) {
            buckets.push((bound, row));
        }
    }
    let mut out = Vec::with_capacity(histograms.len());
    for (labels, mut rows) in histograms {
        rows.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let mut buckets: Vec<Bucket> = Vec::with_capacity(rows.len());
        let mut value = |step: usize| {
            buckets.clear();
            for (bound, row) in &rows {
                match row.values.get(step) {
                    Some(count) if !is_absent(*count) => buckets.push(Bucket { bound: *bound, count: *count }),
                    _ => {}
                }
            }
            let q = quantiles.get(step).copied().unwrap_or(f64::NAN);
            if buckets.is_empty() { ABSENT } else { quantile(q, &mut buckets) }
        };
        let values = (0..steps).map(&mut value).collect();
        out.push(Row { labels, values });
    }
    Ok(present(out))
}

/// The quantile of a histogram whose buckets are sorted by their bounds, if observations are spread evenly within each.
fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if buckets.last().is_none_or(|last| last.bound != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    make_monotonic(buckets);
    let [inner @ .., last] = buckets.as_slice() else { return f64::NAN };
    let Some(highest) = inner.last() else { return f64::NAN };
    if last.count == 0.0 || last.count.is_nan() {
        return f64::NAN;
    }
    let rank = q * last.count;
    let place = inner.partition_point(|bucket| bucket.count < rank);
    let Some(bucket) = inner.get(place) else { return highest.bound };
    if place == 0 && bucket.bound <= 0.0 {
        return bucket.bound;
    }
    // The first bucket begins at 0.
    let below = place.checked_sub(1).and_then(|below| inner.get(below)).copied();
    let below = below.unwrap_or(Bucket { bound: 0.0, count: 0.0 });
    below.bound + (bucket.bound - below.bound) * ((rank - below.count) / (bucket.count - below.count))
}

/// Puts buckets of the same bound together.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|later, first| {
        let is_same = later.bound == first.bound;
        if is_same {
            first.count += later.count;
        }
        is_same
    });
}

/// Buckets of a higher bound count no less: scrapes at different times and rates may have it otherwise.
fn make_monotonic(buckets: &mut [Bucket]) {
    let Some(mut before) = buckets.first().map(|first| first.count) else { return };
    for bucket in buckets.iter_mut().skip(1) {
        if bucket.count < before || is_near(before, bucket.count) {
            bucket.count = before;
        } else {
            before = bucket.count;
        }
    }
}

fn is_near(one: f64, other: f64) -> bool {
    if one == other {
        return true;
    }
    let (sum, difference) = (one.abs() + other.abs(), (one - other).abs());
    if one == 0.0 || other == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}
