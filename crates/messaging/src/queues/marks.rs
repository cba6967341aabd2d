//! Marks: that messages were received, made visible or invisible, deleted. Deletions, and whatever becomes of FIFO queues' messages, are
//! durable before the call is answered; receipts from standard queues are written a second later at most: a crash in between makes
//! them visible again earlier than they would be, which is what at-least-once allows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use watchkeep_store::Rows;

use super::backlog::{Entry, Place};
use super::tables::QUEUE_MARKS;

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum MarkKind {
    /// The message has left the queue.
    Gone = 1,
    /// Somebody has it, or nobody has it any more.
    Receipt = 2,
}

impl MarkKind {
    /// The kind of this number in a row.
    pub fn of(number: u64) -> Option<MarkKind> {
        [MarkKind::Gone, MarkKind::Receipt].into_iter().find(|kind| *kind as u64 == number)
    }
}

/// A row of [`QUEUE_MARKS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The message's chunk.
    pub chunk: u64,
    /// The message's number.
    pub message: u64,
    /// What it says.
    pub kind: MarkKind,
    /// How often the message was received from its queue.
    pub receives: u32,
    /// When it was received first.
    pub first_received: i64,
    /// Until when it is invisible; in the past if it is not.
    pub until: i64,
}

impl Mark {
    /// The message has left the queue.
    pub fn gone(chunk: u64, message: u64) -> Mark {
        Mark { chunk, message, kind: MarkKind::Gone, receives: 0, first_received: 0, until: 0 }
    }

    /// Where the message is now.
    pub fn receipt(message: u64, entry: &Entry) -> Mark {
        let until = match entry.place {
            Place::InFlight(until) => until,
            Place::Ready | Place::Delayed(_) => 0,
        };
        Mark {
            chunk: entry.chunk,
            message,
            kind: MarkKind::Receipt,
            receives: entry.receives,
            first_received: entry.first_received,
            until,
        }
    }

    /// Appends the row.
    pub fn write(&self, rows: &mut Rows, queue: u64, now: i64) {
        rows.u64(self.chunk);
        rows.u64(queue);
        rows.i64(now);
        rows.u64(self.message);
        rows.u64(self.kind as u64);
        rows.u64(u64::from(self.receives));
        rows.i64(self.first_received);
        rows.i64(self.until);
        rows.end_row();
    }
}

/// Rows of these marks of a queue.
pub(crate) fn rows(marks: &[Mark], queue: u64, now: i64) -> Rows {
    let mut rows = Rows::with_capacity(&QUEUE_MARKS, marks.len(), 0);
    marks.iter().for_each(|mark| mark.write(&mut rows, queue, now));
    rows
}

/// The messages whose receipt is still to be written, by queue and number.
#[derive(Debug, Default)]
pub(crate) struct Lazy(Mutex<HashMap<u64, Vec<u64>, foldhash::fast::FixedState>>);

impl Lazy {
    /// Adds messages of a queue; says how many there are of all queues.
    pub fn add(&self, queue: u64, messages: impl IntoIterator<Item = u64>) -> usize {
        let mut waiting = self.lock();
        waiting.entry(queue).or_default().extend(messages);
        waiting.values().map(Vec::len).sum()
    }

    /// Takes all.
    pub fn take(&self) -> HashMap<u64, Vec<u64>, foldhash::fast::FixedState> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Vec<u64>, foldhash::fast::FixedState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
