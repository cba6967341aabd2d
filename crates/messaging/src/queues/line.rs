//! The line in front of a FIFO queue: one call after the other looks for duplicates, is appended, and enters the queue, so that the order
//! in the queue is that in the store. Who comes to the front takes with him those that came meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use watchkeep_model::ServiceError;

use super::content::Content;
use super::limits::{LINE_BYTES_MAX, LINE_MAX};

/// A message on its way into a queue.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// What it carries.
    pub content: Arc<Content>,
    /// When it was sent.
    pub sent: i64,
    /// Until when it is delayed; 0 if it is not.
    pub delayed: i64,
    /// How often it was received from the queues that it was in before.
    pub earlier: u32,
    /// When it was received there first; 0 if it was not.
    pub first_received: i64,
}

/// A message that is in its queue now; of a duplicate the one that it repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The message's id.
    pub id: uuid::Uuid,
    /// The message's number.
    pub seq: u64,
}

/// The messages of one call.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The messages.
    pub messages: Vec<Outgoing>,
    /// Who waits for the outcome.
    pub answer: oneshot::Sender<Result<Vec<Sent>, ServiceError>>,
}

/// The calls that wait.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: Mutex<Vec<Waiting>>,
    /// Whose turn it is; also taken by what enters the queue otherwise.
    pub turn: tokio::sync::Mutex<()>,
}

impl Line {
    /// Joins the line.
    pub fn join(&self, messages: Vec<Outgoing>) -> oneshot::Receiver<Result<Vec<Sent>, ServiceError>> {
        let (answer, outcome) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { messages, answer });
        outcome
    }

    /// Takes those at the front. Every call that joined takes its turn once, so none is left behind.
    pub fn front(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        let fits = |call: &&Waiting| {
            let before = bytes;
            bytes += call.messages.iter().map(|message| message.content.bytes()).sum::<usize>();
            before < LINE_BYTES_MAX
        };
        let count = waiting.iter().take(LINE_MAX).take_while(fits).count();
        waiting.drain(..count).collect()
    }
}
