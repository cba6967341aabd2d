//! How often something happens in an interval, by itself or as a share of something else: its mean and its spread, recent intervals
//! counting most.

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

/// How often a value occurs among the texts of its pattern.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The intervals in which there were texts.
    intervals: u32,
    /// The mean of the value's part of them.
    mean: f64,
    /// The variance of that part.
    variance: f64,
    /// How many texts had the value in this interval.
    #[serde(default)]
    current: u64,
    /// Whether it was met first in this interval.
    #[serde(default)]
    is_new: bool,
}

impl Share {
    /// A value that no text had in so many intervals.
    pub(super) fn of_new(intervals: u32) -> Share {
        Share { intervals, mean: 0.0, variance: 0.0, current: 0, is_new: true }
    }

    /// A value that all texts had in so many intervals, and `current` ones in this.
    pub(super) fn of_only(intervals: u32, current: u64) -> Share {
        Share { intervals, mean: 1.0, variance: 0.0, current, is_new: false }
    }

    /// Another text has the value.
    pub(super) fn add(&mut self) {
        self.current += 1;
    }

    /// Ends an interval in which the pattern had so many texts, one at least: says how many had the value and whether those were
    /// unusually many, and learns it. New values are unusual by themselves.
    pub(super) fn end_interval(&mut self, texts: u64) -> Option<(u64, Change)> {
        let count = std::mem::take(&mut self.current);
        let is_new = std::mem::take(&mut self.is_new);
        let all = texts as f64;
        let usual = all * self.mean;
        // As often as independent draws differ, and as often as the share itself did.
        let spread = (usual * (1.0 - self.mean) + all * all * self.variance).sqrt().max(1.0);
        let deviations = (count as f64 - usual) / spread;
        let is_unusual = self.intervals >= INTERVALS_MIN
            && !is_new
            && deviations >= DEVIATIONS
            && count as f64 - usual >= DIFFERENCE_MIN.max(usual * DIFFERENCE);
        self.learn(count as f64 / all);
        is_unusual.then_some((count, Change { deviations, usual }))
    }

    fn learn(&mut self, share: f64) {
        self.intervals = self.intervals.saturating_add(1);
        let weight = 1.0 / f64::from(self.intervals.min(MEMORY_INTERVALS));
        let difference = share - self.mean;
        self.mean += weight * difference;
        self.variance = (1.0 - weight) * (self.variance + weight * difference * difference);
    }
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
