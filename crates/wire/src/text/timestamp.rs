//! The three spellings of a moment: ISO 8601, epoch seconds, and HTTP's date.

use watchkeep_model::{Timestamp, TimestampFormat};

use super::epoch_seconds;

const DAY_MS: i64 = 86_400_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// The first of January 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// The moment in this format.
pub fn format(value: Timestamp, format: TimestampFormat) -> String {
    match format {
        TimestampFormat::EpochSeconds => epoch_seconds(value),
        TimestampFormat::Iso8601 => iso8601(value),
        TimestampFormat::HttpDate => http_date(value),
    }
}

/// `2024-01-02T03:04:05Z`, with milliseconds only where there are any.
pub fn iso8601(value: Timestamp) -> String {
    let Civil { year, month, day, hour, minute, second, millis, .. } = Civil::of(value);
    let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if millis != 0 {
        out.push_str(&format!(".{millis:03}"));
    }
    out.push('Z');
    out
}

/// `Tue, 02 Jan 2024 03:04:05 GMT`; milliseconds are lost.
pub fn http_date(value: Timestamp) -> String {
    let Civil { weekday, year, month, day, hour, minute, second, .. } = Civil::of(value);
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    let (weekday, month) = (name(&WEEKDAYS, weekday), name(&MONTHS, month - 1));
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads any of the three formats: which one it is shows in its first characters.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    match text.as_bytes() {
        [first, ..] if first.is_ascii_alphabetic() => parse_http_date(text),
        [_, _, _, _, b'-', ..] => parse_iso8601(text),
        _ => parse_epoch_seconds(text),
    }
}

fn parse_epoch_seconds(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1000).map(Timestamp);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    let millis = (text.parse::<f64>().ok()? * 1000.0).round();
    // Beyond 2^53 a double no longer counts milliseconds.
    (millis.abs() < 9e15).then_some(Timestamp(millis as i64))
}

/// The date, with or without a time; the time with or without seconds, fraction and offset (UTC where there is none).
fn parse_iso8601(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00"));
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (clock, offset_minutes) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => (time.get(..at)?, parse_offset(time.get(at..)?)?),
        None => (time, 0),
    };
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (second, millis) = match parts.next() {
        Some(seconds) => parse_seconds(seconds)?,
        None => (0, 0),
    };
    let moment = Civil { year, month, day, hour, minute, second, millis, weekday: 0 }.moment()?;
    Some(Timestamp(moment.0 - offset_minutes * 60_000))
}

fn parse_seconds(text: &str) -> Option<(i64, i64)> {
    let Some((seconds, fraction)) = text.split_once(['.', ',']) else {
        return Some((digits(text, 2)?, 0));
    };
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis = fraction.bytes().chain([b'0'; 3]).take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some((digits(seconds, 2)?, millis))
}

/// `Z`, `+hh:mm`, `+hhmm` or `+hh`, in minutes.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match (rest.split_once(':'), rest.len()) {
        (Some((hours, minutes)), _) => (hours, minutes),
        (None, 4) => rest.split_at_checked(2)?,
        (None, _) => (rest, "00"),
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn parse_http_date(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day = digits(words.next()?, 2)?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
    let year = digits(words.next()?, 4)?;
    let mut clock = words.next()?.splitn(3, ':');
    let (hour, minute) = (digits(clock.next()?, 2)?, digits(clock.next()?, 2)?);
    let (second, millis) = parse_seconds(clock.next()?)?;
    if !matches!((words.next(), words.next()), (Some("GMT" | "UTC" | "+0000"), None)) {
        return None;
    }
    Civil { year, month: i64::try_from(month).ok()? + 1, day, hour, minute, second, millis, weekday: 0 }.moment()
}

/// Exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// A moment in the proleptic Gregorian calendar, UTC.
struct Civil {
    weekday: i64,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millis: i64,
}

impl Civil {
    /// Days are counted from the first of March of year 0, in eras of 400 years, so that a leap day is its year's last.
    fn of(value: Timestamp) -> Civil {
        let (days, in_day) = (value.0.div_euclid(DAY_MS), value.0.rem_euclid(DAY_MS));
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Civil {
            weekday: days.rem_euclid(7),
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: in_day / 3_600_000,
            minute: in_day / 60_000 % 60,
            second: in_day / 1_000 % 60,
            millis: in_day % 1_000,
        }
    }

    /// `None` if there is no such day or time. A leap second is the first of the next minute.
    fn moment(&self) -> Option<Timestamp> {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days_in_month = match self.month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let valid = (1..=days_in_month).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second <= 60;
        if !valid {
            return None;
        }
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        Some(Timestamp(
            days * DAY_MS + self.hour * 3_600_000 + self.minute * 60_000 + self.second * 1_000 + self.millis,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings() {
        for (text, millis) in [
            ("2024-01-02T03:04:05Z", Some(1_704_164_645_000)),
            ("2024-01-02T03:04:05.1239Z", Some(1_704_164_645_123)),
            ("2024-01-02T03:04:05.5+01:00", Some(1_704_161_045_500)),
            ("2024-01-02T03:04:05-0130", Some(1_704_170_045_000)),
            ("2024-01-02T03:04:05", Some(1_704_164_645_000)),
            ("2024-01-02 03:04", Some(1_704_164_640_000)),
            ("2024-01-02", Some(1_704_153_600_000)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("Tue, 02 Jan 2024 03:04:05 GMT", Some(1_704_164_645_000)),
            ("1704164645", Some(1_704_164_645_000)),
            ("1704164645.25", Some(1_704_164_645_250)),
            ("1.704164645E9", Some(1_704_164_645_000)),
            ("2023-02-29T00:00:00Z", None),
            ("2024-13-01T00:00:00Z", None),
            ("2024-01-02T24:00:00Z", None),
            ("2024-01-02T03:04:05.Z", None),
            ("2024-01-02T03:04:05+1", None),
            ("yesterday", None),
            ("Tue, 02 Jan 2024", None),
            ("", None),
            ("9999999999999999999", None),
            ("1e300", None),
        ] {
            assert_eq!(parse(text), millis.map(Timestamp), "{text}");
        }
    }

    #[test]
    fn formats() {
        let moment = Timestamp(1_704_164_645_120);
        assert_eq!(format(moment, TimestampFormat::Iso8601), "2024-01-02T03:04:05.120Z");
        assert_eq!(format(moment, TimestampFormat::EpochSeconds), "1704164645.120");
        assert_eq!(format(moment, TimestampFormat::HttpDate), "Tue, 02 Jan 2024 03:04:05 GMT");
        assert_eq!(iso8601(Timestamp(0)), "1970-01-01T00:00:00Z");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

        #[test]
        fn every_format_reads_back(millis in -62_135_596_800_000_i64..253_402_300_800_000) {
            let moment = Timestamp(millis);
            prop_assert_eq!(parse(&iso8601(moment)), Some(moment));
            prop_assert_eq!(parse(&epoch_seconds(moment)), Some(moment));
            prop_assert_eq!(parse(&http_date(moment)), Some(Timestamp(millis.div_euclid(1000) * 1000)));
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,40}", millis: i64) {
            let _ = parse(&text);
            let _ = (iso8601(Timestamp(millis)), http_date(Timestamp(millis)), epoch_seconds(Timestamp(millis)));
        }
    }
}
