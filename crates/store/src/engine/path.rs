//! Where a segment's file lies: `data/<table>/date=<day>/<window>-<level>-<written at>-<random>.parquet`, times in
//! milliseconds since the epoch. The day is that of the window's start, so that readers of the open files can choose by it.

use watchkeep_core::{Random, TimestampMs};

use crate::table::Table;

/// The folder of all segments.
pub(super) const FOLDER: &str = "data";

const DAY_MS: i64 = 24 * 3600 * 1000;

/// What a segment's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Parquet.
    Open,
    /// Encrypted.
    Encrypted,
}

const OPEN: &str = ".parquet";
const ENCRYPTED: &str = ".encrypted";

/// A path that no other segment has or had.
pub(super) fn of_segment(
    table: &Table,
    window: i64,
    level: u8,
    form: Form,
    now: TimestampMs,
    random: &dyn Random,
) -> String {
    let (name, day, now, unique) = (table.name, day_of(window), now.0, random.next_u64());
    let ending = if form == Form::Open { OPEN } else { ENCRYPTED };
    format!("{FOLDER}/{name}/date={day}/{window}-{level}-{now}-{unique:016x}{ending}")
}

/// When the file at `path` was written; `None` if it is not a segment's.
pub(super) fn written_at(path: &str) -> Option<TimestampMs> {
    let name = path.rsplit('/').next()?;
    let name = name.strip_suffix(OPEN).or_else(|| name.strip_suffix(ENCRYPTED))?;
    let mut parts = name.rsplit('-');
    let unique = parts.next()?;
    let is_unique = unique.len() == 16 && unique.bytes().all(|byte| byte.is_ascii_hexdigit());
    let at = parts.next().filter(|_| is_unique && path.starts_with(FOLDER))?;
    at.parse().ok().map(TimestampMs)
}

/// The calendar day of a time, as `2026-11-22`; `other` beyond four-digit years.
fn day_of(time_ms: i64) -> String {
    // Years are counted from March, so that a leap day is the last of its year; an era is 400 years of 146,097 days.
    let days = time_ms.div_euclid(DAY_MS) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    if (0..=9999).contains(&year) { format!("{year:04}-{month:02}-{day:02}") } else { "other".to_owned() }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::SeededRandom;

    use super::*;
    use crate::engine::testing::EVENTS;

    #[test]
    fn days_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400_000, "2000-02-29"),
            (951_868_800_000, "2000-03-01"),
            (1_795_305_600_000, "2026-11-22"),
            (4_107_542_400_000, "2100-03-01"),
            (i64::MAX, "other"),
            (i64::MIN, "other"),
        ];
        for (time, day) in cases {
            assert_eq!(day_of(time), day, "{time}");
        }
    }

    #[test]
    fn a_path_tells_when_its_file_was_written() {
        let path = of_segment(&EVENTS, -3_600_000, 1, Form::Open, TimestampMs(1234), &SeededRandom::new(1));
        assert!(path.starts_with("data/events/date=1969-12-31/-3600000-1-1234-"), "{path}");
        assert_eq!(written_at(&path), Some(TimestampMs(1234)));
        for other in ["data/x.parquet", "data/t/1-2-3.parquet", "other/1-2-3-0123456789abcdef.parquet", ""] {
            assert_eq!(written_at(other), None, "{other}");
        }
    }
}
