//! The journal where its frames are not in files but kept by a [`FrameLog`], which outlives this machine. Frames, groups and
//! what is promised of them are the same; there is nothing to recycle, and no torn tail, for a group is there whole or not at all.

use std::sync::Arc;

use bytes::Bytes;

use super::frame::{FrameView, Seed};
use super::queue::{Pending, Queue, Taken};
use super::{CheckReport, Damage, Frame, FrameSink, JournalError, Lsn, Published, Recovery};

/// Frames that are kept together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameGroup {
    /// The number of the first.
    pub first: Lsn,
    /// The number after the last.
    pub next: Lsn,
    /// The frames, one after the other.
    pub frames: Bytes,
}

/// Why a log did not do what was asked, as text for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FrameLogError(pub String);

/// Keeps the frames of a journal. Its functions block; they are called by threads that may.
pub trait FrameLog: Send + Sync {
    /// Keeps a group; it is durable when this returns. An error ends the journal: whether the group was kept is then unknown.
    fn append(&self, group: FrameGroup) -> Result<(), FrameLogError>;

    /// Some groups with frames from `from` on, in their order; none if there are no more.
    fn read(&self, from: Lsn) -> Result<Vec<FrameGroup>, FrameLogError>;

    /// Says that the frames below `below` are not needed any more. It does not wait.
    fn release(&self, below: Lsn);
}

/// Frames are tied to no file.
const SEED: (u64, u64) = (0, 0);

/// Hands every frame that is not published as a whole to the sink.
pub(super) fn replay(
    log: &dyn FrameLog,
    published: Published,
    sink: &mut dyn FrameSink,
) -> Result<Recovery, JournalError> {
    let needed_from = published.all_below.max(Lsn::FIRST);
    let mut recovery = Recovery { next_lsn: needed_from, ..Recovery::default() };
    loop {
        let groups = log.read(recovery.next_lsn)?;
        if groups.is_empty() {
            break;
        }
        for group in groups {
            replay_group(&group, &mut recovery, sink)?;
        }
    }
    recovery.next_lsn = recovery.next_lsn.max(published.some_below);
    Ok(recovery)
}

/// Reads all frames from `needed_from` on, and says what is wrong with them.
///
/// # Errors
///
/// Only if the log fails; damage is in the report.
pub fn check_log(log: &dyn FrameLog, needed_from: Lsn) -> Result<CheckReport, JournalError> {
    let mut report = CheckReport::default();
    let mut counted = Recovery { next_lsn: needed_from, ..Recovery::default() };
    loop {
        let groups = log.read(counted.next_lsn)?;
        let Some(first) = groups.first() else { break };
        report.first_lsn.get_or_insert(first.first);
        if let Err(damage) = groups.iter().try_for_each(|group| replay_group(group, &mut counted, &mut Nowhere)) {
            report.damage.push(Damage { segment: first.first.0, offset: 0, what: damage.to_string() });
            break;
        }
    }
    (report.segments, report.frames, report.bytes) = (counted.segments, counted.frames, counted.bytes);
    report.next_lsn = counted.next_lsn;
    Ok(report)
}

/// Takes frames and keeps nothing of them.
struct Nowhere;

impl FrameSink for Nowhere {
    fn committed(&mut self, _: Frame) {}
}

