//! Delivering rows in the order of (time, seq), though segments are sorted otherwise and time ranges overlap.
//!
//! The scan works on one **span** of time after the other, from the end where it begins. A span's rows are gathered from every
//! block and segment that reaches into it, sorted, and delivered. A span is chosen so that it should hold a few times
//! the limit (or what may be sorted at once), going by how dense the rows lie where it begins; spans grow eightfold whenever one
//! held little, so that long silences cost nothing, and shrink whenever one held too much. With a limit, only the best rows are kept while a span is gathered, and as soon as
//! they are complete the rest of the span is narrowed to what could still displace one of them. If even so more rows are
//! met than needed, a first pass over the times alone finds where the limit lies.

use std::ops::{ControlFlow, Range};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::limits::{SORT_ONE_MS_FACTOR, SORT_ROWS_MAX, SORT_WANTED_FACTOR, SPAN_GROWTH};
use crate::memtable::{Selection, value_bytes};
use crate::scan::{Order, Scan};

use super::order::{self, Place};
use super::scan::{Output, Running};

/// The rows that a first span should hold at least: fewer are not worth a span of their own.
const SPAN_ROWS_MIN: u64 = 64;

/// What a row weighs while it is sorted, its values aside.
const ENTRY_BYTES: usize = size_of::<Entry>();

/// Delivers the rows of a scan in its order.
pub(super) fn run(
    running: &mut Running<'_>,
    visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let descending = running.scan.order == Order::Descending;
    let mut output = Output::new(running);
    let mut walk = Walk::new(running, descending);
    let budget = Budget::new(running);
    // How many times more a span is expected to hold than is wanted of it, and how long it may be.
    let (mut growth, mut width_max) = (1u64, u64::MAX);
    while let Some(span) = walk.span(walk.width(output.left(), budget.span, growth).min(width_max)) {
        let limit = running.scan.limit.map(|_| output.left());
        let gathered = match gather_span(running, &span, limit, budget, descending)? {
            Outcome::Gathered(gathered) => gathered,
            Outcome::TooMuch { .. } if span.is_smallest() => {
                let table = running.scan.table.name;
                return Err(StoreError::TooManyAtOnce { table, bytes_max: budget.of(span) });
            }
            Outcome::TooMuch { fitting } => {
                width_max = fitting.min(span.width() / 2).max(1);
                continue;
            }
        };
        let flow = gathered.deliver(&mut output, visit)?;
        running.stats.rows = output.delivered;
        if flow.is_break() {
            return Ok(());
        }
        if gathered.weight() < budget.span / (2 * SPAN_GROWTH as usize) {
            growth = growth.saturating_mul(SPAN_GROWTH);
            width_max = width_max.saturating_mul(SPAN_GROWTH);
        }
        walk.done(&span);
    }
    Ok(())
}

/// A span of time in milliseconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: i64,
    last: i64,
}

impl Span {
    fn meets(self, min: i64, max: i64) -> bool {
        max >= self.first && min <= self.last
    }

    /// As a scan writes it.
    fn range(self) -> Range<i64> {
        self.first..self.last.saturating_add(1)
    }

    /// Whether it cannot be divided any further.
    fn is_smallest(self) -> bool {
        self.first == self.last || self.first == i64::MAX - 1
    }

    fn width(self) -> u64 {
        self.first.abs_diff(self.last).saturating_add(1)
    }
}

/// The bytes that may be gathered at once.
#[derive(Debug, Clone, Copy)]
struct Budget {
    /// Of a span that can be divided.
    span: usize,
    /// Of one that cannot.
    smallest: usize,
}

impl Budget {
    fn new(running: &Running<'_>) -> Budget {
        let most = running.store.config.scan_sort_bytes_max.max(1);
        let wanted = running.scan.bytes_wanted.map_or(most, |bytes| bytes.max(1).saturating_mul(SORT_WANTED_FACTOR));
        Budget { span: wanted.min(most), smallest: most.saturating_mul(SORT_ONE_MS_FACTOR) }
    }

    fn of(self, span: Span) -> usize {
        if span.is_smallest() { self.smallest } else { self.span }
    }
}

/// A block or segment, as far as choosing spans needs it.
struct Source {
    span: Span,
    rows: u64,
    bytes: u64,
}

/// The way through time from one end of a scan to the other.
struct Walk {
    sources: Vec<Source>,
    descending: bool,
    /// What is still to be walked; `None` at the end.
    rest: Option<Span>,
}

