//! What deliveries need: the store, the subscriptions, and the ways out. The outbox holds it; it does not hold the outbox.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use watchkeep_core::ports::{LogSink, QueueSink};
use watchkeep_core::{BoxFuture, Clock};
use watchkeep_delivery::outbox::{Note, OutboxLog, Parcel, Pending, Stage};
use watchkeep_delivery::{Mailer, Webhooks};
use watchkeep_store::{Collection, Keep, Rows, Scan, Store, StoreError, TableOwner};

use super::counters::Counters;
use super::directory::Directory;
use super::keys::Keys;
use super::limits::{BODIES_BYTES_MAX, HOUR_MS, NOTE_PAUSE, NOTE_TRIES_MAX};
use super::message::Message;
use super::resources::{Subscription, Topic, Watermark};
use super::signatures::Signatures;
use super::signing::Signing;
use super::tables::{
    DATA_KEY, DEAD_LETTERING, DELIVERING, MESSAGE, MESSAGE_ID, SEALED, SETTLED, TIME, TOPIC_DELIVERIES, TOPIC_MESSAGES,
    hour,
};

/// What deliveries need.
pub(crate) struct Core {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub topics: Collection<Topic>,
    pub subscriptions: Collection<Subscription>,
    pub watermarks: Collection<Watermark>,
    pub directory: Directory,
    pub keys: Keys,
    pub bodies: Bodies,
    pub signatures: Signatures,
    pub counters: Counters,
    pub signing: Signing,
    pub webhooks: Webhooks,
    /// For URLs that the settings name: they may lie anywhere.
    pub webhooks_of_settings: Webhooks,
    pub mailer: Option<Mailer>,
    pub queues: Arc<dyn QueueSink>,
    /// Takes what is said of deliveries.
    pub logs: Option<Arc<dyn LogSink>>,
    /// The URLs of functions, by their names.
    pub functions: HashMap<String, String>,
    /// Where others reach this server, without a slash at the end; known when the doors are open.
    pub url: OnceLock<String>,
    pub kept: Arc<Kept>,
}

/// Which rows are kept: those of this hour, counted from the epoch, and later ones.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    from_hour: AtomicU64,
}

impl Kept {
    /// The hour.
    pub(crate) fn first_hour(&self) -> u64 {
        self.from_hour.load(Ordering::Acquire)
    }

    /// Its beginning, in milliseconds since the epoch.
    pub(crate) fn first_ms(&self) -> i64 {
        i64::try_from(self.first_hour()).unwrap_or(i64::MAX / HOUR_MS).saturating_mul(HOUR_MS)
    }

    /// Keeps rows from a later hour on. It never goes back.
    pub(crate) fn advance(&self, hour: u64) {
        self.from_hour.fetch_max(hour, Ordering::AcqRel);
    }
}

impl TableOwner for Kept {
    fn keep(&self, key: &[u64]) -> Keep {
        match key.first() {
            Some(hour) if *hour < self.first_hour() => Keep::Drop,
            _ => Keep::Forever,
        }
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}

/// A message in memory.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// The message.
    pub message: Arc<Message>,
    /// The number of the data key that it is encrypted under in the store, if it is.
    pub key: Option<u64>,
    /// Its bytes.
    pub bytes: usize,
}

/// Messages in memory, the newest, as many as there is room for.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    inner: Mutex<BodiesInner>,
}

#[derive(Debug, Default)]
struct BodiesInner {
    by_seq: HashMap<u64, Body>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl Bodies {
    /// Keeps a message for a while.
    pub(crate) fn add(&self, seq: u64, body: Body) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = body.bytes;
        if inner.by_seq.insert(seq, body).is_none() {
            inner.order.push_back(seq);
            inner.bytes += bytes;
        }
        while inner.bytes > BODIES_BYTES_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            let freed = inner.by_seq.remove(&oldest).map_or(0, |body| body.bytes);
            inner.bytes = inner.bytes.saturating_sub(freed);
        }
    }

    /// The message, if it is still here.
    pub(crate) fn get(&self, seq: u64) -> Option<Body> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.by_seq.get(&seq).cloned()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = BodiesInner::default();
    }
}

