//! Counts by magnitude.

use std::sync::LazyLock;

use super::{BUCKETS_PER_DOUBLING, sum};

/// The indexes of the buckets of the smallest and the largest number.
pub(super) const INDEX_RANGE: std::ops::RangeInclusive<i32> = -37_590..=35_839;

/// Counts of buckets, by index: bucket i has the magnitudes from 2^(i/35), inclusive, to 2^((i+1)/35).
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Bins {
    /// In ascending order of the indexes, with counts above 0.
    counts: Vec<(i32, f64)>,
}

impl Bins {
    /// Adds a magnitude, which is finite and above 0.
    pub(super) fn add(&mut self, magnitude: f64, count: f64) {
        let index = index(magnitude);
        match self.counts.binary_search_by_key(&index, |(known, _)| *known) {
            Ok(at) => self.counts.iter_mut().skip(at).take(1).for_each(|(_, known)| *known = sum(*known, count)),
            Err(at) => self.counts.insert(at, (index, count)),
        }
    }

    pub(super) fn merge(&mut self, other: &Bins) {
        let mut merged = Vec::with_capacity(self.counts.len().max(other.counts.len()));
        let mut own = self.counts.iter().copied().peekable();
        for &(index, count) in &other.counts {
            while let Some(before) = own.next_if(|(known, _)| *known < index) {
                merged.push(before);
            }
            let same = own.next_if(|(known, _)| *known == index);
            merged.push((index, same.map_or(count, |(_, known)| sum(known, count))));
        }
        merged.extend(own);
        self.counts = merged;
    }

    /// Puts a bucket behind the others. `None` if its index is not above theirs, or is none.
    pub(super) fn push(&mut self, index: i32, count: f64) -> Option<()> {
        let is_above = self.counts.last().is_none_or(|(last, _)| *last < index);
        (is_above && INDEX_RANGE.contains(&index)).then(|| self.counts.push((index, count)))
    }

    /// The counts by index, in ascending order.
    pub(super) fn as_slice(&self) -> &[(i32, f64)] {
        &self.counts
    }
}

/// The bucket of a magnitude.
pub(super) fn index(magnitude: f64) -> i32 {
    let bits = magnitude.to_bits();
    let (exponent, fraction) = ((bits >> FRACTION_BITS) as i32, bits & FRACTION);
    let Some(step) = STEPS.get((fraction >> (FRACTION_BITS - STEP_BITS)) as usize).filter(|_| exponent > 0) else {
        return index_of_logarithm(magnitude);
    };
    (exponent - EXPONENT_OF_ONE) * BUCKETS_PER_DOUBLING as i32 + step.bucket + i32::from(fraction >= step.end)
}

/// The same by its definition: slow, and needed only for numbers so small that they are written without an exponent.
fn index_of_logarithm(magnitude: f64) -> i32 {
    let index = (magnitude.log2() * f64::from(BUCKETS_PER_DOUBLING)).floor() as i32;
    index.clamp(*INDEX_RANGE.start(), *INDEX_RANGE.end())
}

/// How a floating-point number of 64 bits is laid out.
const FRACTION_BITS: u32 = 52;
const FRACTION: u64 = (1 << FRACTION_BITS) - 1;
const EXPONENT_OF_ONE: i32 = 1023;

/// The numbers from 1 to 2 in steps so small that none has more than one bound of buckets in it.
const STEP_BITS: u32 = 8;

/// Numbers whose fractions begin with the same bits.
struct Step {
    /// The bucket of the first of them.
    bucket: i32,
    /// The fraction with which the next bucket begins.
    end: u64,
}

static STEPS: LazyLock<Vec<Step>> = LazyLock::new(|| {
    let buckets = f64::from(BUCKETS_PER_DOUBLING);
    let start = |bucket: u32| match bucket {
        BUCKETS_PER_DOUBLING => FRACTION + 1,
        _ => (f64::from(bucket) / buckets).exp2().to_bits() & FRACTION,
    };
    let step = |first: u64| {
        let bucket = (0..BUCKETS_PER_DOUBLING).rev().find(|&bucket| start(bucket) <= first).unwrap_or_default();
        Step { bucket: bucket as i32, end: start(bucket + 1) }
    };
    (0..1 << STEP_BITS).map(|at: u64| step(at << (FRACTION_BITS - STEP_BITS))).collect()
});

/// The magnitude that stands for a bucket: the one whose relative distance to both bounds is the same.
pub(super) fn representative(index: i32) -> f64 {
    let bound = |index: f64| (index / f64::from(BUCKETS_PER_DOUBLING)).exp2();
    let growth = bound(1.0);
    bound(f64::from(index)) * (2.0 * growth / (growth + 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(magnitude: f64) {
        let (found, expected) = (index(magnitude), index_of_logarithm(magnitude));
        // At a bound the logarithm may be rounded to either side.
        let logarithm = magnitude.log2() * f64::from(BUCKETS_PER_DOUBLING);
        let is_bound = (logarithm - logarithm.round()).abs() < 1e-9;
        assert!(found == expected || (is_bound && found.abs_diff(expected) == 1), "{magnitude:e}: {found}, {expected}");
    }

    #[test]
    fn buckets_begin_where_they_should() {
        for bucket in -200..=200 {
            let start = (f64::from(bucket) / f64::from(BUCKETS_PER_DOUBLING)).exp2();
            check(start * (1.0 - 1e-12));
            check(start * (1.0 + 1e-12));
        }
        for power in [-1022, -1, 0, 1, 10, 1023] {
            assert_eq!(index(f64::from(power).exp2()), power * BUCKETS_PER_DOUBLING as i32, "2^{power}");
        }
        for extreme in [f64::MIN_POSITIVE, f64::MIN_POSITIVE / 3.0, f64::from_bits(1), f64::MAX] {
            assert!(INDEX_RANGE.contains(&index(extreme)), "{extreme:e}");
            check(extreme);
        }
        assert_eq!((index(f64::from_bits(1)), index(f64::MAX)), (*INDEX_RANGE.start(), *INDEX_RANGE.end()));
    }

    proptest! {
        #[test]
        fn every_magnitude_has_the_bucket_of_its_logarithm(bits in 1..f64::INFINITY.to_bits()) {
            check(f64::from_bits(bits));
        }
    }
}
