//! The vault: originals of masked messages, sealed. Each process seals with a key of its own, which the catalog keeps sealed with the
//! master key: so whoever has the files of the store, or the store alone, cannot unmask.
//!
//! What is sealed (little-endian):
//!
//! ```text
//! version 1 u8 | number of the key u64 | number of the message under that key u64 | AES-256-GCM of the originals, with its tag
//! ```
//!
//! The message's number is the nonce, so none is used twice under a key; what the originals belong to is additional data.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use watchkeep_core::ports::SecretSealing;
use watchkeep_core::{AccountId, Random, SecretBytes};
use watchkeep_store::{Collection, Resource, ResourceKey, Store, StoreError};

const VERSION: u8 = 1;

/// The counter that keys take their numbers from.
const COUNTER: &str = "log_mask_key";

/// The bytes of a key.
const KEY_BYTES: usize = 32;

/// A key as the catalog keeps it; its name is its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeyDocument {
    /// The key, sealed with the master key.
    sealed: String,
}

impl Resource for KeyDocument {
    const KIND: &'static str = "log_mask_key";
}

/// Where a masked message lies: originals of one message are none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessagePlace {
    /// The number of its group.
    pub group: u64,
    /// The number of its stream.
    pub stream: u64,
    /// The event's time, in milliseconds since the epoch.
    pub time_ms: i64,
}

impl MessagePlace {
    fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        let parts = [self.group.to_le_bytes(), self.stream.to_le_bytes(), self.time_ms.to_le_bytes()];
        bytes.as_chunks_mut::<8>().0.iter_mut().zip(parts).for_each(|(bytes, part)| *bytes = part);
        bytes
    }
}

/// A key in memory.
pub(super) struct MaskKey {
    id: u64,
    key: LessSafeKey,
    /// The number of the next message that it seals.
    next: AtomicU64,
}

/// Why originals are not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("masked originals cannot be opened: they are damaged, or their key or the master key is another")]
pub(super) struct Unopenable;

/// Why originals cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub(super) enum VaultError {
    /// The key could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cipher refused.
    #[error("a key for masked originals could not be made")]
    Failed,
}

pub(super) struct Vault {
    store: Arc<Store>,
    random: Arc<dyn Random>,
    keys: Collection<KeyDocument>,
    /// Keys that were opened.
    opened: Mutex<HashMap<u64, Arc<MaskKey>>>,
    /// The key of this process, once it was needed.
    current: tokio::sync::Mutex<Option<Arc<MaskKey>>>,
}

impl Vault {
    pub(super) async fn open(store: &Arc<Store>, random: Arc<dyn Random>) -> Result<Vault, StoreError> {
        let keys = store.catalog().collection::<KeyDocument>().await?;
        let (opened, current) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Vault { store: store.clone(), random, keys, opened, current })
    }

    /// Forgets all keys.
    pub(super) fn clear(&self) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if let Ok(mut current) = self.current.try_lock() {
            *current = None;
        }
    }

    /// The key to seal with; durable before it is used.
    pub(super) async fn current(&self, sealing: &dyn SecretSealing) -> Result<Arc<MaskKey>, VaultError> {
        let mut current = self.current.lock().await;
        if let Some(key) = &*current {
            return Ok(key.clone());
        }
        let id = self.store.catalog().next_id(COUNTER).await.map_err(StoreError::from)?;
        let mut bytes = vec![0; KEY_BYTES];
        self.random.fill(&mut bytes);
        let bytes = SecretBytes::from(bytes);
        let sealed = sealing.seal(&purpose(id), bytes.expose()).map_err(|_| VaultError::Failed)?;
        let key = Arc::new(MaskKey::new(id, &bytes).ok_or(VaultError::Failed)?);
        self.keys.create(key_of(id), KeyDocument { sealed }).await.map_err(StoreError::from)?;
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(id, key.clone());
        *current = Some(key.clone());
        Ok(key)
    }

    /// What [`MaskKey::seal`] sealed for this place.
    pub(super) fn unseal(
        &self,
        sealing: &dyn SecretSealing,
        place: MessagePlace,
        sealed: &[u8],
    ) -> Result<SecretBytes, Unopenable> {
        let (version, rest) = sealed.split_first().ok_or(Unopenable)?;
        let (id, rest) = rest.split_first_chunk::<8>().ok_or(Unopenable)?;
        let (number, encrypted) = rest.split_first_chunk::<8>().ok_or(Unopenable)?;
        if *version != VERSION {
            return Err(Unopenable);
        }
        let key = self.key(sealing, u64::from_le_bytes(*id)).ok_or(Unopenable)?;
        let mut opened = encrypted.to_vec();
        let nonce = nonce(u64::from_le_bytes(*number));
        let aad = Aad::from(place.to_bytes());
        let length = key.key.open_in_place(nonce, aad, &mut opened).map_err(|_| Unopenable)?.len();
        opened.truncate(length);
        Ok(opened.into())
    }

    fn key(&self, sealing: &dyn SecretSealing, id: u64) -> Option<Arc<MaskKey>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = opened.get(&id) {
            return Some(key.clone());
        }
        let document = self.keys.get(&key_of(id))?;
        let bytes = sealing.open(&purpose(id), &document.sealed).ok()?;
        let key = Arc::new(MaskKey::new(id, &bytes)?);
        opened.insert(id, key.clone());
        Some(key)
    }
}

impl MaskKey {
    fn new(id: u64, bytes: &SecretBytes) -> Option<MaskKey> {
        let key = UnboundKey::new(&AES_256_GCM, bytes.expose()).ok()?;
        Some(MaskKey { id, key: LessSafeKey::new(key), next: AtomicU64::new(0) })
    }

    /// Seals originals of the message at this place. `None` if the cipher refuses, which it does for no message that is accepted.
    pub(super) fn seal(&self, place: MessagePlace, originals: Vec<u8>) -> Option<Vec<u8>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut encrypted = originals;
        let aad = Aad::from(place.to_bytes());
        let tag = self.key.seal_in_place_separate_tag(nonce(number), aad, &mut encrypted).ok()?;
        let mut sealed = Vec::with_capacity(17 + encrypted.len() + tag.as_ref().len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id.to_le_bytes());
        sealed.extend_from_slice(&number.to_le_bytes());
        sealed.extend_from_slice(&encrypted);
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    if let Some(bytes) = nonce.first_chunk_mut() {
        *bytes = number.to_le_bytes();
    }
    Nonce::assume_unique_for_key(nonce)
}

fn key_of(id: u64) -> ResourceKey {
    ResourceKey::global(AccountId::DEFAULT, format!("{id:016x}"))
}

fn purpose(id: u64) -> String {
    format!("logs:mask-key:{id}")
}
