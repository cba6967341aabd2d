//! Many single values, counted before they become a part of a sketch: a bucket is then found by its index instead of searched.

use super::bins::{self, Bins};
use super::{Buckets, Shape, Sketch};

/// The buckets that a tally may span; values beyond are the sketch's own affair. Those of nine decades.
const SPAN_MAX: usize = 1 << 10;

/// How many positive values of each bucket there are, of buckets that are near each other.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The index of the first bucket in `counts`.
    first: i32,
    counts: Vec<u64>,
}

impl Tally {
    /// The bytes that it holds.
    pub fn held_bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
    }

    /// Counts a value; false if it is none that can be counted here.
    #[inline]
    fn add(&mut self, value: f64, count: u64) -> bool {
        let index = bins::index(value);
        match usize::try_from(i64::from(index) - i64::from(self.first)).ok().and_then(|at| self.counts.get_mut(at)) {
            Some(known) => {
                *known += count;
                true
            }
            None => self.add_beyond(index, count),
        }
    }

    #[cold]
    fn add_beyond(&mut self, index: i32, count: u64) -> bool {
        if self.counts.is_empty() {
            (self.first, self.counts) = (index, vec![0]);
        }
        let before = usize::try_from(i64::from(self.first) - i64::from(index)).unwrap_or(0);
        let at = usize::try_from(i64::from(index) - i64::from(self.first)).unwrap_or(0);
        if before.saturating_add(self.counts.len()).max(at) >= SPAN_MAX {
            return false;
        }
        if before > 0 {
            self.counts.splice(0..0, std::iter::repeat_n(0, before));
            self.first = index;
        } else if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        if let Some(known) = self.counts.get_mut(at) {
            *known += count;
        }
        true
    }

    fn bins(&self) -> Bins {
        let mut bins = Bins::default();
        for (index, &count) in (self.first..).zip(&self.counts) {
            if count > 0 {
                // Indexes ascend.
                let _ = bins.push(index, count as f64);
            }
        }
        bins
    }
}

impl Sketch {
    /// Adds a value that occurred `count` times, by way of `tally` if that is quicker. The sketch lacks what is in the tally until
    /// [`Sketch::take`] adds it.
    #[inline]
    pub fn add_by(&mut self, tally: &mut Tally, value: f64, count: u64) {
        let may_be_counted = value > 0.0 && value < f64::INFINITY && matches!(self.shape, Shape::Bucketed(_));
        if !may_be_counted || !tally.add(value, count) {
            self.add(value, count as f64);
        }
    }

    /// Adds what a tally counted.
    pub fn take(&mut self, tally: &Tally) {
        if !tally.counts.is_empty() {
            let counted = Buckets { positive: tally.bins(), ..Buckets::default() };
            self.change_buckets(|buckets| buckets.merge(&counted));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn by_a_tally_or_not_the_sketch_is_the_same(
            values in prop::collection::vec(
                prop_oneof![4 => 0.0..1e3_f64, 1 => any::<f64>(), 1 => (0..9_u32).prop_map(f64::from)], 0..400),
        ) {
            let (mut plain, mut counted, mut tally) = (Sketch::new(), Sketch::new(), Tally::default());
            for (count, &value) in (1..).zip(&values) {
                plain.add(value, f64::from(count % 3));
                if count % 3 > 0 {
                    counted.add_by(&mut tally, value, u64::from(count % 3_u32));
                }
            }
            counted.take(&tally);
            prop_assert_eq!(plain, counted);
        }
    }
}
