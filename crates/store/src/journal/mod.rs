//! The journal: every accepted request is one frame in it, durable before the request is acknowledged, and stays until its
//! rows are in published segments.
//!
//! - J-1: an append returns only when its frame is as durable as the configuration asks.
//! - J-3: after a failed write or sync nothing is accepted any more; the process has to start again.
//!
//! The journal is a sequence of zero-filled segment files of one length (the first of all is shorter, so that a first start
//! need not wait for it), recycled when their frames are no longer needed: to write a frame changes no metadata of the file
//! system, so a sync costs one round trip to the disk. One thread owns the file and commits in groups. It knows nothing of
//! what is in a section.

mod check;
mod disk;
mod durability;
mod error;
mod frame;
pub mod limits;
mod log;
mod pool;
mod queue;
mod recovery;
mod segment_file;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;
use watchkeep_core::Clock;

pub use check::{CheckReport, Damage, check};
pub use durability::{Durability, InvalidDurability};
pub use error::JournalError;
pub use log::{FrameGroup, FrameLog, FrameLogError, check_log};

use disk::{Disk, RealDisk};
use frame::Encoded;
use log::LogWriter;
use pool::{Pool, PoolSettings, SegmentList};
use queue::{Pending, Queue};
use recovery::{Recovered, RecoverySettings};
use segment_file::{ActiveSegment, FileName, HEADER_PAGE_BYTES, SegmentHeader};
use walk::{Step, Walk};
use writer::Writer;

/// A frame's number in the journal: the first is 1, and each is one more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The number of the first frame of all.
    pub const FIRST: Lsn = Lsn(1);

    /// The number after this one.
    pub fn next(self) -> Lsn {
        Lsn(self.0.saturating_add(1))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the journal is to be.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    /// Where its files are; created if need be. Nothing else may be in it.
    pub directory: PathBuf,
    /// Length of a segment file, which bounds the size of a frame: 16 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// Length of the first segment file of a new journal, if that is less: a new one is opened sooner for it. No frame has to
    /// fit: a larger one goes into the second file.
    pub first_segment_bytes: u64,
    /// Zero-filled files to keep ready: 1 to 64.
    pub pool: usize,
    /// When an append counts as durable.
    pub durability: Durability,
    /// Payload bytes that may wait for the writer.
    pub queue_bytes_max: u64,
    /// Space left free on the file system below which no further segment file is made. What is reserved by then is still used,
    /// after that appends are refused with [`JournalError::Full`].
    pub disk_free_min: u64,
    /// Whether to open a damaged journal without what is damaged or missing.
    pub accept_loss: bool,
}

impl JournalConfig {
    /// The defaults of [`limits`], with [`Durability::Fsync`] and no loss accepted.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        JournalConfig {
            directory: directory.into(),
            segment_bytes: limits::SEGMENT_BYTES_DEFAULT,
            first_segment_bytes: limits::FIRST_SEGMENT_BYTES_DEFAULT,
            pool: limits::POOL_DEFAULT,
            durability: Durability::Fsync,
            queue_bytes_max: limits::QUEUE_BYTES_DEFAULT,
            disk_free_min: limits::DISK_FREE_MIN_DEFAULT,
            accept_loss: false,
        }
    }
}

/// How far the frames of a journal are in published segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The frames below this are in published segments with all their rows: they are not needed any more.
    pub all_below: Lsn,
    /// Rows of the frames up to this one were published, if perhaps not all of them: these frames were durable, whatever the
    /// disk holds now, and their numbers are not given out again.
    pub some_below: Lsn,
}

impl Published {
    /// All frames below `lsn`, and nothing of the others.
    pub fn below(lsn: Lsn) -> Published {
        Published { all_below: lsn, some_below: lsn }
    }
}

/// A part of a frame: the rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The table's stable number.
    pub table: u16,
    /// The rows, opaque to the journal.
    pub payload: Bytes,
}

/// What was appended by one call: all of it is durable, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The frame's number.
    pub lsn: Lsn,
    /// Its sections, in the order of the append.
    pub sections: Vec<Section>,
}

/// Takes the frames that are durable.
pub trait FrameSink: Send {
    /// Called for each frame in the order of their numbers: while the journal opens, in the thread that opens it; afterwards in
    /// the writer's thread, before the frame's appender is woken. A few numbers belong to the journal itself and are never seen
    /// here. It must be quick, for all appenders wait.
    fn committed(&mut self, frame: Frame);
}

/// What was found when a journal was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Segments that were read.
    pub segments: u64,
    /// Frames handed to the sink.
    pub frames: u64,
    /// Their payload in bytes, uncompressed.
    pub bytes: u64,
    /// Frames cut off because a write before them was interrupted; none of them had been acknowledged.
    pub torn_frames: u64,
    /// Damaged frames that the journal was opened without.
    pub lost_frames: u64,
    /// Number of the next frame.
    pub next_lsn: Lsn,
}

/// An open journal. Dropping it closes it as [`Journal::close`] does.
pub struct Journal {
    queue: Arc<Queue>,
    place: Place,
    frame_bytes_max: u64,
    writer: Option<JoinHandle<()>>,
}

