//! Reading a block (its form is described in `rows`): from bytes that may be anything to Arrow arrays over the same bytes.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
    new_null_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{concat_batches, max, min};
use arrow::datatypes::{Int64Type, SchemaRef, UInt64Type};
use bytes::Bytes;

use crate::encryption::EncryptionKey;
use crate::limits::APPEND_ROWS_MAX;
use crate::rows::{
    DIRECTORY_ENTRY_BYTES, FLAG_ABSENT, FLAG_VALIDITY, HEADER_BYTES, MAGIC, kind_code, offsets_bytes, validity_bytes,
};
use crate::table::{Column, ColumnKind, Table};

/// Why bytes are not a block of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a block of table {table}: {rule}")]
pub struct InvalidBlock {
    /// The table's name.
    pub table: &'static str,
    /// What is wrong.
    pub rule: &'static str,
}

/// Some rows of one table in memory, as Arrow: the table's columns, then `seq`.
#[derive(Debug)]
pub(crate) struct Block {
    /// The rows.
    pub(crate) batch: RecordBatch,
    /// The earliest time, in milliseconds since the epoch.
    pub(crate) min_time: i64,
    /// The latest time.
    pub(crate) max_time: i64,
    /// The smallest value of [`Table::prune_key`]; 0 if the table has none.
    pub(crate) min_key: u64,
    /// The largest value of [`Table::prune_key`]; `u64::MAX` if the table has none.
    pub(crate) max_key: u64,
    /// The bytes of all values.
    pub(crate) bytes: usize,
    /// The key that the rows are encrypted under on disk.
    pub(crate) key: Option<Arc<EncryptionKey>>,
}

impl Block {
    /// Reads a journal section of `table`, whose first row has the sequence number `first_seq`. `schema` is the table's
    /// [`Table::memory_schema`]. A section without rows is `None`.
    pub(crate) fn parse(
        table: &'static Table,
        schema: &SchemaRef,
        payload: Bytes,
        first_seq: u64,
    ) -> Result<Option<Block>, InvalidBlock> {
        let mut columns = parse_columns(table, payload)?;
        let rows = columns.first().map_or(0, |array| array.len());
        if rows == 0 {
            return Ok(None);
        }
        columns.push(Arc::new(UInt64Array::from_iter_values(first_seq..first_seq + rows as u64)));
        let batch = RecordBatch::try_new(schema.clone(), columns)
            .map_err(|_| InvalidBlock { table: table.name, rule: "its columns do not fit the table's schema" })?;
        Ok(Some(Block::new(table, batch)))
    }

    /// Describes rows for skipping.
    pub(crate) fn new(table: &Table, batch: RecordBatch) -> Block {
        let times = batch.columns().get(table.time).and_then(|array| array.as_primitive_opt::<Int64Type>());
        let key = table.prune_key().and_then(|index| batch.columns().get(index));
        let keys = key.and_then(|array| array.as_primitive_opt::<UInt64Type>());
        Block {
            min_time: times.and_then(min).unwrap_or(i64::MIN),
            max_time: times.and_then(max).unwrap_or(i64::MAX),
            min_key: keys.and_then(min).unwrap_or(0),
            max_key: keys.and_then(max).unwrap_or(u64::MAX),
            bytes: batch.columns().iter().map(|array| value_bytes(array.as_ref())).sum(),
            batch,
            key: None,
        }
    }

    /// One block of the rows of several under one key, in their order.
    pub(crate) fn concat(table: &Table, schema: &SchemaRef, blocks: &[Arc<Block>]) -> Option<Block> {
        let batches = blocks.iter().map(|block| &block.batch);
        // Blocks of one table always fit together; where they would not, they stay as they are.
        let batch = concat_batches(schema, batches).ok()?;
        Some(Block { key: blocks.first().and_then(|block| block.key.clone()), ..Block::new(table, batch) })
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.batch.num_rows()
    }
}

/// The bytes of an array's values: what the rows weigh, whatever buffers they share.
pub(crate) fn value_bytes(array: &dyn Array) -> usize {
    let variable = |offsets: &[i32]| match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => (last - first) as usize + offsets.len() * 4,
        _ => 0,
    };
    if let Some(text) = array.as_string_opt::<i32>() {
        variable(text.value_offsets())
    } else if let Some(bytes) = array.as_binary_opt::<i32>() {
        variable(bytes.value_offsets())
    } else {
        array.len() * 8
    }
}

