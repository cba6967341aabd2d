//! Numbers and times as CloudWatch writes them into reasons, messages and events.

use jiff::Timestamp;
use jiff::fmt::strtime;

/// A number as Java writes a double: `21.0`, `4.69E108`, `NaN`.
pub(crate) fn shown(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value != 0.0 && !(1e-3..1e7).contains(&value.abs()) {
        let text = format!("{value:E}");
        return match text.split_once('E') {
            Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
            _ => text,
        };
    }
    format!("{value:?}")
}

/// `2019-10-02T17:04:40.985+0000`.
pub(crate) fn timestamp(time_ms: i64) -> String {
    formatted(time_ms, "%Y-%m-%dT%H:%M:%S.%3f+0000")
}

/// `02/10/19 17:04:00`, the time of a datapoint.
pub(super) fn datapoint_time(time_ms: i64) -> String {
    formatted(time_ms, "%d/%m/%y %H:%M:%S")
}

fn formatted(time_ms: i64, format: &str) -> String {
    let time = Timestamp::from_millisecond(time_ms).unwrap_or_default();
    strtime::format(format, time.to_zoned(jiff::tz::TimeZone::UTC).datetime()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times() {
        let cases = [
            (21.0, "21.0"),
            (0.0666851903306472, "0.0666851903306472"),
            (1e7, "1.0E7"),
            (1.5e-5, "1.5E-5"),
            (-0.5, "-0.5"),
        ];
        for (value, text) in cases {
            assert_eq!(shown(value), text);
        }
        assert_eq!(timestamp(1_570_035_880_985), "2019-10-02T17:04:40.985+0000");
        assert_eq!(datapoint_time(1_570_035_840_000), "02/10/19 17:04:00");
    }
}
