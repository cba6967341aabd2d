//! StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask: messages leave a dead-letter queue for where they came from, or for
//! another queue. A task is in the catalog and goes on after a restart; moving a message is one append, so none is lost or there twice.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use watchkeep_core::{Caller, uuid};
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::{
    CancelMessageMoveTaskRequest, CancelMessageMoveTaskResult, ListMessageMoveTasksRequest, ListMessageMoveTasksResult,
    ListMessageMoveTasksResultEntry, StartMessageMoveTaskRequest, StartMessageMoveTaskResult, errors,
};
use watchkeep_store::{ResourceKey, Versioned};

use super::Queues;
use super::backlog::{Lease, Wish};
use super::content::Content;
use super::errors::{finish, invalid, invalid_value, store};
use super::limits::{
    HOLD_MS, MOVE_BATCH_MAX, MOVE_NOTED_EVERY, MOVE_RATE_MAX, MOVE_TASK_MS_MAX, MOVE_TASKS_RUNNING_MAX,
    MOVE_TASKS_TOLD_MAX,
};
use super::line::Outgoing;
use super::queue::Queue;
use super::resources::{MoveStatus, MoveTask};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html>
pub(crate) async fn start_message_move_task(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: StartMessageMoveTaskRequest,
) -> Result<StartMessageMoveTaskResult, ServiceError> {
    let source = queues.own(caller, &input.source_arn, "SourceArn")?;
    queues.admit(caller, &source, "StartMessageMoveTask")?;
    if queues.sources(&source).is_empty() {
        return Err(invalid("Source queue must be configured as a Dead Letter Queue."));
    }
    if let Some(arn) = &input.destination_arn {
        let destination = queues.own(caller, arn, "DestinationArn")?;
        queues.admit(caller, &destination, "SendMessage")?;
        if destination.id == source.id || destination.is_fifo != source.is_fifo {
            return Err(invalid_value(arn, "DestinationArn", "It must be another queue of the same type."));
        }
    }
    let rate = input.max_number_of_messages_per_second;
    if let Some(rate) = rate
        && !(1..=MOVE_RATE_MAX).contains(&rate)
    {
        return Err(invalid_value(rate, "MaxNumberOfMessagesPerSecond", "It must be between 1 and 500."));
    }
    let queues = queues.clone();
    let handle = finish(async move {
        let _starting = queues.starting.lock().await;
        let running = |task: &Arc<Versioned<MoveTask>>| task.status.is_active();
        if queues.tasks_of(&source).iter().any(running) {
            let text = "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
            return Err(errors::unsupported_operation(text));
        }
        if queues.tasks.all().iter().filter(|task| running(task)).count() >= MOVE_TASKS_RUNNING_MAX {
            return Err(errors::request_throttled("As many message move tasks are running as may be."));
        }
        let now = queues.clock.now().0;
        let (below, counts) = {
            let backlog = source.settled(now);
            (backlog.end(), backlog.counts())
        };
        let task = MoveTask {
            source: source.arn.clone(),
            destination: input.destination_arn,
            rate,
            started: now,
            to_move: counts.visible as u64,
            below,
            moved: 0,
            status: MoveStatus::Running,
            failure: None,
        };
        let id = uuid(queues.random.as_ref());
        let key = ResourceKey { name: format!("{}{now:016x}-{id}", prefix(&source)), ..source.key.clone() };
        let handle = handle(&key, &task.source);
        let task = queues.tasks.create(key, task).await.map_err(store)?;
        queues.forget_old_tasks(&source).await?;
        queues.run(task.key.clone());
        Ok(handle)
    })
    .await?;
    Ok(StartMessageMoveTaskResult { task_handle: Some(handle) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html>
pub(crate) async fn list_message_move_tasks(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: ListMessageMoveTasksRequest,
) -> Result<ListMessageMoveTasksResult, ServiceError> {
    let source = queues.own(caller, &input.source_arn, "SourceArn")?;
    queues.admit(caller, &source, "ListMessageMoveTasks")?;
    let max = input.max_results.unwrap_or(1);
    if !(1..=MOVE_TASKS_TOLD_MAX as i32).contains(&max) {
        return Err(invalid_value(max, "MaxResults", "It must be between 1 and 10."));
    }
    let newest_first = queues.tasks_of(&source).into_iter().rev().take(max as usize);
    let told = |task: Arc<Versioned<MoveTask>>| ListMessageMoveTasksResultEntry {
        task_handle: (task.status == MoveStatus::Running).then(|| handle(&task.key, &task.source)),
        status: Some(task.status.as_str().to_owned()),
        source_arn: Some(task.source.clone()),
        destination_arn: task.destination.clone(),
        max_number_of_messages_per_second: task.rate,
        approximate_number_of_messages_moved: Some(task.moved as i64),
        approximate_number_of_messages_to_move: Some(task.to_move as i64),
        failure_reason: task.failure.clone(),
        started_timestamp: Some(task.started),
    };
    Ok(ListMessageMoveTasksResult { results: Some(newest_first.map(told).collect()) })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html>
pub(crate) async fn cancel_message_move_task(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: CancelMessageMoveTaskRequest,
) -> Result<CancelMessageMoveTaskResult, ServiceError> {
    let no_task = || errors::resource_not_found_exception("Task does not exist.");
    let key = key_of(&input.task_handle)
        .ok_or_else(|| invalid_value(&input.task_handle, "TaskHandle", "It is no task's."))?;
    if key.account != caller.account || key.region.as_ref() != Some(&caller.region) {
        return Err(no_task());
    }
    let queues = queues.clone();
    finish(async move {
        if queues.tasks.get(&key).is_none() {
            return Err(no_task());
        }
        let cancelled = queues.tasks.change(&key, |task| {
            let is_running = task.status == MoveStatus::Running;
            if is_running {
                task.status = MoveStatus::Cancelling;
            }
            is_running
        });
        let Some(task) = cancelled.await.map_err(store)? else {
            return Err(errors::unsupported_operation("Only active tasks can be cancelled."));
        };
        Ok(CancelMessageMoveTaskResult { approximate_number_of_messages_moved: Some(task.moved as i64) })
    })
    .await
}

/// How a turn of a task ended.
enum Turn {
    /// So many were moved, and there may be more.
    Moved(usize),
    /// Nothing is left to move.
    Done,
    /// It cannot go on.
    Failed(&'static str),
}

impl Queues {
    /// Goes on with the tasks that were running when the server ended.
    pub(crate) fn resume_move_tasks(self: &Arc<Self>) {
        for task in self.tasks.all() {
            if task.status.is_active() {
                self.run(task.key.clone());
            }
        }
    }

    fn run(self: &Arc<Self>, key: ResourceKey) {
        let work = tokio::spawn(move_all(Arc::downgrade(self), key));
        let mut works = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        works.retain(|work| !work.is_finished());
        works.push(work);
    }

    /// A queue of the caller's.
    fn own(&self, caller: &Caller, arn: &str, parameter: &str) -> Result<Arc<Queue>, ServiceError> {
        let queue = self
            .by_arn(arn)
            .filter(|queue| queue.key.account == caller.account && queue.key.region.as_ref() == Some(&caller.region));
        queue.ok_or_else(|| {
            errors::resource_not_found_exception(format!(
                "The resource that you specified for the {parameter} parameter doesn't exist."
            ))
        })
    }

    /// The tasks of a dead-letter queue, oldest first.
    fn tasks_of(&self, source: &Queue) -> Vec<Arc<Versioned<MoveTask>>> {
        self.tasks.list(&source.key.account, source.key.region.as_ref(), &prefix(source), None, usize::MAX)
    }

    async fn forget_old_tasks(&self, source: &Queue) -> Result<(), ServiceError> {
        let tasks = self.tasks_of(source);
        let old = tasks.len().saturating_sub(MOVE_TASKS_TOLD_MAX);
        for task in tasks.iter().take(old).filter(|task| !task.status.is_active()) {
            self.tasks.delete(&task.key).await.map_err(store)?;
        }
        Ok(())
    }

    /// Moves some messages.
    async fn move_some(self: &Arc<Self>, task: &MoveTask) -> Result<Turn, ServiceError> {
        let Some(source) = self.by_arn(&task.source) else {
            return Ok(Turn::Failed("AWS.SimpleQueueService.NonExistentQueue"));
        };
        let now = self.clock.now().0;
        let max = task.rate.map_or(MOVE_BATCH_MAX, |rate| MOVE_BATCH_MAX.min(rate.unsigned_abs() as usize));
        let leases: Vec<Lease> = {
            let mut backlog = source.settled(now);
            let wish = Wish { now, max, timeout_ms: HOLD_MS, receives_max: None, in_flight_max: usize::MAX };
            let taken = backlog.take(wish).leases;
            let (old, new): (Vec<Lease>, Vec<Lease>) = taken.into_iter().partition(|lease| lease.seq < task.below);
            new.iter().for_each(|lease| backlog.give_back(lease));
            old
        };
        if leases.is_empty() {
            return Ok(Turn::Done);
        }
        let whole = self.with_contents(&source, leases.clone()).await;
        let whole = match whole {
            Ok(whole) => whole,
            Err(error) => {
                let mut backlog = source.backlog();
                leases.iter().for_each(|lease| backlog.give_back(lease));
                return Err(error);
            }
        };
        let mut by_target: Vec<(Arc<Queue>, Vec<Lease>)> = Vec::new();
        let mut lost = Vec::new();
        for (lease, content) in whole {
            let arn = task.destination.as_ref().or(content.source.as_ref());
            let lease = Lease { content: Some(content.clone()), ..lease };
            match arn.and_then(|arn| self.by_arn(arn)).filter(|target| target.id != source.id) {
                None => lost.push(lease),
                Some(target) => match by_target.iter_mut().find(|(known, _)| known.id == target.id) {
                    Some((_, leases)) => leases.push(lease),
                    None => by_target.push((target, vec![lease])),
                },
            }
        }
        {
            let mut backlog = source.backlog();
            lost.iter().for_each(|lease| backlog.give_back(lease));
        }
        let mut moved = 0;
        let mut outcome = Ok(());
        for (target, leases) in by_target {
            if outcome.is_err() {
                let mut backlog = source.backlog();
                leases.iter().for_each(|lease| backlog.give_back(lease));
                continue;
            }
            // To their new queue they are new: with another id, and sent now.
            let anew = |_: &Lease, content: &Content| Outgoing {
                content: Arc::new(Content { id: uuid(self.random.as_ref()), source: None, ..content.clone() }),
                sent: now,
                delayed: 0,
                earlier: 0,
                first_received: 0,
            };
            match self.carry(&source, &target, leases, anew).await {
                Ok(count) => moved += count,
                Err(error) => outcome = Err(error),
            }
        }
        outcome?;
        if lost.is_empty() { Ok(Turn::Moved(moved)) } else { Ok(Turn::Failed("CouldNotDetermineMessageSource")) }
    }

    /// Writes down how far a task has come. False if it is gone.
    async fn note_task(&self, key: &ResourceKey, moved: u64, end: Option<(MoveStatus, Option<String>)>) -> bool {
        let noted = self.tasks.change(key, |task| {
            task.moved = moved;
            if let Some((status, failure)) = &end {
                task.status = *status;
                task.failure.clone_from(failure);
            }
            true
        });
        match noted.await {
            Ok(noted) => noted.is_some(),
            Err(error) => {
                tracing::warn!(%error, "how far a message move task has come is not written down");
                true
            }
        }
    }
}

/// Whether it is about a KMS key that must be mended first.
fn is_of_key(error: &ServiceError) -> bool {
    error.code.starts_with("Kms") && error.code != "KmsThrottled"
}

/// Carries out a task.
async fn move_all(queues: Weak<Queues>, key: ResourceKey) {
    let mut moved = match queues.upgrade().and_then(|queues| queues.tasks.get(&key)) {
        Some(task) => task.moved,
        None => return,
    };
    let mut noted = moved;
    loop {
        let Some(queues) = queues.upgrade() else { return };
        let Some(task) = queues.tasks.get(&key) else { return };
        let now = queues.clock.now().0;
        if *queues.stop.borrow() {
            queues.note_task(&key, moved, None).await;
            return;
        }
        let end = match task.status {
            MoveStatus::Cancelling => Some((MoveStatus::Cancelled, None)),
            _ if now - task.started >= MOVE_TASK_MS_MAX => Some((MoveStatus::Failed, Some("TimedOut".to_owned()))),
            MoveStatus::Running => None,
            _ => return,
        };
        let (end, pause) = match end {
            Some(end) => (Some(end), Duration::ZERO),
            None => match queues.move_some(&task).await {
                Ok(Turn::Moved(count)) => {
                    moved += count as u64;
                    let pause = task.rate.map_or(Duration::ZERO, |rate| {
                        Duration::from_millis(count as u64 * 1000 / u64::from(rate.unsigned_abs().max(1)))
                    });
                    (None, pause)
                }
                Ok(Turn::Done) => (Some((MoveStatus::Completed, None)), Duration::ZERO),
                Ok(Turn::Failed(reason)) => (Some((MoveStatus::Failed, Some(reason.to_owned()))), Duration::ZERO),
                Err(error) if is_of_key(&error) => {
                    (Some((MoveStatus::Failed, Some(error.query_code.to_string()))), Duration::ZERO)
                }
                Err(error) => {
                    tracing::warn!(%error, "a message move task pauses");
                    (None, Duration::from_secs(1))
                }
            },
        };
        if end.is_some() {
            queues.note_task(&key, moved, end).await;
            return;
        }
        if moved >= noted + MOVE_NOTED_EVERY || (pause > Duration::ZERO && moved > noted) {
            noted = moved;
            queues.note_task(&key, moved, None).await;
        }
        let (sleep, mut stop) = (queues.clock.sleep(pause), queues.stop.subscribe());
        drop(queues);
        tokio::select! {
            () = sleep => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        tokio::task::yield_now().await;
    }
}

/// What the names of all tasks of a dead-letter queue begin with.
fn prefix(source: &Queue) -> String {
    format!("{:016x}/", source.id)
}

/// A task's handle: it says which task it is.
fn handle(key: &ResourceKey, source: &str) -> String {
    STANDARD.encode(serde_json::json!({ "taskId": key.name, "sourceArn": source }).to_string())
}

fn key_of(handle: &str) -> Option<ResourceKey> {
    let told: serde_json::Value = serde_json::from_slice(&STANDARD.decode(handle).ok()?).ok()?;
    let source = super::names::of_arn(told.get("sourceArn")?.as_str()?)?;
    Some(ResourceKey { name: told.get("taskId")?.as_str()?.to_owned(), ..source })
}
