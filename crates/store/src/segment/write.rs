//! Writing a segment: sorted rows in, the bytes of a Parquet file out.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;

use super::error::SegmentError;
use super::layout::{self, ABOUT_KEY, About, Bounds, FORMAT, Seal, TAIL_KEY, TRAILER_BYTES};
use super::limits::CHECKSUM_BLOCK_BYTES;
use super::pieces::PieceSet;
use super::properties::properties;
use super::rows::{self, Extent, Sizes};
use super::shred::Shredded;
use super::stats::ColumnStats;
use super::tokens::TokenSet;
use crate::journal::Lsn;
use crate::table::Table;

/// Rows to be written as a segment.
#[derive(Debug, Clone, Copy)]
pub struct SegmentWrite<'a> {
    /// The table.
    pub table: &'static Table,
    /// The rows, of the table's segment schema (columns, `seq`, labels), sorted by its sort order and `seq`, of one window.
    pub batches: &'a [RecordBatch],
    /// How often the rows were compacted: 0 when they come from memory.
    pub level: u8,
    /// The first and last journal frames whose rows may be among them.
    pub lsn_range: (Lsn, Lsn),
    /// Whether the text column's JSON is shredded and its tokens and pieces get filters: worth it for what is kept long.
    pub wide: bool,
}

/// A segment ready to be stored, and what the catalog says of it.
#[derive(Debug, Clone)]
pub struct EncodedSegment {
    /// The file.
    pub bytes: Bytes,
    /// The bytes of the Parquet footer, without the eight that follow it: what DuckLake calls the footer's size.
    pub footer_bytes: u64,
    /// How many rows there are.
    pub rows: u64,
    /// The bytes of all values of the table's columns: eight for a number, the length of a text.
    pub raw_bytes: u64,
    /// The start of the window that all rows lie in, in milliseconds since the epoch.
    pub window_start: i64,
    /// The earliest time, in milliseconds since the epoch.
    pub min_time: i64,
    /// The latest time, in milliseconds since the epoch.
    pub max_time: i64,
    /// The least value of [`Table::prune_key`]; 0 if the table has none.
    pub min_key: u64,
    /// The greatest value of [`Table::prune_key`]; `u64::MAX` if the table has none.
    pub max_key: u64,
    /// Bounds and counts of every column, as a JSON object keyed by column name.
    pub columns: String,
}

/// Encodes rows as a segment. Refuses rows that are not sorted, not of one window, or none.
pub fn encode(write: SegmentWrite<'_>) -> Result<EncodedSegment, SegmentError> {
    encode_sized(write, Sizes::default())
}

/// The same with parts of these sizes.
pub(super) fn encode_sized(write: SegmentWrite<'_>, sizes: Sizes) -> Result<EncodedSegment, SegmentError> {
    let extent = rows::examine(write.table, write.batches)?;
    let row_groups = rows::row_groups(write.table, write.batches, sizes);
    let shredded = shred(&write, &row_groups);
    let schema = schema(write.table, shredded.as_ref());
    let sample = row_groups.first().and_then(|group| group.first());
    let sample = sample.cloned().unwrap_or_else(|| RecordBatch::new_empty(schema.clone()));
    let properties = properties(write.table, &schema, &sample, &extent, sizes)?;
    let buffer = Vec::with_capacity(usize::try_from(extent.raw_bytes / 4).unwrap_or(0));
    let mut writer = ArrowWriter::try_new(buffer, schema.clone(), Some(properties))?;
    let mut stats = ColumnStats::default();
    let mut filters = Vec::new();
    let mut row = 0;
    for group in &row_groups {
        let mut words = (write.wide && write.table.text.is_some()).then(|| Words::new(sizes));
        for batch in group {
            let rows = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
            let mut columns = batch.columns().to_vec();
            if let Some(shredded) = &shredded {
                columns.extend(shredded.arrays(row..row + rows)?);
            }
            let whole = RecordBatch::try_new(schema.clone(), columns)
                .map_err(|error| SegmentError::Refused { table: write.table.name, reason: error.to_string() })?;
            stats.add(&whole, write.table.text);
            if let (Some(words), Some(text)) = (&mut words, write.table.text.and_then(|text| batch.columns().get(text)))
            {
                words.add(text);
            }
            writer.write(&whole)?;
            row += rows;
        }
        writer.flush()?;
        filters.push(words.map(Words::build).unwrap_or_default());
    }
    let about = about(&write, &extent);
    let (bytes, footer_bytes, columns) = finish(writer, filters, about, stats)?;
    Ok(EncodedSegment {
        bytes: bytes.into(),
        footer_bytes,
        rows: extent.rows,
        raw_bytes: extent.raw_bytes,
        window_start: write.table.window_of(extent.min_time),
        min_time: extent.min_time,
        max_time: extent.max_time,
        min_key: extent.min_key,
        max_key: extent.max_key,
        columns,
    })
}

