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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use watchkeep_core::{Random, SeededRandom};

    use super::*;

    /// The files that the fuzzer of this name starts from. They were written by a store, and cut to what matters.
    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
    }

    /// Changes some bytes of each seed many times; whatever comes of it, the reader answers.
    fn shake(target: &str, rounds: u64, read: impl Fn(&[u8])) {
        let random = SeededRandom::new(11);
        for seed in seeds(target) {
            for round in 0..rounds {
                let mut bytes = seed.clone();
                for _ in 0..1 + round % 4 {
                    let at = random.next_u64() as usize % bytes.len();
                    bytes[at] = random.next_u64() as u8;
                }
                if round % 5 == 0 {
                    bytes.truncate(random.next_u64() as usize % bytes.len());
                }
                read(&bytes);
            }
        }
    }

    #[test]
    fn the_seeds_are_read() {
        assert_eq!(seeds("journal").iter().map(|seed| journal(seed)).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(seeds("block").iter().map(|seed| block(seed)).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(seeds("segment").iter().map(|seed| segment(seed)).collect::<Vec<_>>(), [true, true]);
    }

    #[test]
    fn changed_seeds_are_read() {
        shake("journal", 2000, |bytes| {
            journal(bytes);
        });
        shake("block", 5000, |bytes| {
            block(bytes);
        });
        shake("segment", 300, |bytes| {
            segment(bytes);
        });
    }
}
