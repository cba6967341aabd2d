//! Bringing rows into the order of a segment: windows, then the table's sort columns, then `seq`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int64Type, UInt64Type};

use crate::memtable::Selection;
use crate::table::Table;

/// A row: the index of its batch, and its index there.
pub(crate) type Place = (u32, u32);

/// The rows of some batches (in memory form: the table's columns, then `seq`) by the window that they lie in.
pub(crate) fn by_window(table: &Table, batches: &[(RecordBatch, Selection)]) -> BTreeMap<i64, Vec<Place>> {
    let mut windows: BTreeMap<i64, Vec<Place>> = BTreeMap::new();
    for (index, (batch, selection)) in (0u32..).zip(batches) {
        let times = batch.columns().get(table.time).and_then(|array| array.as_primitive_opt::<Int64Type>());
        let times = times.map_or(&[][..], |array| array.values());
        // Neighbours lie in the same window nearly always: look it up only when it changes.
        let mut current: Option<(i64, Vec<Place>)> = None;
        let mut place = |row: u32| {
            let window = table.window_of(times.get(row as usize).copied().unwrap_or_default());
            match &mut current {
                Some((of, places)) if *of == window => places.push((index, row)),
                _ => {
                    let mut places = windows.remove(&window).unwrap_or_default();
                    places.push((index, row));
                    if let Some((of, full)) = current.replace((window, places)) {
                        windows.insert(of, full);
                    }
                }
            }
        };
        match selection {
            Selection::All => (0..batch.num_rows() as u32).for_each(&mut place),
            Selection::Rows(rows) => rows.iter().copied().for_each(&mut place),
        }
        if let Some((of, places)) = current {
            windows.insert(of, places);
        }
    }
    windows
}

/// Sorts rows by the table's sort columns and `seq`.
pub(crate) fn sort(table: &Table, batches: &[&RecordBatch], places: &mut Vec<Place>) {
    let columns: Vec<Vec<SortColumn<'_>>> = batches.iter().map(|batch| sort_columns(table, batch)).collect();
    let full = |a: &Place, b: &Place| {
        let (Some(of_a), Some(of_b)) = (columns.get(a.0 as usize), columns.get(b.0 as usize)) else {
            return Ordering::Equal;
        };
        let pairs = of_a.iter().zip(of_b).map(|(x, y)| x.compare(a.1 as usize, y, b.1 as usize));
        pairs.fold(Ordering::Equal, Ordering::then)
    };
    // The first three columns of most tables decide nearly every comparison: they are laid out beside the row's place.
    let mut keyed: Vec<([u64; 3], Place)> = places.iter().map(|&place| (prefix(&columns, place), place)).collect();
    // The stable sort: segments that are compacted are sorted, and it merges such runs.
    keyed.sort_by(|(x, a), (y, b)| x.cmp(y).then_with(|| full(a, b)));
    places.clear();
    places.extend(keyed.into_iter().map(|(_, place)| place));
}

/// The rows at `places`, in that order, as one batch.
pub(crate) fn gather(batches: &[&RecordBatch], places: &[Place]) -> Result<RecordBatch, arrow::error::ArrowError> {
    if let (Some(&(batch, from)), Some(last)) = (places.first(), places.last()) {
        let apart = last.1.wrapping_sub(from) as usize + 1 == places.len();
        let run = apart && (from..).zip(places).all(|(row, &place)| place == (batch, row));
        if let (true, Some(source)) = (run, batches.get(batch as usize)) {
            return Ok(source.slice(from as usize, places.len()));
        }
    }
    let indices: Vec<(usize, usize)> = places.iter().map(|&(batch, row)| (batch as usize, row as usize)).collect();
    interleave_record_batch(batches, &indices)
}

enum SortColumn<'a> {
    U64(&'a UInt64Array),
    I64(&'a Int64Array),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
}

impl<'a> SortColumn<'a> {
    fn of(array: &'a ArrayRef) -> Option<SortColumn<'a>> {
        None.or_else(|| array.as_primitive_opt::<UInt64Type>().map(SortColumn::U64))
            .or_else(|| array.as_primitive_opt::<Int64Type>().map(SortColumn::I64))
            .or_else(|| array.as_string_opt::<i32>().map(SortColumn::Text))
            .or_else(|| array.as_binary_opt::<i32>().map(SortColumn::Bytes))
    }

    fn compare(&self, row: usize, other: &SortColumn<'_>, other_row: usize) -> Ordering {
        match (self, other) {
            (SortColumn::U64(a), SortColumn::U64(b)) => a.values().get(row).cmp(&b.values().get(other_row)),
            (SortColumn::I64(a), SortColumn::I64(b)) => a.values().get(row).cmp(&b.values().get(other_row)),
            (SortColumn::Text(a), SortColumn::Text(b)) => a.value(row).cmp(b.value(other_row)),
            (SortColumn::Bytes(a), SortColumn::Bytes(b)) => a.value(row).cmp(b.value(other_row)),
            // Batches of one table hold the same kinds.
            _ => Ordering::Equal,
        }
    }

    /// A number that grows with the value; and whether equal numbers mean equal values.
    fn prefix(&self, row: usize) -> (u64, bool) {
        let of_bytes = |bytes: &[u8]| {
            let mut first = [0; 8];
            first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            (u64::from_be_bytes(first), false)
        };
        match self {
            SortColumn::U64(array) => (array.values().get(row).copied().unwrap_or_default(), true),
            SortColumn::I64(array) => {
                let value = array.values().get(row).copied().unwrap_or_default();
                ((value as u64) ^ (1 << 63), true)
            }
            SortColumn::Text(array) => of_bytes(array.value(row).as_bytes()),
            SortColumn::Bytes(array) => of_bytes(array.value(row)),
        }
    }
}

/// The sort columns of a batch, `seq` last.
fn sort_columns<'a>(table: &Table, batch: &'a RecordBatch) -> Vec<SortColumn<'a>> {
    let seq = table.columns.len();
    let arrays = table.sort.iter().chain([&seq]).filter_map(|&index| batch.columns().get(index));
    arrays.filter_map(SortColumn::of).collect()
}

fn prefix(columns: &[Vec<SortColumn<'_>>], place: Place) -> [u64; 3] {
    let mut keys = [0; 3];
    let Some(columns) = columns.get(place.0 as usize) else { return keys };
    for (key, column) in keys.iter_mut().zip(columns) {
        let (number, decides) = column.prefix(place.1 as usize);
        *key = number;
        if !decides {
            break;
        }
    }
    keys
}
