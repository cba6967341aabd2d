//! Rows growing old: retention, deletion, compaction, the background, limits, opening and closing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use watchkeep_core::SeededRandom;
use watchkeep_store::{Keep, Rows, Scan, Store, StoreConfig, StoreError, Table};

use crate::harness::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn events_at(group: u64, times: impl IntoIterator<Item = i64>) -> Vec<Event> {
    times.into_iter().map(|time| event(group, time, format!("at {time}"))).collect()
}

#[test]
fn what_is_no_longer_kept_is_hidden_at_once_and_gone_later() {
    let (bench, blobs) = Bench::in_memory();
    let kept = bench.append_events(&events_at(1, [NOW, NOW + HOUR]));
    bench.append_events(&events_at(2, [NOW, NOW + 1, NOW + 2, NOW + HOUR]));
    bench.seal();
    bench.append_events(&events_at(2, [NOW, NOW + 1]));
    assert_eq!(bench.all_events().len(), 8);
    bench.keeps.set_group(2, Keep::Drop);
    assert_eq!(bench.all_events(), kept, "in memory and in segments");
    assert_eq!(bench.store().stats().segment_rows, 6);
    bench.seal();
    assert_eq!(bench.store().stats().segment_rows, 6, "what is dropped is not even written");
    bench.retain();
    assert_eq!(bench.store().stats().segment_rows, 3, "one of four was rewritten, one of two is left alone");
    bench.compact();
    assert_eq!(bench.store().stats().segment_rows, 2);
    assert_eq!(bench.all_events(), kept);
    let files = |blobs: &Faulty| watchkeep_store::BlobStore::list(blobs, "data").unwrap().len();
    assert!(files(&blobs) > 2, "for scans that began before");
    bench.advance(Duration::from_secs(61));
    bench.retain();
    assert_eq!(files(&blobs), 2);
    bench.keeps.set_group(1, Keep::Drop);
    bench.retain();
    assert_eq!(bench.store().stats().segments, 0);
}

#[test]
fn rows_expire_by_their_own_time() {
    let bench = Bench::new();
    bench.keeps.set_group(1, Keep::For(DAY));
    bench.keeps.set_points(Keep::For(2 * DAY));
    let events = bench.append_events(&events_at(1, [NOW - HOUR, NOW, NOW + HOUR]));
    bench.append(point_rows(&[Point { time: NOW, name: "p".into(), value: None }]));
    bench.seal();
    bench.advance(DAY);
    assert_eq!(bench.all_events(), events[1..], "kept to the end of the day, to the millisecond");
    bench.advance(Duration::from_millis(1));
    assert_eq!(bench.all_events(), events[2..]);
    bench.keeps.set_group(1, Keep::For(3 * DAY));
    assert_eq!(bench.all_events(), events, "nothing was removed yet");
    bench.keeps.set_group(1, Keep::For(DAY));
    bench.retain();
    assert_eq!(bench.store().stats().segments, 2, "{:?}", bench.store().stats());
    assert_eq!(bench.points(&Scan::new(&POINTS)).len(), 1);
    bench.advance(DAY);
    assert_eq!(bench.points(&Scan::new(&POINTS)), []);
    bench.retain();
    assert_eq!(bench.store().stats().segments, 0);
}

#[test]
fn compaction_leaves_one_segment_a_window() {
    let (mut bench, _) = Bench::in_memory();
    let mut expected = Vec::new();
    for round in 0..6 {
        expected.extend(bench.append_events(&events_at(round % 2, (0..9).map(|n| NOW + n * HOUR / 3 + round as i64))));
        bench.seal();
    }
    assert_eq!(bench.store().stats().segments, 18);
    bench.compact();
    assert_eq!((bench.store().stats().segments, bench.all_events()), (3, expected.clone()));
    bench.compact();
    bench.crash();
    assert_eq!((bench.store().stats().segments, bench.all_events()), (3, expected));
}