/// Where the frames are.
enum Place {
    Files { pool: Arc<Pool>, segments: Arc<SegmentList> },
    Log(Arc<dyn FrameLog>),
}

impl Journal {
    /// Opens the journal: replays every frame that is not published as a whole into `sink`, then starts the writer with the
    /// same sink. Blocks; memory is bounded by the length of a segment and what the sink keeps. `fatal` is called in the writer's thread
    /// after a write or sync failed (J-3): the program's version logs and exits.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`], [`JournalError::Corrupt`], [`JournalError::CorruptHeader`], [`JournalError::Missing`],
    /// [`JournalError::Version`], [`JournalError::Config`], [`JournalError::Full`] or [`JournalError::Io`].
    pub fn open(
        config: JournalConfig,
        published: Published,
        sink: Box<dyn FrameSink>,
        clock: Arc<dyn Clock>,
        fatal: Box<dyn Fn(&JournalError) + Send + Sync>,
    ) -> Result<(Journal, Recovery), JournalError> {
        validate(&config)?;
        let disk = Arc::new(RealDisk::open_locked(&config.directory)?);
        Journal::open_on(disk, config, published, sink, clock, fatal)
    }

    /// Opens a journal whose frames are kept by `log`: the same, but of `config` only the bounds of frames and queue count.
    ///
    /// # Errors
    ///
    /// [`JournalError::Log`], [`JournalError::Corrupt`], [`JournalError::Missing`], [`JournalError::Config`] or
    /// [`JournalError::Io`].
    pub fn open_log(
        log: Arc<dyn FrameLog>,
        config: &JournalConfig,
        published: Published,
        mut sink: Box<dyn FrameSink>,
        fatal: Box<dyn Fn(&JournalError) + Send + Sync>,
    ) -> Result<(Journal, Recovery), JournalError> {
        validate(config)?;
        let recovery = log::replay(&*log, published, &mut *sink)?;
        let queue = Arc::new(Queue::new(config.queue_bytes_max));
        let mut writer = LogWriter { log: log.clone(), queue: queue.clone(), sink, next_lsn: recovery.next_lsn };
        let frame_bytes_max = config.segment_bytes.saturating_sub(HEADER_PAGE_BYTES as u64);
        let mut journal = Journal { queue: queue.clone(), place: Place::Log(log), frame_bytes_max, writer: None };
        let work = move || writer::run(&queue, &*fatal, || writer.work());
        let thread = std::thread::Builder::new().name("journal".into()).spawn(work);
        journal.writer = Some(thread.map_err(JournalError::io("start the thread of", &config.directory))?);
        Ok((journal, recovery))
    }

    /// Appends one frame and returns its number when it is durable and the sink has had it. To drop the future does not take
    /// the frame back.
    ///
    /// # Errors
    ///
    /// [`JournalError::QueueFull`], [`JournalError::Full`] (both: retry later), [`JournalError::TooLarge`],
    /// [`JournalError::Closed`] or [`JournalError::Poisoned`].
    pub async fn append(&self, sections: Vec<Section>) -> Result<Lsn, JournalError> {
        let committed = self.enqueue(sections)?;
        committed.await.unwrap_or(Err(JournalError::Poisoned))
    }

    /// Syncs every frame that the sink has had. Whoever publishes rows must ask for it before, unless each append is synced:
    /// else power loss might leave the journal behind what was published, and numbers would be given out again.
    ///
    /// # Errors
    ///
    /// [`JournalError::Closed`] or [`JournalError::Poisoned`].
    pub async fn sync(&self) -> Result<(), JournalError> {
        let (synced, done) = oneshot::channel();
        self.queue.push_sync(synced)?;
        done.await.map_err(|_| JournalError::Poisoned)
    }

    /// Says that all frames below `below` are in published segments: the files that hold no others are recycled.
    pub fn release(&self, below: Lsn) {
        match &self.place {
            Place::Files { pool, segments } => {
                let released = segments.take_below(below);
                if !released.is_empty() {
                    pool.retire(released);
                }
            }
            Place::Log(log) => log.release(below),
        }
    }

    /// Writes what waits, syncs, and ends the journal's threads. Blocks.
    pub fn close(self) {
        drop(self);
    }

    fn enqueue(&self, sections: Vec<Section>) -> Result<oneshot::Receiver<Result<Lsn, JournalError>>, JournalError> {
        let bytes = frame::size_max(&sections) as u64;
        if bytes > self.frame_bytes_max || sections.len() > limits::SECTIONS_MAX {
            return Err(JournalError::TooLarge { bytes, bytes_max: self.frame_bytes_max });
        }
        if let Place::Files { pool, .. } = &self.place
            && pool.is_exhausted()
        {
            return Err(JournalError::Full);
        }
        let reserved = self.queue.reserve(bytes)?;
        let frame = Encoded::new(&sections);
        let (reply, committed) = oneshot::channel();
        self.queue.push(Pending { frame, sections, reserved, reply })?;
        Ok(committed)
    }