/// The columns of a block, every one with as many rows. Reads any bytes without panicking; a table's columns that the block
/// does not have yet (it was written by an older version) are absent in all rows.
pub(crate) fn parse_columns(table: &'static Table, payload: Bytes) -> Result<Vec<ArrayRef>, InvalidBlock> {
    let refuse = |rule| InvalidBlock { table: table.name, rule };
    let word = |at: usize| {
        let bytes = payload.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    if payload.get(..4) != Some(MAGIC.as_slice()) {
        return Err(refuse("it does not begin as one"));
    }
    let (Some(rows), Some(columns), Some(length)) = (word(4), word(8), word(12)) else {
        return Err(refuse("it is too short"));
    };
    if length != payload.len() {
        return Err(refuse("its length is not what it says"));
    }
    if rows > APPEND_ROWS_MAX {
        return Err(refuse("it has too many rows"));
    }
    if columns > table.columns.len() {
        return Err(refuse("it has columns that this version does not know"));
    }
    let mut parts = Parts { payload: aligned(payload.clone()), at: HEADER_BYTES + columns * DIRECTORY_ENTRY_BYTES };
    let mut arrays = Vec::with_capacity(table.columns.len() + 1);
    for (index, column) in table.columns.iter().enumerate() {
        if index >= columns {
            if !column.nullable {
                return Err(refuse("it lacks a column"));
            }
            arrays.push(new_null_array(&column.kind.arrow(), rows));
            continue;
        }
        let entry = HEADER_BYTES + index * DIRECTORY_ENTRY_BYTES;
        let (Some([kind, flags, 0, 0]), Some(value_bytes)) = (payload.get(entry..entry + 4), word(entry + 4)) else {
            return Err(refuse("its directory is damaged"));
        };
        if *kind != kind_code(column.kind) || (column.kind.is_fixed() && value_bytes != 0) {
            return Err(refuse("a column is of another kind"));
        }
        let nulls = match *flags {
            0 => None,
            FLAG_VALIDITY if column.nullable => Some(parts.nulls(rows).ok_or_else(|| refuse("it is too short"))?),
            FLAG_ABSENT if column.nullable && value_bytes == 0 => {
                arrays.push(new_null_array(&column.kind.arrow(), rows));
                continue;
            }
            _ => return Err(refuse("a column's flags are unknown")),
        };
        arrays.push(parts.array(column, rows, value_bytes, nulls).map_err(refuse)?);
    }
    if parts.at != length {
        return Err(refuse("something follows its last column"));
    }
    Ok(arrays)
}

/// The parts of a block behind its directory, taken one after the other.
struct Parts {
    payload: Buffer,
    at: usize,
}

impl Parts {
    /// The next `bytes` bytes, a multiple of eight.
    fn take(&mut self, bytes: usize) -> Option<Buffer> {
        let end = self.at.checked_add(bytes).filter(|&end| end <= self.payload.len())?;
        let part = self.payload.slice_with_length(self.at, bytes);
        self.at = end;
        Some(part)
    }

    fn nulls(&mut self, rows: usize) -> Option<NullBuffer> {
        let bits = self.take(validity_bytes(rows))?;
        Some(NullBuffer::new(BooleanBuffer::new(bits, 0, rows)))
    }

    fn array(
        &mut self,
        column: &Column,
        rows: usize,
        value_bytes: usize,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef, &'static str> {
        const SHORT: &str = "it is too short";
        Ok(match column.kind {
            ColumnKind::U64 => {
                let values = ScalarBuffer::<u64>::new(self.take(rows * 8).ok_or(SHORT)?, 0, rows);
                Arc::new(UInt64Array::new(values, nulls))
            }
            ColumnKind::I64 => {
                let values = ScalarBuffer::<i64>::new(self.take(rows * 8).ok_or(SHORT)?, 0, rows);
                Arc::new(Int64Array::new(values, nulls))
            }
            ColumnKind::F64 => {
                let values = ScalarBuffer::<f64>::new(self.take(rows * 8).ok_or(SHORT)?, 0, rows);
                Arc::new(Float64Array::new(values, nulls))
            }
            ColumnKind::Text => {
                let (offsets, values) = self.variable(rows, value_bytes).ok_or("its offsets are out of order")?;
                let text = StringArray::try_new(offsets, values, nulls).map_err(|_| "a text is not UTF-8")?;
                Arc::new(text)
            }
            ColumnKind::Bytes => {
                let (offsets, values) = self.variable(rows, value_bytes).ok_or("its offsets are out of order")?;
                let bytes = BinaryArray::try_new(offsets, values, nulls).map_err(|_| "its offsets are out of order")?;
                Arc::new(bytes)
            }
        })
    }

    fn variable(&mut self, rows: usize, value_bytes: usize) -> Option<(OffsetBuffer<i32>, Buffer)> {
        let offsets = ScalarBuffer::<i32>::new(self.take(offsets_bytes(rows))?, 0, rows + 1);
        let values = self.take(value_bytes.next_multiple_of(8))?.slice_with_length(0, value_bytes);
        let ordered = offsets.windows(2).all(|pair| matches!(pair, [from, to] if from <= to));
        let ends = offsets.first() == Some(&0) && offsets.last().is_some_and(|&last| last as usize == value_bytes);
        // Both hold for every block that was written by `Rows`; Arrow would panic where they do not.
        (ordered && ends).then(|| (OffsetBuffer::new(offsets), values))
    }
}

/// The payload as an Arrow buffer that starts at a multiple of eight bytes: the same memory if it already does.
fn aligned(payload: Bytes) -> Buffer {
    if payload.as_ptr().align_offset(8) == 0 {
        return Buffer::from(payload);
    }
    let mut copy = MutableBuffer::with_capacity(payload.len());
    copy.extend_from_slice(&payload);
    copy.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rows::Rows;

    static TABLE: Table = Table {
        name: "all_kinds",
        id: 7,
        columns: &[
            Column::new("id", ColumnKind::U64),
            Column::new("time", ColumnKind::I64),
            Column::nullable("value", ColumnKind::F64),
            Column::nullable("note", ColumnKind::Text),
            Column::new("body", ColumnKind::Bytes),
            Column::nullable("count", ColumnKind::U64),
        ],
        time: 1,
        sort: &[0, 1],
        retention_key: &[],
        text: Some(4),
        bloom: &[],
        window_ms: 1000,
        labels: &[],
    };

    type Row = (u64, i64, Option<f64>, Option<String>, Vec<u8>, Option<u64>);

    fn block_of(rows: &[Row]) -> Bytes {
        let mut built = Rows::new(&TABLE);
        for (id, time, value, note, body, count) in rows {
            built.u64(*id);
            built.i64(*time);
            built.f64_or_null(*value);
            built.text_or_null(note.as_deref());
            built.bytes(body);
            built.u64_or_null(*count);
            built.end_row();
        }
        built.finish().unwrap()
    }

    fn rows_of(columns: &[ArrayRef]) -> Vec<Row> {
        let row = |i: usize| {
            let present = |column: usize| columns[column].is_valid(i);
            (
                columns[0].as_primitive::<UInt64Type>().value(i),
                columns[1].as_primitive::<Int64Type>().value(i),
                present(2).then(|| columns[2].as_primitive::<arrow::datatypes::Float64Type>().value(i)),
                present(3).then(|| columns[3].as_string::<i32>().value(i).to_owned()),
                columns[4].as_binary::<i32>().value(i).to_vec(),
                present(5).then(|| columns[5].as_primitive::<UInt64Type>().value(i)),
            )
        };
        (0..columns[0].len()).map(row).collect()
    }

    fn any_row() -> impl Strategy<Value = Row> {
        let value = proptest::option::of(-1e9..1e9);
        (any::<u64>(), any::<i64>(), value, any::<Option<String>>(), any::<Vec<u8>>(), any::<Option<u64>>())
    }

    proptest! {
        #[test]
        fn a_block_gives_back_its_rows_from_any_address(rows in proptest::collection::vec(any_row(), 0..20), shift in 0usize..8) {
            let block = block_of(&rows);
            let mut shifted = vec![0; shift];
            shifted.extend_from_slice(&block);
            let columns = parse_columns(&TABLE, Bytes::from(shifted).slice(shift..)).unwrap();
            prop_assert_eq!(rows_of(&columns), rows);
        }

        #[test]
        fn damaged_blocks_never_panic(rows in proptest::collection::vec(any_row(), 1..8), at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = block_of(&rows).to_vec();
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = parse_columns(&TABLE, bytes.clone().into());
            bytes.truncate(at);
            prop_assert!(parse_columns(&TABLE, bytes.into()).is_err());
        }
    }

    #[test]
    fn a_newer_nullable_column_is_absent_in_older_blocks() {
        static OLD: Table = Table { columns: TABLE_COLUMNS_BEFORE, ..TABLE };
        const TABLE_COLUMNS_BEFORE: &[Column] = &[
            Column::new("id", ColumnKind::U64),
            Column::new("time", ColumnKind::I64),
            Column::nullable("value", ColumnKind::F64),
            Column::nullable("note", ColumnKind::Text),
            Column::new("body", ColumnKind::Bytes),
        ];
        let mut rows = Rows::new(&OLD);
        rows.u64(1);
        rows.i64(2);
        rows.null();
        rows.null();
        rows.bytes(b"x");
        rows.end_row();
        let columns = parse_columns(&TABLE, rows.finish().unwrap()).unwrap();
        assert_eq!(rows_of(&columns), [(1, 2, None, None, b"x".to_vec(), None)]);
        let absent = [(1, 2, None, None, b"x".to_vec(), None), (3, 4, None, None, vec![], None)];
        assert_eq!(rows_of(&parse_columns(&TABLE, block_of(&absent)).unwrap()), absent);
        let newer = parse_columns(&OLD, block_of(&[(1, 2, None, None, vec![], None)]));
        assert_eq!(newer.unwrap_err().rule, "it has columns that this version does not know");
    }

    #[test]
    fn a_block_knows_its_ranges() {
        let row = |id, time| (id, time, None, None, b"abc".to_vec(), None);
        let payload = block_of(&[row(5, 30), row(2, -4), row(9, 7)]);
        let block = Block::parse(&TABLE, &TABLE.memory_schema(), payload, 1 << 20).unwrap().unwrap();
        assert_eq!((block.min_time, block.max_time, block.min_key, block.max_key), (-4, 30, 2, 9));
        assert_eq!(block.rows(), 3);
        let seqs = block.batch.column(6).as_primitive::<UInt64Type>();
        assert_eq!(seqs.values().as_ref(), [1 << 20, (1 << 20) + 1, (1 << 20) + 2]);
        let none = Block::parse(&TABLE, &TABLE.memory_schema(), block_of(&[]), 1).unwrap();
        assert!(none.is_none());
    }
}
