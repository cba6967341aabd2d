//! Rows under keys of their owners: nothing of them is on disk in clear, nothing of them is read while their key cannot be used,
//! and nothing of them is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::ports::{DataKeyError, EncryptionContext};
use watchkeep_store::{EncryptionKey, LockedKey, MASTER_KEY, MasterKey, Scan, StoreConfig, StoreError, check};

use crate::harness::*;
use crate::owners::{Master, Owners};

const RED: &str = "key/red";
const BLUE: &str = "key/blue";

/// A message that would be found.
const SECRET: &str = "the quick brown fox";

/// As long as a data key is used without asking.
const TRUSTED: Duration = Duration::from_secs(60);

/// A store that can encrypt, and the keys.
fn bench() -> (Bench, Arc<Owners>) {
    let bench = Bench::with(|config: &mut StoreConfig| config.master_key = MasterKey(Some(Arc::new(Master))));
    let owners = Owners::new();
    bench.store().set_data_keys(owners.clone());
    (bench, owners)
}

fn context() -> EncryptionContext {
    BTreeMap::from([("group".to_owned(), "1".to_owned())])
}

impl Bench {
    fn key(&self, key: &str) -> Result<Arc<EncryptionKey>, StoreError> {
        self.runtime.block_on(self.store().encryption_key(key, &context()))
    }

    fn append_encrypted(&self, key: &str, events: &[Event]) -> Vec<Numbered<Event>> {
        let key = self.key(key).unwrap();
        numbered(self.append(event_rows(events).encrypted_under(Some(key))), events)
    }

    /// All events that can be read, by sequence number, and how much was passed over.
    fn readable(&self) -> (Vec<Numbered<Event>>, u64) {
        let (mut events, stats) = self.events(&Scan::new(&EVENTS));
        events.sort_by_key(|(seq, _)| *seq);
        (events, stats.locked)
    }
}

fn secrets(group: u64, count: i64) -> Vec<Event> {
    (0..count).map(|n| event(group, NOW + n, format!("{SECRET} {n}"))).collect()
}

/// Files below the directory that have the secret in them.
fn files_with_secret(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with_secret(&path));
        } else if std::fs::read(&path).is_ok_and(|bytes| memchr(&bytes)) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

