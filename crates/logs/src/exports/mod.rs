//! Export tasks: a group's events of some time, as files in a bucket ("Exporting log data to Amazon S3").
//!
//! A task is a resource of the catalog, and work of its own from then on: it goes stream by stream, in the order of their names, and
//! notes each that is done, so that after a restart it goes on with the next. What it had begun is written anew under the same
//! names.

mod cancel;
mod create;
mod describe;
mod layout;
mod run;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use watchkeep_core::Random;
use watchkeep_core::ports::{BucketClient, Buckets, MetricPlace, NoBuckets};
use watchkeep_model::ServiceError;
use watchkeep_store::{Catalog, CatalogError, Collection, Resource, ResourceKey, Versioned};

use crate::names::group_arn_with_streams;
use crate::{Logs, errors};

pub(crate) use cancel::cancel_export_task;
pub(crate) use create::create_export_task;
pub(crate) use describe::describe_export_tasks;

/// An export task; its key's name is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExportTask {
    /// Its name, if it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The group's name.
    pub log_group: String,
    /// The group's number: another group of the same name is not meant.
    pub group_id: u64,
    /// What the names of the streams begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_prefix: Option<String>,
    /// The time of the first event, in milliseconds since the epoch.
    pub from: i64,
    /// The time of the last event.
    pub to: i64,
    /// The bucket.
    pub bucket: String,
    /// What the keys of the files begin with.
    pub prefix: String,
    /// How far it is.
    pub status: Status,
    /// What is said of that.
    pub message: String,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<i64>,
    /// The last stream that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
    /// How many files there are of streams whose names are the same as others' once they are part of a key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shared_folders: BTreeMap<String, u32>,
}

impl Resource for ExportTask {
    const KIND: &'static str = "log_export";
}

/// How far a task is (`ExportTaskStatusCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    /// It was created.
    Pending,
    /// It is at work.
    Running,
    /// It is to end.
    PendingCancel,
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
            Status::Pending => "PENDING",
            Status::Running => "RUNNING",
            Status::PendingCancel => "PENDING_CANCEL",
            Status::Cancelled => "CANCELLED",
            Status::Completed => "COMPLETED",
            Status::Failed => "FAILED",
        }
    }

    /// Whether there is still something to do.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Status::Pending | Status::Running | Status::PendingCancel)
    }
}

/// All export tasks.
pub(crate) struct Exports {
    tasks: Collection<ExportTask>,
    random: Arc<dyn Random>,
    buckets: OnceLock<Arc<dyn Buckets>>,
    /// Held while a task is created, so that there is one at a time.
    creating: tokio::sync::Mutex<()>,
}

impl Exports {
    pub(crate) async fn open(catalog: &Catalog, random: Arc<dyn Random>) -> Result<Exports, CatalogError> {
        let tasks = catalog.collection::<ExportTask>().await?;
        Ok(Exports { tasks, random, buckets: OnceLock::new(), creating: Default::default() })
    }

    fn buckets(&self) -> Arc<dyn Buckets> {
        self.buckets.get().cloned().unwrap_or_else(|| Arc::new(NoBuckets))
    }

    /// The last stream that is done.
    #[cfg(test)]
    pub(crate) fn progress(&self, task_id: &str) -> Option<String> {
        self.tasks.all().iter().find(|task| task.key.name == task_id)?.done.clone()
    }

    /// Changes a task; `None` if `change` says that there is nothing to change, or if the task is gone.
    async fn change(
        &self,
        key: &ResourceKey,
        change: impl Fn(&mut ExportTask) -> bool,
    ) -> Result<Option<Arc<Versioned<ExportTask>>>, ServiceError> {
        self.tasks.change(key, change).await.map_err(errors::store)
    }
}

impl fmt::Debug for Exports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exports").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Logs {
    /// Sets where exports go; once, before the first call.
    pub fn set_buckets(&self, buckets: Arc<dyn Buckets>) {
        if self.exports.buckets.set(buckets).is_err() {
            tracing::error!("the buckets of exports were set twice");
        }
    }

    /// Goes on with the export tasks that a restart interrupted; from within a tokio runtime.
    pub fn resume_exports(self: &Arc<Self>) {
        for task in self.exports.tasks.all() {
            if task.status.is_open() {
                tokio::spawn(run::run(Arc::downgrade(self), task.key.clone()));
            }
        }
    }
}

/// Who asks a bucket for an export of a group.
fn client(group: &ResourceKey) -> BucketClient {
    let region = group.region.clone().unwrap_or_default();
    BucketClient {
        principal: format!("logs.{}.amazonaws.com", region.as_str()),
        place: MetricPlace { account: group.account, region },
        source_arn: Some(group_arn_with_streams(group)),
    }
}