impl Walk {
    fn new(running: &Running<'_>, descending: bool) -> Walk {
        let blocks = running.blocks.iter().map(|block| Source {
            span: Span { first: block.min_time, last: block.max_time },
            rows: block.rows() as u64,
            bytes: block.bytes as u64,
        });
        let segments = running.segments.iter().map(|segment| Source {
            span: Span { first: segment.row.min_time, last: segment.row.max_time },
            rows: segment.row.rows,
            bytes: segment.row.raw_bytes,
        });
        let time = &running.inner.time;
        let last = if time.end == i64::MAX { i64::MAX } else { time.end.saturating_sub(1) };
        let rest = Some(Span { first: time.start, last });
        Walk { sources: blocks.chain(segments).collect(), descending, rest }
    }

    /// The next span, of at most `width` milliseconds: it begins where there may be rows.
    fn span(&self, width: u64) -> Option<Span> {
        let rest = self.rest?;
        let ahead = self.sources.iter().filter(|source| rest.meets(source.span.first, source.span.last));
        let reach = width.saturating_sub(1);
        Some(if self.descending {
            let last = ahead.map(|source| source.span.last.min(rest.last)).max()?;
            // No end between the last two moments of all: a scan's range cannot say that.
            let reached = last.saturating_sub_unsigned(reach).min(i64::MAX - 1);
            Span { first: reached.max(rest.first), last }
        } else {
            let first = ahead.map(|source| source.span.first.max(rest.first)).min()?;
            let reached = first.saturating_add_unsigned(reach);
            Span { first, last: if reached >= i64::MAX - 1 { rest.last } else { reached.min(rest.last) } }
        })
    }

    /// How long the next span should be: so long that it holds as many rows as are wanted `growth` times over, or as many
    /// bytes as may be sorted at once, if the rows of each source lie evenly in it.
    fn width(&self, limit: usize, budget: usize, growth: u64) -> u64 {
        let growth = growth as f64;
        let rows_max = (limit as u64).saturating_mul(4).clamp(SPAN_ROWS_MIN, SORT_ROWS_MAX as u64 / 2) as f64 * growth;
        let bytes_max = (budget / 2) as f64 * growth;
        let mut width = 1u64;
        while let Some(longer) = width.checked_mul(2) {
            let (rows, bytes) = self.expected(longer);
            if rows > rows_max || bytes > bytes_max {
                break;
            }
            width = longer;
        }
        width
    }

    /// The rows and bytes that the next span is expected to hold if it has this width.
    fn expected(&self, width: u64) -> (f64, f64) {
        let Some(span) = self.span(width) else { return (0.0, 0.0) };
        let (mut rows, mut bytes) = (0.0, 0.0);
        for source in self.sources.iter().filter(|source| span.meets(source.span.first, source.span.last)) {
            let shared = Span { first: span.first.max(source.span.first), last: span.last.min(source.span.last) };
            let share = shared.width() as f64 / source.span.width() as f64;
            rows += source.rows as f64 * share;
            bytes += source.bytes as f64 * share;
        }
        (rows, bytes)
    }

    fn done(&mut self, span: &Span) {
        let Some(rest) = self.rest else { return };
        self.rest = if self.descending {
            span.first.checked_sub(1).filter(|&last| last >= rest.first).map(|last| Span { last, ..rest })
        } else {
            span.last.checked_add(1).filter(|&first| first <= rest.last).map(|first| Span { first, ..rest })
        };
    }
}

/// What became of gathering a span.
enum Outcome {
    /// Its rows, sorted; of them the first within the limit.
    Gathered(Gathered),
    /// They are too many to be sorted at once; a span of `fitting` milliseconds should do.
    TooMuch { fitting: u64 },
}

