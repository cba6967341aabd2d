//! All filters in memory, compiled: found by group for each call that brings events. The catalog is written first and the book
//! follows, under the group's `changing` lock.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use hashbrown::HashMap;
use watchkeep_core::{AccountId, Region};
use watchkeep_store::{Collection, Keep, ResourceKey, Store, StoreError, TableOwner, Versioned};

use super::defaults::Minutes;
use super::emission::MetricStaging;
use super::filter::{self, Filter};
use super::{MetricFilter, filter_prefix};
use crate::directory::Directory;
use crate::limits::METRIC_FILTER_MINUTES_KEPT_MS;

/// All metric filters.
pub(crate) struct MetricFilters {
    pub(super) collection: Collection<MetricFilter>,
    pub(super) directory: Arc<Directory>,
    inner: RwLock<Inner>,
    /// The minutes of filters with a default value.
    pub(super) minutes: Minutes,
    /// Held while minutes are settled, so that none is settled twice.
    pub(super) settling: tokio::sync::Mutex<()>,
    staging: OnceLock<Arc<dyn MetricStaging>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The filters of a group, by its number.
    by_group: ById<Arc<[Arc<Filter>]>>,
    by_id: ById<Arc<Filter>>,
}

type ById<T> = HashMap<u64, T, foldhash::fast::FixedState>;

impl MetricFilters {
    /// Reads them from the catalog. Those of groups that are gone are removed.
    pub(crate) async fn open(store: &Store, directory: Arc<Directory>) -> Result<MetricFilters, StoreError> {
        let collection = store.catalog().collection::<MetricFilter>().await?;
        let filters = MetricFilters {
            collection,
            directory,
            inner: RwLock::default(),
            minutes: Minutes::default(),
            settling: tokio::sync::Mutex::default(),
            staging: OnceLock::new(),
        };
        for document in filters.collection.all() {
            match filters.directory.group_numbered(document.group_id) {
                Some(group) => filters.insert(&document, &group.key),
                None => drop(filters.collection.delete(&document.key).await?),
            }
        }
        Ok(filters)
    }

    /// Sets who stores measurements; once, before the first call.
    pub(crate) fn set_staging(&self, staging: Arc<dyn MetricStaging>) {
        if self.staging.set(staging).is_err() {
            tracing::error!("who stores measurements was set twice; the first one stays");
        }
    }

    pub(super) fn staging(&self) -> Option<&Arc<dyn MetricStaging>> {
        self.staging.get()
    }

    /// Takes over a filter as it was put.
    pub(super) fn insert(&self, document: &Arc<Versioned<MetricFilter>>, group: &ResourceKey) {
        let compiled = match filter::compile(document) {
            Ok(compiled) => compiled,
            Err(error) => {
                tracing::error!(name = document.key.name, %error, "a metric filter cannot be compiled");
                return;
            }
        };
        let filter = Arc::new(Filter::new(document.clone(), group.clone(), compiled));
        self.write().set(document.group_id, &document.key, Some(filter));
    }

    /// Forgets a filter.
    pub(super) fn remove(&self, group_id: u64, key: &ResourceKey) {
        self.write().set(group_id, key, None);
    }

    /// Deletes the filters of a group that was deleted.
    pub(crate) async fn remove_group(&self, group: &ResourceKey, group_id: u64) {
        if !self.write().remove_group(group_id) {
            return;
        }
        let prefix = filter_prefix(group_id);
        let deleted = self.collection.delete_prefix(&group.account, group.region.as_ref(), &prefix);
        if let Err(error) = deleted.await {
            // Nothing refers to them any more; the next start removes them.
            tracing::warn!(group = group.name, %error, "the metric filters of a deleted group stay in the catalog");
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.write() = Inner::default();
        self.minutes.clear();
    }

    /// How many filters a group has.
    pub(crate) fn count(&self, group_id: u64) -> usize {
        self.read().by_group.get(&group_id).map_or(0, |filters| filters.len())
    }

    /// The filters of a group.
    pub(super) fn of_group(&self, group_id: u64) -> Arc<[Arc<Filter>]> {
        self.read().by_group.get(&group_id).cloned().unwrap_or_default()
    }

    /// How many filters of a group have regular expressions, one of them not counted.
    pub(crate) fn with_regexes(&self, group_id: u64, except: Option<&ResourceKey>) -> usize {
        let filters = self.of_group(group_id);
        filters.iter().filter(|filter| filter.has_regexes && Some(&filter.key) != except).count()
    }

    /// The filters of an account in a Region.
    pub(super) fn of_place(&self, account: AccountId, region: &Region) -> Vec<Arc<Filter>> {
        let inner = self.read();
        let filters = inner.by_id.values();
        let is_here =
            |filter: &&Arc<Filter>| filter.group.account == account && filter.group.region.as_ref() == Some(region);
        filters.filter(is_here).cloned().collect()
    }

    /// The filter of this number.
    pub(super) fn numbered(&self, id: u64) -> Option<Arc<Filter>> {
        self.read().by_id.get(&id).cloned()
    }

    /// Whether the catalog knows that the filter of this name is at rest.
    #[cfg(test)]
    pub(crate) fn is_disabled(&self, name: &str) -> bool {
        self.collection
            .all()
            .iter()
            .any(|document| document.key.name.ends_with(&format!("/{name}")) && document.disabled)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Sets or removes the filter of this key.
    fn set(&mut self, group_id: u64, key: &ResourceKey, filter: Option<Arc<Filter>>) {
        let before = self.by_group.remove(&group_id).unwrap_or_default();
        for removed in before.iter().filter(|other| other.key == *key) {
            self.by_id.remove(&removed.document.id);
        }
        self.by_id.extend(filter.iter().map(|filter| (filter.document.id, filter.clone())));
        let others = before.iter().filter(|other| other.key != *key).cloned();
        let filters: Arc<[_]> = others.chain(filter).collect();
        if !filters.is_empty() {
            self.by_group.insert(group_id, filters);
        }
    }

    /// Removes the filters of a group; whether it had some.
    fn remove_group(&mut self, group_id: u64) -> bool {
        let Some(filters) = self.by_group.remove(&group_id) else { return false };
        filters.iter().for_each(|filter| {
            self.by_id.remove(&filter.document.id);
        });
        true
    }
}

/// The owner of [`METRIC_FILTER_MINUTES`](super::METRIC_FILTER_MINUTES).
impl TableOwner for MetricFilters {
    fn keep(&self, key: &[u64]) -> Keep {
        match key {
            [id] if self.numbered(*id).is_some() => {
                Keep::For(Duration::from_millis(METRIC_FILTER_MINUTES_KEPT_MS as u64))
            }
            _ => Keep::Drop,
        }
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}

impl std::fmt::Debug for MetricFilters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetricFilters").field("filters", &self.read().by_id.len()).finish_non_exhaustive()
    }
}
