//! When an alarm is evaluated, and over which datapoints. Source: "Evaluating an alarm".

use crate::limits::{DAY_MS, HOUR_MS, MINUTE_MS};

const TEN_SECONDS_MS: i64 = 10_000;

/// How often an alarm is evaluated, and what the end of its datapoints is rounded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cadence {
    /// Evaluations are so far apart.
    pub every_ms: i64,
    /// The newest datapoint ends at a multiple of this.
    pub end_step_ms: i64,
    period_ms: i64,
    /// The datapoints of the evaluation range.
    pub range: usize,
}

impl Cadence {
    /// Of an alarm with this period and so many evaluation periods.
    pub(crate) fn new(period_s: i64, periods: usize) -> Cadence {
        let period_ms = period_s.saturating_mul(1000).max(1000);
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
        Cadence { every_ms, end_step_ms, period_ms, range: periods.saturating_add(more as usize) }
    }

    /// The first evaluation behind `after_ms` of an alarm that has its turn `offset_ms` into each interval.
    pub(crate) fn next_ms(self, after_ms: i64, offset_ms: i64) -> i64 {
        let offset_ms = offset_ms.rem_euclid(self.every_ms);
        let intervals = after_ms.saturating_sub(offset_ms).div_euclid(self.every_ms);
        (intervals + 1).saturating_mul(self.every_ms).saturating_add(offset_ms)
    }

    /// Start and end of the evaluation range at this time.
    pub(crate) fn times_ms(self, now_ms: i64) -> std::ops::Range<i64> {
        let end_ms = now_ms - now_ms.rem_euclid(self.end_step_ms);
        end_ms.saturating_sub(self.period_ms.saturating_mul(self.range as i64))..end_ms
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
            let cadence = Cadence::new(period, periods);
            assert_eq!((cadence.every_ms, cadence.end_step_ms, cadence.range), (every * 1000, step * 1000, range));
        }
    }

    #[test]
    fn ranges_slide_by_the_minute() {
        let cadence = Cadence::new(300, 1);
        assert_eq!(cadence.times_ms(5 * MINUTE_MS + 1), 5 * MINUTE_MS - 900_000..5 * MINUTE_MS);
        assert_eq!(cadence.times_ms(6 * MINUTE_MS), 6 * MINUTE_MS - 900_000..6 * MINUTE_MS);
        assert_eq!(cadence.next_ms(0, 7000), 7000);
        assert_eq!(cadence.next_ms(7000, 7000), 67_000);
        assert_eq!(cadence.next_ms(7000, 67_001), 7001);
    }
}
