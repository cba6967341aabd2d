//! Which points a query reads, and into which buckets they fall. Sources: "GetMetricStatistics", "GetMetricData", "CloudWatch
//! concepts: Metrics retention".

use std::ops::Range;

use watchkeep_core::TimestampMs;

use crate::limits::KEEP_SECONDS_MS;
use crate::rollup::Retention;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

/// The periods below a minute.
pub const SHORT_PERIODS_S: [i64; 5] = [1, 5, 10, 20, 30];

/// The buckets of a query: they begin at the rounded start, wherever that lies on the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The start of the first bucket, milliseconds since the epoch.
    pub start_ms: i64,
    /// Points of this time or later are not read.
    pub end_ms: i64,
    /// The length of a bucket.
    pub period_ms: i64,
    /// Points older than this cannot be read at this period any more.
    readable_from_ms: i64,
}

impl Window {
    /// The window of a query from `start` to `end`, of a period that [`is_period`] allows.
    pub fn new(start: TimestampMs, end: TimestampMs, period_s: i64, now: TimestampMs, retention: &Retention) -> Window {
        let age_ms = now.0.saturating_sub(start.0);
        let is_short = period_s < 60;
        let step_ms = if is_short {
            period_s * SECOND_MS
        } else if age_ms < retention.minutes_ms {
            MINUTE_MS
        } else if age_ms <= retention.five_minutes_ms {
            5 * MINUTE_MS
        } else {
            60 * MINUTE_MS
        };
        // A query from before all time starts at its first whole step.
        let floor = |time: TimestampMs, step_ms: i64| TimestampMs(time.0.max(i64::MIN + step_ms)).floor_to(step_ms).0;
        Window {
            start_ms: floor(start, step_ms),
            end_ms: if is_short { end.0 } else { floor(end, MINUTE_MS) },
            period_ms: period_s.saturating_mul(SECOND_MS),
            readable_from_ms: now.0.saturating_sub(kept_ms(period_s, retention)),
        }
    }

    /// The same window without any buckets.
    pub fn emptied(self) -> Window {
        Window { end_ms: self.start_ms, ..self }
    }

    /// The times of points that are read.
    pub fn range_ms(&self) -> Range<i64> {
        self.start_ms.max(self.readable_from_ms)..self.end_ms
    }

    /// The number of the bucket that a time of [`Window::range_ms`] lies in.
    pub fn bucket(&self, time_ms: i64) -> i64 {
        time_ms.saturating_sub(self.start_ms) / self.period_ms.max(1)
    }

    /// The start of this bucket.
    pub fn bucket_start_ms(&self, bucket: i64) -> i64 {
        self.start_ms.saturating_add(bucket.saturating_mul(self.period_ms))
    }

    /// How many buckets there are, readable or not.
    pub fn buckets(&self) -> i64 {
        buckets_in(self.start_ms, self.end_ms, self.period_ms)
    }

    /// As how many data points the limit of GetMetricStatistics counts a query from `start` to `end`: rounding the start down
    /// must not refuse what was asked for in good faith.
    pub fn requested(&self, start: TimestampMs, end: TimestampMs) -> i64 {
        self.buckets().min(buckets_in(start.0, end.0, self.period_ms))
    }

    /// How many buckets may hold points.
    pub fn readable_buckets(&self) -> i64 {
        let range = self.range_ms();
        buckets_in(range.start, range.end, self.period_ms)
    }
}

/// Whether this is a period that can be asked for: one of [`SHORT_PERIODS_S`], or a multiple of 60.
pub fn is_period(period_s: i64) -> bool {
    SHORT_PERIODS_S.contains(&period_s) || (period_s >= 60 && period_s % 60 == 0)
}

