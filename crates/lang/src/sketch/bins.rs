//! Counts by magnitude.

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
    let index = (magnitude.log2() * f64::from(BUCKETS_PER_DOUBLING)).floor() as i32;
    // The logarithm of the largest numbers is rounded up.
    index.clamp(*INDEX_RANGE.start(), *INDEX_RANGE.end())
}

/// The magnitude that stands for a bucket: the one whose relative distance to both bounds is the same.
pub(super) fn representative(index: i32) -> f64 {
    let bound = |index: f64| (index / f64::from(BUCKETS_PER_DOUBLING)).exp2();
    let growth = bound(1.0);
    bound(f64::from(index)) * (2.0 * growth / (growth + 1.0))
}
