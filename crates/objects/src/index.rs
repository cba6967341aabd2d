//! Reading and writing the index of objects.
//!
//! Whoever changes what is under a key holds the key's lock, and the gate open, from reading what is there until the change is
//! durable; whoever reads content holds it until the content is pinned. DeleteBucket closes the gate.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use watchkeep_model::ServiceError;
use watchkeep_store::EntryChange;

use crate::contents::Going;
use crate::keys::{self, OBJECT};
use crate::limits::KEY_LOCKS;
use crate::resources::{ObjectRecord, decode, encode};
use crate::{Objects, errors};

/// The locks over keys.
pub(crate) struct Locks {
    /// Open to changes of objects; closed while a bucket goes.
    gate: RwLock<()>,
    keys: Vec<RwLock<()>>,
    hasher: RandomState,
}

impl Default for Locks {
    fn default() -> Self {
        let keys = (0..KEY_LOCKS).map(|_| RwLock::default()).collect();
        Locks { gate: RwLock::default(), keys, hasher: RandomState::new() }
    }
}

/// Some keys, held to be changed.
pub(crate) struct Held<'a> {
    _gate: RwLockReadGuard<'a, ()>,
    _keys: Vec<RwLockWriteGuard<'a, ()>>,
}

impl Locks {
    fn index(&self, bucket: u64, key: &str) -> usize {
        (self.hasher.hash_one((bucket, key)) % self.keys.len().max(1) as u64) as usize
    }

    /// Holds keys to change what is under them.
    pub(crate) async fn hold<'a>(&'a self, bucket: u64, keys: impl Iterator<Item = &str>) -> Held<'a> {
        let gate = self.gate.read().await;
        // Always in the same order, so that nobody waits for one who waits for them.
        let mut indexes: Vec<usize> = keys.map(|key| self.index(bucket, key)).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let mut held = Vec::with_capacity(indexes.len());
        for lock in indexes.into_iter().filter_map(|index| self.keys.get(index)) {
            held.push(lock.write().await);
        }
        Held { _gate: gate, _keys: held }
    }

    /// Holds a key so that what is under it does not change.
    pub(crate) async fn read(&self, bucket: u64, key: &str) -> Option<RwLockReadGuard<'_, ()>> {
        match self.keys.get(self.index(bucket, key)) {
            Some(lock) => Some(lock.read().await),
            None => None,
        }
    }

    /// Closes the gate: nothing is changed until it is let go.
    pub(crate) async fn close(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }
}

impl Objects {
    /// The object under a key.
    pub(crate) async fn find(&self, bucket: u64, key: &str) -> Result<Option<ObjectRecord>, ServiceError> {
        let value = self.entries.get(OBJECT, &keys::object(bucket, key)).await.map_err(errors::store)?;
        value.map(|value| decode(&value).ok_or_else(errors::internal)).transpose()
    }

    /// Puts an object in the place of `former`, together with further changes; the key must be held. It is durable when this
    /// returns.
    pub(crate) async fn replace(
        &self,
        bucket: u64,
        key: &str,
        former: Option<&ObjectRecord>,
        record: &ObjectRecord,
        further: Vec<EntryChange>,
    ) -> Result<(), ServiceError> {
        let mut going = Going::default();
        if let Some(former) = former {
            self.contents.going(former.content, former.size, &mut going).await?;
        }
        let mut changes = further;
        changes.append(&mut going.changes);
        changes.push(EntryChange::Put { kind: OBJECT, key: keys::object(bucket, key), value: encode(record) });
        self.entries.commit(changes).await.map_err(errors::store)?;
        self.contents.gone(going);
        Ok(())
    }
}
