//! Reading: one consistent snapshot of memory and segments, skipping what cannot match, showing only what is kept.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;

use watchkeep_core::ports::DataKeyError;

use crate::batch::Batch;
use crate::encryption;
use crate::error::StoreError;
use crate::limits::{BATCH_BYTES, BATCH_ROWS, SCAN_SEGMENTS_AT_ONCE};
use crate::memtable::{Block, Selection, select, value_bytes};
use crate::scan::{KeySet, Order, Scan, ScanStats};
use crate::segment::{SegmentError, SegmentScanStats};
use crate::table::{ColumnKind, Table};

use super::keep::Keeper;
use super::order::{self, Place};
use super::parallel::{self, Part};
use super::state::Segment;
use super::{Store, ordered};

impl Store {
    /// Delivers the rows that satisfy the scan's time, keys and text and that their owner still keeps, in the scan's order, as
    /// of the moment it begins: every row acknowledged before, once. Stops when `visit` says so, or at the limit. Blocks: call
    /// it through [`Store::blocking`].
    ///
    /// A damaged segment does not make a whole table unreadable: what can be read is delivered, and
    /// [`ScanStats::segments_damaged`] says how many segments may have had more. Who answers a user passes that on. Likewise what
    /// is encrypted under a key that cannot be used now is passed over, and [`ScanStats::locked`] says so: only its owner knows
    /// whether that matters.
    ///
    /// # Errors
    ///
    /// [`StoreError::Scan`] if the scan does not fit its table; [`StoreError::Segment`] if a segment cannot be fetched, with the
    /// name of the file. Rows delivered before an error are right, but not all.
    pub fn scan(&self, scan: &Scan, visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>) -> Result<ScanStats, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        let mut running = match Running::begin(self, scan)? {
            Some(running) => running,
            None => return Ok(ScanStats::default()),
        };
        match scan.order {
            Order::Any => running.any_order(visit)?,
            Order::Ascending | Order::Descending => ordered::run(&mut running, visit)?,
        }
        Ok(running.stats)
    }

    /// The data keys that rows of these times are under, and none if there are rows under no key: what [`Scan::under`] tells apart.
    pub fn data_keys_of(&self, table: &Table, time: std::ops::Range<i64>) -> BTreeSet<Option<u64>> {
        let overlaps = |min: i64, max: i64| max >= time.start && (min < time.end || time.end == i64::MAX);
        let state = self.shared.read();
        let Some(table) = self.shared.index(table).and_then(|index| state.tables.get(index)) else {
            return BTreeSet::new();
        };
        let blocks = table.memtable.blocks(|_| true).chain(table.sealing.iter().flat_map(|frozen| &frozen.blocks));
        let blocks = blocks.filter(|block| overlaps(block.min_time, block.max_time));
        let segments = table.segments.iter().filter(|segment| overlaps(segment.row.min_time, segment.row.max_time));
        let segments = segments.map(|segment| segment.row.data_key);
        blocks.map(|block| encryption::id_of(block.key.as_ref())).chain(segments).collect()
    }

    /// Passes on the outcome of reading a segment, and remembers the segment if it is damaged.
    pub(super) fn noticing_damage<T>(
        &self,
        segment: &Arc<Segment>,
        outcome: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Err(error) = &outcome
            && error.is_damage()
            && !segment.quarantined.swap(true, Ordering::AcqRel)
        {
            tracing::error!(path = segment.row.path, %error, "a segment is damaged; it is left as it is");
        }
        outcome
    }

    /// The error of a segment that is not what the catalog says.
    pub(super) fn damaged(&self, segment: &Arc<Segment>, reason: &str) -> StoreError {
        let error = SegmentError::Damaged { path: segment.row.path.clone(), reason: reason.to_owned() };
        match self.noticing_damage(segment, Err::<(), _>(error.into())) {
            Err(error) => error,
            Ok(()) => StoreError::Stopped,
        }
    }
}