#[test]
fn compaction_that_fails_changes_nothing() {
    let (bench, blobs) = Bench::in_memory();
    let mut expected = bench.append_events(&events_at(1, [NOW, NOW + 1]));
    bench.seal();
    expected.extend(bench.append_events(&events_at(1, [NOW, NOW + 1])));
    bench.seal();
    for fails in [&blobs.fail_puts, &blobs.fail_reads] {
        fails.store(true, Ordering::SeqCst);
        assert!(bench.runtime.block_on(bench.store().compact_now()).unwrap_err().is_retryable());
        fails.store(false, Ordering::SeqCst);
        assert_eq!((bench.all_events(), bench.store().stats().segments), (expected.clone(), 2));
    }
    bench.compact();
    assert_eq!((bench.all_events(), bench.store().stats().segments), (expected, 1));
}

#[test]
fn what_cannot_be_fetched_is_an_error_and_no_damage() {
    let (bench, blobs) = Bench::in_memory();
    let expected = bench.append_events(&events_at(1, [NOW]));
    bench.seal();
    blobs.fail_reads.store(true, Ordering::SeqCst);
    let refused = bench.store().scan(&Scan::new(&EVENTS), &mut |_| std::ops::ControlFlow::Continue(())).unwrap_err();
    assert!(refused.is_retryable() && !refused.is_damage(), "{refused}");
    blobs.fail_reads.store(false, Ordering::SeqCst);
    assert_eq!((bench.all_events(), bench.store().stats().damaged_segments), (expected, 0));
}

#[test]
fn a_group_with_segments_of_its_own_expires_without_being_read() {
    let (bench, blobs) = Bench::in_memory();
    bench.append_events(&events_at(1, [NOW, NOW + 1]));
    bench.append_events(&events_at(1, [NOW + HOUR, NOW + HOUR + 1]));
    bench.seal();
    bench.keeps.set_group(1, Keep::For(DAY));
    bench.advance(DAY + Duration::from_millis(2));
    blobs.fail_reads.store(true, Ordering::SeqCst);
    bench.retain();
    blobs.fail_reads.store(false, Ordering::SeqCst);
    assert_eq!((bench.store().stats().segments, bench.all_events().len()), (1, 2));
}

#[test]
fn the_background_seals_compacts_and_forgets_by_the_clock() {
    let bench = Bench::with(|config| config.compact_files = 2);
    bench.store().start();
    let stats = || bench.store().stats();
    let step = |what: &str, done: &dyn Fn() -> bool| {
        // A task that is about to sleep when the clock moves sleeps from then on: so move it in small steps.
        eventually(&bench.runtime, what, || {
            bench.advance(Duration::from_secs(1));
            done()
        });
    };
    bench.append_events(&events_at(1, [NOW, NOW + 1]));
    bench.advance(Duration::from_secs(30));
    assert_eq!(stats().segments, 0);
    step("the first seal", &|| stats().segments == 1 && stats().memory_rows == 0);
    bench.append_events(&events_at(1, [NOW, NOW + 1]));
    step("the second seal, then one segment", &|| stats().memory_rows == 0 && stats().segments == 1);
    assert_eq!(stats().segment_rows, 4);
    bench.keeps.set_group(1, Keep::Drop);
    step("retention", &|| stats().segments == 0);
    step("removal of files", &|| bench.segment_files().is_empty());
}

