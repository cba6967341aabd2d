//! All streams in memory, found by name for each call and by the number of a shard for each row; and the owner of their rows.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use hashbrown::HashMap;
use watchkeep_core::{AccountId, Region};
use watchkeep_store::{Keep, ResourceKey, TableOwner};

use super::limits::HOUR_MS;
use super::resources::{StreamDocument, shard_id};
use super::stream::Stream;
use super::tables::{LABEL_ACCOUNT, LABEL_REGION, LABEL_SHARD, LABEL_STREAM};

/// All streams.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_name: BTreeMap<ResourceKey, Arc<Stream>>,
    by_shard: HashMap<u64, Arc<Stream>, foldhash::fast::FixedState>,
}

impl Directory {
    /// The stream of this key.
    pub fn get(&self, key: &ResourceKey) -> Option<Arc<Stream>> {
        self.read().by_name.get(key).cloned()
    }

    /// The stream that has the shard of this number.
    pub fn by_shard(&self, number: u64) -> Option<Arc<Stream>> {
        self.read().by_shard.get(&number).cloned()
    }

    /// Up to `limit` streams of an account in a Region that come after `after`, by name.
    pub fn list(&self, (account, region): (AccountId, &Region), after: Option<&str>, limit: usize) -> Vec<Arc<Stream>> {
        let from = match after {
            Some(after) => Bound::Excluded(ResourceKey::new(account, region, after)),
            None => Bound::Included(ResourceKey::new(account, region, "")),
        };
        let within = |key: &ResourceKey| key.account == account && key.region.as_ref() == Some(region);
        let inner = self.read();
        let found = inner.by_name.range((from, Bound::Unbounded)).take_while(|(key, _)| within(key));
        found.take(limit).map(|(_, stream)| stream.clone()).collect()
    }

    /// Adds a stream.
    pub fn add(&self, stream: Arc<Stream>) {
        let mut inner = self.write();
        for shard in &stream.document().value.shards {
            inner.by_shard.insert(shard.number, stream.clone());
        }
        inner.by_name.insert(stream.key.clone(), stream);
    }

    /// Notes that a stream has other shards than before.
    pub fn refresh(&self, stream: &Arc<Stream>, before: &StreamDocument) {
        let now = stream.document();
        let kept: HashSet<u64> = now.value.shards.iter().map(|shard| shard.number).collect();
        let mut inner = self.write();
        for shard in &now.value.shards {
            inner.by_shard.insert(shard.number, stream.clone());
        }
        for gone in before.shards.iter().filter(|old| !kept.contains(&old.number)) {
            inner.by_shard.remove(&gone.number);
        }
    }

    /// Forgets a stream, and lets its rows go.
    pub fn remove(&self, stream: &Stream) {
        let mut inner = self.write();
        for shard in &stream.document().value.shards {
            inner.by_shard.remove(&shard.number);
        }
        inner.by_name.remove(&stream.key);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut inner = self.write();
        inner.by_name.values().for_each(|stream| stream.delete());
        *inner = Inner::default();
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TableOwner for Directory {
    fn keep(&self, key: &[u64]) -> Keep {
        let stream = match key {
            [shard] => self.by_shard(*shard),
            _ => None,
        };
        match stream {
            Some(stream) => {
                let hours = i64::from(stream.document().value.retention_hours);
                Keep::For(Duration::from_millis((hours * HOUR_MS).unsigned_abs()))
            }
            None => Keep::Drop,
        }
    }

    fn label(&self, label: &str, number: u64) -> Option<String> {
        let stream = self.by_shard(number)?;
        match label {
            LABEL_ACCOUNT => Some(stream.key.account.to_string()),
            LABEL_REGION => stream.key.region.as_ref().map(ToString::to_string),
            LABEL_STREAM => Some(stream.key.name.clone()),
            LABEL_SHARD => {
                let document = stream.document();
                document.value.shards.iter().find(|shard| shard.number == number).map(|shard| shard_id(shard.index))
            }
            _ => None,
        }
    }
}
