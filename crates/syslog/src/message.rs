//! What a message's header says of it. The message itself is kept as it came.

use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use watchkeep_core::TimestampMs;

use crate::limits::{AGE_MS_MAX, AHEAD_MS_MAX, STREAM_CHARS_MAX};

/// A message off the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    /// When its sender says that it happened, else when it came.
    pub(crate) time: TimestampMs,
    /// The host that its sender says it is of, else the sender's address.
    pub(crate) host: String,
    /// All of it, in UTF-8.
    pub(crate) text: String,
}

/// Reads a message that came from this address at this time; none if there is nothing in it.
pub(crate) fn read(bytes: &[u8], from: IpAddr, now: TimestampMs) -> Option<Received> {
    // RFC 5424 lets a byte order mark stand before the text; it says nothing that UTF-8 does not.
    let text = String::from_utf8_lossy(bytes).replacen('\u{feff}', "", 1);
    let text = text.trim_matches(['\0', '\r', '\n', ' ']);
    if text.is_empty() {
        return None;
    }
    let header = text.strip_prefix('<').and_then(|rest| rest.split_once('>')).and_then(|(priority, rest)| {
        let is_number = (1..=3).contains(&priority.len()) && priority.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(rest)
    });
    let header = header.unwrap_or(text);
    let found = rfc5424(header).or_else(|| rfc3164(header, now));
    let (time, host) = found.unwrap_or((None, None));
    // A clock that is wrong, or one of another time zone whose times do not say so: what a log group would not take is of now.
    let is_taken = |time: &TimestampMs| (now.0 - AGE_MS_MAX..=now.0 + AHEAD_MS_MAX).contains(&time.0);
    let time = time.filter(is_taken);
    let host = host.filter(|host| !host.is_empty()).map_or_else(|| from.to_canonical().to_string(), str::to_owned);
    Some(Received { time: time.unwrap_or(now), host: stream_name(&host), text: text.to_owned() })
}

/// `1 2026-01-15T12:30:45.003Z host app ...`; `-` stands for what the sender does not know.
fn rfc5424(header: &str) -> Option<(Option<TimestampMs>, Option<&str>)> {
    let mut words = header.strip_prefix("1 ")?.splitn(3, ' ');
    let (time, host) = (words.next()?, words.next()?);
    let known = |word: &'static str| move |text: &&str| *text != word;
    let time = match time {
        "-" => None,
        time => Some(TimestampMs(time.parse::<Timestamp>().ok()?.as_millisecond())),
    };
    Some((time, Some(host).filter(known("-"))))
}

/// `Jan 15 12:30:45 host tag: ...`, or with the time of RFC 3339, which many senders write. The old time has neither year nor zone:
/// it is UTC, of the year in which it is nearest to now.
fn rfc3164(header: &str, now: TimestampMs) -> Option<(Option<TimestampMs>, Option<&str>)> {
    let (time, rest) = match header.split_at_checked(15).and_then(|(time, rest)| Some((bsd_time(time, now)?, rest))) {
        Some(found) => found,
        None => {
            let (time, rest) = header.split_once(' ')?;
            (TimestampMs(time.parse::<Timestamp>().ok()?.as_millisecond()), rest)
        }
    };
    let host = rest.trim_start().split(' ').next()?;
    // A tag in the host's place: the sender left the host out.
    Some((Some(time), Some(host).filter(|host| !host.ends_with(':') && !host.contains('['))))
}

fn bsd_time(text: &str, now: TimestampMs) -> Option<TimestampMs> {
    let now = Timestamp::from_millisecond(now.0).ok()?;
    let year = now.to_zoned(TimeZone::UTC).year();
    let of_year = |year: i16| {
        let time = DateTime::strptime("%Y %b %e %H:%M:%S", format!("{year} {text}")).ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let distance = |time: &Timestamp| now.duration_since(*time).abs();
    let nearest = [year - 1, year, year + 1].into_iter().filter_map(of_year).min_by_key(distance)?;
    (distance(&nearest) < SignedDuration::from_hours(24 * 366)).then_some(TimestampMs(nearest.as_millisecond()))
}

/// The name of a stream: without the characters that none has.
fn stream_name(host: &str) -> String {
    let plain = host.chars().map(|character| if character == ':' || character == '*' { '_' } else { character });
    plain.take(STREAM_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-01-15T12:30:50Z.
    const NOW: TimestampMs = TimestampMs(1_768_480_250_000);
    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    #[test]
    fn headers_say_when_and_where() {
        let sent = NOW.plus_ms(-5_000);
        let cases = [
            ("<34>1 2026-01-15T12:30:45.003Z web-1 su - ID47 - failed", sent.plus_ms(3), "web-1"),
            ("<34>1 2026-01-15T14:30:45+02:00 web-1 su - - - failed", sent, "web-1"),
            ("<165>1 - - app - - - text", NOW, "192.0.2.7"),
            ("<34>Jan 15 12:30:45 web-1 su: failed", sent, "web-1"),
            ("<34>Jan  5 12:30:45 web-1 su: failed", sent.plus_ms(-10 * 86_400_000), "web-1"),
            // Hosts east of Greenwich that write their own time: no event is lost for it.
            ("<34>Jan 15 20:30:45 web-1 su: failed", NOW, "web-1"),
            ("<34>Jan 15 14:30:45 web-1 su: failed", sent.plus_ms(2 * 3_600_000), "web-1"),
            ("<34>1 2006-01-01T00:00:00Z web-1 a - - -", NOW, "web-1"),
            ("<34>Jan 15 12:30:45 su[42]: failed", sent, "192.0.2.7"),
            ("<13>2026-01-15T12:30:45+00:00 web-1 app: text", sent, "web-1"),
            ("Jan 15 12:30:45 web-1 no priority", sent, "web-1"),
            ("<34>no header at all", NOW, "192.0.2.7"),
            ("just text", NOW, "192.0.2.7"),
            ("<9999>1 2026-01-15T12:30:45Z web-1 a - - -", NOW, "192.0.2.7"),
            ("<34>1 yesterday web-1 a - - - x", NOW, "192.0.2.7"),
            ("<34>1 2026-01-15T12:30:45Z fe80::1 a - - -", sent, "fe80__1"),
        ];
        for (text, time, host) in cases {
            let expected = Received { time, host: host.to_owned(), text: text.to_owned() };
            assert_eq!(read(text.as_bytes(), FROM, NOW), Some(expected), "{text}");
        }
        assert_eq!(bsd_time("Dec 31 23:59:59", NOW), Some(TimestampMs(1_767_225_599_000)), "the last December");
    }

    #[test]
    fn the_text_is_kept() {
        let cases: [(&[u8], Option<&str>); 5] = [
            (b"<34>a\r\n", Some("<34>a")),
            (b" \n\0", None),
            (b"", None),
            ("<34>1 - - a - - - \u{feff}gr\u{fc}n".as_bytes(), Some("<34>1 - - a - - - gr\u{fc}n")),
            (b"<34>\xff", Some("<34>\u{fffd}")),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(bytes, FROM, NOW).map(|message| message.text).as_deref(), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "<[0-9]{1,3}>1? ?[A-Za-z]{3} [ 0-9]{2} [0-9:]{8} .{0,10}") {
            read(&bytes, FROM, NOW);
            let read = read(text.as_bytes(), FROM, NOW).unwrap();
            prop_assert!(read.host.chars().count() <= STREAM_CHARS_MAX);
        }
    }
}
