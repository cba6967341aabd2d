//! The marks of the time axis: at round times of the zone that is shown.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::limits::TIME_TICKS_MAX;

/// A mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimeTick {
    pub(crate) time_ms: i64,
    pub(crate) label: String,
    /// Whether a day begins here, on an axis of hours.
    pub(crate) is_day: bool,
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The distances that marks may have, but for months.
const STEPS: &[i64] = &[
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    7 * DAY,
    14 * DAY,
];

/// The distances in months.
const MONTHS: &[i64] = &[1, 2, 3, 6, 12, 24, 60, 120, 600, 1200];

/// The marks between two times, at most so many.
pub(crate) fn ticks(start_ms: i64, end_ms: i64, offset_minutes: i32, marks: usize) -> Vec<TimeTick> {
    let marks = marks.clamp(1, TIME_TICKS_MAX) as i64;
    let offset_ms = i64::from(offset_minutes) * MINUTE;
    let length = end_ms.saturating_sub(start_ms);
    if length <= 0 {
        return Vec::new();
    }
    match STEPS.iter().find(|step| length / **step <= marks) {
        Some(&step) => by_length(start_ms, end_ms, offset_ms, step),
        None => {
            let months = length / (30 * DAY);
            let step = MONTHS.iter().find(|step| months / **step <= marks).copied().unwrap_or(12_000);
            by_month(start_ms, end_ms, offset_ms, step)
        }
    }
}

fn by_length(start_ms: i64, end_ms: i64, offset_ms: i64, step: i64) -> Vec<TimeTick> {
    let local = start_ms.saturating_add(offset_ms);
    // Steps of several days begin with a Monday: the epoch was a Thursday.
    let origin = if step >= 7 * DAY { 4 * DAY } else { 0 };
    let first = local.saturating_sub((local.saturating_sub(origin)).rem_euclid(step));
    (0..)
        .map(|index: i64| first.saturating_add(index.saturating_mul(step)))
        .take_while(|local| local.saturating_sub(offset_ms) <= end_ms)
        .take(2 * TIME_TICKS_MAX)
        .filter(|local| local.saturating_sub(offset_ms) >= start_ms)
        .map(|local| {
            let is_day = local.rem_euclid(DAY) == 0;
            let form = if is_day {
                "%b %-d"
            } else if step < MINUTE {
                "%H:%M:%S"
            } else {
                "%H:%M"
            };
            TimeTick { time_ms: local - offset_ms, label: shown(local, form), is_day: is_day && step < DAY }
        })
        .collect()
}

fn by_month(start_ms: i64, end_ms: i64, offset_ms: i64, step: i64) -> Vec<TimeTick> {
    let Some(start) = civil(start_ms.saturating_add(offset_ms)) else { return Vec::new() };
    let first = i64::from(start.year()) * 12 + i64::from(start.month()) - 1;
    let first = first - first.rem_euclid(step);
    (0..2 * TIME_TICKS_MAX as i64)
        .filter_map(|index| {
            let month = first + index * step;
            let year = i16::try_from(month.div_euclid(12)).ok()?;
            let date = jiff::civil::Date::new(year, (month.rem_euclid(12) + 1) as i8, 1).ok()?;
            let local = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond();
            let form = if date.month() == 1 { "%Y" } else { "%b" };
            Some(TimeTick { time_ms: local - offset_ms, label: shown(local, form), is_day: false })
        })
        .filter(|tick| (start_ms..=end_ms).contains(&tick.time_ms))
        .collect()
}

fn civil(local_ms: i64) -> Option<jiff::civil::DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_millisecond(local_ms).ok()?))
}

fn shown(local_ms: i64, form: &str) -> String {
    civil(local_ms).map(|time| time.strftime(form).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-01-15T10:00:00Z.
    const TEN: i64 = 1_768_471_200_000;

    fn labels(start_ms: i64, end_ms: i64, offset_minutes: i32) -> Vec<String> {
        ticks(start_ms, end_ms, offset_minutes, 8).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn marks_are_at_round_times_of_the_zone() {
        let cases: [((i64, i64), i32, &[&str]); 7] = [
            (
                (-30 * SECOND, 0),
                0,
                &["09:59:30", "09:59:35", "09:59:40", "09:59:45", "09:59:50", "09:59:55", "10:00:00"],
            ),
            ((-3 * HOUR, 0), 0, &["07:00", "07:30", "08:00", "08:30", "09:00", "09:30", "10:00"]),
            ((-3 * HOUR, 0), 90, &["08:30", "09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]),
            ((-DAY, 0), 0, &["12:00", "15:00", "18:00", "21:00", "Jan 15", "03:00", "06:00", "09:00"]),
            ((-4 * DAY, 0), 0, &["12:00", "Jan 12", "12:00", "Jan 13", "12:00", "Jan 14", "12:00", "Jan 15"]),
            ((-20 * DAY, 0), 0, &["Dec 30", "Jan 3", "Jan 7", "Jan 11", "Jan 15"]),
            ((-400 * DAY, 0), 0, &["2025", "Mar", "May", "Jul", "Sep", "Nov", "2026"]),
        ];
        for ((start, end), offset, expected) in cases {
            assert_eq!(labels(TEN + start, TEN + end, offset), expected, "{start} {offset}");
        }
    }

    proptest! {
        #[test]
        fn marks_are_few_in_order_and_within(start: i64, length in prop_oneof![0..DAY, 0..i64::MAX], offset in -1439..=1439i32, marks in 0usize..100) {
            for start in [start, TEN - length] {
                let ticks = ticks(start, start.saturating_add(length), offset, marks);
                prop_assert!(ticks.len() <= 2 * TIME_TICKS_MAX);
                prop_assert!(ticks.windows(2).all(|pair| pair[0].time_ms < pair[1].time_ms));
                prop_assert!(ticks.iter().all(|tick| (start..=start.saturating_add(length)).contains(&tick.time_ms)));
            }
        }
    }
}
