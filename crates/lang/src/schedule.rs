//! Schedules as AWS's services write them: `cron(0 12 ? * MON-FRI *)`. Source: "Cron expressions" of EventBridge's Scheduler, which
//! CloudWatch Logs' scheduled queries share.
//!
//! Six fields: minutes, hours, day of the month, month, day of the week (1 is Sunday), year. Lists, ranges, `*`, steps (`0/5`), `L` for
//! the last day, `15W` for the weekday nearest to the 15th, `6#3` for the third Friday. One of the fields of days is `?`.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::cron::{DAYS_OF_MONTH, Field, HOURS, MINUTES, MONTHS, Times, Values};

static MINUTES_FIELD: Field = MINUTES;
static HOURS_FIELD: Field = HOURS;
static MONTHS_FIELD: Field = MONTHS;
static DAYS_FIELD: Field = DAYS_OF_MONTH;
static WEEKDAYS: Field = Field {
    name: "day of the week",
    lowest: 1,
    highest: 7,
    names: &[("SUN", 1), ("MON", 2), ("TUE", 3), ("WED", 4), ("THU", 5), ("FRI", 6), ("SAT", 7)],
};
static YEARS: Field = Field { name: "year", lowest: 1970, highest: 2199, names: &[] };

/// The characters of an expression ("CreateScheduledQuery").
pub const EXPRESSION_CHARS_MAX: usize = 256;

/// How many days ahead a next time is looked for: through a leap day's absence in a century's year.
const DAYS_AHEAD_MAX: i32 = 9 * 366;

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScheduleError(String);

/// A schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    minutes: Values,
    hours: Values,
    days: Days,
    months: Values,
    years: Values,
    zone: TimeZone,
}

/// Days of a month.
#[derive(Debug, Clone)]
enum Days {
    OfMonth(Values),
    Last,
    NearestWeekday(u32),
    OfWeek(Values),
    /// The last such day of the week.
    LastOfWeek(u32),
    /// A day of the week, and which one of the month.
    Nth(u32, u32),
}

impl Schedule {
    /// Parses an expression; its times are of a time zone by its IANA name, or UTC.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] if it is none.
    pub fn parse(expression: &str, timezone: Option<&str>) -> Result<Schedule, ScheduleError> {
        let error = |message: String| ScheduleError(message);
        if expression.chars().count() > EXPRESSION_CHARS_MAX {
            return Err(error(format!("the expression is longer than {EXPRESSION_CHARS_MAX} characters")));
        }
        let inner = expression.trim().strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
        let inner = inner.ok_or_else(|| error("the expression must be of the form cron(..)".to_owned()))?;
        let fields: Vec<&str> = inner.split_ascii_whitespace().collect();
        let &[minutes, hours, day, month, weekday, year] = fields.as_slice() else {
            return Err(error(format!("cron has six fields, not {}", fields.len())));
        };
        let zone = match timezone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| error(format!("unknown time zone: {name}")))?,
        };
        let days = match (day, weekday) {
            ("?", "?") => return Err(error("one of the fields of days must not be ?".to_owned())),
            (day, "?") => of_month(day)?,
            ("?", weekday) => of_week(weekday)?,
            _ => return Err(error("one of the fields of days must be ?".to_owned())),
        };
        Ok(Schedule {
            minutes: values(&MINUTES_FIELD, minutes)?,
            hours: values(&HOURS_FIELD, hours)?,
            days,
            months: values(&MONTHS_FIELD, month)?,
            years: values(&YEARS, year)?,
            zone,
        })
    }

    /// The first time after another, both in milliseconds since the epoch; none, if there is none in the years ahead.
    pub fn next_after(&self, time_ms: i64) -> Option<i64> {
        let after = Timestamp::from_millisecond(time_ms).ok()?.to_zoned(self.zone.clone()).datetime();
        let mut from = after.checked_add(Span::new().minutes(1)).ok()?;
        from = from.date().at(from.hour(), from.minute(), 0, 0);
        // Times that the clock skips in spring are not there; of the hour that comes twice in autumn it is the first.
        for _ in 0..EXPRESSION_CHARS_MAX {
            let next = self.next_from(from)?;
            let next_ms = next.to_zoned(self.zone.clone()).ok()?.timestamp().as_millisecond();
            if next_ms > time_ms {
                return Some(next_ms);
            }
            from = next.checked_add(Span::new().minutes(1)).ok()?;
        }
        None
    }

    fn next_from(&self, from: DateTime) -> Option<DateTime> {
        let times = Times {
            minutes: self.minutes,
            hours: self.hours,
            months: self.months,
            is_day: |date: Date| self.is_day(date),
        };
        times.first_from(from, DAYS_AHEAD_MAX)
    }

    fn is_day(&self, date: Date) -> bool {
        let day = date.day().unsigned_abs().into();
        let weekday = weekday_number(date.weekday());
        let is_year = u32::try_from(date.year()).is_ok_and(|year| self.years.has(year));
        is_year
            && match &self.days {
                Days::OfMonth(days) => days.has(day),
                Days::Last => date == date.last_of_month(),
                Days::NearestWeekday(wanted) => nearest_weekday(date, *wanted) == Some(date),
                Days::OfWeek(days) => days.has(weekday),
                Days::LastOfWeek(wanted) => weekday == *wanted && date.days_in_month() - date.day() < 7,
                Days::Nth(wanted, nth) => weekday == *wanted && (day - 1) / 7 + 1 == *nth,
            }
    }
}

