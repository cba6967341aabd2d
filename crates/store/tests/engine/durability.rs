//! Crashes at any moment: what was acknowledged comes back, and each row once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use watchkeep_store::{Append, Durability, Scan, StoreError, Table};

use crate::harness::*;

fn some_events(n: i64) -> Vec<Event> {
    (0..n).map(|row| event(row as u64 % 5, NOW + row * HOUR / 3, format!("line {row} {{\"n\":{row}}}"))).collect()
}

#[test]
fn an_append_is_seen_at_once_and_after_a_crash() {
    for durability in [Durability::Fsync, Durability::Interval(Duration::from_millis(50)), Durability::Os] {
        let mut bench = Bench::with(|config| config.durability = durability);
        let mut expected = bench.append_events(&some_events(10));
        assert_eq!(bench.all_events(), expected);
        bench.crash();
        assert_eq!(bench.all_events(), expected);
        bench.seal();
        expected.extend(bench.append_events(&some_events(3)));
        bench.crash();
        assert_eq!(bench.all_events(), expected);
        bench.reopen();
        assert_eq!(bench.all_events(), expected);
    }
}

#[test]
fn rows_of_two_tables_become_durable_together() {
    let mut bench = Bench::new();
    let points: Vec<Point> = (0..5).map(|n| Point { time: NOW + n, name: format!("p{n}"), value: None }).collect();
    let events = some_events(4);
    let (first, second) = events.split_at(2);
    let append = Append::new().and(event_rows(first)).and(point_rows(&points)).and(event_rows(second));
    let lsn = bench.append(append);
    for _ in 0..2 {
        assert_eq!(bench.all_events(), numbered(lsn, &events));
        let mut found = bench.points(&Scan::new(&POINTS));
        found.sort_by_key(|(seq, _)| *seq);
        assert_eq!(found, numbered(lsn, &points));
        bench.crash();
    }
    assert_eq!(bench.append(Append::new()), lsn, "nothing to append");
}

/// The process may end before or after any file is written, while sealing and while compacting.
#[test]
fn a_crash_while_segments_are_written_loses_and_repeats_nothing() {
    let (mut bench, blobs) = Bench::in_memory();
    let images: Arc<Mutex<Vec<TempDir>>> = Arc::default();
    let (taken, data_dir) = (images.clone(), bench.path().to_owned());
    *blobs.around_put.lock().unwrap() = Some(Box::new(move || taken.lock().unwrap().push(image_of(&data_dir))));

    let points = |n: i64| point_rows(&[Point { time: NOW + n, name: "p".into(), value: None }]);
    let mut expected = bench.append_events(&some_events(12));
    bench.append(points(1));
    bench.seal();
    let sealed = images.lock().unwrap().len();
    assert_eq!(sealed, 10, "four windows of events and one of points, an image before and after each");
    expected.extend(bench.append_events(&some_events(12)));
    bench.append(points(2));
    bench.seal();
    bench.compact();
    *blobs.around_put.lock().unwrap() = None;
    let images: Vec<TempDir> = std::mem::take(&mut *images.lock().unwrap());
    assert!(images.len() >= 3 * sealed, "{}", images.len());
    for (index, image) in images.into_iter().enumerate() {
        bench.resume(image).unwrap();
        let found = bench.all_events();
        let whole = if index < sealed { &expected[..12] } else { &expected[..] };
        assert_eq!(found, whole, "image {index}");
        let expected_points = if index < sealed { 1 } else { 2 };
        assert_eq!(bench.points(&Scan::new(&POINTS)).len(), expected_points, "image {index}");
        bench.seal();
        assert_eq!(bench.points(&Scan::new(&POINTS)).len(), expected_points, "image {index}, sealed again");
        assert_eq!(bench.all_events(), whole, "image {index}, sealed again");
    }
    // What the crashes left behind is removed once it is old.
    let files = blobs_of(&blobs).len() as u64;
    let segments = bench.store().stats().segments;
    assert!(files > segments);
    bench.advance(Duration::from_secs(2 * 3600));
    bench.compact();
    bench.retain();
    bench.advance(Duration::from_secs(120));
    bench.retain();
    assert_eq!(blobs_of(&blobs).len() as u64, bench.store().stats().segments);
    assert_eq!(bench.all_events(), expected);
}

fn blobs_of(blobs: &Faulty) -> Vec<String> {
    watchkeep_store::BlobStore::list(blobs, "data").unwrap()
}

/// Frames say which frames before them are on the disk, and damage to those is no torn tail: that tells from outside whether
/// the journal was synced before rows of it were published.
#[test]
fn nothing_is_published_ahead_of_the_journal() {
    let blobs = Arc::new(Faulty::default());
    let given = blobs.clone();
    let mut bench = Bench::with(move |config| {
        config.blobs = watchkeep_store::BlobConfig::Given(given);
        config.durability = Durability::Os;
    });
    bench.append_events(&some_events(1));
    bench.append(point_rows(&[Point { time: NOW, name: "the_point".into(), value: None }]));
    *blobs.fail_puts_of.lock().unwrap() = Some("points");
    bench.runtime.block_on(bench.store().seal_now()).unwrap_err();
    assert_eq!(bench.store().stats().segments, 1, "events are published, points are not");
    bench.append_events(&some_events(1));
    let image = bench.image();
    for file in std::fs::read_dir(image.path().join("journal")).unwrap() {
        let file = file.unwrap().path();
        let mut bytes = std::fs::read(&file).unwrap();
        if let Some(at) = memchr::memmem::find(&bytes, b"the_point") {
            bytes[at] ^= 1;
            std::fs::write(&file, bytes).unwrap();
        }
    }
    let refused = bench.resume(image).unwrap_err();
    assert!(refused.is_damage(), "{refused}");
}

