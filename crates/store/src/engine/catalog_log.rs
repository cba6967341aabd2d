//! The journal's frames in the catalog ([`super::JournalPlace::Catalog`]).

use std::sync::Arc;

use tokio::runtime::Handle;
use watchkeep_core::Clock;

use crate::catalog::{Catalog, CatalogError, JournalGroup};
use crate::journal::{FrameGroup, FrameLog, FrameLogError, Lsn};
use crate::limits::{JOURNAL_PATIENCE, JOURNAL_RETRY_INTERVAL};

/// Keeps frames in the catalog.
pub(super) struct CatalogLog {
    catalog: Catalog,
    runtime: Handle,
    clock: Arc<dyn Clock>,
}

impl CatalogLog {
    pub(super) fn new(catalog: Catalog, runtime: Handle, clock: Arc<dyn Clock>) -> CatalogLog {
        CatalogLog { catalog, runtime, clock }
    }

    /// Tries until the database has taken the group, or it has been away for too long. To try again is safe: a group is kept once,
    /// however often it is handed in.
    async fn keep(&self, group: &JournalGroup) -> Result<(), CatalogError> {
        let began = self.clock.monotonic();
        loop {
            let tried = tokio::select! {
                tried = self.catalog.append_journal(group) => tried,
                () = self.clock.sleep(JOURNAL_PATIENCE) => Err(CatalogError::Database(sqlx::Error::PoolTimedOut)),
            };
            match tried {
                Err(error @ CatalogError::Database(_)) => {
                    if self.clock.monotonic().saturating_sub(began) >= JOURNAL_PATIENCE {
                        return Err(error);
                    }
                    tracing::warn!(%error, "the catalog did not take what was appended; it is tried again");
                    self.clock.sleep(JOURNAL_RETRY_INTERVAL).await;
                }
                settled => return settled,
            }
        }
    }
}

impl FrameLog for CatalogLog {
    fn append(&self, FrameGroup { first, next, frames }: FrameGroup) -> Result<(), FrameLogError> {
        let kept = self.runtime.block_on(self.keep(&JournalGroup { first, next, frames }));
        kept.map_err(|error| FrameLogError(error.to_string()))
    }

    fn read(&self, from: Lsn) -> Result<Vec<FrameGroup>, FrameLogError> {
        let groups = self.runtime.block_on(self.catalog.journal_from(from));
        let groups = groups.map_err(|error| FrameLogError(error.to_string()))?.into_iter();
        Ok(groups.map(|JournalGroup { first, next, frames }| FrameGroup { first, next, frames }).collect())
    }

    fn release(&self, below: Lsn) {
        let catalog = self.catalog.clone();
        self.runtime.spawn(async move {
            if let Err(error) = catalog.release_journal(below).await {
                // They go with the next release.
                tracing::warn!(%error, "groups of the journal that are not needed any more were not removed");
            }
        });
    }
}
