//! How the bytes of a segment are laid out and guarded.
//!
//! ```text
//! "PAR1"
//! row groups: column chunks, then the row group's bloom filters            ┐ data: a checksum for every 64 KiB,
//! token and piece filters, one of each a row group (wide segments)         ┘ tested whenever any byte of it is read
//! checksums of the data: CRC32C, u32 little-endian each                    ┐
//! Parquet page index                                                       │ tail: one checksum over all of it,
//! Parquet footer, with key-value metadata                                  │ tested before anything is parsed
//! footer length, "PAR1"                                                    ┘
//! ```
//!
//! Every byte is covered, so damage is found before a decoder sees it. A Parquet reader that knows nothing of this finds its
//! way by the footer and skips what it does not know. The tail's checksum stands inside the tail: the value of the metadata
//! key `watchkeep.tail` is text of fixed length whose eight hexadecimal digits count as `00000000` while it is computed.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::limits::CHECKSUM_BLOCK_BYTES;

/// The format written by this version. Readers refuse a later one.
pub(super) const FORMAT: u32 = 1;

/// The metadata key of [`About`].
pub(super) const ABOUT_KEY: &str = "watchkeep.segment";

/// The metadata key of the [`Seal`]. Written last, so that the last [`MARKER`] in a footer is its.
pub(super) const TAIL_KEY: &str = "watchkeep.tail";

/// What stands before and after a Parquet file's content.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// The bytes at the end of a Parquet file that say how long its footer is.
pub(super) const TRAILER_BYTES: u64 = 8;

const MARKER: &str = "watchkeep-tail crc32c=";
const CRC_DIGITS: usize = 8;
const FROM: &str = " from=";
const FROM_DIGITS: usize = 20;
const ZEROS: &[u8] = b"00000000";

/// What the rows of a segment span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    pub min_time: i64,
    pub max_time: i64,
    pub min_key: u64,
    pub max_key: u64,
}

/// What a segment says of itself, in its key-value metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub format: u32,
    pub writer: String,
    pub table: String,
    pub level: u8,
    pub window_start_ms: i64,
    pub window_ms: i64,
    pub sort: Vec<String>,
    pub first_lsn: u64,
    pub last_lsn: u64,
    pub wide: bool,
    pub rows: u64,
    pub raw_bytes: u64,
    /// The bounds of times and of the first sort column, as the catalog has them; older segments do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    pub block_bytes: u64,
    /// Where the token filter of each row group lies: offset and length; `None` if it has none.
    pub token_filters: Vec<Option<(u64, u64)>>,
    /// Where the piece filter of each row group lies, likewise; empty in segments that are older than these filters.
    #[serde(default)]
    pub piece_filters: Vec<Option<(u64, u64)>>,
    /// Whether shredded columns may stand in for the text: in older segments texts may have been booleans.
    #[serde(default)]
    pub fields_stand_in: bool,
}

/// Where the tail begins, and the checksum it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal {
    pub tail_from: u64,
    pub crc: u32,
    /// Where in the searched bytes the checksum's digits stand.
    digits_at: usize,
}

impl Seal {
    /// The text of a seal that has yet to be stamped.
    pub(super) fn blank(tail_from: u64) -> String {
        format!("{MARKER}00000000{FROM}{tail_from:020}")
    }

    /// The last seal in these bytes.
    pub(super) fn find(bytes: &[u8]) -> Option<Seal> {
        let digits_at = memchr::memmem::rfind(bytes, MARKER.as_bytes())? + MARKER.len();
        let rest = bytes.get(digits_at..)?;
        let (digits, rest) = rest.split_at_checked(CRC_DIGITS)?;
        let rest = rest.strip_prefix(FROM.as_bytes())?;
        let from = std::str::from_utf8(rest.get(..FROM_DIGITS)?).ok()?;
        let crc = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        Some(Seal { tail_from: from.parse().ok()?, crc, digits_at })
    }

