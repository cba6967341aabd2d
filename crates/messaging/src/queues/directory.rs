//! All queues in memory, found by name for each call and by number for each row; and the owner of their rows: what belongs to a chunk
//! that is no queue's is kept no longer.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::{HashMap, HashSet};
use watchkeep_core::{AccountId, Region};
use watchkeep_store::{Keep, ResourceKey, TableOwner};

use super::limits::DROPS_KEPT;
use super::queue::Queue;
use super::tables::{LABEL_ACCOUNT, LABEL_QUEUE, LABEL_REGION};

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    queues: RwLock<Queues>,
    /// The chunks whose rows are kept.
    chunks: RwLock<HashSet<u64, foldhash::fast::FixedState>>,
}

#[derive(Debug, Default)]
struct Queues {
    by_name: BTreeMap<ResourceKey, Arc<Queue>>,
    by_id: HashMap<u64, Arc<Queue>, foldhash::fast::FixedState>,
}

impl Directory {
    /// The queue of this key.
    pub fn get(&self, key: &ResourceKey) -> Option<Arc<Queue>> {
        self.read().by_name.get(key).cloned()
    }

    /// The queue of this number.
    pub fn by_id(&self, id: u64) -> Option<Arc<Queue>> {
        self.read().by_id.get(&id).cloned()
    }

    /// Up to `limit` queues of an account in a Region whose names begin with `prefix` and come after `after`, by name.
    pub fn list(
        &self,
        account: AccountId,
        region: &Region,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<Queue>> {
        let key = |name: &str| ResourceKey::new(account, region, name);
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(key(after)),
            _ => Bound::Included(key(prefix)),
        };
        let within = |key: &ResourceKey| {
            key.account == account && key.region.as_ref() == Some(region) && key.name.starts_with(prefix)
        };
        let queues = self.read();
        let found = queues.by_name.range((from, Bound::Unbounded)).take_while(|(key, _)| within(key));
        found.take(limit).map(|(_, queue)| queue.clone()).collect()
    }

    /// All queues.
    pub fn all(&self) -> Vec<Arc<Queue>> {
        self.read().by_name.values().cloned().collect()
    }

    /// Adds a queue.
    pub fn add(&self, queue: Arc<Queue>) {
        let mut queues = self.write();
        queues.by_id.insert(queue.id, queue.clone());
        queues.by_name.insert(queue.key.clone(), queue);
    }

    /// Forgets a queue, and lets its rows go.
    pub fn remove(&self, queue: &Queue) {
        let mut queues = self.write();
        queues.by_id.remove(&queue.id);
        queues.by_name.remove(&queue.key);
        drop(queues);
        let chunks: Vec<u64> = queue.backlog().chunks.ids().collect();
        let mut kept = self.chunks.write().unwrap_or_else(PoisonError::into_inner);
        for chunk in chunks {
            kept.remove(&chunk);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut queues = self.write();
        queues.by_name.values().for_each(|queue| queue.delete());
        *queues = Queues::default();
        drop(queues);
        self.chunks.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The rows of a chunk are kept from now on.
    pub fn keep_chunk(&self, id: u64) {
        self.chunks.write().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// The rows of chunks are kept no longer; that they were dropped is durable by now, or their queue's deletion is.
    pub fn drop_chunks(&self, ids: &[u64]) {
        let mut kept = self.chunks.write().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            kept.remove(id);
        }
    }

    /// How many chunks are kept.
    #[cfg(test)]
    pub fn chunks(&self) -> usize {
        self.chunks.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn read(&self) -> RwLockReadGuard<'_, Queues> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Queues> {
        self.queues.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TableOwner for Directory {
    fn keep(&self, key: &[u64]) -> Keep {
        let kept = self.chunks.read().unwrap_or_else(PoisonError::into_inner);
        match key {
            [chunk] if kept.contains(chunk) => Keep::Forever,
            _ => Keep::Drop,
        }
    }

    fn label(&self, label: &str, id: u64) -> Option<String> {
        let queue = self.by_id(id)?;
        match label {
            LABEL_ACCOUNT => Some(queue.key.account.to_string()),
            LABEL_REGION => queue.key.region.as_ref().map(ToString::to_string),
            LABEL_QUEUE => Some(queue.key.name.clone()),
            _ => None,
        }
    }
}

/// The owner of what tells that chunks were dropped.
#[derive(Debug)]
pub(crate) struct Drops;

impl TableOwner for Drops {
    fn keep(&self, _: &[u64]) -> Keep {
        Keep::For(DROPS_KEPT)
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}
