//! A mergeable sketch of weighted samples: what is kept of a metric's samples so that every statistic of
//! [`statistic`](crate::statistic), over any longer period, can still be computed.
//!
//! # What it is
//!
//! Up to [`EXACT_VALUES_MAX`] distinct values are kept as they are. With one more the sketch becomes a DDSketch ("DDSketch: a
//! fast and fully-mergeable quantile sketch with relative-error guarantees", Masson, Rim and Lee 2019): counts in buckets whose
//! bounds grow geometrically, [`BUCKETS_PER_DOUBLING`] of them for each doubling, so that the value that stands for a bucket is
//! within 0.991 % of every value in it ([`RELATIVE_ERROR_MAX`] is the promise). Negative values have buckets of their own, zero
//! has a count.
//!
//! Percentiles, and trimmed and winsorized statistics between percentiles, have that error at most, however often sketches
//! were merged, for values whose magnitude is that of normal numbers (those below 1e-305 lose it to the format of numbers
//! itself). Statistics between absolute values have it too, but for the samples that share a bucket with a bound: these count
//! as if they were all on the side of the value that stands for the bucket.
//!
//! # Why DDSketch
//!
//! - CloudWatch promises percentiles over histograms with logarithmic bins. So does this: the error is one of the value, as
//!   users expect of latencies. Sketches with an error of the rank (t-digest, KLL, GK) may be far off in a long tail.
//! - Merging adds counts, nothing else: it is exact, in any order, so that the roll-up of roll-ups is the roll-up of the raw
//!   samples, byte for byte if counts are whole. A t-digest depends on the order and gets worse as it is merged; KLL draws
//!   random numbers.
//! - It needs no range of values beforehand, as HDR histograms do, and stores only buckets that have samples.
//! - OpenTelemetry's exponential histograms are of the same family.
//!
//! No buckets are ever collapsed to save space: that would give up the error for low percentiles. Numbers themselves bound the
//! size, at 73,430 buckets of each sign; values within CloudWatch's range of 2^-360 to 2^360 reach 25,200.
//!
//! # Size
//!
//! Encoded (see [`Sketch::encode`]), asserted by a test:
//!
//! | samples | bytes |
//! | --- | --- |
//! | one value of 12.5, 90 times | 7 |
//! | 60 latencies in whole milliseconds | 123 |
//! | 60 arbitrary numbers | 542 |
//! | 1,000 percentages from 0 to 100, uniform | 358 |
//! | 1,000 latencies, log-normal with sigma 1 | 471 |
//! | 100,000 latencies, log-normal with sigma 1 | 999 |
//!
//! In memory it takes 16 bytes for each bucket or exact value.

mod bins;
mod bytes;
mod tally;
#[cfg(test)]
mod tests;

pub use bytes::InvalidSketch;
pub use tally::Tally;

use crate::statistic::{Sample, Statistic, Summary};
use bins::{Bins, representative};

/// How many distinct values are kept exactly.
pub const EXACT_VALUES_MAX: usize = 64;

/// How many buckets there are for values between a number and its double.
pub const BUCKETS_PER_DOUBLING: u32 = 35;

/// How far a value may be from the one that stands for it, as a part of it.
pub const RELATIVE_ERROR_MAX: f64 = 0.01;

/// A sketch of weighted samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// At most [`EXACT_VALUES_MAX`] values, in ascending order, none twice.
    Exact(Vec<Sample>),
    Bucketed(Buckets),
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Buckets {
    /// By the magnitudes of the values.
    negative: Bins,
    zero: f64,
    positive: Bins,
}

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch::new()
    }
}

impl Sketch {
    /// Of no samples.
    pub fn new() -> Sketch {
        Sketch { shape: Shape::Exact(Vec::new()) }
    }

