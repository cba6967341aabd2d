//! What became of the datagrams, in the words of PutTelemetryRecords.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what becomes of datagrams.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) spillover: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) lost: AtomicU64,
}

/// What became of the datagrams since the daemon began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that were received, empty ones aside.
    pub received: u64,
    /// Documents that were handed in and taken.
    pub sent: u64,
    /// Datagrams that were dropped because the buffer was full.
    pub spillover: u64,
    /// Datagrams whose header was wrong, and documents that the API refused.
    pub rejected: u64,
    /// Documents that were handed in in vain.
    pub lost: u64,
}

impl Counters {
    /// The counts of this moment.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            received: read(&self.received),
            sent: read(&self.sent),
            spillover: read(&self.spillover),
            rejected: read(&self.rejected),
            lost: read(&self.lost),
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