/// Writes what follows the row groups, and seals it.
fn finish(
    mut writer: ArrowWriter<Vec<u8>>,
    filters: Vec<Filters>,
    mut about: About,
    stats: ColumnStats,
) -> Result<(Vec<u8>, u64, String), SegmentError> {
    let io = |error: std::io::Error| ParquetError::External(error.into());
    let mut put = |filter: Option<Vec<u8>>| {
        let Some(filter) = filter else { return Ok(None) };
        let offset = writer.bytes_written() as u64;
        writer.write_all(&filter).map_err(io)?;
        Ok::<_, ParquetError>(Some((offset, filter.len() as u64)))
    };
    for filter in filters {
        about.token_filters.push(put(filter.tokens)?);
        about.piece_filters.push(put(filter.pieces)?);
    }
    writer.sync().map_err(io)?;
    let tail_from = writer.bytes_written();
    let checksums = layout::checksums(writer.inner());
    writer.write_all(&checksums).map_err(io)?;
    let json = serde_json::to_string(&about).map_err(|error| ParquetError::External(error.into()))?;
    writer.append_key_value_metadata(KeyValue::new(ABOUT_KEY.to_owned(), json));
    writer.append_key_value_metadata(KeyValue::new(TAIL_KEY.to_owned(), Seal::blank(tail_from as u64)));
    let parquet = writer.finish()?;
    // The buffer is taken rather than the writer undone: `into_inner` would write the footer once more.
    let mut bytes = std::mem::take(writer.inner_mut());
    let sealed = bytes.get_mut(tail_from..).and_then(Seal::stamp);
    let footer_bytes = bytes.len().checked_sub(TRAILER_BYTES as usize).and_then(|at| bytes.get(at..)?.first_chunk());
    match (sealed, footer_bytes) {
        (Some(()), Some(length)) => {
            let footer_bytes = u64::from(u32::from_le_bytes(*length));
            Ok((bytes, footer_bytes, stats.json(&parquet)))
        }
        _ => Err(ParquetError::General("the footer lost its seal".to_owned()).into()),
    }
}

fn shred(write: &SegmentWrite<'_>, row_groups: &[Vec<RecordBatch>]) -> Option<Shredded> {
    let text = write.table.text.filter(|_| write.wide)?;
    let schema = write.table.segment_schema();
    Some(Shredded::of(row_groups, text).without(|name| schema.column_with_name(name).is_some()))
}

fn schema(table: &'static Table, shredded: Option<&Shredded>) -> SchemaRef {
    let narrow = table.segment_schema();
    let Some(shredded) = shredded else { return narrow };
    let fields = narrow.fields().iter().cloned().chain(shredded.fields().map(Arc::<Field>::new));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Collects what the filters of one row group are made of.
struct Words {
    tokens: TokenSet,
    pieces: PieceSet,
}

/// The filters of one row group.
#[derive(Default)]
struct Filters {
    tokens: Option<Vec<u8>>,
    pieces: Option<Vec<u8>>,
}

impl Words {
    fn new(sizes: Sizes) -> Words {
        Words { tokens: TokenSet::new(), pieces: PieceSet::new(sizes.piece_rows) }
    }

    /// Adds the texts of the next rows.
    fn add(&mut self, column: &ArrayRef) {
        let mut add = |text: Option<&[u8]>| {
            if let Some(text) = text {
                self.tokens.add(text);
            }
            self.pieces.add(text);
        };
        if let Some(bytes) = column.as_binary_opt::<i32>() {
            bytes.iter().for_each(add);
        } else if let Some(texts) = column.as_string_opt::<i32>() {
            texts.iter().for_each(|text| add(text.map(str::as_bytes)));
        }
    }

    fn build(self) -> Filters {
        Filters { tokens: self.tokens.build(), pieces: Some(self.pieces.build()) }
    }
}

fn about(write: &SegmentWrite<'_>, extent: &Extent) -> About {
    let table = write.table;
    About {
        format: FORMAT,
        writer: env!("CARGO_PKG_VERSION").to_owned(),
        table: table.name.to_owned(),
        level: write.level,
        window_start_ms: table.window_of(extent.min_time),
        window_ms: table.window_ms,
        sort: table.sort.iter().filter_map(|&column| Some(table.columns.get(column)?.name.to_owned())).collect(),
        first_lsn: write.lsn_range.0.0,
        last_lsn: write.lsn_range.1.0,
        wide: write.wide,
        rows: extent.rows,
        raw_bytes: extent.raw_bytes,
        bounds: Some(Bounds {
            min_time: extent.min_time,
            max_time: extent.max_time,
            min_key: extent.min_key,
            max_key: extent.max_key,
        }),
        block_bytes: CHECKSUM_BLOCK_BYTES,
        token_filters: Vec::new(),
        piece_filters: Vec::new(),
        fields_stand_in: true,
    }
}
