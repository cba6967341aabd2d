//! Log events, as other services and other ways in hand them in: OpenTelemetry, syslog, rules that write to a log group.

use crate::{BoxFuture, TimestampMs};

use super::metrics::MetricPlace;

/// An event for a log stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEventInput {
    /// When it happened.
    pub time: TimestampMs,
    /// Its message.
    pub message: String,
}

/// Why events were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogSinkError {
    /// They may be taken a little later.
    #[error("logs are busy: {0}")]
    Busy(String),
    /// They will not be taken.
    #[error("logs refused the events: {0}")]
    Refused(String),
}

/// What is done when the group or the stream is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfAbsent {
    /// It is created.
    Create,
    /// A stream is created; events for a group that is not there are refused.
    CreateStream,
    /// The events are refused.
    Refuse,
}

/// How many events were not stored, though the others were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unstored {
    /// Older than 14 days.
    pub too_old: usize,
    /// Older than the group keeps events.
    pub expired: usize,
    /// More than two hours ahead.
    pub too_new: usize,
    /// Larger than an event may be.
    pub too_large: usize,
}

impl Unstored {
    /// All of them.
    pub fn total(&self) -> usize {
        self.too_old + self.expired + self.too_new + self.too_large
    }
}

/// Takes log events, as PutLogEvents does. CloudWatch Logs' side of whoever writes to a log group.
pub trait LogSink: Send + Sync {
    /// Stores events, in any order and any number, in this stream of this group. They are durable when it is done.
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        log_group: &'a str,
        log_stream: &'a str,
        if_absent: IfAbsent,
        events: Vec<LogEventInput>,
    ) -> BoxFuture<'a, Result<Unstored, LogSinkError>>;

    /// Whether there is such a group, and it takes events of who proves itself by a bearer token (PutBearerTokenAuthentication).
    fn takes_bearer_tokens(&self, _place: &MetricPlace, _log_group: &str) -> bool {
        false
    }
}
