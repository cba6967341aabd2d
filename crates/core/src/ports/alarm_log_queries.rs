//! Queries of log events, as log alarms watch them: each alarm has a scheduled query of its own.

use std::collections::BTreeMap;

use crate::{BoxFuture, TimestampMs};

use super::metrics::MetricPlace;

/// The scheduled query of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmLogQuery {
    /// The alarm's number, which no other alarm ever has.
    pub alarm: u64,
    /// The alarm's name.
    pub alarm_name: String,
    /// The query, in Logs Insights QL.
    pub query: String,
    /// The names or ARNs of the log groups that it reads; none, if the query names them.
    pub groups: Vec<String>,
    /// How its rows become numbers: an aggregation expression.
    pub aggregation: String,
    /// When it runs, as `rate(5 minutes)`.
    pub schedule: String,
    /// How many seconds before a run the events begin that it reads.
    pub start_offset_s: i64,
    /// How many seconds before a run they end.
    pub end_offset_s: i64,
    /// The ARN of the role that it runs as.
    pub role: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A run of an alarm's query that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQueryRun {
    /// When it was due.
    pub time: TimestampMs,
    /// The id of the query, if it could be started.
    pub query_id: Option<String>,
    /// What it came to.
    pub outcome: LogQueryOutcome,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub enum LogQueryOutcome {
    /// The numbers of its groups, those first that count most; or one number.
    Complete {
        /// The numbers.
        values: Vec<LogQueryValue>,
        /// Whether there were more groups.
        is_partial: bool,
    },
    /// None.
    Failed {
        /// Whether it cannot be carried out as it is: its groups are no more, or it is no query.
        is_invalid: bool,
        /// Why.
        why: String,
    },
}

/// The number of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQueryValue {
    /// The fields of the group; none, if there are no groups.
    pub attributes: BTreeMap<String, String>,
    /// The number; none, if there were no values.
    pub value: Option<f64>,
}

/// A row of which a number is made: names and texts of its fields.
pub type LogLine = Vec<(String, String)>;

/// Why an alarm's query is not kept, or not answered for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlarmLogQueryError {
    /// It cannot be one; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// There are as many as may be.
    #[error("{0}")]
    TooMany(String),
    /// It failed; it may be tried again.
    #[error("log queries failed: {0}")]
    Failed(String),
}

/// Keeps and runs the queries of log alarms: logs' side of alarms.
pub trait AlarmLogQueries: Send + Sync {
    /// Keeps the query of an alarm, or changes the one that it has; returns its ARN. One that is the same already is not looked at again.
    ///
    /// # Errors
    ///
    /// [`AlarmLogQueryError`]; nothing has changed then.
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        query: AlarmLogQuery,
    ) -> BoxFuture<'a, Result<String, AlarmLogQueryError>>;

    /// Forgets the query of an alarm, if it has one, and its runs.
    ///
    /// # Errors
    ///
    /// [`AlarmLogQueryError::Failed`]
    fn delete<'a>(&'a self, place: &'a MetricPlace, alarm: u64) -> BoxFuture<'a, Result<(), AlarmLogQueryError>>;

    /// Forgets the queries of all alarms but these.
    ///
    /// # Errors
    ///
    /// [`AlarmLogQueryError::Failed`]
    fn keep<'a>(&'a self, alarms: &'a [u64]) -> BoxFuture<'a, Result<(), AlarmLogQueryError>>;

    /// The last runs of an alarm's query that were due after a time and have ended, at most `max`, oldest first.
    ///
    /// # Errors
    ///
    /// [`AlarmLogQueryError::Failed`]
    fn runs<'a>(
        &'a self,
        alarm: u64,
        after: TimestampMs,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<LogQueryRun>, AlarmLogQueryError>>;

    /// At most `max` of the rows that the last run before a time made its numbers of: those of a group, or all. What is masked stays so.
    ///
    /// # Errors
    ///
    /// [`AlarmLogQueryError`], also if there was no run.
    fn lines<'a>(
        &'a self,
        place: &'a MetricPlace,
        alarm: u64,
        before: TimestampMs,
        group: Option<&'a BTreeMap<String, String>>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<LogLine>, AlarmLogQueryError>>;
}

/// Hears of runs of alarms' queries: alarms' side of it.
pub trait AlarmLogQueryListener: Send + Sync {
    /// A run of the query of the alarm of this name has ended; [`AlarmLogQueries::runs`] has it.
    fn run_ended(&self, place: &MetricPlace, alarm_name: &str);
}

/// Nobody hears of runs.
#[derive(Debug, Clone, Copy)]
pub struct NoAlarmLogQueryListener;

impl AlarmLogQueryListener for NoAlarmLogQueryListener {
    fn run_ended(&self, _: &MetricPlace, _: &str) {}
}
