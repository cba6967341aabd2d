//! The rows of one table that are not yet in a published segment, as the journal acknowledged them.
//!
//! Appends arrive as blocks of any size. Large blocks stay as they are; small ones are merged, thirty-two of one size class
//! into one of the next, so that a million appends of one row each leave some hundred blocks and every row was copied
//! at most three times. The order of blocks means nothing: `seq` orders rows.

mod block;
mod select;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;

use crate::encryption::id_of;
use crate::limits::{BLOCK_BYTES_FULL, BLOCK_ROWS_FULL, MERGE_FAN_IN};
use crate::table::Table;

pub use block::InvalidBlock;
pub(crate) use block::{Block, value_bytes};
pub(crate) use select::{Selection, select};

/// Size classes of small blocks: with a fan-in of 32, two merges make a full block of the smallest appends.
const TIERS: usize = 3;

/// The rows of one table that wait to be sealed.
#[derive(Debug)]
pub(crate) struct Memtable {
    table: &'static Table,
    schema: SchemaRef,
    full: Vec<Arc<Block>>,
    /// The small blocks of each key, by its number: those under different keys stay apart.
    tiers: BTreeMap<Option<u64>, [Vec<Arc<Block>>; TIERS]>,
    rows: usize,
    bytes: usize,
    oldest: Option<Duration>,
    /// Grows whenever the blocks are taken away, so that a merge that began before does not bring them back.
    generation: u64,
}

/// A size class of the blocks of one key.
#[derive(Debug, Clone, Copy)]
struct Place {
    key: Option<u64>,
    tier: usize,
}

/// Small blocks that are to become one.
#[derive(Debug)]
pub(crate) struct Merge {
    table: &'static Table,
    schema: SchemaRef,
    place: Place,
    generation: u64,
    blocks: Vec<Arc<Block>>,
}

/// A merge that was made, ready to be put in place.
#[derive(Debug)]
pub(crate) struct Merged {
    place: Place,
    generation: u64,
    count: usize,
    block: Arc<Block>,
}

impl Memtable {
    /// No rows.
    pub(crate) fn new(table: &'static Table) -> Memtable {
        Memtable {
            table,
            schema: table.memory_schema(),
            full: Vec::new(),
            tiers: BTreeMap::new(),
            rows: 0,
            bytes: 0,
            oldest: None,
            generation: 0,
        }
    }

    /// The schema of the blocks.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes of all values.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest row came, on the clock's monotonic time; `None` if there is no row.
    pub(crate) fn oldest(&self) -> Option<Duration> {
        self.oldest
    }

    /// Adds a block that came `now`.
    pub(crate) fn push(&mut self, block: Arc<Block>, now: Duration) {
        self.rows += block.rows();
        self.bytes += block.bytes;
        self.oldest.get_or_insert(now);
        self.place(block, 0);
    }

    /// The next merge that is due. It is made without holding the memtable: [`Merge::make`], then [`Memtable::merged`].
    pub(crate) fn due_merge(&self) -> Option<Merge> {
        let due = |(place, blocks): (Place, &Vec<Arc<Block>>)| {
            let blocks = blocks.get(..MERGE_FAN_IN)?.to_vec();
            Some(Merge { table: self.table, schema: self.schema.clone(), place, generation: self.generation, blocks })
        };
        let of_key = |(&key, tiers): (&Option<u64>, &[Vec<Arc<Block>>; TIERS])| {
            tiers.iter().enumerate().find_map(|(tier, blocks)| due((Place { key, tier }, blocks)))
        };
        self.tiers.iter().find_map(of_key)
    }

    /// Puts a merged block in the place of its parts. Nothing happens if they have been taken away meanwhile.
    pub(crate) fn merged(&mut self, merged: Merged) {
        if merged.generation != self.generation {
            return;
        }
        let Place { key, tier } = merged.place;
        if let Some(blocks) = self.tiers.get_mut(&key).and_then(|tiers| tiers.get_mut(tier)) {
            blocks.drain(..merged.count.min(blocks.len()));
            self.place(merged.block, tier + 1);
        }
    }

    /// The blocks that pass `wanted`.
    pub(crate) fn blocks(&self, wanted: impl Fn(&Block) -> bool) -> impl Iterator<Item = &Arc<Block>> {
        self.full.iter().chain(self.tiers.values().flatten().flatten()).filter(move |block| wanted(block))
    }

