//! The journal as a whole, on a simulated disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use proptest::prelude::*;
use watchkeep_core::{ManualClock, Random, SeededRandom, SystemClock, TimestampMs};

use super::sim::SimDisk;
use super::*;

const SEGMENT_BYTES: u64 = limits::SEGMENT_BYTES_MIN;

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Frame>>>);

impl FrameSink for Collector {
    fn committed(&mut self, frame: Frame) {
        self.0.lock().unwrap().push(frame);
    }
}

impl Collector {
    /// The frames by their numbers, which must have come in order.
    fn frames(&self) -> BTreeMap<u64, Vec<Section>> {
        let frames = self.0.lock().unwrap();
        assert!(frames.is_sorted_by(|a, b| a.lsn < b.lsn), "frames out of order");
        frames.iter().map(|frame| (frame.lsn.0, frame.sections.clone())).collect()
    }
}

struct Opened {
    journal: Journal,
    recovery: Recovery,
    sink: Collector,
    fatal: Arc<AtomicU64>,
}

fn config() -> JournalConfig {
    JournalConfig { segment_bytes: SEGMENT_BYTES, pool: 2, disk_free_min: 0, ..JournalConfig::new("sim") }
}

fn try_open(disk: &SimDisk, config: JournalConfig, needed_from: u64) -> Result<Opened, JournalError> {
    open_published(disk, config, Published::below(Lsn(needed_from)))
}

fn open_published(disk: &SimDisk, config: JournalConfig, published: Published) -> Result<Opened, JournalError> {
    open_with_clock(disk, config, published, Arc::new(SystemClock::new()))
}

