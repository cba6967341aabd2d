//! Periods (`5m`, `1 hour`), and times rounded to them. Source: "datetime functions".
//!
//! Milliseconds to days count from the epoch; weeks begin on Mondays; months, quarters and years are the calendar's, in UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::value::Value;

/// The length of the pieces that time is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// So many milliseconds; days at most.
    Fixed(i64),
    /// So many weeks.
    Weeks(i64),
    /// So many months of the calendar.
    Months(i64),
    /// A multiple of a number, not of time (PPL's `span(n, 10)`); in millionths.
    Millionths(i64),
}

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
/// From the epoch, a Thursday, to the Monday after it.
const MONDAY_MS: i64 = 4 * DAY_MS;
const MILLIONTH: f64 = 1e6;

/// Names of a unit, what it is, and the highest number of it.
type Unit = (&'static [&'static str], fn(i64) -> Period, Option<i64>);

const UNITS: &[Unit] = &[
    (&["ms", "msec", "millisecond"], Period::Fixed, Some(1000)),
    (&["s", "sec", "second"], |n| Period::Fixed(n.saturating_mul(SECOND_MS)), Some(60)),
    (&["m", "min", "minute"], |n| Period::Fixed(n.saturating_mul(MINUTE_MS)), Some(60)),
    (&["h", "hr", "hour"], |n| Period::Fixed(n.saturating_mul(HOUR_MS)), Some(24)),
    (&["d", "day"], |n| Period::Fixed(n.saturating_mul(DAY_MS)), None),
    (&["w", "week"], Period::Weeks, None),
    (&["mo", "mon", "month"], Period::Months, None),
    (&["q", "qtr", "quarter"], |n| Period::Months(n.saturating_mul(3)), None),
    (&["y", "yr", "year"], |n| Period::Months(n.saturating_mul(12)), None),
];

/// What the numbers of a period may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caps {
    /// Numbers above a unit's cap count as the cap: `bin(300s)` is `bin(60s)`.
    Clamped,
    /// Any.
    None,
}

impl Period {
    /// The period of a number and a unit's name, in whatever case, which may be plural if it is longer than a letter.
    pub(super) fn of(number: i64, unit: &str, caps: Caps) -> Option<Period> {
        let unit = unit.to_ascii_lowercase();
        let is_named = |names: &[&str]| {
            let plural = unit.strip_suffix('s').filter(|singular| singular.len() > 1);
            names.iter().any(|name| *name == unit || Some(*name) == plural)
        };
        let (_, period, cap) = UNITS.iter().find(|(names, ..)| is_named(names))?;
        let number = match (caps, cap) {
            (Caps::Clamped, Some(cap)) => number.min(*cap),
            _ => number,
        };
        (number > 0).then(|| period(number))
    }

    /// A multiple of a number.
    pub(super) fn of_number(number: f64) -> Option<Period> {
        let millionths = (number * MILLIONTH).round();
        (1.0..9e15).contains(&millionths).then_some(Period::Millionths(millionths as i64))
    }

    /// A time in milliseconds, rounded down to a boundary.
    pub fn floor_ms(self, time_ms: i64) -> i64 {
        match self {
            Period::Fixed(period_ms) => floor(time_ms, period_ms, 0),
            Period::Weeks(weeks) => floor(time_ms, weeks.saturating_mul(WEEK_MS), MONDAY_MS),
            Period::Months(months) => {
                let month = month_of(time_ms).map(|month| month.saturating_sub(month.rem_euclid(months.max(1))));
                month.and_then(month_start_ms).unwrap_or(time_ms)
            }
            Period::Millionths(_) => time_ms,
        }
    }

    /// A time in milliseconds, rounded up to a boundary; on one, it stays.
    pub fn ceil_ms(self, time_ms: i64) -> i64 {
        let floor_ms = self.floor_ms(time_ms);
        if floor_ms == time_ms {
            return time_ms;
        }
        match self {
            Period::Fixed(period_ms) => floor_ms.saturating_add(period_ms),
            Period::Weeks(weeks) => floor_ms.saturating_add(weeks.saturating_mul(WEEK_MS)),
            Period::Months(months) => {
                let month = month_of(floor_ms).map(|month| month.saturating_add(months));
                month.and_then(month_start_ms).unwrap_or(time_ms)
            }
            Period::Millionths(_) => time_ms,
        }
    }

    /// A time, or a number of milliseconds since the epoch, rounded; a number, if the period is one of numbers.
    pub fn round(self, value: &Value<'_>, up: bool) -> Value<'static> {
        if let Period::Millionths(millionths) = self {
            let period = millionths as f64 / MILLIONTH;
            let Some(number) = value.as_number() else { return Value::Null };
            let multiples = if up { (number / period).ceil() } else { (number / period).floor() };
            return Value::number(multiples * period);
        }
        match super::time::time_ms(value) {
            Some(time_ms) => Value::Time(if up { self.ceil_ms(time_ms) } else { self.floor_ms(time_ms) }),
            None => Value::Null,
        }
    }
}

fn floor(time_ms: i64, period_ms: i64, start_ms: i64) -> i64 {
    let period_ms = period_ms.max(1);
    let since = time_ms.saturating_sub(start_ms);
    time_ms.saturating_sub(since.rem_euclid(period_ms))
}

/// The number of a time's month, from year 0.
fn month_of(time_ms: i64) -> Option<i64> {
    let date = Timestamp::from_millisecond(time_ms).ok()?.to_zoned(TimeZone::UTC).date();
    Some(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
}

fn month_start_ms(month: i64) -> Option<i64> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let date = Date::new(year, i8::try_from(month.rem_euclid(12) + 1).ok()?, 1).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}
