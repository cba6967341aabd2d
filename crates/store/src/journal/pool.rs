//! Files that wait to become segments: zero-filled ahead of time, or recycled when their frames are in published segments.
//! A thread of its own does this, so that the writer never waits for a file but when it outruns the disk.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::disk::Disk;
use super::limits::POOL_RETRY;
use super::segment_file::{FileName, SegmentHeader};
use super::{JournalError, Lsn};

/// What the pool shall hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolSettings {
    /// Files to keep ready; at least one.
    pub files: usize,
    /// Length of each.
    pub segment_bytes: u64,
    /// Space to leave free on the file system.
    pub disk_free_min: u64,
}

/// The pool, and the thread that fills it.
pub(super) struct Pool {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    settings: PoolSettings,
    state: Mutex<State>,
    changed: Condvar,
    exhausted: AtomicBool,
}

struct State {
    free: VecDeque<FileName>,
    retired: VecDeque<SegmentHeader>,
    next_number: u64,
    /// The last attempt to make a file found no space.
    no_space: bool,
    /// Whether making files is put off for a while, because the disk has more urgent work.
    patience: Option<Duration>,
    stopping: bool,
}

impl Pool {
    /// Starts the thread. `free` are the files that are ready; new ones are numbered from `next_number`, and made after
    /// `patience`, or as soon as there is none left.
    pub(super) fn start(
        disk: Arc<dyn Disk>,
        settings: PoolSettings,
        free: VecDeque<FileName>,
        next_number: u64,
        patience: Option<Duration>,
    ) -> Result<Self, JournalError> {
        let path = disk.path().to_owned();
        let state = State { free, retired: VecDeque::new(), next_number, no_space: false, patience, stopping: false };
        let shared = Arc::new(Shared {
            disk,
            settings,
            state: Mutex::new(state),
            changed: Condvar::new(),
            exhausted: AtomicBool::new(false),
        });
        let worker = shared.clone();
        let thread = std::thread::Builder::new()
            .name("journal-pool".into())
            .spawn(move || worker.work())
            .map_err(JournalError::io("start the pool's thread of", &path))?;
        Ok(Pool { shared, thread: Mutex::new(Some(thread)) })
    }

    /// A file to write a segment into; waits while one is being made. `None` if there is no space for one.
    pub(super) fn take(&self) -> Option<FileName> {
        let mut state = self.shared.lock();
        loop {
            let taken = state.free.pop_front();
            // The first is taken by the start itself.
            if taken.is_none() && state.patience.take().is_some() {
                self.shared.changed.notify_all();
            }
            if taken.is_some() || state.no_space || state.stopping {
                self.shared.exhausted.store(taken.is_none(), Ordering::Release);
                drop(state);
                self.shared.changed.notify_all();
                return taken;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the writer found the pool empty and nothing has come since: appends need not even try.
    pub(super) fn is_exhausted(&self) -> bool {
        self.shared.exhausted.load(Ordering::Acquire)
    }

    /// Gives back segments that are no longer needed.
    pub(super) fn retire(&self, segments: impl IntoIterator<Item = SegmentHeader>) {
        self.shared.lock().retired.extend(segments);
        self.shared.changed.notify_all();
    }

    /// Ends the thread after it has put away all retired segments.
    pub(super) fn stop(&self) {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the journal's pool thread panicked");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if !state.retired.is_empty() {
                let retired = std::mem::take(&mut state.retired);
                let room = self.settings.files.saturating_sub(state.free.len());
                let first = state.next_number;
                state.next_number += retired.len() as u64;
                drop(state);
                let recycled = self.put_away(retired, room, first);
                state = self.lock();
                self.add(&mut state, recycled);
            } else if state.stopping {
                return;
            } else if let Some(patience) = state.patience {
                let (woken, waited) =
                    self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                if waited.timed_out() {
                    state.patience = None;
                }
            } else if state.free.len() < self.settings.files && !state.no_space {
                let file = FileName::Free(state.next_number);
                state.next_number += 1;
                drop(state);
                let made = make(&*self.disk, file, self.settings.segment_bytes, self.settings.disk_free_min);
                state = self.lock();
                state.no_space = !made;
                self.add(&mut state, made.then_some(file));
            } else {
                state = self.wait(state);
            }
        }
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if !state.no_space {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (woken, waited) = self.changed.wait_timeout(state, POOL_RETRY).unwrap_or_else(PoisonError::into_inner);
        state = woken;
        // Somebody else may have made space: look again, but not at every call.
        state.no_space = !waited.timed_out();
        state
    }

    fn add(&self, state: &mut State, files: impl IntoIterator<Item = FileName>) {
        state.free.extend(files);
        if !state.free.is_empty() {
            self.exhausted.store(false, Ordering::Release);
        }
        self.changed.notify_all();
    }

    /// Renames the first `room` segments that have the right length to files of the pool, and removes the others. Oldest first,
    /// so that what remains after a crash is always the newest.
    fn put_away(&self, retired: VecDeque<SegmentHeader>, room: usize, first_number: u64) -> Vec<FileName> {
        let mut recycled = Vec::new();
        for (segment, number) in retired.into_iter().zip(first_number..) {
            let name = FileName::Segment(segment.number).to_string();
            let free = FileName::Free(number);
            let keep = recycled.len() < room && segment.bytes == self.settings.segment_bytes;
            let done = if keep { self.disk.rename(&name, &free.to_string()) } else { self.disk.remove(&name) };
            match done {
                Ok(()) if keep => recycled.push(free),
                Ok(()) => {}
                Err(error) => tracing::warn!(file = name, %error, "could not recycle a journal segment"),
            }
        }
        // A file whose new name is not durable must not be written: after a crash it would be a segment with a wrong header.
        match self.disk.sync_directory() {
            Ok(()) => recycled,
            Err(error) => {
                tracing::warn!(%error, "could not sync the journal's directory");
                Vec::new()
            }
        }
    }
}

/// Makes a zero-filled file of this length; says whether there was space for it, beside the bytes to be left free.
pub(super) fn make(disk: &dyn Disk, file: FileName, bytes: u64, disk_free_min: u64) -> bool {
    let needed = disk_free_min.saturating_add(bytes);
    let name = file.to_string();
    let made = disk.free_bytes().and_then(|free| {
        if free < needed {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        disk.create_zeroed(&name, bytes)?;
        disk.sync_directory()
    });
    if let Err(error) = &made {
        tracing::warn!(file = name, %error, "could not make a journal file");
        // What there is of it takes up space that is missing; if it cannot be removed, the next start does.
        let _ = disk.remove(&name);
    }
    made.is_ok()
}

/// The segments that are complete, oldest first, and the one being written: what [`super::Journal::release`] works on.
#[derive(Debug)]
pub(super) struct SegmentList(Mutex<VecDeque<SegmentHeader>>);

impl SegmentList {
    /// The list of these segments, of which the last is being written.
    pub(super) fn new(segments: VecDeque<SegmentHeader>) -> Self {
        SegmentList(Mutex::new(segments))
    }

    /// Adds a segment, which is being written from now on.
    pub(super) fn begin(&self, segment: SegmentHeader) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(segment);
    }

    /// Takes out the complete segments that have no frame numbered `below` or more.
    pub(super) fn take_below(&self, below: Lsn) -> Vec<SegmentHeader> {
        let mut segments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while segments.get(1).is_some_and(|next| next.first_lsn <= below) {
            taken.extend(segments.pop_front());
        }
        taken
    }
}
