//! What is done now and then: receipts are written down, chunks of which nothing is left are dropped, queues are measured.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use tokio::sync::watch;
use watchkeep_core::Clock;
use watchkeep_model::ServiceError;
use watchkeep_store::Rows;

use super::Queues;
use super::errors::store;
use super::limits::{ACTIVE_MS, TIDY_INTERVAL};
use super::marks::Mark;
use super::tables::{QUEUE_DROPS, QUEUE_MARKS};

const MINUTE_MS: i64 = 60_000;

/// Tidies up until the service is closed or let go.
pub(crate) async fn tidy_now_and_then(queues: Weak<Queues>, clock: Arc<dyn Clock>, mut stop: watch::Receiver<bool>) {
    let mut measured = clock.now().floor_to(MINUTE_MS);
    loop {
        tokio::select! {
            () = clock.sleep(TIDY_INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let Some(queues) = queues.upgrade() else { return };
        if let Err(error) = queues.tidy().await {
            tracing::warn!(%error, "tidying queues failed; it is tried again");
        }
        let minute = clock.now().floor_to(MINUTE_MS);
        if minute > measured {
            measured = minute;
            queues.measure();
        }
    }
}

impl Queues {
    /// Writes what waits to be written, and drops the chunks of which nothing is left.
    pub(crate) async fn tidy(&self) -> Result<(), ServiceError> {
        self.write_lazy().await?;
        self.drop_chunks().await
    }

    /// Writes down the receipts that wait for it.
    pub(crate) async fn write_lazy(&self) -> Result<(), ServiceError> {
        let now = self.clock.now().0;
        let waiting = self.lazy.take();
        let mut rows = Rows::new(&QUEUE_MARKS);
        for (id, messages) in &waiting {
            let Some(queue) = self.directory.by_id(*id) else { continue };
            let backlog = queue.backlog();
            for message in messages {
                if let Some(entry) = backlog.get(*message) {
                    Mark::receipt(*message, entry).write(&mut rows, *id, now);
                }
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let appended = self.store.append(rows).await;
        if appended.is_err() {
            for (id, messages) in waiting {
                self.lazy.add(id, messages);
            }
        }
        appended.map(drop).map_err(store)
    }

    /// Drops chunks: first that they are dropped is durable, then the store may let their rows go.
    async fn drop_chunks(&self) -> Result<(), ServiceError> {
        let now = self.clock.now().0;
        let mut dropped = Vec::new();
        for queue in self.directory.all() {
            let chunks = queue.settled(now).chunks.droppable(now, queue.is_fifo);
            dropped.extend(chunks.into_iter().map(|chunk| (queue.clone(), chunk)));
        }
        if dropped.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::with_capacity(&QUEUE_DROPS, dropped.len(), 0);
        for (_, chunk) in &dropped {
            rows.u64(*chunk);
            rows.i64(now);
            rows.end_row();
        }
        self.store.append(rows).await.map_err(store)?;
        let ids: Vec<u64> = dropped.iter().map(|(_, chunk)| *chunk).collect();
        self.directory.drop_chunks(&ids);
        dropped.iter().for_each(|(queue, chunk)| queue.backlog().chunks.dropped(*chunk));
        Ok(())
    }

    /// Measures the queues that are in use.
    pub(crate) fn measure(&self) {
        let now = self.clock.now().0;
        for queue in self.directory.all() {
            let backlog = queue.settled(now);
            let is_active = backlog.oldest().is_some() || now - queue.used.load(Ordering::Relaxed) < ACTIVE_MS;
            if is_active {
                queue.measures.gauge(backlog.counts(), backlog.oldest().map_or(0, |sent| now - sent));
            }
        }
    }
}
