//! Bytes on disk that are not those that were written: found by the check, told by scans, never silently skipped.

use std::path::{Path, PathBuf};

use watchkeep_store::{CheckReport, Scan, StoreError, check};

use crate::harness::*;

fn checked(bench: &Bench) -> CheckReport {
    bench.runtime.block_on(check(&bench.config, bench.clock.clone())).unwrap()
}

fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(file, bytes).unwrap();
}

/// The file of the journal that has these bytes, and where.
fn in_journal(bench: &Bench, bytes: &[u8]) -> (PathBuf, usize) {
    let files = std::fs::read_dir(bench.path().join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let place = |file: PathBuf| {
        let content = std::fs::read(&file).unwrap();
        memchr::memmem::rfind(&content, bytes).map(|at| (file, at))
    };
    files.into_iter().find_map(place).unwrap()
}

#[test]
fn a_sound_store_has_no_damage() {
    let mut bench = Bench::new();
    bench.append_events(&[event(1, NOW, "sealed")]);
    bench.seal();
    bench.append_events(&[event(1, NOW, "in the journal")]);
    bench.close();
    let report = checked(&bench);
    assert_eq!(report.damage, []);
    assert_eq!((report.segments, report.rows, report.orphans), (1, 1, 0));
    assert!(report.journal.frames >= 1 && report.bytes > 0);
}

#[test]
fn a_directory_without_a_store_is_no_sound_store() {
    let bench = Bench::new();
    let empty = temporary();
    let config = watchkeep_store::StoreConfig::small(empty.path().join("nothing"));
    bench.runtime.block_on(check(&config, bench.clock.clone())).unwrap_err();
    assert!(!config.data_dir.exists(), "to check makes nothing");
}

#[test]
fn a_damaged_segment_is_named_and_costs_no_other_row() {
    let mut bench = Bench::new();
    bench.append_events(&[event(1, NOW, "good"), event(1, NOW + HOUR, "bad"), event(1, NOW + 2 * HOUR, "good")]);
    bench.seal();
    bench.append_events(&[event(1, NOW + HOUR, "good")]);
    bench.close();
    let bad =
        bench.segment_files().into_iter().find(|file| file.display().to_string().contains(&(NOW + HOUR).to_string()));
    let bad = bad.unwrap();
    flip(&bad, 40);
    bench.open().unwrap();
    for order in [watchkeep_store::Order::Any, watchkeep_store::Order::Ascending] {
        let (found, stats) = bench.events(&Scan::new(&EVENTS).order(order));
        assert_eq!(found.iter().filter(|(_, event)| event.message == "good").count(), 3);
        assert_eq!((found.len(), stats.segments_damaged), (3, 1));
    }
    assert_eq!(bench.store().stats().damaged_segments, 1);
    assert_eq!(bench.events(&Scan::new(&EVENTS).time(NOW..NOW + 1)).1.segments_damaged, 0, "not in the way");
    bench.compact();
    bench.retain();
    bench.seal();
    bench.compact();
    assert_eq!(bench.events(&Scan::new(&EVENTS)).0.len(), 3);
    assert!(bad.exists(), "it is left for those who want to save what can be saved");
    bench.close();
    let report = checked(&bench);
    assert_eq!(report.damage.len(), 1, "{:?}", report.damage);
    assert!(bad.ends_with(&report.damage[0].part), "{:?}", report.damage);
}

#[test]
fn a_segment_that_is_gone_or_cut_short_is_damage() {
    let mut bench = Bench::new();
    bench.append_events(&[event(1, NOW, "one"), event(1, NOW + HOUR, "two"), event(1, NOW + 2 * HOUR, "three")]);
    bench.seal();
    bench.close();
    let files = bench.segment_files();
    std::fs::remove_file(&files[0]).unwrap();
    let cut = std::fs::OpenOptions::new().write(true).open(&files[1]).unwrap();
    cut.set_len(200).unwrap();
    std::fs::write(bench.path().join("data/events/stray.parquet"), "stray").unwrap();
    let report = checked(&bench);
    assert_eq!((report.damage.len(), report.orphans), (2, 1), "{:?}", report.damage);
    bench.open().unwrap();
    let (found, stats) = bench.events(&Scan::new(&EVENTS));
    assert_eq!((found.len(), stats.segments_damaged), (1, 2));
}

#[test]
fn a_damaged_frame_of_the_journal_stops_the_start_unless_it_is_given_up() {
    let mut bench = Bench::new();
    for message in ["the first", "the damaged", "the last"] {
        bench.append_events(&[event(1, NOW, message)]);
    }
    bench.close();
    let (file, at) = in_journal(&bench, b"the damaged");
    flip(&file, at);
    let report = checked(&bench);
    assert_eq!(report.damage.len(), 1, "{:?}", report.damage);
    assert_eq!(report.damage[0].part, "journal");
    let refused = bench.open().unwrap_err();
    assert!(refused.is_damage() && matches!(refused, StoreError::Journal(_)), "{refused}");
    bench.config.accept_journal_loss = true;
    bench.open().unwrap();
    let found: Vec<String> = bench.all_events().into_iter().map(|(_, event)| event.message).collect();
    assert_eq!(found, ["the first", "the last"]);
}

#[test]
fn a_torn_tail_was_never_acknowledged() {
    let mut bench = Bench::new();
    let expected = bench.append_events(&[event(1, NOW, "acknowledged")]);
    let before = bench.image();
    bench.append_events(&[event(1, NOW, "in the making")]);
    let image = bench.image();
    bench.config.data_dir = image.path().to_owned();
    let (file, at) = in_journal(&bench, b"in the making");
    flip(&file, at + 3);
    bench.resume(image).unwrap();
    assert_eq!(bench.all_events(), expected);
    let more = bench.append_events(&[event(1, NOW, "after")]);
    bench.crash();
    assert_eq!(bench.all_events(), [expected, more].concat());
    drop(before);
}

/// The last frame of a journal that was not closed may be a write that was torn; but not if rows of it were published. New
/// frames under its number would be taken for published, and their rows would never be seen.
#[test]
fn a_journal_that_lost_its_end_gives_no_number_twice() {
    let (mut bench, blobs) = Bench::in_memory();
    let point = || point_rows(&[Point { time: NOW, name: "unpublished".into(), value: None }]);
    bench.append(point());
    let sealed = bench.append_events(&[event(1, NOW, "published")]);
    *blobs.fail_puts_of.lock().unwrap() = Some("points");
    bench.runtime.block_on(bench.store().seal_now()).unwrap_err();
    assert_eq!(bench.store().stats().segments, 1);
    let image = bench.image();
    bench.config.data_dir = image.path().to_owned();
    let (file, at) = in_journal(&bench, b"published");
    flip(&file, at);
    assert_eq!(checked(&bench).damage.len(), 1, "{:?}", checked(&bench).damage);
    let copy = image_of(image.path());
    let refused = bench.resume(image).unwrap_err();
    assert!(refused.is_damage() && matches!(refused, StoreError::Journal(_)), "{refused}");

    bench.config.accept_journal_loss = true;
    bench.resume(copy).unwrap();
    assert_eq!(bench.all_events(), sealed);
    let expected = [sealed, bench.append_events(&[event(1, NOW, "after the loss")])].concat();
    assert_eq!(bench.all_events(), expected);
    bench.crash();
    assert_eq!((bench.all_events(), bench.points(&Scan::new(&POINTS)).len()), (expected, 1));
}

#[test]
fn a_journal_file_that_is_gone_is_missed() {
    let mut bench = Bench::new();
    bench.seal();
    for n in 0..6 {
        bench.append_events(&[event(1, NOW, noise(n, 40_000))]);
    }
    bench.close();
    assert_eq!(checked(&bench).damage, []);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(bench.path().join("journal")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.extend(name.starts_with('0').then_some(path));
    }
    files.sort();
    assert!(files.len() > 2, "{files:?}");
    std::fs::remove_file(&files[0]).unwrap();
    let report = checked(&bench);
    assert!(matches!(report.damage.as_slice(), [damage] if damage.part == "journal"), "{:?}", report.damage);
    let refused = bench.open().unwrap_err();
    assert!(refused.is_damage(), "{refused}");
}

#[test]
fn a_catalog_that_does_not_fit_its_segments_is_damaged() {
    let changes = [
        "update segment set max_time = max_time + 1",
        "update segment set min_key = 0",
        "update segment set row_count = row_count + 1",
        "update segment set raw_bytes = raw_bytes + 1",
        "update segment set bytes = bytes - 1",
        "update segment set level = 1",
        "update segment set table_name = 'points'",
        "update segment set path = replace(path, '.parquet', 'x.parquet')",
    ];
    for change in changes {
        let mut bench = Bench::new();
        bench.append_events(&[event(1, NOW, "one"), event(2, NOW + 1, "two")]);
        bench.seal();
        bench.close();
        assert_eq!(checked(&bench).damage, []);
        bench.in_catalog(change);
        assert_eq!(checked(&bench).damage.len(), 1, "{change}: {:?}", checked(&bench).damage);
    }
}

#[test]
fn a_catalog_that_is_no_database_is_reported_with_the_rest() {
    let mut bench = Bench::new();
    bench.append_events(&[event(1, NOW, "the first")]);
    bench.append_events(&[event(1, NOW, "the second")]);
    bench.close();
    let (file, at) = in_journal(&bench, b"the first");
    flip(&file, at);
    let catalog = bench.path().join("catalog.sqlite");
    let mut bytes = std::fs::read(&catalog).unwrap();
    bytes[..64].fill(7);
    std::fs::write(&catalog, bytes).unwrap();
    let parts: Vec<String> = checked(&bench).damage.into_iter().map(|damage| damage.part).collect();
    assert_eq!(parts, ["journal", "catalog"]);
}

/// A catalog takes files that it does not know for leftovers and removes them: so those of another must be safe from it.
#[test]
fn segments_of_another_catalog_are_refused() {
    let (bench, blobs) = Bench::in_memory();
    let expected = bench.append_events(&[event(1, NOW, "mine")]);
    bench.seal();
    let elsewhere = temporary();
    let config = watchkeep_store::StoreConfig {
        blobs: watchkeep_store::BlobConfig::Given(blobs.clone()),
        ..watchkeep_store::StoreConfig::small(elsewhere.path())
    };
    let (tables, random) = ([&EVENTS], std::sync::Arc::new(watchkeep_core::SeededRandom::new(99)));
    let open = watchkeep_store::Store::open(config, &tables, bench.clock.clone(), random, |_| {});
    let refused = bench.runtime.block_on(open).unwrap_err();
    assert!(matches!(refused, StoreError::ForeignSegments { .. }), "{refused}");
    assert_eq!(bench.all_events(), expected);

    let mut bench = Bench::new();
    bench.append_events(&[event(1, NOW, "mine")]);
    bench.seal();
    bench.close();
    let mut lost = vec![bench.path().join("catalog.sqlite")];
    lost.extend(["-wal", "-shm"].map(|suffix| bench.path().join(format!("catalog.sqlite{suffix}"))));
    lost.iter().filter(|file| file.exists()).for_each(|file| std::fs::remove_file(file).unwrap());
    std::fs::remove_dir_all(bench.path().join("journal")).unwrap();
    let refused = bench.open().unwrap_err();
    assert!(matches!(refused, StoreError::ForeignSegments { .. }), "{refused}");
    assert_eq!(bench.segment_files().len(), 1, "nothing is removed");
}
