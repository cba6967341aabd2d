//! How points age: what was put is kept by the second or minute for 15 days, then by five minutes until 63 days, then by the
//! hour until 455 ("CloudWatch concepts: Metrics retention"); each of them longer if the settings say so.
//!
//! A day is rolled up once, as soon as nothing can be put into it any more: all of its points become rows of five minutes and
//! of an hour that keep count, sum, minimum, maximum and a sketch of the samples (`job`). How far that has come is a row in the
//! same append as the roll-ups it tells of, so that a crash repeats nothing and leaves nothing out. Points go only after they
//! were rolled up.
//!
//! M-3 nothing is put into a day that was rolled up. M-4 a reader sees each time in one tier: points from some midnight on,
//! five minutes before, hours before those; all that a window's buckets begin at is on the grid of the tiers that it reads.

mod accumulate;
mod job;
mod progress;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use watchkeep_core::TimestampMs;
use watchkeep_store::{Keep, Table};

use crate::limits::{
    DAY_MS, KEEP_FIVE_MINUTES_MS, KEEP_HOURS_MS, KEEP_MINUTES_MS, PAST_MAX_MS, ROLLUP_MARGIN_MS, ROLLUP_SLACK_MS,
};
use crate::tables::{METRIC_POINTS, METRIC_POINTS_1H, METRIC_POINTS_5M};

/// How long points are kept at each resolution; never shorter than CloudWatch keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub(crate) minutes_ms: i64,
    pub(crate) five_minutes_ms: i64,
    pub(crate) hours_ms: i64,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { minutes_ms: KEEP_MINUTES_MS, five_minutes_ms: KEEP_FIVE_MINUTES_MS, hours_ms: KEEP_HOURS_MS }
    }
}

impl Retention {
    /// So many days by the minute, by five minutes and by the hour. What is less than CloudWatch keeps is raised to that, and a
    /// coarser resolution is kept at least as long as a finer one.
    pub fn days(minutes: u32, five_minutes: u32, hours: u32) -> Retention {
        let ms = |days: u32| i64::from(days).saturating_mul(DAY_MS);
        let minutes_ms = ms(minutes).max(KEEP_MINUTES_MS);
        let five_minutes_ms = ms(five_minutes).max(KEEP_FIVE_MINUTES_MS).max(minutes_ms);
        let hours_ms = ms(hours).max(KEEP_HOURS_MS).max(five_minutes_ms);
        Retention { minutes_ms, five_minutes_ms, hours_ms }
    }
}

/// One of the resolutions at which points are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// As they were put.
    Points,
    /// Rolled up by five minutes.
    FiveMinutes,
    /// Rolled up by the hour.
    Hours,
}

impl Tier {
    /// Where its rows are.
    pub(crate) fn table(self) -> &'static Table {
        match self {
            Tier::Points => &METRIC_POINTS,
            Tier::FiveMinutes => &METRIC_POINTS_5M,
            Tier::Hours => &METRIC_POINTS_1H,
        }
    }
}

/// How far points have been rolled up, and how long each resolution is kept.
#[derive(Debug)]
pub(crate) struct Rollups {
    pub(crate) retention: Retention,
    /// Everything before this midnight is rolled up; `i64::MIN` if nothing is.
    rolled_until_ms: AtomicI64,
}

impl Rollups {
    pub(crate) fn new(retention: Retention) -> Arc<Rollups> {
        Arc::new(Rollups { retention, rolled_until_ms: AtomicI64::new(i64::MIN) })
    }

    /// Everything before this time is rolled up.
    pub(crate) fn rolled_until_ms(&self) -> i64 {
        self.rolled_until_ms.load(Ordering::Acquire)
    }

    /// Forgets that anything is.
    pub(crate) fn reset(&self) {
        self.set_rolled_until(i64::MIN);
    }

    fn set_rolled_until(&self, time_ms: i64) {
        self.rolled_until_ms.store(time_ms, Ordering::Release);
    }

    /// Points of this time or later may be put (M-3). The clock alone says so, unless it was put back.
    pub(crate) fn accepted_from(&self, now: TimestampMs) -> TimestampMs {
        now.plus_ms(-PAST_MAX_MS).max(TimestampMs(self.rolled_until_ms()))
    }

    /// Which tier has which part of a range of times, the oldest first (M-4).
    pub(crate) fn tiers(&self, range: Range<i64>, now_ms: i64) -> Vec<(Tier, Range<i64>)> {
        let midnight = |age_ms: i64| floor_day(now_ms.saturating_sub(age_ms));
        let points_from = self.rolled_until_ms().min(midnight(self.retention.minutes_ms));
        let five_minutes_from = points_from.min(midnight(self.retention.five_minutes_ms));
        let parts = [
            (Tier::Hours, i64::MIN..five_minutes_from),
            (Tier::FiveMinutes, five_minutes_from..points_from),
            (Tier::Points, points_from..i64::MAX),
        ];
        let within = |part: Range<i64>| part.start.max(range.start)..part.end.min(range.end);
        parts.map(|(tier, part)| (tier, within(part))).into_iter().filter(|(_, part)| !part.is_empty()).collect()
    }