/// Hands the frames of a group to the sink, but for those that it has had.
fn replay_group(group: &FrameGroup, recovery: &mut Recovery, sink: &mut dyn FrameSink) -> Result<(), JournalError> {
    let damaged = |offset: usize, first: Lsn| JournalError::Corrupt {
        segment: group.first.0,
        offset: offset as u64,
        first,
        last: Lsn(group.next.0.saturating_sub(1)),
    };
    if group.first > recovery.next_lsn {
        return Err(JournalError::Missing { needed_from: recovery.next_lsn, found: group.first });
    }
    recovery.segments += 1;
    let seed = Seed::new(SEED.0, SEED.1);
    let (mut offset, mut lsn) = (0, group.first);
    while lsn < group.next {
        let view = group.frames.get(offset..).and_then(|rest| FrameView::read(rest, seed));
        let view = view.filter(|view| view.lsn() == lsn).ok_or_else(|| damaged(offset, lsn))?;
        if lsn >= recovery.next_lsn {
            let sections = view.sections().ok_or_else(|| damaged(offset, lsn))?;
            recovery.frames += 1;
            recovery.bytes += sections.iter().map(|section| section.payload.len() as u64).sum::<u64>();
            recovery.next_lsn = lsn.next();
            sink.committed(Frame { lsn, sections });
        }
        offset += view.size();
        lsn = lsn.next();
    }
    Ok(())
}

/// The thread that commits groups: see [`super::writer::Writer`].
pub(super) struct LogWriter {
    pub(super) log: Arc<dyn FrameLog>,
    pub(super) queue: Arc<Queue>,
    pub(super) sink: Box<dyn FrameSink>,
    /// Number of the next frame.
    pub(super) next_lsn: Lsn,
}

impl LogWriter {
    /// Commits until the queue is closed.
    pub(super) fn work(&mut self) -> Result<(), JournalError> {
        loop {
            match self.queue.take(None) {
                Taken::Group(group) => self.commit(group)?,
                Taken::Sync(waiting) => {
                    for synced in waiting {
                        // Who asked may have gone away.
                        let _ = synced.send(());
                    }
                }
                Taken::Nothing => {}
                Taken::Closed => return Ok(()),
            }
        }
    }

