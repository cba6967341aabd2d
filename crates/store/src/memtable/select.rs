//! Which rows of a block a scan wants: the same answer that a segment's reader gives, without any skipping inside the block.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};

use crate::scan::{KeyFilter, KeySet, Scan};

use super::Block;

/// The rows of a block that a scan wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Every row.
    All,
    /// These rows, ascending; perhaps none.
    Rows(Vec<u32>),
}

impl Selection {
    /// How many of a batch's `rows` rows are selected.
    pub(crate) fn count(&self, rows: usize) -> usize {
        match self {
            Selection::All => rows,
            Selection::Rows(selected) => selected.len(),
        }
    }

    /// Leaves out the rows that do not pass.
    fn retain(&mut self, rows: usize, pass: impl Fn(usize) -> bool) {
        match self {
            Selection::All => *self = Selection::Rows((0..rows as u32).filter(|&row| pass(row as usize)).collect()),
            Selection::Rows(selected) => selected.retain(|&row| pass(row as usize)),
        }
    }
}

/// The rows of `block` that satisfy the scan's time, keys and text.
pub(crate) fn select(block: &Block, scan: &Scan) -> Selection {
    let mut selection = Selection::All;
    let rows = block.rows();
    if !(scan.holds_time(block.min_time) && scan.holds_time(block.max_time)) {
        let times = block.batch.columns().get(scan.table.time).and_then(|array| array.as_primitive_opt::<Int64Type>());
        let times = times.map_or(&[][..], |array| array.values());
        selection.retain(rows, |row| times.get(row).is_some_and(|&time| scan.holds_time(time)));
    }
    for filter in &scan.keys {
        apply(filter, &block.batch, &mut selection);
    }
    if let (Some(text), Some(column)) = (&scan.text, scan.table.text) {
        let Some(array) = block.batch.columns().get(column) else { return Selection::Rows(Vec::new()) };
        if let Some(values) = array.as_binary_opt::<i32>() {
            selection.retain(rows, |row| values.is_valid(row) && (text.matches)(values.value(row)));
        } else if let Some(values) = array.as_string_opt::<i32>() {
            selection.retain(rows, |row| values.is_valid(row) && (text.matches)(values.value(row).as_bytes()));
        }
    }
    selection
}

fn apply(filter: &KeyFilter, batch: &RecordBatch, selection: &mut Selection) {
    let rows = batch.num_rows();
    let Some(array) = batch.columns().get(filter.column) else { return selection.retain(rows, |_| false) };
    match &filter.one_of {
        KeySet::U64(wanted) => {
            let Some(values) = array.as_primitive_opt::<UInt64Type>() else { return selection.retain(rows, |_| false) };
            let found = values.values();
            match (wanted.as_slice(), values.nulls()) {
                // The two common forms, kept free of calls: one identifier in a column that has no nulls, all or some.
                ([only], None) if found.iter().all(|value| value == only) => {}
                ([only], None) => selection.retain(rows, |row| found.get(row) == Some(only)),
                _ => selection.retain(rows, |row| values.is_valid(row) && filter.one_of.has_id(values.value(row))),
            }
        }
        KeySet::Text(_) => match array.as_string_opt::<i32>() {
            Some(texts) => {
                selection.retain(rows, |row| texts.is_valid(row) && filter.one_of.has_text(texts.value(row)))
            }
            None => selection.retain(rows, |_| false),
        },
    }
}
