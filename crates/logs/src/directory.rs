//! All groups and streams in memory: found by name for each call, by number for each row.
//!
//! The catalog is written first and the directory follows, under the group's `changing` lock; so what is in the directory is
//! in the catalog, and a row whose numbers the directory does not have belongs to something deleted.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use hashbrown::HashMap;
use tokio::sync::OnceCell;
use watchkeep_core::{AccountId, Region, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_store::{Keep, ResourceKey, TableOwner, Versioned};

use crate::data_protection::CachedShield;
use crate::errors;
use crate::limits::DAY_MS;
use crate::resources::{LogGroup, LogStream, stream_name};
use crate::statistics::Statistics;
use crate::tables::{LABEL_ACCOUNT, LABEL_GROUP, LABEL_REGION, LABEL_STREAM};

/// A log group.
#[derive(Debug)]
pub(crate) struct Group {
    /// Its number.
    pub id: u64,
    /// Its account, Region and name.
    pub key: ResourceKey,
    /// Held while the group, or which streams it has, is changed; [`Group::is_deleted`] is asked after it is taken.
    pub changing: tokio::sync::Mutex<()>,
    /// Set once its streams' statistics have what was there before the service was opened.
    pub history: OnceCell<()>,
    /// What masks its events, if something does.
    pub shield: CachedShield,
    document: RwLock<Arc<Versioned<LogGroup>>>,
    streams: RwLock<BTreeMap<Arc<str>, Arc<Stream>>>,
    deleted: AtomicBool,
}

/// A log stream.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its number.
    pub id: u64,
    /// The number of its group.
    pub group_id: u64,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    statistics: Mutex<Statistics>,
}

/// All groups and streams.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_name: BTreeMap<ResourceKey, Arc<Group>>,
    groups: Numbered<Group>,
    streams: Numbered<Stream>,
}

type Numbered<T> = HashMap<u64, Arc<T>, foldhash::fast::FixedState>;

impl Group {
    /// The group of a document, without streams. `history` says whether events may have been there before.
    fn new(document: Arc<Versioned<LogGroup>>, history: OnceCell<()>) -> Group {
        Group {
            id: document.id,
            key: document.key.clone(),
            changing: tokio::sync::Mutex::default(),
            history,
            shield: CachedShield::default(),
            document: RwLock::new(document),
            streams: RwLock::default(),
            deleted: AtomicBool::new(false),
        }
    }

    /// What the catalog has of it.
    pub(crate) fn document(&self) -> Arc<Versioned<LogGroup>> {
        read(&self.document).clone()
    }

    /// Takes over what was written to the catalog.
    pub(crate) fn set_document(&self, document: Arc<Versioned<LogGroup>>) {
        *write(&self.document) = document;
    }

    /// Whether it was deleted meanwhile.
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Events before this time are not kept at `now`.
    pub(crate) fn cutoff(&self, now: TimestampMs) -> TimestampMs {
        match read(&self.document).effective_retention_days() {
            Some(days) => now.plus_ms(-i64::from(days) * DAY_MS),
            None => TimestampMs(i64::MIN),
        }
    }

    /// The ARN of the KMS key that its events are encrypted under as they come.
    pub(crate) fn kms_key(&self) -> Option<String> {
        read(&self.document).kms_key.clone()
    }

    /// The stream of this name.
    pub(crate) fn stream(&self, name: &str) -> Result<Arc<Stream>, ServiceError> {
        read(&self.streams).get(name).cloned().ok_or_else(errors::no_stream)
    }

    /// All streams whose names begin with `prefix`, by name.
    pub(crate) fn streams(&self, prefix: &str) -> Vec<Arc<Stream>> {
        self.streams_from(prefix, None, usize::MAX)
    }

    /// Up to `limit` streams, by name: those whose names begin with `prefix` and come after `after`.
    pub(crate) fn streams_from(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Arc<Stream>> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let streams = read(&self.streams);
        let found = streams.range::<str, _>((from, Bound::Unbounded)).take_while(|(name, _)| name.starts_with(prefix));
        found.take(limit).map(|(_, stream)| stream.clone()).collect()
    }

    /// Up to `limit` streams, by name from the last: those whose names begin with `prefix` and come before `before`.
    pub(crate) fn streams_before(&self, prefix: &str, before: Option<&str>, limit: usize) -> Vec<Arc<Stream>> {
        let streams = read(&self.streams);
        // No name is as long as this one, so none with the prefix comes after it.
        let last = before.map_or_else(|| prefix.to_owned() + &"\u{10ffff}".repeat(600), str::to_owned);
        let found = streams.range::<str, _>((Bound::Unbounded, Bound::Excluded(last.as_str()))).rev();
        let found = found.skip_while(|(name, _)| !name.starts_with(prefix) && name.as_ref() > prefix);
        let found = found.take_while(|(name, _)| name.starts_with(prefix));
        found.take(limit).map(|(_, stream)| stream.clone()).collect()
    }

    /// The bytes stored in it at `now`.
    pub(crate) fn stored_bytes(&self, now: TimestampMs) -> u64 {
        let cutoff = self.cutoff(now);
        read(&self.streams).values().map(|stream| stream.statistics().stored_bytes(cutoff)).sum()
    }
}

