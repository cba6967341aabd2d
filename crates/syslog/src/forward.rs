//! From the queue to the log group: many messages at once, a stream a host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use watchkeep_core::Clock;
use watchkeep_core::ports::{IfAbsent, LogEventInput, LogSink, LogSinkError};

use crate::limits::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, BATCH_WAIT, RETRIES_AT_END, RETRY_WAIT};
use crate::message::Received;
use crate::{Counters, SyslogConfig};

/// Stores messages until the queue has ended and is empty.
pub(crate) async fn forward(
    config: &SyslogConfig,
    mut receiver: mpsc::Receiver<Received>,
    sink: Arc<dyn LogSink>,
    clock: &dyn Clock,
    counters: &Counters,
) {
    while let Some(first) = receiver.recv().await {
        let batch = gather(first, &mut receiver, clock).await;
        let mut streams: BTreeMap<String, Vec<LogEventInput>> = BTreeMap::new();
        for Received { time, host, text } in batch {
            streams.entry(host).or_default().push(LogEventInput { time, message: text });
        }
        for (host, events) in streams {
            let is_ending = || receiver.is_closed();
            store(config, sink.as_ref(), clock, counters, &host, events, is_ending).await;
        }
    }
}

/// What comes within a moment.
async fn gather(first: Received, receiver: &mut mpsc::Receiver<Received>, clock: &dyn Clock) -> Vec<Received> {
    let mut bytes = first.text.len();
    let mut batch = vec![first];
    let mut waited = std::pin::pin!(clock.sleep(BATCH_WAIT));
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
async fn store(
    config: &SyslogConfig,
    sink: &dyn LogSink,
    clock: &dyn Clock,
    counters: &Counters,
    host: &str,
    events: Vec<LogEventInput>,
    is_ending: impl Fn() -> bool,
) {
    let count = events.len() as u64;
    let mut left = RETRIES_AT_END;
    loop {
        match sink.put(&config.place, &config.log_group, host, IfAbsent::Create, events.clone()).await {
            Ok(unstored) => {
                let unstored = unstored.total() as u64;
                counters.stored.fetch_add(count - unstored, Ordering::Relaxed);
                counters.dropped.fetch_add(unstored, Ordering::Relaxed);
                return;
            }
            Err(LogSinkError::Busy(_)) if left > 0 => {
                left -= u32::from(is_ending());
                clock.sleep(RETRY_WAIT).await;
            }
            Err(error) => {
                tracing::warn!(%error, host, count, "syslog messages were dropped");
                counters.dropped.fetch_add(count, Ordering::Relaxed);
                return;
            }
        }
    }
}
