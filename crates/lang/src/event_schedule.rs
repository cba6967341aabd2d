//! When a scheduled rule of EventBridge runs: `rate(5 minutes)`, or a cron expression in UTC ("Schedule expressions for rules"). The
//! cron expressions are those of [`crate::schedule`].

use crate::schedule::{Schedule, ScheduleError};

const MINUTE_MS: i64 = 60_000;

/// A schedule.
#[derive(Debug, Clone)]
pub struct EventSchedule(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Rate { period_ms: i64 },
    Cron(Box<Schedule>),
}

/// A text that is no schedule of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventScheduleError {
    /// It is neither `rate(..)` nor `cron(..)`, or the rate is none.
    #[error("the expression must be rate(value unit) or cron(fields)")]
    Form,
    /// The cron expression is wrong.
    #[error(transparent)]
    Cron(#[from] ScheduleError),
}

impl EventSchedule {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// [`EventScheduleError`], if it is none.
    pub fn parse(expression: &str) -> Result<EventSchedule, EventScheduleError> {
        if expression.starts_with("cron(") && expression.ends_with(')') {
            return Ok(EventSchedule(Kind::Cron(Box::new(Schedule::parse(expression, None)?))));
        }
        let period_ms = rate(expression).ok_or(EventScheduleError::Form)?;
        Ok(EventSchedule(Kind::Rate { period_ms }))
    }

    /// The first time after `after_ms` at which a rule runs that was put, or enabled, at `began_ms`; none, if it never does again. All
    /// in milliseconds since the epoch.
    pub fn next_after(&self, began_ms: i64, after_ms: i64) -> Option<i64> {
        match &self.0 {
            Kind::Rate { period_ms } => {
                let passed = after_ms.checked_sub(began_ms)?.div_euclid(*period_ms).max(0);
                began_ms.checked_add(passed.checked_add(1)?.checked_mul(*period_ms)?)
            }
            Kind::Cron(schedule) => schedule.next_after(after_ms.max(began_ms)),
        }
    }
}

/// The milliseconds of `rate(value unit)`. Of one unit it is `minute`, `hour` or `day`, of more `minutes` and so on.
fn rate(expression: &str) -> Option<i64> {
    let (value, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: i64 = value.parse().ok().filter(|value| *value > 0)?;
    let unit = if value == 1 { unit } else { unit.strip_suffix('s')? };
    let minutes = match unit {
        "minute" => 1,
        "hour" => 60,
        "day" => 1440,
        _ => return None,
    };
    value.checked_mul(minutes)?.checked_mul(MINUTE_MS)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// 2024-02-27 10:07:30Z, a Tuesday.
    const NOW: i64 = 1_709_028_450_000;

    #[test]
    fn cron_expressions_are_those_of_rules() {
        let cases = [
            ("cron(0/15 * * * ? *)", ["2024-02-27T10:15", "2024-02-27T10:30", "2024-02-27T10:45"]),
            ("cron(1/10 * * * ? *)", ["2024-02-27T10:11", "2024-02-27T10:21", "2024-02-27T10:31"]),
            ("cron(10/20 4/6 * * ? *)", ["2024-02-27T10:10", "2024-02-27T10:30", "2024-02-27T10:50"]),
            ("cron(5,35 14 * * ? *)", ["2024-02-27T14:05", "2024-02-27T14:35", "2024-02-28T14:05"]),
            ("cron(0 18 ? * MON-FRI *)", ["2024-02-27T18:00", "2024-02-28T18:00", "2024-02-29T18:00"]),
            ("cron(0/5 8-17 ? * MON-FRI *)", ["2024-02-27T10:10", "2024-02-27T10:15", "2024-02-27T10:20"]),
            ("cron(0/30 0-2 ? * MON-FRI *)", ["2024-02-28T00:00", "2024-02-28T00:30", "2024-02-28T01:00"]),
            ("cron(0 8 1 * ? *)", ["2024-03-01T08:00", "2024-04-01T08:00", "2024-05-01T08:00"]),
            ("cron(0 0 L * ? *)", ["2024-02-29T00:00", "2024-03-31T00:00", "2024-04-30T00:00"]),
            ("cron(0 0 3W * ? *)", ["2024-03-04T00:00", "2024-04-03T00:00", "2024-05-03T00:00"]),
            ("cron(0 0 1W 6 ? *)", ["2024-06-03T00:00", "2025-06-02T00:00", "2026-06-01T00:00"]),
            ("cron(0 12 ? * 1 *)", ["2024-03-03T12:00", "2024-03-10T12:00", "2024-03-17T12:00"]),
            ("cron(0 9 ? * 2#1 *)", ["2024-03-04T09:00", "2024-04-01T09:00", "2024-05-06T09:00"]),
            ("cron(0 2 ? * SAT#3 *)", ["2024-03-16T02:00", "2024-04-20T02:00", "2024-05-18T02:00"]),
            ("cron(0 10 ? * 3#5 *)", ["2024-04-30T10:00", "2024-07-30T10:00", "2024-10-29T10:00"]),
            ("cron(15 10 ? * 6L 2019-2030)", ["2024-03-29T10:15", "2024-04-26T10:15", "2024-05-31T10:15"]),
            ("cron(0 0 1 JAN,JUL ? *)", ["2024-07-01T00:00", "2025-01-01T00:00", "2025-07-01T00:00"]),
        ];
        for (expression, expected) in cases {
            let schedule = EventSchedule::parse(expression).unwrap();
            let mut now = NOW;
            for expected in expected {
                now = schedule.next_after(0, now).unwrap();
                let next = Timestamp::from_millisecond(now).unwrap().to_string();
                assert_eq!(next, format!("{expected}:00Z"), "{expression}");
            }
        }
        let never = EventSchedule::parse("cron(0 0 1 1 ? 2023)").unwrap();
        assert_eq!(never.next_after(0, NOW), None);
    }

    #[test]
    fn rates_run_from_when_the_rule_was_put() {
        let every = |text: &str, after: i64| {
            EventSchedule::parse(text).unwrap().next_after(NOW, NOW + after).map(|at| at - NOW)
        };
        assert_eq!(every("rate(1 minute)", 0), Some(60_000));
        assert_eq!(every("rate(5 minutes)", 299_999), Some(300_000));
        assert_eq!(every("rate(5 minutes)", 300_000), Some(600_000));
        assert_eq!(every("rate(2 hours)", -5), Some(7_200_000));
        assert_eq!(every("rate(1 day)", 0), Some(86_400_000));
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "rate()",
            "rate(10)",
            "rate(0 minutes)",
            "rate(-10 minutes)",
            "rate(1 minutes)",
            "rate(10 minute)",
            "rate(10 seconds)",
            "rate(10 years)",
            "rate(10 MINUTES)",
            "rate(foo minutes)",
            "rate(10 minutess)",
            "rate( 10 minutes)",
            "rate(10 minutes )",
            " rate(10 minutes)",
            "rate(+10 minutes)",
            "rate(9223372036854775807 days)",
            "cron(INVALID)",
            "cron(0 dummy ? * MON-FRI *)",
            "cron(7 20 * * NOT *)",
            "cron(71 8 1 * ? *)",
            "cron(0 1 * * * *)",
            "cron(0 9 ? * 3#1,6#3 *)",
            "",
        ] {
            assert!(EventSchedule::parse(text).is_err(), "{text}");
        }
    }
}
