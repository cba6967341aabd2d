//! Reading the data of a segment: nothing is handed on before its checksum was found right.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::error::SegmentError;
use super::footer::{self, Footer};
use super::layout::block_range;
use super::limits::READ_GAP_BYTES;
use crate::blob::ReadBlobs;

/// Where the bytes of one segment come from.
pub(super) struct Source {
    pub(super) blobs: Arc<dyn ReadBlobs>,
    pub(super) path: Arc<str>,
    pub(super) footer: Arc<Footer>,
    bytes_read: AtomicU64,
    /// The error behind one that a decoder reports in words only.
    failure: Mutex<Option<SegmentError>>,
}

impl Source {
    pub(super) fn new(blobs: Arc<dyn ReadBlobs>, path: Arc<str>, footer: Arc<Footer>) -> Source {
        Source { blobs, path, footer, bytes_read: AtomicU64::new(0), failure: Mutex::new(None) }
    }

    /// The bytes read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// The data in `range`, checked.
    pub(super) fn data(&self, range: Range<u64>) -> Result<Bytes, SegmentError> {
        if range.start > range.end || range.end > self.footer.data_bytes {
            return Err(SegmentError::damaged(&self.path, "it refers to bytes that are not data"));
        }
        let block_bytes = self.footer.about.block_bytes;
        let blocks = block_range(&range, self.footer.data_bytes, block_bytes);
        let bytes = footer::read(&*self.blobs, &self.path, blocks.start, blocks.end)?;
        self.bytes_read.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let first = usize::try_from(blocks.start / block_bytes).unwrap_or(usize::MAX);
        let stored = self.footer.checksums.get(first..).unwrap_or_default();
        for (index, block) in bytes.chunks(usize::try_from(block_bytes).unwrap_or(usize::MAX)).enumerate() {
            if stored.get(index) != Some(&crc32c::crc32c(block)) {
                let at = blocks.start + index as u64 * block_bytes;
                return Err(SegmentError::damaged(
                    &self.path,
                    format!("the checksum of the block at byte {at} does not fit"),
                ));
            }
        }
        let from = (range.start - blocks.start) as usize;
        Ok(bytes.slice(from..from + (range.end - range.start) as usize))
    }

    /// Reads `ranges` ahead, near ones together.
    pub(super) fn pages(self: &Arc<Self>, mut ranges: Vec<Range<u64>>) -> Result<Pages, SegmentError> {
        ranges.sort_unstable_by_key(|range| range.start);
        let mut joined: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(READ_GAP_BYTES) => {
                    last.end = last.end.max(range.end)
                }
                _ => joined.push(range),
            }
        }
        let read = |range: Range<u64>| Ok((range.start, self.data(range)?));
        let parts = joined.into_iter().map(read).collect::<Result<_, SegmentError>>()?;
        Ok(Pages { source: self.clone(), parts })
    }

    /// The error that made a decoder fail with `error`.
    pub(super) fn failure(&self, error: impl ToString) -> SegmentError {
        let cause = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        cause.unwrap_or_else(|| SegmentError::damaged(&self.path, error))
    }
}

/// Bytes of a segment read ahead; what was not read ahead is fetched when asked for.
pub(super) struct Pages {
    source: Arc<Source>,
    /// Disjoint and ascending: where each part begins, and its bytes.
    parts: Vec<(u64, Bytes)>,
}

impl Pages {
    fn get(&self, start: u64, length: usize) -> Result<Bytes, SegmentError> {
        let after = self.parts.partition_point(|(from, _)| *from <= start);
        if let Some((from, part)) = after.checked_sub(1).and_then(|index| self.parts.get(index)) {
            let within = (start - from) as usize;
            if within.checked_add(length).is_some_and(|end| end <= part.len()) {
                return Ok(part.slice(within..within + length));
            }
        }
        self.source.data(start..start.saturating_add(length as u64))
    }

    fn fail(&self, error: SegmentError) -> String {
        let words = error.to_string();
        *self.source.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        words
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.source.footer.data_bytes
    }
}

impl ChunkReader for Pages {
    type T = Sequential;

    fn get_read(&self, start: u64) -> Result<Sequential, ParquetError> {
        let pages = Pages { source: self.source.clone(), parts: self.parts.clone() };
        Ok(Sequential { pages, at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.get(start, length).map_err(|error| ParquetError::General(self.fail(error)))
    }
}

/// Reads a segment's data on from some byte.
pub(super) struct Sequential {
    pages: Pages,
    at: u64,
}

impl Read for Sequential {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = self.pages.len().saturating_sub(self.at);
        let length = to.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let bytes = self.pages.get(self.at, length).map_err(|error| io::Error::other(self.pages.fail(error)))?;
        to.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
        self.at += length as u64;
        Ok(length)
    }
}
