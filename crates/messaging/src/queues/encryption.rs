//! Encryption of messages at rest: under a KMS key of the customer's (`KmsMasterKeyId`), or under the server's master key
//! (`SqsManagedSseEnabled`). Sources: "Encryption at rest in Amazon SQS", "Amazon SQS Key management".
//!
//! Body, attributes and trace header of a message are encrypted by themselves, as one cell of the message's row, under a data key of the
//! queue's key; the row says which. All else is in clear: id, group, deduplication id, sender, times, number of bytes. So the index of
//! the messages comes back without any key, nothing of a message under a key that cannot be used is lost or counts as dropped (E-2), and the
//! message is there again when its key is.
//!
//! A data key is used again for `KmsDataKeyReusePeriodSeconds` before KMS is asked anew: so long, at most, goes unnoticed that the key was
//! disabled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use watchkeep_core::ports::EncryptionContext;
use watchkeep_model::ServiceError;
use watchkeep_store::{EncryptionKey, MASTER_KEY};

use super::Queues;
use super::backlog::Lease;
use super::errors::{of_data_key, store};
use super::limits::{HELD_KEYS_MAX, STORE_TRUSTS_KEYS_SECONDS};
use super::queue::Queue;

/// What the encryption context names.
const CONTEXT: &str = "aws:sqs:arn";

/// Data keys, by their numbers.
pub(crate) type Keys = HashMap<u64, Arc<EncryptionKey>>;

/// What a queue's messages are encrypted under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Nothing.
    #[default]
    Off,
    /// The server's master key.
    Master,
    /// A KMS key: a key's or an alias's name or ARN.
    Kms {
        /// As it was set.
        key: String,
        /// For how long a data key is used again.
        reuse_seconds: u64,
    },
}

/// The data keys that a queue uses again, each until a time of the monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct HeldKeys(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// The one for new messages.
    current: Option<u64>,
    keys: HashMap<u64, (Arc<EncryptionKey>, Duration)>,
}

impl HeldKeys {
    fn current(&self, now: Duration) -> Option<Arc<EncryptionKey>> {
        let held = self.lock();
        let id = held.current?;
        held.keys.get(&id).filter(|(_, until)| now < *until).map(|(key, _)| key.clone())
    }

    fn get(&self, id: u64, now: Duration) -> Option<Arc<EncryptionKey>> {
        self.lock().keys.get(&id).filter(|(_, until)| now < *until).map(|(key, _)| key.clone())
    }

    fn hold(&self, key: &Arc<EncryptionKey>, until: Duration, is_current: bool) {
        let mut held = self.lock();
        if held.keys.len() >= HELD_KEYS_MAX {
            held.keys.clear();
        }
        held.keys.insert(key.id(), (key.clone(), until));
        if is_current {
            held.current = Some(key.id());
        }
    }

    /// Forgets all: the queue has another key, or another period.
    pub fn clear(&self) {
        *self.lock() = Held::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Encryption {
    /// How long the queue uses a data key again before it asks the store, which itself asks once a minute.
    fn held_for(&self) -> Duration {
        match self {
            Encryption::Off | Encryption::Master => Duration::from_secs(STORE_TRUSTS_KEYS_SECONDS),
            Encryption::Kms { reuse_seconds, .. } => {
                Duration::from_secs(reuse_seconds.saturating_sub(STORE_TRUSTS_KEYS_SECONDS))
            }
        }
    }
}

impl Queues {
    /// The data key for new messages, if the queue encrypts them.
    ///
    /// # Errors
    /// Those of KMS: nothing may be put then.
    pub(crate) async fn key_for_new(&self, queue: &Queue) -> Result<Option<Arc<EncryptionKey>>, ServiceError> {
        let settings = queue.settings();
        let named = match &settings.encryption {
            Encryption::Off => return Ok(None),
            Encryption::Master => None,
            Encryption::Kms { key, .. } => Some(key),
        };
        let now = self.clock.monotonic();
        if let Some(key) = queue.keys.current(now) {
            return Ok(Some(key));
        }
        let owners_key = match named {
            None => MASTER_KEY.to_owned(),
            Some(named) => {
                let region = queue.key.region.clone().unwrap_or_default();
                let data_keys = self.store.data_keys().map_err(|error| of_data_key(&error))?;
                let found = data_keys.find((queue.key.account, &region), named).await;
                found.map_err(|error| of_data_key(&error))?
            }
        };
        let context = EncryptionContext::from([(CONTEXT.to_owned(), queue.arn.clone())]);
        let key = self.store.encryption_key(&owners_key, &context).await.map_err(store)?;
        queue.keys.hold(&key, now + settings.encryption.held_for(), true);
        Ok(Some(key))
    }

    /// The data key of this number, to read messages of the queue.
    async fn key_to_read(&self, queue: &Queue, id: u64) -> Result<Arc<EncryptionKey>, ServiceError> {
        let now = self.clock.monotonic();
        if let Some(key) = queue.keys.get(id, now) {
            return Ok(key);
        }
        let key = self.store.data_key(id).await.map_err(store)?;
        queue.keys.hold(&key, now + queue.settings().encryption.held_for(), false);
        Ok(key)
    }

    /// The data keys that these messages need, and those messages whose key cannot be used, with the reason of the first.
    pub(crate) async fn keys_of(&self, queue: &Queue, leases: &[Lease]) -> (Keys, Option<ServiceError>) {
        let (mut keys, mut refused) = (Keys::new(), None);
        let mut ids: Vec<u64> = leases.iter().filter_map(|lease| lease.key).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            match self.key_to_read(queue, id).await {
                Ok(key) => drop(keys.insert(id, key)),
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
        }
        (keys, refused)
    }
}
