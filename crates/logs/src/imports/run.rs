//! The work of a task.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};

use watchkeep_core::ports::{EventDataStoreError, StoredEvent, StoredEventPlace};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::InputLogEvent;
use watchkeep_store::{ResourceKey, Scan};

use super::create::SECOND_MS;
use super::{ImportTask, Status, place};
use crate::directory::{Group, Stream};
use crate::limits::{IMPORT_RETRY_MAX, IMPORT_RETRY_MIN};
use crate::put_log_events::{Along, Arrival, accept_all};
use crate::tables::{GROUP, LOG_EVENTS, MASKS, MESSAGE, STREAM};
use crate::{Logs, errors};

/// Why a task does not go on.
enum Ended {
    /// It has come to its end.
    Completed,
    /// It cannot go on.
    Failed(String),
    /// Somebody ended it, or the service goes away: the next start goes on with it.
    Stopped,
    /// It may go on a little later.
    Busy(String),
}

/// Runs a task to its end.
pub(super) async fn run(logs: Weak<Logs>, key: ResourceKey) {
    let mut pause = IMPORT_RETRY_MIN;
    loop {
        let mut import = Import { logs: logs.clone(), key: key.clone(), progress: None };
        let ended = loop {
            match import.step().await {
                Ok(()) => pause = IMPORT_RETRY_MIN,
                Err(ended) => break ended,
            }
        };
        let Some(logs) = logs.upgrade() else { return };
        match ended {
            Ended::Stopped => return,
            Ended::Completed => return import.finish(&logs, Status::Completed, None).await,
            Ended::Failed(why) => {
                tracing::warn!(task = key.name, why, "an import failed");
                return import.finish(&logs, Status::Failed, Some(why)).await;
            }
            // From where it is noted to be; what was written beyond is found in the stream.
            Ended::Busy(why) => {
                tracing::debug!(task = key.name, why, "an import waits");
                let sleep = logs.clock.sleep(pause);
                drop(logs);
                sleep.await;
                pause = (pause * 2).min(IMPORT_RETRY_MAX);
            }
        }
    }
}

/// A task at work. It holds the service only while it does something.
struct Import {
    logs: Weak<Logs>,
    key: ResourceKey,
    /// Known from the first step on.
    progress: Option<Progress>,
}

/// How far a task is.
struct Progress {
    /// The last event that was read.
    last: Option<StoredEventPlace>,
    /// Events of this second were read last.
    second: i64,
    /// The bytes of all events before it.
    bytes_before: u64,
    /// The bytes of those that were read of it.
    bytes_of_second: u64,
    /// What is in the stream, by its second, that was not noted before the task was interrupted.
    unnoted: HashMap<i64, Unnoted>,
}

/// Events of a second that are in the stream.
#[derive(Default)]
struct Unnoted {
    /// As they are, each with an id of its own.
    records: HashSet<String>,
    /// How many there are whose records data protection masked: they are not told apart.
    masked: usize,
}

impl Unnoted {
    /// Whether it has this event, which is then taken out.
    fn takes(&mut self, record: &str) -> bool {
        if self.records.remove(record) {
            return true;
        }
        let is_masked = self.masked > 0;
        self.masked -= usize::from(is_masked);
        is_masked
    }
}

/// What a step works with.
struct At {
    logs: Arc<Logs>,
    task: ImportTask,
    group: Arc<Group>,
    stream: Arc<Stream>,
}

impl Import {
    /// Imports the next events of the store.
    async fn step(&mut self) -> Result<(), Ended> {
        let (mut progress, task, sources) = {
            let at = self.go_on()?;
            let progress = match self.progress.take() {
                Some(progress) => progress,
                None => Progress::of(&at).await?,
            };
            (progress, at.task, at.logs.imports.sources())
        };
        let time = progress.second.max(task.time.start)..task.time.end;
        let events = sources.read(&place(&self.key), &task.source, time, progress.last).await;
        drop(sources);
        let events = events.map_err(|error| match error {
            EventDataStoreError::Busy(why) => Ended::Busy(why),
            error => Ended::Failed(error.to_string()),
        })?;
        if events.is_empty() {
            self.progress = Some(progress);
            return Err(Ended::Completed);
        }
        let at = self.go_on()?;
        let cutoff = at.group.cutoff(at.logs.clock.now());
        let mut new = Vec::with_capacity(events.len());
        for event in events {
            let event = progress.pass(event);
            // What the group would not keep is not written, but it is done.
            new.extend(event.filter(|event| event.timestamp >= cutoff.0));
        }
        let along = Along { arrival: Arrival::Imported, ..Along::default() };
        let accepted = accept_all(&at.logs, &at.group, &at.stream, &new, along, at.logs.clock.now());
        accepted.await.map_err(|error| ended("it cannot be written", &error))?;
        self.note(&at, &progress).await?;
        self.progress = Some(progress);
        Ok(())
    }

