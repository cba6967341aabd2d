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

/// Takes log events, as PutLogEvents does. CloudWatch Logs' side of whoever writes to a log group.
pub trait LogSink: Send + Sync {
    /// Stores events, in any order and any number, in this stream of this group; both are created if they are not there. The
    /// events are durable when it is done. The answer is how many of them were out of time, and so not stored.
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        log_group: &'a str,
        log_stream: &'a str,
        events: Vec<LogEventInput>,
    ) -> BoxFuture<'a, Result<usize, LogSinkError>>;
}
