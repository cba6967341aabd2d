//! Times and numbers in messages.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2024-03-22T14:05:11.123+0000`
pub(crate) fn timestamp(time_ms: i64) -> String {
    formatted(time_ms, "%Y-%m-%dT%H:%M:%S.%3f+0000")
}

/// `Friday 22 March, 2024 14:05:11 UTC`
pub(crate) fn long_time(time_ms: i64) -> String {
    formatted(time_ms, "%A %d %B, %Y %H:%M:%S UTC")
}

fn formatted(time_ms: i64, format: &str) -> String {
    let time = Timestamp::from_millisecond(time_ms).unwrap_or_default();
    time.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(timestamp(1_711_116_311_123), "2024-03-22T14:05:11.123+0000");
        assert_eq!(long_time(1_711_116_311_123), "Friday 22 March, 2024 14:05:11 UTC");
        assert_eq!(long_time(1_565_024_643_000), "Monday 05 August, 2019 17:04:03 UTC");
        assert_eq!(timestamp(i64::MAX), "1970-01-01T00:00:00.000+0000");
    }
}
