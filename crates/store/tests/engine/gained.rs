//! A table that gained columns at its end: rows from before read as if these were absent, wherever they lie.

use std::ops::ControlFlow;
use std::sync::Arc;

use watchkeep_core::{ManualClock, SeededRandom, TimestampMs};
use watchkeep_store::{Column, ColumnKind, Rows, Scan, Store, StoreConfig, Table};

use crate::harness::{EVENTS, MESSAGE, NOW, temporary};

const NOTE: usize = 4;
const COUNT: usize = 5;
const BLOB: usize = 6;

/// [`EVENTS`], some versions later.
static GAINED: Table = Table {
    columns: &[
        EVENTS.columns[0],
        EVENTS.columns[1],
        EVENTS.columns[2],
        EVENTS.columns[3],
        Column::nullable("note", ColumnKind::Text),
        Column::nullable("count", ColumnKind::U64),
        Column::nullable("blob", ColumnKind::Bytes),
    ],
    ..EVENTS
};

fn rows(table: &'static Table, time: i64, message: &str) -> Rows {
    let mut rows = Rows::new(table);
    rows.u64(1);
    rows.u64(1);
    rows.i64(NOW + time);
    rows.bytes(message.as_bytes());
    rows
}

fn old(time: i64) -> Rows {
    let mut rows = rows(&EVENTS, time, &format!("{{\"n\":{time}}}"));
    rows.end_row();
    rows
}

fn new(time: i64, note: Option<&str>, count: Option<u64>) -> Rows {
    let mut rows = rows(&GAINED, time, &format!("{{\"n\":{time}}}"));
    rows.text_or_null(note);
    rows.u64_or_null(count);
    rows.null();
    rows.end_row();
    rows
}

/// Time, message, and the gained columns of all rows, by time.
fn read(store: &Store) -> Vec<(i64, String, String, u64, usize)> {
    let mut found = Vec::new();
    let visit = &mut |batch: &watchkeep_store::Batch| {
        for row in 0..batch.len() {
            let message = String::from_utf8(batch.bytes(MESSAGE, row).to_vec()).unwrap();
            let (note, blob) = (batch.text(NOTE, row).to_owned(), batch.bytes(BLOB, row).len());
            assert_eq!(batch.is_null(NOTE, row), note.is_empty());
            found.push((batch.times()[row] - NOW, message, note, batch.u64s(COUNT)[row], blob));
        }
        ControlFlow::Continue(())
    };
    store.scan(&Scan::new(&GAINED), visit).unwrap();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_from_before_read_as_empty_wherever_they_lie() {
    let directory = temporary();
    let clock = Arc::new(ManualClock::new(TimestampMs(NOW)));
    let open = |table: &'static Table, seed: u64| {
        let (config, clock) = (StoreConfig::small(directory.path()), clock.clone());
        let fatal = |error: &watchkeep_store::JournalError| panic!("{error}");
        async move { Store::open(config, &[table], clock, Arc::new(SeededRandom::new(seed)), fatal).await.unwrap() }
    };
    let store = open(&EVENTS, 1).await;
    store.append(old(1)).await.unwrap();
    store.seal_now().await.unwrap();
    store.compact_now().await.unwrap();
    store.append(old(2)).await.unwrap();
    store.seal_now().await.unwrap();
    store.append(old(3)).await.unwrap();
    store.close().await;
    drop(store);

    let expected = |count: usize| {
        let row = |(time, note, count): &(i64, &str, u64)| {
            (*time, format!("{{\"n\":{time}}}"), (*note).to_owned(), *count, 0)
        };
        let rows = [(1, "", 0), (2, "", 0), (3, "", 0), (4, "", 0), (5, "five", 5), (6, "six", 0)];
        rows.iter().take(count).map(row).collect::<Vec<_>>()
    };
    let store = open(&GAINED, 2).await;
    assert_eq!(read(&store), expected(3), "in a wide segment, in a narrow one, and in the journal");
    store.append(new(4, None, None)).await.unwrap();
    store.append(new(5, Some("five"), Some(5))).await.unwrap();
    store.append(new(6, Some("six"), None)).await.unwrap();
    assert_eq!(read(&store), expected(6));
    store.seal_now().await.unwrap();
    assert_eq!(read(&store), expected(6), "what was in the journal is in a segment");
    store.compact_now().await.unwrap();
    assert_eq!((read(&store), store.stats().segments), (expected(6), 1), "all of one segment");
    store.close().await;
}