/// From 1, which is Sunday.
fn weekday_number(weekday: Weekday) -> u32 {
    weekday.to_sunday_one_offset().unsigned_abs().into()
}

/// The weekday of a month that is nearest to a day of it.
fn nearest_weekday(date: Date, day: u32) -> Option<Date> {
    let last = date.last_of_month().day();
    let wanted = date.with().day(i8::try_from(day).ok()?.min(last)).build().ok()?;
    let moved = |days: i64| wanted.checked_add(Span::new().days(days)).ok();
    match wanted.weekday() {
        Weekday::Saturday if wanted.day() == 1 => moved(2),
        Weekday::Saturday => moved(-1),
        Weekday::Sunday if wanted.day() == last => moved(-2),
        Weekday::Sunday => moved(1),
        _ => Some(wanted),
    }
}

fn of_month(text: &str) -> Result<Days, ScheduleError> {
    if text.eq_ignore_ascii_case("L") {
        return Ok(Days::Last);
    }
    if let Some(day) = text.strip_suffix(['W', 'w']) {
        let day = day.parse().ok().filter(|day| (1..=31).contains(day));
        return day.map(Days::NearestWeekday).ok_or_else(|| ScheduleError(format!("'{text}' is no day of the month")));
    }
    values(&DAYS_FIELD, text).map(Days::OfMonth)
}

fn of_week(text: &str) -> Result<Days, ScheduleError> {
    let single = |text: &str| {
        let all = values(&WEEKDAYS, text).ok()?;
        let first = all.first_from(1)?;
        (all.last_to(7) == Some(first)).then_some(first)
    };
    let bad = || ScheduleError(format!("'{text}' is no day of the week"));
    if text.eq_ignore_ascii_case("L") {
        return Ok(Days::LastOfWeek(7));
    }
    if let Some(day) = text.strip_suffix(['L', 'l']) {
        return single(day).map(Days::LastOfWeek).ok_or_else(bad);
    }
    if let Some((day, nth)) = text.split_once('#') {
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth)).ok_or_else(bad)?;
        return single(day).map(|day| Days::Nth(day, nth)).ok_or_else(bad);
    }
    values(&WEEKDAYS, text).map(Days::OfWeek)
}

