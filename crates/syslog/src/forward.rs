//! From the queue to the log group: many messages at once, a stream a host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use watchkeep_core::Clock;
use watchkeep_core::ports::{LogEventInput, LogSink, LogSinkError};

use crate::Counters;
use crate::destination::Destinations;
use crate::limits::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, BATCH_WAIT, RETRIES_AT_END, RETRY_WAIT};
use crate::message::Received;

/// Hands messages on.
pub(crate) struct Forwarder {
    pub destinations: Destinations,
    pub sink: Arc<dyn LogSink>,
    pub clock: Arc<dyn Clock>,
    pub counters: Arc<Counters>,
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
        let count = events.len() as u64;
        let place = &self.destinations.endpoint.place;
        let mut left = RETRIES_AT_END;
        loop {
            let to = self.destinations.now();
            match self.sink.put(place, &to.log_group, host, to.if_absent, events.clone()).await {
                Ok(unstored) => {
                    let unstored = unstored.total() as u64;
                    self.counters.stored.fetch_add(count - unstored, Ordering::Relaxed);
                    self.counters.dropped.fetch_add(unstored, Ordering::Relaxed);
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
                    self.counters.dropped.fetch_add(count, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
}
