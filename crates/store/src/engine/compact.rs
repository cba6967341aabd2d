//! Compaction: small segments of one window become one, wide: with its JSON fields as columns and with token filters. Rows
//! that are no longer kept are left out; no other row is lost or repeated.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;

use crate::catalog::{Publish, SegmentRow};
use crate::error::StoreError;
use crate::memtable::Selection;
use crate::scan::Scan;
use crate::segment::SegmentError;
use crate::table::Table;

use super::keep::Keeper;
use super::state::Segment;
use super::{Store, order, write};

/// When segments are worth replacing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// When it pays: there are many, or their window is closed.
    Due,
    /// Whenever there are two small ones, or one that is not wide yet.
    Always,
}

/// What of a window's rows must be late arrivals for it to be compacted again.
const LATE_ROWS_PER_CENT: u64 = 5;

/// An open window's compacted segment is taken in once the new ones hold this share of its bytes: so that each byte is
/// rewritten a few times, however many seals a window sees.
const GROWTH_SHARE: u64 = 2;

impl Store {
    /// Compacts whatever can be compacted, due or not.
    ///
    /// # Errors
    ///
    /// What reading and writing files and publishing them can meet; nothing is lost by an error.
    pub async fn compact_now(self: &Arc<Self>) -> Result<(), StoreError> {
        for index in 0..self.shared.slots.len() {
            while self.compact_table(index, When::Always).await? {}
        }
        Ok(())
    }

    /// Compacts one window of a table. Says whether there was one to compact.
    pub(super) async fn compact_table(self: &Arc<Self>, index: usize, when: When) -> Result<bool, StoreError> {
        let Some(slot) = self.shared.slots.get(index) else { return Ok(false) };
        let _only = slot.replacing.lock().await;
        self.refresh_if_stale(index).await?;
        let segments = match self.shared.read().tables.get(index) {
            Some(table) => table.segments.clone(),
            None => return Ok(false),
        };
        let policy = Policy {
            files: self.config.compact_files,
            closed_before: self.clock.now().plus_ms(-millis(self.config.compact_after)).0,
            raw_bytes_max: self.config.compact_raw_bytes_max,
        };
        let is_locked = |key: u64| matches!(self.shared.keyring.remembered(key), Some(Err(_)));
        let Some(inputs) = policy.choose(slot.table, &segments, when, &is_locked) else { return Ok(false) };
        let data_key = inputs.first().and_then(|segment| segment.row.data_key);
        if let Some(id) = data_key
            && let Err(locked) = self.shared.keyring.usable(&self.catalog, id).await?
        {
            // It stays as it is until its key can be used; for the next choice that is known.
            tracing::debug!(%locked, "segments are not compacted");
            return Ok(true);
        }
        self.replace(index, inputs).await?;
        Ok(true)
    }

    /// Replaces segments of one window by one that holds those of their rows that are still kept. The caller holds the
    /// table's `replacing`.
    pub(super) async fn replace(self: &Arc<Self>, index: usize, inputs: Vec<Arc<Segment>>) -> Result<(), StoreError> {
        let reading = inputs.clone();
        let mut output = self.run_blocking(move |store| store.rewrite(index, &reading)).await??;
        self.give_ids(output.as_mut_slice()).await?;
        self.publish_replacement(index, &inputs, output).await
    }

