//! Building rows for an append, straight into the **block** form in which they travel: to the journal as a section's
//! payload, and to the memtable as they are.
//!
//! A block is little-endian; every part starts at a multiple of eight bytes and is padded with zeros to one:
//!
//! ```text
//! magic   "WKB1"                       4 bytes
//! rows    u32                          4
//! columns u16, then 2 zero bytes       4
//! length  u32, of the whole block      4
//! for each column:                     8
//!     kind u8 | flags u8 (1: has a validity bitmap; 2: is absent in all rows) | 2 zero bytes
//!     | value_bytes u32 (Text and Bytes only, else 0)
//! for each column that is not absent in all rows, in the same order:
//!     validity bitmap, if flagged: bit i (least significant first) is set where row i has a value
//!     U64, I64, F64: rows x 8 bytes
//!     Text, Bytes: (rows + 1) x u32 offsets into the values, from 0 to value_bytes; then the values
//! ```
//!
//! `memtable::block` reads it.

use std::sync::Arc;

use bytes::Bytes;

use crate::encryption::{self, EncryptionKey};
use crate::limits::{APPEND_BYTES_MAX, APPEND_ROWS_MAX};
use crate::table::{ColumnKind, Table};

pub(crate) const MAGIC: [u8; 4] = *b"WKB1";
pub(crate) const HEADER_BYTES: usize = 16;
pub(crate) const DIRECTORY_ENTRY_BYTES: usize = 8;
pub(crate) const FLAG_VALIDITY: u8 = 1;
pub(crate) const FLAG_ABSENT: u8 = 2;

/// Why rows cannot be appended: a mistake of the calling code, not of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// A value was given for a column of another kind, or after the last column.
    #[error("a value does not fit its column")]
    WrongKind,
    /// `null` was called for a column that always has a value.
    #[error("a value is missing in a column that must have one")]
    MissingValue,
    /// A row ended before its last column.
    #[error("a row ended before its last column")]
    ShortRow,
    /// There are more rows, or more bytes, than one append may hold.
    #[error("too many rows for one append")]
    TooLarge,
    /// They are to be encrypted, and that failed.
    #[error("rows could not be encrypted")]
    Unencryptable,
}

/// Rows of one table, in the making. Give each row's values in column order, then call [`Rows::end_row`]:
///
/// ```
/// # use watchkeep_store::{Column, ColumnKind, Rows, Table};
/// static EVENTS: Table = Table {
///     name: "events",
///     id: 1,
///     columns: &[Column::new("time", ColumnKind::I64), Column::nullable("message", ColumnKind::Text)],
///     time: 0, sort: &[0], retention_key: &[], text: None, bloom: &[], window_ms: 3_600_000, labels: &[],
/// };
/// let mut rows = Rows::new(&EVENTS);
/// rows.i64(1_700_000_000_000);
/// rows.text("hello");
/// rows.end_row();
/// rows.i64(1_700_000_000_001);
/// rows.null();
/// rows.end_row();
/// assert_eq!(rows.len(), 2);
/// ```
///
/// A mistake (wrong kind, too few values) is remembered, and refused when the rows are appended.
#[derive(Debug, Clone)]
pub struct Rows {
    table: &'static Table,
    columns: Vec<ColumnBuilder>,
    cursor: usize,
    rows: usize,
    key: Option<Arc<EncryptionKey>>,
    error: Option<RowsError>,
}

#[derive(Debug, Clone)]
struct ColumnBuilder {
    kind: ColumnKind,
    nullable: bool,
    values: Values,
    /// Whether each row so far has a value; empty as long as all have.
    validity: Vec<bool>,
    /// Whether there were rows, and none of them has a value: then nothing is kept of them.
    is_absent: bool,
}

#[derive(Debug, Clone)]
enum Values {
    Fixed(Vec<u64>),
    /// The end of each row's value, and the values.
    Variable(Vec<u32>, Vec<u8>),
}

