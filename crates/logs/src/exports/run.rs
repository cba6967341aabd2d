//! The work of a task.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use watchkeep_core::ports::{BucketError, BucketObject};
use watchkeep_store::ResourceKey;

use super::layout::{self, File};
use super::{ExportTask, Status, client};
use crate::Logs;
use crate::directory::{Group, Stream};
use crate::limits::{EXPORT_AGE_MS_MAX, EXPORT_RETRY_MAX, EXPORT_RETRY_MIN, PAGE_EVENTS_MAX};
use crate::page::{Direction, Event, Request};

/// What is said of a task that was cancelled.
pub(super) const CANCELLED: &str = "Cancelled by user";

/// Why a task ends before it is done.
enum Ended {
    /// It cannot go on.
    Failed(String),
    /// Somebody wants it to.
    Cancelled,
    /// The service goes away: the next start goes on with it.
    Stopped,
}

/// Runs a task to its end.
pub(super) async fn run(logs: Weak<Logs>, key: ResourceKey) {
    let Some(logs) = logs.upgrade() else { return };
    let begun = logs.exports.change(&key, |task| match task.status {
        Status::Pending | Status::Running => {
            task.status = Status::Running;
            task.message = "Started Successfully".to_owned();
            true
        }
        Status::PendingCancel | Status::Cancelled | Status::Completed | Status::Failed => false,
    });
    let task = match begun.await {
        Ok(Some(task)) => task.value.clone(),
        Ok(None) => return end(&logs, &key, Ended::Cancelled).await,
        Err(error) => return tracing::warn!(task = key.name, %error, "an export waits for the next start"),
    };
    let weak = Arc::downgrade(&logs);
    drop(logs);
    let outcome = Export { logs: weak.clone(), key: key.clone(), task }.all_streams().await;
    let Some(logs) = weak.upgrade() else { return };
    match outcome {
        Ok(()) => finish(&logs, &key, Status::Completed, "Completed successfully").await,
        Err(ended) => end(&logs, &key, ended).await,
    }
}

async fn end(logs: &Logs, key: &ResourceKey, ended: Ended) {
    match ended {
        Ended::Failed(why) => {
            tracing::warn!(task = key.name, why, "an export failed");
            finish(logs, key, Status::Failed, &why).await;
        }
        Ended::Cancelled => finish(logs, key, Status::Cancelled, CANCELLED).await,
        Ended::Stopped => {}
    }
}

/// Notes how a task ended, unless it had ended already.
async fn finish(logs: &Logs, key: &ResourceKey, status: Status, message: &str) {
    let now = logs.clock.now().0;
    let changed = logs.exports.change(key, |task| {
        let is_open = task.status.is_open();
        if is_open {
            task.status = status;
            task.message = message.to_owned();
            task.completed = Some(now);
        }
        is_open
    });
    if let Err(error) = changed.await {
        tracing::warn!(task = key.name, %error, "the end of an export is not noted: the next start goes on with it");
    }
}

/// A task at work. It holds the service only while it does something.
struct Export {
    logs: Weak<Logs>,
    key: ResourceKey,
    task: ExportTask,
}

impl Export {
    async fn all_streams(mut self) -> Result<(), Ended> {
        let (group, streams) = {
            let logs = self.logs.upgrade().ok_or(Ended::Stopped)?;
            let group = self.group(&logs)?;
            let streams = group.streams(self.task.stream_prefix.as_deref().unwrap_or_default());
            (group, streams)
        };
        let mut names = BTreeMap::<String, usize>::new();
        for stream in &streams {
            *names.entry(layout::folder(&self.task.prefix, &stream.name)).or_default() += 1;
        }
        for stream in streams {
            if self.task.done.as_deref().is_some_and(|done| &*stream.name <= done) {
                continue;
            }
            let folder = layout::folder(&self.task.prefix, &stream.name);
            let is_shared = names.get(&folder).is_some_and(|count| *count > 1);
            let first = self.task.shared_folders.get(&folder).copied().unwrap_or(0);
            let next = self.stream(&group, &stream, &folder, first).await?;
            self.task.done = Some(stream.name.to_string());
            if is_shared {
                self.task.shared_folders.insert(folder, next);
            }
            self.note().await?;
        }
        Ok(())
    }

