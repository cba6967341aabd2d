//! Reading what is to be delivered: the next rows of some groups in the order of their `seq`, as many as fit into memory.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};

use watchkeep_store::{Batch, Scan, ScanStats, Store, StoreError};

use crate::limits::{SUBSCRIPTION_CHUNK_BYTES, SUBSCRIPTION_CHUNK_ROWS, SUBSCRIPTION_NARROW_MS};
use crate::tables::{BYTES, GROUP, INGESTED, LOG_EVENTS, MESSAGE, STREAM, TIME, TRANSFORMED};
use crate::transformers::is_failure;

/// What to read.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The numbers of the groups.
    pub groups: Vec<u64>,
    /// Rows from this `seq` on.
    pub next: u64,
    /// Rows below this `seq`.
    pub end: u64,
    /// The times of the events, in milliseconds since the epoch.
    pub time_ms: RangeInclusive<i64>,
    /// Whether what a transformer made of an event stands for it.
    pub on_transformed: bool,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub seq: u64,
    pub group: u64,
    pub stream: u64,
    pub time_ms: i64,
    pub ingested: i64,
    pub message: String,
}

/// Some events.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// By `seq`.
    pub rows: Vec<Row>,
    /// Whether there are more.
    pub has_more: bool,
    /// Whether some could not be read, because they are under a KMS key that cannot be used now.
    pub is_locked: bool,
}

/// Reads the first of the rows that are wanted. Blocks.
pub(super) fn read(store: &Store, wanted: &Wanted) -> Result<Chunk, StoreError> {
    let mut wanted = wanted.clone();
    let width_ms = wanted.time_ms.end().saturating_sub(*wanted.time_ms.start());
    if width_ms > SUBSCRIPTION_NARROW_MS {
        // First where they are: of what lies in so much time most may be delivered already, or not be next.
        let mut first: Smallest<i64> = Smallest::default();
        let stats = scan(store, &wanted, &[BYTES], &mut |batch, row, seq| {
            let bytes = batch.u64s(BYTES).get(row).copied().unwrap_or(0) as usize;
            first.offer(seq, bytes, || batch.times().get(row).copied().unwrap_or(0));
        })?;
        let times = first.rows.values().map(|(_, time)| *time);
        let is_locked = stats.locked > 0;
        let (Some(min), Some(max)) = (times.clone().min(), times.max()) else {
            return Ok(Chunk { is_locked, ..Chunk::default() });
        };
        wanted.time_ms = min..=max;
        if first.has_more {
            wanted.end = first.rows.last_key_value().map_or(wanted.end, |(seq, _)| seq.saturating_add(1));
        }
        let chunk = read_rows(store, &wanted)?;
        return Ok(Chunk { has_more: chunk.has_more || first.has_more, is_locked, ..chunk });
    }
    read_rows(store, &wanted)
}

fn read_rows(store: &Store, wanted: &Wanted) -> Result<Chunk, StoreError> {
    let mut first: Smallest<Row> = Smallest::default();
    let mut columns = vec![GROUP, STREAM, TIME, INGESTED, BYTES, MESSAGE];
    if wanted.on_transformed {
        columns.push(TRANSFORMED);
    }
    let stats = scan(store, wanted, &columns, &mut |batch, row, seq| {
        // What could not be transformed is delivered as it came.
        let is_made = |text: &&str| !text.is_empty() && !is_failure(text);
        let transformed = wanted.on_transformed.then(|| batch.text(TRANSFORMED, row)).filter(is_made);
        let message = transformed.unwrap_or_else(|| batch.text(MESSAGE, row));
        first.offer(seq, message.len(), || {
            let number = |column| batch.u64s(column).get(row).copied().unwrap_or(0);
            Row {
                seq,
                group: number(GROUP),
                stream: number(STREAM),
                time_ms: batch.times().get(row).copied().unwrap_or(0),
                ingested: batch.i64s(INGESTED).get(row).copied().unwrap_or(0),
                message: message.to_owned(),
            }
        });
    })?;
    let has_more = first.has_more;
    let rows = first.rows.into_values().map(|(_, row)| row).collect();
    Ok(Chunk { rows, has_more, is_locked: stats.locked > 0 })
}

/// Visits the rows that are wanted, in any order: the batch, the row in it, and its `seq`.
fn scan(
    store: &Store,
    wanted: &Wanted,
    columns: &[usize],
    visit: &mut dyn FnMut(&Batch, usize, u64),
) -> Result<ScanStats, StoreError> {
    let time = *wanted.time_ms.start()..wanted.time_ms.end().saturating_add(1);
    let scan = Scan::new(&LOG_EVENTS).ids(GROUP, wanted.groups.iter().copied()).time(time).columns(columns);
    store.scan(&scan, &mut |batch| {
        for (row, &seq) in batch.seqs().iter().enumerate() {
            if (wanted.next..wanted.end).contains(&seq) {
                visit(batch, row, seq);
            }
        }
        ControlFlow::Continue(())
    })
}

/// Of the rows that it is offered, the first by `seq`: so many that they fit into memory.
struct Smallest<T> {
    rows: BTreeMap<u64, (usize, T)>,
    bytes: usize,
    has_more: bool,
}

impl<T> Default for Smallest<T> {
    fn default() -> Smallest<T> {
        Smallest { rows: BTreeMap::new(), bytes: 0, has_more: false }
    }
}

impl<T> Smallest<T> {
    fn offer(&mut self, seq: u64, bytes: usize, row: impl FnOnce() -> T) {
        let is_last = self.rows.last_key_value().is_none_or(|(last, _)| seq > *last);
        if is_last && (self.has_more || (!self.rows.is_empty() && !self.fits(bytes))) {
            self.has_more = true;
            return;
        }
        self.bytes += bytes;
        self.rows.insert(seq, (bytes, row()));
        while self.rows.len() > 1 && !self.fits(0) {
            if let Some((_, (bytes, _))) = self.rows.pop_last() {
                self.bytes -= bytes;
                self.has_more = true;
            }
        }
    }

    fn fits(&self, more: usize) -> bool {
        self.rows.len() <= SUBSCRIPTION_CHUNK_ROWS && self.bytes + more <= SUBSCRIPTION_CHUNK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_rows_are_kept_whatever_order_they_come_in(sizes in prop::collection::vec(1..SUBSCRIPTION_CHUNK_BYTES, 1..20), seed: u64) {
            let mut rows: Vec<(u64, usize)> = sizes.iter().enumerate().map(|(seq, bytes)| (seq as u64, *bytes)).collect();
            rows.sort_by_key(|(seq, _)| (seq ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut first = Smallest::default();
            rows.iter().for_each(|(seq, bytes)| first.offer(*seq, *bytes, || *seq));
            let kept: Vec<u64> = first.rows.keys().copied().collect();
            prop_assert_eq!(&kept, &(0..kept.len() as u64).collect::<Vec<_>>(), "no hole");
            prop_assert!(!kept.is_empty());
            prop_assert_eq!(first.has_more, kept.len() < sizes.len());
            prop_assert!(kept.len() == 1 || first.bytes <= SUBSCRIPTION_CHUNK_BYTES);
        }
    }
}
