//! What is added up of contributions.

/// How many there were, and of their values the sum and the extremes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) minimum: f64,
    pub(super) maximum: f64,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { count: 0, sum: 0.0, minimum: f64::INFINITY, maximum: f64::NEG_INFINITY }
    }
}

impl Tally {
    /// Adds one contribution.
    pub(super) fn add(&mut self, value: f64) {
        self.merge(&Tally { count: 1, sum: value, minimum: value, maximum: value });
    }

    /// Adds others.
    pub(super) fn merge(&mut self, other: &Tally) {
        self.count = self.count.saturating_add(other.count);
        // Sums of finite numbers may outgrow what a number can be.
        self.sum = (self.sum + other.sum).clamp(f64::MIN, f64::MAX);
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
    }
}
