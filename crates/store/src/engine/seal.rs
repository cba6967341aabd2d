//! Sealing: rows leave memory for sorted, published segments, and the journal's frames behind them are released.
//!
//! The blocks are frozen (readers still see them), brought into the segment's order window by window, encoded, and put into
//! the blob store. Then one catalog transaction names the segments and moves the table's watermark (C-1), and under one lock
//! the frozen blocks give way to the segments. Whatever happens in between, a restart finds either the old watermark, and the
//! files are orphans, or the new one, and replay leaves the frames out: each row is in published segments exactly once (J-2).

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use arrow::array::RecordBatch;

use crate::catalog::{Publish, SegmentRow};
use crate::encryption;
use crate::error::StoreError;
use crate::journal::{Durability, Lsn};
use crate::memtable::{Block, Selection};

use super::keep::Keeper;
use super::state::{Frozen, State};
use super::{Store, order, write};

impl Store {
    /// Makes every acknowledged row part of a published segment.
    ///
    /// # Errors
    ///
    /// What writing files and publishing them can meet. Nothing is lost by an error: the rows stay in memory and journal.
    pub async fn seal_now(self: &Arc<Self>) -> Result<(), StoreError> {
        for index in 0..self.shared.slots.len() {
            // A seal that failed before left its rows frozen: the first round publishes those, the second what came since.
            let _ = self.seal_table(index).await? && self.seal_table(index).await?;
        }
        Ok(())
    }

    /// Seals what a table has in memory. Says whether there was anything.
    pub(crate) async fn seal_table(self: &Arc<Self>, index: usize) -> Result<bool, StoreError> {
        let Some(slot) = self.shared.slots.get(index) else { return Ok(false) };
        let _only = slot.sealing.lock().await;
        let Some(frozen) = self.freeze(index) else { return Ok(false) };
        let prepared = frozen.prepared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_retry = prepared.is_some();
        let rows = match prepared {
            Some(rows) => rows,
            None => {
                let blocks = frozen.clone();
                let written = self.run_blocking(move |store| store.write_frozen(index, &blocks)).await?;
                let mut rows = written?;
                self.give_ids(&mut rows).await?;
                *frozen.prepared.lock().unwrap_or_else(PoisonError::into_inner) = Some(rows.clone());
                rows
            }
        };
        self.publish_frozen(index, &frozen, rows, is_retry).await?;
        Ok(true)
    }

    /// Takes a table's rows out of the memtable, to be sealed; or what an earlier seal left unfinished.
    fn freeze(&self, index: usize) -> Option<Arc<Frozen>> {
        let mut state = self.shared.write();
        let upto = state.next_lsn;
        let table = state.tables.get_mut(index)?;
        if let Some(unfinished) = &table.sealing {
            return Some(unfinished.clone());
        }
        if table.memtable.rows() == 0 {
            return None;
        }
        let bytes = table.memtable.bytes();
        let frozen = Arc::new(Frozen { blocks: table.memtable.take(), upto, bytes, prepared: Default::default() });
        table.sealing = Some(frozen.clone());
        Some(frozen)
    }

    /// Writes the files of frozen rows. The rows' ids are still to be given.
    fn write_frozen(&self, index: usize, frozen: &Frozen) -> Result<Vec<SegmentRow>, StoreError> {
        let Some(slot) = self.shared.slots.get(index) else { return Ok(Vec::new()) };
        let table = slot.table;
        let owner = slot.owner();
        let mut keeper = Keeper::new(table, owner.clone(), self.clock.now());
        let columns: Vec<usize> = (0..table.columns.len()).collect();
        let rows_in_memory: usize = frozen.blocks.iter().map(|block| block.rows()).sum();
        let rows_max = write::rows_per_segment(rows_in_memory, frozen.bytes, self.config.compact_raw_bytes_max);
        let mut by_key: BTreeMap<Option<u64>, Vec<&Arc<Block>>> = BTreeMap::new();
        for block in &frozen.blocks {
            by_key.entry(encryption::id_of(block.key.as_ref())).or_default().push(block);
        }
        let mut rows = Vec::new();
        for blocks in by_key.into_values() {
            let key = blocks.first().and_then(|block| block.key.clone());
            let select =
                |block: &Arc<Block>| (block.batch.clone(), keeper.select(&block.batch, &columns, Selection::All));
            let batches: Vec<(RecordBatch, Selection)> = blocks.into_iter().map(select).collect();
            let windows = order::by_window(table, &batches);
            let batches: Vec<&RecordBatch> = batches.iter().map(|(batch, _)| batch).collect();
            for (window, mut places) in windows {
                order::sort(table, &batches, &mut places);
                for part in places.chunks(rows_max) {
                    let key = key.as_deref();
                    let sorted = write::Sorted { window, batches: &batches, places: part, level: 0, key };
                    match self.write_segment(table, &*owner, &sorted) {
                        Ok(row) => rows.push(row),
                        Err(error) => {
                            self.delete_files(rows.into_iter().map(|row| row.path).collect());
                            return Err(error);
                        }
                    }
                }
            }
        }
        Ok(rows)
    }

