//! Sums that do not depend on the order of their terms: a head has points in the order in which they came, a segment by their
//! times, and both must answer alike. Source: Neumaier's compensated summation.

/// A sum, and what rounding has taken from it so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Total {
    sum: f64,
    lost: f64,
}

impl Total {
    /// Adds a number.
    pub fn add(&mut self, number: f64) {
        let sum = self.sum + number;
        self.lost += if self.sum.abs() >= number.abs() { (self.sum - sum) + number } else { (number - sum) + self.sum };
        self.sum = sum;
    }

    /// The sum.
    pub fn value(self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(numbers: impl IntoIterator<Item = f64>) -> f64 {
        let mut total = Total::default();
        numbers.into_iter().for_each(|number| total.add(number));
        total.value()
    }

    #[test]
    fn what_rounding_takes_comes_back() {
        assert_eq!(total([0.1; 10]), 1.0);
        assert_eq!(total([1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(total([2f64.powi(720); 3]), 3.0 * 2f64.powi(720));
        assert_eq!(total([]), 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn order_does_not_matter((one, other) in prop::collection::vec(-1e3f64..1e6, 1..60).prop_flat_map(|numbers| (Just(numbers.clone()), Just(numbers).prop_shuffle()))) {
            prop_assert_eq!(total(one), total(other));
        }
    }
}
