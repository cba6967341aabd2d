//! Time zones by the names that Java knows: of the tz database, offsets, and some abbreviations. The tz database is compiled in,
//! so that asking it is no IO.

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

/// Abbreviations, and the zone that each stands for.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("BST", "Europe/London"),
    ("CEST", "Europe/Berlin"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("EDT", "America/New_York"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MDT", "America/Denver"),
    ("MESZ", "Europe/Berlin"),
    ("MEZ", "Europe/Berlin"),
    ("PDT", "America/Los_Angeles"),
    ("PST", "America/Los_Angeles"),
    ("AEST", "Australia/Sydney"),
    ("AEDT", "Australia/Sydney"),
];

/// The zone of this name.
pub(in crate::transform) fn named(name: &str) -> Option<TimeZone> {
    if matches!(name, "UTC" | "GMT" | "Z" | "UT") {
        return Some(TimeZone::UTC);
    }
    let prefixed = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix));
    if let Some((offset, "")) = offset(prefixed.unwrap_or(name)) {
        return Some(TimeZone::fixed(offset));
    }
    let name = ABBREVIATIONS.iter().find(|(short, _)| *short == name).map_or(name, |(_, name)| *name);
    TimeZoneDatabase::bundled().get(name).ok()
}

/// An offset at the start of a text, as `+1`, `-0530`, `+05:30`, and what comes after it.
pub(super) fn offset(text: &str) -> Option<(Offset, &str)> {
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let digits = |text: &str| text.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let (hours, minutes, rest) = match digits(rest) {
        0 => return None,
        1 | 2 => {
            let (hours, rest) = rest.split_at_checked(digits(rest))?;
            match rest.strip_prefix(':').filter(|rest| digits(rest) >= 2) {
                Some(minutes) => {
                    let (minutes, rest) = minutes.split_at_checked(2)?;
                    (hours, minutes, rest)
                }
                None => (hours, "0", rest),
            }
        }
        count => {
            let (hours, rest) = rest.split_at_checked(count - 2)?;
            let (minutes, rest) = rest.split_at_checked(2)?;
            (hours, minutes, rest)
        }
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    Some((Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?, rest))
}
