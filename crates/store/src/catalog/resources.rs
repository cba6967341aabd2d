//! Resources: the control plane's state, one JSON document each, all cached in memory and written through.
//!
//! A collection's cache and its rows never disagree for longer than a write takes: writes of one kind follow one another, the
//! cache changes after the commit, and both happen even if the caller stops waiting. Where another node changed a row behind
//! the cache's back, the write that meets it fails with a conflict and the cache learns of it.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, Deref};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, OwnedMutexGuard};
use watchkeep_core::{AccountId, BoxFuture, Region};

use super::documents::{self, Document};
use super::entries::{self, EntryChange};
use super::error::CatalogError;
use super::{Catalog, finish, limits};

/// A type of resource, kept as JSON. Fields that are added later need a default.
pub trait Resource: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The word for it in the database, as `log_group`. It must never change.
    const KIND: &'static str;
}

/// What names a resource among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// The account that it belongs to.
    pub account: AccountId,
    /// The Region that it belongs to; none if it is global.
    pub region: Option<Region>,
    /// Its name, any text. Names are ordered by their bytes.
    pub name: String,
}

impl ResourceKey {
    /// The key of a resource in a Region.
    pub fn new(account: AccountId, region: &Region, name: impl Into<String>) -> Self {
        ResourceKey { account, region: Some(region.clone()), name: name.into() }
    }

    /// The key of a resource that belongs to no Region.
    pub fn global(account: AccountId, name: impl Into<String>) -> Self {
        ResourceKey { account, region: None, name: name.into() }
    }
}

/// A resource as it was at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<R> {
    /// Another with every change, and never the same again, not even when a resource is deleted and created anew.
    pub version: i64,
    /// What names it.
    pub key: ResourceKey,
    /// The resource itself.
    pub value: R,
}

impl<R> Deref for Versioned<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.value
    }
}

/// All resources of a kind. Clones share them.
pub struct Collection<R: Resource> {
    catalog: Catalog,
    cache: Arc<Cache<R>>,
}

impl Catalog {
    /// The resources of a kind, read from the database when first asked for.
    pub async fn collection<R: Resource>(&self) -> Result<Collection<R>, CatalogError> {
        let mut collections = self.shared.collections.lock().await;
        if let Some(known) = collections.get(R::KIND) {
            let taken = |_| CatalogError::KindTaken { kind: R::KIND };
            let cache = known.clone().as_any().downcast::<Cache<R>>().map_err(taken)?;
            return Ok(Collection { catalog: self.clone(), cache });
        }
        let collection = Collection { catalog: self.clone(), cache: Arc::new(Cache::<R>::empty()) };
        collection.reload().await?;
        collections.insert(R::KIND, collection.cache.clone());
        Ok(collection)
    }
}

impl<R: Resource> Collection<R> {
    /// The resource of this key.
    pub fn get(&self, key: &ResourceKey) -> Option<Arc<Versioned<R>>> {
        self.cache.read(|entries| entries.get(key).cloned())
    }

    /// Up to `limit` resources of an account in a Region (none: the global ones), in the order of their names' bytes: those whose
    /// names begin with `prefix` and come after `after`.
    pub fn list(
        &self,
        account: &AccountId,
        region: Option<&Region>,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<Versioned<R>>> {
        let key = |name: &str| ResourceKey { account: *account, region: region.cloned(), name: name.to_owned() };
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(key(after)),
            _ => Bound::Included(key(prefix)),
        };
        let within = |key: &ResourceKey| {
            key.account == *account && key.region.as_ref() == region && key.name.starts_with(prefix)
        };
        self.cache.read(|entries| {
            let found = entries.range((from, Bound::Unbounded)).take_while(|(key, _)| within(key));
            found.take(limit).map(|(_, entry)| entry.clone()).collect()
        })
    }

    /// All resources of the kind, by account, Region and name.
    pub fn all(&self) -> Vec<Arc<Versioned<R>>> {
        self.cache.read(|entries| entries.values().cloned().collect())
    }

