//! The limits of alarms, a sentence each, with CloudWatch's quota where there is one.

use std::time::Duration;

pub(crate) const SECOND_MS: i64 = 1000;
pub(crate) const MINUTE_MS: i64 = 60 * SECOND_MS;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// The longest window of an alarm with a period below an hour. AWS: a day.
pub(crate) const SHORT_WINDOW_S_MAX: i64 = 86_400;

/// The longest window of any alarm. AWS: seven days.
pub(crate) const WINDOW_S_MAX: i64 = 604_800;

/// The longest window of an alarm on a Metrics Insights query with groups. AWS: three hours.
pub(crate) const GROUPS_WINDOW_S_MAX: i64 = 3 * 3600;

/// The longest interval between evaluations of a PromQL alarm. AWS: an hour.
pub(crate) const INTERVAL_S_MAX: u32 = 3600;

/// The longest time for which a series must breach, or must not, for its state to change. AWS: a day.
pub(crate) const PENDING_S_MAX: u32 = 86_400;

/// The longest warm-up. AWS: two days.
pub(crate) const WARM_UP_MINUTES_MAX: u32 = 2880;

/// The alarms on queries that are asked at the same time.
pub(crate) const QUERIES_AT_ONCE: usize = 8;

/// By how much an evaluation may come too early for a period that is over: turns are a little late, by different amounts.
pub(crate) const TURN_SLACK_MS: i64 = SECOND_MS;

/// The tags of an alarm. AWS: 50.
pub(crate) const TAGS_MAX: usize = 50;

/// The metrics, and the expressions, among the queries of an alarm. AWS: 10 each.
pub(crate) const QUERIES_MAX: usize = 10;

/// The names of one DescribeAlarms, DeleteAlarms, EnableAlarmActions or DisableAlarmActions. AWS: 100.
pub(crate) const NAMES_MAX: usize = 100;

/// The alarms of a page, unless the caller asks for fewer or more. AWS: 50, at most 100.
pub(crate) const PAGE: usize = 50;

/// How many resources are looked at together while a page is sought.
pub(crate) const LOOKED_AT: usize = 1000;

/// The alarms that a mute rule targets. AWS: 100.
pub(crate) const MUTE_TARGETS_MAX: usize = 100;

/// The items of a page of history, and the most that may be asked for. AWS: 100.
pub(crate) const HISTORY_PAGE: usize = 100;

/// How long history is kept. AWS: 30 days.
pub(crate) const HISTORY: Duration = Duration::from_secs(30 * 86_400);

/// The datapoints that a reason lists. AWS: 5.
pub(crate) const REASON_DATAPOINTS_MAX: usize = 5;

/// The values in the data of a reason, which AWS limits to 4,000 characters.
pub(crate) const REASON_RECENT_MAX: usize = 50;

/// The evaluated datapoints in the data of a reason, likewise.
pub(crate) const REASON_EVALUATED_MAX: usize = 20;

/// The characters of a reason. AWS: 1,023.
pub(crate) const REASON_CHARS_MAX: usize = 1023;

/// The characters of the data of a reason. AWS: 4,000.
pub(crate) const REASON_DATA_CHARS_MAX: usize = 4000;

/// The contributors of an alarm that are followed. AWS: 500.
pub(crate) const CONTRIBUTORS_MAX: usize = 500;

/// The contributors of a log alarm that are in ALARM at once. AWS: 100.
pub(crate) const LOG_CONTRIBUTORS_IN_ALARM_MAX: usize = 100;

/// The query results that a log alarm looks at. AWS: 100.
pub(crate) const QUERY_RESULTS_MAX: u32 = 100;

/// The log lines in the notifications of a log alarm. AWS: 50.
pub(crate) const LOG_LINES_MAX: u32 = 50;

/// The bytes of these lines: they are in a message twice, which SNS limits to 256 KiB.
pub(crate) const LOG_LINES_BYTES_MAX: usize = 64 << 10;

/// How long a log alarm waits to look again at results that could not be read.
pub(crate) const RESULTS_RETRY_MS: i64 = MINUTE_MS;

/// The alarms that are evaluated at once: what they read is in memory together, and other work gets its turn in between.
pub(crate) const EVALUATED_AT_ONCE: usize = 512;

/// About how many changes of state become durable together: their rows hold the configurations of their alarms.
pub(crate) const TRANSITIONS_AT_ONCE: usize = 256;

/// The evaluations of a backtest: a month of minutes.
pub(crate) const BACKTEST_TURNS_MAX: i64 = 45_000;

/// How often a change is tried again when another was quicker.
pub(crate) const WRITE_ATTEMPTS_MAX: usize = 8;

/// How long an action is tried. AWS retries deliveries for a day.
pub(crate) const ACTION_RETRY_MS: i64 = DAY_MS;

/// The attempts of an action within that time.
pub(crate) const ACTION_ATTEMPTS_MAX: u32 = 185;

/// The actions that wait. One more, and the oldest is given up and recorded as failed.
pub(crate) const ACTIONS_PENDING_MAX: usize = 100_000;

/// The repetitions that are begun at once; others come right after.
pub(crate) const REPEATED_AT_ONCE: usize = 1000;

/// The actions that are carried out at the same time.
pub(crate) const ACTIONS_AT_ONCE: usize = 16;

/// How long a function may take: it has a place among those above, and its answer is not wanted.
pub(crate) const FUNCTION_TIME_MAX: Duration = Duration::from_secs(30);

/// The longest pause between two attempts of an action.
pub(crate) const ACTION_PAUSE_MS_MAX: i64 = 10 * MINUTE_MS;