impl Core {
    /// The URL of a path of this server.
    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.url.get().map_or("", String::as_str))
    }

    /// Reads a topic and its subscriptions again, after a change.
    pub(crate) fn refresh(&self, key: &watchkeep_store::ResourceKey) {
        self.directory.refresh(key, &self.topics, &self.subscriptions);
    }

    /// The message of a parcel; none if it is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if its key cannot be used, though it may be in memory.
    pub(crate) async fn message(&self, parcel: Parcel) -> Result<Option<Arc<Message>>, StoreError> {
        if let Some(Body { message, key, .. }) = self.bodies.get(parcel.content) {
            if let Some(key) = key {
                self.store.data_key(key).await?;
            }
            return Ok(Some(message));
        }
        let read = self.store.blocking(move |store| read_message(store, parcel)).await?;
        let Some(Read { id, mut text, sealed }) = read else { return Ok(None) };
        let key = sealed.as_ref().map(|(key, _)| *key);
        if let Some((key, cell)) = sealed {
            let opened = self.store.data_key(key).await?.open(id.as_bytes(), &cell);
            let opened = opened.and_then(|opened| String::from_utf8(opened).ok());
            let Some(opened) = opened else {
                tracing::error!(seq = parcel.content, "a stored message does not open with its key");
                return Ok(None);
            };
            text = opened;
        }
        let message = serde_json::from_str(&text).map(Arc::new);
        let message: Arc<Message> = match message {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, seq = parcel.content, "a stored message cannot be read");
                return Ok(None);
            }
        };
        self.bodies.add(parcel.content, Body { message: message.clone(), key, bytes: text.len() });
        Ok(Some(message))
    }

    async fn write_note(&self, note: Note) -> Result<(), String> {
        let (parcel, state, failed, due_ms) = match note {
            Note::Settled(parcel) => (parcel, SETTLED, 0, 0),
            Note::Postponed(Pending { parcel, progress }) => {
                let state = match progress.stage {
                    Stage::Delivering => DELIVERING,
                    Stage::DeadLettering => DEAD_LETTERING,
                };
                (parcel, state, u64::from(progress.failed), progress.due_ms)
            }
        };
        let mut rows = Rows::new(&TOPIC_DELIVERIES);
        rows.u64(hour(parcel.time_ms));
        rows.i64(parcel.time_ms);
        rows.u64(parcel.content);
        rows.u64(parcel.lane);
        rows.u64(state);
        rows.u64(failed);
        rows.i64(due_ms);
        rows.end_row();
        for tries in 1.. {
            match self.store.append(rows.clone()).await {
                Ok(_) => break,
                Err(error) if error.is_retryable() && tries < NOTE_TRIES_MAX => self.clock.sleep(NOTE_PAUSE).await,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}

impl OutboxLog for Core {
    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.write_note(note))
    }
}

/// A message as its row has it.
struct Read {
    id: String,
    text: String,
    sealed: Option<(u64, Vec<u8>)>,
}

fn read_message(store: &Store, parcel: Parcel) -> Result<Option<Read>, StoreError> {
    let scan = Scan::new(&TOPIC_MESSAGES)
        .time(parcel.time_ms..parcel.time_ms.saturating_add(1))
        .ids(super::tables::HOUR, [hour(parcel.time_ms)])
        .columns(&[TIME, MESSAGE_ID, MESSAGE, DATA_KEY, SEALED]);
    let mut found = None;
    store.scan(&scan, &mut |batch| match batch.seqs().iter().position(|seq| *seq == parcel.content) {
        Some(row) => {
            let key = batch.u64s(DATA_KEY).get(row).copied().filter(|_| !batch.is_null(DATA_KEY, row));
            found = Some(Read {
                id: batch.text(MESSAGE_ID, row).to_owned(),
                text: batch.text(MESSAGE, row).to_owned(),
                sealed: key.map(|key| (key, batch.bytes(SEALED, row).to_vec())),
            });
            ControlFlow::Break(())
        }
        None => ControlFlow::Continue(()),
    })?;
    Ok(found)
}
