//! Finding, checking and parsing the tail of a segment.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use bytes::{Bytes, BytesMut};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::error::SegmentError;
use super::layout::{self, ABOUT_KEY, About, FORMAT, MAGIC, Seal, TRAILER_BYTES};
use super::limits::{SEGMENT_BYTES_MAX, TAIL_BYTES_MAX, TAIL_PREFETCH_BYTES};
use super::shred;
use crate::blob::{BlobError, ReadBlobs};

/// The tail of a segment, checked and parsed.
pub(super) struct Footer {
    pub(super) about: About,
    pub(super) arrow: ArrowReaderMetadata,
    pub(super) data_bytes: u64,
    /// The checksum of each block of the data.
    pub(super) checksums: Vec<u32>,
}

impl Footer {
    /// Fetches and parses the tail of a segment of `size` bytes: in one read if it is short.
    pub(super) fn load(blobs: &dyn ReadBlobs, path: &str, size: u64) -> Result<Footer, SegmentError> {
        if !(TRAILER_BYTES..SEGMENT_BYTES_MAX).contains(&size) {
            return Err(SegmentError::damaged(path, format!("{size} bytes are no segment")));
        }
        let end = read(blobs, path, size.saturating_sub(TAIL_PREFETCH_BYTES), size)?;
        let footer_bytes = trailer(&end).ok_or_else(|| SegmentError::damaged(path, "it does not end as a segment"))?;
        if footer_bytes + TRAILER_BYTES > size.min(TAIL_BYTES_MAX) {
            return Err(SegmentError::damaged(path, "its footer is longer than can be"));
        }
        let footer = extend(blobs, path, size, end, footer_bytes + TRAILER_BYTES)?;
        let searched = footer.slice(footer.len().saturating_sub((footer_bytes + TRAILER_BYTES) as usize)..);
        let seal = Seal::find(&searched).ok_or_else(|| SegmentError::damaged(path, "its footer has no seal"))?;
        let tail_bytes = size.checked_sub(seal.tail_from);
        let Some(tail_bytes) = tail_bytes.filter(|bytes| (searched.len() as u64..=TAIL_BYTES_MAX).contains(bytes))
        else {
            return Err(SegmentError::damaged(path, "its tail begins where it cannot"));
        };
        let read = extend(blobs, path, size, footer, tail_bytes)?;
        let tail = read.slice(read.len().saturating_sub(tail_bytes as usize)..);
        let seal = Seal::find(&tail).ok_or_else(|| SegmentError::damaged(path, "its footer has no seal"))?;
        if seal.checksum(&tail) != Some(seal.crc) {
            return Err(SegmentError::damaged(path, "the checksum of its tail does not fit"));
        }
        parse(path, size, seal.tail_from, tail)
    }

    /// What Parquet knows of the file.
    pub(super) fn parquet(&self) -> &ParquetMetaData {
        self.arrow.metadata()
    }

    /// The bytes it takes in memory, about.
    pub(super) fn memory(&self) -> usize {
        size_of::<Footer>() + self.parquet().memory_size() + self.checksums.len() * 4
    }
}

/// Reads `from..to` of the segment, all of it.
pub(super) fn read(blobs: &dyn ReadBlobs, path: &str, from: u64, to: u64) -> Result<Bytes, SegmentError> {
    let wrap = |source| match source {
        BlobError::Range { .. } => SegmentError::damaged(path, format!("it ends before byte {to}")),
        source => SegmentError::Blob { path: path.to_owned(), source },
    };
    let bytes = blobs.read(path, from..to).map_err(wrap)?;
    if bytes.len() as u64 != to - from {
        return Err(SegmentError::damaged(path, format!("it ends before byte {to}")));
    }
    Ok(bytes)
}

/// The length of the footer by the last bytes of a file.
fn trailer(end: &[u8]) -> Option<u64> {
    let length = end.strip_suffix(MAGIC)?.last_chunk()?;
    Some(u64::from(u32::from_le_bytes(*length)))
}