/// Journal and catalog are two places of truth: after a publish the journal still has the frames for a while.
#[test]
fn frames_that_are_published_are_not_replayed() {
    let mut bench = Bench::new();
    let expected = bench.append_events(&some_events(20));
    let before = bench.image();
    bench.seal();
    // The catalog and the segments of after the publish, with the journal of before: it was not recycled yet.
    let after = bench.image();
    std::fs::remove_dir_all(after.path().join("journal")).unwrap();
    std::fs::rename(before.path().join("journal"), after.path().join("journal")).unwrap();
    bench.resume(after).unwrap();
    assert_eq!(bench.all_events(), expected);
    assert_eq!(bench.store().stats().memory_rows, 0, "all of it was published");
}

#[test]
fn the_journal_is_recycled_once_every_table_is_past_it() {
    let bench = Bench::new();
    let files = || std::fs::read_dir(bench.path().join("journal")).unwrap().count();
    let long = |n: usize| vec![event(1, NOW, "x".repeat(2000)); n];
    bench.append(point_rows(&[Point { time: NOW, name: "p".into(), value: Some(1.0) }]));
    let mut most = 0;
    for round in 0..40 {
        bench.append_events(&long(20));
        if round % 10 == 9 {
            bench.seal();
        }
        most = most.max(files());
    }
    assert!(most < 16, "{most} files of 64 KiB for 1.6 MB of frames");
    assert_eq!(bench.all_events().len(), 800);
}

#[test]
fn a_seal_that_fails_keeps_its_rows_and_is_tried_again() {
    use std::sync::atomic::Ordering;
    let (mut bench, blobs) = Bench::in_memory();
    let mut expected = bench.append_events(&some_events(9));
    blobs.fail_puts.store(true, Ordering::SeqCst);
    let refused = bench.runtime.block_on(bench.store().seal_now()).unwrap_err();
    assert!(refused.is_retryable() && matches!(refused, StoreError::Blob(_)), "{refused}");
    assert_eq!(bench.all_events(), expected, "frozen rows are still seen");
    expected.extend(bench.append_events(&some_events(2)));
    assert_eq!(bench.all_events(), expected);
    bench.crash();
    assert_eq!(bench.all_events(), expected);
    blobs.fail_puts.store(false, Ordering::SeqCst);
    bench.seal();
    assert_eq!((bench.all_events(), bench.store().stats().memory_rows), (expected.clone(), 0));

    blobs.fail_puts.store(true, Ordering::SeqCst);
    expected.extend(bench.append_events(&some_events(2)));
    bench.runtime.block_on(bench.store().seal_now()).unwrap_err();
    expected.extend(bench.append_events(&some_events(2)));
    blobs.fail_puts.store(false, Ordering::SeqCst);
    bench.seal();
    assert_eq!((bench.all_events(), bench.store().stats().memory_rows), (expected, 0), "old and new rows are sealed");
}

#[test]
fn a_table_added_later_starts_empty_and_a_missing_one_is_noticed() {
    let mut bench = Bench::new();
    bench.append_events(&some_events(3));
    bench.close();
    let open = |bench: &Bench, tables: &[&'static Table]| {
        let random = Arc::new(watchkeep_core::SeededRandom::new(1));
        let open = watchkeep_store::Store::open(bench.config.clone(), tables, bench.clock.clone(), random, |_| {});
        bench.runtime.block_on(open)
    };
    let refused = open(&bench, &[&POINTS]).unwrap_err();
    assert!(matches!(refused, StoreError::UnknownRows { table: 1, .. }), "{refused}");
    static LATER: Table = Table { name: "later", id: 9, ..POINTS_COPY };
    const POINTS_COPY: Table = Table {
        name: "copy",
        id: 8,
        columns: POINTS.columns,
        time: 0,
        sort: &[1, 0],
        retention_key: &[],
        text: None,
        bloom: &[],
        window_ms: HOUR,
        labels: &[],
    };
    let store = open(&bench, &[&EVENTS, &POINTS, &LATER]).unwrap();
    assert_eq!(scan_events(&store, &Scan::new(&EVENTS)).0.len(), 3);
    let mut rows = watchkeep_store::Rows::new(&LATER);
    rows.i64(1);
    rows.text("x");
    rows.null();
    rows.end_row();
    bench.runtime.block_on(store.append(rows)).unwrap();
    bench.runtime.block_on(store.close());
    drop(store);
    let store = open(&bench, &[&EVENTS, &POINTS, &LATER]).unwrap();
    assert_eq!(store.stats().memory_rows, 4);
}

/// A publish may take effect though its answer is lost; when it is tried again, the watermarks of other tables have moved on in
/// memory, but not in the catalog. The journal must keep what the catalog asks for after a crash.
#[test]
fn a_publish_whose_answer_was_lost_releases_only_what_it_published() {
    let mut bench = Bench::new();
    bench.append(point_rows(&[Point { time: NOW, name: "p".into(), value: None }]));
    bench.seal();
    bench.in_catalog(
        "create trigger lost before insert on segment when new.table_name = 'events' begin select raise(abort, 'lost'); end",
    );
    // Several files of the journal.
    for n in 0..6 {
        bench.append_events(&[event(1, NOW, noise(n, 40_000))]);
    }
    bench.runtime.block_on(bench.store().seal_now()).unwrap_err();
    // As if it had been committed while the points were still being sealed.
    bench.in_catalog("drop trigger lost; update watermark set lsn = lsn + 6 where table_id = 1");
    bench.seal();
    assert_eq!((bench.store().stats().memory_rows, bench.store().stats().segments), (0, 2));
    bench.crash();
    assert_eq!(bench.points(&Scan::new(&POINTS)).len(), 1);
}
