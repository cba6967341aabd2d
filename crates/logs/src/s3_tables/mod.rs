//! The integration with S3 tables: events of log groups as Apache Iceberg tables, one for each data source that is associated. Sources:
//! "Access logs with S3 Tables Integration", "Accessing tables using the Amazon S3 Tables Iceberg REST endpoint".
//!
//! CreateS3TableIntegration and its like are in [`integrations`], AssociateSourceToS3TableIntegration and its like in [`sources`]; [`door`]
//! and [`s3tables`] are what readers of the tables ask.
//!
//! Once a minute a [`round`] takes what came in meanwhile from the store and puts it into the tables, in Parquet files of a bucket that
//! users can read and not change. Which [`files`] a table consists of, and up to which `seq` they have its groups' events, changes in one
//! transaction of the catalog: so each event is in it once, whatever crash comes between (LT-1). What retention or deletion took from a
//! group leaves its files likewise, read anew from the store (LT-2).
//!
//! Events under a KMS key stay out, as their files would be in clear (E-1). Masked text is masked.

mod commit;
mod door;
mod files;
mod iceberg;
mod integrations;
mod maintain;
mod manifests;
mod read;
mod resources;
mod round;
mod runs;
mod s3tables;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use watchkeep_core::ports::TableBuckets;
use watchkeep_store::{Append, Collection, ResourceKey, Store, StoreError, Versioned};
use watchkeep_wire::http_api::HttpApi;

use crate::Logs;
use crate::directory::Group;
use crate::subscriptions::{Hint, Hints};

pub(crate) use integrations::{
    create_s3_table_integration, delete_s3_table_integration, get_s3_table_integration, list_s3_table_integrations,
    list_tags_for_resource, tag_resource, untag_resource,
};
pub(crate) use round::keep_writing;
pub(crate) use s3tables::{
    get_namespace, get_table, get_table_bucket, get_table_metadata_location, list_namespaces, list_table_buckets,
    list_tables,
};
pub(crate) use sources::{
    associate_source_to_s3_table_integration, disassociate_source_from_s3_table_integration,
    list_sources_for_s3_table_integration,
};

use files::Files;
use resources::{IntegrationDocument, SourceDocument, TableDocument};

/// The name of the table bucket that all tables are in.
const TABLE_BUCKET: &str = "aws-cloudwatch";

/// The namespace of all tables.
const NAMESPACE: &str = "logs";

/// All integrations and their tables.
pub(crate) struct S3Tables {
    integrations: Collection<IntegrationDocument>,
    sources: Collection<SourceDocument>,
    tables: Collection<TableDocument>,
    files: Files,
    buckets: OnceLock<Arc<dyn TableBuckets>>,
    hints: Mutex<Hints>,
    /// Groups some of whose events were deleted.
    thinned: Mutex<HashSet<u64>>,
    /// Held by who writes tables, and by who changes what they are made of.
    working: tokio::sync::Mutex<Working>,
}

/// What is known of the tables since the start.
#[derive(Debug, Default)]
struct Working {
    /// Whether files that a crash left were swept, and deletions of the time before were looked for.
    is_swept: bool,
}

/// Events that somebody is about to append. To be told under which frame they are; dropped untold, they are not in the store.
#[must_use]
pub(crate) struct TableAnnounced {
    s3_tables: Arc<S3Tables>,
    id: u64,
}

impl TableAnnounced {
    /// They are durable, in this frame.
    pub(crate) fn stored(self, frame: u64) {
        self.s3_tables.hints().stored(self.id, frame);
    }
}

impl Drop for TableAnnounced {
    fn drop(&mut self) {
        self.s3_tables.hints().gone(self.id);
    }
}

/// An integration as the catalog has it.
type Integration = Arc<Versioned<IntegrationDocument>>;

