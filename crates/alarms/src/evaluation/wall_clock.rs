//! Windows that keep to the clock on the wall: the boundaries of their datapoints are those of minutes, hours, days and weeks of a time
//! zone. Source: "Alarm evaluation window".

use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, Zoned};

use super::schedule::Slots;
use crate::limits::{DAY_MS, MINUTE_MS, SECOND_MS};

/// The periods that such a window can have.
pub(crate) const PERIODS_S: [u32; 5] = [60, 300, 3600, 86_400, 604_800];

/// What the offset of a time zone must be a multiple of, in seconds.
const OFFSET_STEP_S: i32 = 300;

/// Within this every time zone has boundaries at the same times as UTC has.
const SAME_EVERYWHERE_MS: i64 = 5 * MINUTE_MS;

/// The boundaries of a period in a time zone.
#[derive(Debug, Clone)]
pub(crate) struct WallClock {
    zone: TimeZone,
    period_ms: i64,
}

/// The time zone of this name: one of IANA's, or an offset as `+05:30`, `Z` or `UTC+05:30`; none if there is none that is `now_ms` a
/// multiple of five minutes away from UTC.
pub(crate) fn time_zone(name: &str, now_ms: i64) -> Option<TimeZone> {
    let zone = match fixed(name) {
        Some(offset) => TimeZone::fixed(offset),
        None => TimeZone::get(name).ok()?,
    };
    let offset = zone.to_offset(Timestamp::from_millisecond(now_ms).ok()?);
    (offset.seconds() % OFFSET_STEP_S == 0).then_some(zone)
}