    /// The task's group, if it is still there.
    fn group(&self, logs: &Logs) -> Result<Arc<Group>, Ended> {
        let found = logs.directory.group_numbered(self.task.group_id);
        found.ok_or_else(|| Ended::Failed("The log group does not exist any more.".to_owned()))
    }

    /// Exports a stream, in files numbered from `first` on; returns the number after the last.
    async fn stream(&self, group: &Arc<Group>, stream: &Stream, folder: &str, first: u32) -> Result<u32, Ended> {
        let mut number = first;
        let mut file = File::new();
        let mut from = None;
        loop {
            let logs = self.go_on()?;
            let request = Request {
                group: group.clone(),
                streams: Some(vec![stream.id]),
                time: self.task.from..self.task.to.saturating_add(1),
                from,
                direction: Direction::Forward,
                limit: PAGE_EVENTS_MAX,
                pattern: None,
                unmasking: None,
                judged_bytes_max: u64::MAX,
            };
            let page = match logs.read(request).await {
                Ok(page) => page,
                Err(error) => return Err(Ended::Failed(error.message)),
            };
            drop(logs);
            for Event { position, message, .. } in &page.events {
                file.add(position.time_ms, message);
                if file.is_full() {
                    self.put(group, folder, number, std::mem::replace(&mut file, File::new())).await?;
                    number += 1;
                }
            }
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        if !file.is_empty() {
            self.put(group, folder, number, file).await?;
            number += 1;
        }
        Ok(number)
    }

    /// Writes a file. A bucket that is busy is asked again, later each time.
    async fn put(&self, group: &Group, folder: &str, number: u32, file: File) -> Result<(), Ended> {
        let key = layout::file_key(&self.task.prefix, &self.key.name, folder, number);
        let body = file.finish();
        let mut pause = EXPORT_RETRY_MIN;
        loop {
            let logs = self.go_on()?;
            let object = BucketObject {
                key: key.clone(),
                body: body.clone(),
                content_type: Some("application/x-gzip"),
                ..BucketObject::default()
            };
            match logs.exports.buckets().put(&client(&group.key), &self.task.bucket, object).await {
                Ok(()) => return Ok(()),
                Err(BucketError::Busy(why)) => {
                    tracing::debug!(task = self.key.name, why, "an export waits for its bucket");
                    let sleep = logs.clock.sleep(pause);
                    drop(logs);
                    sleep.await;
                    pause = (pause * 2).min(EXPORT_RETRY_MAX);
                }
                Err(error) => return Err(Ended::Failed(error.to_string())),
            }
        }
    }

    /// The service, if the task may go on.
    fn go_on(&self) -> Result<Arc<Logs>, Ended> {
        let logs = self.logs.upgrade().ok_or(Ended::Stopped)?;
        self.group(&logs)?;
        let now = logs.clock.now().0;
        match logs.exports.tasks.get(&self.key) {
            Some(task) if task.status != Status::Running => Err(Ended::Cancelled),
            None => Err(Ended::Cancelled),
            Some(task) if now.saturating_sub(task.created) > EXPORT_AGE_MS_MAX => {
                Err(Ended::Failed("The export task timed out.".to_owned()))
            }
            Some(_) => Ok(logs),
        }
    }

    /// Notes the stream that is done.
    async fn note(&self) -> Result<(), Ended> {
        let logs = self.go_on()?;
        let noted = logs.exports.change(&self.key, |task| {
            task.done.clone_from(&self.task.done);
            task.shared_folders.clone_from(&self.task.shared_folders);
            true
        });
        noted.await.map(drop).map_err(|error: watchkeep_model::ServiceError| {
            tracing::warn!(task = self.key.name, %error, "an export cannot note how far it is");
            Ended::Failed("The service cannot complete the task.".to_owned())
        })
    }
}
