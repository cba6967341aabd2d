//! Scanning one segment.
//!
//! Row groups that statistics, bloom filters, token filters or piece filters rule out are not touched, nor are the blocks of
//! rows that piece filters rule out in the others. There the columns of the
//! time and key filters are read first, only from pages that may match; then the text of the rows that are left; then the
//! wanted columns of the rows that passed everything.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BinaryArray, BooleanArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::{concat, filter, take};
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::cache::{FooterCache, Parsed, Part};
use super::constant;
use super::error::SegmentError;
use super::footer::Footer;
use super::layout::Bounds;
use super::limits::BATCH_ROWS;
use super::plan::{self, Columns, Filter, Form, Occupancy, Plan};
use super::prune::{self, Verdict};
use super::source::Source;
use super::text_pages::TextPages;
use crate::blob::ReadBlobs;
use crate::scan::{Scan, TextFilter};

/// What a scan calls with each batch; it may stop the scan.
pub type Visit<'a> = dyn FnMut(RecordBatch) -> Result<ControlFlow<()>, SegmentError> + 'a;

/// What the scan of one segment touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SegmentScanStats {
    /// Rows delivered.
    pub rows: u64,
    /// Rows in the pages that were read.
    pub rows_scanned: u64,
    /// Bytes fetched of the segment's data.
    pub bytes_scanned: u64,
    /// Row groups of which pages were read.
    pub row_groups_read: u64,
    /// Row groups ruled out by their statistics.
    pub skipped_by_statistics: u64,
    /// Row groups ruled out by a bloom filter.
    pub skipped_by_bloom: u64,
    /// Row groups ruled out by their token or piece filter.
    pub skipped_by_tokens: u64,
    /// Rows that the reader left out by their fields.
    pub left_out: u64,
    /// About how many bytes the texts of these rows have.
    pub left_out_bytes: u64,
}

impl SegmentScanStats {
    /// Row groups that were not read, for whatever reason.
    pub fn row_groups_skipped(&self) -> u64 {
        self.skipped_by_statistics + self.skipped_by_bloom + self.skipped_by_tokens
    }

    /// What was touched since it was `before`.
    pub fn since(&self, before: &SegmentScanStats) -> SegmentScanStats {
        SegmentScanStats {
            rows: self.rows - before.rows,
            rows_scanned: self.rows_scanned - before.rows_scanned,
            bytes_scanned: self.bytes_scanned - before.bytes_scanned,
            row_groups_read: self.row_groups_read - before.row_groups_read,
            skipped_by_statistics: self.skipped_by_statistics - before.skipped_by_statistics,
            skipped_by_bloom: self.skipped_by_bloom - before.skipped_by_bloom,
            skipped_by_tokens: self.skipped_by_tokens - before.skipped_by_tokens,
            left_out: self.left_out - before.left_out,
            left_out_bytes: self.left_out_bytes - before.left_out_bytes,
        }
    }
}

/// Reads one published segment.
pub struct SegmentReader<'c> {
    cache: &'c FooterCache,
    pub(super) blobs: Arc<dyn ReadBlobs>,
    pub(super) path: Arc<str>,
    pub(super) footer: Arc<Footer>,
}