impl Stream {
    /// What is known of its events.
    pub(crate) fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory {
    /// Takes over all that the catalog has. Returns the keys of streams whose group is gone.
    pub(crate) fn load(
        &self,
        groups: Vec<Arc<Versioned<LogGroup>>>,
        streams: Vec<Arc<Versioned<LogStream>>>,
    ) -> Vec<ResourceKey> {
        for document in groups {
            self.insert(Group::new(document, OnceCell::new()));
        }
        let mut orphans = Vec::new();
        for stream in streams {
            match self.group_numbered(stream.group_id) {
                Some(group) => drop(self.add_stream(&group, &stream)),
                None => orphans.push(stream.key.clone()),
            }
        }
        orphans
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        let mut inner = self.write();
        inner.by_name.values().for_each(|group| group.deleted.store(true, Ordering::Release));
        *inner = Inner::default();
    }

    /// The group of this key.
    pub(crate) fn group(&self, key: &ResourceKey) -> Result<Arc<Group>, ServiceError> {
        self.read().by_name.get(key).cloned().ok_or_else(errors::no_group)
    }

    /// Visits the keys of all groups.
    pub(crate) fn for_each_group(&self, visit: impl FnMut(&ResourceKey)) {
        self.read().by_name.keys().for_each(visit);
    }

    /// The group of this number.
    pub(crate) fn group_numbered(&self, id: u64) -> Option<Arc<Group>> {
        self.read().groups.get(&id).cloned()
    }

    /// The stream of this number.
    pub(crate) fn stream(&self, id: u64) -> Option<Arc<Stream>> {
        self.read().streams.get(&id).cloned()
    }

    /// Up to `limit` groups of an account in a Region that `wanted` takes, by name: those whose names begin with `prefix` and
    /// come after `after`.
    pub(crate) fn groups(
        &self,
        (account, region): (AccountId, &Region),
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        wanted: impl Fn(&Group) -> bool,
    ) -> Vec<Arc<Group>> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(ResourceKey::new(account, region, after)),
            _ => Bound::Included(ResourceKey::new(account, region, prefix)),
        };
        let inner = self.read();
        let within = |key: &ResourceKey| {
            key.account == account && key.region.as_ref() == Some(region) && key.name.starts_with(prefix)
        };
        let found = inner.by_name.range((from, Bound::Unbounded)).take_while(|(key, _)| within(key));
        found.map(|(_, group)| group).filter(|group| wanted(group)).take(limit).cloned().collect()
    }

    /// How many groups there are in all accounts and Regions.
    pub(crate) fn len(&self) -> usize {
        self.read().by_name.len()
    }

    /// Adds a group that was just created.
    pub(crate) fn add_group(&self, document: Arc<Versioned<LogGroup>>) {
        self.insert(Group::new(document, OnceCell::new_with(Some(()))));
    }

    /// Removes a group that was deleted, with its streams. The name may be another group's by now.
    pub(crate) fn remove_group(&self, group: &Group) {
        let mut inner = self.write();
        group.deleted.store(true, Ordering::Release);
        if inner.by_name.get(&group.key).is_some_and(|named| named.id == group.id) {
            inner.by_name.remove(&group.key);
        }
        inner.groups.remove(&group.id);
        for stream in read(&group.streams).values() {
            inner.streams.remove(&stream.id);
        }
    }

    /// Adds a stream.
    pub(crate) fn add_stream(&self, group: &Group, document: &Versioned<LogStream>) -> Arc<Stream> {
        let stream = Arc::new(Stream {
            id: document.id,
            group_id: document.group_id,
            name: stream_name(&document.key).into(),
            created: document.created,
            statistics: Mutex::default(),
        });
        self.write().streams.insert(stream.id, stream.clone());
        write(&group.streams).insert(stream.name.clone(), stream.clone());
        stream
    }

    /// Removes a stream that was deleted.
    pub(crate) fn remove_stream(&self, group: &Group, stream: &Stream) {
        write(&group.streams).remove(&stream.name);
        self.write().streams.remove(&stream.id);
    }

    fn insert(&self, group: Group) {
        let group = Arc::new(group);
        let mut inner = self.write();
        inner.groups.insert(group.id, group.clone());
        inner.by_name.insert(group.key.clone(), group);
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        read(&self.inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        write(&self.inner)
    }
}

impl TableOwner for Directory {
    fn keep(&self, key: &[u64]) -> Keep {
        let [group_id, stream_id] = key else { return Keep::Drop };
        let inner = self.read();
        let Some(group) = inner.groups.get(group_id) else { return Keep::Drop };
        if inner.streams.get(stream_id).is_none_or(|stream| stream.group_id != *group_id) {
            return Keep::Drop;
        }
        match read(&group.document).effective_retention_days() {
            Some(days) => Keep::For(Duration::from_millis(days.unsigned_abs().into()).saturating_mul(DAY_MS as u32)),
            None => Keep::Forever,
        }
    }

    fn label(&self, label: &str, id: u64) -> Option<String> {
        let inner = self.read();
        if label == LABEL_STREAM {
            return inner.streams.get(&id).map(|stream| stream.name.as_ref().to_owned());
        }
        let key = &inner.groups.get(&id)?.key;
        match label {
            LABEL_ACCOUNT => Some(key.account.to_string()),
            LABEL_REGION => key.region.as_ref().map(Region::to_string),
            LABEL_GROUP => Some(key.name.clone()),
            _ => None,
        }
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
