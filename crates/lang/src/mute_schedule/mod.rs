//! When an alarm mute rule mutes: its schedule's windows. Sources: "Schedule", "PutAlarmMuteRule", "Alarm Mute Rules".
//!
//! | part | form |
//! | --- | --- |
//! | expression | `cron(minutes hours day-of-month month day-of-week)`, or once: `at(yyyy-MM-ddThh:mm)` |
//! | field of cron | values, ranges and `*`, with commas between; months as `JAN`, days of the week as `SUN`, 0 or 7 for Sunday |
//! | duration | ISO 8601, `PT1M` to `P15D` |
//! | time zone | a name of the tz database; UTC if there is none |
//!
//! AWS's pages say "standard cron": if neither field of days has a `*`, a day need only be in one of the two.
//!
//! # Clocks that change
//!
//! A window starts at the first moment at which the zone's clock shows its time *or a later one*. Where clocks are put forward over
//! 02:30, a window of 02:30 starts when they jump, to 03:00; where they are put back over 02:30, it starts at the first 02:30 and not
//! again at the second. So no window is lost or comes twice, and it begins when cron daemons begin the jobs that it is for. AWS's
//! pages do not say what it does.
//!
//! Days of a duration are days of the calendar, hours are hours that pass: `P2DT12H` from Friday 18:00 ends on Monday 06:00 in
//! the weekends in which the clocks change, too, as AWS's page has it; `PT60H` would end an hour off.
//!
//! ```
//! use watchkeep_lang::mute_schedule::{MuteSchedule, ScheduleText, Status};
//!
//! let schedule = MuteSchedule::parse(&ScheduleText {
//!     expression: "cron(0 2 * * SUN)",
//!     duration: "PT4H",
//!     timezone: Some("Europe/Berlin"),
//!     ..ScheduleText::default()
//! })?;
//! let sunday_at_4 = 1_781_402_400_000; // 2026-06-14T04:00+02:00
//! let window = schedule.window_at(sunday_at_4).unwrap();
//! assert_eq!((sunday_at_4 - window.start_ms, window.end_ms - sunday_at_4), (7_200_000, 7_200_000));
//! assert_eq!(schedule.status(window.end_ms), Status::Scheduled);
//! # Ok::<(), watchkeep_lang::mute_schedule::ScheduleError>(())
//! ```

mod clock;
pub mod limits;
mod parse;
#[cfg(test)]
mod tests;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

pub use crate::cron::{Field, FieldProblem};
use crate::cron::{Times, Values};

use limits::{DAYS_AHEAD, DAYS_BACK};

/// A schedule, compiled. All its times are milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone)]
pub struct MuteSchedule {
    start: Start,
    duration: Duration,
    zone: TimeZone,
    start_ms: Option<i64>,
    expire_ms: Option<i64>,
}

/// A schedule as it is written in a rule.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScheduleText<'t> {
    /// `Expression`
    pub expression: &'t str,
    /// `Duration`
    pub duration: &'t str,
    /// `Timezone`
    pub timezone: Option<&'t str>,
    /// `StartDate`: what is before is not muted. A window that began before it mutes from then on.
    pub start_ms: Option<i64>,
    /// `ExpireDate`: what is at or after this time is not muted. A window that would end later ends here.
    pub expire_ms: Option<i64>,
}

/// A time in which a rule mutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub start_ms: i64,
    /// The first moment after it.
    pub end_ms: i64,
}

/// `Status` of a mute rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// There is a window later.
    Scheduled,
    /// In a window.
    Active,
    /// There will be no window any more.
    Expired,
}

/// `MuteType` of a mute rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MuteType {
    /// A `cron` expression.
    Recurring,
    /// An `at` expression.
    OneTime,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The expression is wrong.
    #[error("invalid schedule expression: {problem} at position {position}")]
    Expression {
        /// Where, in characters of the expression, counted from 1.
        position: usize,
        /// What is wrong there.
        problem: Problem,
    },
    /// This is no duration of a window.
    #[error("invalid duration '{0}': an ISO 8601 duration from PT1M to P15D expected")]
    Duration(String),
    /// This is no time zone.
    #[error("invalid timezone '{0}': a name of the tz database expected, as Europe/Berlin")]
    Timezone(String),
    /// `StartDate` is not before `ExpireDate`.
    #[error("the start date must be before the expire date")]
    Dates,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is longer than [`limits::EXPRESSION_CHARS_MAX`].
    #[error("the expression has more than {} characters", limits::EXPRESSION_CHARS_MAX)]
    TooLong,
    /// It is neither of the two forms.
    #[error("cron(...) or at(...) expected")]
    Form,
    /// It has this many fields.
    #[error("cron has 5 fields, not {0}")]
    Fields(usize),
    /// A field is wrong.
    #[error(transparent)]
    Field(#[from] FieldProblem),
    /// This is no time of a calendar.
    #[error("'{0}' is no time of the form yyyy-MM-ddThh:mm")]
    Time(String),
}

#[derive(Debug, Clone)]
enum Start {
    Cron(Box<Cron>),
    At(DateTime),
}

