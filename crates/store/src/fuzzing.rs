//! What fuzzers call: each reads any bytes as one of the forms on disk, and never panics. A checksum cannot be guessed, so
//! each also reads the bytes as if their checksums were right, where that is possible.

use bytes::Bytes;

use crate::memtable::Block;
use crate::segment;
use crate::table::{Column, ColumnKind, Table};

/// A table with a column of every kind, for blocks to be read as.
static TABLE: Table = Table {
    name: "fuzzed",
    id: 1,
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

/// Reads a file of the journal, as recovery does. Returns the number of good frames.
pub fn journal(file: &[u8]) -> u64 {
    crate::journal::fuzz_read(file)
}

/// Reads a block, the form of rows in the journal and in memory. Returns the number of its rows.
pub fn block(payload: &[u8]) -> usize {
    let read = Block::parse(&TABLE, &TABLE.memory_schema(), Bytes::copy_from_slice(payload), 1);
    read.ok().flatten().map_or(0, |block| block.rows())
}

/// Reads a segment, every byte of it. Says whether it is sound.
pub fn segment(file: &[u8]) -> bool {
    segment::fuzz_read(file)
}