impl Rows {
    /// No rows yet.
    pub fn new(table: &'static Table) -> Rows {
        Rows::with_capacity(table, 0, 0)
    }

    /// No rows yet, with room for `rows` of them, and for `value_bytes` bytes in each Text and Bytes column that always has a
    /// value.
    pub fn with_capacity(table: &'static Table, rows: usize, value_bytes: usize) -> Rows {
        let rows = rows.min(APPEND_ROWS_MAX);
        let value_bytes = value_bytes.min(APPEND_BYTES_MAX);
        let builder = |column: &crate::table::Column| ColumnBuilder {
            kind: column.kind,
            nullable: column.nullable,
            values: match (column.kind.is_fixed(), column.nullable) {
                (true, false) => Values::Fixed(Vec::with_capacity(rows)),
                (true, true) => Values::Fixed(Vec::new()),
                (false, false) => Values::Variable(Vec::with_capacity(rows), Vec::with_capacity(value_bytes)),
                (false, true) => Values::Variable(Vec::new(), Vec::new()),
            },
            validity: Vec::new(),
            is_absent: false,
        };
        Rows { table, columns: table.columns.iter().map(builder).collect(), cursor: 0, rows: 0, key: None, error: None }
    }

    /// The table that the rows are for.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// The same rows, to be encrypted under this key wherever they are on disk.
    pub fn encrypted_under(mut self, key: Option<Arc<EncryptionKey>>) -> Rows {
        self.key = key;
        self
    }

    /// The key that they are to be encrypted under.
    pub(crate) fn key(&self) -> Option<&Arc<EncryptionKey>> {
        self.key.as_ref()
    }

    /// How many rows were ended.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row was ended.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a value of a U64 column.
    #[inline]
    pub fn u64(&mut self, value: u64) {
        self.fixed(ColumnKind::U64, value);
    }

    /// Adds a value of an I64 column.
    #[inline]
    pub fn i64(&mut self, value: i64) {
        self.fixed(ColumnKind::I64, value as u64);
    }

    /// Adds a value of an F64 column.
    #[inline]
    pub fn f64(&mut self, value: f64) {
        self.fixed(ColumnKind::F64, value.to_bits());
    }

    /// Adds a value of a Text column.
    #[inline]
    pub fn text(&mut self, value: &str) {
        self.variable(ColumnKind::Text, value.as_bytes());
    }

