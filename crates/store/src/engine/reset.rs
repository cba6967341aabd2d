//! Emptying a store: for tests of those who use it.

use crate::catalog::Publish;
use crate::error::StoreError;

use super::Store;

impl Store {
    /// Forgets all rows and all resources, in milliseconds; files are removed in the background. Rows and resources that
    /// others add meanwhile may or may not be forgotten.
    ///
    /// # Errors
    ///
    /// What the catalog can meet.
    pub async fn reset(&self) -> Result<(), StoreError> {
        let _turn = self.publishing.lock().await;
        self.catalog.reset().await?;
        let mut paths = Vec::new();
        let mut freed = 0;
        let mut watermarks = Vec::new();
        let next_lsn = {
            let mut state = self.shared.write();
            let next_lsn = state.next_lsn;
            for (slot, table) in self.shared.slots.iter().zip(&mut state.tables) {
                freed += table.memtable.bytes() + table.sealing.as_ref().map_or(0, |frozen| frozen.bytes);
                table.memtable.take();
                table.sealing = None;
                paths.extend(table.segments.drain(..).map(|segment| segment.row.path.clone()));
                watermarks.push((slot.table.id, next_lsn));
            }
            next_lsn
        };
        self.shared.keyring.clear();
        self.shared.free(freed);
        self.delete_files(paths);
        let journal = self.journal().await?;
        journal.sync().await?;
        self.catalog.publish(Publish { watermarks, ..Publish::default() }).await?;
        for table in &mut self.shared.write().tables {
            table.watermark = table.watermark.max(next_lsn);
        }
        journal.release(next_lsn);
        Ok(())
    }
}
