//! Rates: what counters have grown by since they were read before.

use std::collections::HashMap;

/// The counters of some things, as they were at the previous reading.
#[derive(Debug)]
pub(super) struct Previous<const N: usize> {
    counters: HashMap<String, [u64; N]>,
}

impl<const N: usize> Default for Previous<N> {
    fn default() -> Self {
        Previous { counters: HashMap::new() }
    }
}

impl<const N: usize> Previous<N> {
    /// Takes a reading; returns by how much the counters have grown of everything that was in the previous reading, too, in
    /// the order of their names. A thing whose counters went back (it was reset, or is another by now) is left out once.
    pub(super) fn exchange(&mut self, now: HashMap<String, [u64; N]>) -> Vec<(String, [u64; N])> {
        let mut grown: Vec<(String, [u64; N])> = now
            .iter()
            .filter_map(|(name, now)| {
                let mut growth = *self.counters.get(name)?;
                for (growth, now) in growth.iter_mut().zip(now) {
                    *growth = now.checked_sub(*growth)?;
                }
                Some((name.clone(), growth))
            })
            .collect();
        grown.sort_unstable();
        self.counters = now;
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_between_two_readings() {
        let reading = |things: &[(&str, [u64; 2])]| {
            things.iter().map(|(name, counters)| ((*name).to_owned(), *counters)).collect()
        };
        let mut previous = Previous::default();
        for (now, grown) in [
            (vec![("a", [5, 5])], vec![]),
            (vec![("b", [1, 1]), ("a", [7, 5])], vec![("a", [2, 0])]),
            // One counter went back.
            (vec![("a", [8, 4]), ("b", [1, 2])], vec![("b", [0, 1])]),
            (vec![("a", [9, 9])], vec![("a", [1, 5])]),
            // Gone for a while.
            (vec![("b", [9, 9])], vec![]),
        ] {
            let expected: Vec<_> = grown.into_iter().map(|(name, growth)| (name.to_owned(), growth)).collect();
            assert_eq!(previous.exchange(reading(&now)), expected);
        }
    }
}
