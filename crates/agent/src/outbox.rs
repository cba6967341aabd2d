//! Datums on their way to PutMetricData. While the service does not answer they wait, with the time at which they were measured;
//! when too many wait the oldest go.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;
use watchkeep_model::cloudwatch::{MetricDatum, PutMetricDataInput};

use crate::api::{Api, ApiError};
use crate::limits::{DATUMS_PER_CALL_MAX, DATUMS_QUEUED_MAX};

/// The CloudWatch agent's namespace.
const NAMESPACE: &str = "CWAgent";

/// The datums of one source.
pub(crate) struct Outbox {
    api: Arc<dyn Api>,
    /// What they are, in the log.
    what: &'static str,
    queue: VecDeque<MetricDatum>,
    /// Whether the last call failed, so that an outage is told once.
    is_failing: bool,
}

impl Outbox {
    pub(crate) fn new(api: Arc<dyn Api>, what: &'static str) -> Outbox {
        Outbox { api, what, queue: VecDeque::new(), is_failing: false }
    }

    /// Adds datums to those that wait.
    pub(crate) fn push(&mut self, datums: impl IntoIterator<Item = MetricDatum>) {
        self.queue.extend(datums);
        let surplus = self.queue.len().saturating_sub(DATUMS_QUEUED_MAX);
        if surplus > 0 {
            let what = self.what;
            tracing::warn!(
                what,
                datums = surplus,
                "the oldest figures of this host are given up: the service did not take them for long"
            );
            self.queue.drain(..surplus);
        }
    }

    /// Sends them, a call at a time, until none is left, a call fails, or the agent is to stop.
    pub(crate) async fn send(&mut self, shutdown: &watch::Receiver<bool>) {
        while !self.queue.is_empty() && !*shutdown.borrow() {
            if !self.send_some().await {
                return;
            }
        }
    }

    /// Sends as many as fit into one call. Says whether to go on.
    pub(crate) async fn send_some(&mut self) -> bool {
        let count = self.queue.len().min(DATUMS_PER_CALL_MAX);
        if count == 0 {
            return true;
        }
        let what = self.what;
        let data: Vec<MetricDatum> = self.queue.iter().take(count).cloned().collect();
        let input =
            PutMetricDataInput { namespace: NAMESPACE.to_owned(), metric_data: Some(data), ..Default::default() };
        match self.api.put_metric_data(input).await {
            Ok(()) => self.is_failing = false,
            Err(error @ ApiError::Unavailable { .. }) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(what, %error, "figures of this host cannot be sent now; it is tried again");
                }
                return false;
            }
            // The same call would be refused again.
            Err(error) => {
                tracing::warn!(what, %error, datums = count, "figures of this host were refused and are given up");
            }
        }
        self.queue.drain(..count);
        true
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("what", &self.what).field("queued", &self.queue.len()).finish_non_exhaustive()
    }
}