    /// Gives the rows of segments that were written their ids; if it cannot, their files are removed.
    pub(super) async fn give_ids(&self, rows: &mut [SegmentRow]) -> Result<(), StoreError> {
        for row in rows.iter_mut() {
            match self.catalog.next_id(write::ID_COUNTER).await {
                Ok(id) => row.id = id,
                Err(error) => {
                    self.delete_files(rows.iter().map(|row| row.path.clone()).collect());
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    async fn publish_frozen(
        &self,
        index: usize,
        frozen: &Arc<Frozen>,
        rows: Vec<SegmentRow>,
        is_retry: bool,
    ) -> Result<(), StoreError> {
        let Some(slot) = self.shared.slots.get(index) else { return Ok(()) };
        // One publish at a time: the watermarks of tables that have nothing in memory ride along, and must not go back.
        let turn = self.publishing.lock().await;
        let watermarks: Vec<(usize, u16, Lsn)> = {
            let state = self.shared.read();
            let ours = state.tables.get(index).and_then(|table| table.sealing.as_ref());
            if !ours.is_some_and(|ours| Arc::ptr_eq(ours, frozen)) {
                // The store was reset meanwhile: the rows are gone, and their files are orphans.
                drop(state);
                self.delete_files(rows.into_iter().map(|row| row.path).collect());
                return Ok(());
            }
            let mut watermarks = self.idle_watermarks(&state);
            watermarks.push((index, slot.table.id, frozen.upto));
            watermarks
        };
        let paths: Vec<String> = rows.iter().map(|row| row.path.clone()).collect();
        // What is published must not be ahead of what the journal has on disk.
        if self.config.durability != Durability::Fsync {
            self.journal().await?.sync().await?;
        }
        let was_published = is_retry && self.is_published(slot.table.id, frozen.upto).await?;
        let mut moved = vec![(index, slot.table.id, frozen.upto)];
        if !was_published {
            let publish = Publish {
                add: rows.clone(),
                end: Vec::new(),
                watermarks: watermarks.iter().map(|&(_, table, lsn)| (table, lsn)).collect(),
            };
            match self.catalog.publish(publish).await {
                Ok(_) => moved = watermarks,
                // The answer may have been lost after the commit: the watermark tells, for it moves with the segments. Those
                // of the other tables may be of an earlier try, and behind what they would be now.
                Err(error) if !self.is_published(slot.table.id, frozen.upto).await.unwrap_or(false) => {
                    return Err(error.into());
                }
                Err(_) => {}
            }
        }
        let released = {
            let mut state = self.shared.write();
            for (index, _, lsn) in moved {
                if let Some(table) = state.tables.get_mut(index) {
                    table.watermark = table.watermark.max(lsn);
                }
            }
            if let Some(table) = state.tables.get_mut(index) {
                table.add_segments(rows);
                table.sealing = None;
            }
            state.tables.iter().map(|table| table.watermark).min().unwrap_or(Lsn::FIRST)
        };
        drop(turn);
        self.written(&paths);
        self.shared.free(frozen.bytes);
        if let Ok(journal) = self.journal().await {
            journal.release(released);
        }
        Ok(())
    }

    /// The watermarks that tables may have whose every acknowledged row is published.
    pub(super) fn idle_watermarks(&self, state: &State) -> Vec<(usize, u16, Lsn)> {
        let tables = self.shared.slots.iter().zip(&state.tables).enumerate();
        let idle = tables.filter(|(_, (_, table))| table.is_published());
        idle.map(|(index, (slot, _))| (index, slot.table.id, state.next_lsn)).collect()
    }

    async fn is_published(&self, table: u16, upto: Lsn) -> Result<bool, StoreError> {
        Ok(self.catalog.watermarks().await?.get(&table).is_some_and(|&lsn| lsn >= upto))
    }
}