    /// Publishes that `output` takes the place of `inputs`. The caller holds the table's `replacing`.
    pub(super) async fn publish_replacement(
        &self,
        index: usize,
        inputs: &[Arc<Segment>],
        output: Option<SegmentRow>,
    ) -> Result<(), StoreError> {
        let Some(slot) = self.shared.slots.get(index) else { return Ok(()) };
        let ended: HashSet<u64> = inputs.iter().map(|segment| segment.row.id).collect();
        let path = output.as_ref().map(|row| row.path.clone());
        let turn = self.publishing.lock().await;
        let all_there = self.shared.read().tables.get(index).is_some_and(|table| {
            table.segments.iter().filter(|segment| ended.contains(&segment.row.id)).count() == ended.len()
        });
        if !all_there {
            // The store was reset meanwhile.
            drop(turn);
            self.delete_files(path.into_iter().collect());
            return Ok(());
        }
        // Until the catalog has answered, only it knows which segments are live; readers find the same rows in both.
        slot.stale.store(true, Ordering::Release);
        let add: Vec<SegmentRow> = output.into_iter().collect();
        let publish = Publish { add: add.clone(), end: ended.iter().copied().collect(), watermarks: Vec::new() };
        if let Err(error) = self.catalog.publish(publish).await {
            // If it was not published after all, the file is an orphan to be swept.
            self.written(path.as_slice());
            return Err(error.into());
        }
        if let Some(table) = self.shared.write().tables.get_mut(index) {
            table.segments.retain(|segment| !ended.contains(&segment.row.id));
            table.add_segments(add);
        }
        slot.stale.store(false, Ordering::Release);
        drop(turn);
        self.written(path.as_slice());
        Ok(())
    }

    /// Reads the list of a table's segments from the catalog again if the outcome of a replacement is unknown. The caller
    /// holds the table's `replacing`.
    pub(super) async fn refresh_if_stale(&self, index: usize) -> Result<(), StoreError> {
        let Some(slot) = self.shared.slots.get(index) else { return Ok(()) };
        if !slot.stale.load(Ordering::Acquire) {
            return Ok(());
        }
        let _turn = self.publishing.lock().await;
        let mut rows = self.catalog.live_segments().await?;
        rows.retain(|row| row.table == slot.table.name);
        let live: HashSet<u64> = rows.iter().map(|row| row.id).collect();
        if let Some(table) = self.shared.write().tables.get_mut(index) {
            table.segments.retain(|segment| live.contains(&segment.row.id));
            // A seal whose outcome is unknown will find its own segments when it is tried again, with its rows.
            let sealing = table
                .sealing
                .as_ref()
                .and_then(|frozen| frozen.prepared.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone());
            let unsure: HashSet<u64> = sealing.into_iter().flatten().map(|row| row.id).collect();
            table.add_segments(rows.into_iter().filter(|row| !unsure.contains(&row.id)));
        }
        slot.stale.store(false, Ordering::Release);
        Ok(())
    }

    /// Writes a segment of the rows of `inputs` that are still kept; `None` if none is.
    fn rewrite(&self, index: usize, inputs: &[Arc<Segment>]) -> Result<Option<SegmentRow>, StoreError> {
        let Some((slot, first)) = self.shared.slots.get(index).zip(inputs.first()) else { return Ok(None) };
        let table = slot.table;
        let owner = slot.owner();
        let mut keeper = Keeper::new(table, owner.clone(), self.clock.now());
        let columns: Vec<usize> = (0..table.columns.len()).collect();
        let mut batches: Vec<(RecordBatch, Selection)> = Vec::new();
        for input in inputs {
            for batch in self.read_whole(table, input)? {
                let selection = keeper.select(&batch, &columns, Selection::All);
                batches.push((batch, selection));
            }
        }
        let mut windows = order::by_window(table, &batches);
        let batches: Vec<&RecordBatch> = batches.iter().map(|(batch, _)| batch).collect();
        let window = first.row.window_start;
        let places = windows.remove(&window);
        if !windows.is_empty() {
            return Err(self.damaged(first, "its rows are not of its window"));
        }
        let Some(mut places) = places else { return Ok(None) };
        order::sort(table, &batches, &mut places);
        let key = first.row.data_key.map(|id| self.key_to_read(id)).transpose()?;
        let sorted = write::Sorted { window, batches: &batches, places: &places, level: 1, key: key.as_deref() };
        let owner = self.remembering(table, owner, inputs, &batches)?;
        self.write_segment(table, &owner, &sorted).map(Some)
    }

