//! What deliveries need: the store, the subscriptions, and the ways out. The outbox holds it; it does not hold the outbox.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use watchkeep_core::ports::{LogSink, QueueSink};
use watchkeep_core::{BoxFuture, Clock};
use watchkeep_delivery::outbox::{Note, OutboxLog, OutboxStore, Parcel, Recent};
use watchkeep_delivery::{Mailer, Webhooks};
use watchkeep_store::{Batch, Collection, Store, StoreError};

use super::counters::Counters;
use super::directory::Directory;
use super::keys::Keys;
use super::message::Message;
use super::resources::{Subscription, Topic};
use super::signatures::Signatures;
use super::signing::Signing;
use super::tables::{DATA_KEY, MESSAGE, MESSAGE_ID, SEALED, TIME, TopicTables};

/// What deliveries need.
pub(crate) struct Core {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub topics: Collection<Topic>,
    pub subscriptions: Collection<Subscription>,
    pub directory: Directory,
    pub keys: Keys,
    /// The messages in memory.
    pub bodies: Recent<Body>,
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
    pub kept: OutboxStore<TopicTables>,
}

/// A message in memory.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// The message.
    pub message: Arc<Message>,
    /// The number of the data key that it is encrypted under in the store, if it is.
    pub key: Option<u64>,
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
        if let Some(Body { message, key }) = self.bodies.get(parcel.content) {
            if let Some(key) = key {
                self.store.data_key(key).await?;
            }
            return Ok(Some(message));
        }
        let columns = &[TIME, MESSAGE_ID, MESSAGE, DATA_KEY, SEALED];
        let Some(read) = self.kept.content(parcel, columns, Read::of).await? else { return Ok(None) };
        let Read { id, mut text, sealed } = read;
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
        self.bodies.add(parcel.content, Body { message: message.clone(), key }, text.len());
        Ok(Some(message))
    }
}

impl OutboxLog for Core {
    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.kept.note(note, |_| ()))
    }
}

/// A message as its row has it.
struct Read {
    id: String,
    text: String,
    sealed: Option<(u64, Vec<u8>)>,
}

impl Read {
    fn of(batch: &Batch, row: usize) -> Read {
        let key = batch.u64s(DATA_KEY).get(row).copied().filter(|_| !batch.is_null(DATA_KEY, row));
        Read {
            id: batch.text(MESSAGE_ID, row).to_owned(),
            text: batch.text(MESSAGE, row).to_owned(),
            sealed: key.map(|key| (key, batch.bytes(SEALED, row).to_vec())),
        }
    }
}
