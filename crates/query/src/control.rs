//! Holding a query in bounds: memory, time, and whether it is still wanted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use watchkeep_core::Clock;

use crate::answer::Partial;
use crate::error::QueryError;

/// Cancels a query, from any thread.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the query to end; it does within a batch of rows.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was asked to.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Told, every second at most, what a query found so far.
pub type OnPartial = dyn Fn(Partial) + Send + Sync;

/// How a caller follows a query that runs.
#[derive(Clone, Default)]
pub struct Control {
    /// Ends it early.
    pub cancel: Cancel,
    /// Hears of its progress.
    pub on_partial: Option<Arc<OnPartial>>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}

/// The bounds of one query while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    inner: Arc<Inner>,
    until: Duration,
    time_max: Duration,
}

#[derive(Debug)]
struct Inner {
    control: Control,
    clock: Arc<dyn Clock>,
    memory_bytes_max: usize,
    held_bytes: AtomicUsize,
}

impl Bounds {
    /// The bounds of a query that begins now.
    pub(crate) fn new(control: Control, clock: Arc<dyn Clock>, time_max: Duration, memory_bytes_max: usize) -> Bounds {
        let until = clock.monotonic().saturating_add(time_max);
        let held_bytes = AtomicUsize::new(0);
        Bounds { inner: Arc::new(Inner { control, clock, memory_bytes_max, held_bytes }), until, time_max }
    }

    /// The same bounds for a part that begins now and may take less time.
    pub(crate) fn within(&self, time_max: Duration) -> Bounds {
        let until = self.inner.clock.monotonic().saturating_add(time_max);
        if until >= self.until {
            return self.clone();
        }
        Bounds { inner: self.inner.clone(), until, time_max }
    }

    /// Whether it may go on.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.inner.control.cancel.is_cancelled() {
            return Err(QueryError::Cancelled);
        }
        if self.inner.clock.monotonic() >= self.until {
            return Err(QueryError::TimedOut(self.time_max));
        }
        Ok(())
    }

    /// Takes so many bytes more, if it may hold them.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), QueryError> {
        let held = self.inner.held_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let limit_bytes = self.inner.memory_bytes_max;
        if held > limit_bytes { Err(QueryError::Memory { limit_bytes }) } else { Ok(()) }
    }

    /// Gives back bytes that were taken.
    pub(crate) fn give_back(&self, bytes: usize) {
        let lower = |held: usize| Some(held.saturating_sub(bytes));
        // The closure always has an answer.
        let _ = self.inner.held_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lower);
    }

    /// The most bytes it may hold.
    pub(crate) fn memory_bytes_max(&self) -> usize {
        self.inner.memory_bytes_max
    }

    pub(crate) fn control(&self) -> &Control {
        &self.inner.control
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }
}
