//! How often something happens in an interval: its mean and its spread, recent intervals counting most.

use serde::{Deserialize, Serialize};

/// Of fewer intervals nothing can be said.
const INTERVALS_MIN: u32 = 10;

/// After so many intervals, an old one counts less than a third.
const MEMORY_INTERVALS: u32 = 500;

/// From how many deviations on a count is unusual.
const DEVIATIONS: f64 = 6.0;

/// And by how much it must differ, as a part of what is usual.
const DIFFERENCE: f64 = 0.5;

/// And in numbers.
const DIFFERENCE_MIN: f64 = 10.0;

/// What is usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The intervals that were seen.
    pub intervals: u32,
    /// The mean of their counts.
    pub mean: f64,
    /// The variance of their counts.
    pub variance: f64,
}

/// How a count differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// By how many deviations, negative if there were fewer.
    pub deviations: f64,
    /// What is usual.
    pub usual: f64,
}

impl Baseline {
    /// Learns the count of another interval.
    pub fn learn(&mut self, count: u64) {
        self.intervals = self.intervals.saturating_add(1);
        let weight = 1.0 / f64::from(self.intervals.min(MEMORY_INTERVALS));
        let difference = count as f64 - self.mean;
        self.mean += weight * difference;
        self.variance = (1.0 - weight) * (self.variance + weight * difference * difference);
    }

    /// Whether a count is unusual.
    pub fn change(&self, count: u64) -> Option<Change> {
        if self.intervals < INTERVALS_MIN {
            return None;
        }
        // Counts of independent events vary by their square root at least.
        let spread = self.variance.sqrt().max(self.mean.sqrt()).max(1.0);
        let difference = count as f64 - self.mean;
        let deviations = difference / spread;
        let is_unusual = deviations.abs() >= DEVIATIONS
            && difference.abs() >= DIFFERENCE_MIN
            && difference.abs() >= self.mean * DIFFERENCE;
        is_unusual.then_some(Change { deviations, usual: self.mean })
    }
}