    /// Adds a value of a Bytes column.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.variable(ColumnKind::Bytes, value);
    }

    /// Leaves out the value of a nullable column.
    pub fn null(&mut self) {
        let rows = self.rows;
        let Some(column) = self.columns.get_mut(self.cursor) else { return self.fail(RowsError::WrongKind) };
        if !column.nullable {
            return self.fail(RowsError::MissingValue);
        }
        column.null(rows);
        self.cursor += 1;
    }

    /// Adds a value of a nullable U64 column, or leaves it out.
    pub fn u64_or_null(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.u64(value),
            None => self.null(),
        }
    }

    /// Adds a value of a nullable I64 column, or leaves it out.
    pub fn i64_or_null(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.i64(value),
            None => self.null(),
        }
    }

    /// Adds a value of a nullable F64 column, or leaves it out.
    pub fn f64_or_null(&mut self, value: Option<f64>) {
        match value {
            Some(value) => self.f64(value),
            None => self.null(),
        }
    }

    /// Adds a value of a nullable Text column, or leaves it out.
    pub fn text_or_null(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// Adds a value of a nullable Bytes column, or leaves it out.
    pub fn bytes_or_null(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
    }

    /// Ends a row, whose every column has been given.
    #[inline]
    pub fn end_row(&mut self) {
        if self.cursor != self.columns.len() {
            self.fail(RowsError::ShortRow);
        }
        self.cursor = 0;
        self.rows += 1;
        if self.rows > APPEND_ROWS_MAX {
            self.fail(RowsError::TooLarge);
        }
    }

    /// Adds all rows of `other`, which is of the same table and to be encrypted under the same key, behind these.
    pub fn extend(&mut self, other: Rows) {
        let is_alike =
            other.table.id == self.table.id && encryption::id_of(other.key()) == encryption::id_of(self.key());
        if self.rows == 0 && self.cursor == 0 && self.error.is_none() && is_alike {
            *self = other;
            return;
        }
        if let Some(error) = other.error {
            self.fail(error);
        }
        if !is_alike {
            self.fail(RowsError::WrongKind);
        }
        if self.cursor != 0 || other.cursor != 0 {
            self.fail(RowsError::ShortRow);
        }
        if self.rows + other.rows > APPEND_ROWS_MAX || self.block_bytes() + other.block_bytes() > APPEND_BYTES_MAX {
            self.fail(RowsError::TooLarge);
        }
        if self.error.is_some() {
            return;
        }
        for (to, from) in self.columns.iter_mut().zip(other.columns) {
            to.extend(self.rows, from, other.rows);
        }
        self.rows += other.rows;
    }

    /// The bytes that the rows take as a block.
    pub fn block_bytes(&self) -> usize {
        let header = HEADER_BYTES + self.columns.len() * DIRECTORY_ENTRY_BYTES;
        header + self.columns.iter().map(|column| column.part_bytes(self.rows)).sum::<usize>()
    }

    /// The rows as a block.
    pub(crate) fn finish(self) -> Result<Bytes, RowsError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.cursor != 0 {
            return Err(RowsError::ShortRow);
        }
        let length = self.block_bytes();
        if length > APPEND_BYTES_MAX {
            return Err(RowsError::TooLarge);
        }
        let mut block = Vec::with_capacity(length);
        block.extend_from_slice(&MAGIC);
        block.extend_from_slice(&(self.rows as u32).to_le_bytes());
        block.extend_from_slice(&(self.columns.len() as u32).to_le_bytes());
        block.extend_from_slice(&(length as u32).to_le_bytes());
        for column in &self.columns {
            let flags = match column.is_absent {
                true => FLAG_ABSENT,
                false if column.validity.is_empty() => 0,
                false => FLAG_VALIDITY,
            };
            block.extend_from_slice(&[kind_code(column.kind), flags, 0, 0]);
            let value_bytes = match &column.values {
                Values::Fixed(_) => 0,
                Values::Variable(_, bytes) => bytes.len() as u32,
            };
            block.extend_from_slice(&value_bytes.to_le_bytes());
        }
        for column in &self.columns {
            column.write(&mut block);
        }
        debug_assert_eq!(block.len(), length, "the length of a block is known before it is written");
        Ok(block.into())
    }

    #[inline]
    fn fixed(&mut self, kind: ColumnKind, value: u64) {
        self.spell_out();
        match self.columns.get_mut(self.cursor) {
            Some(ColumnBuilder { kind: found, values: Values::Fixed(values), validity, .. }) if *found == kind => {
                values.push(value);
                if !validity.is_empty() {
                    validity.push(true);
                }
                self.cursor += 1;
            }
            _ => self.fail(RowsError::WrongKind),
        }
    }

    #[inline]
    fn variable(&mut self, kind: ColumnKind, value: &[u8]) {
        self.spell_out();
        match self.columns.get_mut(self.cursor) {
            Some(ColumnBuilder { kind: found, values: Values::Variable(ends, bytes), validity, .. })
                if *found == kind =>
            {
                if bytes.len() + value.len() > APPEND_BYTES_MAX {
                    return self.fail(RowsError::TooLarge);
                }
                bytes.extend_from_slice(value);
                ends.push(bytes.len() as u32);
                if !validity.is_empty() {
                    validity.push(true);
                }
                self.cursor += 1;
            }
            _ => self.fail(RowsError::WrongKind),
        }
    }

    /// Makes room for a value in a column that had none so far.
    #[inline]
    fn spell_out(&mut self) {
        let rows = self.rows;
        if let Some(column) = self.columns.get_mut(self.cursor).filter(|column| column.is_absent) {
            column.spell_out(rows);
        }
    }

    #[cold]
    fn fail(&mut self, error: RowsError) {
        self.error.get_or_insert(error);
    }
}

