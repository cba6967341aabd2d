//! The thread that owns the segment being written. Group commit: it takes all frames that wait, writes them with one call,
//! syncs once, hands them to the sink and wakes their appenders. While it syncs the next group gathers, so the disk's own
//! speed sets the size of groups and nobody waits without need.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::Clock;

use super::disk::Disk;
use super::frame::Encoded;
use super::pool::{Pool, SegmentList};
use super::queue::{Pending, Queue, Taken};
use super::segment_file::{ActiveSegment, SegmentHeader};
use super::{Durability, Frame, FrameSink, JournalError, Lsn};

/// All that the writer works with; see [`Writer::run`].
pub(super) struct Writer {
    pub disk: Arc<dyn Disk>,
    pub queue: Arc<Queue>,
    pub pool: Arc<Pool>,
    pub segments: Arc<SegmentList>,
    pub sink: Box<dyn FrameSink>,
    pub clock: Arc<dyn Clock>,
    pub durability: Durability,
    /// Length of new segments.
    pub segment_bytes: u64,
    /// Epoch of new segments.
    pub epoch: u64,
    /// The segment being written.
    pub active: ActiveSegment,
    /// Number of the next frame.
    pub next_lsn: Lsn,
    /// All frames below are synced.
    pub synced_below: Lsn,
    /// When the first frame that is not synced was written.
    pub unsynced_since: Duration,
    /// Whether the last frame written says that the journal was closed.
    pub closed_mark: bool,
}

impl Writer {
    /// Writes until the queue is closed. On the first error of a write or sync the queue is poisoned and `fatal` is called (J-3).
    pub(super) fn run(mut self, fatal: &(dyn Fn(&JournalError) + Send + Sync)) {
        let queue = self.queue.clone();
        run(&queue, fatal, || self.work());
    }

    fn work(&mut self) -> Result<(), JournalError> {
        loop {
            match self.queue.take(self.until_sync()) {
                Taken::Group(group) => self.commit(group)?,
                Taken::Sync(waiting) => {
                    self.sync()?;
                    // Who asked may have gone away.
                    for synced in waiting {
                        let _ = synced.send(());
                    }
                }
                // It is time to sync, even for a clock that stands still.
                Taken::Nothing => self.sync()?,
                Taken::Closed => return self.finish(),
            }
            if self.until_sync() == Some(Duration::ZERO) {
                self.sync()?;
            }
        }
    }

    /// Writes the frames, in as many groups as the ends of segments cut them into.
    fn commit(&mut self, frames: Vec<Pending>) -> Result<(), JournalError> {
        let mut group = Vec::with_capacity(frames.len());
        let mut group_bytes = 0;
        for pending in frames {
            let size = pending.frame.size();
            if group_bytes + size > self.active.room() {
                self.write(std::mem::take(&mut group), group_bytes)?;
                group_bytes = 0;
                if size > self.active.room() && !self.next_segment()? {
                    // The appender may have gone away; then nobody asks.
                    let _ = pending.reply.send(Err(JournalError::Full));
                    continue;
                }
            }
            group_bytes += size;
            group.push(pending);
        }
        self.write(group, group_bytes)
    }

    fn write(&mut self, mut group: Vec<Pending>, bytes: usize) -> Result<(), JournalError> {
        if group.is_empty() {
            return Ok(());
        }
        let first = self.next_lsn;
        if self.synced_below == first {
            self.unsynced_since = self.clock.monotonic();
        }
        let (synced_below, seed) = (self.synced_below, self.active.header.seed());
        let numbered = group.iter_mut().zip(first.0..);
        let mut slices: Vec<IoSlice<'_>> =
            numbered.map(|(pending, lsn)| IoSlice::new(pending.frame.seal(Lsn(lsn), synced_below, seed))).collect();
        self.active.append(&mut slices, bytes)?;
        self.next_lsn = Lsn(first.0 + group.len() as u64);
        self.closed_mark = false;
        if self.durability == Durability::Fsync {
            self.sync()?;
        }
        for (pending, lsn) in group.into_iter().zip(first.0..) {
            let lsn = Lsn(lsn);
            self.sink.committed(Frame { lsn, sections: pending.sections });
            drop(pending.reserved);
            // The appender may have gone away; its frame counts all the same.
            let _ = pending.reply.send(Ok(lsn));
        }
        Ok(())
    }

    /// Begins the next segment, the present one being whole and synced; `false` if there is no space for it.
    fn next_segment(&mut self) -> Result<bool, JournalError> {
        self.sync()?;
        let Some(free) = self.pool.take() else {
            return Ok(false);
        };
        let header = SegmentHeader {
            epoch: self.epoch,
            number: self.active.header.number + 1,
            first_lsn: self.next_lsn,
            bytes: self.segment_bytes,
        };
        self.active = ActiveSegment::begin(&*self.disk, free, header)?;
        self.segments.begin(header);
        Ok(true)
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        if self.synced_below < self.next_lsn {
            self.active.sync()?;
            self.synced_below = self.next_lsn;
        }
        Ok(())
    }

    /// Time until the next sync by interval; `None` if none is due.
    fn until_sync(&self) -> Option<Duration> {
        match self.durability {
            Durability::Interval(interval) if self.synced_below < self.next_lsn => {
                Some(interval.saturating_sub(self.clock.monotonic().saturating_sub(self.unsynced_since)))
            }
            _ => None,
        }
    }

    /// Syncs, and writes a frame that proves it: damage to frames before it can then be told from a torn tail.
    fn finish(&mut self) -> Result<(), JournalError> {
        self.sync()?;
        let mut mark = Encoded::closed();
        if self.closed_mark || self.next_lsn == Lsn::FIRST || mark.size() > self.active.room() {
            return Ok(());
        }
        let size = mark.size();
        let bytes = mark.seal(self.next_lsn, self.next_lsn, self.active.header.seed());
        self.active.append(&mut [IoSlice::new(bytes)], size)?;
        self.next_lsn = Lsn(self.next_lsn.0 + 1);
        self.sync()
    }
}

/// Does a writer's work. On its first error the queue is poisoned and `fatal` is called (J-3).
pub(super) fn run(
    queue: &Arc<Queue>,
    fatal: &(dyn Fn(&JournalError) + Send + Sync),
    work: impl FnOnce() -> Result<(), JournalError>,
) {
    // Whatever ends this thread, even a panic of the sink: appenders must not wait for ever.
    let poisoned = PoisonAtEnd { queue: queue.clone(), fatal };
    let result = work();
    drop(poisoned);
    if let Err(error) = result {
        tracing::error!(%error, "the journal stopped");
        fatal(&error);
    }
}

struct PoisonAtEnd<'f> {
    queue: Arc<Queue>,
    fatal: &'f (dyn Fn(&JournalError) + Send + Sync),
}

impl Drop for PoisonAtEnd<'_> {
    fn drop(&mut self) {
        self.queue.poison();
        if std::thread::panicking() {
            // Nothing can be appended any more: the process must not go on as if it could.
            (self.fatal)(&JournalError::Poisoned);
        }
    }
}
