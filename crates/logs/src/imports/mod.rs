//! Import tasks: the events of an event data store of CloudTrail Lake, as log events of the managed group `aws/cloudtrail/<store id>`.
//! Source: the API reference's pages of CreateImportTask and those around it.
//!
//! A task is a resource of the catalog, and work of its own from then on. It reads the store oldest first, second by second of
//! `eventTime`, writes into a stream of its own, and notes up to which second everything is imported. After a restart it looks what
//! its stream has from that second on, and passes over it: so each event is imported once.
//! What was notable when it happened is history now: imported events make no metrics and are in no live tail.

mod batches;
mod cancel;
mod create;
mod describe;
mod run;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use watchkeep_core::Random;
use watchkeep_core::ports::{EventDataStores, MetricPlace, NoEventDataStores};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::errors as model;
use watchkeep_store::{Catalog, CatalogError, Collection, Resource, ResourceKey, Versioned};

use crate::directory::Group;
use crate::{Logs, errors};

pub(crate) use cancel::cancel_import_task;
pub(crate) use create::create_import_task;
pub(crate) use describe::{describe_import_task_batches, describe_import_tasks};

/// What the names of the groups that imports go to begin with; the store's id follows.
pub(crate) const GROUP_PREFIX: &str = "aws/cloudtrail/";

/// An import task; its key's name is its id, and the name of its stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ImportTask {
    /// The ARN of the event data store.
    pub source: String,
    /// The group's name.
    pub log_group: String,
    /// The group's number: another group of the same name is not meant.
    pub group_id: u64,
    /// What the client asked for: the first and the last `eventTime`, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The times of the events, in milliseconds since the epoch, the end not included.
    pub time: Range<i64>,
    /// How far it is.
    pub status: Status,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When this was written last.
    pub updated: i64,
    /// Events before this second are imported.
    pub done_before: i64,
    /// The bytes of their messages.
    pub bytes: u64,
}

/// What a client wants of a store (`ImportFilter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Filter {
    /// The first `eventTime`.
    pub start: Option<i64>,
    /// The last one.
    pub end: Option<i64>,
}

impl Resource for ImportTask {
    const KIND: &'static str = "log_import";
}

/// How far a task is (`ImportStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    /// It is at work.
    InProgress,
    /// It was ended.
    Cancelled,
    /// It did what it was to do.
    Completed,
    /// It could not.
    Failed,
}

impl Status {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::InProgress => "IN_PROGRESS",
            Status::Cancelled => "CANCELLED",
            Status::Completed => "COMPLETED",
            Status::Failed => "FAILED",
        }
    }
}

/// All import tasks.
pub(crate) struct Imports {
    tasks: Collection<ImportTask>,
    random: Arc<dyn Random>,
    sources: OnceLock<Arc<dyn EventDataStores>>,
    /// Held while a task is created, so that there are not too many at a time.
    creating: tokio::sync::Mutex<()>,
}

impl Imports {
    pub(crate) async fn open(catalog: &Catalog, random: Arc<dyn Random>) -> Result<Imports, CatalogError> {
        let tasks = catalog.collection::<ImportTask>().await?;
        Ok(Imports { tasks, random, sources: OnceLock::new(), creating: Default::default() })
    }

    fn sources(&self) -> Arc<dyn EventDataStores> {
        self.sources.get().cloned().unwrap_or_else(|| Arc::new(NoEventDataStores))
    }

    fn get(&self, key: &ResourceKey) -> Result<Arc<Versioned<ImportTask>>, ServiceError> {
        self.tasks
            .get(key)
            .ok_or_else(|| model::resource_not_found_exception("The specified import task does not exist."))
    }

    /// Changes a task that is at work; `None` if it is not.
    async fn change(
        &self,
        key: &ResourceKey,
        change: impl Fn(&mut ImportTask),
    ) -> Result<Option<Arc<Versioned<ImportTask>>>, ServiceError> {
        let changed = self.tasks.change(key, |task| {
            let is_at_work = task.status == Status::InProgress;
            if is_at_work {
                change(task);
            }
            is_at_work
        });
        changed.await.map_err(errors::store)
    }
}

impl fmt::Debug for Imports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imports").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Logs {
    /// Sets where imports come from; once, before the first call.
    pub fn set_event_data_stores(&self, sources: Arc<dyn EventDataStores>) {
        if self.imports.sources.set(sources).is_err() {
            tracing::error!("the event data stores of imports were set twice");
        }
    }

    /// Goes on with the import tasks that a restart interrupted; from within a tokio runtime.
    pub fn resume_imports(self: &Arc<Self>) {
        for task in self.imports.tasks.all() {
            if task.status == Status::InProgress {
                tokio::spawn(run::run(Arc::downgrade(self), task.key.clone()));
            }
        }
    }
}

#[cfg(test)]
impl Logs {
    /// Takes back what was noted of a task's progress.
    pub(crate) async fn unnote_import(&self, import_id: &str) {
        let all = self.imports.tasks.all();
        let task = all.iter().find(|task| task.key.name == import_id).unwrap();
        let changed = self.imports.change(&task.key, |task| {
            task.done_before = task.time.start;
            task.bytes = 0;
        });
        changed.await.unwrap();
    }
}

/// Refuses to put events into a group that only imports write to.
///
/// # Errors
///
/// InvalidParameterException.
pub(crate) fn ensure_not_managed(group: &Group) -> Result<(), ServiceError> {
    match group.key.name.starts_with(GROUP_PREFIX) {
        true => Err(errors::invalid("Events cannot be put into a log group that imports are written to.")),
        false => Ok(()),
    }
}

/// Where a task is at home, as its source is.
fn place(key: &ResourceKey) -> MetricPlace {
    MetricPlace { account: key.account, region: key.region.clone().unwrap_or_default() }
}