/// Gathers the rows of a span, of them the first `limit`.
fn gather_span(
    running: &mut Running<'_>,
    span: &Span,
    limit: Option<usize>,
    budget: Budget,
    descending: bool,
) -> Result<Outcome, StoreError> {
    let inner = running.inner.clone().time(span.range());
    let rows_max = limit.map_or(usize::MAX, |limit| limit.saturating_mul(16).saturating_add(SPAN_ROWS_MIN as usize));
    let mut gathered = Gathered::new(descending, limit, budget.of(*span), rows_max);
    if gather(running, &inner, *span, &mut gathered)? {
        return Ok(Outcome::Gathered(gathered));
    }
    let shorter = Outcome::TooMuch { fitting: span.width() / SPAN_GROWTH };
    let Some(limit) = limit else { return Ok(shorter) };
    // Far more than is wanted: find where the limit, or what may be sorted at once, lies before any more text is read.
    let rows_fitting = budget.of(*span) / (2 * gathered.row_bytes());
    drop(gathered);
    let light = inner.clone().columns(running.scan.table.retention_key);
    let mut times = Gathered::new(descending, Some(limit), budget.of(*span), usize::MAX);
    if !gather(running, &light, *span, &mut times)? {
        return Ok(shorter);
    }
    let (Some(first), Some(last)) = (times.entries.first(), times.entries.last()) else {
        return Ok(Outcome::Gathered(times));
    };
    let beyond = times.entries.get(rows_fitting).unwrap_or(last).time;
    let fitting = if descending { span.last.abs_diff(beyond) } else { span.first.abs_diff(beyond) };
    let narrow = Span { first: first.time.min(last.time), last: first.time.max(last.time) };
    if times.entries.len() < limit {
        // It was not their number that was too much: all of them are within the limit.
        return Ok(Outcome::TooMuch { fitting });
    }
    drop(times);
    let inner = inner.time(narrow.range());
    let mut gathered = Gathered::new(descending, Some(limit), budget.of(narrow), usize::MAX);
    Ok(match gather(running, &inner, narrow, &mut gathered)? {
        true => Outcome::Gathered(gathered),
        false => Outcome::TooMuch { fitting },
    })
}

/// Gathers the rows of a span from blocks and segments, the nearest first. Returns whether they are all there: otherwise they
/// are too many.
fn gather(running: &mut Running<'_>, inner: &Scan, span: Span, gathered: &mut Gathered) -> Result<bool, StoreError> {
    let columns = inner.delivered_columns();
    let time = columns.iter().position(|&column| column == inner.table.time).unwrap_or_default();
    let blocks = running.blocks.iter().filter(|block| span.meets(block.min_time, block.max_time));
    let segments = running.segments.iter().filter(|segment| span.meets(segment.row.min_time, segment.row.max_time));
    let (blocks, segments): (Vec<_>, Vec<_>) = (blocks.cloned().collect(), segments.cloned().collect());
    let mut sources: Vec<(i64, i64, usize)> = Vec::with_capacity(blocks.len() + segments.len());
    sources.extend(blocks.iter().enumerate().map(|(index, block)| (block.min_time, block.max_time, index)));
    let of_segments = segments.iter().enumerate();
    sources
        .extend(of_segments.map(|(index, segment)| (segment.row.min_time, segment.row.max_time, blocks.len() + index)));
    if gathered.descending {
        sources.sort_unstable_by_key(|&(_, max, index)| (std::cmp::Reverse(max), index));
    } else {
        sources.sort_unstable_by_key(|&(min, _, index)| (min, index));
    }
    let mut narrowed = inner.clone();
    for (min, max, index) in sources {
        if let Some(bound) = gathered.tighten() {
            let rest = if gathered.descending { Span { first: bound, ..span } } else { Span { last: bound, ..span } };
            if !rest.meets(min, max) {
                break;
            }
            narrowed.time = rest.range();
        }
        let mut take = |batch: RecordBatch, selection: Selection| {
            let is_shared = index < blocks.len();
            gathered.push(batch, selection, time, is_shared)
        };
        let segment = index.checked_sub(blocks.len()).and_then(|index| segments.get(index));
        let flow = match (blocks.get(index), segment) {
            (Some(block), _) => running.of_block(block, &narrowed, &columns, &mut take)?,
            (None, Some(segment)) => running.of_segment(segment, &narrowed, &columns, &mut take)?,
            (None, None) => ControlFlow::Continue(()),
        };
        if flow.is_break() {
            return Ok(false);
        }
    }
    gathered.sort();
    Ok(true)
}

/// A gathered row. The order of its fields is the order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    time: i64,
    seq: u64,
    place: Place,
}

/// Rows that were gathered to be sorted.
struct Gathered {
    descending: bool,
    limit: Option<usize>,
    bytes_max: usize,
    rows_max: usize,
    batches: Vec<RecordBatch>,
    entries: Vec<Entry>,
    /// The bytes of the batches that are not shared with the memtable.
    bytes: usize,
    pushed: usize,
    /// The time of the last row within the limit, once there are as many.
    bound: Option<i64>,
}

