//! Buckets as weighted samples. Each bucket's samples are put at one place in it: the same part of the way through every bucket, so
//! that the sum is the histogram's own where it tells one, the middle where it does not. So count, sum and average are exact, minimum
//! and maximum too where they are told, and a percentile is off by no more than its bucket is wide.

use watchkeep_core::ports::{Reading, Samples};

use crate::buckets::{Bucket, Counts};

/// What a histogram tells of its smallest and largest sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Extremes {
    /// Nothing.
    Untold,
    /// No sample lies outside; a sample of another time may lie there.
    Within(f64, f64),
    /// These are two of the samples.
    Exactly(f64, f64),
}

/// The samples; `None` if there are none.
pub(crate) fn samples(counts: &Counts, extremes: Extremes, factor: f64) -> Option<Samples> {
    let mut buckets = counts.buckets();
    if buckets.is_empty() {
        return summary(counts, extremes, factor);
    }
    confine(&mut buckets, extremes);
    let mut sum = counts.sum.filter(|sum| sum.is_finite());
    let mut values = Vec::with_capacity(buckets.len() + 2);
    if let Extremes::Exactly(minimum, maximum) = extremes
        && buckets.iter().map(|bucket| bucket.count).sum::<f64>() >= 2.0
    {
        for (bucket, value) in [(buckets.first_mut(), minimum), (None, maximum)] {
            if let Some(bucket) = bucket {
                bucket.count -= 1.0;
            }
            values.push((value * factor, 1.0));
        }
        if let Some(last) = buckets.last_mut() {
            last.count -= 1.0;
        }
        sum = sum.map(|sum| sum - minimum - maximum);
    }
    let lows: f64 = buckets.iter().map(|bucket| bucket.low * bucket.count).sum();
    let widths: f64 = buckets.iter().map(|bucket| (bucket.high - bucket.low) * bucket.count).sum();
    let part = match sum {
        Some(sum) if widths > 0.0 => ((sum - lows) / widths).clamp(0.0, 1.0),
        _ => 0.5,
    };
    let within = buckets.iter().filter(|bucket| bucket.count > 0.0);
    values.extend(within.map(|bucket| ((bucket.low + part * (bucket.high - bucket.low)) * factor, bucket.count)));
    Some(Samples::Weighted(values))
}

/// Gives the outermost buckets bounds, and none beyond the extremes.
fn confine(buckets: &mut [Bucket], extremes: Extremes) {
    let told = match extremes {
        Extremes::Untold => None,
        Extremes::Within(minimum, maximum) | Extremes::Exactly(minimum, maximum) => Some((minimum, maximum)),
    };
    for Bucket { low, high, .. } in buckets {
        if let Some((minimum, maximum)) = told {
            *low = low.max(minimum).min(maximum);
            *high = high.min(maximum).max(minimum);
        }
        // Untold, the first begins at zero, if it reaches beyond, and the last is as good as its bound.
        if low.is_infinite() && high.is_infinite() {
            (*low, *high) = (0.0, 0.0);
        } else if low.is_infinite() {
            *low = high.min(0.0);
        } else if high.is_infinite() {
            *high = *low;
        }
    }
}

