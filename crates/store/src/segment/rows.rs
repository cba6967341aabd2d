//! Rows on their way into a segment: whether they keep their table's rules, what they span, and how they are cut into row
//! groups.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, DynComparator, RecordBatch, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};

use super::error::SegmentError;
use super::limits::{PAGE_BYTES, PAGE_ROWS_MAX, PIECE_BLOCK_ROWS, ROW_GROUP_BYTES_MAX, ROW_GROUP_ROWS_MAX};
use crate::table::Table;

/// What the rows of a segment span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub rows: u64,
    pub raw_bytes: u64,
    pub min_time: i64,
    pub max_time: i64,
    pub min_key: u64,
    pub max_key: u64,
}

/// How large the parts of a segment may grow. Tests make them small.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub row_group_rows: usize,
    pub row_group_bytes: usize,
    pub page_rows: usize,
    pub page_bytes: usize,
    pub piece_rows: usize,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            row_group_rows: ROW_GROUP_ROWS_MAX,
            row_group_bytes: ROW_GROUP_BYTES_MAX,
            page_rows: PAGE_ROWS_MAX,
            page_bytes: PAGE_BYTES,
            piece_rows: PIECE_BLOCK_ROWS,
        }
    }
}

/// Checks that the batches are what the table declares, sorted (S-2) and within one window, and measures them.
pub(super) fn examine(table: &'static Table, batches: &[RecordBatch]) -> Result<Extent, SegmentError> {
    let refuse = |reason: String| SegmentError::Refused { table: table.name, reason };
    let schema = table.segment_schema();
    let keys: Vec<usize> = table.sort.iter().copied().chain([table.columns.len()]).collect();
    let mut extent =
        Extent { rows: 0, raw_bytes: 0, min_time: i64::MAX, max_time: i64::MIN, min_key: u64::MAX, max_key: 0 };
    let mut before: Option<&RecordBatch> = None;
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        let described = |fields: &arrow::datatypes::Fields| {
            fields.iter().map(|field| (field.name().clone(), field.data_type().clone())).collect::<Vec<_>>()
        };
        if described(batch.schema_ref().fields()) != described(schema.fields()) {
            return Err(refuse(format!("their columns are {}", batch.schema_ref())));
        }
        is_sorted(before, batch, &keys)?.then_some(()).ok_or_else(|| refuse("they are not sorted".to_owned()))?;
        let times = batch.columns().get(table.time).and_then(|column| column.as_primitive_opt::<Int64Type>());
        for &time in times.map(|times| times.values().as_ref()).unwrap_or_default() {
            extent.min_time = extent.min_time.min(time);
            extent.max_time = extent.max_time.max(time);
        }
        let key = table.prune_key().and_then(|key| batch.columns().get(key));
        for &key in key.and_then(|key| key.as_primitive_opt::<UInt64Type>()).map(|k| k.values().as_ref()).unwrap_or(&[])
        {
            extent.min_key = extent.min_key.min(key);
            extent.max_key = extent.max_key.max(key);
        }
        extent.rows += batch.num_rows() as u64;
        extent.raw_bytes += value_bytes(table, batch, 0, batch.num_rows()) as u64;
        before = Some(batch);
    }
    if extent.rows == 0 {
        return Err(refuse("there are none".to_owned()));
    }
    if table.window_of(extent.min_time) != table.window_of(extent.max_time) {
        return Err(refuse(format!("their times {} and {} are of two windows", extent.min_time, extent.max_time)));
    }
    if table.prune_key().is_none() {
        (extent.min_key, extent.max_key) = (0, u64::MAX);
    }
    Ok(extent)
}

/// Cuts the batches into row groups, each a list of slices.
pub(super) fn row_groups(table: &'static Table, batches: &[RecordBatch], sizes: Sizes) -> Vec<Vec<RecordBatch>> {
    let mut groups: Vec<Vec<RecordBatch>> = Vec::new();
    let mut open: Vec<RecordBatch> = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    for batch in batches {
        let mut start = 0;
        while start < batch.num_rows() {
            let left = batch.num_rows() - start;
            let most = left.min(sizes.row_group_rows - rows);
            let fits = fitting(table, batch, start, most, sizes.row_group_bytes.saturating_sub(bytes));
            // A row longer than a whole row group is one by itself.
            let taken = if open.is_empty() { fits.max(1) } else { fits };
            if taken > 0 {
                open.push(batch.slice(start, taken));
                rows += taken;
                bytes += value_bytes(table, batch, start, taken);
                start += taken;
            }
            if taken < left || rows >= sizes.row_group_rows {
                groups.push(std::mem::take(&mut open));
                (rows, bytes) = (0, 0);
            }
        }
    }
    if !open.is_empty() {
        groups.push(open);
    }
    groups
}

/// The bytes of the values of the table's columns in `rows` rows from `start`.
fn value_bytes(table: &'static Table, batch: &RecordBatch, start: usize, rows: usize) -> usize {
    let columns = batch.columns().iter().take(table.columns.len());
    columns.map(|column| array_bytes(column, start, rows)).sum()
}

/// How many of `rows` rows from `start` have values of at most `bytes_max` bytes together.
fn fitting(table: &'static Table, batch: &RecordBatch, start: usize, rows: usize, bytes_max: usize) -> usize {
    if value_bytes(table, batch, start, rows) <= bytes_max {
        return rows;
    }
    let (mut fits, mut exceeds) = (0, rows);
    while exceeds - fits > 1 {
        let middle = fits.midpoint(exceeds);
        if value_bytes(table, batch, start, middle) <= bytes_max { fits = middle } else { exceeds = middle }
    }
    fits
}

fn array_bytes(array: &ArrayRef, start: usize, rows: usize) -> usize {
    let offsets = match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>().map(|text| text.value_offsets()),
        DataType::Binary => array.as_binary_opt::<i32>().map(|bytes| bytes.value_offsets()),
        _ => None,
    };
    match offsets.and_then(|offsets| Some((offsets.get(start)?, offsets.get(start + rows)?))) {
        Some((from, to)) => usize::try_from(to - from).unwrap_or(0),
        None => rows * 8,
    }
}

/// Whether a batch is sorted by the columns `keys`, and follows on the batch before it.
fn is_sorted(before: Option<&RecordBatch>, batch: &RecordBatch, keys: &[usize]) -> Result<bool, SegmentError> {
    let comparators = |left: &RecordBatch| -> Result<Vec<DynComparator>, SegmentError> {
        let pairs = keys.iter().filter_map(|&key| Some((left.columns().get(key)?, batch.columns().get(key)?)));
        Ok(pairs.map(|(left, right)| make_comparator(left, right, SortOptions::default())).collect::<Result<_, _>>()?)
    };
    let ascends = |by: &[DynComparator], left: usize, right: usize| {
        let order = by.iter().map(|compare| compare(left, right)).find(|order| order.is_ne());
        order.unwrap_or(Ordering::Equal).is_le()
    };
    if let Some(before) = before
        && !ascends(&comparators(before)?, before.num_rows() - 1, 0)
    {
        return Ok(false);
    }
    let within = comparators(batch)?;
    Ok((1..batch.num_rows()).all(|row| ascends(&within, row - 1, row)))
}
