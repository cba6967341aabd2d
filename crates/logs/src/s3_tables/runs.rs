//! Neighbours in a list that are put together.

use std::ops::Range;

/// The runs of a list, first to last: `length` says how many of the first ones of a rest are put together, if any. No two overlap.
pub(super) fn runs<T>(all: &[T], length: impl Fn(&[T]) -> Option<usize>) -> Vec<Range<usize>> {
    let (mut runs, mut start) = (Vec::new(), 0);
    while let Some(rest) = all.get(start..).filter(|rest| !rest.is_empty()) {
        match length(rest).filter(|length| *length > 0) {
            Some(length) => {
                runs.push(start..start + length);
                start += length;
            }
            None => start += 1,
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_do_not_overlap() {
        let pairs = |rest: &[i32]| (rest.len() > 1 && rest[0] == rest[1]).then_some(2);
        assert_eq!(runs(&[1, 2, 2, 2, 3, 3, 4], pairs), [1..3, 4..6]);
        assert!(runs(&[1, 1], |_| Some(0)).is_empty() && runs(&[], pairs).is_empty());
    }
}
