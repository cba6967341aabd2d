//! From the queue to the log group: many messages at once, a stream a host.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use watchkeep_core::Clock;
use watchkeep_core::ports::{LogEventInput, LogSink, LogSinkError};

use crate::destination::{Destination, Destinations};
use crate::limits::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, BATCH_WAIT, RETRIES_AT_END, RETRY_WAIT};
use crate::measures::{Measures, Reason};
use crate::message::Received;

/// Hands messages on.
pub(crate) struct Forwarder {
    pub destinations: Destinations,
    pub sink: Arc<dyn LogSink>,
    pub clock: Arc<dyn Clock>,
    pub measures: Arc<Measures>,
}

impl Forwarder {
    /// Stores messages until the queue has ended and is empty.
    pub(crate) async fn run(&self, mut receiver: mpsc::Receiver<Received>) {
        while let Some(first) = receiver.recv().await {
            let batch = self.gather(first, &mut receiver).await;
            let mut streams: BTreeMap<String, Vec<LogEventInput>> = BTreeMap::new();
            for Received { time, host, text } in batch {
                streams.entry(host).or_default().push(LogEventInput { time, message: text });
            }
            for (host, events) in streams {
                self.store(&host, events, || receiver.is_closed()).await;
            }
        }
    }

    /// What comes within a moment.
    async fn gather(&self, first: Received, receiver: &mut mpsc::Receiver<Received>) -> Vec<Received> {
        let mut bytes = first.text.len();
        let mut batch = vec![first];
        let mut waited = std::pin::pin!(self.clock.sleep(BATCH_WAIT));
        while batch.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX {
            let next = tokio::select! {
                biased;
                next = receiver.recv() => next,
                () = &mut waited => break,
            };
            let Some(next) = next else { break };
            bytes += next.text.len();
            batch.push(next);
        }
        batch
    }

    /// Stores the messages of a host, however long that takes; once the receiver is to stop, only a few times more.
    async fn store(&self, host: &str, events: Vec<LogEventInput>, is_ending: impl Fn() -> bool) {
        let count = events.len();
        let place = &self.destinations.endpoint.place;
        let mut left = RETRIES_AT_END;
        loop {
            let to = self.destinations.now();
            match self.sink.put(place, &to.log_group, host, to.if_absent, events.clone()).await {
                Ok(unstored) => {
                    let (total, too_large) = (unstored.total(), unstored.too_large);
                    self.measures.stored(&to.log_group, count - total);
                    self.measures.dropped(&to.log_group, Reason::MessageSizeExceeded, too_large);
                    self.measures.dropped(&to.log_group, Reason::Rejected, total - too_large);
                    return;
                }
                Err(LogSinkError::Busy(_)) if left > 0 => {
                    left -= u32::from(is_ending());
                    self.clock.sleep(RETRY_WAIT).await;
                }
                // They go elsewhere by now, and the group that they went to is deleted, perhaps.
                Err(LogSinkError::Refused(_)) if to != self.destinations.now() => {}
                Err(error) => {
                    tracing::warn!(%error, log_group = to.log_group, host, count, "syslog messages were dropped");
                    self.measures.dropped(&to.log_group, self.reason(&error, &to), count);
                    return;
                }
            }
        }
    }

    fn reason(&self, error: &LogSinkError, to: &Destination) -> Reason {
        match error {
            LogSinkError::Busy(_) => Reason::ServiceUnavailable,
            LogSinkError::Refused(_) if self.destinations.missing().as_ref() == Some(&to.log_group) => {
                Reason::ResourceNotFound
            }
            LogSinkError::Refused(_) => Reason::Rejected,
        }
    }
}
