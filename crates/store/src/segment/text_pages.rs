//! The texts of a row group where they lie: pages are decompressed, and each text is a slice of its page. A search of all of them
//! need not copy them, nor see whether those that do not match are texts at all.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader as _};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;

use super::error::SegmentError;
use super::source::{Pages, Source};

/// The pages of a text column in one row group that hold rows that are wanted.
pub(super) struct TextPages<'s> {
    source: &'s Source,
    reader: SerializedPageReader<Pages>,
    /// The rows of the pages that were not read yet.
    pages: VecDeque<Range<usize>>,
}

/// One page: texts, each behind its length.
pub(super) struct TextPage {
    /// The rows whose texts it holds, numbered in the row group.
    pub(super) rows: Range<usize>,
    bytes: Bytes,
}

impl<'s> TextPages<'s> {
    /// The pages of a column chunk of `rows` rows, of which `pages` has what is wanted; `None` if its texts do not lie there as
    /// they are: some are absent, or in a dictionary.
    pub(super) fn new(
        source: &'s Source,
        chunk: &ColumnChunkMetaData,
        locations: &[PageLocation],
        rows: usize,
        pages: Pages,
    ) -> Result<Option<TextPages<'s>>, SegmentError> {
        let column = chunk.column_descr();
        let is_plain = column.max_def_level() == 0
            && column.max_rep_level() == 0
            && chunk.dictionary_page_offset().is_none()
            && chunk.encodings().all(|encoding| matches!(encoding, Encoding::PLAIN | Encoding::RLE));
        if !is_plain || locations.is_empty() {
            return Ok(None);
        }
        let starts = locations.iter().map(|page| usize::try_from(page.first_row_index).unwrap_or(rows));
        let ends = starts.clone().skip(1).chain([rows]);
        let of_pages = starts.zip(ends).map(|(start, end)| start..end).collect();
        let reader = SerializedPageReader::new(Arc::new(pages), chunk, rows, Some(locations.to_vec()));
        let reader = reader.map_err(|error| source.failure(error))?;
        Ok(Some(TextPages { source, reader, pages: of_pages }))
    }

    /// The next page with a row that `is_wanted` says is; `None` at the end.
    pub(super) fn next(&mut self, is_wanted: impl Fn(&Range<usize>) -> bool) -> Result<Option<TextPage>, SegmentError> {
        while let Some(rows) = self.pages.pop_front() {
            if !is_wanted(&rows) {
                self.reader.skip_next_page().map_err(|error| self.source.failure(error))?;
                continue;
            }
            let page = self.reader.get_next_page().map_err(|error| self.source.failure(error))?;
            return match page {
                Some(Page::DataPage { buf: bytes, encoding: Encoding::PLAIN, .. }) => {
                    Ok(Some(TextPage { rows, bytes }))
                }
                _ => Err(self.source.failure("a page of texts is not what it says")),
            };
        }
        Ok(None)
    }
}

impl TextPage {
    /// Its texts, in the order of its rows; fewer than it has rows if it is damaged.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_ref();
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            Some(text)
        })
        .take(self.rows.len())
    }
}
