//! One queue: its document, what the document means, and its messages.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;
use watchkeep_core::Meter;
use watchkeep_model::ServiceError;
use watchkeep_store::{ResourceKey, Versioned};

use super::backlog::Backlog;
use super::encryption::HeldKeys;
use super::line::Line;
use super::measures::Measures;
use super::names;
use super::resources::QueueDocument;
use super::settings::Settings;
use crate::guard::Guard;

/// A queue.
pub(crate) struct Queue {
    /// Its number.
    pub id: u64,
    /// Its account, Region and name.
    pub key: ResourceKey,
    /// Its ARN.
    pub arn: String,
    /// Whether it is a FIFO queue, which never changes.
    pub is_fifo: bool,
    /// Held while its document is changed, or it is deleted.
    pub changing: tokio::sync::Mutex<()>,
    /// Told of every message that becomes visible before its time would come.
    pub arrivals: Notify,
    /// In what order messages get into a FIFO queue.
    pub line: Line,
    /// What it measures.
    pub measures: Measures,
    /// The data keys that it uses again.
    pub keys: HeldKeys,
    /// When it was used last.
    pub used: AtomicI64,
    state: RwLock<State>,
    backlog: Mutex<Backlog>,
    deleted: AtomicBool,
}

struct State {
    document: Arc<Versioned<QueueDocument>>,
    settings: Arc<Settings>,
    guard: Arc<Guard>,
}

impl State {
    fn new(document: Arc<Versioned<QueueDocument>>, settings: Settings, arn: &str) -> State {
        let guard = Guard::new(document.attributes.get("Policy").map(String::as_str), arn);
        State { document, settings: Arc::new(settings), guard: Arc::new(guard) }
    }
}

impl Queue {
    /// A queue without messages. `total` counts the messages of all queues.
    ///
    /// # Errors
    /// If the document's attributes mean nothing, which they did when they were set.
    pub fn new(
        document: Arc<Versioned<QueueDocument>>,
        total: Arc<AtomicUsize>,
        meter: &Meter,
    ) -> Result<Queue, ServiceError> {
        let settings = Settings::read(&document.attributes)?;
        let mut backlog = Backlog::new(settings.is_fifo, total);
        backlog.purged_below = document.purged_below;
        let arn = names::arn(&document.key);
        Ok(Queue {
            id: document.id,
            is_fifo: settings.is_fifo,
            changing: tokio::sync::Mutex::default(),
            arrivals: Notify::new(),
            line: Line::default(),
            measures: Measures::new(&document.key, meter),
            keys: HeldKeys::default(),
            used: AtomicI64::new(document.created),
            backlog: Mutex::new(backlog),
            deleted: AtomicBool::new(false),
            key: document.key.clone(),
            state: RwLock::new(State::new(document, settings, &arn)),
            arn,
        })
    }

    /// What is in the catalog.
    pub fn document(&self) -> Arc<Versioned<QueueDocument>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).document.clone()
    }

    /// What its attributes mean.
    pub fn settings(&self) -> Arc<Settings> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).settings.clone()
    }

    /// What its policy says.
    pub fn guard(&self) -> Arc<Guard> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).guard.clone()
    }

    /// The catalog has another document now.
    ///
    /// # Errors
    /// As for [`Queue::new`].
    pub fn set_document(&self, document: Arc<Versioned<QueueDocument>>) -> Result<(), ServiceError> {
        let state = State::new(document.clone(), Settings::read(&document.attributes)?, &self.arn);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        self.keys.clear();
        Ok(())
    }

    /// Its messages, as they were left; see [`Queue::settled`].
    pub fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its messages at this time: what is due is visible, what has expired is gone.
    pub fn settled(&self, now: i64) -> MutexGuard<'_, Backlog> {
        let expired = now.saturating_sub(self.settings().retention_ms());
        let mut backlog = self.backlog();
        backlog.settle(now, expired);
        backlog
    }

    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// It is deleted; whoever waits for its messages is told.
    pub fn delete(&self) {
        self.deleted.store(true, Ordering::Release);
        self.arrivals.notify_waiters();
    }

    /// It is in use.
    pub fn touch(&self, now: i64) {
        self.used.store(now, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("arn", &self.arn).finish_non_exhaustive()
    }
}