/// A scan under way: its snapshot, and what it has touched.
pub(super) struct Running<'a> {
    pub(super) store: &'a Store,
    /// The scan as asked for.
    pub(super) scan: &'a Scan,
    /// The same with the retention key among its columns, narrowed to times that may be kept.
    pub(super) inner: Scan,
    /// Where in the inner scan's batches the columns of the scan as asked for are, `seq` included.
    projection: Vec<usize>,
    delivered: Vec<usize>,
    keeper: Keeper,
    pub(super) blocks: Vec<Arc<Block>>,
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) stats: ScanStats,
    /// The segments that were found damaged.
    damaged: HashSet<u64>,
}

/// Takes rows of the inner scan, and which of them are wanted.
pub(super) type Take<'t> = dyn FnMut(RecordBatch, Selection) -> Result<ControlFlow<()>, StoreError> + 't;

impl<'a> Running<'a> {
    /// Takes the snapshot. `None` if nothing can match.
    fn begin(store: &'a Store, scan: &'a Scan) -> Result<Option<Running<'a>>, StoreError> {
        check(scan)?;
        let index = store.shared.index(scan.table).ok_or(StoreError::UnknownTable { table: scan.table.name })?;
        let Some(slot) = store.shared.slots.get(index) else { return Ok(None) };
        let keeper = Keeper::new(scan.table, slot.owner(), store.clock.now());
        let mut inner = scan.clone();
        inner.columns.extend(scan.table.retention_key);
        match keeper.of_all().start() {
            Some(start) => inner.time.start = inner.time.start.max(start),
            None => return Ok(None),
        }
        if scan.limit == Some(0) || (inner.time.start >= inner.time.end && inner.time.end != i64::MAX) {
            return Ok(None);
        }
        let (columns, delivered) = (inner.delivered_columns(), scan.delivered_columns());
        let place = |column: &usize| columns.iter().position(|held| held == column);
        let mut projection: Vec<usize> = delivered.iter().filter_map(place).collect();
        projection.push(columns.len());

