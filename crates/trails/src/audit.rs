//! The port through which the gateway hands in finished calls, and the queue behind it of those that change nothing or are
//! many.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use watchkeep_core::ports::{AuditSink, BusEvent, Capture, EventBus, FinishedCall, ServiceEvent, ServiceEvents};
use watchkeep_core::{BoxFuture, Clock, Random, uuid};
use watchkeep_store::{Rows, Store};

use crate::classify::{self, Category};
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, BATCH_WAIT, QUEUE_EVENTS_MAX, RETRIES_MAX, RETRY_WAIT};
use crate::record::Recorded;
use crate::tables::AUDIT_EVENTS;

/// Writes a record of every call.
pub struct Recorder {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Where calls wait whose records are written many at a time, and who writes them; nothing before the start and after the
    /// end.
    queue: Mutex<Option<Queue>>,
    told: Told,
}

/// The bus that is told of calls, if one is.
type Told = Arc<OnceLock<Arc<dyn EventBus>>>;

struct Queue {
    sender: mpsc::Sender<Waiting>,
    writer: JoinHandle<()>,
}

/// What stands in the queue.
enum Waiting {
    /// A call, and its record's id.
    Call(Box<FinishedCall>, String),
    /// A record that the store was too busy for.
    Record(Box<Rows>),
    /// Somebody who waits until all calls before are written.
    Reader(oneshot::Sender<()>),
}

impl Recorder {
    /// A recorder that writes every record by itself, until it is started.
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Recorder {
        Recorder { store, clock, random, queue: Mutex::default(), told: Told::default() }
    }

    /// Tells this bus of calls from now on.
    pub fn set_event_bus(&self, bus: Arc<dyn EventBus>) {
        // The first one stays.
        let _ = self.told.set(bus);
    }

    /// Begins to gather data events.
    pub fn start(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            let (sender, waiting) = mpsc::channel(QUEUE_EVENTS_MAX);
            let writer =
                tokio::spawn(write_batches(self.store.clone(), self.clock.clone(), self.told.clone(), waiting));
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

    /// Completes when every call that was handed in before can be read back.
    pub async fn flush(&self) {
        let Some(sender) = self.sender() else { return };
        let (written, wait) = oneshot::channel();
        if sender.send(Waiting::Reader(written)).await.is_ok() {
            // An error means that the writer ended: after it has written everything.
            let _ = wait.await;
        }
    }

    fn sender(&self) -> Option<mpsc::Sender<Waiting>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|queue| queue.sender.clone())
    }

    /// Writes a record by itself. If the store is too busy for it, it goes into the queue, whose writer tries again: what the
    /// call changed cannot be taken back.
    async fn write(&self, record: Recorded) {
        let mut rows = Rows::new(&AUDIT_EVENTS);
        record.write(&mut rows);
        let event = self.told.get().and_then(|_| record.event());
        let written = self.store.append(rows.clone()).await;
        tell(&self.told, event).await;
        let Err(error) = written else { return };
        if error.is_retryable()
            && let Some(sender) = self.sender()
            && sender.send(Waiting::Record(Box::new(rows))).await.is_ok()
        {
            return;
        }
        tracing::error!(%error, "the audit record of a call was not written");
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
        // A change and its record become durable together; what changed nothing may be recorded a moment later.
        let can_wait = classify::category(call.service, call.operation) == Category::Data
            || classify::is_read_only(call.service, call.operation);
        let sender = if can_wait { self.sender() } else { None };
        Box::pin(async move {
            let Some(sender) = sender else { return self.write(Recorded::new(call, event_id)).await };
            // Waits for room; fails only if the writer is gone, which then did not take it.
            if let Err(mpsc::error::SendError(Waiting::Call(call, event_id))) =
                sender.send(Waiting::Call(Box::new(call), event_id)).await
            {
                self.write(Recorded::new(*call, event_id)).await;
            }
        })
    }
}

impl ServiceEvents for Recorder {
    fn happened(&self, event: ServiceEvent) -> BoxFuture<'_, ()> {
        let event_id = uuid(self.random.as_ref()).to_string();
        Box::pin(self.write(Recorded::of_event(event, event_id)))
    }
}

/// Writes records, many at a time, until nobody hands in any.
async fn write_batches(store: Arc<Store>, clock: Arc<dyn Clock>, told: Told, mut queue: mpsc::Receiver<Waiting>) {
    let mut received = Vec::with_capacity(BATCH_EVENTS_MAX);
    while queue.recv_many(&mut received, BATCH_EVENTS_MAX).await > 0 {
        let mut due = clock.sleep(BATCH_WAIT);
        while received.len() < BATCH_EVENTS_MAX && !received.iter().any(|waiting| matches!(waiting, Waiting::Reader(_)))
        {
            let room = BATCH_EVENTS_MAX - received.len();
            tokio::select! {
                count = queue.recv_many(&mut received, room) => if count == 0 { break },
                () = &mut due => break,
            }
        }
        let (mut rows, mut readers, mut events) = (Rows::new(&AUDIT_EVENTS), Vec::new(), Vec::new());
        for waiting in received.drain(..) {
            match waiting {
                Waiting::Call(call, event_id) => {
                    let record = Recorded::new(*call, event_id);
                    record.write(&mut rows);
                    events.extend(told.get().and_then(|_| record.event()));
                }
                Waiting::Record(record) => rows.extend(*record),
                Waiting::Reader(reader) => readers.push(reader),
            }
            // Of the largest records, so many would not fit into one append.
            if rows.block_bytes() >= BATCH_BYTES_MAX {
                write_batch(&store, clock.as_ref(), std::mem::replace(&mut rows, Rows::new(&AUDIT_EVENTS))).await;
            }
        }
        write_batch(&store, clock.as_ref(), rows).await;
        for event in events {
            tell(&told, Some(event)).await;
        }
        for reader in readers {
            // One that gave up waiting is no matter.
            let _ = reader.send(());
        }
    }
}

/// Tells of a call. As on AWS, that is done as well as it goes: the record is what lasts.
async fn tell(told: &Told, event: Option<BusEvent>) {
    if let (Some(bus), Some(event)) = (told.get(), event)
        && let Err(error) = bus.put(event).await
    {
        tracing::warn!(%error, "a call was not told of on the event bus");
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
