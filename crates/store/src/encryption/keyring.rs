//! The data keys that are held in memory, and who is asked for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use watchkeep_core::ports::{DATA_KEY_BYTES, DataKey, DataKeyError, DataKeys, EncryptionContext, SecretSealing};
use watchkeep_core::{Clock, Random, SecretBytes, TimestampMs};

use super::EncryptionKey;
use crate::catalog::Catalog;
use crate::error::StoreError;
use crate::limits::{DATA_KEY_AGE_MS_MAX, DATA_KEY_LOCKED_FOR, DATA_KEY_TRUSTED_FOR, DATA_KEYS_HELD_MAX};

/// Stands for the server's own master key where an owner's key is named: data keys of it are sealed as all secrets are, and can always be
/// used.
pub const MASTER_KEY: &str = "watchkeep:master-key";

/// Rows are encrypted under a key that cannot be used now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("data are encrypted under {key}, which cannot be used: {source}")]
pub struct LockedKey {
    /// The key of the owner, as its ARN.
    pub key: String,
    /// Why it cannot be used.
    pub source: DataKeyError,
}

/// A data key as the catalog keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyDocument {
    /// Its number.
    pub(crate) id: u64,
    /// The owner's key that it is wrapped under.
    pub(crate) key: String,
    pub(crate) context: EncryptionContext,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) created: TimestampMs,
}

/// The data keys in memory.
pub(crate) struct Keyring {
    /// Who seals data keys for the journal; without him nothing is encrypted.
    sealing: Option<Arc<dyn SecretSealing>>,
    /// Who keeps the owners' keys; unknown until the services are open.
    data_keys: RwLock<Option<Arc<dyn DataKeys>>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    held: Mutex<HashMap<u64, Held>>,
    /// The newest data key of each owner's key and context, and when it was made.
    newest: Mutex<HashMap<(String, EncryptionContext), (u64, TimestampMs)>>,
    /// Held by who asks for a data key.
    asking: tokio::sync::Mutex<()>,
}

/// A data key, or why it cannot be used.
pub(crate) type Usable = Result<Arc<EncryptionKey>, LockedKey>;

/// What is known of a data key, at a time of the monotonic clock.
#[derive(Clone)]
struct Held {
    at: Duration,
    outcome: Usable,
}