        let mut stats = ScanStats::default();
        let wanted = |block: &Block| {
            inner.overlaps_time(block.min_time, block.max_time)
                && meets_keys(&inner, block.min_key, block.max_key)
                && inner.is_of_key(encryption::id_of(block.key.as_ref()))
        };
        let (blocks, segments) = {
            let state = store.shared.read();
            let Some(table) = state.tables.get(index) else { return Ok(None) };
            let sealing = table.sealing.iter().flat_map(|frozen| &frozen.blocks).filter(|block| wanted(block));
            let blocks: Vec<Arc<Block>> = table.memtable.blocks(wanted).chain(sealing).cloned().collect();
            let wanted = |segment: &&Arc<Segment>| {
                let row = &segment.row;
                inner.overlaps_time(row.min_time, row.max_time)
                    && meets_keys(&inner, row.min_key, row.max_key)
                    && inner.is_of_key(row.data_key)
            };
            let segments: Vec<Arc<Segment>> = table.segments.iter().filter(wanted).cloned().collect();
            stats.segments_skipped = (table.segments.len() - segments.len()) as u64;
            (blocks, segments)
        };
        Ok(Some(Running {
            store,
            scan,
            inner,
            projection,
            delivered,
            keeper,
            blocks,
            segments,
            stats,
            damaged: HashSet::new(),
        }))
    }

    /// Hands over the wanted rows of one block.
    pub(super) fn of_block(
        &mut self,
        block: &Block,
        inner: &Scan,
        columns: &[usize],
        take: &mut Take<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        if let Some(key) = &block.key
            && self.unlocked(self.store.key_to_read(key.id()))?.is_none()
        {
            return Ok(ControlFlow::Continue(()));
        }
        self.stats.rows_scanned += block.rows() as u64;
        self.stats.bytes_scanned += block.bytes as u64;
        let selection = select(block, inner);
        if selection.count(block.rows()) == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let mut held = columns.to_vec();
        held.push(self.scan.table.columns.len());
        let batch = block.batch.project(&held).map_err(|error| self.combine(error))?;
        let selection = self.keeper.select(&batch, columns, selection);
        if selection.count(batch.num_rows()) == 0 { Ok(ControlFlow::Continue(())) } else { take(batch, selection) }
    }

    /// Hands over the wanted rows of one segment.
    pub(super) fn of_segment(
        &mut self,
        segment: &Arc<Segment>,
        inner: &Scan,
        columns: &[usize],
        take: &mut Take<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let store = self.store;
        let opened = store.noticing_damage(segment, store.open_segment(&segment.row));
        let opened = self.unlocked(opened);
        let mut failed = None;
        let mut flow = ControlFlow::Continue(());
        let mut in_vain = 0;
        let keeper = &mut self.keeper;
        let mut visit = |batch: RecordBatch| {
            let selection = keeper.select(&batch, columns, Selection::All);
            in_vain += batch.num_rows() - selection.count(batch.num_rows());
            if selection.count(batch.num_rows()) > 0 {
                flow = take(batch, selection).unwrap_or_else(|error| {
                    failed = Some(error);
                    ControlFlow::Break(())
                });
            }
            Ok(flow)
        };
        let read = match opened {
            Ok(None) => return Ok(ControlFlow::Continue(())),
            Ok(Some(reader)) => {
                store.noticing_damage(segment, reader.scan(inner, &mut visit).map_err(StoreError::from))
            }
            Err(error) => Err(error),
        };
        self.stats.segments_opened += 1;
        self.add_in_vain(in_vain);
        let touched = match read {
            Ok(touched) => touched,
            Err(error) if error.is_damage() => {
                self.is_damaged(segment);
                Default::default()
            }
            Err(error) => return Err(error),
        };
        self.add(&touched);
        failed.map_or(Ok(flow), Err)
    }

    /// Hands over the wanted rows of several segments, which several threads decode.
    fn of_segments(
        &mut self,
        segments: &[Arc<Segment>],
        inner: &Scan,
        columns: &[usize],
        take: &mut Take<'_>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let store = self.store;
        let (mut open, mut readers) = (Vec::new(), Vec::new());
        for segment in segments {
            let opened = store.noticing_damage(segment, store.open_segment(&segment.row));
            match self.unlocked(opened) {
                Ok(None) => continue,
                Ok(Some(reader)) => {
                    open.push(segment);
                    readers.push(reader);
                }
                Err(error) if error.is_damage() => self.is_damaged(segment),
                Err(error) => return Err(error),
            }
            self.stats.segments_opened += 1;
        }
        parallel::read(&readers, inner, &mut |segment, part| {
            match part {
                Part::Batch(batch) => {
                    let selection = self.keeper.select(&batch, columns, Selection::All);
                    self.add_in_vain(batch.num_rows() - selection.count(batch.num_rows()));
                    if selection.count(batch.num_rows()) > 0 {
                        return take(batch, selection);
                    }
                }
                Part::Done(touched) => self.add(&touched),
                Part::Failed(error) => {
                    let Some(segment) = open.get(segment) else { return Err(error.into()) };
                    match store.noticing_damage(segment, Err::<(), _>(StoreError::from(error))) {
                        Err(error) if !error.is_damage() => return Err(error),
                        _ => self.is_damaged(segment),
                    }
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn is_damaged(&mut self, segment: &Segment) {
        self.damaged.insert(segment.row.id);
        self.stats.segments_damaged = self.damaged.len() as u64;
    }

    fn add(&mut self, touched: &SegmentScanStats) {
        self.stats.rows_scanned += touched.rows_scanned;
        self.stats.bytes_scanned += touched.bytes_scanned;
        self.stats.row_groups_read += touched.row_groups_read;
        self.stats.row_groups_skipped += touched.row_groups_skipped();
        self.stats.left_out += touched.left_out;
        self.stats.left_out_bytes += touched.left_out_bytes;
    }

    /// Counts rows of segments that are not kept.
    fn add_in_vain(&mut self, rows: usize) {
        if self.inner.choosing_by_fields().is_some() {
            self.stats.chosen_in_vain += rows as u64;
        }
    }

    /// What was opened; `None`, and counted, if its key cannot be used.
    fn unlocked<T>(&mut self, opened: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match opened {
            Err(StoreError::Locked(locked)) => {
                tracing::debug!(%locked, "data were passed over");
                match locked.source {
                    DataKeyError::NotFound(_) => self.stats.lost += 1,
                    _ => self.stats.locked += 1,
                }
                Ok(None)
            }
            opened => opened.map(Some),
        }
    }

    /// Delivers rows in whatever order they come.
    fn any_order(&mut self, visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>) -> Result<(), StoreError> {
        let inner = self.inner.clone();
        let columns = inner.delivered_columns();
        let mut output = Output::new(self);
        let mut take = |batch: RecordBatch, selection: Selection| output.push(batch, selection, visit);
        let mut flow = ControlFlow::Continue(());
        for block in std::mem::take(&mut self.blocks) {
            if flow.is_continue() {
                flow = self.of_block(&block, &inner, &columns, &mut take)?;
            }
        }
        let segments = std::mem::take(&mut self.segments);
        let rows = segments.iter().map(|segment| segment.row.rows).sum::<u64>();
        let is_worth_threads = rows >= self.store.config.scan_threads_from_rows && self.scan.limit.is_none();
        if is_worth_threads && parallel::threads() > 1 {
            for some in segments.chunks(SCAN_SEGMENTS_AT_ONCE) {
                if flow.is_continue() {
                    flow = self.of_segments(some, &inner, &columns, &mut take)?;
                }
            }
        } else {
            for segment in segments {
                if flow.is_continue() {
                    flow = self.of_segment(&segment, &inner, &columns, &mut take)?;
                }
            }
        }
        if flow.is_continue() {
            // These are the last: it does not matter whether more are wanted.
            let _ = output.flush(visit)?;
        }
        self.stats.rows = output.delivered;
        Ok(())
    }

    pub(super) fn combine(&self, error: arrow::error::ArrowError) -> StoreError {
        StoreError::Combine { table: self.scan.table.name, reason: error.to_string() }
    }
}

/// Gathers rows into batches of a good size, keeps the limit, and delivers.
pub(super) struct Output {
    table: &'static Table,
    projection: Vec<usize>,
    delivered_columns: Vec<usize>,
    /// The columns of a batch before the fields that stand in for the text.
    inner_columns: usize,
    batches: Vec<RecordBatch>,
    places: Vec<Place>,
    /// The bytes of the values in `batches`.
    bytes: usize,
    left: usize,
    pub(super) delivered: u64,
}

impl Output {
    pub(super) fn new(running: &Running<'_>) -> Output {
        Output {
            table: running.scan.table,
            projection: running.projection.clone(),
            delivered_columns: running.delivered.clone(),
            inner_columns: running.inner.delivered_columns().len() + 1,
            batches: Vec::new(),
            places: Vec::new(),
            bytes: 0,
            left: running.scan.limit.unwrap_or(usize::MAX),
            delivered: 0,
        }
    }

    /// How many rows may still be delivered.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Adds the selected rows of a batch.
    fn push(
        &mut self,
        batch: RecordBatch,
        selection: Selection,
        visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError> {
        // Fields that stand in for the text are not of the same types everywhere.
        if self.batches.last().is_some_and(|last| last.num_columns().max(batch.num_columns()) > self.inner_columns)
            && self.batches.last().is_some_and(|last| last.schema_ref() != batch.schema_ref())
            && self.flush(visit)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        // What comes as a good batch is handed on as it is.
        if selection == Selection::All
            && self.places.is_empty()
            && (BATCH_ROWS / 2..=BATCH_ROWS.min(self.left)).contains(&batch.num_rows())
        {
            let batch = self.project(&batch)?;
            return Ok(self.hand_over(&batch, visit));
        }
        let index = self.batches.len() as u32;
        match selection {
            Selection::All => self.places.extend((0..batch.num_rows() as u32).map(|row| (index, row))),
            Selection::Rows(rows) => self.places.extend(rows.into_iter().map(|row| (index, row))),
        }
        self.bytes += batch.columns().iter().map(|array| value_bytes(array.as_ref())).sum::<usize>();
        self.batches.push(batch);
        // Half a batch is enough to stop gathering: most come as whole ones, which are then handed on as they are.
        if self.places.len() >= self.left.min(BATCH_ROWS / 2) || self.bytes >= BATCH_BYTES {
            self.flush(visit)
        } else {
            Ok(ControlFlow::Continue(()))
        }
    }

    /// Delivers what was gathered.
    fn flush(&mut self, visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>) -> Result<ControlFlow<()>, StoreError> {
        let (batches, places) = (std::mem::take(&mut self.batches), std::mem::take(&mut self.places));
        self.bytes = 0;
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        self.deliver(&batches, &places, visit)
    }

    /// Delivers these rows in this order, as far as the limit allows.
    pub(super) fn deliver(
        &mut self,
        batches: &[&RecordBatch],
        places: &[Place],
        visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let places = places.get(..self.left).unwrap_or(places);
        let projected: Vec<RecordBatch> = batches.iter().map(|batch| self.project(batch)).collect::<Result<_, _>>()?;
        let projected: Vec<&RecordBatch> = projected.iter().collect();
        for part in places.chunks(BATCH_ROWS) {
            let rows = order::gather(&projected, part).map_err(|error| self.combine(error))?;
            if self.hand_over(&rows, visit).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The columns of a batch that the scan asked for, and the fields that stand in for the text behind them.
    fn project(&self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let projection: Vec<usize> =
            self.projection.iter().copied().chain(self.inner_columns..batch.num_columns()).collect();
        batch.project(&projection).map_err(|error| self.combine(error))
    }

    /// Hands over rows, no more than may still be delivered.
    fn hand_over(&mut self, rows: &RecordBatch, visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>) -> ControlFlow<()> {
        let Some(batch) = Batch::from_arrow(self.table, &self.delivered_columns, rows) else {
            return ControlFlow::Continue(());
        };
        self.left -= rows.num_rows();
        self.delivered += rows.num_rows() as u64;
        if visit(&batch).is_break() || self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn combine(&self, error: arrow::error::ArrowError) -> StoreError {
        StoreError::Combine { table: self.table.name, reason: error.to_string() }
    }
}

/// Whether rows whose prune key lies between `min` and `max` may pass the scan's filters.
fn meets_keys(scan: &Scan, min: u64, max: u64) -> bool {
    let Some(key) = scan.table.prune_key() else { return true };
    scan.keys.iter().filter(|filter| filter.column == key).all(|filter| filter.one_of.meets_ids(min, max))
}

/// Whether the scan fits its table.
fn check(scan: &Scan) -> Result<(), StoreError> {
    let refuse = |rule| Err(StoreError::Scan { table: scan.table.name, rule });
    if scan.columns.iter().any(|&column| column >= scan.table.columns.len()) {
        return refuse("it asks for a column that the table does not have");
    }
    for filter in &scan.keys {
        let kind = scan.table.columns.get(filter.column).map(|column| column.kind);
        let fits = match &filter.one_of {
            KeySet::U64(_) => kind == Some(ColumnKind::U64),
            KeySet::Text(_) => kind == Some(ColumnKind::Text),
        };
        if !fits {
            return refuse("a key filter is not of its column's kind");
        }
    }
    if scan.text.is_some() && scan.table.text.is_none() {
        return refuse("it searches text, and the table has no text column");
    }
    Ok(())
}