    fn open_on(
        disk: Arc<dyn Disk>,
        config: JournalConfig,
        published: Published,
        mut sink: Box<dyn FrameSink>,
        clock: Arc<dyn Clock>,
        fatal: Box<dyn Fn(&JournalError) + Send + Sync>,
    ) -> Result<(Journal, Recovery), JournalError> {
        let segment_bytes = config.segment_bytes;
        let needed_from = published.all_below.max(Lsn::FIRST);
        let durable_below = published.some_below.max(needed_from);
        let settings = RecoverySettings { needed_from, durable_below, accept_loss: config.accept_loss, segment_bytes };
        let recovered = recovery::recover(&*disk, settings, &mut *sink)?;
        let Recovered { recovery, mut kept, active, unneeded, mut free, next_number, last_epoch, closed_mark } =
            recovered;

        let (mut next_file, mut first_bytes, mut patience) = (next_number, segment_bytes, None);
        if active.is_none() && free.is_empty() && config.first_segment_bytes < segment_bytes {
            first_bytes = config.first_segment_bytes;
            let first = FileName::Free(next_file);
            if !pool::make(&*disk, first, first_bytes, config.disk_free_min) {
                return Err(JournalError::Full);
            }
            free.push_back(first);
            next_file += 1;
            patience = Some(limits::POOL_PATIENCE);
        }
        let pool = PoolSettings { files: config.pool, segment_bytes, disk_free_min: config.disk_free_min };
        let pool = Arc::new(Pool::start(disk.clone(), pool, free, next_file, patience)?);
        pool.retire(unneeded);
        let epoch = last_epoch.saturating_add(1).max(u64::try_from(clock.now().0).unwrap_or(0));
        let first_lsn = recovery.next_lsn;
        let begin = || {
            let free = pool.take().ok_or(JournalError::Full)?;
            let header = SegmentHeader { epoch, number: next_number, first_lsn, bytes: first_bytes };
            ActiveSegment::begin(&*disk, free, header)
        };
        let active = match active.map_or_else(begin, Ok) {
            Ok(active) => active,
            Err(error) => {
                pool.stop();
                return Err(error);
            }
        };
        if kept.back().is_none_or(|last| last.number != active.header.number) {
            kept.push_back(active.header);
        }

        let queue = Arc::new(Queue::new(config.queue_bytes_max));
        let segments = Arc::new(SegmentList::new(kept));
        let writer = Writer {
            disk: disk.clone(),
            queue: queue.clone(),
            pool: pool.clone(),
            segments: segments.clone(),
            sink,
            durability: config.durability,
            segment_bytes,
            epoch,
            active,
            next_lsn: first_lsn,
            synced_below: first_lsn,
            unsynced_since: clock.monotonic(),
            clock,
            closed_mark,
        };
        let frame_bytes_max = segment_bytes.saturating_sub(HEADER_PAGE_BYTES as u64);
        let place = Place::Files { pool, segments };
        let mut journal = Journal { queue, place, frame_bytes_max, writer: None };
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run(&*fatal));
        journal.writer = Some(thread.map_err(JournalError::io("start the thread of", disk.path()))?);
        Ok((journal, recovery))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
        let writer = self.writer.take();
        // The sink may hold the last reference to the journal; a thread cannot wait for its own end.
        let own = |writer: &JoinHandle<()>| writer.thread().id() == std::thread::current().id();
        if writer.filter(|writer| !own(writer)).is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the journal's writer panicked");
        }
        if let Place::Files { pool, .. } = &self.place {
            pool.stop();
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Journal");
        if let Place::Files { segments, .. } = &self.place {
            shown.field("segments", segments);
        }
        shown.finish_non_exhaustive()
    }
}

/// Reads `segment` as recovery reads a segment file, whatever its bytes, and then once more as one frame whose checksum is
/// taken for right: the entry of the fuzzer, which cannot guess checksums. Returns the number of good frames.
pub fn fuzz_read(segment: &[u8]) -> u64 {
    if let Some(frame) = frame::FrameView::read_unverified(segment) {
        std::hint::black_box(frame.sections());
    }
    let Ok(header) = SegmentHeader::read(segment) else {
        return 0;
    };
    let mut walk = Walk::new(segment, &header);
    let mut frames = 0;
    loop {
        match walk.step() {
            Step::Frame { frame, .. } => frames += u64::from(frame.sections().is_some()),
            Step::Gap { .. } => {}
            Step::End { .. } => return frames,
        }
    }
}

fn validate(config: &JournalConfig) -> Result<(), JournalError> {
    let check = |setting, value: u64, min, max| match (min..=max).contains(&value) {
        true => Ok(()),
        false => Err(JournalError::Config { setting, min, max }),
    };
    check("the journal's segment length", config.segment_bytes, limits::SEGMENT_BYTES_MIN, limits::SEGMENT_BYTES_MAX)?;
    let (least, most) = (limits::FIRST_SEGMENT_BYTES_MIN, limits::SEGMENT_BYTES_MAX);
    check("the length of the journal's first segment", config.first_segment_bytes, least, most)?;
    check("the journal's number of pooled files", config.pool as u64, 1, limits::POOL_MAX as u64)?;
    check("the journal's queue length", config.queue_bytes_max, 1, u64::MAX)
}