    /// Adds a value that occurred `count` times. What is no sample is left out: values that are not finite, and counts that
    /// are not finite or not above 0.
    pub fn add(&mut self, value: f64, count: f64) {
        if !value.is_finite() || !count.is_finite() || count <= 0.0 {
            return;
        }
        // Minus zero becomes zero.
        let value = value + 0.0;
        match &mut self.shape {
            Shape::Bucketed(buckets) => buckets.add(value, count),
            Shape::Exact(samples) => match samples.binary_search_by(|sample| sample.value.total_cmp(&value)) {
                Ok(at) => {
                    samples.iter_mut().skip(at).take(1).for_each(|sample| sample.count = sum(sample.count, count))
                }
                Err(at) if samples.len() < EXACT_VALUES_MAX => samples.insert(at, Sample { value, count }),
                Err(_) => self.change_buckets(|buckets| buckets.add(value, count)),
            },
        }
    }

    /// Adds all samples of another sketch.
    pub fn merge(&mut self, other: &Sketch) {
        match &other.shape {
            Shape::Exact(samples) => samples.iter().for_each(|sample| self.add(sample.value, sample.count)),
            Shape::Bucketed(others) => self.change_buckets(|buckets| buckets.merge(others)),
        }
    }

    /// How many samples there are.
    pub fn count(&self) -> f64 {
        self.samples().fold(0.0, |count, sample| sum(count, sample.count))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples().next().is_none()
    }

    /// Whether the values are still exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.shape, Shape::Exact(_))
    }

    /// The samples in ascending order of their values; once bucketed, one for each bucket, with the value that stands for it.
    pub fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        let (exact, buckets) = match &self.shape {
            Shape::Exact(samples) => (samples.as_slice(), None),
            Shape::Bucketed(buckets) => (&[][..], Some(buckets)),
        };
        exact.iter().copied().chain(buckets.into_iter().flat_map(Buckets::samples))
    }

    /// The value of a statistic, with the help of the exact summary of the same samples, which is kept beside a sketch anyway:
    /// the basic statistics, `p0` and `p100` are exact, and no other value is outside of minimum and maximum. `None` as of
    /// [`Statistic::of_samples`].
    pub fn statistic(&self, statistic: Statistic, summary: &Summary) -> Option<f64> {
        let within = |value: f64| value.max(summary.minimum).min(summary.maximum);
        let samples = || -> Vec<Sample> {
            self.samples().map(|sample| Sample { value: within(sample.value), ..sample }).collect()
        };
        match statistic {
            _ if self.is_empty() => None,
            Statistic::Percentile(percent) if percent <= 0.0 => Some(summary.minimum),
            Statistic::Percentile(percent) if percent >= 100.0 => Some(summary.maximum),
            Statistic::Percentile(_) | Statistic::Range(..) => statistic.of_samples(&samples()),
            _ => statistic.of_summary(summary),
        }
    }

    /// Makes it one of buckets, if it is not, and changes these.
    fn change_buckets(&mut self, change: impl FnOnce(&mut Buckets)) {
        match &mut self.shape {
            Shape::Bucketed(buckets) => change(buckets),
            Shape::Exact(samples) => {
                let mut buckets = Buckets::default();
                samples.iter().for_each(|sample| buckets.add(sample.value, sample.count));
                change(&mut buckets);
                self.shape = Shape::Bucketed(buckets);
            }
        }
    }
}

impl Buckets {
    fn add(&mut self, value: f64, count: f64) {
        if value > 0.0 {
            self.positive.add(value, count);
        } else if value < 0.0 {
            self.negative.add(-value, count);
        } else {
            self.zero = sum(self.zero, count);
        }
    }

    fn merge(&mut self, other: &Buckets) {
        self.negative.merge(&other.negative);
        self.zero = sum(self.zero, other.zero);
        self.positive.merge(&other.positive);
    }

    fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        let sample =
            |sign: f64| move |&(index, count): &(i32, f64)| Sample { value: sign * representative(index), count };
        let zero = (self.zero > 0.0).then_some(Sample { value: 0.0, count: self.zero });
        let negative = self.negative.as_slice().iter().rev().map(sample(-1.0));
        negative.chain(zero).chain(self.positive.as_slice().iter().map(sample(1.0)))
    }
}

/// Counts together; they never become infinite.
fn sum(a: f64, b: f64) -> f64 {
    (a + b).min(f64::MAX)
}
