//! What is in the file, as other readers of Parquet see it, and what the catalog is told of it.

use std::collections::BTreeMap;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::rows::Sizes;
use super::super::write::encode_sized;
use super::super::{SegmentError, SegmentWrite, encode};
use super::*;

fn message_row(n: u64, message: &str) -> Row {
    Row {
        group: 1,
        stream: 2,
        time: n as i64,
        seq: n,
        id: "same".to_owned(),
        value: Some(0.5),
        note: None,
        message: message.as_bytes().to_vec(),
        number: None,
        amount: Some(-1),
    }
}

/// Every column of a file by its name: its type, and its values as text.
fn columns_of(segment: &EncodedSegment) -> BTreeMap<String, (String, Vec<String>)> {
    let mut columns: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(segment.bytes.clone()).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let options = FormatOptions::new().with_null("-");
            let values = ArrayFormatter::try_new(array, &options).unwrap();
            let column = columns.entry(field.name().clone()).or_default();
            column.0 = field.data_type().to_string();
            column.1.extend((0..array.len()).map(|row| values.value(row).to_string()));
        }
    }
    columns
}

/// The shredded columns of messages: name, type, and values joined with spaces.
fn shredded(messages: &[&str]) -> Vec<String> {
    let rows: Vec<Row> = messages.iter().enumerate().map(|(n, message)| message_row(n as u64, message)).collect();
    let columns = columns_of(&encode_rows(&rows, 3, true));
    assert_eq!(columns["message"].1.len(), messages.len());
    let shredded = columns.into_iter().filter(|(name, _)| name.starts_with("f_"));
    shredded.map(|(name, (kind, values))| format!("{name} {kind}: {}", values.join(" "))).collect()
}