impl Keyring {
    pub(crate) fn new(
        sealing: Option<Arc<dyn SecretSealing>>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Keyring {
        Keyring {
            sealing,
            data_keys: RwLock::default(),
            clock,
            random,
            held: Mutex::default(),
            newest: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// Names the one who keeps the owners' keys.
    pub(crate) fn set_data_keys(&self, data_keys: Arc<dyn DataKeys>) {
        *self.data_keys.write().unwrap_or_else(PoisonError::into_inner) = Some(data_keys);
    }

    /// Forgets all keys.
    pub(crate) fn clear(&self) {
        self.held().clear();
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The data key for new rows under the owner's key `key`, in this context.
    pub(crate) async fn current(
        &self,
        catalog: &Catalog,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<Usable, StoreError> {
        if let Some(outcome) = self.newest(key, context).and_then(|id| self.remembered(id)) {
            return Ok(outcome);
        }
        // One asks, the others find his answer.
        let _asking = self.asking.lock().await;
        if let Some(outcome) = self.newest(key, context).and_then(|id| self.remembered(id)) {
            return Ok(outcome);
        }
        let now = self.clock.now();
        let oldest = now.plus_ms(-DATA_KEY_AGE_MS_MAX);
        let newest = catalog.newest_data_key(key, context).await?.filter(|newest| newest.created >= oldest);
        if let Some(document) = newest {
            self.note_newest(&document);
            return Ok(self.unwrapped(&document).await);
        }
        let generated = match self.data_keys() {
            _ if key == MASTER_KEY => self.generate(context),
            Ok(data_keys) => data_keys.generate(key, context).await,
            Err(error) => Err(error),
        };
        let generated = match generated {
            Ok(generated) => generated,
            Err(source) => return Ok(Err(LockedKey { key: key.to_owned(), source })),
        };
        let id = catalog.add_data_key(key, context, &generated.wrapped, now).await?;
        let (key, context, wrapped) = (key.to_owned(), context.clone(), generated.wrapped);
        let document = KeyDocument { id, key, context, wrapped, created: now };
        self.note_newest(&document);
        Ok(self.hold(&document, generated.plaintext))
    }

    /// The data key of this number, if the owner's key can be used.
    pub(crate) async fn usable(&self, catalog: &Catalog, id: u64) -> Result<Usable, StoreError> {
        if let Some(outcome) = self.remembered(id) {
            return Ok(outcome);
        }
        let _asking = self.asking.lock().await;
        if let Some(outcome) = self.remembered(id) {
            return Ok(outcome);
        }
        match catalog.data_key(id).await? {
            Some(document) => Ok(self.unwrapped(&document).await),
            None => {
                let source = DataKeyError::NotFound(format!("data key {id}"));
                Ok(Err(LockedKey { key: String::new(), source }))
            }
        }
    }

    /// What was found out about a data key just now.
    pub(crate) fn remembered(&self, id: u64) -> Option<Usable> {
        let now = self.clock.monotonic();
        let held = self.held();
        let Held { at, outcome } = held.get(&id)?;
        let trusted_for = if outcome.is_ok() { DATA_KEY_TRUSTED_FOR } else { DATA_KEY_LOCKED_FOR };
        (now.saturating_sub(*at) < trusted_for).then(|| outcome.clone())
    }

    /// The data key of rows that come out of the journal, by its number and its sealed form.
    pub(crate) fn of_section(&self, id: u64, sealed: &str) -> Option<Arc<EncryptionKey>> {
        if let Some(Held { outcome: Ok(key), .. }) = self.held().get(&id) {
            return Some(key.clone());
        }
        let secret = self.sealing.as_ref()?.open(&purpose(id), sealed).ok()?;
        Some(Arc::new(EncryptionKey { id, secret, sealed: sealed.to_owned() }))
    }

    async fn unwrapped(&self, document: &KeyDocument) -> Usable {
        let unwrapped = match self.data_keys() {
            _ if document.key == MASTER_KEY => self.unseal(document),
            Ok(data_keys) => data_keys.unwrap(&document.key, &document.context, &document.wrapped).await,
            Err(error) => Err(error),
        };
        match unwrapped {
            Ok(secret) => self.hold(document, secret),
            Err(source) => {
                let outcome = Err(LockedKey { key: document.key.clone(), source });
                self.remember(document.id, outcome.clone());
                outcome
            }
        }
    }

    /// A data key under the master key.
    fn generate(&self, context: &EncryptionContext) -> Result<DataKey, DataKeyError> {
        let mut plaintext = vec![0; DATA_KEY_BYTES];
        self.random.fill(&mut plaintext);
        let plaintext = SecretBytes::from(plaintext);
        let sealing = self.sealing.as_ref().ok_or_else(no_master_key)?;
        let sealed = sealing.seal(&purpose_of_master(context), plaintext.expose());
        let sealed = sealed.map_err(|error| DataKeyError::Unavailable(error.to_string()))?;
        Ok(DataKey { plaintext, wrapped: sealed.into_bytes() })
    }

    /// A data key that [`Keyring::generate`] made.
    fn unseal(&self, document: &KeyDocument) -> Result<SecretBytes, DataKeyError> {
        let sealing = self.sealing.as_ref().ok_or_else(no_master_key)?;
        let sealed = std::str::from_utf8(&document.wrapped).map_err(|_| DataKeyError::Unopenable)?;
        sealing.open(&purpose_of_master(&document.context), sealed).map_err(|_| DataKeyError::Unopenable)
    }

    fn hold(&self, document: &KeyDocument, secret: SecretBytes) -> Usable {
        let id = document.id;
        let sealed = match &self.sealing {
            Some(sealing) => {
                let sealed = sealing.seal(&purpose(id), secret.expose());
                sealed.map_err(|error| DataKeyError::Unavailable(error.to_string()))
            }
            None => Err(no_master_key()),
        };
        let outcome = match sealed {
            Ok(sealed) => Ok(Arc::new(EncryptionKey { id, secret, sealed })),
            Err(source) => Err(LockedKey { key: document.key.clone(), source }),
        };
        self.remember(id, outcome.clone());
        outcome
    }

    /// The number of the newest data key under the owner's key in this context, unless it is too old for new rows.
    fn newest(&self, key: &str, context: &EncryptionContext) -> Option<u64> {
        let oldest = self.clock.now().plus_ms(-DATA_KEY_AGE_MS_MAX);
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&(key.to_owned(), context.clone())).filter(|(_, created)| *created >= oldest).map(|(id, _)| *id)
    }

    fn note_newest(&self, document: &KeyDocument) {
        let KeyDocument { id, key, context, created, .. } = document;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.len() >= DATA_KEYS_HELD_MAX {
            newest.clear();
        }
        newest.insert((key.clone(), context.clone()), (*id, *created));
    }

    fn remember(&self, id: u64, outcome: Usable) {
        let mut held = self.held();
        if held.len() >= DATA_KEYS_HELD_MAX {
            held.clear();
        }
        held.insert(id, Held { at: self.clock.monotonic(), outcome });
    }

    /// The one who keeps the owners' keys.
    pub(crate) fn data_keys(&self) -> Result<Arc<dyn DataKeys>, DataKeyError> {
        let data_keys = self.data_keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        data_keys.ok_or_else(|| DataKeyError::Unavailable("no key service is open".to_owned()))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_master_key() -> DataKeyError {
    DataKeyError::Unavailable("there is no master key".to_owned())
}

/// What the wrapped form of a data key under the master key is sealed for.
fn purpose_of_master(context: &EncryptionContext) -> String {
    let pairs: Vec<String> = context.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("data-key-of-master:{}", pairs.join(","))
}

/// What a data key is sealed for.
fn purpose(id: u64) -> String {
    format!("data-key:{id}")
}