fn memchr(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

fn is_locked<T>(outcome: Result<T, StoreError>, of: &str) -> bool {
    matches!(outcome, Err(StoreError::Locked(LockedKey { key, source: DataKeyError::Disabled(_) })) if key == of)
}

#[test]
fn nothing_of_encrypted_rows_is_on_disk_in_clear_and_all_of_them_are_read() {
    let (mut bench, owners) = bench();
    let mut expected = bench.append_encrypted(RED, &secrets(1, 50));
    expected.extend(bench.append_events(&[event(2, NOW, "plain")]));
    assert_eq!(bench.readable(), (expected.clone(), 0));
    assert_eq!(files_with_secret(bench.path()), [""; 0], "in the journal");
    bench.crash();
    bench.store().set_data_keys(owners);
    assert_eq!(bench.readable(), (expected.clone(), 0), "from the journal");
    bench.seal();
    assert_eq!(bench.segment_files().len(), 2, "those under a key are by themselves");
    assert_eq!(bench.readable(), (expected.clone(), 0));
    expected.extend(bench.append_encrypted(RED, &secrets(1, 50)));
    bench.seal();
    bench.compact();
    assert_eq!(bench.store().stats().segments, 2);
    assert_eq!(bench.readable(), (expected.clone(), 0));
    let fox = Scan::new(&EVENTS).text(with_word("fox"));
    assert_eq!(bench.events(&fox).0.len(), 100);
    assert_eq!(files_with_secret(bench.path()), [""; 0], "in segments and the catalog");
    let names: Vec<String> = bench.segment_files().iter().map(|path| path.display().to_string()).collect();
    assert_eq!(names.iter().filter(|name| name.ends_with(".encrypted")).count(), 3, "{names:?}");
}

#[test]
fn a_disabled_key_locks_its_rows_and_no_others_until_it_is_enabled_again() {
    let (bench, owners) = bench();
    let red = bench.append_encrypted(RED, &secrets(1, 3));
    let mut others = bench.append_encrypted(BLUE, &secrets(2, 3));
    bench.seal();
    let red = [red, bench.append_encrypted(RED, &secrets(1, 3))].concat();
    others.extend(bench.append_events(&[event(3, NOW, "plain")]));
    owners.disable(RED);
    let all = |others: &[Numbered<Event>]| {
        let mut all = [red.clone(), others.to_vec()].concat();
        all.sort_by_key(|(seq, _)| *seq);
        all
    };
    assert_eq!(bench.readable(), (all(&others), 0), "for as long as it is trusted");
    bench.advance(TRUSTED);
    assert_eq!(bench.readable(), (others.clone(), 2), "neither in memory nor in segments");
    assert!(is_locked(bench.key(RED), RED));
    others.extend(bench.append_encrypted(BLUE, &secrets(2, 1)));
    bench.seal();
    bench.compact();
    bench.retain();
    assert_eq!(bench.readable(), (others.clone(), 2), "they are sealed, and otherwise left alone");
    owners.enable(RED);
    bench.advance(Duration::from_secs(5));
    assert_eq!(bench.readable(), (all(&others), 0));
    bench.compact();
    assert_eq!((bench.store().stats().segments, bench.readable()), (3, (all(&others), 0)));
}

#[test]
fn a_crash_while_the_key_is_disabled_loses_nothing() {
    let (mut bench, owners) = bench();
    let red = bench.append_encrypted(RED, &secrets(1, 3));
    owners.disable(RED);
    bench.crash();
    bench.store().set_data_keys(owners.clone());
    assert_eq!(bench.readable(), (Vec::new(), 1));
    bench.seal();
    assert_eq!(bench.readable(), (Vec::new(), 1));
    bench.reopen();
    assert_eq!(bench.readable(), (Vec::new(), 1), "nobody keeps the keys yet");
    owners.enable(RED);
    bench.store().set_data_keys(owners);
    bench.advance(Duration::from_secs(5));
    assert_eq!(bench.readable(), (red, 0));
}

#[test]
fn rows_of_one_append_under_different_keys_have_numbers_of_their_own() {
    let (mut bench, owners) = bench();
    let (red, blue) = (bench.key(RED).unwrap(), bench.key(BLUE).unwrap());
    let events = [secrets(1, 2), secrets(2, 2), secrets(3, 1)].concat();
    let append = watchkeep_store::Append::new()
        .and(event_rows(&events[..1]).encrypted_under(Some(red.clone())))
        .and(event_rows(&events[2..4]).encrypted_under(Some(blue)))
        .and(event_rows(&events[1..2]).encrypted_under(Some(red)))
        .and(event_rows(&events[4..]));
    let expected = numbered(bench.append(append), &events);
    assert_eq!(bench.readable(), (expected.clone(), 0));
    bench.crash();
    bench.store().set_data_keys(owners);
    bench.seal();
    assert_eq!((bench.readable(), bench.store().stats().segments), ((expected, 0), 3));
}

#[test]
fn data_keys_are_used_for_a_month_and_the_older_ones_still_open() {
    let (bench, _) = bench();
    let first = bench.append_encrypted(RED, &secrets(1, 1));
    bench.advance(Duration::from_secs(29 * 24 * 3600));
    let same = bench.append_encrypted(RED, &secrets(1, 1));
    bench.advance(Duration::from_secs(2 * 24 * 3600));
    let next = bench.append_encrypted(RED, &secrets(1, 1));
    bench.seal();
    assert_eq!(bench.store().stats().segments, 2);
    assert_eq!(bench.readable(), ([first, same, next].concat(), 0));
}

#[test]
fn rows_are_told_apart_by_their_data_key() {
    let (bench, owners) = bench();
    let red = bench.append_encrypted(RED, &secrets(1, 2));
    bench.seal();
    let plain = bench.append_events(&[event(3, NOW, "plain")]);
    let keys = bench.store().data_keys_of(&EVENTS, NOW..i64::MAX);
    let found: Vec<_> = keys.iter().map(|key| bench.events(&Scan::new(&EVENTS).under(*key)).0).collect();
    assert_eq!(found, [plain, red]);
    assert!(bench.store().data_keys_of(&EVENTS, NOW + 2..NOW + 9).is_empty());
    owners.delete(RED);
    bench.advance(TRUSTED);
    let stats = bench.events(&Scan::new(&EVENTS)).1;
    assert_eq!((stats.rows, stats.locked, stats.lost), (1, 0, 1), "there is no way back");
}

#[test]
fn without_a_master_key_nothing_is_encrypted() {
    let bench = Bench::new();
    bench.store().set_data_keys(Owners::new());
    let key = bench.key(RED);
    assert!(matches!(&key, Err(StoreError::Locked(LockedKey { source: DataKeyError::Unavailable(_), .. }))), "{key:?}");
}

#[test]
fn checking_finds_damage_in_encrypted_segments_without_any_key() {
    let (mut bench, _) = bench();
    bench.append_encrypted(RED, &secrets(1, 100));
    bench.seal();
    bench.close();
    let report = |bench: &Bench| bench.runtime.block_on(check(&bench.config, bench.clock.clone())).unwrap();
    assert_eq!((report(&bench).damage, report(&bench).segments), (Vec::new(), 1));
    let file = bench.segment_files().remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let damage = report(&bench).damage;
    assert_eq!(damage.len(), 1, "{damage:?}");
    bench.open().unwrap();
}

#[test]
fn a_cell_is_opened_by_the_number_of_its_key_only_while_the_key_can_be_used() {
    let (bench, owners) = bench();
    let random = watchkeep_core::SeededRandom::new(5);
    for (name, can_be_disabled) in [(RED, true), (MASTER_KEY, false)] {
        let key = bench.key(name).unwrap();
        let cell = key.seal(b"place", SECRET.as_bytes(), &random).unwrap();
        let opened = |bench: &Bench| {
            let key = bench.runtime.block_on(bench.store().data_key(key.id()))?;
            Ok::<_, StoreError>(key.open(b"place", &cell))
        };
        assert_eq!(opened(&bench).unwrap().as_deref(), Some(SECRET.as_bytes()));
        owners.disable(name);
        bench.clock.advance(TRUSTED);
        match opened(&bench) {
            Ok(opened) => assert_eq!((opened.as_deref(), can_be_disabled), (Some(SECRET.as_bytes()), false)),
            Err(StoreError::Locked(locked)) => assert!(can_be_disabled, "{locked}"),
            Err(error) => panic!("{error}"),
        }
    }
}
