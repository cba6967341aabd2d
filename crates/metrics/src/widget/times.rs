//! The time range of a widget: ISO 8601, absolute or as a duration before now.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use watchkeep_core::TimestampMs;

/// A `start` or `end` as milliseconds since the epoch; `None` if it is neither a time nor a duration.
pub(crate) fn parse(text: &str, now: TimestampMs) -> Option<i64> {
    if text.strip_prefix(['-', '+']).unwrap_or(text).starts_with('P') {
        let span: Span = text.parse().ok()?;
        // Days and months of the calendar, in UTC.
        let now = Timestamp::from_millisecond(now.0).ok()?.to_zoned(TimeZone::UTC);
        return Some(now.checked_add(span).ok()?.timestamp().as_millisecond());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond());
    }
    // Without an offset, it is UTC.
    let time: DateTime = text.parse().ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_count_back_from_now_and_times_are_utc() {
        // 2026-01-15T10:00:00Z.
        let now = 1_768_471_200_000;
        let (minute, day) = (60_000, 86_400_000);
        let cases = [
            ("-PT3H", Some(now - 180 * minute)),
            ("-PT0H", Some(now)),
            ("-P1DT2H30M", Some(now - day - 150 * minute)),
            ("-P7D", Some(now - 7 * day)),
            ("-P1W", Some(now - 7 * day)),
            ("-P1M", Some(now - 31 * day)),
            ("PT5M", Some(now + 5 * minute)),
            ("2026-01-15T10:00:00.000Z", Some(now)),
            ("2026-01-15T11:30:00+01:30", Some(now)),
            ("2026-01-15T10:00:00", Some(now)),
            ("2026-01-15T10:00", Some(now)),
            ("2026-01-15", Some(now - 600 * minute)),
            ("", None),
            ("-", None),
            ("P", None),
            ("-3h", None),
            ("yesterday", None),
            ("1768471200000", None),
            ("-P99999999999999Y", None),
            ("2026-13-01T00:00:00Z", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text, TimestampMs(now)), expected, "{text}");
        }
    }
}