    /// All rows of a segment, checked to be as many as were published.
    fn read_whole(&self, table: &'static Table, segment: &Arc<Segment>) -> Result<Vec<RecordBatch>, StoreError> {
        let mut batches = Vec::new();
        let mut rows = 0;
        let mut take = |batch: RecordBatch| {
            rows += batch.num_rows() as u64;
            batches.push(batch);
            Ok::<_, SegmentError>(ControlFlow::Continue(()))
        };
        let opened = self.open_segment(&segment.row);
        let read = opened.and_then(|reader| Ok(reader.scan(&Scan::new(table), &mut take)?));
        self.noticing_damage(segment, read)?;
        if rows != segment.row.rows {
            return Err(self.damaged(segment, "it does not hold as many rows as were published"));
        }
        Ok(batches)
    }
}

/// What decides which segments are compacted.
#[derive(Debug, Clone, Copy)]
struct Policy {
    files: usize,
    /// Windows that end before this are closed, in milliseconds since the epoch.
    closed_before: i64,
    raw_bytes_max: u64,
}

impl Policy {
    /// Segments of one window and under one key, if any, that are to become one.
    fn choose(
        &self,
        table: &Table,
        segments: &[Arc<Segment>],
        when: When,
        is_locked: &dyn Fn(u64) -> bool,
    ) -> Option<Vec<Arc<Segment>>> {
        let mut windows: BTreeMap<(i64, Option<u64>), Vec<&Arc<Segment>>> = BTreeMap::new();
        for segment in segments.iter().filter(|segment| !segment.is_quarantined()) {
            if !segment.row.data_key.is_some_and(is_locked) {
                windows.entry((segment.row.window_start, segment.row.data_key)).or_default().push(segment);
            }
        }
        windows.into_iter().find_map(|((start, _), segments)| {
            let closed = start.saturating_add(table.window_ms) <= self.closed_before;
            self.choose_in_window(&segments, closed, when)
        })
    }

    fn choose_in_window(&self, segments: &[&Arc<Segment>], closed: bool, when: When) -> Option<Vec<Arc<Segment>>> {
        let new: Vec<&Arc<Segment>> = segments.iter().copied().filter(|segment| segment.row.level == 0).collect();
        let small = |segment: &&Arc<Segment>| segment.row.level > 0 && segment.row.raw_bytes <= self.raw_bytes_max / 2;
        let old: Vec<&Arc<Segment>> = segments.iter().copied().filter(small).collect();
        let rows = |of: &[&Arc<Segment>]| of.iter().map(|segment| segment.row.rows).sum::<u64>();
        let late_enough = rows(&new) * 100 >= rows(segments) * LATE_ROWS_PER_CENT;
        let many = new.len() >= self.files.max(1);
        let settled = closed && (if new.is_empty() { old.len() > 1 } else { late_enough });
        let wanted = when == When::Always && (!new.is_empty() || old.len() > 1);
        if !(many || settled || wanted) {
            return None;
        }
        let new_bytes: u64 = new.iter().map(|segment| segment.row.raw_bytes).sum();
        let worth = |segment: &&Arc<Segment>| closed || wanted || segment.row.raw_bytes <= new_bytes * GROWTH_SHARE;
        let mut candidates: Vec<&Arc<Segment>> = new.iter().copied().chain(old.into_iter().filter(worth)).collect();
        // New ones first, so that they become wide; then the smallest.
        candidates.sort_by_key(|segment| (segment.row.level, segment.row.raw_bytes, segment.row.id));
        let mut total = 0;
        let mut chosen: Vec<Arc<Segment>> = Vec::new();
        for segment in candidates {
            total += segment.row.raw_bytes;
            if total > self.raw_bytes_max && !chosen.is_empty() {
                break;
            }
            chosen.push(segment.clone());
        }
        let useful = chosen.len() > 1 || chosen.iter().any(|segment| segment.row.level == 0);
        useful.then_some(chosen)
    }
}