fn open_with_clock(
    disk: &SimDisk,
    config: JournalConfig,
    published: Published,
    clock: Arc<dyn Clock>,
) -> Result<Opened, JournalError> {
    let (sink, fatal) = (Collector::default(), Arc::new(AtomicU64::new(0)));
    let count = fatal.clone();
    let on_fatal = Box::new(move |_: &JournalError| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let disk = Arc::new(disk.clone());
    let (journal, recovery) = Journal::open_on(disk, config, published, Box::new(sink.clone()), clock, on_fatal)?;
    Ok(Opened { journal, recovery, sink, fatal })
}

fn open(disk: &SimDisk) -> Opened {
    try_open(disk, config(), 1).unwrap()
}

/// A payload that says who it is; every third is one that LZ4 shrinks.
fn sections(id: u64, bytes: usize) -> Vec<Section> {
    let mut payload = id.to_le_bytes().to_vec();
    if id.is_multiple_of(3) {
        payload.resize(bytes.max(8), id as u8);
    } else {
        let mut noise = vec![0; bytes.saturating_sub(8)];
        SeededRandom::new(id).fill(&mut noise);
        payload.extend(noise);
    }
    let half = payload.split_off(payload.len() / 2);
    vec![Section { table: 1, payload: payload.into() }, Section { table: id as u16, payload: half.into() }]
}

#[tokio::main(flavor = "current_thread")]
async fn append_all(journal: &Journal, frames: Vec<Vec<Section>>) -> Vec<Result<Lsn, JournalError>> {
    join_all(frames.into_iter().map(|sections| journal.append(sections))).await
}

fn append(journal: &Journal, sections: Vec<Section>) -> Result<Lsn, JournalError> {
    append_all(journal, vec![sections]).remove(0)
}

#[test]
fn frames_come_back_with_their_numbers() {
    let disk = SimDisk::new();
    let first = open(&disk);
    assert_eq!(first.recovery, Recovery { next_lsn: Lsn(1), ..Recovery::default() });
    let sent: Vec<_> = (0..40).map(|id| sections(id, 100 + 150 * id as usize)).collect();
    for (frame, lsn) in sent.iter().zip(1..) {
        assert_eq!(append(&first.journal, frame.clone()).unwrap(), Lsn(lsn));
    }
    assert_eq!(first.sink.frames().into_values().collect::<Vec<_>>(), sent);
    first.journal.close();

    let second = open(&disk);
    assert_eq!(second.sink.frames().into_values().collect::<Vec<_>>(), sent);
    assert_eq!(second.recovery.frames, 40);
    assert!(second.recovery.segments > 3, "{:?}", second.recovery);
    // Number 41 is the journal's own mark.
    assert_eq!(append(&second.journal, sections(7, 20)).unwrap(), Lsn(42));
    second.journal.close();

    let third = try_open(&disk, config(), 30).unwrap();
    assert_eq!(third.sink.frames().into_keys().collect::<Vec<_>>(), (30..=40).chain([42]).collect::<Vec<_>>());
    third.journal.close();
    assert!(check::check_disk(&disk).unwrap().is_clean());
}

#[test]
fn appenders_together_share_groups() {
    let disk = SimDisk::new();
    let opened = open(&disk);
    let syncs = disk_syncs(&disk);
    disk.set(|state| state.hold_syncs = true);
    let mut waiting = vec![opened.journal.enqueue(sections(0, 40)).unwrap()];
    disk.wait_until(|state| state.syncs == syncs + 1);
    waiting.extend((1..50).map(|id| opened.journal.enqueue(sections(id, 40)).unwrap()));
    assert!(waiting.iter_mut().all(|reply| reply.try_recv().is_err()), "J-1: not before it is durable");
    disk.set(|state| state.hold_syncs = false);
    let lsns: Vec<u64> = waiting.into_iter().map(|reply| reply.blocking_recv().unwrap().unwrap().0).collect();
    assert_eq!(lsns, (1..=50).collect::<Vec<_>>());
    assert_eq!(disk_syncs(&disk), syncs + 2, "one for the first frame, one for all that came while it was synced");
}

#[test]
fn many_threads_append() {
    let disk = SimDisk::new();
    let opened = open(&disk);
    let acknowledged = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (opened, acknowledged) = (&opened, &acknowledged);
            scope.spawn(move || {
                for id in (0..30).map(|n| thread * 1000 + n) {
                    let lsn = append(&opened.journal, sections(id, 300)).unwrap();
                    let seen = opened.sink.0.lock().unwrap().iter().any(|frame| frame.lsn == lsn);
                    assert!(seen, "the sink has the frame before its appender is woken");
                    acknowledged.lock().unwrap().insert(lsn.0, sections(id, 300));
                }
            });
        }
    });
    assert_eq!(opened.sink.frames(), *acknowledged.lock().unwrap());
    assert_eq!(open(&disk.after_kill()).sink.frames(), *acknowledged.lock().unwrap());
}

#[test]
fn released_segments_are_recycled() {
    let disk = SimDisk::new();
    let opened = open(&disk);
    let mut newest = Lsn(0);
    for id in 0..200 {
        newest = append(&opened.journal, sections(id * 3 + 1, 3000)).unwrap();
        opened.journal.release(newest);
    }
    opened.journal.close();
    let names = disk.names();
    assert!(names.len() <= 5, "{names:?}");
    let reopened = try_open(&disk, config(), newest.0).unwrap();
    assert_eq!(reopened.sink.frames().into_keys().collect::<Vec<_>>(), [newest.0]);
    // Files of the pool hold frames of earlier lives; none may come back.
    assert_eq!(append(&reopened.journal, sections(1, 10)).unwrap(), Lsn(newest.0 + 2));
    drop(reopened);
    let again = try_open(&disk, config(), newest.0).unwrap();
    assert_eq!(again.sink.frames().len(), 2);
}