/// How long points can be read at this period: as long as the coarsest resolution is kept that divides it.
fn kept_ms(period_s: i64, retention: &Retention) -> i64 {
    if period_s % 3600 == 0 {
        retention.hours_ms
    } else if period_s % 300 == 0 {
        retention.five_minutes_ms
    } else if period_s % 60 == 0 {
        retention.minutes_ms
    } else {
        KEEP_SECONDS_MS
    }
}

fn buckets_in(start_ms: i64, end_ms: i64, period_ms: i64) -> i64 {
    let length = end_ms.saturating_sub(start_ms).max(0);
    length / period_ms.max(1) + i64::from(length % period_ms.max(1) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
    /// 2026-01-15T10:00:00Z.
    const NOW: i64 = 1_768_471_200_000;

    fn window(start_ms: i64, end_ms: i64, period_s: i64) -> Window {
        Window::new(
            TimestampMs(NOW + start_ms),
            TimestampMs(NOW + end_ms),
            period_s,
            TimestampMs(NOW),
            &Retention::default(),
        )
    }

    #[test]
    fn starts_are_rounded_down_by_age_and_ends_to_the_minute() {
        // (start, end, period) to (start, end), all relative to now, in ms.
        let cases = [
            ((-3_590_500, -1_500, 60), (-3_600_000, -60_000)),
            ((-3_590_500, -1_500, 30), (-3_600_000, -1_500)),
            ((-3_590_500, -1_500, 1), (-3_591_000, -1_500)),
            ((-3_590_500, -1_500, 5), (-3_595_000, -1_500)),
            ((-15 * DAY_MS + 90_000, 0, 300), (-15 * DAY_MS + 60_000, 0)),
            ((-15 * DAY_MS - 1, 0, 300), (-15 * DAY_MS - 300_000, 0)),
            ((-63 * DAY_MS - 1, 0, 3600), (-63 * DAY_MS - 3_600_000, 0)),
        ];
        for ((start, end, period), expected) in cases {
            let window = window(start, end, period);
            assert_eq!((window.start_ms - NOW, window.end_ms - NOW), expected, "{start} {end} {period}");
        }
    }

    #[test]
    fn points_are_readable_as_long_as_a_resolution_that_divides_the_period() {
        // Age in ms, period, readable: the reference's examples.
        let cases = [
            (4 * 3_600_000, 10, false),
            (4 * 3_600_000, 60, true),
            (3 * 3_600_000, 10, true),
            (20 * DAY_MS, 60, false),
            (20 * DAY_MS, 300, true),
            (20 * DAY_MS, 120, false),
            (70 * DAY_MS, 300, false),
            (70 * DAY_MS, 3600, true),
            (455 * DAY_MS, 86_400, true),
            (456 * DAY_MS, 3600, false),
        ];
        for (age, period, readable) in cases {
            let window = window(-500 * DAY_MS, 0, period);
            assert_eq!(window.range_ms().contains(&(NOW - age)), readable, "{age} {period}");
        }
    }

    #[test]
    fn buckets_begin_at_the_start() {
        let window = window(-42 * MINUTE_MS, 0, 3600);
        assert_eq!((window.bucket(NOW - 1), window.bucket_start_ms(0)), (0, NOW - 42 * MINUTE_MS));
        assert_eq!((window.buckets(), Window { period_ms: MINUTE_MS, ..window }.buckets()), (1, 42));
        for (start, end) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (i64::MAX, i64::MAX), (i64::MIN, i64::MIN)] {
            for period in [1, 60, 86_400, i64::from(i32::MAX)] {
                let window =
                    Window::new(TimestampMs(start), TimestampMs(end), period, TimestampMs(NOW), &Retention::default());
                assert!(window.buckets() >= 0 && window.readable_buckets() >= 0);
            }
        }
    }

    #[test]
    fn periods_are_of_the_set_or_whole_minutes() {
        let good: Vec<i64> = (-60..=180).filter(|&period| is_period(period)).collect();
        assert_eq!(good, [1, 5, 10, 20, 30, 60, 120, 180]);
    }
}