impl ColumnBuilder {
    /// Leaves out a value behind `rows` rows.
    fn null(&mut self, rows: usize) {
        if self.is_absent || rows == 0 {
            self.is_absent = true;
            return;
        }
        if self.validity.is_empty() {
            self.validity.resize(rows, true);
        }
        self.validity.push(false);
        match &mut self.values {
            Values::Fixed(values) => values.push(0),
            Values::Variable(ends, bytes) => ends.push(bytes.len() as u32),
        }
    }

    /// Keeps of `rows` rows, none of which has a value, what is kept of rows in a column that has some.
    fn spell_out(&mut self, rows: usize) {
        self.is_absent = false;
        self.validity.resize(rows, false);
        match &mut self.values {
            Values::Fixed(values) => values.resize(rows, 0),
            Values::Variable(ends, _) => ends.resize(rows, 0),
        }
    }

    fn extend(&mut self, rows: usize, mut from: ColumnBuilder, from_rows: usize) {
        match (self.is_absent, from.is_absent) {
            (true, true) => return,
            (true, false) => self.spell_out(rows),
            (false, true) => from.spell_out(from_rows),
            (false, false) => {}
        }
        if !self.validity.is_empty() || !from.validity.is_empty() {
            self.validity.resize(rows, true);
            self.validity.extend_from_slice(&from.validity);
            self.validity.resize(rows + from_rows, true);
        }
        match (&mut self.values, from.values) {
            (Values::Fixed(values), Values::Fixed(more)) => values.extend_from_slice(&more),
            (Values::Variable(ends, bytes), Values::Variable(more_ends, more_bytes)) => {
                let base = bytes.len() as u32;
                ends.extend(more_ends.into_iter().map(|end| base + end));
                bytes.extend_from_slice(&more_bytes);
            }
            // Builders of one table's same column hold the same form.
            _ => {}
        }
    }

    fn part_bytes(&self, rows: usize) -> usize {
        if self.is_absent {
            return 0;
        }
        let validity = if self.validity.is_empty() { 0 } else { validity_bytes(rows) };
        validity
            + match &self.values {
                Values::Fixed(_) => rows * 8,
                Values::Variable(_, bytes) => offsets_bytes(rows) + bytes.len().next_multiple_of(8),
            }
    }

    fn write(&self, block: &mut Vec<u8>) {
        if self.is_absent {
            return;
        }
        for eight in self.validity.chunks(8) {
            block.push(eight.iter().enumerate().fold(0, |byte, (bit, valid)| byte | u8::from(*valid) << bit));
        }
        pad(block);
        match &self.values {
            Values::Fixed(values) => block.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Values::Variable(ends, bytes) => {
                block.extend_from_slice(&[0; 4]);
                block.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
                pad(block);
                block.extend_from_slice(bytes);
                pad(block);
            }
        }
    }
}

/// The bytes of a validity bitmap, padded.
pub(crate) fn validity_bytes(rows: usize) -> usize {
    rows.div_ceil(8).next_multiple_of(8)
}

/// The bytes of the offsets of a Text or Bytes column, padded.
pub(crate) fn offsets_bytes(rows: usize) -> usize {
    ((rows + 1) * 4).next_multiple_of(8)
}

/// How a kind is written in a block's directory.
pub(crate) fn kind_code(kind: ColumnKind) -> u8 {
    match kind {
        ColumnKind::U64 => 1,
        ColumnKind::I64 => 2,
        ColumnKind::F64 => 3,
        ColumnKind::Text => 4,
        ColumnKind::Bytes => 5,
    }
}

