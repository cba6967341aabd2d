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