/// The last `wanted` bytes of the segment at least, of which `have` are there already.
fn extend(blobs: &dyn ReadBlobs, path: &str, size: u64, have: Bytes, wanted: u64) -> Result<Bytes, SegmentError> {
    let have_from = size - have.len() as u64;
    let wanted_from = size - wanted;
    if wanted_from >= have_from {
        return Ok(have);
    }
    let mut all = BytesMut::from(read(blobs, path, wanted_from, have_from)?);
    all.extend_from_slice(&have);
    Ok(all.freeze())
}

/// Parses a tail whose checksum was found right.
fn parse(path: &str, size: u64, data_bytes: u64, tail: Bytes) -> Result<Footer, SegmentError> {
    let damaged = |reason: String| SegmentError::damaged(path, reason);
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    reader.try_parse_sized(&tail, size).map_err(|error| damaged(error.to_string()))?;
    let parquet = reader.finish().map_err(|error| damaged(error.to_string()))?;
    let about = about(path, &parquet)?;
    let checksums = layout::parse_checksums(&tail, data_bytes, about.block_bytes)
        .ok_or_else(|| damaged("its checksums are incomplete".to_owned()))?;
    is_consistent(&parquet, &about, data_bytes).map_err(|reason| damaged(reason.to_owned()))?;
    // Parquet's own types say all that is needed; the embedded Arrow schema is for other readers.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let parquet = Arc::new(parquet);
    let plain = ArrowReaderMetadata::try_new(parquet.clone(), options.clone());
    let plain = plain.map_err(|error| damaged(error.to_string()))?;
    let options = options.with_schema(dictionaries(plain.schema()));
    let arrow = ArrowReaderMetadata::try_new(parquet, options).map_err(|error| damaged(error.to_string()))?;
    Ok(Footer { about, arrow, data_bytes, checksums })
}

/// The schema in which shredded texts are read as they are stored, in dictionaries.
fn dictionaries(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        if *field.data_type() == DataType::Utf8 && field.name().starts_with(shred::PREFIX) {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(dictionary))
        } else {
            field.clone()
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn about(path: &str, parquet: &ParquetMetaData) -> Result<About, SegmentError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let pairs = parquet.file_metadata().key_value_metadata().into_iter().flatten();
    let text = pairs.filter(|pair| pair.key == ABOUT_KEY).find_map(|pair| pair.value.as_deref());
    let text = text.ok_or_else(|| SegmentError::damaged(path, "it does not say what it is"))?;
    let format: Format = serde_json::from_str(text).map_err(|error| SegmentError::damaged(path, error))?;
    if format.format > FORMAT {
        return Err(SegmentError::Format { path: path.to_owned(), format: format.format.to_string() });
    }
    serde_json::from_str(text).map_err(|error| SegmentError::damaged(path, error))
}

/// Whether the parts of a footer fit together, so that they may be used to index one another.
fn is_consistent(parquet: &ParquetMetaData, about: &About, data_bytes: u64) -> Result<(), &'static str> {
    let groups = parquet.num_row_groups();
    let rows: i64 = parquet.row_groups().iter().map(|group| group.num_rows()).sum();
    if u64::try_from(rows) != Ok(about.rows) {
        return Err("its row groups do not hold as many rows as it says");
    }
    let columns = parquet.file_metadata().schema_descr().num_columns();
    let pages = parquet.offset_index().ok_or("it has no page index")?;
    let whole = pages.len() == groups && pages.iter().all(|group| group.len() == columns);
    if !whole || pages.iter().flatten().any(|column| column.page_locations().is_empty()) {
        return Err("its page index is incomplete");
    }
    if about.token_filters.len() > groups || about.piece_filters.len() > groups {
        return Err("it has more filters than row groups");
    }
    let within = |&(offset, length): &(u64, u64)| offset.checked_add(length).is_some_and(|end| end <= data_bytes);
    if !about.token_filters.iter().chain(&about.piece_filters).flatten().all(within) {
        return Err("a filter lies outside its data");
    }
    Ok(())
}
