//! When things happen by themselves: sealing in one task; compaction, retention and removal of files in another.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::StoreError;
use crate::limits::{COMPACTION_INTERVAL, RETENTION_PASS_INTERVAL, RETRY_INTERVAL, SEAL_INTERVAL, SWEEP_INTERVAL};

use super::compact::When;
use super::state::Shared;
use super::{Store, StoreConfig};

/// The tasks of a started store.
pub(super) struct Background {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Ends the tasks. Work cut short is done again after the next start.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.abort();
            // It ended, or was cut short: both are fine.
            let _ = task.await;
        }
    }
}

impl Store {
    /// Begins to seal, compact, and apply retention in the background, until the store is closed or dropped.
    pub fn start(self: &Arc<Self>) {
        let mut background = self.background.lock().unwrap_or_else(PoisonError::into_inner);
        if background.is_some() {
            return;
        }
        let (stop, stopped) = watch::channel(false);
        // The tasks do not keep the store alive.
        let (store, shared) = (Arc::downgrade(self), self.shared.clone());
        let tasks = vec![
            self.runtime.spawn(seal_when_due(store.clone(), shared.clone(), stopped.clone())),
            self.runtime.spawn(tidy_when_due(store, shared, self.config.seal_after, stopped)),
        ];
        *background = Some(Background { stop, tasks });
    }

    /// Seals the tables whose rows are many or old, and under pressure the one that has most. One that cannot be sealed does
    /// not keep the others in memory; its error is returned after them.
    pub(super) async fn seal_due(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for index in due(&self.shared, &self.config) {
            outcome = outcome.and(self.seal_table(index).await.map(|_| ()));
        }
        outcome
    }

    /// Compacts whatever is due, of every table as far as it goes.
    pub(super) async fn compact_due(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for index in 0..self.shared.slots.len() {
            let of_table = loop {
                match self.compact_table(index, When::Due).await {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            outcome = outcome.and(of_table);
        }
        outcome
    }

    async fn retain_some(self: &Arc<Self>) -> Result<(), StoreError> {
        for index in 0..self.shared.slots.len() {
            // Before files are removed each table must know which segments are live.
            self.retain_table(index).await?;
        }
        self.remove_ended().await.map(|_| ())
    }
}

/// The tables that should be sealed now.
fn due(shared: &Shared, config: &StoreConfig) -> Vec<usize> {
    let now = shared.clock.monotonic();
    let state = shared.read();
    let is_due = |table: &super::state::TableState| {
        let is_old = table.memtable.oldest().is_some_and(|oldest| now.saturating_sub(oldest) >= config.seal_after);
        is_old || table.memtable.bytes() >= config.memtable_bytes || table.sealing.is_some()
    };
    let mut due: Vec<usize> =
        state.tables.iter().enumerate().filter(|(_, table)| is_due(table)).map(|(index, _)| index).collect();
    let in_memory: usize = state.tables.iter().map(|table| table.memtable.bytes()).sum();
    if due.is_empty() && in_memory >= config.memory_bytes_max / 2 {
        due.extend(
            (0..state.tables.len()).max_by_key(|&index| state.tables.get(index).map(|table| table.memtable.bytes())),
        );
    }
    due
}

async fn seal_when_due(store: Weak<Store>, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            () = shared.pressed.notified() => {}
            () = shared.clock.sleep(SEAL_INTERVAL) => {}
        }
        let Some(store) = store.upgrade() else { return };
        let sealed = store.seal_due().await;
        drop(store);
        if let Err(error) = sealed {
            tracing::error!(%error, "sealing failed; the rows stay in memory and journal, and it is tried again");
            if wait(&shared, RETRY_INTERVAL, &mut stopped).await.is_err() {
                return;
            }
        }
    }
}

async fn tidy_when_due(
    store: Weak<Store>,
    shared: Arc<Shared>,
    seal_after: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    // The first looks are taken soon after the start, but not while it is busy with its first requests.
    let started = shared.clock.monotonic();
    // Who seals often has something to tidy up often.
    let compact_every = COMPACTION_INTERVAL.min(seal_after.max(SEAL_INTERVAL));
    let retain_every = RETENTION_PASS_INTERVAL.min(compact_every * 3);
    let (mut retain_at, mut sweep_at) = (started + retain_every, started + retain_every);
    loop {
        if wait(&shared, compact_every, &mut stopped).await.is_err() {
            return;
        }
        let Some(store) = store.upgrade() else { return };
        report("compaction", store.compact_due().await);
        let now = shared.clock.monotonic();
        if now >= retain_at {
            retain_at = now + retain_every;
            report("retention", store.retain_some().await);
        }
        if now >= sweep_at {
            sweep_at = now + SWEEP_INTERVAL;
            report("removing files that belong to no segment", store.sweep_orphans().await);
        }
    }
}

fn report(what: &'static str, outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        tracing::error!(%error, what, "background work failed; it is tried again");
    }
}

/// Waits; an error means that the store is being closed.
async fn wait(shared: &Shared, duration: Duration, stopped: &mut watch::Receiver<bool>) -> Result<(), ()> {
    tokio::select! {
        _ = stopped.changed() => Err(()),
        () = shared.clock.sleep(duration) => Ok(()),
    }
}