/// An offset as `+05:30`, alone or behind `UTC` or `GMT`.
fn fixed(name: &str) -> Option<Offset> {
    if matches!(name, "Z" | "UTC" | "GMT") {
        return Some(Offset::UTC);
    }
    let text = name.strip_prefix("UTC").or_else(|| name.strip_prefix("GMT")).unwrap_or(name);
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
    let number = |text: &str| -> Option<i32> {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { text.parse().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    // As far as there are time zones.
    if minutes > 59 || seconds > 18 * 3600 {
        return None;
    }
    Offset::from_seconds(sign * seconds).ok()
}

impl WallClock {
    /// The boundaries of this period, one of [`PERIODS_S`].
    pub(crate) fn new(zone: TimeZone, period_s: i64) -> WallClock {
        WallClock { zone, period_ms: period_s.saturating_mul(SECOND_MS) }
    }

    /// The places of the newest `count` whole periods at this time.
    pub(crate) fn slots(&self, now_ms: i64, count: usize) -> Slots {
        let period_ms = self.period_ms.max(1);
        let even = |end_ms: i64| {
            let start_ms = end_ms.saturating_sub(period_ms.saturating_mul(count as i64));
            Slots::Even { start_ms, period_ms, count }
        };
        let end_ms = self.boundary_ms(now_ms);
        if period_ms <= SAME_EVERYWHERE_MS || self.zone.to_fixed_offset().is_ok() {
            return even(end_ms);
        }
        let mut bounds = Vec::with_capacity(count + 1);
        bounds.push(end_ms);
        let mut bound_ms = end_ms;
        for _ in 0..count {
            bound_ms = self.boundary_ms(bound_ms - 1);
            bounds.push(bound_ms);
        }
        bounds.reverse();
        let is_even = bounds.windows(2).all(|pair| matches!(pair, [one, next] if next - one == period_ms));
        if is_even { even(end_ms) } else { Slots::Uneven(bounds) }
    }

    /// The newest boundary that is not after this time.
    fn boundary_ms(&self, time_ms: i64) -> i64 {
        let utc_ms = time_ms - time_ms.rem_euclid(self.period_ms.clamp(1, DAY_MS));
        let Ok(time) = Timestamp::from_millisecond(time_ms) else { return utc_ms };
        if self.period_ms >= DAY_MS {
            let zoned = time.to_zoned(self.zone.clone());
            return self.day_or_week(&zoned).map_or(utc_ms, |start| start.timestamp().as_millisecond());
        }
        let offset_ms = i64::from(self.zone.to_offset(time).seconds()) * SECOND_MS;
        time_ms - (time_ms + offset_ms).rem_euclid(self.period_ms.max(1))
    }

    fn day_or_week(&self, zoned: &Zoned) -> Option<Zoned> {
        if self.period_ms == DAY_MS {
            return zoned.start_of_day().ok();
        }
        let days = i64::from(zoned.date().weekday().to_monday_zero_offset());
        let monday = zoned.date().checked_sub(Span::new().days(days)).ok()?;
        monday.to_zoned(self.zone.clone()).ok()?.start_of_day().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn time_zones() {
        let now_ms = ms("2026-01-15T12:00:00Z");
        let cases = [
            ("UTC", Some(0)),
            ("Z", Some(0)),
            ("America/New_York", Some(-5 * 3600)),
            ("Asia/Kolkata", Some(19_800)),
            ("+05:30", Some(19_800)),
            ("-08:00", Some(-8 * 3600)),
            ("UTC+05:30", Some(19_800)),
            ("GMT-08:00", Some(-8 * 3600)),
            ("+01:05", Some(3900)),
            ("+01:03", None),
            ("+25:00", None),
            ("+5:x0", None),
            ("Mars/Olympus", None),
            ("", None),
        ];
        for (name, offset) in cases {
            let zone = time_zone(name, now_ms);
            let found = zone.map(|zone| zone.to_offset(Timestamp::from_millisecond(now_ms).unwrap()).seconds());
            assert_eq!(found, offset, "{name}");
        }
    }

    #[test]
    fn boundaries() {
        let cases = [
            ("UTC", 3600, "2026-01-15T12:34:56Z", "2026-01-15T12:00:00Z"),
            ("Asia/Kolkata", 3600, "2026-01-15T12:34:56Z", "2026-01-15T12:30:00Z"),
            ("Asia/Kolkata", 300, "2026-01-15T12:34:56Z", "2026-01-15T12:30:00Z"),
            ("America/New_York", 86_400, "2026-01-15T04:59:59Z", "2026-01-14T05:00:00Z"),
            ("America/New_York", 86_400, "2026-01-15T05:00:00Z", "2026-01-15T05:00:00Z"),
            // A Thursday; weeks begin on Mondays.
            ("UTC", 604_800, "2026-01-15T12:00:00Z", "2026-01-12T00:00:00Z"),
            ("+05:30", 604_800, "2026-01-15T12:00:00Z", "2026-01-11T18:30:00Z"),
            ("UTC", 604_800, "2026-01-12T00:00:00Z", "2026-01-12T00:00:00Z"),
        ];
        for (zone, period_s, time, expected) in cases {
            let clock = WallClock::new(time_zone(zone, ms(time)).unwrap(), period_s);
            let Slots::Even { start_ms, period_ms, count } = clock.slots(ms(time), 1) else { panic!("{zone} {time}") };
            assert_eq!(start_ms + period_ms * count as i64, ms(expected), "{zone} {period_s} {time}");
        }
    }

    #[test]
    fn days_on_which_clocks_change_are_longer_or_shorter() {
        let clock = WallClock::new(time_zone("Europe/Berlin", 0).unwrap(), 86_400);
        // On the 29th of March 2026 clocks go from 2 to 3.
        let slots = clock.slots(ms("2026-03-30T10:00:00Z"), 3);
        let bounds = ["2026-03-26T23:00:00Z", "2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"];
        assert_eq!(slots, Slots::Uneven(bounds.map(ms).to_vec()));
        let hour_ms = 3_600_000;
        let (whole, short) = (ms(bounds[0])..ms(bounds[2]), ms(bounds[2])..ms(bounds[3]));
        assert_eq!(slots.runs(), [(whole, 24 * hour_ms), (short, 23 * hour_ms)]);
    }
}