impl Gathered {
    fn new(descending: bool, limit: Option<usize>, bytes_max: usize, rows_max: usize) -> Gathered {
        let (batches, entries) = (Vec::new(), Vec::new());
        Gathered { descending, limit, bytes_max, rows_max, batches, entries, bytes: 0, pushed: 0, bound: None }
    }

    /// A time beyond which no row is wanted any more (rows at that time still may be).
    fn tighten(&mut self) -> Option<i64> {
        // A quarter more than the limit is worth a selection.
        if self
            .limit
            .is_some_and(|limit| self.entries.len() >= limit + if self.bound.is_some() { limit / 4 + 1 } else { 0 })
        {
            self.keep_best();
        }
        self.bound
    }

    /// The bytes held for the rows.
    fn weight(&self) -> usize {
        self.bytes + self.entries.len() * ENTRY_BYTES
    }

    /// About what a row weighs.
    fn row_bytes(&self) -> usize {
        (self.weight() / self.entries.len().max(1)).max(1)
    }

    /// Adds the selected rows of a batch, whose time column is at `time`. Breaks if they become too many.
    fn push(
        &mut self,
        batch: RecordBatch,
        selection: Selection,
        time: usize,
        is_shared: bool,
    ) -> Result<ControlFlow<()>, StoreError> {
        let index = self.batches.len() as u32;
        let columns = batch.columns();
        let times = columns.get(time).and_then(|array| array.as_primitive_opt::<Int64Type>());
        let times = times.map_or(&[][..], |array| array.values());
        let seqs = columns.last().and_then(|array| array.as_primitive_opt::<UInt64Type>());
        let seqs = seqs.map_or(&[][..], |array| array.values());
        let entry = |row: u32| {
            let (time, seq) = (times.get(row as usize), seqs.get(row as usize));
            time.zip(seq).map(|(&time, &seq)| Entry { time, seq, place: (index, row) })
        };
        let before = self.entries.len();
        match &selection {
            Selection::All => self.entries.extend((0..batch.num_rows() as u32).filter_map(entry)),
            Selection::Rows(rows) => self.entries.extend(rows.iter().filter_map(|&row| entry(row))),
        }
        self.pushed += self.entries.len() - before;
        if !is_shared {
            self.bytes += columns.iter().map(|array| value_bytes(array.as_ref())).sum::<usize>();
        }
        self.batches.push(batch);
        if self.limit.is_some_and(|limit| self.entries.len() >= limit.saturating_mul(2).max(1024)) {
            self.keep_best();
        }
        if self.bytes > self.bytes_max && self.limit.is_some() {
            self.keep_best();
            self.let_go()?;
        }
        let too_many = self.weight() > self.bytes_max || self.pushed > self.rows_max;
        Ok(if too_many { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Leaves only the rows within the limit.
    fn keep_best(&mut self) {
        let Some(limit) = self.limit.filter(|&limit| limit > 0 && self.entries.len() >= limit) else { return };
        let last = limit - 1;
        let (_, entry, _) = if self.descending {
            self.entries.select_nth_unstable_by(last, |a, b| b.cmp(a))
        } else {
            self.entries.select_nth_unstable(last)
        };
        self.bound = Some(entry.time);
        self.entries.truncate(limit);
    }

    /// Copies the rows that are left out of batches that held many others.
    fn let_go(&mut self) -> Result<(), StoreError> {
        let places: Vec<Place> = self.entries.iter().map(|entry| entry.place).collect();
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        if places.is_empty() {
            self.batches.clear();
            self.bytes = 0;
            return Ok(());
        }
        let combine =
            |error: arrow::error::ArrowError| StoreError::Combine { table: "of a scan", reason: error.to_string() };
        let copied = order::gather(&batches, &places).map_err(combine)?;
        for (row, entry) in (0..).zip(&mut self.entries) {
            entry.place = (0, row);
        }
        self.bytes = copied.columns().iter().map(|array| value_bytes(array.as_ref())).sum();
        self.batches = vec![copied];
        Ok(())
    }

    /// Brings the rows into order, and leaves those within the limit.
    fn sort(&mut self) {
        self.keep_best();
        if self.descending {
            self.entries.sort_unstable_by(|a, b| b.cmp(a));
        } else {
            self.entries.sort_unstable();
        }
    }

    fn deliver(
        &self,
        output: &mut Output,
        visit: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, StoreError> {
        let places: Vec<Place> = self.entries.iter().map(|entry| entry.place).collect();
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        output.deliver(&batches, &places, visit)
    }
}