/// A duration in whole milliseconds.
pub(super) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::EVENTS;

    const POLICY: Policy = Policy { files: 3, closed_before: 10_000_000, raw_bytes_max: 100 };
    const OPEN: i64 = 10_800_000;

    /// Segments as (window, level, raw bytes, rows); what is chosen, by index.
    fn check(when: When, segments: &[(i64, u8, u64, u64)], expected: Option<&[u64]>) {
        let segment = |(id, &(window_start, level, raw_bytes, rows)): (u64, &(i64, u8, u64, u64))| {
            Segment::new(SegmentRow {
                id,
                table: EVENTS.name.into(),
                level,
                window_start,
                window_ms: EVENTS.window_ms,
                min_time: window_start,
                max_time: window_start,
                rows,
                bytes: 1,
                raw_bytes,
                footer_bytes: 1,
                path: String::new(),
                min_key: 0,
                max_key: 0,
                columns: String::new(),
                data_key: None,
            })
        };
        let segments: Vec<Arc<Segment>> = (0..).zip(segments).map(segment).collect();
        let chosen = POLICY.choose(&EVENTS, &segments, when, &|_| false);
        let chosen = chosen.map(|chosen| {
            let mut ids: Vec<u64> = chosen.iter().map(|segment| segment.row.id).collect();
            ids.sort_unstable();
            ids
        });
        assert_eq!(chosen.as_deref(), expected, "{when:?} {segments:?}");
    }

    #[test]
    fn an_open_window_waits_for_enough_files() {
        check(When::Due, &[], None);
        check(When::Due, &[(OPEN, 0, 1, 1), (OPEN, 0, 1, 1)], None);
        check(When::Always, &[(OPEN, 0, 1, 1), (OPEN, 0, 1, 1)], Some(&[0, 1]));
        check(When::Due, &[(OPEN, 0, 1, 1), (OPEN, 0, 1, 1), (OPEN, 0, 1, 1)], Some(&[0, 1, 2]));
    }

    #[test]
    fn a_much_larger_old_segment_waits_while_the_window_is_open() {
        check(When::Due, &[(OPEN, 1, 7, 1), (OPEN, 0, 1, 1), (OPEN, 0, 1, 1), (OPEN, 0, 1, 1)], Some(&[1, 2, 3]));
        check(When::Due, &[(OPEN, 1, 6, 1), (OPEN, 0, 1, 1), (OPEN, 0, 1, 1), (OPEN, 0, 1, 1)], Some(&[0, 1, 2, 3]));
    }

    #[test]
    fn a_closed_window_is_brought_together() {
        check(When::Due, &[(0, 0, 1, 1)], Some(&[0]));
        check(When::Due, &[(0, 1, 1, 1)], None);
        check(When::Due, &[(0, 1, 40, 1), (0, 1, 40, 1)], Some(&[0, 1]));
        check(When::Due, &[(0, 1, 51, 1), (0, 1, 40, 1)], None);
        check(When::Due, &[(0, 1, 40, 100), (0, 0, 1, 5)], None);
        check(When::Due, &[(0, 1, 40, 100), (0, 0, 1, 6)], Some(&[0, 1]));
    }

    #[test]
    fn what_is_too_much_at_once_is_left_for_later() {
        check(When::Due, &[(0, 0, 90, 1), (0, 0, 20, 1), (0, 0, 30, 1)], Some(&[1, 2]));
        check(When::Due, &[(0, 0, 900, 1)], Some(&[0]));
        check(When::Always, &[(0, 1, 40, 1), (0, 1, 50, 1), (0, 1, 45, 1)], Some(&[0, 2]));
        check(When::Always, &[(0, 1, 900, 1), (0, 1, 50, 1)], None);
    }
}