    /// How many resources of the kind there are.
    pub fn len(&self) -> usize {
        self.cache.read(BTreeMap::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Creates a resource; [`CatalogError::Exists`] if there is one of that key.
    pub async fn create(&self, key: ResourceKey, value: R) -> Result<Arc<Versioned<R>>, CatalogError> {
        self.write(key, value, Write::Create).await
    }

    /// Replaces the resource; [`CatalogError::Conflict`] if it is not any more what `current` says.
    pub async fn update(&self, current: &Versioned<R>, value: R) -> Result<Arc<Versioned<R>>, CatalogError> {
        self.write(current.key.clone(), value, Write::Update { current: current.version }).await
    }

    /// Changes a resource as `change` says, which is asked again if somebody else was faster. None if there is no such resource, or if
    /// `change` says that there is nothing to change.
    pub async fn change(
        &self,
        key: &ResourceKey,
        change: impl Fn(&mut R) -> bool,
    ) -> Result<Option<Arc<Versioned<R>>>, CatalogError>
    where
        R: Clone,
    {
        loop {
            let Some(current) = self.get(key) else { return Ok(None) };
            let mut value = current.value.clone();
            if !change(&mut value) {
                return Ok(None);
            }
            match self.update(&current, value).await {
                Err(CatalogError::Conflict { .. }) => {}
                outcome => return outcome.map(Some),
            }
        }
    }

    /// Creates or replaces a resource.
    pub async fn put(&self, key: ResourceKey, value: R) -> Result<Arc<Versioned<R>>, CatalogError> {
        self.write(key, value, Write::Put).await
    }

    /// Creates or replaces a resource, and makes changes of entries that belong to it: all or none.
    pub async fn put_with_entries(
        &self,
        key: ResourceKey,
        value: R,
        changes: Vec<EntryChange>,
    ) -> Result<Arc<Versioned<R>>, CatalogError> {
        changes.iter().try_for_each(entries::check_size)?;
        self.write_with(key, value, Write::Put, changes).await
    }

    /// Deletes a resource; false if there was none.
    pub async fn delete(&self, key: &ResourceKey) -> Result<bool, CatalogError> {
        let (this, key) = (self.clone(), key.clone());
        finish(async move {
            let _writing = this.begin_write().await?;
            let deleted = documents::delete(&this.catalog, R::KIND, &key).await;
            let deleted = this.learn(deleted, &key).await?;
            this.cache.change(|entries| entries.remove(&key));
            Ok(deleted)
        })
        .await
    }

    /// Deletes all resources of an account in a Region (none: the global ones) whose names begin with `prefix`, in one
    /// statement; returns how many there were.
    pub async fn delete_prefix(
        &self,
        account: &AccountId,
        region: Option<&Region>,
        prefix: &str,
    ) -> Result<u64, CatalogError> {
        let this = self.clone();
        let from = ResourceKey { account: *account, region: region.cloned(), name: prefix.to_owned() };
        finish(async move {
            let _writing = this.begin_write().await?;
            let deleted = documents::delete_prefix(&this.catalog, R::KIND, &from).await;
            let deleted = this.learn(deleted, &from).await?;
            this.cache.change(|entries| {
                entries.retain(|key, _| {
                    key.account != from.account || key.region != from.region || !key.name.starts_with(&from.name)
                });
            });
            Ok(deleted)
        })
        .await
    }

    async fn write(&self, key: ResourceKey, value: R, write: Write) -> Result<Arc<Versioned<R>>, CatalogError> {
        self.write_with(key, value, write, Vec::new()).await
    }

    async fn write_with(
        &self,
        key: ResourceKey,
        value: R,
        write: Write,
        changes: Vec<EntryChange>,
    ) -> Result<Arc<Versioned<R>>, CatalogError> {
        let document = serde_json::to_string(&value).map_err(|e| CatalogError::Document {
            kind: R::KIND,
            name: key.name.clone(),
            message: e.to_string(),
        })?;
        check_size::<R>(&key, "its name", key.name.len(), limits::NAME_BYTES_MAX)?;
        check_size::<R>(&key, "its document", document.len(), limits::DOCUMENT_BYTES_MAX)?;
        let this = self.clone();
        finish(async move {
            let _writing = this.begin_write().await?;
            let version = documents::write(&this.catalog, R::KIND, &key, &document, write, &changes).await;
            let version = this.learn(version, &key).await?;
            let entry = Arc::new(Versioned { version, key: key.clone(), value });
            this.cache.change(|entries| entries.insert(key, entry.clone()));
            Ok(entry)
        })
        .await
    }

    /// Waits for other writes of the kind to end.
    async fn begin_write(&self) -> Result<OwnedMutexGuard<()>, CatalogError> {
        let writing = self.cache.writing.clone().lock_owned().await;
        if self.cache.stale.load(Ordering::Acquire) {
            self.reload().await?;
        }
        Ok(writing)
    }

    /// Makes the cache follow the database after a failed write.
    async fn learn<T>(&self, outcome: Result<T, CatalogError>, key: &ResourceKey) -> Result<T, CatalogError> {
        match &outcome {
            Ok(_) => {}
            Err(CatalogError::Exists { .. } | CatalogError::Conflict { .. }) => {
                let document = documents::read(&self.catalog, R::KIND, key).await?;
                let entry = document.map(entry::<R>).transpose()?;
                self.cache.change(|entries| match entry {
                    Some(entry) => entries.insert(key.clone(), entry),
                    None => entries.remove(key),
                });
            }
            // No connection was to be had: nothing was written, and there would be none to read by either.
            Err(CatalogError::Database(sqlx::Error::PoolTimedOut)) => {}
            Err(_) => {
                // It may have been committed or not. If the database does not answer now, the next write asks again.
                self.cache.stale.store(true, Ordering::Release);
                if let Err(error) = self.reload().await {
                    tracing::warn!(kind = R::KIND, %error, "resources may be out of date until the catalog answers again");
                }
            }
        }
        outcome
    }

    /// Reads all resources of the kind.
    async fn reload(&self) -> Result<(), CatalogError> {
        let mut entries = BTreeMap::new();
        let mut after = None;
        loop {
            let page = documents::page(&self.catalog, R::KIND, after.as_ref()).await?;
            let full = page.len() as i64 == limits::PAGE_ROWS;
            // The database's last, which its collation may put elsewhere than we do.
            after = page.last().map(|document| document.key.clone());
            for document in page {
                let entry = entry::<R>(document)?;
                entries.insert(entry.key.clone(), entry);
            }
            if !full {
                break;
            }
        }
        self.cache.change(|cached| *cached = entries);
        self.cache.stale.store(false, Ordering::Release);
        Ok(())
    }
}

impl<R: Resource> Clone for Collection<R> {
    fn clone(&self) -> Self {
        Collection { catalog: self.catalog.clone(), cache: self.cache.clone() }
    }
}

impl<R: Resource> fmt::Debug for Collection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("kind", &R::KIND).field("len", &self.len()).finish_non_exhaustive()
    }
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// Only if there is none.
    Create,
    /// Only over this version.
    Update { current: i64 },
    /// In any case.
    Put,
}

