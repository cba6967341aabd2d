//! The engine: journal, memory, segments and catalog as one store.
//!
//! A row's way, by the files of this folder: `append` makes a frame of it, which the journal syncs; `state` takes the frame
//! into memory, where `scan` (and `ordered`; `parallel` decodes for it) find it; `seal` moves it, sorted by `order`, through `write` into a published
//! segment; `compact` rewrites that segment with others of its window; `retention` removes it when `keep` says that its
//! owner does. `encrypted` has the keys of those who have some. `open` brings everything back after a restart, `background` decides when all that happens, `check` reads it
//! all and says what is damaged.

mod append;
mod background;
mod catalog_log;
mod check;
mod claim;
mod compact;
mod config;
mod encrypted;
mod keep;
mod labels;
mod open;
mod order;
mod ordered;
mod parallel;
mod path;
mod reset;
mod retention;
mod scan;
mod seal;
mod state;
#[cfg(test)]
mod testing;
mod write;

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::RwLockReadGuard;
use watchkeep_core::{Clock, Random};

use crate::blob::BlobStore;
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::journal::Journal;
use crate::segment::FooterCache;
use crate::table::{Table, TableOwner};

pub use append::Append;
pub use check::{CheckReport, Damage, check};
pub use config::{BlobConfig, CatalogConfig, JournalPlace, MasterKey, StoreConfig};

use background::Background;
use state::Shared;

/// An open store. See the crate's documentation for how to use one.
pub struct Store {
    config: StoreConfig,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    runtime: Handle,
    catalog: Catalog,
    blobs: Arc<dyn BlobStore>,
    footers: Arc<FooterCache>,
    shared: Arc<Shared>,
    /// Taken away when the store closes.
    journal: tokio::sync::RwLock<Option<Journal>>,
    /// Held while something is published: what is in memory follows the catalog in the order of commits.
    publishing: tokio::sync::Mutex<()>,
    /// The files that were written and are not published yet.
    writing: Mutex<HashSet<String>>,
    background: Mutex<Option<Background>>,
    closed: AtomicBool,
    /// Locked as long as the store is open: one process has a data directory.
    lock: Mutex<Option<File>>,
}

/// How much there is in a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Rows in memory.
    pub memory_rows: u64,
    /// The bytes of their values.
    pub memory_bytes: u64,
    /// Published segments.
    pub segments: u64,
    /// Rows in them, kept or not.
    pub segment_rows: u64,
    /// The bytes of their files.
    pub segment_bytes: u64,
    /// Segments found damaged since the store was opened.
    pub damaged_segments: u64,
}

impl Store {
    /// The catalog: the control plane's resources, and the list of segments.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Where files live: segments, and what services keep in files of their own, each below a directory that is theirs alone.
    pub fn blobs(&self) -> &Arc<dyn BlobStore> {
        &self.blobs
    }

    /// Names the one who knows how long a table's rows are kept and what its labels are. Until then rows are kept for ever.
    /// Every owner must be set before [`Store::start`], and before anything deleted or expired may show.
    pub fn set_owner(&self, table: &Table, owner: Arc<dyn TableOwner>) {
        match self.shared.index(table).and_then(|index| self.shared.slots.get(index)) {
            Some(slot) => slot.set_owner(owner),
            None => {
                tracing::error!(table = table.name, "an owner was set for a table that the store was not opened with")
            }
        }
    }

    /// The tables that it was opened with.
    pub fn tables(&self) -> impl Iterator<Item = &'static Table> + '_ {
        self.shared.slots.iter().map(|slot| slot.table)
    }

    /// What the owner of a table says that an identifier is called; `None` if it does not know.
    pub fn label(&self, table: &Table, label: &str, id: u64) -> Option<String> {
        let slot = self.shared.index(table).and_then(|index| self.shared.slots.get(index))?;
        slot.owner().label(label, id)
    }

    /// Runs `work` where it may block: the way to [`Store::scan`] from async code.
    pub async fn blocking<T: Send + 'static>(self: &Arc<Self>, work: impl FnOnce(&Store) -> T + Send + 'static) -> T {
        let store = self.clone();
        match self.runtime.spawn_blocking(move || work(&store)).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down: nobody waits any more.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// How much there is.
    pub fn stats(&self) -> StoreStats {
        let state = self.shared.read();
        let mut stats = StoreStats { memory_bytes: self.memory_bytes() as u64, ..StoreStats::default() };
        for table in &state.tables {
            let sealing: usize = table.sealing.iter().flat_map(|frozen| &frozen.blocks).map(|block| block.rows()).sum();
            stats.memory_rows += (table.memtable.rows() + sealing) as u64;
            stats.segments += table.segments.len() as u64;
            for segment in &table.segments {
                stats.segment_rows += segment.row.rows;
                stats.segment_bytes += segment.row.bytes;
                stats.damaged_segments += u64::from(segment.is_quarantined());
            }
        }
        stats
    }

    /// Stops the background work, writes out what waits for the journal, and closes catalog and journal. What is in memory is
    /// in the journal, and comes back from there. Whatever is asked of the store afterwards fails.
    pub async fn close(&self) {
        let background = self.background.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(background) = background {
            background.stop().await;
        }
        if let Some(journal) = self.journal.write().await.take()
            && self.runtime.spawn_blocking(move || journal.close()).await.is_err()
        {
            tracing::error!("the journal was not closed in order");
        }
        self.catalog.close().await;
        self.closed.store(true, Ordering::Release);
        // Not left to the last reference: work that was cut short may hold one a little longer.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn memory_bytes(&self) -> usize {
        self.shared.memory_bytes.load(Ordering::Acquire)
    }

    async fn journal(&self) -> Result<RwLockReadGuard<'_, Journal>, StoreError> {
        RwLockReadGuard::try_map(self.journal.read().await, Option::as_ref).map_err(|_| StoreError::Closed)
    }

    /// [`Store::blocking`] for work of the store itself, which can fail.
    async fn run_blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        self.runtime.spawn_blocking(move || work(&store)).await.map_err(|_| StoreError::Stopped)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("data_dir", &self.config.data_dir)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
