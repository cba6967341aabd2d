//! Histograms as lists of buckets, whichever kind they came as, and the differences between them.

use crate::messages::{Buckets, ExponentialHistogramDataPoint, HistogramDataPoint};

/// Counts of a histogram: what grows from point to point if it is cumulative.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counts {
    /// How many samples.
    pub(crate) count: u64,
    /// Their sum, if it is told.
    pub(crate) sum: Option<f64>,
    /// In which buckets they lie.
    pub(crate) layout: Layout,
}

/// The buckets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layout {
    /// Between these bounds, and below and above; or in no buckets at all.
    Explicit { bounds: Box<[f64]>, counts: Box<[u64]> },
    /// Between the powers of a base.
    Exponential { scale: i32, zero: u64, positive: Side, negative: Side },
}

/// The buckets on one side of zero: of `base^index` to `base^(index + 1)`, from the index `offset`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Side {
    offset: i64,
    counts: Box<[u64]>,
}

/// A bucket with samples in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    /// Its lower bound; minus infinity of the first of explicit ones.
    pub(crate) low: f64,
    /// Its upper bound; infinity of the last of explicit ones.
    pub(crate) high: f64,
    /// How many samples.
    pub(crate) count: f64,
}

impl Counts {
    /// Of a histogram with explicit bounds.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub(crate) fn of_explicit(point: &HistogramDataPoint) -> Result<Counts, &'static str> {
        let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
        if !counts.is_empty() && counts.len() != bounds.len() + 1 {
            return Err("a histogram must have one bucket more than bounds");
        }
        let ascending = bounds.iter().zip(bounds.iter().skip(1)).all(|(a, b)| a < b);
        if !ascending || bounds.iter().any(|bound| !bound.is_finite()) {
            return Err("a histogram's bounds must be finite and ascending");
        }
        let layout = Layout::Explicit { bounds: bounds.as_slice().into(), counts: counts.as_slice().into() };
        Ok(Counts { count: point.count, sum: point.sum, layout })
    }

    /// Of an exponential histogram.
    pub(crate) fn of_exponential(point: &ExponentialHistogramDataPoint) -> Counts {
        let side = |buckets: &Option<Buckets>| {
            buckets.as_ref().map_or_else(Side::default, |buckets| Side {
                offset: buckets.offset.into(),
                counts: buckets.bucket_counts.as_slice().into(),
            })
        };
        let layout = Layout::Exponential {
            scale: point.scale,
            zero: point.zero_count,
            positive: side(&point.positive),
            negative: side(&point.negative),
        };
        Counts { count: point.count, sum: point.sum, layout }
    }

    /// What has come since `earlier`; `None` if that is not part of this: a reset, or other buckets.
    pub(crate) fn since(&self, earlier: &Counts) -> Option<Counts> {
        let layout = match (&self.layout, &earlier.layout) {
            (Layout::Explicit { bounds, counts }, Layout::Explicit { bounds: old_bounds, counts: old_counts }) => {
                if bounds != old_bounds || counts.len() != old_counts.len() {
                    return None;
                }
                let counts = counts.iter().zip(old_counts).map(|(now, then)| now.checked_sub(*then));
                Layout::Explicit { bounds: bounds.clone(), counts: counts.collect::<Option<_>>()? }
            }
            (
                Layout::Exponential { scale, zero, positive, negative },
                Layout::Exponential {
                    scale: old_scale,
                    zero: old_zero,
                    positive: old_positive,
                    negative: old_negative,
                },
            ) => {
                // Buckets grow coarser while a histogram lives, never finer.
                let halvings = old_scale.checked_sub(*scale).and_then(|halvings| u32::try_from(halvings).ok())?;
                Layout::Exponential {
                    scale: *scale,
                    zero: zero.checked_sub(*old_zero)?,
                    positive: positive.since(old_positive, halvings)?,
                    negative: negative.since(old_negative, halvings)?,
                }
            }
            _ => return None,
        };
        let sum = self.sum.zip(earlier.sum).map(|(now, then)| now - then);
        Some(Counts { count: self.count.checked_sub(earlier.count)?, sum, layout })
    }

    /// The buckets with samples, in ascending order.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        match &self.layout {
            Layout::Explicit { bounds, counts } => {
                let bound = |index: usize| bounds.get(index).copied();
                let buckets = counts.iter().enumerate().map(|(index, count)| Bucket {
                    low: index.checked_sub(1).and_then(bound).unwrap_or(f64::NEG_INFINITY),
                    high: bound(index).unwrap_or(f64::INFINITY),
                    count: *count as f64,
                });
                buckets.filter(|bucket| bucket.count > 0.0).collect()
            }
            Layout::Exponential { scale, zero, positive, negative } => {
                let mut buckets: Vec<Bucket> = negative
                    .buckets(*scale)
                    .map(|Bucket { low, high, count }| Bucket { low: -high, high: -low, count })
                    .collect();
                buckets.reverse();
                if *zero > 0 {
                    buckets.push(Bucket { low: 0.0, high: 0.0, count: *zero as f64 });
                }
                buckets.extend(positive.buckets(*scale));
                buckets
            }
        }
    }
}

