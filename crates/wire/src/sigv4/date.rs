//! The times of signatures: `20260115T123045Z`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use watchkeep_core::TimestampMs;

/// The moment of `YYYYMMDDTHHMMSSZ`; `None` if the text is anything else.
pub fn parse_amz_date(text: &str) -> Option<TimestampMs> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    let [y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, mi0, mi1, s0, s1, b'Z'] = *bytes else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
    let two = |tens: u8, ones: u8| Some((digit(tens)? * 10 + digit(ones)?) as i8);
    let year = i16::from(two(y0, y1)?) * 100 + i16::from(two(y2, y3)?);
    let moment =
        DateTime::new(year, two(mo0, mo1)?, two(d0, d1)?, two(h0, h1)?, two(mi0, mi1)?, two(s0, s1)?, 0).ok()?;
    Some(TimestampMs(Offset::UTC.to_timestamp(moment).ok()?.as_millisecond()))
}

/// `YYYYMMDDTHHMMSSZ` of a moment.
pub fn amz_date(time: TimestampMs) -> String {
    let moment = Offset::UTC.to_datetime(Timestamp::from_millisecond(time.0).unwrap_or_default());
    let (date, clock) = (moment.date(), moment.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        date.month(),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

/// The moment of a `Date` header, which some clients send instead of `X-Amz-Date`: the basic format or RFC 2822.
pub(super) fn parse_date_header(text: &str) -> Option<TimestampMs> {
    parse_amz_date(text).or_else(|| {
        let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(TimestampMs(moment.as_millisecond()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, ms) in [("20260115T123045Z", 1_768_480_245_000), ("19700101T000000Z", 0)] {
            assert_eq!(parse_amz_date(text), Some(TimestampMs(ms)));
            assert_eq!(amz_date(TimestampMs(ms)), text);
        }
        assert_eq!(parse_date_header("Thu, 15 Jan 2026 12:30:45 GMT"), Some(TimestampMs(1_768_480_245_000)));
    }

    #[test]
    fn refuses_other_texts() {
        for bad in ["", "20260115", "20260115T123045", "2026-01-15T12:30:45Z", "20261315T123045Z", "２0260115T1230Z"] {
            assert_eq!(parse_amz_date(bad), None, "{bad}");
        }
    }
}
