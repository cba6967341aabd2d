//! Filters that know which three-byte pieces the texts of a block of rows do not have, so that a search for any literal, be it
//! part of a longer word, opens only blocks that may have it.
//!
//! A filter is one bitmap for each block of rows; a piece's bit is found by a multiplicative hash. One bit a piece is enough: a
//! literal has many pieces, and each must have its bit. Hash and layout never change, since filters live in files for years:
//!
//! ```text
//! rows a block u32 (little-endian) | bitmap of 8 KiB for each block
//! ```

use std::ops::Range;

use bytes::Bytes;

const BITMAP_BYTES: usize = 8 << 10;
const HEADER_BYTES: usize = 4;

/// Collects the pieces of the texts of one row group.
pub(super) struct PieceSet {
    rows_a_block: usize,
    rows: usize,
    bitmaps: Vec<u8>,
}

impl PieceSet {
    /// No rows yet; `rows_a_block` of them share a bitmap.
    pub(super) fn new(rows_a_block: usize) -> PieceSet {
        PieceSet { rows_a_block: rows_a_block.max(1), rows: 0, bitmaps: Vec::new() }
    }

    /// Adds the next row.
    pub(super) fn add(&mut self, text: Option<&[u8]>) {
        if self.rows.is_multiple_of(self.rows_a_block) {
            self.bitmaps.resize(self.bitmaps.len() + BITMAP_BYTES, 0);
        }
        self.rows += 1;
        let start = self.bitmaps.len().saturating_sub(BITMAP_BYTES);
        let bitmap = self.bitmaps.get_mut(start..).and_then(|last| last.first_chunk_mut::<BITMAP_BYTES>());
        let (Some(bitmap), Some(text)) = (bitmap, text) else { return };
        for piece in text.array_windows() {
            let (byte, bit) = place(piece);
            if let Some(byte) = bitmap.get_mut(byte) {
                *byte |= bit;
            }
        }
    }

    /// The bytes of the filter.
    pub(super) fn build(self) -> Vec<u8> {
        let rows = u32::try_from(self.rows_a_block).unwrap_or(u32::MAX);
        [rows.to_le_bytes().as_slice(), &self.bitmaps].concat()
    }
}

/// Knows which pieces the blocks of a row group certainly do not have.
#[derive(Debug, Clone)]
pub(super) struct PieceFilter {
    rows_a_block: usize,
    bitmaps: Bytes,
}

impl PieceFilter {
    /// The filter of these bytes; `None` if they are no filter.
    pub(super) fn parse(bytes: Bytes) -> Option<PieceFilter> {
        let rows_a_block = usize::try_from(u32::from_le_bytes(*bytes.first_chunk::<HEADER_BYTES>()?)).ok()?;
        let bitmaps = bytes.slice(HEADER_BYTES..);
        (rows_a_block > 0 && bitmaps.len().is_multiple_of(BITMAP_BYTES))
            .then_some(PieceFilter { rows_a_block, bitmaps })
    }

    /// The rows, out of the row group's `rows`, whose texts may contain all of `literals`, or `escape`: the others certainly do
    /// not. Rows that the filter does not cover may.
    pub(super) fn may_contain(&self, literals: &[Vec<u8>], escape: Option<&[u8]>, rows: usize) -> Vec<Range<usize>> {
        let places = |literal: &[u8]| literal.array_windows().map(place).collect::<Vec<(usize, u8)>>();
        let wanted: Vec<(usize, u8)> = literals.iter().flat_map(|literal| places(literal)).collect();
        let escape = escape.map(places);
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut keep = |range: Range<usize>| match ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => ranges.push(range),
        };
        let mut start = 0_usize;
        for bitmap in self.bitmaps.chunks_exact(BITMAP_BYTES) {
            let end = start.saturating_add(self.rows_a_block).min(rows);
            let has = |&(byte, bit): &(usize, u8)| bitmap.get(byte).is_none_or(|byte| byte & bit != 0);
            let may_match = wanted.iter().all(has) || escape.as_ref().is_some_and(|escape| escape.iter().all(has));
            if start < end && may_match {
                keep(start..end);
            }
            start = end;
        }
        if start < rows {
            keep(start..rows);
        }
        ranges
    }

    /// The bytes it takes in memory.
    pub(super) fn memory(&self) -> usize {
        size_of::<PieceFilter>() + self.bitmaps.len()
    }
}

