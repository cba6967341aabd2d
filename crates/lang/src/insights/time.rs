//! Times as texts.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::value::Value;

/// `2022-07-18 12:34:30.964`, in UTC.
pub fn render(time_ms: i64) -> String {
    match Timestamp::from_millisecond(time_ms) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string(),
        Err(_) => time_ms.to_string(),
    }
}

/// The time of a text like `2022-07-18 12:34:30.964`, `2022-07-18T12:34:30Z` or `2022-07-18`, in milliseconds since the epoch; in UTC, unless it
/// has an offset.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() < 10 || !text.as_bytes().first()?.is_ascii_digit() || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    let time: DateTime = text.parse().ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The time that a value is: a time, a number of milliseconds, or a text that is either.
pub fn time_ms(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Time(time_ms) => Some(*time_ms),
        Value::Bool(_) => None,
        value => match value.as_number() {
            Some(number) => (number.abs() < 9e15).then_some(number as i64),
            None => parse(&value.as_text()?),
        },
    }
}
