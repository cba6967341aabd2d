//! Queries that have not ended.

use std::sync::{Mutex, PoisonError};

use watchkeep_core::{Caller, Principal};
use watchkeep_query::Cancel;

use super::execute::Found;
use super::resources::Status;

/// Who asks a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// A client: there is a quota of such queries.
    Client,
    /// A schedule: its runs wait for each other, and are are not refused for clients' queries, nor these for them.
    Schedule,
}

impl Author {
    pub(super) fn of(caller: &Caller) -> Author {
        if matches!(caller.principal, Principal::Service(_)) { Author::Schedule } else { Author::Client }
    }
}

/// A query that has not ended.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) author: Author,
    cancel: Cancel,
    /// Told when it is cancelled.
    cancelling: tokio::sync::Notify,
    /// Closed when it has ended, and what became of it is written.
    ended: tokio::sync::Semaphore,
    state: Mutex<(Status, Found)>,
}

impl Running {
    pub(super) fn new(author: Author) -> Running {
        Running {
            author,
            cancel: Cancel::default(),
            cancelling: tokio::sync::Notify::new(),
            ended: tokio::sync::Semaphore::new(0),
            state: Mutex::new((Status::Scheduled, Found::default())),
        }
    }

    pub(super) fn cancel(&self) {
        self.cancel.cancel();
        self.cancelling.notify_waiters();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// What tells the engine that it was cancelled.
    pub(super) fn canceller(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Waits until it is cancelled.
    pub(super) async fn cancelled(&self) {
        let notified = self.cancelling.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if !self.is_cancelled() {
            notified.await;
        }
    }

    pub(super) fn end(&self) {
        self.ended.close();
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) {
        // There is never a permit: this comes back when the semaphore is closed.
        drop(self.ended.acquire().await);
    }

    /// Where it is, and what it found so far.
    pub(super) fn state(&self) -> (Status, Found) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what it found so far.
    pub(super) fn found(&self, found: Found) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = found;
    }

    pub(super) fn begin(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = Status::Running;
    }
}
