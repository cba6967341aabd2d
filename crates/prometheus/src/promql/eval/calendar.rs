//! Parts of a time, in UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A time as a calendar has it.
pub type Moment = DateTime;

/// The time of these seconds, if the calendar has it.
pub(super) fn moment(seconds: f64) -> Option<Moment> {
    if !seconds.is_finite() {
        return None;
    }
    // A float becomes the nearest whole second below; what is too large stays so, and is refused.
    let timestamp = Timestamp::from_second(seconds as i64).ok()?;
    Some(TimeZone::UTC.to_datetime(timestamp))
}

/// 1 to 31.
pub fn day_of_month(moment: Moment) -> f64 {
    f64::from(moment.day())
}

/// 0 (Sunday) to 6.
pub fn day_of_week(moment: Moment) -> f64 {
    f64::from(moment.weekday().to_sunday_zero_offset())
}

/// 1 to 366.
pub fn day_of_year(moment: Moment) -> f64 {
    f64::from(moment.day_of_year())
}

/// 28 to 31.
pub fn days_in_month(moment: Moment) -> f64 {
    f64::from(moment.days_in_month())
}

/// 0 to 23.
pub fn hour(moment: Moment) -> f64 {
    f64::from(moment.hour())
}

/// 0 to 59.
pub fn minute(moment: Moment) -> f64 {
    f64::from(moment.minute())
}

/// 1 to 12.
pub fn month(moment: Moment) -> f64 {
    f64::from(moment.month())
}

/// The year.
pub fn year(moment: Moment) -> f64 {
    f64::from(moment.year())
}