/// Five fields.
#[derive(Debug, Clone)]
struct Cron {
    minutes: Values,
    hours: Values,
    days_of_month: Values,
    months: Values,
    /// 0 and 7 are Sunday.
    days_of_week: Values,
}

#[derive(Debug, Clone, Copy)]
struct Duration {
    days: i32,
    seconds: i64,
}

impl MuteSchedule {
    /// Compiles a schedule.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`]: a part that is not of its form.
    pub fn parse(text: &ScheduleText<'_>) -> Result<MuteSchedule, ScheduleError> {
        parse::parse(text)
    }

    /// The window that a time lies in. Should several overlap, it is the one that began last, which is also the one that ends last.
    pub fn window_at(&self, time_ms: i64) -> Option<Window> {
        let within = |bound: Option<i64>, is: fn(&i64, &i64) -> bool| bound.is_none_or(|bound| is(&time_ms, &bound));
        if !within(self.start_ms, i64::ge) || !within(self.expire_ms, i64::lt) {
            return None;
        }
        let window = self.window_from(self.last_start(clock::timestamp(time_ms))?)?;
        (window.end_ms > time_ms).then_some(window)
    }

    /// The first window that starts after a time. `None`: there is none, or none in the next eight years.
    pub fn next_window(&self, after_ms: i64) -> Option<Window> {
        let mut after_ms = after_ms;
        if let Some(start_ms) = self.start_ms.filter(|start_ms| *start_ms > after_ms) {
            if let Some(window) = self.window_at(start_ms) {
                return Some(window);
            }
            after_ms = start_ms;
        }
        let window = self.window_from(self.next_start(clock::timestamp(after_ms))?)?;
        self.expire_ms.is_none_or(|expire_ms| window.start_ms < expire_ms).then_some(window)
    }

    /// `Status` at a time.
    pub fn status(&self, time_ms: i64) -> Status {
        match self.window_at(time_ms) {
            Some(_) => Status::Active,
            None if self.next_window(time_ms).is_some() => Status::Scheduled,
            None => Status::Expired,
        }
    }

    /// `MuteType`
    pub fn mute_type(&self) -> MuteType {
        match self.start {
            Start::Cron(_) => MuteType::Recurring,
            Start::At(_) => MuteType::OneTime,
        }
    }

    /// The window of a start, within the dates of the rule.
    fn window_from(&self, start: Timestamp) -> Option<Window> {
        let end_ms = self.duration.after(start, &self.zone)?.as_millisecond();
        let start_ms = start.as_millisecond();
        Some(Window {
            start_ms: self.start_ms.map_or(start_ms, |earliest| earliest.max(start_ms)),
            end_ms: self.expire_ms.map_or(end_ms, |latest| latest.min(end_ms)),
        })
    }

    /// The last start that is not after a time, unless its window is long over.
    fn last_start(&self, time: Timestamp) -> Option<Timestamp> {
        let shown = clock::latest_shown(&self.zone, time);
        let start = match &self.start {
            Start::Cron(cron) => cron.times().last_to(shown, DAYS_BACK)?,
            Start::At(start) => Some(*start).filter(|start| *start <= shown)?,
        };
        clock::first_at(&self.zone, start)
    }

    /// The first start that is after a time.
    fn next_start(&self, time: Timestamp) -> Option<Timestamp> {
        let shown = clock::latest_shown(&self.zone, time);
        let start = match &self.start {
            Start::Cron(cron) => {
                let minute = shown.date().to_datetime(shown.time().round(clock::down_to_minute()).ok()?);
                cron.times().first_from(minute.checked_add(Span::new().minutes(1)).ok()?, DAYS_AHEAD)?
            }
            Start::At(start) => Some(*start).filter(|start| *start > shown)?,
        };
        clock::first_at(&self.zone, start)
    }
}

impl Cron {
    fn times(&self) -> Times<impl Fn(Date) -> bool> {
        Times { minutes: self.minutes, hours: self.hours, months: self.months, is_day: |date| self.is_day(date) }
    }

    fn is_day(&self, date: Date) -> bool {
        let of_month = self.days_of_month.has(date.day() as u32);
        let weekday = date.weekday().to_sunday_zero_offset() as u32;
        let of_week = self.days_of_week.has(weekday) || (weekday == 0 && self.days_of_week.has(7));
        if self.days_of_month.has_star() || self.days_of_week.has_star() {
            of_month && of_week
        } else {
            of_month || of_week
        }
    }
}

impl Duration {
    /// The end of a window that starts at this time.
    fn after(self, start: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut end = start;
        if self.days > 0 {
            let shown = zone.to_datetime(start).checked_add(Span::new().days(self.days)).ok()?;
            end = clock::first_at(zone, shown)?;
        }
        end.checked_add(Span::new().seconds(self.seconds)).ok()
    }
}

impl Status {
    /// The name that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Scheduled => "SCHEDULED",
            Status::Active => "ACTIVE",
            Status::Expired => "EXPIRED",
        }
    }
}

impl MuteType {
    /// The name that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            MuteType::Recurring => "RECURRING",
            MuteType::OneTime => "ONE_TIME",
        }
    }
}