impl S3Tables {
    /// Reads them from the catalog.
    pub(crate) async fn open(store: &Store) -> Result<S3Tables, StoreError> {
        let s3_tables = S3Tables {
            integrations: store.catalog().collection().await?,
            sources: store.catalog().collection().await?,
            tables: store.catalog().collection().await?,
            files: Files::of(store.catalog()),
            buckets: OnceLock::new(),
            hints: Mutex::default(),
            thinned: Mutex::default(),
            working: tokio::sync::Mutex::default(),
        };
        if !s3_tables.integrations.is_empty() {
            // Of whatever time: imports bring old events.
            let frame = store.append(Append::new()).await?.0;
            s3_tables.hints().add(frame, Hint { group: None, first_ms: i64::MIN, last_ms: i64::MAX - 1 });
        }
        Ok(s3_tables)
    }

    fn hints(&self) -> MutexGuard<'_, Hints> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn thinned(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.thinned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that events of a group are about to be appended.
    pub(crate) fn announce(self: &Arc<Self>, group: &Group, first_ms: i64, last_ms: i64) -> Option<TableAnnounced> {
        let hint = Hint { group: Some(group.id), first_ms, last_ms };
        let id = (!self.integrations.is_empty()).then(|| self.hints().announce(hint))?;
        Some(TableAnnounced { s3_tables: self.clone(), id })
    }

    /// Some of a group's events were deleted.
    pub(crate) fn thin_out(&self, group_id: u64) {
        if !self.integrations.is_empty() {
            self.thinned().insert(group_id);
        }
    }

    /// Forgets all of them, after the store was reset.
    pub(crate) fn clear(&self) {
        *self.hints() = Hints::default();
        self.thinned().clear();
    }

    /// The associations of an integration.
    fn sources_of(&self, integration: &ResourceKey) -> Vec<Arc<Versioned<SourceDocument>>> {
        let region = integration.region.as_ref();
        let mut sources = self.sources.list(&integration.account, region, "", None, usize::MAX);
        sources.retain(|source| source.integration == integration.name);
        sources
    }

    /// The tables of an integration, by name.
    fn tables_of(&self, integration: &ResourceKey) -> Vec<Arc<Versioned<TableDocument>>> {
        let prefix = resources::table_key(integration, "").name;
        self.tables.list(&integration.account, integration.region.as_ref(), &prefix, None, usize::MAX)
    }
}

impl Logs {
    /// Sets where the files of S3 tables are kept; once, before the first call. Without it no integration can be created.
    pub fn set_table_buckets(&self, buckets: Arc<dyn TableBuckets>) {
        if self.s3_tables.buckets.set(buckets).is_err() {
            tracing::error!("the buckets of tables were set twice; the first ones stay");
        }
    }

    /// The tables of this name, as they are kept.
    #[cfg(test)]
    pub(crate) fn s3_tables_named(&self, name: &str) -> Vec<Arc<Versioned<TableDocument>>> {
        self.s3_tables.tables.all().into_iter().filter(|table| table.name == name).collect()
    }

    /// The files of the table of this name, as groups have them.
    #[cfg(test)]
    pub(crate) async fn s3_table_files(&self, name: &str) -> Vec<files::DataFile> {
        let mut found = Vec::new();
        for table in self.s3_tables_named(name) {
            for group in table.due_ms.keys() {
                let (from, to) = files::ALL_DAYS;
                found.extend(self.s3_tables.files.placed(&table, *group, from, to).await.unwrap());
            }
        }
        found
    }

    /// The Iceberg REST catalog of the tables.
    pub fn iceberg_catalog(self: &Arc<Self>) -> Arc<dyn HttpApi> {
        Arc::new(door::Door(self.clone()))
    }
}

impl fmt::Debug for S3Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (read, changed) = self.files.counts();
        let mut debug = f.debug_struct("S3Tables");
        debug.field("tables", &self.tables.len()).field("entries_read", &read).field("entries_changed", &changed);
        debug.finish_non_exhaustive()
    }
}