    /// Takes all blocks away: the memtable is empty afterwards.
    pub(crate) fn take(&mut self) -> Vec<Arc<Block>> {
        let mut blocks = std::mem::take(&mut self.full);
        blocks.extend(std::mem::take(&mut self.tiers).into_values().flatten().flatten());
        (self.rows, self.bytes, self.oldest) = (0, 0, None);
        self.generation += 1;
        blocks
    }

    fn place(&mut self, block: Arc<Block>, tier: usize) {
        let full = block.rows() >= BLOCK_ROWS_FULL || block.bytes >= BLOCK_BYTES_FULL;
        let small = (!full && tier < TIERS).then(|| self.tiers.entry(id_of(block.key.as_ref())).or_default());
        match small.and_then(|tiers| tiers.get_mut(tier)) {
            Some(tier) => tier.push(block),
            None => self.full.push(block),
        }
    }
}

impl Merge {
    /// Copies the blocks into one.
    pub(crate) fn make(self) -> Option<Merged> {
        let block = Block::concat(self.table, &self.schema, &self.blocks)?;
        let Merge { place, generation, blocks, .. } = self;
        Some(Merged { place, generation, count: blocks.len(), block: Arc::new(block) })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::UInt64Type;

    use super::*;
    use crate::rows::Rows;
    use crate::table::{Column, ColumnKind};

    static TABLE: Table = Table {
        name: "t",
        id: 1,
        columns: &[Column::new("time", ColumnKind::I64), Column::new("text", ColumnKind::Text)],
        time: 0,
        sort: &[0],
        retention_key: &[],
        text: None,
        bloom: &[],
        window_ms: 1000,
        labels: &[],
    };

    fn block(lsn: u64, rows: usize, schema: &SchemaRef) -> Arc<Block> {
        let mut built = Rows::new(&TABLE);
        for row in 0..rows {
            built.i64((lsn * 7 % 31) as i64 + row as i64);
            built.text("some text");
            built.end_row();
        }
        Arc::new(Block::parse(&TABLE, schema, built.finish().unwrap(), lsn << 20).unwrap().unwrap())
    }

    fn seqs(memtable: &Memtable) -> Vec<u64> {
        let mut seqs = Vec::new();
        for block in memtable.blocks(|_| true) {
            seqs.extend_from_slice(block.batch.column(2).as_primitive::<UInt64Type>().values());
        }
        seqs.sort_unstable();
        seqs
    }

    #[test]
    fn a_million_small_appends_leave_few_blocks_and_all_rows() {
        let mut memtable = Memtable::new(&TABLE);
        let appends = 5_000;
        for lsn in 1..=appends {
            let block = block(lsn, 1 + (lsn % 3) as usize, &memtable.schema.clone());
            memtable.push(block, Duration::from_millis(lsn));
            while let Some(merge) = memtable.due_merge() {
                memtable.merged(merge.make().unwrap());
            }
        }
        let expected: Vec<u64> =
            (1..=appends).flat_map(|lsn| (0..1 + lsn % 3).map(move |row| lsn << 20 | row)).collect();
        assert_eq!(seqs(&memtable), expected);
        assert_eq!(memtable.rows(), expected.len());
        let blocks = memtable.blocks(|_| true).count();
        assert!(blocks < MERGE_FAN_IN * TIERS + memtable.rows() / BLOCK_ROWS_FULL + 1, "{blocks} blocks");
        assert_eq!(memtable.oldest(), Some(Duration::from_millis(1)));
        for block in memtable.blocks(|block| block.min_time < 5) {
            assert!(block.min_time < 5);
        }
    }

    #[test]
    fn a_merge_of_blocks_that_were_taken_changes_nothing() {
        let mut memtable = Memtable::new(&TABLE);
        let schema = memtable.schema().clone();
        (1..=MERGE_FAN_IN as u64).for_each(|lsn| memtable.push(block(lsn, 1, &schema), Duration::ZERO));
        let merge = memtable.due_merge().unwrap();
        assert_eq!(memtable.take().len(), MERGE_FAN_IN);
        memtable.push(block(99, 1, &schema), Duration::ZERO);
        memtable.merged(merge.make().unwrap());
        assert_eq!(seqs(&memtable), [99 << 20]);
        assert_eq!((memtable.rows(), memtable.blocks(|_| true).count()), (1, 1));
    }
}
