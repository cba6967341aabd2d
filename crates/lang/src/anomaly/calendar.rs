//! Where a time lies in the day and in the week of a time zone. The tz database is compiled in, so that asking it is no IO.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{DAY_MS, HOUR_MS, MINUTE_MS};

/// The time zone whose days and weeks a metric follows.
#[derive(Clone, Default)]
pub struct Zone {
    /// None is UTC.
    zone: Option<TimeZone>,
}

impl Zone {
    /// The zone of this name in the tz database, as `Europe/Berlin`. `None` if there is none.
    pub fn named(name: &str) -> Option<Zone> {
        TimeZoneDatabase::bundled().get(name).ok().map(|zone| Zone { zone: Some(zone) })
    }

    fn offset_ms(&self, time_ms: i64) -> i64 {
        let Some(zone) = &self.zone else { return 0 };
        let offset = Timestamp::from_millisecond(time_ms).map(|moment| zone.to_offset(moment).seconds());
        offset.map_or(0, |seconds| i64::from(seconds) * 1000)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.zone.as_ref().and_then(TimeZone::iana_name);
        f.debug_tuple("Zone").field(&name.unwrap_or("UTC")).finish()
    }
}

/// A time by the clock and the calendar of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Local {
    /// Days since the epoch.
    pub day: i64,
    /// Milliseconds since midnight by the clock.
    pub of_day_ms: i64,
    /// 0 is Monday.
    pub weekday: usize,
}

impl Local {
    /// The hour by the clock.
    pub(super) fn hour(self) -> usize {
        (self.of_day_ms / HOUR_MS) as usize
    }
}

/// Turns times into local ones, one after the other.
#[derive(Debug)]
pub(super) struct Calendar<'z> {
    zone: &'z Zone,
    /// The quarter of an hour that was asked for last, and the offset in it: none of them changes within one.
    last: (i64, i64),
}

impl<'z> Calendar<'z> {
    pub(super) fn new(zone: &'z Zone) -> Calendar<'z> {
        Calendar { zone, last: (i64::MIN, 0) }
    }

    pub(super) fn local(&mut self, time_ms: i64) -> Local {
        let quarter = time_ms.div_euclid(15 * MINUTE_MS);
        if quarter != self.last.0 {
            self.last = (quarter, self.zone.offset_ms(time_ms));
        }
        let local_ms = time_ms.saturating_add(self.last.1);
        let day = local_ms.div_euclid(DAY_MS);
        // The epoch was a Thursday.
        Local { day, of_day_ms: local_ms.rem_euclid(DAY_MS), weekday: (day + 3).rem_euclid(7) as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_follow_daylight_saving_time() {
        // 2026-03-28T08:00Z, a Saturday, and the day after, when clocks in Europe went forward.
        let saturday = 1_774_684_800_000;
        let cases = [
            ("UTC", saturday, (8, 5)),
            ("Europe/Berlin", saturday, (9, 5)),
            ("Europe/Berlin", saturday + DAY_MS, (10, 6)),
            ("Asia/Kolkata", saturday, (13, 5)),
            ("America/Los_Angeles", saturday, (1, 5)),
            ("Pacific/Auckland", saturday, (21, 5)),
        ];
        for (name, time_ms, expected) in cases {
            let zone = Zone::named(name).unwrap();
            let local = Calendar::new(&zone).local(time_ms);
            assert_eq!((local.hour(), local.weekday), expected, "{name}");
        }
        assert!(Zone::named("Europe/Atlantis").is_none());
        for time_ms in [i64::MIN, i64::MAX, -1] {
            assert!(Calendar::new(&Zone::named("Asia/Tokyo").unwrap()).local(time_ms).weekday < 7);
        }
    }
}
