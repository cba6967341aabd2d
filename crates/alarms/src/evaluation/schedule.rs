//! When an alarm is evaluated, and over which datapoints. Sources: "Evaluating an alarm", "Alarm evaluation window".

use std::ops::Range;

use super::wall_clock::WallClock;
use crate::limits::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

const TEN_SECONDS_MS: i64 = 10_000;

/// An offset of up to an hour over this is one of less than a second.
const SOON_STEPS: i64 = 3600;

/// How often an alarm is evaluated, and where its datapoints lie.
#[derive(Debug, Clone)]
pub(crate) struct Cadence {
    /// Evaluations are so far apart.
    pub every_ms: i64,
    /// The newest datapoint ends at a multiple of this, if the window slides.
    pub end_step_ms: i64,
    period_ms: i64,
    /// The datapoints of the evaluation range.
    pub range: usize,
    /// Where the boundaries of datapoints are, if the window does not slide.
    wall_clock: Option<WallClock>,
}

/// The places of the datapoints of an evaluation range, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Slots {
    /// All of one length.
    Even {
        /// The start of the first.
        start_ms: i64,
        /// The length of each.
        period_ms: i64,
        /// How many.
        count: usize,
    },
    /// Of several lengths, where clocks change: their starts, and the end of the last.
    Uneven(Vec<i64>),
}

impl Cadence {
    /// Of an alarm with this period and so many evaluation periods.
    pub(crate) fn new(period_s: i64, periods: usize, wall_clock: Option<WallClock>) -> Cadence {
        let period_ms = period_s.saturating_mul(SECOND_MS).max(SECOND_MS);
        let window_ms = period_ms.saturating_mul(periods as i64);
        let (every_ms, end_step_ms) = if period_ms < MINUTE_MS {
            (TEN_SECONDS_MS, period_ms)
        } else if window_ms > DAY_MS {
            (HOUR_MS, HOUR_MS)
        } else {
            (MINUTE_MS, MINUTE_MS)
        };
        // Older datapoints replace missing ones: two of them, or a minute of short ones.
        let more = if period_ms < MINUTE_MS { MINUTE_MS / period_ms } else { 2 };
        let range = periods.saturating_add(more as usize);
        Cadence { every_ms, end_step_ms, period_ms, range, wall_clock }
    }

    /// Of an alarm that asks its query every so often.
    pub(crate) fn of_interval(interval_s: i64) -> Cadence {
        let every_ms = interval_s.saturating_mul(SECOND_MS).max(SECOND_MS);
        Cadence { every_ms, end_step_ms: every_ms, period_ms: every_ms, range: 1, wall_clock: None }
    }

    /// The first evaluation behind `after_ms` of an alarm that has its turn `offset_ms` into each interval.
    pub(crate) fn next_ms(&self, after_ms: i64, offset_ms: i64) -> i64 {
        // Who asks every ten seconds wants to know soon: such turns come within a second of the boundary.
        let offset_ms = match self.every_ms {
            ..=TEN_SECONDS_MS => offset_ms / SOON_STEPS,
            _ => offset_ms.rem_euclid(self.every_ms),
        };
        let intervals = after_ms.saturating_sub(offset_ms).div_euclid(self.every_ms);
        (intervals + 1).saturating_mul(self.every_ms).saturating_add(offset_ms)
    }

    /// The places of the datapoints of the evaluation range at this time.
    pub(crate) fn slots(&self, now_ms: i64) -> Slots {
        if let Some(wall_clock) = &self.wall_clock {
            return wall_clock.slots(now_ms, self.range);
        }
        let end_ms = now_ms - now_ms.rem_euclid(self.end_step_ms);
        let start_ms = end_ms.saturating_sub(self.period_ms.saturating_mul(self.range as i64));
        Slots::Even { start_ms, period_ms: self.period_ms, count: self.range }
    }
}

