//! The port through which the gateway hands in finished calls, and the queue behind it of those that change nothing or are
//! many.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use watchkeep_core::ports::{AuditSink, BusEvent, Capture, EventBus, FinishedCall, ServiceEvent, ServiceEvents};
use watchkeep_core::{BoxFuture, Clock, Random, uuid};
use watchkeep_store::Store;

use crate::batch::Batch;
use crate::classify::{self, Category};
use crate::collectors::Collectors;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, BATCH_WAIT, QUEUE_EVENTS_MAX, RETRIES_MAX, RETRY_WAIT};
use crate::named;
use crate::record::Recorded;

/// Writes a record of every call.
pub struct Recorder {
    writer: Arc<Writer>,
    random: Arc<dyn Random>,
    /// Where calls wait whose records are written many at a time, and who writes them; nothing before the start and after the
    /// end.
    queue: Mutex<Option<Queue>>,
}

/// Who writes records.
struct Writer {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    collectors: Arc<Collectors>,
    /// The bus that is told of calls, if one is.
    told: OnceLock<Arc<dyn EventBus>>,
}

struct Queue {
    sender: mpsc::Sender<Waiting>,
    writer: JoinHandle<()>,
}

/// What stands in the queue.
enum Waiting {
    /// A call, and its record's id.
    Call(Box<FinishedCall>, String),
    /// A record that the store was too busy for.
    Record(Box<Batch>),
    /// Somebody who waits until all calls before are written.
    Reader(oneshot::Sender<()>),
}

impl Recorder {
    /// A recorder that writes every record by itself, until it is started.
    pub fn new(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        collectors: Arc<Collectors>,
    ) -> Recorder {
        let writer = Arc::new(Writer { store, clock, collectors, told: OnceLock::new() });
        Recorder { writer, random, queue: Mutex::default() }
    }

    /// Tells this bus of calls from now on.
    pub fn set_event_bus(&self, bus: Arc<dyn EventBus>) {
        // The first one stays.
        let _ = self.writer.told.set(bus);
    }

    /// Begins to gather data events.
    pub fn start(&self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            let (sender, waiting) = mpsc::channel(QUEUE_EVENTS_MAX);
            let writer = tokio::spawn(write_batches(self.writer.clone(), waiting));
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
        let mut batch = Batch::default();
        batch.add(&record, &self.writer.collectors);
        let event = self.writer.told.get().and_then(|_| record.event());
        let written = self.writer.store.append(batch.to_append(&self.writer.store).await).await;
        self.writer.tell(event).await;
        let Err(error) = written else { return };
        if error.is_retryable()
            && let Some(sender) = self.sender()
            && sender.send(Waiting::Record(Box::new(batch))).await.is_ok()
        {
            return;
        }
        tracing::error!(%error, "the audit record of a call was not written");
    }
}

impl AuditSink for Recorder {
    fn capture(&self, service: &str, operation: &str) -> Capture {
        match classify::category(service, operation) {
            Category::Management => Capture::Parameters,
            // Only what names the resource becomes a part of the record, and only who collects such events needs it.
            Category::Data => match classify::data_resource_type(service, operation) {
                Some(kind) if named::has_data_members(service) && self.writer.collectors.may_want_data_of(kind) => {
                    Capture::Parameters
                }
                _ => Capture::Nothing,
            },
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
async fn write_batches(writer: Arc<Writer>, mut queue: mpsc::Receiver<Waiting>) {
    let mut received = Vec::with_capacity(BATCH_EVENTS_MAX);
    while queue.recv_many(&mut received, BATCH_EVENTS_MAX).await > 0 {
        let mut due = writer.clock.sleep(BATCH_WAIT);
        while received.len() < BATCH_EVENTS_MAX && !received.iter().any(|waiting| matches!(waiting, Waiting::Reader(_)))
        {
            let room = BATCH_EVENTS_MAX - received.len();
            tokio::select! {
                count = queue.recv_many(&mut received, room) => if count == 0 { break },
                () = &mut due => break,
            }
        }
        let (mut batch, mut readers, mut events) = (Batch::default(), Vec::new(), Vec::new());
        for waiting in received.drain(..) {
            match waiting {
                Waiting::Call(call, event_id) => {
                    let record = Recorded::new(*call, event_id);
                    batch.add(&record, &writer.collectors);
                    events.extend(writer.told.get().and_then(|_| record.event()));
                }
                Waiting::Record(record) => batch.extend(*record),
                Waiting::Reader(reader) => readers.push(reader),
            }
            // Of the largest records, so many would not fit into one append.
            if batch.bytes() >= BATCH_BYTES_MAX {
                writer.write(std::mem::take(&mut batch)).await;
            }
        }
        writer.write(batch).await;
        for event in events {
            writer.tell(Some(event)).await;
        }
        for reader in readers {
            // One that gave up waiting is no matter.
            let _ = reader.send(());
        }
    }
}

impl Writer {
    /// Tells of a call. As on AWS, that is done as well as it goes: the record is what lasts.
    async fn tell(&self, event: Option<BusEvent>) {
        if let (Some(bus), Some(event)) = (self.told.get(), event)
            && let Err(error) = bus.put(event).await
        {
            tracing::warn!(%error, "a call was not told of on the event bus");
        }
    }

    /// Writes a batch; while the store is busy it waits, and so, behind the full queue, do the callers.
    async fn write(&self, batch: Batch) {
        let append = batch.to_append(&self.store).await;
        for _ in 0..RETRIES_MAX {
            match self.store.append(append.clone()).await {
                Ok(_) => return,
                Err(error) if error.is_retryable() => self.clock.sleep(RETRY_WAIT).await,
                Err(error) => {
                    tracing::error!(events = batch.len(), %error, "data events were not recorded");
                    return;
                }
            }
        }
        tracing::error!(events = batch.len(), "data events were not recorded: the store stayed busy");
    }
}