fn pad(block: &mut Vec<u8>) {
    block.resize(block.len().next_multiple_of(8), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Column;

    static PAIRS: Table = Table {
        name: "pairs",
        id: 3,
        columns: &[Column::new("time", ColumnKind::I64), Column::nullable("note", ColumnKind::Text)],
        time: 0,
        sort: &[0],
        retention_key: &[],
        text: None,
        bloom: &[],
        window_ms: 1000,
        labels: &[],
    };

    fn check(build: impl FnOnce(&mut Rows), expected: Result<(), RowsError>) {
        let mut rows = Rows::new(&PAIRS);
        build(&mut rows);
        assert_eq!(rows.finish().map(|_| ()), expected);
    }

    #[test]
    fn mistakes_are_refused_when_finished() {
        let good = |rows: &mut Rows| {
            rows.i64(1);
            rows.text("x");
            rows.end_row();
        };
        check(good, Ok(()));
        check(|_| (), Ok(()));
        check(|rows| rows.u64(1), Err(RowsError::WrongKind));
        check(|rows| rows.null(), Err(RowsError::MissingValue));
        check(|rows| rows.i64(1), Err(RowsError::ShortRow));
        check(|rows| rows.end_row(), Err(RowsError::ShortRow));
        let one_too_many = |rows: &mut Rows| {
            rows.i64(1);
            rows.null();
            rows.i64(2);
        };
        check(one_too_many, Err(RowsError::WrongKind));
    }

    #[test]
    fn a_block_is_laid_out_as_documented() {
        let mut rows = Rows::new(&PAIRS);
        rows.i64(1);
        rows.text("abc");
        rows.end_row();
        rows.i64(-1);
        rows.null();
        rows.end_row();
        let mut expected = b"WKB1\x02\0\0\0\x02\0\0\0".to_vec();
        expected.extend(80u32.to_le_bytes());
        expected.extend([2, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 3, 0, 0, 0]);
        expected.extend(1i64.to_le_bytes());
        expected.extend((-1i64).to_le_bytes());
        expected.extend([0b01, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend([0, 3, 3].into_iter().flat_map(u32::to_le_bytes).chain([0; 4]));
        expected.extend(*b"abc\0\0\0\0\0");
        assert_eq!(rows.finish().unwrap(), expected);
    }

    #[test]
    fn a_column_without_values_takes_no_bytes() {
        let mut rows = Rows::new(&PAIRS);
        for time in [1, 2] {
            rows.i64(time);
            rows.null();
            rows.end_row();
        }
        let mut expected = b"WKB1\x02\0\0\0\x02\0\0\0".to_vec();
        expected.extend(48u32.to_le_bytes());
        expected.extend([2, 0, 0, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0]);
        expected.extend(1i64.to_le_bytes());
        expected.extend(2i64.to_le_bytes());
        assert_eq!((rows.block_bytes(), rows.finish().unwrap()), (expected.len(), expected.into()));
    }

    #[test]
    fn extending_equals_writing_one_behind_the_other() {
        let fill = |rows: &mut Rows, range: std::ops::Range<i64>, has: &dyn Fn(i64) -> bool| {
            for time in range {
                rows.i64(time);
                rows.text_or_null(has(time).then(|| "x".repeat(time as usize)).as_deref());
                rows.end_row();
            }
        };
        let cases: &[&dyn Fn(i64) -> bool] =
            &[&|time| time % 3 != 0, &|_| false, &|time| time > 4, &|time| time < 2, &|time| time < 5, &|_| true];
        for (case, has) in cases.iter().enumerate() {
            for split in [0, 1, 2, 5, 9] {
                let (mut whole, mut first, mut second) = (Rows::new(&PAIRS), Rows::new(&PAIRS), Rows::new(&PAIRS));
                fill(&mut whole, 1..10, has);
                fill(&mut first, 1..split.max(1), has);
                fill(&mut second, split.max(1)..10, has);
                first.extend(second);
                assert_eq!(first.finish(), whole.finish(), "case {case}, split at {split}");
            }
        }
    }
}
