//! The port through which the gateway hands in finished calls, and the queue of data events behind it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use watchkeep_core::ports::{AuditSink, Capture, FinishedCall};
use watchkeep_core::{BoxFuture, Clock, Random, uuid};
use watchkeep_store::{Rows, Store};

use crate::classify::{self, Category};
use crate::limits::{BATCH_EVENTS_MAX, BATCH_WAIT, QUEUE_EVENTS_MAX, RETRIES_MAX, RETRY_WAIT};
use crate::record::Recorded;
use crate::tables::AUDIT_EVENTS;

/// Writes a record of every call.
pub struct Recorder {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Where data events wait, and who writes them; nothing before the start and after the end.
    queue: Mutex<Option<Queue>>,
}

struct Queue {
    sender: mpsc::Sender<(FinishedCall, String)>,
    writer: JoinHandle<()>,
}

impl Recorder {
    /// A recorder that writes every record by itself, until it is started.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Recorder {
        Recorder { store, clock, random, queue: Mutex::default() }
    }

    /// Begins to gather data events.
    pub fn start(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            let (sender, waiting) = mpsc::channel(QUEUE_EVENTS_MAX);
            let writer = tokio::spawn(write_batches(self.store.clone(), self.clock.clone(), waiting));
            *queue = Some(Queue { sender, writer });
        }
    }

    /// Writes out what waits.
    pub async fn close(&self) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Queue { sender, writer }) = queue {
            drop(sender);
            if let Err(error) = writer.await {
                tracing::error!(%error, "data events were not all written");
            }
        }
    }

    fn sender(&self) -> Option<mpsc::Sender<(FinishedCall, String)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|queue| queue.sender.clone())
    }

    async fn write(&self, call: FinishedCall, event_id: String) {
        let mut rows = Rows::new(&AUDIT_EVENTS);
        Recorded::new(call, event_id).write(&mut rows);
        if let Err(error) = self.store.append(rows).await {
            tracing::error!(%error, "the audit record of a call was not written");
        }
    }
}

impl AuditSink for Recorder {
    fn capture(&self, service: &str, operation: &str) -> Capture {
        match classify::category(service, operation) {
            Category::Data => Capture::Nothing,
            Category::Management => Capture::Parameters,
        }
    }

    fn record<'a>(&'a self, call: FinishedCall) -> BoxFuture<'a, ()> {
        let event_id = uuid(self.random.as_ref()).to_string();
        let sender = match classify::category(call.service, call.operation) {
            Category::Data => self.sender(),
            Category::Management => None,
        };
        Box::pin(async move {
            match sender {
                None => self.write(call, event_id).await,
                // Waits for room; fails only if the writer is gone, which then did not take it.
                Some(sender) => {
                    if let Err(mpsc::error::SendError((call, event_id))) = sender.send((call, event_id)).await {
                        self.write(call, event_id).await;
                    }
                }
            }
        })
    }
}

/// Writes data events, many at a time, until nobody sends any.
async fn write_batches(store: Arc<Store>, clock: Arc<dyn Clock>, mut waiting: mpsc::Receiver<(FinishedCall, String)>) {
    let mut batch = Vec::with_capacity(BATCH_EVENTS_MAX);
    let mut open = true;
    while open {
        match waiting.recv().await {
            Some(first) => batch.push(first),
            None => return,
        }
        let mut due = clock.sleep(BATCH_WAIT);
        while open && batch.len() < BATCH_EVENTS_MAX {
            let room = BATCH_EVENTS_MAX - batch.len();
            tokio::select! {
                received = waiting.recv_many(&mut batch, room) => open = received > 0,
                () = &mut due => break,
            }
        }
        let mut rows = Rows::new(&AUDIT_EVENTS);
        for (call, event_id) in batch.drain(..) {
            Recorded::new(call, event_id).write(&mut rows);
        }
        write_batch(&store, clock.as_ref(), rows).await;
    }
}

/// Writes a batch; while the store is busy it waits, and so, behind the full queue, do the callers.
async fn write_batch(store: &Store, clock: &dyn Clock, rows: Rows) {
    for _ in 0..RETRIES_MAX {
        match store.append(rows.clone()).await {
            Ok(_) => return,
            Err(error) if error.is_retryable() => clock.sleep(RETRY_WAIT).await,
            Err(error) => {
                tracing::error!(events = rows.len(), %error, "data events were not recorded");
                return;
            }
        }
    }
    tracing::error!(events = rows.len(), "data events were not recorded: the store stayed busy");
}