impl<'c> SegmentReader<'c> {
    /// Opens the segment of `size` bytes at `path`; its footer comes from the cache if it is there.
    pub fn open(
        blobs: Arc<dyn ReadBlobs>,
        path: &str,
        size: u64,
        cache: &'c FooterCache,
    ) -> Result<SegmentReader<'c>, SegmentError> {
        let path: Arc<str> = path.into();
        let parsed = cache.get(&path, Part::Footer, || {
            let footer = Footer::load(&*blobs, &path, size)?;
            let memory = footer.memory();
            Ok::<_, SegmentError>((Parsed::Footer(Arc::new(footer)), memory))
        })?;
        let Parsed::Footer(footer) = parsed else { return Err(SegmentError::damaged(&path, "it has no footer")) };
        Ok(SegmentReader { cache, blobs, path, footer })
    }

    /// The name of the table whose rows these are.
    pub fn table(&self) -> &str {
        &self.footer.about.table
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.footer.about.rows
    }

    /// How often the rows were compacted.
    pub fn level(&self) -> u8 {
        self.footer.about.level
    }

    /// The start of the window that all rows lie in, in milliseconds since the epoch.
    pub fn window_start(&self) -> i64 {
        self.footer.about.window_start_ms
    }

    /// The bytes of all values before they were encoded.
    pub fn raw_bytes(&self) -> u64 {
        self.footer.about.raw_bytes
    }

    /// What the rows span; `None` in segments that are too old to say.
    pub fn bounds(&self) -> Option<Bounds> {
        self.footer.about.bounds
    }

    /// Calls `visit` with the rows that pass the scan's time, keys and text, in the segment's order (not the scan's), as
    /// batches of the scan's columns and the time in table order, then `seq`. The scan's limit is the visitor's to keep.
    pub fn scan(&self, scan: &Scan, visit: &mut Visit<'_>) -> Result<SegmentScanStats, SegmentError> {
        let Some(mut scanning) = self.scanning(scan)? else {
            return Ok(SegmentScanStats { skipped_by_statistics: self.row_groups() as u64, ..Default::default() });
        };
        for row_group in 0..self.row_groups() {
            if scanning.row_group(row_group, visit)?.is_break() {
                break;
            }
        }
        Ok(scanning.stats())
    }

    /// How many row groups there are.
    pub fn row_groups(&self) -> usize {
        self.footer.parquet().num_row_groups()
    }

    /// A scan that is told which row groups to read; `None` if no row of the segment can pass.
    pub fn scanning<'s>(&'s self, scan: &'s Scan) -> Result<Option<Scanning<'s>>, SegmentError> {
        let Some(plan) = Plan::new(&self.path, &self.footer, scan)? else { return Ok(None) };
        let source = Arc::new(Source::new(self.blobs.clone(), self.path.clone(), self.footer.clone()));
        let verdicts: Vec<Vec<Verdict>> =
            plan.filters.iter().map(|filter| prune::row_groups(&source, filter)).collect::<Result<_, _>>()?;
        Ok(Some(Scanning { cache: self.cache, plan, source, verdicts, stats: SegmentScanStats::default() }))
    }
}

/// A scan of one segment, row group by row group.
pub struct Scanning<'s> {
    cache: &'s FooterCache,
    plan: Plan<'s>,
    source: Arc<Source>,
    /// Of each filter on each row group.
    verdicts: Vec<Vec<Verdict>>,
    stats: SegmentScanStats,
}

impl Scanning<'_> {
    /// What it touched so far.
    pub fn stats(&self) -> SegmentScanStats {
        SegmentScanStats { bytes_scanned: self.source.bytes_read(), ..self.stats }
    }

    /// Calls `visit` with the rows of one row group that pass. Breaks if it said so.
    pub fn row_group(&mut self, row_group: usize, visit: &mut Visit<'_>) -> Result<ControlFlow<()>, SegmentError> {
        let Scanning { cache, plan, source, verdicts, stats } = self;
        let verdict = |filter: usize| verdicts.get(filter).and_then(|of| of.get(row_group)).copied();
        let filters = plan.filters.iter().enumerate().map(|(index, filter)| (verdict(index), filter));
        if filters.clone().any(|(verdict, _)| verdict == Some(Verdict::None)) {
            stats.skipped_by_statistics += 1;
            return Ok(ControlFlow::Continue(()));
        }
        let open: Vec<&Filter<'_>> =
            filters.filter(|(verdict, _)| *verdict != Some(Verdict::All)).map(|(_, filter)| filter).collect();
        if prune::blooms_rule_out(source, cache, plan, row_group, &open)? {
            stats.skipped_by_bloom += 1;
            return Ok(ControlFlow::Continue(()));
        }
        if prune::tokens_rule_out(source, cache, plan, row_group)? {
            stats.skipped_by_tokens += 1;
            return Ok(ControlFlow::Continue(()));
        }
        let blocks = prune::pieces(source, cache, plan, row_group)?;
        if blocks.as_ref().is_some_and(|blocks| !blocks.selects_any()) {
            stats.skipped_by_tokens += 1;
            return Ok(ControlFlow::Continue(()));
        }
        let selection = match (prune::pages(source, row_group, &open)?, blocks) {
            (Some(pages), Some(blocks)) => Some(pages.intersection(&blocks)),
            (pages, blocks) => pages.or(blocks),
        };
        if selection.as_ref().is_some_and(|selection| !selection.selects_any()) {
            stats.skipped_by_statistics += 1;
            return Ok(ControlFlow::Continue(()));
        }
        stats.row_groups_read += 1;
        let mut group = RowGroup { source, plan, index: row_group, form: Form::Text };
        group.form = plan.form(&group);
        group.scan(&open, selection, visit, stats)
    }
}