#[test]
fn many_rows_are_sealed_at_once_and_too_many_are_refused() {
    let (bench, blobs) = {
        let blobs = std::sync::Arc::new(Faulty::default());
        let given = blobs.clone();
        let bench = Bench::with(move |config| {
            config.blobs = watchkeep_store::BlobConfig::Given(given);
            config.memtable_bytes = 20_000;
            config.memory_bytes_max = 60_000;
        });
        (bench, blobs)
    };
    let rows = || event_rows(&vec![event(1, NOW, "x".repeat(1000)); 11]);
    let stats = || bench.store().stats();
    // Nobody seals: appends fill the budget, wait, and are refused by the clock.
    let mut accepted = 0;
    while stats().memory_bytes < 60_000 {
        bench.append(rows());
        accepted += 11;
    }
    let (store, waiting) = (bench.store().clone(), rows());
    let waiting = bench.runtime.spawn(async move { store.append(waiting).await });
    eventually(&bench.runtime, "the append gives up", || {
        bench.advance(Duration::from_secs(1));
        waiting.is_finished()
    });
    let refused = bench.runtime.block_on(waiting).unwrap().unwrap_err();
    assert!(refused.is_retryable() && matches!(refused, StoreError::Busy { .. }), "{refused}");
    assert_eq!(bench.all_events().len(), accepted, "nothing of it was appended");
    // An append that waits goes on when memory is free, without the clock.
    let (store, waiting) = (bench.store().clone(), rows());
    let waiting = bench.runtime.spawn(async move { store.append(waiting).await });
    bench.store().start();
    bench.runtime.block_on(waiting).unwrap().unwrap();
    for _ in 0..20 {
        bench.append(rows());
        accepted += 11;
    }
    assert_eq!(bench.all_events().len(), accepted + 11);
    assert!(stats().segments > 0 && !blobs.fail_puts.load(Ordering::SeqCst));
}

#[test]
fn a_reset_forgets_everything_for_good() {
    let mut bench = Bench::new();
    bench.append_events(&events_at(1, [NOW]));
    bench.seal();
    bench.append_events(&events_at(1, [NOW]));
    bench.runtime.block_on(bench.store().reset()).unwrap();
    assert_eq!(bench.all_events(), []);
    let expected = bench.append_events(&events_at(2, [NOW]));
    for _ in 0..2 {
        assert_eq!(bench.all_events(), expected);
        assert_eq!((bench.store().stats().segments, bench.store().stats().memory_rows), (0, 1));
        bench.crash();
    }
}

#[test]
fn a_closed_store_answers_nothing_and_another_may_open_it() {
    let mut bench = Bench::new();
    let expected = bench.append_events(&events_at(1, [NOW]));
    let old = bench.store().clone();
    bench.reopen();
    assert_eq!(bench.all_events(), expected);
    let refused = bench.runtime.block_on(old.append(event_rows(&events_at(1, [NOW])))).unwrap_err();
    assert!(matches!(refused, StoreError::Closed), "{refused}");
    let refused = old.scan(&Scan::new(&EVENTS), &mut |_| std::ops::ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(refused, StoreError::Closed), "{refused}");
    bench.runtime.block_on(old.seal_now()).unwrap_or_default();
    assert_eq!(bench.all_events(), expected);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let bench = Bench::new();
    let open = |config: StoreConfig, tables: &[&'static Table]| {
        let open = Store::open(config, tables, bench.clock.clone(), std::sync::Arc::new(SeededRandom::new(1)), |_| {});
        bench.runtime.block_on(open).unwrap_err()
    };
    let error = open(bench.config.clone(), &[&EVENTS]);
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    let file = bench.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let error = open(StoreConfig::small(file.join("below")), &[&EVENTS]);
    assert!(matches!(error, StoreError::Directory { .. }), "{error}");
    let elsewhere = temporary();
    let error = open(StoreConfig::small(elsewhere.path()), &[&EVENTS, &EVENTS]);
    assert!(matches!(error, StoreError::Table { table: "events", .. }), "{error}");
    let config = StoreConfig { journal_segment_bytes: 1, ..StoreConfig::small(elsewhere.path()) };
    let error = open(config, &[&EVENTS]);
    assert!(matches!(error, StoreError::Journal(_)), "{error}");
    // A refused start leaves nothing locked.
    let (config, random) = (StoreConfig::small(elsewhere.path()), std::sync::Arc::new(SeededRandom::new(1)));
    let tables = [&EVENTS];
    let open = Store::open(config, &tables, bench.clock.clone(), random, |_| {});
    bench.runtime.block_on(open).unwrap();
}

