//! Functions of times.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::insights::plan::{Function, TimePart};
use crate::insights::time::time_ms;
use crate::insights::value::Value;

/// The value, if it is one of these functions.
pub(super) fn call<'v>(function: Function, values: &[Value<'v>]) -> Option<Value<'v>> {
    let time = || values.first().and_then(time_ms);
    Some(match function {
        Function::FromMillis => match values.first().and_then(Value::as_number) {
            Some(number) if number.abs() < 9e15 => Value::Time(number as i64),
            _ => Value::Null,
        },
        Function::ToMillis => time().map_or(Value::Null, |time_ms| Value::Number(time_ms as f64)),
        Function::Timestamp => time().map_or(Value::Null, Value::Time),
        Function::TimePart(part) => {
            time().and_then(|time_ms| part_of(time_ms, part)).map_or(Value::Null, Value::number)
        }
        Function::DateFormat => {
            let format = values.get(1).and_then(Value::as_text);
            match (time().and_then(civil), format) {
                (Some(time), Some(format)) => date_format(time, &format).map_or(Value::Null, Value::text),
                _ => Value::Null,
            }
        }
        _ => return None,
    })
}

fn civil(time_ms: i64) -> Option<DateTime> {
    Some(Timestamp::from_millisecond(time_ms).ok()?.to_zoned(TimeZone::UTC).datetime())
}

fn part_of(time_ms: i64, part: TimePart) -> Option<f64> {
    let time = civil(time_ms)?;
    let date = time.date();
    Some(match part {
        TimePart::Year => date.year().into(),
        TimePart::Quarter => f64::from((date.month() - 1) / 3 + 1),
        TimePart::Month => date.month().into(),
        TimePart::Day => date.day().into(),
        TimePart::DayOfWeek => f64::from(date.weekday().to_sunday_one_offset()),
        TimePart::DayOfYear => date.day_of_year().into(),
        TimePart::Hour => time.hour().into(),
        TimePart::Minute => time.minute().into(),
        TimePart::Second => time.second().into(),
        TimePart::UnixSeconds => time_ms as f64 / 1000.0,
    })
}

/// A time by the letters of Java's formats (`yyyy-MM-dd HH:mm:ss`), as OpenSearch has them, or MySQL's (`%Y-%m-%d`).
fn date_format(time: DateTime, format: &str) -> Option<String> {
    let strftime = if format.contains('%') { format.replace("%i", "%M").replace("%s", "%S") } else { of_java(format)? };
    jiff::fmt::strtime::format(strftime, time).ok()
}

fn of_java(format: &str) -> Option<String> {
    const LETTERS: &[(&str, &str)] = &[
        ("yyyy", "%Y"),
        ("yy", "%y"),
        ("MMMM", "%B"),
        ("MMM", "%b"),
        ("MM", "%m"),
        ("dd", "%d"),
        ("HH", "%H"),
        ("hh", "%I"),
        ("mm", "%M"),
        ("ss", "%S"),
        ("SSS", "%3f"),
        ("EEEE", "%A"),
        ("EEE", "%a"),
        ("DDD", "%j"),
        ("a", "%p"),
    ];
    let mut text = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some((letters, specifier)) = LETTERS.iter().find(|(letters, _)| rest.starts_with(letters)) {
            text += specifier;
            rest = rest.get(letters.len()..)?;
        } else if let Some(quoted) = rest.strip_prefix('\'') {
            let (literal, behind) = quoted.split_once('\'')?;
            text += literal;
            rest = behind;
        } else if first.is_alphabetic() {
            return None;
        } else {
            text.push(first);
            rest = rest.get(first.len_utf8()..)?;
        }
    }
    Some(text)
}