/// One row group under a scan.
struct RowGroup<'a> {
    source: &'a Arc<Source>,
    plan: &'a Plan<'a>,
    index: usize,
    form: Form,
}

/// The rows of a row group that passed so far.
struct Passed {
    /// Which; `None` if that is all of them.
    selection: Option<RowSelection>,
    /// Columns of them that were read for it, and are delivered.
    known: Columns,
}

/// Rows of a row group that passed the text filter and are yet to be delivered.
#[derive(Default)]
struct Hits {
    /// Their numbers in the row group.
    rows: Vec<usize>,
    /// Their numbers among the rows that passed the time and key filters.
    ordinals: Vec<u64>,
    texts: Vec<ArrayRef>,
}

impl RowGroup<'_> {
    fn scan(
        &self,
        filters: &[&Filter<'_>],
        selection: Option<RowSelection>,
        visit: &mut Visit<'_>,
        stats: &mut SegmentScanStats,
    ) -> Result<ControlFlow<()>, SegmentError> {
        let rows = self.rows();
        stats.rows_scanned += selection.as_ref().map_or(rows, RowSelection::row_count) as u64;
        let passed = self.choose(self.pass_filters(filters, selection)?, stats)?;
        let Passed { selection, known } = passed;
        if selection.as_ref().is_some_and(|selection| !selection.selects_any()) {
            return Ok(ControlFlow::Continue(()));
        }
        match (&self.plan.scan.text, self.plan.text) {
            (Some(filter), Some(place)) if self.form == Form::Text => {
                self.pass_text(filter, place, selection, &known, visit, stats)
            }
            _ => self.deliver(selection, &known, visit, stats),
        }
    }

    /// The rows that pass `filters`.
    fn pass_filters(&self, filters: &[&Filter<'_>], selection: Option<RowSelection>) -> Result<Passed, SegmentError> {
        let places: Vec<usize> = filters.iter().map(|filter| filter.place).collect();
        let test = |columns: &Columns, rows| plan::mask(filters, columns, rows);
        self.narrow(Passed { selection, known: Columns::default() }, places, &test)
    }

    /// The rows that the reader wants, as far as it chooses by columns that are there.
    fn choose(&self, passed: Passed, stats: &mut SegmentScanStats) -> Result<Passed, SegmentError> {
        let Some((choice, places)) = self.plan.choice(self) else { return Ok(passed) };
        let rows = |passed: &Passed| passed.selection.as_ref().map_or(self.rows(), RowSelection::row_count);
        let before = rows(&passed);
        let test = |columns: &Columns, rows: usize| {
            let arrays: Option<Vec<ArrayRef>> = places.iter().map(|&place| columns.get(place).cloned()).collect();
            let wanted = (choice.wanted)(&arrays?);
            (wanted.len() == rows).then(|| BooleanArray::new(wanted, None))
        };
        let chosen = self.narrow(passed, places.to_vec(), &test)?;
        let left_out = (before - rows(&chosen)) as u64;
        stats.left_out += left_out;
        stats.left_out_bytes += left_out * self.text_bytes() / (self.rows() as u64).max(1);
        Ok(chosen)
    }

    /// The rows for which `test` holds of the columns at `places`.
    fn narrow(
        &self,
        passed: Passed,
        mut places: Vec<usize>,
        test: &dyn Fn(&Columns, usize) -> Option<BooleanArray>,
    ) -> Result<Passed, SegmentError> {
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Ok(passed);
        }
        let mut masks = Vec::new();
        let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); places.len()];
        for batch in self.read(&places, passed.selection.clone())? {
            let batch = batch.map_err(|error| self.source.failure(error))?;
            let mut columns = Columns::default();
            columns.extend(&places, &batch);
            let mask = test(&columns, batch.num_rows()).ok_or_else(|| self.mistyped())?;
            for (part, array) in parts.iter_mut().zip(batch.columns()) {
                part.push(filter(array, &mask)?);
            }
            masks.push(mask);
        }
        let mut known = Columns::default();
        if !passed.known.is_empty() {
            let masks: Vec<&dyn Array> = masks.iter().map(|mask| mask as &dyn Array).collect();
            let mask = concat(&masks)?;
            let mask = mask.as_boolean_opt().ok_or_else(|| self.mistyped())?;
            known = passed.known.map(|array| filter(array, mask))?;
        }
        let narrower = RowSelection::from_filters(&masks);
        let selection = match passed.selection {
            Some(before) => before.and_then(&narrower),
            None => narrower,
        };
        for (&place, part) in places.iter().zip(&parts) {
            if self.plan.delivers(self.form, place) && known.get(place).is_none() {
                known.push(place, join(part)?);
            }
        }
        Ok(Passed { selection: Some(selection), known })
    }

    /// The bytes of the row group's texts, but for the heads of pages.
    fn text_bytes(&self) -> u64 {
        let footer = &self.source.footer;
        let text = self.plan.scan.table.text.and_then(|text| self.plan.scan.table.columns.get(text));
        let place = text.and_then(|text| footer.arrow.schema().column_with_name(text.name)).map(|(place, _)| place);
        let group = footer.parquet().row_groups().get(self.index);
        let chunk = group.zip(place).and_then(|(group, place)| group.columns().get(place));
        // Each text has its length before it.
        let bytes = chunk.map(|chunk| chunk.uncompressed_size() - 4 * chunk.num_values());
        bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default()
    }

    /// Searches the text of the rows of `selection` and delivers those that match.
    fn pass_text(
        &self,
        text: &TextFilter,
        place: usize,
        selection: Option<RowSelection>,
        known: &Columns,
        visit: &mut Visit<'_>,
        stats: &mut SegmentScanStats,
    ) -> Result<ControlFlow<()>, SegmentError> {
        if let Some(pages) = self.text_pages(place, selection.as_ref())? {
            return self.pass_pages(pages, text, place, selection.as_ref(), known, visit, stats);
        }
        let mut numbers = ranges(selection.as_ref(), self.rows()).into_iter().flatten();
        let mut ordinals = 0..;
        let mut hits = Hits::default();
        for batch in self.read(&[place], selection.clone())? {
            let batch = batch.map_err(|error| self.source.failure(error))?;
            let Some(array) = batch.columns().first() else { return Err(self.mistyped()) };
            let mask = plan::text_mask(array, &*text.matches).ok_or_else(|| self.mistyped())?;
            for ((matches, ordinal), row) in mask.values().iter().zip(&mut ordinals).zip(&mut numbers) {
                if matches {
                    hits.rows.push(row);
                    hits.ordinals.push(ordinal);
                }
            }
            self.keep_text(place, array, &mask, &mut hits)?;
            if hits.rows.len() >= BATCH_ROWS
                && self.deliver_hits(place, std::mem::take(&mut hits), known, visit, stats)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        if hits.rows.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        self.deliver_hits(place, hits, known, visit, stats)
    }

    /// The pages that hold texts of `selection`, if texts lie in them as they are.
    fn text_pages(
        &self,
        place: usize,
        selection: Option<&RowSelection>,
    ) -> Result<Option<TextPages<'_>>, SegmentError> {
        let parquet = self.source.footer.parquet();
        let chunk = parquet.row_groups().get(self.index).and_then(|group| group.columns().get(place));
        let offsets = parquet.offset_index().and_then(|index| index.get(self.index)).and_then(|group| group.get(place));
        let (Some(chunk), Some(offsets)) = (chunk, offsets) else { return Ok(None) };
        let pages = self.source.pages(self.ranges(&[place], selection))?;
        TextPages::new(self.source, chunk, offsets.page_locations(), self.rows(), pages)
    }

    /// Searches the texts of `selection` page by page and delivers the rows that match.
    #[allow(clippy::too_many_arguments, reason = "what a search of texts goes by, whichever way")]
    fn pass_pages(
        &self,
        mut pages: TextPages<'_>,
        text: &TextFilter,
        place: usize,
        selection: Option<&RowSelection>,
        known: &Columns,
        visit: &mut Visit<'_>,
        stats: &mut SegmentScanStats,
    ) -> Result<ControlFlow<()>, SegmentError> {
        let wanted = ranges(selection, self.rows());
        let after = |row: usize| wanted.partition_point(|range| range.end <= row);
        let is_wanted = |rows: &Range<usize>| wanted.get(after(rows.start)).is_some_and(|next| next.start < rows.end);
        let mut hits = Hits::default();
        let mut ordinals = 0..;
        while let Some(page) = pages.next(is_wanted)? {
            let mut found: Vec<&[u8]> = Vec::new();
            let mut texts = page.texts();
            let mut next = after(page.rows.start);
            for row in page.rows.clone() {
                let value = texts.next().ok_or_else(|| self.source.failure("a page has fewer texts than rows"))?;
                while wanted.get(next).is_some_and(|range| range.end <= row) {
                    next += 1;
                }
                if wanted.get(next).is_none_or(|range| row < range.start) {
                    continue;
                }
                let ordinal = ordinals.next().unwrap_or_default();
                if (text.matches)(value) {
                    hits.rows.push(row);
                    hits.ordinals.push(ordinal);
                    found.push(value);
                }
            }
            if self.plan.delivers(self.form, place) && !found.is_empty() {
                hits.texts.push(self.array(place, &found)?);
            }
            if hits.rows.len() >= BATCH_ROWS
                && self.deliver_hits(place, std::mem::take(&mut hits), known, visit, stats)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        if hits.rows.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        self.deliver_hits(place, hits, known, visit, stats)
    }

    /// Values of the column at this place as an array.
    fn array(&self, place: usize, values: &[&[u8]]) -> Result<ArrayRef, SegmentError> {
        let field = self.source.footer.arrow.schema().fields().get(place).ok_or_else(|| self.mistyped())?;
        if *field.data_type() == DataType::Binary {
            return Ok(Arc::new(BinaryArray::from_iter_values(values)));
        }
        let texts = values.iter().map(|value| std::str::from_utf8(value));
        let texts = texts.collect::<Result<Vec<&str>, _>>().map_err(|error| self.source.failure(error))?;
        Ok(Arc::new(StringArray::from_iter_values(texts)))
    }

    fn keep_text(
        &self,
        place: usize,
        array: &ArrayRef,
        mask: &BooleanArray,
        hits: &mut Hits,
    ) -> Result<(), SegmentError> {
        if self.plan.delivers(self.form, place) && mask.true_count() > 0 {
            hits.texts.push(filter(array, mask)?);
        }
        Ok(())
    }

    fn deliver_hits(
        &self,
        place: usize,
        hits: Hits,
        known: &Columns,
        visit: &mut Visit<'_>,
        stats: &mut SegmentScanStats,
    ) -> Result<ControlFlow<()>, SegmentError> {
        let ordinals = UInt64Array::from(hits.ordinals);
        let mut columns = known.map(|array| take(array, &ordinals, None))?;
        if self.plan.delivers(self.form, place) {
            columns.push(place, join(&hits.texts)?);
        }
        let selection = RowSelection::from_consecutive_ranges(plan::runs(&hits.rows), self.rows());
        self.deliver(Some(selection), &columns, visit, stats)
    }

    /// Delivers the rows of `selection`, of which the columns `known` are there already.
    fn deliver(
        &self,
        selection: Option<RowSelection>,
        known: &Columns,
        visit: &mut Visit<'_>,
        stats: &mut SegmentScanStats,
    ) -> Result<ControlFlow<()>, SegmentError> {
        let mut hand_over = |columns: &Columns, rows: usize| {
            stats.rows += rows as u64;
            visit(self.plan.assemble(self.form, columns, rows)?)
        };
        let total = selection.as_ref().map_or(self.rows(), RowSelection::row_count);
        let mut rest = self.plan.rest(self.form, known);
        let constant = self.constant(&mut rest);
        let known_at = |start: usize, rows: usize| {
            let mut columns = known.map(|array| Ok::<_, SegmentError>(array.slice(start, rows)))?;
            columns.append(constant.map(|array| Ok::<_, SegmentError>(array.slice(0, rows)))?);
            Ok::<_, SegmentError>(columns)
        };
        if rest.is_empty() {
            for start in (0..total).step_by(BATCH_ROWS) {
                let rows = BATCH_ROWS.min(total - start);
                let columns = known_at(start, rows)?;
                if hand_over(&columns, rows)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            return Ok(ControlFlow::Continue(()));
        }
        let mut start = 0;
        for batch in self.read(&rest, selection)? {
            let batch = batch.map_err(|error| self.source.failure(error))?;
            let rows = batch.num_rows();
            if start + rows > total {
                return Err(self.source.failure("a column has more rows than it says"));
            }
            let mut columns = known_at(start, rows)?;
            columns.extend(&rest, &batch);
            start += rows;
            if hand_over(&columns, rows)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes out of `places` those whose column says the same in every row of the row group, or nothing in any: its statistics
    /// tell, and none of its pages need be read. Returns the columns of a whole batch.
    fn constant(&self, places: &mut Vec<usize>) -> Columns {
        let mut constant = Columns::default();
        let footer = &self.source.footer;
        let Some(group) = footer.parquet().row_groups().get(self.index) else { return constant };
        places.retain(|&place| {
            let chunk = group.columns().get(place);
            let field = footer.arrow.schema().fields().get(place);
            let found = chunk.zip(field).and_then(|(chunk, field)| {
                constant::array(chunk.statistics()?, chunk.num_values(), field.data_type(), BATCH_ROWS)
            });
            match found {
                Some(array) => constant.push(place, array),
                None => return true,
            }
            false
        });
        constant
    }

    /// Decodes the columns at `places`, of the rows of `selection`.
    fn read(
        &self,
        places: &[usize],
        selection: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader, SegmentError> {
        let arrow = &self.source.footer.arrow;
        let pages = self.source.pages(self.ranges(places, selection.as_ref()))?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(pages, arrow.clone())
            .with_row_groups(vec![self.index])
            .with_batch_size(BATCH_ROWS)
            .with_projection(ProjectionMask::leaves(arrow.parquet_schema(), places.iter().copied()));
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(|error| self.source.failure(error))
    }

    /// Where the pages of `places` that hold rows of `selection` lie in the file.
    fn ranges(&self, places: &[usize], selection: Option<&RowSelection>) -> Vec<Range<u64>> {
        let parquet = self.source.footer.parquet();
        let chunks = parquet.row_groups().get(self.index).map(|group| group.columns()).unwrap_or_default();
        let index = parquet.offset_index().and_then(|index| index.get(self.index));
        let mut ranges = Vec::new();
        for &place in places {
            let Some(chunk) = chunks.get(place) else { continue };
            let (start, length) = chunk.byte_range();
            let pages = index.and_then(|index| index.get(place)).map(|column| column.page_locations());
            match (selection, pages) {
                (Some(selection), Some(pages)) => {
                    let first_page = pages.first().and_then(|page| u64::try_from(page.offset).ok()).unwrap_or(start);
                    // The dictionary lies before the first page.
                    if first_page > start {
                        ranges.push(start..first_page);
                    }
                    ranges.extend(selection.scan_ranges(pages));
                }
                _ => ranges.push(start..start.saturating_add(length)),
            }
        }
        ranges
    }

    fn rows(&self) -> usize {
        let groups = self.source.footer.parquet().row_groups();
        groups.get(self.index).map_or(0, |group| group.num_rows() as usize)
    }

    fn mistyped(&self) -> SegmentError {
        SegmentError::damaged(&self.source.path, "a column is of another type than it says")
    }
}

/// Its statistics tell.
impl Occupancy for RowGroup<'_> {
    fn is_empty(&self, place: usize) -> bool {
        let footer = &self.source.footer;
        let chunk = footer.parquet().row_groups().get(self.index).and_then(|group| group.columns().get(place));
        chunk.is_some_and(|chunk| chunk.statistics().is_some_and(|of| constant::is_empty(of, chunk.num_values())))
    }

    fn is_complete(&self, place: usize) -> bool {
        let groups = self.source.footer.parquet().row_groups();
        let chunk = groups.get(self.index).and_then(|group| group.columns().get(place));
        chunk.and_then(|chunk| chunk.statistics()?.null_count_opt()) == Some(0)
    }
}

/// The runs of the rows that are selected out of `rows`.
fn ranges(selection: Option<&RowSelection>, rows: usize) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut ranges = Vec::new();
    for selector in selection.into_iter().flat_map(RowSelection::iter) {
        if !selector.skip {
            ranges.push(at..at + selector.row_count);
        }
        at += selector.row_count;
    }
    if selection.is_none() {
        ranges.push(0..rows);
    }
    ranges
}

fn join(parts: &[ArrayRef]) -> Result<ArrayRef, SegmentError> {
    let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
    Ok(concat(&parts)?)
}
