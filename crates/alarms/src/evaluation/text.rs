//! Numbers and times as CloudWatch writes them into reasons.

use jiff::Timestamp;
use jiff::tz::TimeZone;

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

/// `02/10/19 17:04:00`, the time of a datapoint.
pub(crate) fn datapoint_time(time_ms: i64) -> String {
    let time = Timestamp::from_millisecond(time_ms).unwrap_or_default();
    time.to_zoned(TimeZone::UTC).strftime("%d/%m/%y %H:%M:%S").to_string()
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
        assert_eq!(datapoint_time(1_570_035_840_000), "02/10/19 17:04:00");
    }
}
