//! Numbers, times and durations as Prometheus reads and writes them.

use std::fmt::{self, Write};

const MILLISECOND: i64 = 1;
const SECOND: i64 = 1000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
const YEAR: i64 = 365 * DAY;

/// The units of durations, in the order in which they may follow one another.
const UNITS: [(&str, i64); 7] =
    [("y", YEAR), ("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND)];

/// Writes a sample's value: never with an exponent, `NaN`, `+Inf`, `-Inf`.
pub fn write_value(out: &mut impl Write, value: f64) -> fmt::Result {
    if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        write!(out, "{value}")
    }
}

/// A sample's value as text.
pub fn value_text(value: f64) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_value(&mut text, value);
    text
}

/// Writes a time in seconds, as a JSON number.
pub fn write_time(out: &mut impl Write, time_ms: i64) -> fmt::Result {
    if time_ms < 0 {
        out.write_char('-')?;
    }
    let (seconds, fraction) = (time_ms.unsigned_abs() / 1000, time_ms.unsigned_abs() % 1000);
    write!(out, "{seconds}")?;
    if fraction != 0 {
        write!(out, ".{fraction:03}")?;
    }
    Ok(())
}

/// A number as Go's ParseFloat takes it where Prometheus does: `Inf` and `NaN` in any case, hexadecimal, octal with a leading 0,
/// underscores between digits.
pub fn parse_number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(rest) if text.starts_with('-') => (-1.0, rest),
        Some(rest) => (1.0, rest),
        None => (1.0, text),
    };
    let lower = digits.to_ascii_lowercase();
    let number = match lower.as_str() {
        "inf" | "+inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        _ if lower.starts_with("0x") => u64::from_str_radix(lower.get(2..)?, 16).ok()? as f64,
        _ if is_octal(&lower) => u64::from_str_radix(&lower, 8).ok()? as f64,
        _ if lower.starts_with(|first: char| first.is_ascii_digit() || first == '.') => lower.parse().ok()?,
        _ => return None,
    };
    Some(sign * number)
}

fn is_octal(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
}

/// A duration such as `1h30m`, in milliseconds.
pub fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total_ms = 0i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let after = rest.get(digits..)?;
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = after.get(..letters)?;
        let (_, unit_ms) = units.find(|(name, _)| *name == unit)?;
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
        rest = after.get(letters..)?;
    }
    Some(total_ms)
}

/// Writes a duration with the units that it is whole in.
pub fn write_duration(out: &mut impl Write, duration_ms: i64) -> fmt::Result {
    if duration_ms == 0 {
        return out.write_str("0s");
    }
    if duration_ms < 0 {
        out.write_char('-')?;
    }
    let mut rest = duration_ms.unsigned_abs();
    for (name, unit_ms) in UNITS {
        let unit_ms = unit_ms.unsigned_abs();
        // 90d reads better than 12w6d.
        let is_only_if_whole = unit_ms >= WEEK.unsigned_abs();
        if is_only_if_whole && !rest.is_multiple_of(unit_ms) {
            continue;
        }
        let count = rest / unit_ms;
        if count > 0 {
            write!(out, "{count}{name}")?;
            rest -= count * unit_ms;
        }
    }
    Ok(())
}

/// Seconds as milliseconds, if they are a time at all.
pub fn seconds_to_ms(seconds: f64) -> Option<i64> {
    let ms = (seconds * 1000.0).round();
    // A little less than what an i64 holds, so that nothing that is computed from it overflows.
    (ms.abs() <= 9e15).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written() {
        let cases = [
            ("1", "1"),
            ("-0", "-0"),
            ("1e3", "1000"),
            ("1e21", "1000000000000000000000"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0x1F", "31"),
            ("0755", "493"),
            ("08", "8"),
            ("inf", "+Inf"),
            ("-Inf", "-Inf"),
            ("nan", "NaN"),
            ("1.7976931348623157e-5", "0.000017976931348623157"),
        ];
        for (text, expected) in cases {
            assert_eq!(value_text(parse_number(text).unwrap()), expected, "{text}");
        }
        for text in ["", "x", "1x", "0xg", "--1", "e5"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_written() {
        let cases = [
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90d", 90 * DAY, "90d"),
            ("2w", 14 * DAY, "2w"),
            ("1y", YEAR, "1y"),
            ("1s500ms", 1500, "1s500ms"),
            ("60s", 60_000, "1m"),
            ("0s", 0, "0s"),
        ];
        for (text, expected_ms, written) in cases {
            assert_eq!(parse_duration(text), Some(expected_ms), "{text}");
            let mut out = String::new();
            write_duration(&mut out, expected_ms).unwrap();
            assert_eq!(out, written);
        }
        for text in ["", "5", "m", "5m1h", "1.5h", "5mm", "9999999999999999999s", "999999999999999y"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn times_have_milliseconds_only_if_needed() {
        for (time_ms, expected) in [(1_435_781_451_781, "1435781451.781"), (1000, "1"), (1050, "1.050"), (-5, "-0.005")]
        {
            let mut out = String::new();
            write_time(&mut out, time_ms).unwrap();
            assert_eq!(out, expected);
        }
    }
}