    /// The checksum that a tail should have; the seal was found in the tail's bytes.
    pub(super) fn checksum(&self, tail: &[u8]) -> Option<u32> {
        let (before, rest) = tail.split_at_checked(self.digits_at)?;
        let after = rest.get(CRC_DIGITS..)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(before), ZEROS);
        Some(crc32c::crc32c_append(crc, after))
    }

    /// Writes the checksum of the tail into the blank seal within it.
    pub(super) fn stamp(tail: &mut [u8]) -> Option<()> {
        let seal = Seal::find(tail)?;
        let crc = seal.checksum(tail)?;
        let digits = tail.get_mut(seal.digits_at..seal.digits_at + CRC_DIGITS)?;
        digits.copy_from_slice(format!("{crc:08x}").as_bytes());
        Some(())
    }
}

/// The checksums of all blocks of the data, as they are stored.
pub(super) fn checksums(data: &[u8]) -> Vec<u8> {
    let block = usize::try_from(CHECKSUM_BLOCK_BYTES).unwrap_or(usize::MAX);
    data.chunks(block).flat_map(|block| crc32c::crc32c(block).to_le_bytes()).collect()
}

/// Makes the checksums of a file that ends as a segment fit its bytes, whatever they are; for the fuzzer, which cannot guess
/// them. `None` if there is no place for them.
pub(super) fn reseal(file: &mut [u8]) -> Option<()> {
    let tail_from = usize::try_from(Seal::find(file)?.tail_from).ok()?;
    let (data, tail) = file.split_at_mut_checked(tail_from)?;
    let checksums = checksums(data);
    tail.get_mut(..checksums.len())?.copy_from_slice(&checksums);
    Seal::stamp(tail)
}

/// The stored checksums of `data_bytes` of data at the start of a tail; `None` if the tail is too short.
pub(super) fn parse_checksums(tail: &[u8], data_bytes: u64, block_bytes: u64) -> Option<Vec<u32>> {
    if block_bytes == 0 {
        return None;
    }
    let blocks = usize::try_from(data_bytes.div_ceil(block_bytes)).ok()?;
    let stored = tail.get(..blocks.checked_mul(4)?)?;
    Some(stored.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

/// The whole blocks that hold `range`, within data of `data_bytes`.
pub(super) fn block_range(range: &Range<u64>, data_bytes: u64, block_bytes: u64) -> Range<u64> {
    let block = block_bytes.max(1);
    let end = range.end.div_ceil(block).saturating_mul(block).min(data_bytes);
    range.start / block * block..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_seal_tells_any_changed_byte() {
        let mut tail = b"page index".to_vec();
        tail.extend_from_slice(Seal::blank(1234).as_bytes());
        tail.extend_from_slice(b"the rest");
        Seal::stamp(&mut tail).unwrap();
        let seal = Seal::find(&tail).unwrap();
        assert_eq!((seal.tail_from, Some(seal.crc)), (1234, seal.checksum(&tail)));
        for at in 0..tail.len() {
            let mut bad = tail.clone();
            bad[at] ^= 1;
            let found = Seal::find(&bad);
            assert!(found.is_none_or(|seal| seal.checksum(&bad) != Some(seal.crc)), "byte {at}");
        }
    }

    #[test]
    fn the_last_seal_counts() {
        let text = format!("{} {}", Seal::blank(1), Seal::blank(2));
        assert_eq!(Seal::find(text.as_bytes()).unwrap().tail_from, 2);
        for torn in ["", MARKER, "watchkeep-tail crc32c=00000000 from=12", "watchkeep-tail crc32c=zzzzzzzz from=0"] {
            assert_eq!(Seal::find(torn.as_bytes()), None, "{torn}");
        }
    }

    #[test]
    fn ranges_grow_to_blocks() {
        let cases = [(0..1, 0..64), (63..65, 0..100), (64..64, 64..64), (70..100, 64..100)];
        for (range, blocks) in cases {
            assert_eq!(block_range(&range, 100, 64), blocks, "{range:?}");
        }
    }

    #[test]
    fn checksums_are_read_as_written() {
        let data = vec![7; CHECKSUM_BLOCK_BYTES as usize + 1];
        let stored = checksums(&data);
        let parsed = parse_checksums(&stored, data.len() as u64, CHECKSUM_BLOCK_BYTES).unwrap();
        assert_eq!(parsed, [crc32c::crc32c(&data[..data.len() - 1]), crc32c::crc32c(&[7])]);
        assert_eq!(parse_checksums(&stored[1..], data.len() as u64, CHECKSUM_BLOCK_BYTES), None);
        assert_eq!(parse_checksums(&stored, 1, 0), None);
    }
}
