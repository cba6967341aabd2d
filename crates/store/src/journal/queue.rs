//! Frames waiting for the writer, bounded in bytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::frame::Encoded;
use super::limits::{GROUP_BYTES_MAX, GROUP_FRAMES_MAX};
use super::{JournalError, Lsn, Section};

/// An append that waits for its frame to be written.
#[derive(Debug)]
pub(super) struct Pending {
    /// The frame as it will be written.
    pub frame: Encoded,
    /// What the sink will get.
    pub sections: Vec<Section>,
    /// The frame's share of the queue.
    pub reserved: Reserved,
    /// Wakes the appender. Dropped without an answer, it means [`JournalError::Poisoned`].
    pub reply: oneshot::Sender<Result<Lsn, JournalError>>,
}

/// What [`Queue::take`] found.
#[derive(Debug)]
pub(super) enum Taken {
    /// Frames to write, oldest first.
    Group(Vec<Pending>),
    /// No frames, but callers who wait for a sync of those that were taken.
    Sync(Vec<oneshot::Sender<()>>),
    /// Nothing in the time given.
    Nothing,
    /// Nothing, and there will never be anything again.
    Closed,
}

/// Bytes of the queue set aside for a frame until it is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    used: Arc<AtomicU64>,
    bytes: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// The queue between appenders and the writer.
#[derive(Debug)]
pub(super) struct Queue {
    bytes_max: u64,
    used: Arc<AtomicU64>,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Pending>,
    syncs: Vec<oneshot::Sender<()>>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    Poisoned,
}

impl Phase {
    fn accepts(self) -> Result<(), JournalError> {
        match self {
            Phase::Open => Ok(()),
            Phase::Closing => Err(JournalError::Closed),
            Phase::Poisoned => Err(JournalError::Poisoned),
        }
    }
}

impl Queue {
    /// An empty queue for `bytes_max` bytes of payload.
    pub(super) fn new(bytes_max: u64) -> Self {
        let state = State { waiting: VecDeque::new(), syncs: Vec::new(), phase: Phase::Open };
        Queue { bytes_max, used: Arc::default(), state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// Sets `bytes` aside before the frame is encoded. A frame that is larger than the whole queue is let in when it is empty.
    pub(super) fn reserve(&self, bytes: u64) -> Result<Reserved, JournalError> {
        let fits = |used: u64| {
            let sum = used.saturating_add(bytes);
            (used == 0 || sum <= self.bytes_max).then_some(sum)
        };
        self.used
            .try_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .map(|_| Reserved { used: self.used.clone(), bytes })
            .map_err(|_| JournalError::QueueFull)
    }

    /// Hands a frame to the writer.
    pub(super) fn push(&self, pending: Pending) -> Result<(), JournalError> {
        let mut state = self.lock();
        state.phase.accepts()?;
        state.waiting.push_back(pending);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Asks the writer to sync what it wrote.
    pub(super) fn push_sync(&self, synced: oneshot::Sender<()>) -> Result<(), JournalError> {
        let mut state = self.lock();
        state.phase.accepts()?;
        state.syncs.push(synced);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes all that waits, up to the limits of a group; waits for the first for `patience`, or for ever.
    pub(super) fn take(&self, patience: Option<Duration>) -> Taken {
        let mut state = self.lock();
        let mut patience_left = true;
        while state.waiting.is_empty() && state.syncs.is_empty() && state.phase == Phase::Open && patience_left {
            state = match patience {
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let waited = self.arrived.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
                    patience_left = !waited.1.timed_out();
                    waited.0
                }
            };
        }
        let mut bytes = 0;
        let fit = state.waiting.iter().take(GROUP_FRAMES_MAX).take_while(|pending| {
            let first = bytes == 0;
            bytes += pending.frame.size();
            first || bytes <= GROUP_BYTES_MAX
        });
        let count = fit.count();
        if count > 0 {
            return Taken::Group(state.waiting.drain(..count).collect());
        }
        if !state.syncs.is_empty() {
            return Taken::Sync(std::mem::take(&mut state.syncs));
        }
        if state.phase == Phase::Open { Taken::Nothing } else { Taken::Closed }
    }

    /// Refuses new frames; those that wait are still written.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Refuses new frames and drops those that wait (J-3).
    pub(super) fn poison(&self) {
        let mut state = self.lock();
        state.phase = Phase::Poisoned;
        let dropped = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.syncs));
        // Dropping wakes the appenders, which needs no lock.
        drop(state);
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(queue: &Queue, bytes: usize) -> Result<Pending, JournalError> {
        let sections = vec![Section { table: 1, payload: vec![1; bytes].into() }];
        let reserved = queue.reserve(bytes as u64)?;
        let frame = Encoded::new(&sections);
        Ok(Pending { frame, sections, reserved, reply: oneshot::channel().0 })
    }

    fn taken(queue: &Queue) -> usize {
        match queue.take(Some(Duration::ZERO)) {
            Taken::Group(group) => group.len(),
            Taken::Nothing | Taken::Sync(_) => 0,
            Taken::Closed => panic!("closed"),
        }
    }

    #[test]
    fn bounded_in_bytes() {
        let queue = Queue::new(1000);
        let first = pending(&queue, 600).unwrap();
        assert!(matches!(pending(&queue, 500), Err(JournalError::QueueFull)));
        let second = pending(&queue, 400).unwrap();
        queue.push(first).unwrap();
        assert!(matches!(pending(&queue, 1), Err(JournalError::QueueFull)), "waiting counts");
        assert_eq!(taken(&queue), 1);
        drop(second);
        pending(&queue, 5000).expect("an empty queue takes a frame of any size");
    }

    #[test]
    fn groups_are_bounded() {
        let queue = Queue::new(u64::MAX);
        for _ in 0..GROUP_FRAMES_MAX + 1 {
            queue.push(pending(&queue, 8).unwrap()).unwrap();
        }
        assert_eq!((taken(&queue), taken(&queue), taken(&queue)), (GROUP_FRAMES_MAX, 1, 0));
        let noise = |seed: u64| {
            let random = watchkeep_core::SeededRandom::new(seed);
            let mut bytes = vec![0; GROUP_BYTES_MAX / 2];
            watchkeep_core::Random::fill(&random, &mut bytes);
            let sections = vec![Section { table: 1, payload: bytes.into() }];
            let (frame, reserved) = (Encoded::new(&sections), queue.reserve(1).unwrap());
            queue.push(Pending { frame, sections, reserved, reply: oneshot::channel().0 }).unwrap();
        };
        (0..3).for_each(noise);
        assert_eq!((taken(&queue), taken(&queue), taken(&queue)), (1, 1, 1));
    }

    #[test]
    fn closing_drains_and_poison_drops() {
        let queue = Queue::new(1000);
        queue.push(pending(&queue, 8).unwrap()).unwrap();
        queue.close();
        assert!(matches!(queue.push(pending(&queue, 8).unwrap()), Err(JournalError::Closed)));
        assert_eq!(taken(&queue), 1);
        assert!(matches!(queue.take(None), Taken::Closed));

        let queue = Queue::new(1000);
        queue.push(pending(&queue, 8).unwrap()).unwrap();
        queue.poison();
        assert!(matches!(queue.push(pending(&queue, 8).unwrap()), Err(JournalError::Poisoned)));
        assert!(matches!(queue.take(None), Taken::Closed));
        assert_eq!(queue.used.load(Ordering::Relaxed), 0);
    }
}
