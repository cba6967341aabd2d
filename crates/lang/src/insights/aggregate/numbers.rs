//! Sums, means, deviations and percentiles of numbers.

use crate::insights::limits::PERCENTILE_EXACT_MAX;
use crate::insights::plan::Aggregate;
use crate::sketch::Sketch;
use crate::statistic::{Statistic, Summary};

/// Count, sum, mean, and the sum of squared differences from it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    count: f64,
    sum: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    pub(super) fn add(&mut self, number: f64) {
        self.count += 1.0;
        self.sum += number;
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
        self.sum += other.sum;
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
            Aggregate::Sum => Some(self.sum),
            Aggregate::Avg => Some(self.sum / self.count),
            Aggregate::Stddev { population } => Some(variance(population).sqrt()),
            Aggregate::Variance { population } => Some(variance(population)),
            _ => None,
        }
    }
}

/// Values for percentiles: all, as long as they are few, else a sketch of them.
#[derive(Debug, Clone)]
pub(super) enum Percentiles {
    Exact(Vec<f64>),
    Sketch(Sketch, Summary),
}

impl Default for Percentiles {
    fn default() -> Self {
        Percentiles::Exact(Vec::new())
    }
}

const NOTHING: Summary = Summary { count: 0.0, sum: 0.0, minimum: f64::INFINITY, maximum: f64::NEG_INFINITY };

impl Percentiles {
    pub(super) fn add(&mut self, number: f64) {
        match self {
            Percentiles::Exact(numbers) if numbers.len() < PERCENTILE_EXACT_MAX => numbers.push(number),
            Percentiles::Exact(numbers) => {
                let numbers = std::mem::take(numbers);
                *self = Percentiles::Sketch(Sketch::new(), NOTHING);
                numbers.into_iter().for_each(|number| self.add(number));
                self.add(number);
            }
            Percentiles::Sketch(sketch, summary) => {
                sketch.add(number, 1.0);
                summary.count += 1.0;
                summary.sum += number;
                summary.minimum = summary.minimum.min(number);
                summary.maximum = summary.maximum.max(number);
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Percentiles) {
        match other {
            Percentiles::Exact(numbers) => numbers.iter().for_each(|number| self.add(*number)),
            Percentiles::Sketch(more, of_more) => {
                if let Percentiles::Exact(numbers) = self {
                    let numbers = std::mem::take(numbers);
                    *self = Percentiles::Sketch(Sketch::new(), NOTHING);
                    numbers.into_iter().for_each(|number| self.add(number));
                }
                if let Percentiles::Sketch(sketch, summary) = self {
                    sketch.merge(more);
                    summary.count += of_more.count;
                    summary.sum += of_more.sum;
                    summary.minimum = summary.minimum.min(of_more.minimum);
                    summary.maximum = summary.maximum.max(of_more.maximum);
                }
            }
        }
    }

    /// The value at a percentage, by nearest rank.
    pub(super) fn at(&self, percent: f64) -> Option<f64> {
        match self {
            Percentiles::Exact(numbers) => {
                let rank = (percent / 100.0 * numbers.len() as f64).ceil().max(1.0) as usize - 1;
                let mut numbers = numbers.clone();
                if numbers.is_empty() {
                    return None;
                }
                let rank = rank.min(numbers.len() - 1);
                let (_, value, _) = numbers.select_nth_unstable_by(rank, f64::total_cmp);
                Some(*value)
            }
            Percentiles::Sketch(sketch, summary) => sketch.statistic(Statistic::Percentile(percent), summary),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Percentiles::Exact(numbers) => numbers.capacity() * 8,
            Percentiles::Sketch(..) => 4096,
        }
    }
}