    /// How long the rows of a tier are kept, at this time: a margin longer than anybody reads them, and points for as long as
    /// they are not rolled up.
    pub(crate) fn keep(&self, tier: Tier, now_ms: i64) -> Keep {
        let age_ms = match tier {
            Tier::Points => {
                let rolled_ms = self.rolled_until_ms();
                if rolled_ms == i64::MIN {
                    return Keep::Forever;
                }
                // A little longer, as the store's idea of now is not quite this one.
                let unrolled_ms = now_ms.saturating_sub(rolled_ms).saturating_add(ROLLUP_SLACK_MS);
                unrolled_ms.saturating_sub(ROLLUP_MARGIN_MS).max(self.retention.minutes_ms)
            }
            Tier::FiveMinutes => self.retention.five_minutes_ms,
            Tier::Hours => self.retention.hours_ms,
        };
        Keep::For(Duration::from_millis(age_ms.saturating_add(ROLLUP_MARGIN_MS) as u64))
    }
}

/// The midnight (UTC) at or before this time.
fn floor_day(time_ms: i64) -> i64 {
    TimestampMs(time_ms).floor_to(DAY_MS).0
}

/// Whether nothing can be put any more into the day that begins at this midnight.
fn is_due(day_ms: i64, now_ms: i64) -> bool {
    day_ms.saturating_add(DAY_MS + PAST_MAX_MS + ROLLUP_SLACK_MS) <= now_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-15T10:00:00Z, and its midnight.
    const NOW: i64 = 1_768_471_200_000;
    const TODAY: i64 = 1_768_435_200_000;

    #[test]
    fn each_time_is_in_one_tier() {
        let rollups = Rollups::new(Retention::default());
        let days = |days: i64| TODAY - days * DAY_MS;
        let all = i64::MIN..i64::MAX;
        assert_eq!(rollups.tiers(all.clone(), NOW), [(Tier::Points, all.clone())], "nothing is rolled up");
        rollups.set_rolled_until(days(30));
        let expected = [
            (Tier::Hours, i64::MIN..days(63)),
            (Tier::FiveMinutes, days(63)..days(30)),
            (Tier::Points, days(30)..i64::MAX),
        ];
        assert_eq!(rollups.tiers(all, NOW), expected, "as far as it is rolled up");
        rollups.set_rolled_until(days(14));
        let range = days(20)..days(1);
        let expected = [(Tier::FiveMinutes, days(20)..days(15)), (Tier::Points, days(15)..days(1))];
        assert_eq!(rollups.tiers(range, NOW), expected, "points are read as long as they are kept");
        assert_eq!(rollups.tiers(days(3)..days(2), NOW), [(Tier::Points, days(3)..days(2))]);
    }

    #[test]
    fn points_stay_until_they_are_rolled_up() {
        let rollups = Rollups::new(Retention::default());
        let kept = |tier| match rollups.keep(tier, NOW) {
            Keep::For(age) => Some(age.as_millis() as i64 / DAY_MS),
            _ => None,
        };
        assert_eq!(kept(Tier::Points), None);
        rollups.set_rolled_until(TODAY - 100 * DAY_MS);
        assert_eq!(kept(Tier::Points), Some(100));
        rollups.set_rolled_until(TODAY - 10 * DAY_MS);
        assert_eq!((kept(Tier::Points), kept(Tier::FiveMinutes), kept(Tier::Hours)), (Some(17), Some(65), Some(457)));
    }

    #[test]
    fn nothing_is_kept_shorter_than_cloudwatch_keeps_it() {
        assert_eq!(Retention::days(0, 0, 0), Retention::default());
        assert_eq!(Retention::days(90, 30, 455).five_minutes_ms, 90 * DAY_MS);
        assert_eq!(Retention::days(15, 63, 3000).hours_ms, 3000 * DAY_MS);
        assert_eq!(Retention::days(u32::MAX, 0, 0).hours_ms, i64::from(u32::MAX) * DAY_MS);
    }

    #[test]
    fn nothing_is_put_into_a_day_that_was_rolled_up_even_if_the_clock_is_put_back() {
        let rollups = Rollups::new(Retention::default());
        assert_eq!(rollups.accepted_from(TimestampMs(NOW)).0, NOW - PAST_MAX_MS);
        let day = TODAY - 15 * DAY_MS;
        assert!(is_due(day, NOW) && !is_due(day + DAY_MS, NOW));
        rollups.set_rolled_until(day + DAY_MS);
        assert_eq!(rollups.accepted_from(TimestampMs(NOW)).0, NOW - PAST_MAX_MS);
        assert_eq!(rollups.accepted_from(TimestampMs(NOW - 5 * DAY_MS)).0, day + DAY_MS);
    }
}
