//! Checking whole segments.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::error::SegmentError;
use super::footer::Footer;
use super::layout;
use super::limits::{BATCH_ROWS, VERIFY_BLOCKS};
use super::pieces::PieceFilter;
use super::source::Source;
use super::tokens::TokenFilter;
use crate::blob::{BlobError, ReadBlobs};

/// Reads every byte of a segment of `size` bytes: all checksums fit, every page and filter decodes, and there are as many rows as
/// it says.
pub fn verify(blobs: Arc<dyn ReadBlobs>, path: &str, size: u64) -> Result<(), SegmentError> {
    let footer = Arc::new(Footer::load(&*blobs, path, size)?);
    let source = Arc::new(Source::new(blobs, path.into(), footer.clone()));
    // Blocks between and around the column chunks too, which decoding does not touch.
    let step = footer.about.block_bytes.max(1).saturating_mul(VERIFY_BLOCKS);
    let mut at = 0;
    while at < footer.data_bytes {
        source.data(at..at.saturating_add(step).min(footer.data_bytes))?;
        at = at.saturating_add(step);
    }
    for &(offset, length) in footer.about.token_filters.iter().flatten() {
        let bytes = source.data(offset..offset.saturating_add(length))?;
        TokenFilter::parse(bytes).ok_or_else(|| SegmentError::damaged(path, "a token filter is malformed"))?;
    }
    for &(offset, length) in footer.about.piece_filters.iter().flatten() {
        let bytes = source.data(offset..offset.saturating_add(length))?;
        PieceFilter::parse(bytes).ok_or_else(|| SegmentError::damaged(path, "a piece filter is malformed"))?;
    }
    let mut rows = 0;
    for row_group in 0..footer.parquet().num_row_groups() {
        let chunks = footer.parquet().row_groups().get(row_group).map(|group| group.columns()).unwrap_or_default();
        let bytes =
            chunks.iter().map(|chunk| chunk.byte_range()).map(|(start, length)| start..start.saturating_add(length));
        let pages = source.pages(bytes.collect())?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(pages, footer.arrow.clone())
            .with_row_groups(vec![row_group])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| source.failure(error))?;
        for batch in reader {
            rows += batch.map_err(|error| source.failure(error))?.num_rows() as u64;
        }
    }
    if rows != footer.about.rows {
        return Err(SegmentError::damaged(path, format!("it holds {rows} rows, not {}", footer.about.rows)));
    }
    Ok(())
}

/// Reads `bytes` as a segment, whatever they are, and says whether they are a sound one; then its footer once more with checksums
/// that fit: for fuzzing. Never panics. (Pages with checksums that fit are those that we wrote: Parquet's decoders trust them.)
pub fn fuzz_read(bytes: &[u8]) -> bool {
    if let Some(filter) = TokenFilter::parse(Bytes::copy_from_slice(bytes)) {
        filter.may_have(b"token");
    }
    let sound = verify(Arc::new(OneBlob(Bytes::copy_from_slice(bytes))), "fuzz", bytes.len() as u64).is_ok();
    let mut resealed = bytes.to_vec();
    if layout::reseal(&mut resealed).is_some() {
        let size = resealed.len() as u64;
        let footer = Footer::load(&OneBlob(resealed.into()), "fuzz", size);
        tracing::trace!(sound = footer.is_ok(), "fuzzed footer");
    }
    sound
}

/// A store of one blob, whatever its path.
struct OneBlob(Bytes);

impl ReadBlobs for OneBlob {
    fn read(&self, path: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let within = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        let bytes = within.and_then(|(start, end)| self.0.get(start..end));
        bytes.map(|bytes| self.0.slice_ref(bytes)).ok_or_else(|| BlobError::Range { path: path.to_owned(), range })
    }
}
