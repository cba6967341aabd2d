//! Dates that are read, and how they are written.

use jiff::Timestamp;

use super::{Locale, Pattern, from_http_date, zone};

/// 2024-02-29T00:00:00Z.
const NOW: i64 = 1_709_164_800;

fn read(pattern: &str, text: &str, locale: &str) -> Option<String> {
    let pattern = Pattern::parse(pattern).unwrap();
    let now = Timestamp::from_second(NOW).unwrap();
    let date = pattern.read(text, Locale::named(locale).unwrap(), &zone("UTC").unwrap(), now)?;
    Some(date.timestamp().to_string())
}

#[test]
fn dates_are_read() {
    let cases: &[(&str, &str, &str, Option<&str>)] = &[
        ("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "2023-11-14T22:13:20.123Z", "en", Some("2023-11-14T22:13:20.123Z")),
        ("EEEE dd. MMMM yyyy HH:mm:ss", "Samstag 05. Dezember 1998 11:00:00", "de", Some("1998-12-05T11:00:00Z")),
        ("d MMM yy", "5 déc. 98", "fr", Some("2098-12-05T00:00:00Z")),
        ("d MMM yyyy", "5 SEP 1998", "en_US", Some("1998-09-05T00:00:00Z")),
        ("MMM d HH:mm:ss", "Nov 29 14:30:00", "root", Some("2024-11-29T14:30:00Z")),
        ("HH:mm", "07:05", "", Some("2024-02-29T07:05:00Z")),
        ("yyyyMMddHHmmss", "20230515143000", "en", Some("2023-05-15T14:30:00Z")),
        ("yyyyMMdd", "2023515", "en", None),
        ("M/d/yyyy h:mm a", "1/2/2023 12:30 am", "en", Some("2023-01-02T00:30:00Z")),
        ("M/d/yyyy h:mm a", "1/2/2023 1:30 PM", "en", Some("2023-01-02T13:30:00Z")),
        ("yyyy-DDD", "2023-365", "en", Some("2023-12-31T00:00:00Z")),
        ("yyyy-DDD", "2023-366", "en", None),
        ("yyyy-MM-dd HH:mm z", "2023-07-01 10:00 PDT", "en", Some("2023-07-01T17:00:00Z")),
        ("yyyy-MM-dd HH:mm VV", "2023-07-01 10:00 Europe/Berlin", "en", Some("2023-07-01T08:00:00Z")),
        ("yyyy-MM-dd HH:mm Z", "2023-07-01 10:00 -0530", "en", Some("2023-07-01T15:30:00Z")),
        ("yyyy-MM-dd HH:mmXXX", "2023-07-01 10:00+02:00", "en", Some("2023-07-01T08:00:00Z")),
        ("yyyy-MM-dd HH:mmX", "2023-07-01 10:00Z", "en", Some("2023-07-01T10:00:00Z")),
        ("HH 'o''clock'", "08 o'clock", "en", Some("2024-02-29T08:00:00Z")),
        ("yyyy", "2023 ", "en", None),
        ("yyyy-MM-dd", "2023-13-01", "en", None),
        ("yyyy-MM-dd", "2023-02-30", "en", None),
        ("HH:mm:ss", "23:59:60", "en", Some("2024-02-29T23:59:59Z")),
        ("HH", "24", "en", None),
        ("yyyy-MM-dd HH:mm z", "2023-07-01 10:00 Nowhere", "en", None),
    ];
    for (pattern, text, locale, expected) in cases {
        assert_eq!(read(pattern, text, locale).as_deref(), *expected, "{pattern} {text}");
    }
}

#[test]
fn dates_are_written() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("yyyy-MM-dd'T'HH:mm:ss z", "America/New_York", "de", "1998-12-05T05:00:00 EST"),
        ("EEEE, d. MMMM yyyy", "UTC", "de", "Samstag, 5. Dezember 1998"),
        ("EEE d MMM yy h:mm a K k", "UTC", "en", "Sat 5 Dec 98 10:00 AM 10 10"),
        ("SSS SSSSSS D", "UTC", "en", "250 250000 339"),
        ("Z ZZZZ ZZZZZ X XX XXX x xxx", "Asia/Kolkata", "en", "+0530 GMT+05:30 +05:30 +0530 +0530 +05:30 +0530 +05:30"),
        ("Z ZZZZZ X x VV", "UTC", "en", "+0000 Z Z +00 UTC"),
        ("'''' MM", "UTC", "en", "' 12"),
    ];
    let date = Timestamp::from_millisecond(912_852_000_250).unwrap();
    for (pattern, name, locale, expected) in cases {
        let date = date.to_zoned(zone(name).unwrap());
        assert_eq!(
            Pattern::parse(pattern).unwrap().write(&date, Locale::named(locale).unwrap()),
            *expected,
            "{pattern}"
        );
    }
    assert!(!Pattern::parse("zzzz").unwrap().is_writable());
}

#[test]
fn bad_patterns_are_refused() {
    for pattern in ["", "b", "yyyy 'T", "yyyyyyyyyy", &"y ".repeat(100)] {
        assert!(Pattern::parse(pattern).is_err(), "{pattern}");
    }
    assert!(Locale::named("tlh").is_none());
}

#[test]
fn zones_have_names_and_offsets() {
    for name in ["UTC", "Z", "GMT+2", "UTC-05:30", "+0100", "+1", "Europe/Berlin", "MESZ", "EST"] {
        assert!(zone(name).is_some(), "{name}");
    }
    for name in ["", "Nowhere", "+", "+99", "+1:2", "UTC+"] {
        assert!(zone(name).is_none(), "{name}");
    }
}

#[test]
fn dates_of_web_servers_become_iso_8601() {
    assert_eq!(from_http_date("03/Aug/2023:12:34:56 +0200").as_deref(), Some("2023-08-03T10:34:56Z"));
    assert_eq!(from_http_date("x"), None);
}