/// What a histogram without buckets tells.
fn summary(counts: &Counts, extremes: Extremes, factor: f64) -> Option<Samples> {
    if counts.count == 0 {
        return None;
    }
    let count = counts.count as f64;
    let sum = counts.sum?;
    let mean = sum / count;
    let (minimum, maximum) = match extremes {
        Extremes::Exactly(minimum, maximum) => (minimum, maximum),
        Extremes::Untold | Extremes::Within(..) => (mean, mean),
    };
    Some(Samples::Summary(Reading { count, sum: sum * factor, minimum: minimum * factor, maximum: maximum * factor }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::HistogramDataPoint;
    use proptest::prelude::*;

    fn counts(bounds: &[f64], counts: &[u64], sum: Option<f64>) -> Counts {
        Counts::of_explicit(&HistogramDataPoint {
            explicit_bounds: bounds.to_vec(),
            bucket_counts: counts.to_vec(),
            count: counts.iter().sum(),
            sum,
            ..Default::default()
        })
        .unwrap()
    }

    fn weighted(samples: Option<Samples>) -> Vec<(f64, f64)> {
        let Some(Samples::Weighted(values)) = samples else { panic!("{samples:?}") };
        values
    }

    #[test]
    fn samples_lie_in_their_buckets() {
        let bounds = [10.0, 20.0];
        for (bucket_counts, sum, extremes, expected) in [
            (&[0, 4, 0][..], None, Extremes::Untold, &[(15.0, 4.0)][..]),
            (&[0, 4, 0], Some(48.0), Extremes::Untold, &[(12.0, 4.0)]),
            (&[2, 2, 2], None, Extremes::Untold, &[(5.0, 2.0), (15.0, 2.0), (20.0, 2.0)]),
            (&[0, 1, 0], Some(17.0), Extremes::Exactly(17.0, 17.0), &[(17.0, 1.0)]),
            (&[0, 4, 0], Some(60.0), Extremes::Exactly(11.0, 19.0), &[(11.0, 1.0), (19.0, 1.0), (15.0, 2.0)]),
            (&[1, 0, 1], Some(33.0), Extremes::Exactly(3.0, 30.0), &[(3.0, 1.0), (30.0, 1.0)]),
            (
                &[1, 0, 1],
                Some(33.0),
                Extremes::Within(3.0, 30.0),
                &[(3.0 + 7.0 * 10.0 / 17.0, 1.0), (20.0 + 100.0 / 17.0, 1.0)],
            ),
        ] {
            let values = weighted(samples(&counts(&bounds, bucket_counts, sum), extremes, 1.0));
            let near = values.iter().zip(expected).all(|(a, b)| (a.0 - b.0).abs() < 1e-9 && a.1 == b.1);
            assert!(near && values.len() == expected.len(), "{values:?} {expected:?}");
        }
        // Below zero there is nothing to begin with.
        assert_eq!(weighted(samples(&counts(&[-5.0], &[1, 0], None), Extremes::Untold, 1.0)), [(-5.0, 1.0)]);
        assert_eq!(weighted(samples(&counts(&bounds, &[0, 4, 0], None), Extremes::Untold, 60.0)), [(900.0, 4.0)]);
    }

    #[test]
    fn without_buckets_there_is_a_summary() {
        let without = |count, sum| Counts { count, sum, ..counts(&[], &[], None) };
        let reading = |minimum, maximum| Samples::Summary(Reading { count: 4.0, sum: 20.0, minimum, maximum });
        assert_eq!(samples(&without(4, Some(20.0)), Extremes::Exactly(2.0, 9.0), 1.0), Some(reading(2.0, 9.0)));
        assert_eq!(samples(&without(4, Some(20.0)), Extremes::Untold, 1.0), Some(reading(5.0, 5.0)));
        assert_eq!(samples(&without(0, Some(0.0)), Extremes::Untold, 1.0), None);
    }

    proptest! {
        /// Of samples that were put in buckets, count, sum, minimum and maximum are what they were, and each quantile lies in the
        /// bucket that it lay in.
        #[test]
        fn statistics_are_kept(mut given in proptest::collection::vec(-50.0..250.0f64, 2..60)) {
            let bounds = [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0];
            given.sort_by(f64::total_cmp);
            let bucket_of = |value: f64| bounds.iter().filter(|bound| value > **bound).count();
            let mut bucket_counts = [0; 8];
            given.iter().for_each(|value| bucket_counts[bucket_of(*value)] += 1);
            let sum: f64 = given.iter().sum();
            let extremes = Extremes::Exactly(given[0], given[given.len() - 1]);
            let mut values = weighted(samples(&counts(&bounds, &bucket_counts, Some(sum)), extremes, 1.0));
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            prop_assert_eq!((values[0].0, values[values.len() - 1].0), (given[0], given[given.len() - 1]));
            prop_assert!((values.iter().map(|(value, count)| value * count).sum::<f64>() - sum).abs() < 1e-6);
            let spread: Vec<f64> =
                values.iter().flat_map(|(value, count)| std::iter::repeat_n(*value, *count as usize)).collect();
            prop_assert_eq!(spread.len(), given.len());
            for (put, was) in spread.iter().zip(&given) {
                // On a bound, rounding may put it on the bound's other side.
                prop_assert!(bucket_of(*put) == bucket_of(*was) || bounds.iter().any(|bound| (put - bound).abs() < 1e-9));
            }
        }
    }
}