/// Where a piece's bit stands in a bitmap: the byte, and the bit in it.
fn place(&[first, second, third]: &[u8; 3]) -> (usize, u8) {
    let piece = u32::from(first) | u32::from(second) << 8 | u32::from(third) << 16;
    let hash = piece.wrapping_mul(0x9e37_79b1) >> 16;
    (hash as usize >> 3, 1 << (hash & 7))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(texts: &[&str], rows_a_block: usize) -> PieceFilter {
        let mut pieces = PieceSet::new(rows_a_block);
        texts.iter().for_each(|text| pieces.add(Some(text.as_bytes())));
        PieceFilter::parse(pieces.build().into()).unwrap()
    }

    fn literals(literals: &[&str]) -> Vec<Vec<u8>> {
        literals.iter().map(|literal| literal.as_bytes().to_vec()).collect()
    }

    /// The ranges that are kept, as (start, end).
    fn kept(filter: &PieceFilter, wanted: &[&str], rows: usize) -> Vec<(usize, usize)> {
        kept_or(filter, wanted, None, rows)
    }

    /// The same, where texts may match that have `escape` instead.
    fn kept_or(filter: &PieceFilter, wanted: &[&str], escape: Option<&str>, rows: usize) -> Vec<(usize, usize)> {
        filter
            .may_contain(&literals(wanted), escape.map(str::as_bytes), rows)
            .iter()
            .map(|range| (range.start, range.end))
            .collect()
    }

    #[test]
    fn only_blocks_that_may_have_all_literals_are_kept() {
        let filter = filter(&["xylophone", "checkout", "checkout xylophone", "", "telephone", "x"], 2);
        type Case<'a> = (&'a [&'a str], &'a [(usize, usize)]);
        let cases: &[Case<'_>] = &[
            (&["xylo"], &[(0, 4)]),
            (&["phone"], &[(0, 6)]),
            (&["checkout"], &[(0, 4)]),
            (&["telep"], &[(4, 6)]),
            (&["telep", "check"], &[]),
            (&["absent"], &[]),
            (&["xy"], &[(0, 6)]),
            (&[], &[(0, 6)]),
        ];
        for (wanted, expected) in cases {
            assert_eq!(kept(&filter, wanted, 6), *expected, "{wanted:?}");
        }
        assert_eq!(kept_or(&filter, &["telep", "check"], Some("hone"), 6), [(0, 6)], "what may be spelled otherwise");
        assert_eq!(kept_or(&filter, &["absent"], Some("lephone"), 6), [(4, 6)]);
        assert_eq!(kept(&filter, &["absent"], 8), [(6, 8)], "rows beyond the filter may have anything");
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bytes in [vec![], vec![1, 0, 0], vec![0, 0, 0, 0], vec![1, 0, 0, 0, 9]] {
            assert!(PieceFilter::parse(bytes.into()).is_none());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_row_that_contains_a_literal_is_left_out(
            texts in prop::collection::vec("[abc ]{0,12}", 1..40), literal in "[abc ]{0,6}", rows_a_block in 1_usize..9,
        ) {
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            let kept = filter(&borrowed, rows_a_block).may_contain(&literals(&[&literal]), None, texts.len());
            for (row, text) in texts.iter().enumerate() {
                if text.contains(&literal) {
                    prop_assert!(kept.iter().any(|range| range.contains(&row)), "row {row} of {kept:?}");
                }
            }
        }
    }
}
