//! Writing one segment: sorted rows, with their labels, encoded and put into the blob store.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringBuilder, UInt64Array};
use arrow::datatypes::UInt64Type;

use crate::blob::BlobError;
use crate::catalog::{ColumnStats, SegmentRow};
use crate::encryption::{EncryptionKey, encrypt_file};
use crate::error::StoreError;
use crate::journal::Lsn;
use crate::limits::BATCH_ROWS;
use crate::segment::{self, SegmentWrite};
use crate::table::{SEQ, SEQ_ROW_BITS, Table, TableOwner};

use super::order::{self, Place};
use super::{Store, path};

/// The catalog's counter that segments take their ids from.
pub(super) const ID_COUNTER: &str = "segment";

/// Rows in the order of a segment: `places` in `batches`, all of one window.
pub(super) struct Sorted<'a> {
    pub(super) window: i64,
    pub(super) batches: &'a [&'a RecordBatch],
    pub(super) places: &'a [Place],
    pub(super) level: u8,
    /// The key that the file is to be encrypted under.
    pub(super) key: Option<&'a EncryptionKey>,
}

/// How many rows go into one segment, so that it holds about `bytes_max` at most.
pub(super) fn rows_per_segment(rows: usize, bytes: usize, bytes_max: u64) -> usize {
    let bytes_per_row = (bytes / rows.max(1)).max(1) as u64;
    usize::try_from(bytes_max / bytes_per_row).unwrap_or(usize::MAX).max(BATCH_ROWS)
}

impl Store {
    /// Writes a segment of these rows, at least one. It is durable when this returns, but part of nothing: its row, whose id
    /// is still to be given, must be published, and its path then be taken back by [`Store::written`].
    pub(super) fn write_segment(
        &self,
        table: &'static Table,
        owner: &dyn TableOwner,
        sorted: &Sorted<'_>,
    ) -> Result<SegmentRow, StoreError> {
        let combine =
            |error: arrow::error::ArrowError| StoreError::Combine { table: table.name, reason: error.to_string() };
        let mut batches = Vec::with_capacity(sorted.places.len().div_ceil(BATCH_ROWS));
        let mut lsns = (Lsn(u64::MAX), Lsn(0));
        for places in sorted.places.chunks(BATCH_ROWS) {
            let batch = order::gather(sorted.batches, places).map_err(combine)?;
            let seqs =
                batch.columns().get(table.columns.len()).and_then(|array| array.as_primitive_opt::<UInt64Type>());
            for seq in seqs.map_or(&[][..], |array| array.values()) {
                let lsn = Lsn(seq >> SEQ_ROW_BITS);
                lsns = (lsns.0.min(lsn), lsns.1.max(lsn));
            }
            batches.push(with_labels(table, owner, batch).map_err(combine)?);
        }
        let wide = sorted.level > 0;
        let write = SegmentWrite { table, batches: &batches, level: sorted.level, lsn_range: lsns, wide };
        let encoded = segment::encode(write)?;
        drop(batches);
        let form = if sorted.key.is_some() { path::Form::Encrypted } else { path::Form::Open };
        let path = path::of_segment(table, sorted.window, sorted.level, form, self.clock.now(), &*self.random);
        let file = match sorted.key {
            None => encoded.bytes,
            Some(key) => {
                let unopenable = || BlobError::Unopenable { path: path.clone() };
                encrypt_file(&path, &encoded.bytes, key).ok_or_else(unopenable)?
            }
        };
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        let bytes = file.len() as u64;
        if let Err(error) = self.blobs.put(&path, file) {
            self.written(std::slice::from_ref(&path));
            return Err(error.into());
        }
        Ok(SegmentRow {
            id: 0,
            table: table.name.to_owned(),
            level: sorted.level,
            window_start: encoded.window_start,
            window_ms: table.window_ms,
            min_time: encoded.min_time,
            max_time: encoded.max_time,
            rows: encoded.rows,
            bytes,
            raw_bytes: encoded.raw_bytes,
            footer_bytes: encoded.footer_bytes,
            path,
            min_key: encoded.min_key,
            max_key: encoded.max_key,
            columns: match sorted.key {
                None => lake_columns(table, &encoded.columns),
                // The least and greatest values would give the rows away.
                Some(_) => "[]".to_owned(),
            },
            data_key: sorted.key.map(EncryptionKey::id),
        })
    }

    /// Forgets that these files are in the making: they belong to a published segment, or are to be removed.
    pub(super) fn written(&self, paths: &[String]) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        paths.iter().for_each(|path| {
            writing.remove(path);
        });
    }
}

/// What the catalog keeps of the columns that readers of the open files see, of all that the writer says.
fn lake_columns(table: &Table, stats: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Written {
        nulls: Option<u64>,
        min: Option<String>,
        max: Option<String>,
    }
    // Statistics only let readers skip files: without them they skip none.
    let mut written: HashMap<String, Written> = serde_json::from_str(stats).unwrap_or_default();
    let names = table.columns.iter().map(|column| column.name).chain([SEQ]);
    let names = names.chain(table.labels.iter().map(|label| label.name));
    let columns: Vec<ColumnStats> = names
        .filter_map(|name| {
            let Written { nulls, min, max } = written.remove(name)?;
            Some(ColumnStats { name: name.to_owned(), nulls, min, max })
        })
        .collect();
    serde_json::to_string(&columns).unwrap_or_else(|_| "[]".to_owned())
}

/// The batch with the table's labels behind `seq`.
fn with_labels(
    table: &Table,
    owner: &dyn TableOwner,
    batch: RecordBatch,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut columns = batch.columns().to_vec();
    for label in table.labels {
        let ids = batch.columns().get(label.of).and_then(|array| array.as_primitive_opt::<UInt64Type>());
        columns.push(texts_of(ids, |id| owner.label(label.name, id)));
    }
    RecordBatch::try_new(table.segment_schema(), columns)
}

/// What `text` says of each id. It is asked once for a run of the same.
fn texts_of(ids: Option<&UInt64Array>, text: impl Fn(u64) -> Option<String>) -> ArrayRef {
    let mut texts = StringBuilder::new();
    let mut last: Option<(u64, Option<String>)> = None;
    for &id in ids.map_or(&[][..], |array| array.values()) {
        if last.as_ref().is_none_or(|(of, _)| *of != id) {
            last = Some((id, text(id)));
        }
        texts.append_option(last.as_ref().and_then(|(_, text)| text.as_deref()));
    }
    Arc::new(texts.finish())
}