impl Slots {
    /// The place of a datapoint that begins at this time.
    pub(crate) fn index(&self, time_ms: i64) -> Option<usize> {
        match self {
            Slots::Even { start_ms, period_ms, count } => {
                let index = usize::try_from(time_ms.saturating_sub(*start_ms).div_euclid((*period_ms).max(1))).ok()?;
                (index < *count).then_some(index)
            }
            Slots::Uneven(bounds) => {
                let behind = bounds.partition_point(|bound| *bound <= time_ms);
                let index = behind.checked_sub(1)?;
                (index < self.len()).then_some(index)
            }
        }
    }

    /// The start of the place of this number; of one more than there are, the end.
    pub(crate) fn bound_ms(&self, index: usize) -> i64 {
        match self {
            Slots::Even { start_ms, period_ms, .. } => start_ms.saturating_add(period_ms.saturating_mul(index as i64)),
            Slots::Uneven(bounds) => bounds.get(index).or(bounds.last()).copied().unwrap_or_default(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Slots::Even { count, .. } => *count,
            Slots::Uneven(bounds) => bounds.len().saturating_sub(1),
        }
    }

    /// The times of neighbours of one length, with that, oldest first.
    pub(crate) fn runs(&self) -> Vec<(Range<i64>, i64)> {
        let mut runs: Vec<(Range<i64>, i64)> = Vec::new();
        if let Slots::Even { period_ms, count, .. } = self {
            runs.push((self.bound_ms(0)..self.bound_ms(*count), *period_ms));
            return runs;
        }
        for index in 0..self.len() {
            let (start_ms, end_ms) = (self.bound_ms(index), self.bound_ms(index + 1));
            match runs.last_mut() {
                Some((times, length_ms)) if *length_ms == end_ms - start_ms => times.end = end_ms,
                _ => runs.push((start_ms..end_ms, end_ms - start_ms)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cadences() {
        // Period and periods to interval, end step and range.
        let cases = [
            ((10, 1), (10, 10, 7)),
            ((30, 3), (10, 30, 5)),
            ((60, 3), (60, 60, 5)),
            ((300, 288), (60, 60, 290)),
            ((3600, 24), (60, 60, 26)),
            ((3600, 25), (3600, 3600, 27)),
            ((86_400, 7), (3600, 3600, 9)),
        ];
        for ((period, periods), (every, step, range)) in cases {
            let cadence = Cadence::new(period, periods, None);
            assert_eq!((cadence.every_ms, cadence.end_step_ms, cadence.range), (every * 1000, step * 1000, range));
        }
    }

    #[test]
    fn ranges_slide_by_the_minute() {
        let cadence = Cadence::new(300, 1, None);
        let even = |start_ms| Slots::Even { start_ms, period_ms: 300_000, count: 3 };
        assert_eq!(cadence.slots(5 * MINUTE_MS + 1), even(5 * MINUTE_MS - 900_000));
        assert_eq!(cadence.slots(6 * MINUTE_MS), even(6 * MINUTE_MS - 900_000));
        assert_eq!(cadence.next_ms(0, 7000), 7000);
        assert_eq!(cadence.next_ms(7000, 7000), 67_000);
        assert_eq!(cadence.next_ms(7000, 67_001), 7001);
        let soon = Cadence::new(10, 1, None);
        assert_eq!((soon.next_ms(0, 7000), soon.next_ms(2, 7000), soon.next_ms(1, 3_599_000)), (1, 10_001, 999));
    }

    #[test]
    fn datapoints_find_their_places() {
        let even = Slots::Even { start_ms: 1000, period_ms: 500, count: 3 };
        let uneven = Slots::Uneven(vec![1000, 1500, 2000, 2600]);
        for (time_ms, index) in [(999, None), (1000, Some(0)), (1499, Some(0)), (1500, Some(1)), (2100, Some(2))] {
            assert_eq!((even.index(time_ms), uneven.index(time_ms)), (index, index), "{time_ms}");
        }
        assert_eq!((even.index(2500), uneven.index(2500), uneven.index(2600)), (None, Some(2), None));
        assert_eq!(even.runs(), [(1000..2500, 500)]);
        assert_eq!(uneven.runs(), [(1000..2000, 500), (2000..2600, 600)]);
        assert_eq!((uneven.len(), uneven.bound_ms(3), even.bound_ms(3)), (3, 2600, 2500));
    }
}