#[test]
fn fields_of_messages_become_columns() {
    let columns = shredded(&[
        r#"{"level":"INFO","n":1,"f":1,"ok":true,"mix":1,"odd":"a","in":{"a":[10,"x"]},"big":9007199254740993}"#,
        r#"{"level":"INFO","n":-2,"f":2.5,"ok":false,"mix":"one","odd":1.5,"in":{"a":[20,"x"]},"big":0.5}"#,
        "plain text",
        r#"{"level":"WARN","n":null,"mix":true}"#,
        r#"{"level":"WARN","n":3,"mix":"one"}"#,
        r#"{"mix":1,"u":18446744073709551615}"#,
        r#"{"mix":1,"u":18446744073709551615,"level":"WARN""#,
    ]);
    insta::assert_snapshot!(columns.join("\n"), @"
    f_f Float64: 1.0 2.5 - - - - -
    f_in.a.0 Int64: 10 20 - - - - -
    f_in.a.1 Dictionary(Int32, Utf8): x x - - - - -
    f_level Dictionary(Int32, Utf8): INFO INFO - WARN WARN - -
    f_n Int64: 1 -2 - - 3 - -
    f_ok Boolean: true false - - - - -
    ");
}

#[test]
fn fields_that_are_rare_or_mostly_distinct_get_no_column() {
    let message = |n: u64| match n {
        77 => r#"{"rare":1,"kind":"a"}"#.to_owned(),
        _ => format!(r#"{{"request":"r{n}","kind":"{}"}}"#, n % 5),
    };
    let rows: Vec<Row> = (0..250).map(|n| message_row(n, &message(n))).collect();
    let batches = [batch(&rows)];
    let write = SegmentWrite { table: &TABLE, batches: &batches, level: 1, lsn_range: (Lsn(1), Lsn(9)), wide: true };
    let columns = columns_of(&encode_sized(write, Sizes::default()).unwrap());
    let names: Vec<&str> = columns.keys().map(String::as_str).filter(|name| name.starts_with("f_")).collect();
    assert_eq!(names, ["f_kind"]);
    // In row groups of 50 rows the rare field is frequent in one of them.
    let columns = columns_of(&encode_sized(write, SMALL).unwrap());
    assert_eq!(columns["f_rare"].1.iter().filter(|value| *value != "-").count(), 1);
}

#[test]
fn only_wide_segments_are_shredded() {
    let rows = [message_row(1, r#"{"n":1}"#)];
    assert!(columns_of(&encode_rows(&rows, 1, true)).contains_key("f_n"));
    assert!(!columns_of(&encode_rows(&rows, 1, false)).contains_key("f_n"));
}

#[test]
fn the_catalog_is_told_bounds_and_counts() {
    let rows: Vec<Row> = (3..6).map(|n| message_row(n, r#"{"level":"INFO","n":1}"#)).collect();
    let segment = encode_rows(&rows, 2, true);
    let sizes = regex_free_sizes(&segment.columns);
    insta::assert_snapshot!(sizes, @r#"
    amount {"values":3,"nulls":0,"bytes":null,"min":"-1","max":"-1"}
    f_level {"values":3,"nulls":0,"bytes":null}
    f_n {"values":3,"nulls":0,"bytes":null,"min":"1","max":"1"}
    group {"values":3,"nulls":0,"bytes":null,"min":"1","max":"1"}
    group_name {"values":3,"nulls":0,"bytes":null,"min":"group 1","max":"group 1"}
    id {"values":3,"nulls":0,"bytes":null,"min":"same","max":"same"}
    message {"values":3,"nulls":0,"bytes":null}
    note {"values":3,"nulls":3,"bytes":null}
    number {"values":3,"nulls":3,"bytes":null}
    seq {"values":3,"nulls":0,"bytes":null,"min":"3","max":"5"}
    stream {"values":3,"nulls":0,"bytes":null,"min":"2","max":"2"}
    ts {"values":3,"nulls":0,"bytes":null,"min":"3","max":"5"}
    value {"values":3,"nulls":0,"bytes":null,"min":"0.5","max":"0.5"}
    "#);
    assert_eq!((segment.rows, segment.window_start), (3, 0));
    assert_eq!((segment.min_time, segment.max_time), (3, 5));
    assert_eq!((segment.min_key, segment.max_key), (1, 1));
    assert_eq!(segment.raw_bytes, 3 * (6 * 8 + 4 + 22));
    let trailer = &segment.bytes[segment.bytes.len() - 8..];
    assert_eq!(segment.footer_bytes, u64::from(u32::from_le_bytes(trailer[..4].try_into().unwrap())));
}

/// Column statistics, one a line, sizes in the file left out: they change with every version of the compressor.
fn regex_free_sizes(json: &str) -> String {
    let mut columns: BTreeMap<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    for column in columns.values_mut() {
        assert!(column["bytes"].as_u64().unwrap() > 0);
        column["bytes"].take();
    }
    columns.iter().map(|(name, column)| format!("{name} {column}\n")).collect()
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let rows: Vec<Row> =
        (0..100).map(|n| message_row(n, &format!(r#"{{"level":"INFO","n":{n},"w":"w{n}"}}"#))).collect();
    assert_eq!(encode_rows(&rows, 7, true).bytes, encode_rows(&rows, 7, true).bytes);
}

#[test]
fn long_messages_make_small_row_groups_and_pages() {
    let rows: Vec<Row> = (0..20).map(|n| message_row(n, &"long ".repeat(200 + 200 * n as usize))).collect();
    let segment = encode_rows(&rows, 20, true);
    let file = ParquetRecordBatchReaderBuilder::try_new(segment.bytes.clone()).unwrap();
    let groups: Vec<i64> = file.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!((groups[0], groups.last(), groups.iter().sum::<i64>()), (2, Some(&1), 20));
    assert_eq!(scan_file(&stored(segment.bytes), &FooterCache::default(), &Scan::new(&TABLE)).unwrap().0, rows);
}

#[test]
fn rows_that_break_a_rule_are_refused() {
    let refuse = |batches: &[RecordBatch], expected: &str| {
        let write = SegmentWrite { table: &TABLE, batches, level: 0, lsn_range: (Lsn(1), Lsn(1)), wide: false };
        match encode(write) {
            Err(SegmentError::Refused { reason, .. }) => assert!(reason.contains(expected), "{reason}"),
            other => panic!("{other:?}"),
        }
    };
    let row = |n: u64| message_row(n, "m");
    refuse(&[], "none");
    refuse(&[batch(&[])], "none");
    refuse(&[batch(&[row(2), row(1)])], "sorted");
    refuse(&[batch(&[row(2)]), batch(&[]), batch(&[row(1)])], "sorted");
    refuse(&[batch(&[Row { seq: 9, ..row(1) }, Row { seq: 8, ..row(1) }])], "sorted");
    refuse(&[batch(&[row(1), Row { time: WINDOW_MS, ..row(2) }])], "two windows");
    refuse(&[batch(&[row(1)]).project(&[0, 1]).unwrap()], "columns");
}
