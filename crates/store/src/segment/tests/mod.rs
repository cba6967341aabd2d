//! Tests of whole segments: rows of every kind of column are written, read back, searched and damaged.

mod damage;
mod fields;
mod file;
mod scans;

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{Float64Type, Int64Type, UInt64Type};
use proptest::prelude::*;

use super::read::SegmentScanStats;
use super::rows::Sizes;
use super::write::EncodedSegment;
use super::write::encode_sized;
use super::{FooterCache, SegmentError, SegmentReader, SegmentWrite};
use crate::blob::{BlobStore, MemoryBlobs};
use crate::journal::Lsn;
use crate::scan::Scan;
use crate::table::{Column, ColumnKind, Label, Table};

const GROUP: usize = 0;
const STREAM: usize = 1;
const TIME: usize = 2;
const ID: usize = 3;
const VALUE: usize = 4;
const NOTE: usize = 5;
const MESSAGE: usize = 6;
const NUMBER: usize = 7;
const AMOUNT: usize = 8;

const WINDOW_MS: i64 = 100_000;

static TABLE: Table = Table {
    name: "things",
    id: 7,
    columns: &[
        Column::new("group", ColumnKind::U64),
        Column::new("stream", ColumnKind::U64),
        Column::new("ts", ColumnKind::I64),
        Column::new("id", ColumnKind::Text),
        Column::nullable("value", ColumnKind::F64),
        Column::nullable("note", ColumnKind::Text),
        Column::new("message", ColumnKind::Bytes),
        Column::nullable("number", ColumnKind::U64),
        Column::nullable("amount", ColumnKind::I64),
    ],
    time: TIME,
    sort: &[GROUP, STREAM, TIME],
    retention_key: &[GROUP],
    text: Some(MESSAGE),
    bloom: &[ID, NUMBER],
    window_ms: WINDOW_MS,
    labels: &[Label { name: "group_name", of: GROUP }],
};

/// Small parts, so that a few hundred rows have many row groups and pages.
const SMALL: Sizes = Sizes { row_group_rows: 50, row_group_bytes: 4000, page_rows: 8, page_bytes: 400, piece_rows: 3 };

#[derive(Debug, Clone, PartialEq)]
struct Row {
    group: u64,
    stream: u64,
    time: i64,
    seq: u64,
    id: String,
    value: Option<f64>,
    note: Option<String>,
    message: Vec<u8>,
    number: Option<u64>,
    amount: Option<i64>,
}

/// Random rows: few groups and words, so that filters meet some of them.
fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let message = prop_oneof![
        "(alpha|beta|gamma|delta|x[0-9]{2})( (alpha|beta|gamma|delta|x[0-9]{2})){0,6}".prop_map(String::into_bytes),
        "\\{\"level\":\"(INFO|WARN)\",\"n\":[0-9]{1,3},\"who\":\"[a-z]{1,3}\"\\}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
    ];
    let keys = (0..4_u64, 0..3_u64, 0..WINDOW_MS, 0..60_u32);
    let values = (
        prop::option::of(any::<f64>().prop_filter("comparable", |value| !value.is_nan())),
        prop::option::of("[a-zé]{0,80}"),
        message,
        prop::option::of(0..20_u64),
        prop::option::of(any::<i64>()),
    );
    let row = (keys, values).prop_map(|((group, stream, time, id), (value, note, message, number, amount))| Row {
        group: if group == 3 { u64::MAX } else { group },
        stream,
        time,
        seq: 0,
        id: format!("id-{id}"),
        value,
        note,
        message,
        number,
        amount,
    });
    prop::collection::vec(row, 1..most).prop_map(|mut rows| {
        rows.iter_mut().enumerate().for_each(|(index, row)| row.seq = (1 << 20) + index as u64);
        rows.sort_by_key(|row| (row.group, row.stream, row.time, row.seq));
        rows
    })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.group))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.stream))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.time))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.id))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.value))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.note.as_ref()))),
        Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| &row.message))),
        Arc::new(UInt64Array::from_iter(rows.iter().map(|row| row.number))),
        Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.amount))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.seq))),
        Arc::new(StringArray::from_iter(
            rows.iter().map(|row| (row.group < 2).then(|| format!("group {}", row.group))),
        )),
    ];
    RecordBatch::try_new(TABLE.segment_schema(), columns).unwrap()
}

/// The rows of a batch; what is not among its columns reads as absent or empty.
fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let u64s = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?.as_primitive::<UInt64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let i64s = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?.as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let text = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?.as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let row = |row: usize| Row {
        group: u64s("group", row).unwrap_or(0),
        stream: u64s("stream", row).unwrap_or(0),
        time: i64s("ts", row).unwrap(),
        seq: u64s("seq", row).unwrap(),
        id: text("id", row).unwrap_or_default(),
        value: batch.column_by_name("value").and_then(|column| {
            let column = column.as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row))
        }),
        note: text("note", row),
        message: batch.column_by_name("message").map(|c| c.as_binary::<i32>().value(row).to_vec()).unwrap_or_default(),
        number: u64s("number", row),
        amount: i64s("amount", row),
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Encodes rows, handed over as batches of `batch_rows`, in small parts.
fn encode_rows(rows: &[Row], batch_rows: usize, wide: bool) -> EncodedSegment {
    let batches: Vec<RecordBatch> = rows.chunks(batch_rows).map(batch).collect();
    let write = SegmentWrite { table: &TABLE, batches: &batches, level: 0, lsn_range: (Lsn(1), Lsn(1)), wide };
    encode_sized(write, SMALL).unwrap()
}

fn stored(bytes: bytes::Bytes) -> Arc<MemoryBlobs> {
    let blobs = Arc::new(MemoryBlobs::default());
    blobs.put("a.parquet", bytes).unwrap();
    blobs
}

/// The rows that a scan of a file delivers.
fn scan_file(
    blobs: &Arc<MemoryBlobs>,
    cache: &FooterCache,
    scan: &Scan,
) -> Result<(Vec<Row>, SegmentScanStats), SegmentError> {
    let size = blobs.size("a.parquet").unwrap();
    let reader = SegmentReader::open(blobs.clone(), "a.parquet", size, cache)?;
    let mut found = Vec::new();
    let stats = reader.scan(scan, &mut |batch| {
        assert_eq!(batch.schema(), scan.delivered_schema());
        found.extend(rows_of(&batch));
        Ok(ControlFlow::Continue(()))
    })?;
    assert_eq!(stats.rows, found.len() as u64);
    Ok((found, stats))
}