#[test]
fn a_failed_sync_poisons() {
    let disk = SimDisk::new();
    let opened = open(&disk);
    append(&opened.journal, sections(1, 100)).unwrap();
    disk.set(|state| state.fail_sync = true);
    let failed = append(&opened.journal, sections(2, 100));
    assert!(matches!(failed, Err(JournalError::Poisoned)), "{failed:?}");
    let syncs = disk_syncs(&disk);
    let refused = append(&opened.journal, sections(3, 100));
    assert!(matches!(refused, Err(JournalError::Poisoned)), "{refused:?}");
    opened.journal.close();
    assert_eq!(opened.fatal.load(Ordering::SeqCst), 1);
    assert_eq!(disk_syncs(&disk), syncs, "a failed sync is never retried");
    assert_eq!(opened.sink.frames().len(), 1, "the sink never sees what is not durable");
    let restarted = open(&disk.after_power_loss(&SeededRandom::new(5)));
    assert_eq!(restarted.sink.frames()[&1], sections(1, 100));
}

/// Nothing can be appended after the writer's thread ended, whatever ended it: the process must end, too.
#[test]
fn a_panic_of_the_writer_is_fatal() {
    struct Broken;
    impl FrameSink for Broken {
        fn committed(&mut self, _: Frame) {
            panic!("a fault of the sink, on purpose");
        }
    }
    let (fatal, clock) = (Arc::new(AtomicU64::new(0)), Arc::new(SystemClock::new()));
    let count = fatal.clone();
    let on_fatal = Box::new(move |_: &JournalError| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let (disk, new) = (Arc::new(SimDisk::new()), Published::below(Lsn::FIRST));
    let (journal, _) = Journal::open_on(disk, config(), new, Box::new(Broken), clock, on_fatal).unwrap();
    assert!(matches!(append(&journal, sections(1, 100)), Err(JournalError::Poisoned)));
    drop(journal);
    assert_eq!(fatal.load(Ordering::SeqCst), 1);
}

#[test]
fn a_full_queue_refuses_at_once() {
    let disk = SimDisk::new();
    let opened = try_open(&disk, JournalConfig { queue_bytes_max: 3000, ..config() }, 1).unwrap();
    disk.set(|state| state.hold_syncs = true);
    std::thread::scope(|scope| {
        let syncs = disk_syncs(&disk);
        let first = scope.spawn(|| append(&opened.journal, sections(1, 2000)));
        disk.wait_until(|state| state.syncs > syncs);
        let refused = append(&opened.journal, sections(2, 2000));
        assert!(matches!(refused, Err(JournalError::QueueFull)), "{refused:?}");
        disk.set(|state| state.hold_syncs = false);
        assert_eq!(first.join().unwrap().unwrap(), Lsn(1));
    });
    assert_eq!(append(&opened.journal, sections(2, 2000)).unwrap(), Lsn(2));
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let disk = SimDisk::new();
    // Space for three files, and one that must stay free.
    disk.set(|state| state.free_bytes = 4 * SEGMENT_BYTES);
    let opened = try_open(&disk, JournalConfig { disk_free_min: SEGMENT_BYTES, ..config() }, 1).unwrap();
    let mut acknowledged = BTreeMap::new();
    let refused = loop {
        let frame = sections(1 + 3 * acknowledged.len() as u64, 3000);
        match append(&opened.journal, frame.clone()) {
            Ok(lsn) => drop(acknowledged.insert(lsn.0, frame)),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, JournalError::Full), "{refused}");
    assert!(acknowledged.len() >= 9, "the reserved files are used: {}", acknowledged.len());
    assert!(matches!(append(&opened.journal, sections(1, 10)), Err(JournalError::Full)));
    assert_eq!(opened.fatal.load(Ordering::SeqCst), 0);
    assert_eq!(open(&disk.after_kill()).sink.frames(), acknowledged);

    opened.journal.release(Lsn(*acknowledged.keys().last().unwrap()));
    let lsn = loop {
        match append(&opened.journal, sections(5, 3000)) {
            Ok(lsn) => break lsn,
            Err(error) => assert!(matches!(error, JournalError::Full), "{error}"),
        }
    };
    assert_eq!(lsn.0, acknowledged.len() as u64 + 1, "refused frames take no number");
}

#[test]
fn durability_decides_who_syncs() {
    let disk = SimDisk::new();
    let clock = Arc::new(ManualClock::new(TimestampMs(0)));
    let durability = Durability::Interval(Duration::from_secs(1));
    let (config_of, new) = (JournalConfig { durability, ..config() }, Published::below(Lsn::FIRST));
    let opened = open_with_clock(&disk, config_of, new, clock.clone()).unwrap();
    let syncs = disk_syncs(&disk);
    append(&opened.journal, sections(1, 100)).unwrap();
    append(&opened.journal, sections(2, 100)).unwrap();
    assert_eq!(disk_syncs(&disk), syncs, "not yet time to sync");
    disk.wait_until(|state| state.syncs > syncs);
    append(&opened.journal, sections(3, 100)).unwrap();
    clock.advance(Duration::from_secs(1));
    append(&opened.journal, sections(4, 100)).unwrap();
    disk.wait_until(|state| state.syncs >= syncs + 2);
    opened.journal.close();

    let disk = SimDisk::new();
    let opened = try_open(&disk, JournalConfig { durability: Durability::Os, ..config() }, 1).unwrap();
    let syncs = disk_syncs(&disk);
    append(&opened.journal, sections(1, 100)).unwrap();
    assert_eq!(disk_syncs(&disk), syncs, "the system writes when it likes");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(opened.journal.sync()).unwrap();
    assert_eq!(disk_syncs(&disk), syncs + 1, "but for who asks");
    runtime.block_on(opened.journal.sync()).unwrap();
    assert_eq!(disk_syncs(&disk), syncs + 1, "nothing to sync");
    let syncs = disk_syncs(&disk);
    append(&opened.journal, sections(1, 100)).unwrap();
    assert_eq!(disk_syncs(&disk), syncs);
    assert_eq!(open(&disk.after_kill()).sink.frames().len(), 2);
    opened.journal.close();
    assert_eq!(open(&disk.after_power_loss(&SeededRandom::new(1))).sink.frames().len(), 2, "closing syncs");
}

#[test]
fn what_cannot_be_is_refused() {
    let disk = SimDisk::new();
    let opened = open(&disk);
    let room = SEGMENT_BYTES as usize - 4096;
    let largest = |bytes| vec![Section { table: 1, payload: vec![0; bytes].into() }];
    assert!(matches!(append(&opened.journal, largest(room - 43)), Err(JournalError::TooLarge { .. })));
    append(&opened.journal, largest(room - 44)).unwrap();
    append(&opened.journal, Vec::new()).unwrap();
    drop(opened);
    assert_eq!(open(&disk).sink.frames()[&1], largest(room - 44));

    let check = |change: fn(&mut JournalConfig)| {
        let mut config = config();
        change(&mut config);
        assert!(matches!(validate(&config), Err(JournalError::Config { .. })), "{config:?}");
    };
    check(|config| config.segment_bytes = 100);
    check(|config| config.pool = 0);
    check(|config| config.queue_bytes_max = 0);

    let empty = SimDisk::new();
    let missing = |accept_loss| try_open(&empty, JournalConfig { accept_loss, ..config() }, 9);
    assert!(matches!(missing(false).map(drop), Err(JournalError::Missing { needed_from: Lsn(9), found: Lsn(1) })));
    assert_eq!(missing(true).unwrap().recovery.next_lsn, Lsn(9));
}

#[test]
fn numbers_in_use_by_published_rows_are_not_given_again() {
    let disk = SimDisk::new();
    let opened = open(&disk);
    append(&opened.journal, sections(1, 100)).unwrap();
    drop(opened);
    let ahead = try_open(&disk, config(), 50).unwrap();
    assert_eq!(ahead.recovery.next_lsn, Lsn(50));
    assert_eq!(append(&ahead.journal, sections(2, 100)).unwrap(), Lsn(50));
    drop(ahead);
    assert_eq!(try_open(&disk, config(), 50).unwrap().sink.frames().into_keys().collect::<Vec<_>>(), [50]);
}

/// The last frame of a journal that was not closed: by itself it might be a write that was torn.
#[test]
fn a_journal_that_ends_before_what_was_published_of_it_is_damaged() {
    let disk = SimDisk::new();
    let opened = open(&disk);
    for id in 1..=3 {
        append(&opened.journal, sections(id, 100)).unwrap();
    }
    let disk = disk.after_kill();
    let name = FileName::Segment(1).to_string();
    let third = layout(&disk.bytes(&name))[2].clone();
    disk.change(&name, |bytes| bytes[third.1.start + 40] ^= 1);
    assert_eq!(open(&disk.after_kill()).recovery.next_lsn, Lsn(3), "nothing tells it from a torn tail");

    let half = Published { all_below: Lsn(2), some_below: Lsn(4) };
    let refused = open_published(&disk, config(), half).map(drop);
    assert!(matches!(refused, Err(JournalError::Corrupt { first: Lsn(3), last: Lsn(3), .. })), "{refused:?}");
    let whole = open_published(&disk.after_kill(), config(), Published::below(Lsn(4))).unwrap();
    assert_eq!((whole.recovery.next_lsn, whole.recovery.lost_frames), (Lsn(4), 0), "what is lost is not needed");

    let accepting = JournalConfig { accept_loss: true, ..config() };
    let opened = open_published(&disk, accepting.clone(), half).unwrap();
    assert_eq!((opened.recovery.next_lsn, opened.recovery.lost_frames), (Lsn(4), 1));
    assert_eq!(append(&opened.journal, sections(4, 100)).unwrap(), Lsn(4), "its number is in use");
    let disk = disk.after_kill();
    let frames = open_published(&disk, accepting, half).unwrap().sink.frames();
    assert_eq!(frames.into_keys().collect::<Vec<_>>(), [2, 4]);
    assert_eq!(try_open(&disk, config(), 4).unwrap().sink.frames().into_keys().collect::<Vec<_>>(), [4]);
}

/// Good frames behind a bad one that was published are no part of a torn write.
#[test]
fn frames_behind_a_damaged_published_one_are_replayed() {
    let disk = SimDisk::new();
    let durability = Durability::Os;
    let opened = try_open(&disk, JournalConfig { durability, ..config() }, 1).unwrap();
    for id in 1..=3 {
        append(&opened.journal, sections(id, 100)).unwrap();
    }
    let disk = disk.after_kill();
    let name = FileName::Segment(1).to_string();
    let second = layout(&disk.bytes(&name))[1].clone();
    disk.change(&name, |bytes| bytes[second.1.start + 40] ^= 1);
    let published = Published { all_below: Lsn(1), some_below: Lsn(3) };
    let refused = open_published(&disk, config(), published).map(drop);
    assert!(matches!(refused, Err(JournalError::Corrupt { first: Lsn(2), last: Lsn(2), .. })), "{refused:?}");
    let opened = open_published(&disk, config(), Published::below(Lsn(3))).unwrap();
    assert_eq!(opened.sink.frames().into_keys().collect::<Vec<_>>(), [3]);
}

#[test]
fn files_of_another_length_are_read_and_replaced() {
    let disk = SimDisk::new();
    let opened = open(&disk);
    for id in 1..20 {
        append(&opened.journal, sections(id, 3000)).unwrap();
    }
    drop(opened);
    let longer = JournalConfig { segment_bytes: 4 * SEGMENT_BYTES, ..config() };
    let opened = try_open(&disk, longer.clone(), 1).unwrap();
    assert_eq!(opened.sink.frames().len(), 19);
    let newest = (1..40).fold(Lsn(0), |_, id| append(&opened.journal, sections(id, 3000)).unwrap());
    opened.journal.release(newest);
    drop(opened);
    let lengths: BTreeSet<usize> = disk.names().iter().map(|name| disk.bytes(name).len()).collect();
    assert_eq!(lengths, BTreeSet::from([4 * SEGMENT_BYTES as usize]));
    assert_eq!(try_open(&disk, longer, newest.0).unwrap().sink.frames().len(), 1);
}

#[test]
fn a_new_journal_begins_with_a_short_file() {
    let disk = SimDisk::new();
    let config = JournalConfig { first_segment_bytes: limits::FIRST_SEGMENT_BYTES_MIN, ..config() };
    let opened = try_open(&disk, config.clone(), 1).unwrap();
    let lengths = |disk: &SimDisk| {
        let segments = disk.names().into_iter().filter(|name| !name.starts_with("free"));
        segments.map(|name| disk.bytes(&name).len() as u64).collect::<Vec<_>>()
    };
    assert_eq!(lengths(&disk), [limits::FIRST_SEGMENT_BYTES_MIN]);
    // The third does not fit into such a file at all.
    let sent: Vec<_> = [10, 3000, 9000].into_iter().zip(1..).map(|(bytes, id)| sections(3 * id + 1, bytes)).collect();
    for frame in &sent {
        append(&opened.journal, frame.clone()).unwrap();
    }
    assert_eq!(lengths(&disk), [limits::FIRST_SEGMENT_BYTES_MIN, SEGMENT_BYTES]);
    drop(opened);
    let opened = try_open(&disk, config.clone(), 1).unwrap();
    assert_eq!(opened.sink.frames().into_values().collect::<Vec<_>>(), sent);
    opened.journal.release(Lsn(3));
    drop(opened);
    assert_eq!(lengths(&disk), [SEGMENT_BYTES], "it is not used again");
    drop(try_open(&disk, config, 3).unwrap());
    assert!(disk.names().iter().all(|name| disk.bytes(name).len() as u64 == SEGMENT_BYTES));
}

#[test]
fn works_on_the_real_file_system() {
    let directory = tempfile::tempdir().unwrap();
    let config = JournalConfig { directory: directory.path().join("journal"), ..config() };
    let open = |needed_from| {
        let published = Published::below(needed_from);
        let sink = Collector::default();
        let clock = Arc::new(SystemClock::new());
        let opened = Journal::open(config.clone(), published, Box::new(sink.clone()), clock, Box::new(|_| {}));
        opened.map(|(journal, _)| (journal, sink))
    };
    let (journal, _) = open(Lsn(1)).unwrap();
    assert!(matches!(open(Lsn(1)).map(drop), Err(JournalError::Locked { .. })));
    let frames: Vec<_> = (0..30).map(|id| sections(id, 2000)).collect();
    let newest = append_all(&journal, frames.clone()).into_iter().map(Result::unwrap).max().unwrap();
    journal.close();
    let (journal, sink) = open(Lsn(1)).unwrap();
    assert_eq!(sink.frames().into_values().collect::<Vec<_>>(), frames);
    journal.release(newest);
    journal.close();
    let report = check(&config.directory).unwrap();
    assert!(report.is_clean() && report.segments == 1, "{report:?}");
}

fn disk_syncs(disk: &SimDisk) -> u64 {
    let mut syncs = 0;
    disk.set(|state| syncs = state.syncs);
    syncs
}

fn any_durability() -> impl Strategy<Value = Durability> {
    let interval = Durability::Interval(Duration::from_millis(1));
    prop_oneof![3 => Just(Durability::Fsync), 1 => Just(interval), 1 => Just(Durability::Os)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// The model: the frames that were sent, and of them those that were acknowledged. Whenever the process or the machine ends,
    /// what comes back is in order, was sent, and is there once; all that was acknowledged is among it (J-1).
    #[test]
    fn nothing_acknowledged_is_lost(
        rounds in prop::collection::vec((1u64..60, prop::collection::vec(1usize..6000, 1..25), any::<bool>()), 1..5),
        durability in any_durability(),
        first_segment_bytes in prop::sample::select(vec![limits::FIRST_SEGMENT_BYTES_MIN, 12 << 10, SEGMENT_BYTES]),
        seed in any::<u64>(),
    ) {
        let random = SeededRandom::new(seed);
        let config = JournalConfig { durability, first_segment_bytes, ..config() };
        let mut disk = SimDisk::new();
        let (mut sent, mut acknowledged, mut known) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut needed_from = 1;
        for (power, sizes, machine_ends) in rounds {
            let machine_ends = machine_ends && durability == Durability::Fsync;
            let opened = try_open(&disk, config.clone(), needed_from).unwrap();
            let found = opened.sink.frames();
            for (lsn, frame) in &acknowledged {
                prop_assert_eq!(found.get(lsn), Some(frame), "frame {} was acknowledged", lsn);
            }
            let ids: BTreeSet<u64> = found.values().map(|frame| id_of(frame)).collect();
            prop_assert_eq!(ids.len(), found.len(), "a frame came back twice");
            for (lsn, frame) in &found {
                prop_assert_eq!(&sent[id_of(frame) as usize], frame);
                // What came back once stays: it may have been published.
                prop_assert!(known.get(lsn).is_none_or(|before| before == frame));
            }
            prop_assert!(known.keys().all(|lsn| found.contains_key(lsn)));
            known = found;

            disk.set(|state| state.power_left = Some(power));
            let begin = sent.len() as u64;
            sent.extend(sizes.iter().zip(begin..).map(|(bytes, id)| sections(id, *bytes)));
            for part in sent[begin as usize..].chunks(4) {
                for (lsn, frame) in append_all(&opened.journal, part.to_vec()).into_iter().zip(part) {
                    if let Ok(lsn) = lsn {
                        acknowledged.insert(lsn.0, frame.clone());
                        known.insert(lsn.0, frame.clone());
                    }
                }
            }
            if random.next_u64().is_multiple_of(2) && let Some(newest) = acknowledged.keys().last() {
                needed_from = *newest;
                opened.journal.release(Lsn(needed_from));
            }
            acknowledged.retain(|lsn, _| *lsn >= needed_from);
            known.retain(|lsn, _| *lsn >= needed_from);
            drop(opened);
            disk = if machine_ends { disk.after_power_loss(&random) } else { disk.after_kill() };
            prop_assert!(check::check_disk(&disk).unwrap().is_clean());
        }
    }

    /// Without fsync, power loss may take frames, but only the last ones, and it never looks like damage.
    #[test]
    fn power_loss_without_fsync_takes_only_the_end(
        sizes in prop::collection::vec(1usize..6000, 1..40),
        seed in any::<u64>(),
    ) {
        let disk = SimDisk::new();
        let config = JournalConfig { durability: Durability::Os, ..config() };
        let opened = try_open(&disk, config.clone(), 1).unwrap();
        for (bytes, id) in sizes.iter().zip(0..) {
            append(&opened.journal, sections(id, *bytes)).unwrap();
        }
        let disk = disk.after_power_loss(&SeededRandom::new(seed));
        prop_assert!(check::check_disk(&disk).unwrap().is_clean());
        let found = try_open(&disk, config, 1).unwrap().sink.frames();
        let ids: Vec<u64> = found.values().map(|frame| id_of(frame)).collect();
        prop_assert_eq!(ids, (0..found.len() as u64).collect::<Vec<_>>());
    }

    /// A flipped bit or a cut file: either nothing is lost, or the loss is reported, or it is the last frame of a journal that was
    /// not closed. Having accepted the loss, all other frames are there.
    #[test]
    fn damage_is_seen(
        sizes in prop::collection::vec(1usize..6000, 1..30),
        closed in any::<bool>(),
        damage in (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8u8, prop::bool::weighted(0.3), any::<bool>()),
    ) {
        let disk = SimDisk::new();
        let opened = open(&disk);
        let mut acknowledged = BTreeMap::new();
        for (bytes, id) in sizes.iter().zip(0..) {
            let lsn = append(&opened.journal, sections(id, *bytes)).unwrap();
            acknowledged.insert(lsn.0, sections(id, *bytes));
        }
        let (which, place, bit, cut, anywhere) = damage;
        let disk = if closed {
            drop(opened);
            disk
        } else {
            disk.after_kill()
        };
        let segments: Vec<String> = disk.names().into_iter().filter(|name| !name.starts_with("free")).collect();
        let name = &segments[which.index(segments.len())];
        let before = disk.bytes(name);
        let layout = layout(&before);
        let end = if anywhere { SEGMENT_BYTES as usize } else { layout.last().map_or(4096, |(_, range)| range.end) };
        let place = place.index(end);
        disk.change(name, |bytes| if cut { bytes.truncate(place) } else { bytes[place] ^= 1 << bit });
        // Zeros are read where the file is cut off, which may be what was there.
        let mut after = disk.bytes(name);
        after.resize(before.len(), 0);
        let is_hurt = |range: &std::ops::Range<usize>| before[range.clone()] != after[range.clone()];
        let hurt: BTreeSet<u64> = layout.iter().filter(|(_, range)| is_hurt(range)).map(|(lsn, _)| *lsn).collect();
        let header_hurt = place < 4096;

        let newest = *acknowledged.keys().last().unwrap();
        let last_segment = name == segments.last().unwrap();
        let looks_torn = !cut && !closed && hurt == BTreeSet::from([newest]);
        let only_mark = !cut && hurt == BTreeSet::from([newest + 1]);
        let refused = header_hurt || (cut && last_segment) || (!hurt.is_empty() && !looks_torn && !only_mark);
        let report = check::check_disk(&disk).unwrap();
        prop_assert_eq!(report.is_clean(), !refused && !cut, "{:?}", report);
        match try_open(&disk.after_kill(), config(), 1) {
            Ok(opened) => {
                prop_assert!(!refused, "damage went unseen");
                acknowledged.retain(|lsn, _| !hurt.contains(lsn));
                prop_assert!(opened.sink.frames() == acknowledged, "not the frames that are left");
            }
            Err(error) => {
                prop_assert!(refused, "{}", error);
                if header_hurt {
                    acknowledged.retain(|lsn, _| !layout.iter().any(|(other, _)| other == lsn));
                }
                acknowledged.retain(|lsn, _| !hurt.contains(lsn));
                let opened = try_open(&disk, JournalConfig { accept_loss: true, ..config() }, 1).unwrap();
                prop_assert!(opened.sink.frames() == acknowledged, "not the frames that are left");
            }
        }
    }

    #[test]
    fn the_fuzzers_entry_takes_anything(noise in prop::collection::vec(any::<u8>(), 0..9000), with_header in any::<bool>()) {
        let mut bytes = noise;
        if with_header {
            let header = SegmentHeader { epoch: 1, number: 2, first_lsn: Lsn(3), bytes: 9000 };
            bytes.splice(..bytes.len().min(4096), header.to_page());
        }
        prop_assert_eq!(fuzz_read(&bytes), 0);
    }
}

fn id_of(frame: &[Section]) -> u64 {
    let bytes: Vec<u8> = frame.iter().flat_map(|section| section.payload.to_vec()).collect();
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}

/// The numbers of the frames of a segment and where their bytes are, without the padding.
fn layout(bytes: &[u8]) -> Vec<(u64, std::ops::Range<usize>)> {
    let mut walk = Walk::new(bytes, &SegmentHeader::read(bytes).unwrap());
    let mut frames = Vec::new();
    while let Step::Frame { offset, frame } = walk.step() {
        let len = u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap()) as usize;
        frames.push((frame.lsn().0, offset..offset + 32 + len));
    }
    frames
}
