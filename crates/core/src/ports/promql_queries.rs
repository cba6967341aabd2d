//! PromQL queries, as alarms watch them.

use crate::{BoxFuture, TimestampMs};

use super::alarm_metrics::{WatchAnswer, WatchError};
use super::metrics::MetricPlace;

/// The times at which a query is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryTimes {
    /// The first.
    pub first: TimestampMs,
    /// From one to the next, in milliseconds.
    pub step_ms: i64,
    /// How many.
    pub count: usize,
}

/// Answers PromQL queries: Prometheus's side of alarms.
pub trait PromQlQueries: Send + Sync {
    /// Checks a query, which must answer with an instant vector.
    ///
    /// # Errors
    ///
    /// [`WatchError::Invalid`] if it does not, or is none.
    fn check(&self, query: &str) -> Result<(), WatchError>;

    /// The series that a query answers with at these times, in the order of their labels: each with its labels as attributes, and a
    /// point for each time at which it is there. At most `series_max` of them; of more, the answer is partial.
    fn evaluate<'a>(
        &'a self,
        place: &'a MetricPlace,
        query: &'a str,
        times: QueryTimes,
        series_max: usize,
    ) -> BoxFuture<'a, Result<WatchAnswer, WatchError>>;
}
