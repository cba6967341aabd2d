//! Batches: documents out of the buffer, handed to the sink, several batches at once.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use watchkeep_core::Clock;
use watchkeep_core::ports::{SegmentSink, SegmentsError};

use crate::buffer::Receiver;
use crate::config::DaemonConfig;
use crate::counters::{Counters, add};
use crate::limits::{BATCH_WAIT, RETRIES_MAX, RETRY_WAIT};

/// Hands in documents until there will never be any more, and waits until all are taken.
pub async fn forward(
    config: &DaemonConfig,
    mut receiver: Receiver,
    sink: Arc<dyn SegmentSink>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
) {
    let uploads = Arc::new(Semaphore::new(config.concurrency.max(1)));
    let mut running = JoinSet::new();
    let mut open = true;
    while open {
        let mut batch = Vec::with_capacity(config.batch_segments);
        open = fill(&mut batch, config.batch_segments.max(1), &mut receiver, clock.as_ref()).await;
        if batch.is_empty() {
            continue;
        }
        // Beyond these, documents wait in the buffer. The semaphore is never closed.
        let Ok(turn) = uploads.clone().acquire_owned().await else { break };
        while let Some(ended) = running.try_join_next() {
            note(ended);
        }
        let (sink, clock, counters) = (sink.clone(), clock.clone(), counters.clone());
        running.spawn(async move {
            hand_in(batch, sink.as_ref(), clock.as_ref(), &counters).await;
            drop(turn);
        });
    }
    while let Some(ended) = running.join_next().await {
        note(ended);
    }
}

/// Waits for documents, and then a little for more. False if there will never be any more.
async fn fill(batch: &mut Vec<String>, limit: usize, receiver: &mut Receiver, clock: &dyn Clock) -> bool {
    if receiver.receive(batch, limit).await == 0 {
        return false;
    }
    if batch.len() >= limit {
        return true;
    }
    let mut due = clock.sleep(BATCH_WAIT);
    while batch.len() < limit {
        let room = limit - batch.len();
        tokio::select! {
            count = receiver.receive(batch, room) => {
                if count == 0 {
                    return false;
                }
            }
            () = &mut due => break,
        }
    }
    true
}

async fn hand_in(batch: Vec<String>, sink: &dyn SegmentSink, clock: &dyn Clock, counters: &Counters) {
    let mut retries = 0;
    loop {
        match sink.put(batch.clone()).await {
            Ok(refused) => {
                add(&counters.sent, batch.len().saturating_sub(refused.len()));
                add(&counters.rejected, refused.len());
                for entry in refused {
                    tracing::debug!(id = entry.id, code = entry.code, "a segment was refused");
                }
                return;
            }
            Err(SegmentsError::Busy(_)) if retries < RETRIES_MAX => {
                retries += 1;
                clock.sleep(RETRY_WAIT).await;
            }
            Err(error) => {
                add(&counters.lost, batch.len());
                tracing::error!(segments = batch.len(), %error, "segments were lost");
                return;
            }
        }
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "handing in segments did not end in order");
    }
}