#[test]
fn rows_that_are_not_well_formed_are_refused() {
    let bench = Bench::new();
    let mut rows = Rows::new(&EVENTS);
    rows.u64(1);
    let error = bench.runtime.block_on(bench.store().append(rows)).unwrap_err();
    assert!(matches!(error, StoreError::Rows { table: "events", .. }), "{error}");
    static OTHER: Table = Table {
        name: "other",
        id: 77,
        columns: POINTS.columns,
        time: 0,
        sort: &[],
        retention_key: &[],
        text: None,
        bloom: &[],
        window_ms: 1,
        labels: &[],
    };
    let error = bench.runtime.block_on(bench.store().append(Rows::new(&OTHER))).unwrap_err();
    assert!(matches!(error, StoreError::UnknownTable { table: "other" }), "{error}");
    let long = event_rows(&vec![event(1, NOW, "n".repeat(3000)); 30]);
    let error = bench.runtime.block_on(bench.store().append(long)).unwrap_err();
    assert!(matches!(error, StoreError::Journal(watchkeep_store::JournalError::TooLarge { .. })), "{error}");
    assert_eq!(bench.all_events(), []);
}

#[test]
fn a_table_that_cannot_be_sealed_does_not_keep_the_others_in_memory() {
    let (bench, blobs) = Bench::in_memory();
    *blobs.fail_puts_of.lock().unwrap() = Some("/events/");
    bench.append_events(&events_at(1, [NOW, NOW + 1]));
    bench.append(point_rows(&[Point { time: NOW, name: "p".into(), value: None }]));
    bench.store().start();
    eventually(&bench.runtime, "the points are sealed", || {
        bench.advance(Duration::from_secs(1));
        bench.store().stats().segments == 1
    });
    assert_eq!(bench.store().stats().memory_rows, 2);
    *blobs.fail_puts_of.lock().unwrap() = None;
    eventually(&bench.runtime, "the events are sealed", || {
        bench.advance(Duration::from_secs(1));
        bench.store().stats().memory_rows == 0
    });
}

#[test]
fn a_file_that_cannot_be_removed_does_not_keep_the_others() {
    let (bench, blobs) = Bench::in_memory();
    let files = || watchkeep_store::BlobStore::list(&*blobs, "data").unwrap();
    bench.append_events(&events_at(1, [NOW, NOW + HOUR, NOW + 2 * HOUR]));
    bench.seal();
    bench.keeps.set_group(1, Keep::Drop);
    bench.retain();
    bench.advance(Duration::from_secs(61));
    let stuck = files()[0].clone();
    *blobs.fail_deletes_of.lock().unwrap() = Some(stuck.clone());
    bench.runtime.block_on(bench.store().retain_now()).unwrap_err();
    assert_eq!(files(), [stuck]);
    *blobs.fail_deletes_of.lock().unwrap() = None;
    bench.retain();
    assert!(files().is_empty());
}

/// The process may end between the removal of a file and that of its row, or the catalog fail there.
#[test]
fn a_file_that_was_removed_before_its_row_is_no_trouble() {
    let (mut bench, blobs) = Bench::in_memory();
    let files = || watchkeep_store::BlobStore::list(&*blobs, "data").unwrap();
    bench.append_events(&events_at(1, [NOW]));
    let kept = bench.append_events(&events_at(2, [NOW + HOUR]));
    bench.seal();
    bench.keeps.set_group(1, Keep::Drop);
    bench.retain();
    bench.advance(Duration::from_secs(61));
    bench.in_catalog("create trigger stay before delete on segment begin select raise(abort, 'stays'); end");
    bench.runtime.block_on(bench.store().retain_now()).unwrap_err();
    assert_eq!(files().len(), 1);
    bench.crash();
    assert_eq!(bench.all_events(), kept);
    bench.in_catalog("drop trigger stay");
    bench.retain();
    assert_eq!((bench.all_events(), files().len()), (kept, 1));
}