impl Side {
    /// What has come since `earlier`, whose buckets are merged in pairs so often.
    fn since(&self, earlier: &Side, halvings: u32) -> Option<Side> {
        let mut counts = self.counts.clone();
        for (index, count) in earlier.indexed().filter(|(_, count)| *count > 0) {
            let place = (index >> halvings.min(63)).checked_sub(self.offset)?;
            let place = counts.get_mut(usize::try_from(place).ok()?)?;
            *place = place.checked_sub(count)?;
        }
        Some(Side { offset: self.offset, counts })
    }

    fn indexed(&self) -> impl Iterator<Item = (i64, u64)> {
        (self.offset..).zip(self.counts.iter().copied())
    }

    /// In the order of their distance from zero.
    fn buckets(&self, scale: i32) -> impl Iterator<Item = Bucket> {
        // The exponents of two lie `2^-scale` apart.
        let step = (-f64::from(scale)).exp2();
        let bound = move |index: i64| (index as f64 * step).exp2();
        self.indexed().filter(|(_, count)| *count > 0).map(move |(index, count)| Bucket {
            low: bound(index),
            high: bound(index + 1),
            count: count as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exponential(scale: i32, offset: i32, counts: &[u64]) -> Counts {
        let positive = Some(Buckets { offset, bucket_counts: counts.to_vec() });
        let count = counts.iter().sum();
        Counts::of_exponential(&ExponentialHistogramDataPoint { scale, positive, count, ..Default::default() })
    }

    #[test]
    fn bounds_of_exponential_buckets_are_powers() {
        let bounds = |counts: Counts| counts.buckets().iter().map(|b| (b.low, b.high, b.count)).collect::<Vec<_>>();
        assert_eq!(bounds(exponential(0, -1, &[1, 0, 3])), [(0.5, 1.0, 1.0), (2.0, 4.0, 3.0)]);
        assert_eq!(bounds(exponential(-1, 0, &[2, 1])), [(1.0, 4.0, 2.0), (4.0, 16.0, 1.0)]);
        let [(low, high, _)] = bounds(exponential(1, 1, &[1]))[..] else { panic!("one bucket") };
        assert!((low - 2f64.sqrt()).abs() < 1e-12 && (high - 2.0).abs() < 1e-12);
        let both = ExponentialHistogramDataPoint {
            zero_count: 2,
            positive: Some(Buckets { offset: 0, bucket_counts: vec![1] }),
            negative: Some(Buckets { offset: 0, bucket_counts: vec![4, 5] }),
            ..Default::default()
        };
        assert_eq!(
            bounds(Counts::of_exponential(&both)),
            [(-4.0, -2.0, 5.0), (-2.0, -1.0, 4.0), (0.0, 0.0, 2.0), (1.0, 2.0, 1.0)]
        );
    }

    #[test]
    fn differences_follow_a_coarser_scale() {
        let earlier = exponential(1, 0, &[1, 2, 3, 4]);
        let later = exponential(0, 0, &[4, 9, 1]);
        assert_eq!(later.since(&earlier), Some(exponential(0, 0, &[1, 2, 1])));
        for reset in [exponential(2, 0, &[9, 9, 9, 9]), exponential(1, 0, &[1, 2, 3, 3]), exponential(1, 1, &[9; 4])] {
            assert_eq!(reset.since(&earlier), None, "{reset:?}");
        }
    }

    #[test]
    fn explicit_buckets_are_checked() {
        let point = |bounds: &[f64], counts: &[u64]| HistogramDataPoint {
            explicit_bounds: bounds.to_vec(),
            bucket_counts: counts.to_vec(),
            ..Default::default()
        };
        assert!(Counts::of_explicit(&point(&[1.0, 2.0], &[1, 2, 3])).is_ok());
        assert!(Counts::of_explicit(&point(&[], &[])).is_ok());
        for (bounds, counts) in [(&[1.0][..], &[1][..]), (&[2.0, 1.0], &[1, 2, 3]), (&[f64::NAN], &[1, 2])] {
            assert!(Counts::of_explicit(&point(bounds, counts)).is_err(), "{bounds:?}");
        }
    }

    proptest! {
        #[test]
        fn no_counts_and_scales_panic(
            scale in any::<i32>(), other in any::<i32>(), offset in any::<i32>(), moved in any::<i32>(),
            counts in proptest::collection::vec(any::<u32>(), 0..6), more in proptest::collection::vec(any::<u32>(), 0..6),
        ) {
            let wide = |counts: Vec<u32>| counts.into_iter().map(u64::from).collect::<Vec<_>>();
            let (earlier, later) = (exponential(scale, offset, &wide(counts)), exponential(other, moved, &wide(more)));
            if let Some(between) = later.since(&earlier) {
                prop_assert_eq!(between.count + earlier.count, later.count);
            }
            later.buckets();
        }
    }
}
