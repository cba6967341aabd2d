//! Statistics that a few wild values do not move.

/// How many median absolute deviations a standard deviation is, if values are normally distributed.
pub(super) const SIGMA_OF_MAD: f64 = 1.4826;

/// The standard error of a median, in that of a mean, if values are normally distributed.
pub(super) const ERROR_OF_MEDIAN: f64 = 1.2533;

/// The median; `None` of nothing. Changes the order of the values.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, upper, _) = (middle < values.len()).then(|| values.select_nth_unstable_by(middle, f64::total_cmp))?;
    let upper = *upper;
    if is_odd {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    Some(lower + (upper - lower) / 2.0)
}

/// The value that this share of the values is below; `None` of nothing. Changes the order of the values.
pub(super) fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let index = ((last as f64 * share).round() as usize).min(last);
    Some(*values.select_nth_unstable_by(index, f64::total_cmp).1)
}

/// The standard deviation of what is normally distributed around 0 but for some wild values: by the median of the distances,
/// or where more than half of them are 0 by the first quantile that is not, or by the usual distance of those that are not.
pub(super) fn sigma(distances: &mut [f64]) -> f64 {
    // Quantiles of the distance from 0, and how many standard deviations they are.
    for (share, deviations) in [(0.5, 1.0 / SIGMA_OF_MAD), (0.75, 1.15), (0.9, 1.645)] {
        match quantile(distances, share) {
            Some(distance) if distance > 0.0 => return distance / deviations,
            _ => {}
        }
    }
    let mut apart: Vec<f64> = distances.iter().copied().filter(|distance| *distance > 0.0).collect();
    median(&mut apart).map_or(0.0, |distance| distance / 2.0)
}

/// Values by groups.
#[derive(Debug)]
pub(super) struct Groups {
    lengths: Vec<usize>,
    values: Vec<f64>,
}

impl Groups {
    /// Puts each value into the group of its number; those of numbers from `count` on are left out.
    pub(super) fn new(count: usize, items: impl Iterator<Item = (usize, f64)> + Clone) -> Groups {
        let mut lengths = vec![0; count];
        for (group, _) in items.clone() {
            if let Some(length) = lengths.get_mut(group) {
                *length += 1;
            }
        }
        let mut next = 0;
        let mut places: Vec<usize> = lengths
            .iter()
            .map(|length| {
                next += length;
                next - length
            })
            .collect();
        let mut values = vec![0.0; next];
        for (group, value) in items {
            let Some(place) = places.get_mut(group) else { continue };
            if let Some(slot) = values.get_mut(*place) {
                *slot = value;
            }
            *place += 1;
        }
        Groups { lengths, values }
    }

    /// What `of` makes of each group, in their order.
    pub(super) fn map<T>(&mut self, mut of: impl FnMut(&mut [f64]) -> T) -> Vec<T> {
        let mut rest = self.values.as_mut_slice();
        let mut made = Vec::with_capacity(self.lengths.len());
        for length in &self.lengths {
            let Some((group, behind)) = std::mem::take(&mut rest).split_at_mut_checked(*length) else { break };
            rest = behind;
            made.push(of(group));
        }
        made
    }

    /// The median of each group and how many values it has; `None` of an empty one.
    pub(super) fn medians(&mut self) -> Vec<Option<(f64, usize)>> {
        self.map(|group| median(group).map(|median| (median, group.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        let cases: [(&[f64], Option<f64>); 5] = [
            (&[], None),
            (&[3.0], Some(3.0)),
            (&[5.0, 1.0], Some(3.0)),
            (&[9.0, 1.0, 2.0], Some(2.0)),
            (&[1.0, 1e300, 2.0, 3.0], Some(2.5)),
        ];
        for (values, expected) in cases {
            assert_eq!(median(&mut values.to_vec()), expected, "{values:?}");
        }
        let mut hundred: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!([0.0, 0.25, 1.0].map(|share| quantile(&mut hundred, share)), [Some(0.0), Some(25.0), Some(100.0)]);
    }

    #[test]
    fn sigma_does_not_mind_wild_values_nor_many_zeros() {
        let mut even: Vec<f64> = (0..1000).map(|index| f64::from(index % 200) / 100.0).collect();
        let calm = sigma(&mut even);
        even.iter_mut().step_by(20).for_each(|value| *value = 1e9);
        assert!((sigma(&mut even) / calm - 1.0).abs() < 0.1);
        let mut sparse = vec![0.0; 100];
        sparse.iter_mut().take(15).for_each(|value| *value = 1.0);
        assert!(sigma(&mut sparse) > 0.5);
        let mut rare = vec![0.0; 100];
        rare.iter_mut().take(3).for_each(|value| *value = 4.0);
        assert_eq!((sigma(&mut rare), sigma(&mut []), sigma(&mut [0.0; 9])), (2.0, 0.0, 0.0));
    }

    #[test]
    fn groups_keep_what_belongs_together() {
        let items = [(2, 1.0), (0, 5.0), (2, 3.0), (9, 7.0)];
        assert_eq!(Groups::new(3, items.into_iter()).medians(), [Some((5.0, 1)), None, Some((2.0, 2))]);
    }
}
