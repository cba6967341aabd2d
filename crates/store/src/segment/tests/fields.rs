//! Fields that stand in for the text.

use arrow::array::{ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;
use crate::scan::{AlsoIn, Choice, FieldPath, Fields, Spelling, TextFilter};

/// Scans of rows that hold these messages, the note of the second `noted`: for each row `text` or its fields.
fn check(messages: &[&str], note: Option<&str>, fields: &[(&str, Spelling)], expected: &[&str]) {
    check_of(messages, note, fields, AlsoIn::Nothing, expected);
}

/// The same for fields that the reader may find in other texts, too.
fn check_of(messages: &[&str], note: Option<&str>, fields: &[(&str, Spelling)], also_in: AlsoIn, expected: &[&str]) {
    let rows: Vec<Row> = (0..)
        .zip(messages)
        .map(|(n, message)| Row {
            time: n,
            seq: n as u64,
            id: "x".into(),
            note: note.map(str::to_owned),
            message: message.as_bytes().to_vec(),
            ..scans::EMPTY
        })
        .collect();
    let blobs = stored(encode_rows(&rows, 50, true).bytes);
    let path = |&(path, spelling): &(&str, Spelling)| FieldPath { path: path.into(), spelling, also_in };
    let fields = Fields { paths: fields.iter().map(path).collect(), unless: vec![NOTE] };
    let scan = Scan::new(&TABLE).columns(&[MESSAGE]).fields(fields).text(TextFilter::containing(b"INFO"));
    let cache = FooterCache::default();
    let reader = SegmentReader::open(blobs.clone(), "a.parquet", blobs.size("a.parquet").unwrap(), &cache).unwrap();
    let mut found = Vec::new();
    reader
        .scan(&scan, &mut |batch| {
            let columns = scan.delivered_columns();
            let first_field = columns.len() + 1;
            for row in 0..batch.num_rows() {
                if batch.num_columns() == first_field {
                    found.push(format!("text {}", String::from_utf8_lossy(&rows_of(&batch)[row].message)));
                    continue;
                }
                assert!(rows_of(&batch)[row].message.is_empty());
                let values = batch.columns()[first_field..].iter().map(|array| {
                    assert!(*array.data_type() != DataType::Utf8, "texts are in a dictionary");
                    let options = FormatOptions::new().with_null("-");
                    ArrayFormatter::try_new(array, &options).unwrap().value(row).to_string()
                });
                found.push(values.collect::<Vec<_>>().join(" "));
            }
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    assert_eq!(found, expected);
}

const LINES: &[&str] = &[
    r#"{"level":"INFO","n":1,"f":1.5}"#,
    r#"{"level":"INFO","n":2,"f":2,"x":{"y":true}}"#,
    r#"{"level":"WARN","f":3,"x":7}"#,
    r#"{"level":"WARN"}"#,
];

#[test]
fn fields_stand_in_where_all_of_them_have_columns() {
    use Spelling::{Ignored, Kept};
    // Rows are judged by who asked: the filter only skips, here the fourth, which is in a block of its own.
    check(LINES, None, &[("level", Kept), ("n", Kept)], &["INFO 1", "INFO 2", "WARN -"]);
    check(LINES, None, &[("f", Ignored)], &["1.5", "2.0", "3.0"]);
    let texts = &[&*format!("text {}", LINES[0]), &*format!("text {}", LINES[1])];
    check(LINES, None, &[("f", Kept)], texts);
    check(LINES, None, &[("level", Kept), ("absent", Kept)], texts);
    check(LINES, None, &[("x", Kept)], texts);
    check(LINES, Some(""), &[("n", Kept)], &["1", "2", "-"]);
    check(LINES, Some("noted"), &[("n", Kept)], texts);
}

#[test]
fn fields_of_other_texts_stand_in_where_every_row_has_them() {
    use Spelling::{Ignored, Kept};
    let texts = &[&*format!("text {}", LINES[0]), &*format!("text {}", LINES[1])];
    check_of(LINES, None, &[("level", Kept)], AlsoIn::OtherTexts, &["INFO", "INFO", "WARN"]);
    check_of(LINES, None, &[("level", Kept), ("f", Ignored)], AlsoIn::OtherTexts, texts);
    check_of(
        &[LINES[0], "INFO of a service"],
        None,
        &[("n", Kept)],
        AlsoIn::OtherTexts,
        &[texts[0], "text INFO of a service"],
    );
}

#[test]
fn what_was_a_boolean_is_not_among_texts() {
    use Spelling::Kept;
    let lines = &[r#"{"a":true,"l":"INFO"}"#, r#"{"a":"true","l":"INFO"}"#, r#"{"a":"true"}"#, r#"{"a":"true"}"#];
    check(lines, None, &[("a", Kept)], &[&*format!("text {}", lines[0]), &*format!("text {}", lines[1])]);
    check(&[r#"{"a":true,"l":"INFO"}"#], None, &[("a", Kept)], &["true"]);
}

/// The messages that are read of rows with these, where only those with an `f` above 1.5 are chosen; and how many were left out.
fn chosen(note: Option<&str>, of: &str, text: Option<&[u8]>) -> (Vec<String>, u64) {
    let note = note.map(str::to_owned);
    let row = |(n, message): (i64, &&str)| Row {
        time: n,
        seq: n as u64,
        note: note.clone(),
        message: message.as_bytes().to_vec(),
        ..scans::EMPTY
    };
    let rows: Vec<Row> = (0..).zip(LINES).map(row).collect();
    let blobs = stored(encode_rows(&rows, 50, true).bytes);
    let paths = [FieldPath { path: of.into(), spelling: Spelling::Ignored, also_in: AlsoIn::Nothing }];
    let wanted = |columns: &[ArrayRef]| {
        let numbers = columns[0].as_primitive::<Float64Type>();
        numbers.iter().map(|number| number.is_some_and(|number| number > 1.5)).collect()
    };
    let choice = Choice { by: Fields { paths: paths.into(), unless: vec![NOTE] }, wanted: Arc::new(wanted) };
    let mut scan = Scan::new(&TABLE).columns(&[MESSAGE]).time(0..3).choosing(choice);
    scan.text = text.map(TextFilter::containing);
    let cache = FooterCache::default();
    let reader = SegmentReader::open(blobs.clone(), "a.parquet", blobs.size("a.parquet").unwrap(), &cache).unwrap();
    let mut found = Vec::new();
    let touched = reader.scan(&scan, &mut |batch| {
        found.extend(rows_of(&batch).iter().map(|row| String::from_utf8_lossy(&row.message).into_owned()));
        Ok(ControlFlow::Continue(()))
    });
    let touched = touched.unwrap();
    assert_eq!(touched.left_out > 0, touched.left_out_bytes > 0);
    (found, touched.left_out)
}

#[test]
fn rows_are_chosen_by_their_fields_and_delivered_as_they_are() {
    let lines = |of: &[usize]| of.iter().map(|&at| LINES[at].to_owned()).collect::<Vec<_>>();
    assert_eq!(chosen(None, "f", None), (lines(&[1, 2]), 1));
    assert_eq!(chosen(None, "f", Some(b"WARN")), (lines(&[2]), 1));
    // Who reads is not asked where no column says what the texts say.
    assert_eq!(chosen(Some("noted"), "f", None), (lines(&[0, 1, 2]), 0));
    assert_eq!(chosen(None, "x", None), (lines(&[0, 1, 2]), 0));
}

#[test]
fn texts_with_an_escape_are_not_skipped() {
    // Six rows in blocks of three: the first has the word, the last writes it otherwise.
    let lines = [r#"{"a":"error"}"#, "x", "x", "y", "y", r#"{"a":"\u0065rror"}"#];
    let rows: Vec<Row> = (0..)
        .zip(lines)
        .map(|(n, line)| Row { time: n, seq: n as u64, message: line.into(), ..scans::EMPTY })
        .collect();
    let blobs = stored(encode_rows(&rows, 50, true).bytes);
    let filter = TextFilter { matches: Arc::new(|_| true), ..TextFilter::containing_all([b"\"error\"".as_slice()]) };
    let found = |scan: &Scan| {
        let (rows, _) = scan_file(&blobs, &FooterCache::default(), scan).unwrap();
        rows.iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    assert_eq!(found(&Scan::new(&TABLE).text(filter.clone())), [0, 1, 2]);
    assert_eq!(found(&Scan::new(&TABLE).text(filter.or_escaped(b"\\u00"))), [0, 1, 2, 3, 4, 5]);
    let absent = TextFilter { matches: Arc::new(|_| true), ..TextFilter::containing(b" absent ") };
    assert!(found(&Scan::new(&TABLE).text(absent.clone())).is_empty());
    assert_eq!(found(&Scan::new(&TABLE).text(absent.or_escaped(b"\\u00"))), [3, 4, 5]);
}
