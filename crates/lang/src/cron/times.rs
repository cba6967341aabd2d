//! From fields to times of the calendar.

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};

use super::Values;

/// Times by the clock, to the minute: those of `minutes` and `hours`, on the days of `months` that `is_day` has.
#[derive(Debug)]
pub(crate) struct Times<D> {
    pub(crate) minutes: Values,
    pub(crate) hours: Values,
    pub(crate) months: Values,
    pub(crate) is_day: D,
}

impl<D: Fn(Date) -> bool> Times<D> {
    /// The first that is not before `from`, on its day or one of the `days` after it.
    pub(crate) fn first_from(&self, from: DateTime, days: i32) -> Option<DateTime> {
        let last = from.date().saturating_add(Span::new().days(days));
        let (mut date, time) = (from.date(), from.time());
        let has_seconds = time.second() != 0 || time.subsec_nanosecond() != 0;
        let mut from = (time.hour() as u32, time.minute() as u32 + u32::from(has_seconds));
        while date <= last {
            if !self.months.has(date.month() as u32) {
                date = date.last_of_month();
            } else if (self.is_day)(date)
                && let Some(time) = self.first_of_day(from)
            {
                return Some(date.to_datetime(time));
            }
            from = (0, 0);
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The last that is not after `to`, on its day or one of the `days` before it.
    pub(crate) fn last_to(&self, to: DateTime, days: i32) -> Option<DateTime> {
        let first = to.date().saturating_sub(Span::new().days(days));
        let mut date = to.date();
        let mut to = (to.hour() as u32, to.minute() as u32);
        while date >= first {
            if !self.months.has(date.month() as u32) {
                date = date.first_of_month();
            } else if (self.is_day)(date)
                && let Some(time) = self.last_of_day(to)
            {
                return Some(date.to_datetime(time));
            }
            to = (23, 59);
            date = date.yesterday().ok()?;
        }
        None
    }

    fn first_of_day(&self, (hour, minute): (u32, u32)) -> Option<Time> {
        let in_hour = self.minutes.first_from(minute).filter(|_| self.hours.has(hour));
        match in_hour {
            Some(minute) => time(hour, minute),
            None => time(self.hours.first_from(hour + 1)?, self.minutes.first_from(0)?),
        }
    }

    fn last_of_day(&self, (hour, minute): (u32, u32)) -> Option<Time> {
        let in_hour = self.minutes.last_to(minute).filter(|_| self.hours.has(hour));
        match in_hour {
            Some(minute) => time(hour, minute),
            None => time(self.hours.last_to(hour.checked_sub(1)?)?, self.minutes.last_to(59)?),
        }
    }
}

fn time(hour: u32, minute: u32) -> Option<Time> {
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
}
