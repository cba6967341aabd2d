//! Sums, means, deviations and percentiles of numbers.

use crate::insights::limits::PERCENTILE_EXACT_MAX;
use crate::insights::plan::Aggregate;
use crate::sketch::{Sketch, Tally};
use crate::statistic::{Statistic, Summary};

/// Count, mean, and the sum of squared differences from it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    pub(super) fn add(&mut self, number: f64) {
        self.count += 1.0;
        let before = number - self.mean;
        self.mean += before / self.count;
        self.squares += before * (number - self.mean);
    }

    pub(super) fn merge(&mut self, other: &Moments) {
        let count = self.count + other.count;
        if other.count == 0.0 {
            return;
        }
        let difference = other.mean - self.mean;
        self.squares += other.squares + difference * difference * self.count * other.count / count;
        self.mean += difference * other.count / count;
        self.count = count;
    }

    pub(super) fn finish(&self, function: Aggregate) -> Option<f64> {
        if self.count == 0.0 {
            return None;
        }
        let variance = |population: bool| {
            let divisor = if population { self.count } else { self.count - 1.0 };
            // A sample of one does not deviate.
            if divisor > 0.0 { (self.squares / divisor).max(0.0) } else { 0.0 }
        };
        match function {
            Aggregate::Stddev { population } => Some(variance(population).sqrt()),
            Aggregate::Variance { population } => Some(variance(population)),
            _ => None,
        }
    }
}

/// Count and sum.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Total {
    count: f64,
    sum: f64,
}

impl Total {
    #[inline]
    pub(super) fn add(&mut self, number: f64, rows: u64) {
        self.count += rows as f64;
        self.sum += number * rows as f64;
    }

    pub(super) fn merge(&mut self, other: &Total) {
        self.count += other.count;
        self.sum += other.sum;
    }

    pub(super) fn finish(&self, function: Aggregate) -> Option<f64> {
        match function {
            _ if self.count == 0.0 => None,
            Aggregate::Sum => Some(self.sum),
            Aggregate::Avg => Some(self.sum / self.count),
            _ => None,
        }
    }
}

/// Values for percentiles: all, as long as they are few, else a sketch of them. It is the same whatever the order in which they
/// came, and whether one by one or with their counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Percentiles {
    numbers: Vec<f64>,
    /// In their place, once there are too many.
    sketched: Option<Box<Sketched>>,
}

#[derive(Debug, Clone)]
struct Sketched {
    /// Without what is in the tally.
    sketch: Sketch,
    tally: Tally,
    summary: Summary,
}

const NOTHING: Summary = Summary { count: 0.0, sum: 0.0, minimum: f64::INFINITY, maximum: f64::NEG_INFINITY };

impl Percentiles {
    /// Adds a number that occurred `count` times.
    #[inline]
    pub(super) fn add(&mut self, number: f64, count: u64) {
        match &mut self.sketched {
            Some(sketched) => sketched.add(number, count),
            None if count == 1 && self.numbers.len() < PERCENTILE_EXACT_MAX => self.numbers.push(number),
            None => self.add_several(number, count),
        }
    }

    #[cold]
    fn add_several(&mut self, number: f64, count: u64) {
        match usize::try_from(count) {
            Ok(count) if self.numbers.len().saturating_add(count) <= PERCENTILE_EXACT_MAX => {
                self.numbers.extend(std::iter::repeat_n(number, count));
            }
            _ => self.sketched().add(number, count),
        }
    }

    /// It as a sketch, whatever it was.
    fn sketched(&mut self) -> &mut Sketched {
        let numbers = std::mem::take(&mut self.numbers);
        let nothing = || Box::new(Sketched { sketch: Sketch::new(), tally: Tally::default(), summary: NOTHING });
        let sketched = self.sketched.get_or_insert_with(nothing);
        numbers.into_iter().for_each(|number| sketched.add(number, 1));
        sketched
    }

    pub(super) fn merge(&mut self, other: &Percentiles) {
        match &other.sketched {
            None => other.numbers.iter().for_each(|number| self.add(*number, 1)),
            Some(more) => self.sketched().merge(more),
        }
    }

    /// The value at a percentage, by nearest rank.
    pub(super) fn at(&self, percent: f64) -> Option<f64> {
        if let Some(sketched) = &self.sketched {
            return sketched.whole().statistic(Statistic::Percentile(percent), &sketched.summary);
        }
        let last = self.numbers.len().checked_sub(1)?;
        let rank = (percent / 100.0 * self.numbers.len() as f64).ceil().max(1.0) as usize - 1;
        let mut numbers = self.numbers.clone();
        let (_, value, _) = numbers.select_nth_unstable_by(rank.min(last), f64::total_cmp);
        Some(*value)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let sketched = self.sketched.as_ref().map_or(0, |sketched| 4096 + sketched.tally.held_bytes());
        self.numbers.capacity() * 8 + sketched
    }
}

impl Sketched {
    #[inline]
    fn add(&mut self, number: f64, count: u64) {
        self.sketch.add_by(&mut self.tally, number, count);
        self.summary.count += count as f64;
        self.summary.sum += number * count as f64;
        self.summary.minimum = self.summary.minimum.min(number);
        self.summary.maximum = self.summary.maximum.max(number);
    }

    fn merge(&mut self, more: &Sketched) {
        self.sketch.merge(&more.whole());
        self.summary.count += more.summary.count;
        self.summary.sum += more.summary.sum;
        self.summary.minimum = self.summary.minimum.min(more.summary.minimum);
        self.summary.maximum = self.summary.maximum.max(more.summary.maximum);
    }

    /// The sketch with what is in the tally.
    fn whole(&self) -> Sketch {
        let mut sketch = self.sketch.clone();
        sketch.take(&self.tally);
        sketch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_same_one_by_one_and_with_counts() {
        for (values, each) in [(90_u32, 7_u64), (90, 1200), (1500, 80), (40, 5000)] {
            let (mut singly, mut counted, mut parts) =
                (Percentiles::default(), Percentiles::default(), Percentiles::default());
            for value in 0..values {
                let number = f64::from(value) * 0.75;
                (0..each).for_each(|_| singly.add(number, 1));
                counted.add(number, each);
                let mut part = Percentiles::default();
                part.add(number, each);
                parts.merge(&part);
            }
            for percent in [0.0, 10.0, 50.0, 95.0, 100.0] {
                let expected = singly.at(percent);
                let exact = f64::from(values - 1) * 0.75 * percent / 100.0;
                assert!((expected.unwrap() - exact).abs() <= 0.02 * exact + 0.75, "{expected:?} for {exact}");
                assert_eq!(counted.at(percent), expected, "{values} {each} {percent}");
                assert_eq!(parts.at(percent), expected, "{values} {each} {percent}");
            }
        }
    }
}