/// A collection's cache, of whatever type.
pub(super) trait Cached: Send + Sync {
    /// Keeps writes away until the guard is dropped.
    fn hold_writes(&self) -> BoxFuture<'static, OwnedMutexGuard<()>>;

    /// Empties the cache.
    fn clear(&self);

    /// The cache as what it is.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

type Entries<R> = BTreeMap<ResourceKey, Arc<Versioned<R>>>;

struct Cache<R> {
    entries: RwLock<Entries<R>>,
    /// Held from before a write until the cache knows its outcome.
    writing: Arc<Mutex<()>>,
    /// The outcome of a write is unknown.
    stale: AtomicBool,
}

impl<R> Cache<R> {
    fn empty() -> Self {
        Cache { entries: RwLock::default(), writing: Arc::default(), stale: AtomicBool::new(false) }
    }

    fn read<T>(&self, read: impl FnOnce(&Entries<R>) -> T) -> T {
        read(&self.entries.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Entries<R>) -> T) -> T {
        change(&mut self.entries.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<R: Resource> Cached for Cache<R> {
    fn hold_writes(&self) -> BoxFuture<'static, OwnedMutexGuard<()>> {
        Box::pin(self.writing.clone().lock_owned())
    }

    fn clear(&self) {
        self.change(BTreeMap::clear);
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

fn entry<R: Resource>(document: Document) -> Result<Arc<Versioned<R>>, CatalogError> {
    let Document { version, key, text } = document;
    match serde_json::from_str(&text) {
        Ok(value) => Ok(Arc::new(Versioned { version, key, value })),
        Err(e) => Err(CatalogError::Document { kind: R::KIND, name: key.name, message: e.to_string() }),
    }
}

fn check_size<R: Resource>(
    key: &ResourceKey,
    what: &'static str,
    bytes: usize,
    limit: usize,
) -> Result<(), CatalogError> {
    match bytes {
        bytes if bytes <= limit => Ok(()),
        // Not the whole name: it may be what is too long.
        bytes => Err(CatalogError::TooLarge {
            kind: R::KIND,
            name: key.name.chars().take(100).collect(),
            what,
            bytes,
            limit,
        }),
    }
}
