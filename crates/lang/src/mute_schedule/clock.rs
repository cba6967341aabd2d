//! Between moments and what a zone's clock shows. The tz database is compiled in, so that asking it is no IO.

use jiff::civil::{DateTime, TimeRound};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{RoundMode, Span, Timestamp, Unit};

/// The moment of a time in milliseconds; of one that no calendar has, the first or the last moment.
pub(super) fn timestamp(time_ms: i64) -> Timestamp {
    let nearest = if time_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(time_ms).unwrap_or(nearest)
}

/// Cuts seconds.
pub(super) fn down_to_minute() -> TimeRound {
    TimeRound::new().smallest(Unit::Minute).mode(RoundMode::Trunc)
}

/// The first moment at which the clock shows this time or a later one.
pub(super) fn first_at(zone: &TimeZone, shown: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(shown).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(shown).ok(),
        AmbiguousOffset::Gap { before, .. } => change_up_to(zone, before.to_timestamp(shown).ok()?),
    }
}

/// The latest time that the clock has shown by this moment: what it shows, but for the hour that it shows a second time after it
/// was put back.
pub(super) fn latest_shown(zone: &TimeZone, time: Timestamp) -> DateTime {
    let shown = zone.to_datetime(time);
    match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Fold { before, after } if zone.to_offset(time) == after => {
            let change = change_up_to(zone, time).map(|change| before.to_datetime(change));
            change.and_then(|end| end.checked_sub(Span::new().nanoseconds(1)).ok()).unwrap_or(shown)
        }
        _ => shown,
    }
}

/// The last change of the clock that is not after a moment.
fn change_up_to(zone: &TimeZone, time: Timestamp) -> Option<Timestamp> {
    let after = time.checked_add(Span::new().nanoseconds(1)).ok()?;
    zone.preceding(after).next().map(|change| change.timestamp())
}
