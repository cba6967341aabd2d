//! Text to a schedule.

use jiff::civil::DateTime;
use jiff::fmt::temporal::SpanParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::limits::{DURATION_S_MAX, DURATION_S_MIN, EXPRESSION_CHARS_MAX, OTHER_CHARS_MAX};
use super::{Cron, Duration, MuteSchedule, Problem, ScheduleError, ScheduleText, Start};
use crate::cron::{DAYS_OF_MONTH, Field, HOURS, MINUTES, MONTHS};

/// Days of the week, of which Sunday is both the first and, at the end of a range, the last: `MON-SUN` is all of them.
const DAYS_OF_WEEK: Field = Field {
    name: "day of the week",
    lowest: 0,
    highest: 7,
    names: &[("SUN", 0), ("MON", 1), ("TUE", 2), ("WED", 3), ("THU", 4), ("FRI", 5), ("SAT", 6), ("SUN", 7)],
};

static FIELDS: [Field; 5] = [MINUTES, HOURS, DAYS_OF_MONTH, MONTHS, DAYS_OF_WEEK];

/// Parses a schedule.
pub(super) fn parse(text: &ScheduleText<'_>) -> Result<MuteSchedule, ScheduleError> {
    let start = expression(text.expression)?;
    let duration = duration(text.duration).ok_or_else(|| ScheduleError::Duration(shortened(text.duration)))?;
    let name = text.timezone.unwrap_or("UTC");
    let zone = zone(name).ok_or_else(|| ScheduleError::Timezone(shortened(name)))?;
    if text.start_ms.zip(text.expire_ms).is_some_and(|(start, expire)| start >= expire) {
        return Err(ScheduleError::Dates);
    }
    Ok(MuteSchedule { start, duration, zone, start_ms: text.start_ms, expire_ms: text.expire_ms })
}

fn expression(text: &str) -> Result<Start, ScheduleError> {
    let error = |position, problem| Err(ScheduleError::Expression { position, problem });
    if text.chars().count() > EXPRESSION_CHARS_MAX {
        return error(EXPRESSION_CHARS_MAX + 1, Problem::TooLong);
    }
    let inner = |form: &str| text.strip_prefix(form)?.strip_suffix(')');
    if let Some(fields) = inner("cron(") {
        return cron(fields, "cron(".len()).map(|cron| Start::Cron(Box::new(cron)));
    }
    let Some(time) = inner("at(") else { return error(1, Problem::Form) };
    match DateTime::strptime("%Y-%m-%dT%H:%M", time) {
        // Every part has all its digits.
        Ok(start) if time.len() == "yyyy-MM-ddThh:mm".len() => Ok(Start::At(start)),
        _ => error("at(".len() + 1, Problem::Time(time.to_owned())),
    }
}

/// Five fields with blanks between them, which are `before` characters behind the start of the expression.
fn cron(text: &str, before: usize) -> Result<Cron, ScheduleError> {
    let mut fields = Vec::with_capacity(FIELDS.len());
    let mut position = before + 1;
    for field in text.split(' ') {
        if !field.is_empty() {
            fields.push((position, field));
        }
        position += field.chars().count() + 1;
    }
    let count = fields.len();
    let mut fields = fields.into_iter().zip(&FIELDS);
    let mut next = || match fields.next().filter(|_| count == FIELDS.len()) {
        None => Err(ScheduleError::Expression { position: before + 1, problem: Problem::Fields(count) }),
        Some(((at, text), field)) => field.parse(text).map_err(|error| ScheduleError::Expression {
            position: at + error.position - 1,
            problem: error.problem.into(),
        }),
    };
    Ok(Cron { minutes: next()?, hours: next()?, days_of_month: next()?, months: next()?, days_of_week: next()? })
}

fn duration(text: &str) -> Option<Duration> {
    if text.len() > OTHER_CHARS_MAX || !text.starts_with('P') {
        return None;
    }
    let span = SpanParser::new().parse_span(text).ok()?;
    let fraction = (span.get_milliseconds(), span.get_microseconds(), span.get_nanoseconds()) != (0, 0, 0);
    if fraction || span.is_negative() || span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let days = span.get_weeks().checked_mul(7)?.checked_add(span.get_days())?;
    let minutes = i64::from(span.get_hours()).checked_mul(60)?.checked_add(span.get_minutes())?;
    let seconds = minutes.checked_mul(60)?.checked_add(span.get_seconds())?;
    let total = i64::from(days).checked_mul(86_400)?.checked_add(seconds)?;
    (DURATION_S_MIN..=DURATION_S_MAX).contains(&total).then_some(Duration { days, seconds })
}

fn zone(name: &str) -> Option<TimeZone> {
    if name.len() > OTHER_CHARS_MAX {
        return None;
    }
    TimeZoneDatabase::bundled().get(name).ok()
}

/// A text that goes into an error.
fn shortened(text: &str) -> String {
    text.chars().take(OTHER_CHARS_MAX).collect()
}
