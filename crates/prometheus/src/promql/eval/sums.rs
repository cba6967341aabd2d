//! Sums that lose as little as Prometheus's do: Kahan's, as Neumaier improved it.

/// A sum with what rounding has lost of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CompensatedSum {
    pub(crate) sum: f64,
    pub(crate) lost: f64,
}

impl CompensatedSum {
    pub(crate) fn new(sum: f64) -> Self {
        CompensatedSum { sum, lost: 0.0 }
    }

    pub(crate) fn plus(self, value: f64) -> Self {
        let sum = self.sum + value;
        let lost = if sum.is_infinite() {
            0.0
        } else if self.sum.abs() >= value.abs() {
            self.lost + ((self.sum - sum) + value)
        } else {
            self.lost + ((value - sum) + self.sum)
        };
        CompensatedSum { sum, lost }
    }

    pub(crate) fn value(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

/// The mean of values, also where their sum is too large for a float.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mean {
    count: f64,
    sum: CompensatedSum,
    /// Whether `sum` is a mean already, since a sum would have been infinite.
    is_incremental: bool,
}

impl Mean {
    pub(crate) fn new(first: f64) -> Self {
        Mean { count: 1.0, sum: CompensatedSum::new(first), is_incremental: false }
    }

    pub(crate) fn push(&mut self, value: f64) {
        self.count += 1.0;
        if !self.is_incremental {
            let sum = self.sum.plus(value);
            if !sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            self.is_incremental = true;
            let before = self.count - 1.0;
            self.sum = CompensatedSum { sum: self.sum.sum / before, lost: self.sum.lost / before };
        }
        let weight = (self.count - 1.0) / self.count;
        let scaled = CompensatedSum { sum: weight * self.sum.sum, lost: weight * self.sum.lost };
        self.sum = scaled.plus(value / self.count);
    }

    pub(crate) fn value(self) -> f64 {
        if self.is_incremental { self.sum.value() } else { self.sum.sum / self.count + self.sum.lost / self.count }
    }
}

/// The variance of values, by Welford's way.
pub(crate) fn variance(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, CompensatedSum::default(), CompensatedSum::default());
    for value in values {
        count += 1.0;
        let delta = value - (mean.sum + mean.lost);
        mean = mean.plus(delta / count);
        squares = squares.plus(delta * (value - (mean.sum + mean.lost)));
    }
    (squares.sum + squares.lost) / count
}

/// The `q`-quantile of values, between the two nearest of them; `values` are sorted on the way.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(nan_first);
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    let value = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    value(lower) * (1.0 - weight) + value(upper) * weight
}

/// The order of values, NaN before all others.
pub(crate) fn nan_first(one: &f64, other: &f64) -> std::cmp::Ordering {
    one.partial_cmp(other).unwrap_or_else(|| other.is_nan().cmp(&one.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_what_rounding_loses() {
        let sum = [1e100, 1.0, -1e100].iter().fold(CompensatedSum::default(), |sum, value| sum.plus(*value));
        assert_eq!(sum.value(), 1.0);
        let infinite = [f64::INFINITY, 1.0].iter().fold(CompensatedSum::default(), |sum, value| sum.plus(*value));
        assert_eq!(infinite.value(), f64::INFINITY);
    }

    #[test]
    fn means_survive_what_is_too_large_to_sum() {
        let mut mean = Mean::new(f64::MAX);
        mean.push(f64::MAX);
        mean.push(f64::MAX);
        assert!((mean.value() / f64::MAX - 1.0).abs() < 1e-15);
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let cases: &[(f64, &[f64], f64)] = &[
            (0.5, &[1.0, 2.0, 3.0], 2.0),
            (0.5, &[1.0, 2.0], 1.5),
            (0.0, &[3.0, 1.0], 1.0),
            (1.0, &[3.0, 1.0], 3.0),
            (0.25, &[0.0, 4.0], 1.0),
            (-0.1, &[1.0], f64::NEG_INFINITY),
            (1.1, &[1.0], f64::INFINITY),
        ];
        for (q, values, expected) in cases {
            assert_eq!(quantile(*q, &mut values.to_vec()), *expected, "{q} of {values:?}");
        }
        assert!(quantile(0.5, &mut []).is_nan());
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
        assert_eq!(quantile(1.0, &mut [f64::NAN, 1.0]), 1.0);
    }
}