    fn commit(&mut self, mut group: Vec<Pending>) -> Result<(), JournalError> {
        let (first, seed) = (self.next_lsn, Seed::new(SEED.0, SEED.1));
        let next = Lsn(first.0.saturating_add(group.len() as u64));
        let mut frames = Vec::with_capacity(group.iter().map(|pending| pending.frame.size()).sum());
        for (pending, lsn) in group.iter_mut().zip(first.0..) {
            frames.extend_from_slice(pending.frame.seal(Lsn(lsn), first, seed));
        }
        self.log.append(FrameGroup { first, next, frames: frames.into() })?;
        self.next_lsn = next;
        for (pending, lsn) in group.into_iter().zip(first.0..) {
            let lsn = Lsn(lsn);
            self.sink.committed(Frame { lsn, sections: pending.sections });
            drop(pending.reserved);
            // The appender may have gone away; its frame counts all the same.
            let _ = pending.reply.send(Ok(lsn));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::super::{Journal, JournalConfig, Section};
    use super::*;

    /// A log in memory, which can be taken away.
    #[derive(Default)]
    struct MemoryLog {
        groups: Mutex<Vec<FrameGroup>>,
        gone: Mutex<bool>,
    }

    impl FrameLog for MemoryLog {
        fn append(&self, group: FrameGroup) -> Result<(), FrameLogError> {
            if *self.gone.lock().unwrap() {
                return Err(FrameLogError("gone".into()));
            }
            self.groups.lock().unwrap().push(group);
            Ok(())
        }

        fn read(&self, from: Lsn) -> Result<Vec<FrameGroup>, FrameLogError> {
            // Two at a time, so that reading goes on.
            Ok(self.groups.lock().unwrap().iter().filter(|group| group.next > from).take(2).cloned().collect())
        }

        fn release(&self, below: Lsn) {
            self.groups.lock().unwrap_or_else(PoisonError::into_inner).retain(|group| group.next > below);
        }
    }

    struct Seen(Frames);

    impl FrameSink for Seen {
        fn committed(&mut self, frame: Frame) {
            self.0.lock().unwrap().push((frame.lsn.0, frame.sections[0].payload.to_vec()));
        }
    }

    type Frames = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

    type Opened = Result<(Journal, Recovery), JournalError>;

    fn open(log: &Arc<MemoryLog>, published: Published) -> (Opened, Frames) {
        let seen = Frames::default();
        let opened = Journal::open_log(
            log.clone(),
            &JournalConfig::new(""),
            published,
            Box::new(Seen(seen.clone())),
            Box::new(|_| {}),
        );
        (opened, seen)
    }

    fn section(text: &[u8]) -> Vec<Section> {
        vec![Section { table: 1, payload: text.to_vec().into() }]
    }

    #[tokio::test]
    async fn whoever_opens_the_log_next_sees_all_that_was_acknowledged() {
        let log = Arc::new(MemoryLog::default());
        let (opened, _) = open(&log, Published::below(Lsn::FIRST));
        let (journal, recovery) = opened.unwrap();
        assert_eq!(recovery.next_lsn, Lsn::FIRST);
        let long = vec![7; 100_000];
        for (lsn, text) in [(1, b"a".as_slice()), (2, &long), (3, b""), (4, b"d"), (5, b"e")] {
            assert_eq!(journal.append(section(text)).await.unwrap(), Lsn(lsn));
        }
        journal.sync().await.unwrap();
        // Without an orderly end.
        std::mem::forget(journal);
        let (opened, seen) = open(&log, Published::below(Lsn(2)));
        let (journal, recovery) = opened.unwrap();
        assert_eq!((recovery.frames, recovery.next_lsn), (4, Lsn(6)));
        let expected = vec![(2, long), (3, Vec::new()), (4, b"d".to_vec()), (5, b"e".to_vec())];
        assert_eq!(*seen.lock().unwrap(), expected);
        journal.release(Lsn(5));
        assert_eq!(log.groups.lock().unwrap().len(), 1);
        assert_eq!(journal.append(section(b"f")).await.unwrap(), Lsn(6));
        journal.close();
        let (opened, _) = open(&log, Published { all_below: Lsn(7), some_below: Lsn(9) });
        assert_eq!(opened.unwrap().1.next_lsn, Lsn(9));
    }

    #[tokio::test]
    async fn what_is_lost_or_damaged_is_told() {
        let log = Arc::new(MemoryLog::default());
        let (opened, _) = open(&log, Published::below(Lsn::FIRST));
        let journal = opened.unwrap().0;
        for text in [b"a", b"b", b"c"] {
            journal.append(section(text)).await.unwrap();
        }
        journal.close();
        let damaged = log.groups.lock().unwrap()[1].frames.iter().map(|byte| byte ^ 1).collect();
        let whole = std::mem::replace(&mut log.groups.lock().unwrap()[1].frames, damaged);
        assert_eq!(check_log(&*log, Lsn(3)).unwrap().damage, []);
        let report = check_log(&*log, Lsn::FIRST).unwrap();
        assert_eq!((report.frames, report.damage.len()), (1, 1), "{report:?}");
        let error = open(&log, Published::below(Lsn::FIRST)).0.unwrap_err();
        assert!(matches!(error, JournalError::Corrupt { segment: 2, first: Lsn(2), .. }), "{error}");
        log.groups.lock().unwrap()[1].frames = whole;
        let report = check_log(&*log, Lsn::FIRST).unwrap();
        assert_eq!((report.frames, report.next_lsn, report.damage.len()), (3, Lsn(4), 0), "{report:?}");
        log.groups.lock().unwrap().remove(0);
        let error = open(&log, Published::below(Lsn::FIRST)).0.unwrap_err();
        assert!(matches!(error, JournalError::Missing { needed_from: Lsn(1), found: Lsn(2) }), "{error}");
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_that_the_log_did_not_take() {
        let log = Arc::new(MemoryLog::default());
        let (opened, seen) = open(&log, Published::below(Lsn::FIRST));
        let journal = opened.unwrap().0;
        *log.gone.lock().unwrap() = true;
        assert!(matches!(journal.append(section(b"a")).await, Err(JournalError::Poisoned)));
        assert!(matches!(journal.append(section(b"b")).await, Err(JournalError::Poisoned)));
        assert!(seen.lock().unwrap().is_empty());
    }
}