/// A list of values, ranges and steps.
fn values(field: &'static Field, text: &str) -> Result<Values, ScheduleError> {
    let bad = || ScheduleError(format!("'{text}' is no {}", field.name));
    let mut items = Vec::new();
    for item in text.split(',') {
        let Some((start, step)) = item.split_once('/') else {
            items.push(item.to_owned());
            continue;
        };
        let step: u32 = step.parse().ok().filter(|step| *step > 0).ok_or_else(bad)?;
        let (first, last) = match start {
            "*" => (field.lowest, field.highest),
            start => {
                let range = field.parse(start).map_err(|error| ScheduleError(error.to_string()))?;
                let first = range.first_from(field.lowest).ok_or_else(bad)?;
                let last = if start.contains('-') { range.last_to(field.highest) } else { Some(field.highest) };
                (first, last.ok_or_else(bad)?)
            }
        };
        items.extend((first..=last).step_by(step as usize).map(|value| value.to_string()));
    }
    field.parse(&items.join(",")).map_err(|error| ScheduleError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, timezone: Option<&str>, after: &str) -> String {
        let after = after.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond();
        let schedule = Schedule::parse(expression, timezone).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let next = schedule.next_after(after).map(|next_ms| Timestamp::from_millisecond(next_ms).unwrap().to_string());
        next.unwrap_or_default()
    }

    #[test]
    fn times_follow() {
        let cases = [
            ("cron(0 12 ? * MON-FRI *)", "2024-05-03T12:00", "2024-05-06T12:00:00Z"),
            ("cron(0/15 * * * ? *)", "2024-05-03T12:14:59", "2024-05-03T12:15:00Z"),
            ("cron(*/20 8-10/2 * * ? *)", "2024-05-03T08:40", "2024-05-03T10:00:00Z"),
            ("cron(5,7 0 1 1 ? *)", "2024-05-03T12:00", "2025-01-01T00:05:00Z"),
            ("cron(0 0 L * ? *)", "2024-02-01T00:00", "2024-02-29T00:00:00Z"),
            ("cron(0 0 ? * 6#3 *)", "2024-05-01T00:00", "2024-05-17T00:00:00Z"),
            ("cron(0 0 ? * FRIL *)", "2024-05-01T00:00", "2024-05-31T00:00:00Z"),
            ("cron(0 0 1W * ? *)", "2024-05-31T00:00", "2024-06-03T00:00:00Z"),
            ("cron(0 0 15W 9 ? *)", "2024-05-31T00:00", "2024-09-16T00:00:00Z"),
            ("cron(0 0 29 2 ? *)", "2024-03-01T00:00", "2028-02-29T00:00:00Z"),
            ("cron(0 0 1 1 ? 2030-2031)", "2024-03-01T00:00", "2030-01-01T00:00:00Z"),
            ("cron(0 0 1 1 ? 2020)", "2024-03-01T00:00", ""),
        ];
        for (expression, after, expected) in cases {
            assert_eq!(next(expression, None, after), expected, "{expression}");
        }
        let zone = Some("Europe/Berlin");
        assert_eq!(next("cron(0 12 * * ? *)", zone, "2024-05-03T09:59"), "2024-05-03T10:00:00Z");
        assert_eq!(next("cron(30 2 * * ? *)", zone, "2024-03-30T23:00"), "2024-03-31T01:30:00Z", "a skipped hour");
        assert_eq!(next("cron(30 2 * * ? *)", zone, "2024-10-27T00:31"), "2024-10-28T01:30:00Z", "twice, but once");
    }

    #[test]
    fn bad_schedules_are_refused() {
        let cases = [
            "rate(5 minutes)",
            "cron(0 12 * * *)",
            "cron(0 12 * * * *)",
            "cron(0 12 ? * ? *)",
            "cron(60 12 * * ? *)",
            "cron(0/0 12 * * ? *)",
            "cron(x 12 * * ? *)",
            "cron(0 12 32W * ? *)",
            "cron(0 12 ? * 8 *)",
            "cron(0 12 ? * 2#6 *)",
            "cron(0 12 * * ? 1900)",
        ];
        for expression in cases {
            assert!(Schedule::parse(expression, None).is_err(), "{expression}");
        }
        assert!(Schedule::parse("cron(0 12 * * ? *)", Some("Mars/Olympus")).is_err());
    }
}