    /// What to work with, if the task may go on.
    fn go_on(&self) -> Result<At, Ended> {
        let logs = self.logs.upgrade().ok_or(Ended::Stopped)?;
        let task = logs.imports.tasks.get(&self.key).filter(|task| task.status == Status::InProgress);
        let task = task.ok_or(Ended::Stopped)?.value.clone();
        let group = logs.directory.group_numbered(task.group_id);
        let group = group.ok_or_else(|| Ended::Failed("The log group does not exist any more.".to_owned()))?;
        let stream = group.stream(&self.key.name);
        let stream = stream.map_err(|_| Ended::Failed("The log stream does not exist any more.".to_owned()))?;
        Ok(At { logs, task, group, stream })
    }

    /// Notes how far the task is, unless somebody ended it.
    async fn note(&self, at: &At, progress: &Progress) -> Result<(), Ended> {
        let now = at.logs.clock.now().0;
        let noted = at.logs.imports.change(&self.key, |task| {
            task.done_before = progress.second;
            task.bytes = progress.bytes_before;
            task.updated = now;
        });
        match noted.await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Ended::Stopped),
            Err(error) => Err(ended("it cannot be noted", &error)),
        }
    }

    /// Notes how the task ended, unless it had ended already.
    async fn finish(&self, logs: &Logs, status: Status, error: Option<String>) {
        let now = logs.clock.now().0;
        let changed = logs.imports.change(&self.key, |task| {
            task.status = status;
            task.error.clone_from(&error);
            task.updated = now;
            if status == Status::Completed {
                task.done_before = task.time.end;
            }
            if let Some(progress) = &self.progress {
                task.bytes = progress.bytes_before + progress.bytes_of_second;
            }
        });
        if let Err(error) = changed.await {
            tracing::warn!(task = self.key.name, %error, "the end of an import is not noted: the next start goes on with it");
        }
    }
}

impl Progress {
    /// As it is noted, and what the stream has beyond that.
    async fn of(at: &At) -> Result<Progress, Ended> {
        let second = at.task.done_before;
        let scan = Scan::new(&LOG_EVENTS)
            .ids(GROUP, [at.group.id])
            .ids(STREAM, [at.stream.id])
            .time(second..i64::MAX)
            .columns(&[MESSAGE, MASKS]);
        let counted = at.logs.store.blocking(move |store| {
            let mut unnoted: HashMap<i64, Unnoted> = HashMap::new();
            let stats = store.scan(&scan, &mut |batch| {
                for (row, time) in batch.times().iter().enumerate() {
                    let of_second = unnoted.entry(*time).or_default();
                    match batch.is_null(MASKS, row) {
                        true => drop(of_second.records.insert(batch.text(MESSAGE, row).to_owned())),
                        false => of_second.masked += 1,
                    }
                }
                ControlFlow::Continue(())
            });
            stats.map(|stats| (unnoted, stats))
        });
        let (unnoted, stats) =
            counted.await.map_err(|error| ended("the stream cannot be read", &errors::store(error)))?;
        if stats.locked > 0 {
            return Err(Ended::Failed("The log group's KMS key cannot be used.".to_owned()));
        }
        Ok(Progress { last: None, second, bytes_before: at.task.bytes, bytes_of_second: 0, unnoted })
    }

    /// Goes past an event; `None` if it is in the stream already.
    fn pass(&mut self, event: StoredEvent) -> Option<InputLogEvent> {
        let second = event.place.time_ms.div_euclid(SECOND_MS) * SECOND_MS;
        if second > self.second {
            self.second = second;
            self.bytes_before += std::mem::take(&mut self.bytes_of_second);
        }
        self.bytes_of_second += event.record.len() as u64;
        self.last = Some(event.place);
        let is_there = self.unnoted.get_mut(&second).is_some_and(|unnoted| unnoted.takes(&event.record));
        (!is_there).then_some(InputLogEvent { timestamp: second, message: event.record })
    }
}

/// What an error of the service means for a task.
fn ended(what: &str, error: &ServiceError) -> Ended {
    match error.status {
        500.. => Ended::Busy(format!("{what}: {error}")),
        _ => Ended::Failed(error.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_stream_is_passed_over_once() {
        let mut unnoted = Unnoted { records: HashSet::from(["a".to_owned(), "b".to_owned()]), masked: 1 };
        let taken: Vec<bool> = ["b", "c", "b", "a", "d"].iter().map(|record| unnoted.takes(record)).collect();
        assert_eq!(taken, [true, true, false, true, false]);
    }
}
