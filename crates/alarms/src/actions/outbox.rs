//! Carrying actions out: each is owed from the moment at which the change of state is durable until its own row of history says
//! how it ended (AL-2). What fails for now is tried again with growing pauses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{
    AlarmAction, AlarmActionError, AlarmActionKind, BusEvent, EventBusError, Functions, InvokeError, MessageStructure,
    ServiceClient, TopicError, TopicMessage,
};
use watchkeep_store::ResourceKey;

use super::{What, kind_of};
use crate::engine::{Engine, place};
use crate::history::action_item;
use crate::kept::Defined;
use crate::limits::{
    ACTION_ATTEMPTS_MAX, ACTION_PAUSE_MS_MAX, ACTION_RETRY_MS, ACTIONS_AT_ONCE, ACTIONS_PENDING_MAX, FUNCTION_TIME_MAX,
    SECOND_MS,
};
use crate::message::Notice;
use crate::notice;
use crate::resources::{Watched, arn};
use crate::transition::Transition;

/// Who publishes to topics, as their policies name it.
const PRINCIPAL: &str = "cloudwatch.amazonaws.com";

/// An action that is owed.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    key: ResourceKey,
    uid: u64,
    transition: Arc<Transition>,
    action: String,
    since_ms: i64,
    attempts: u32,
    /// If it was carried out before in the same state: the newest datapoint, if there is one.
    repeats: Option<Option<f64>>,
}

impl Job {
    /// An action of a change of state, owed since that.
    pub(crate) fn new(key: ResourceKey, uid: u64, transition: Arc<Transition>, action: String) -> Job {
        let since_ms = transition.new.updated;
        Job { key, uid, transition, action, since_ms, attempts: 0, repeats: None }
    }

    /// An action that is carried out again in the same state.
    pub(crate) fn repeat(
        key: ResourceKey,
        uid: u64,
        transition: Arc<Transition>,
        action: String,
        now_ms: i64,
        value: Option<f64>,
    ) -> Job {
        Job { key, uid, transition, action, since_ms: now_ms, attempts: 0, repeats: Some(value) }
    }
}

/// Why an action was not carried out.
enum Failure {
    /// It may be later.
    Later(String),
    /// It will not be.
    Never(String),
}

/// What is owed.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<Owed>,
    added: Notify,
}

#[derive(Debug, Default)]
struct Owed {
    /// By when they are tried next, and in the order in which they came.
    jobs: BTreeMap<(i64, u64), Job>,
    events: VecDeque<BusEvent>,
    last: u64,
}

impl Outbox {
    /// Adds an action, to be carried out at once.
    pub(crate) fn add(&self, job: Job) {
        self.put(job.since_ms, job);
        self.added.notify_one();
    }

    /// Adds an event. If too many wait, the oldest is left out.
    pub(crate) fn add_event(&self, event: BusEvent) {
        let mut owed = self.owed();
        if owed.events.len() >= ACTIONS_PENDING_MAX {
            owed.events.pop_front();
            tracing::warn!("too many events of alarms wait; the oldest was left out");
        }
        owed.events.push_back(event);
        drop(owed);
        self.added.notify_one();
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.owed() = Owed::default();
    }

    fn put(&self, due_ms: i64, job: Job) {
        let mut owed = self.owed();
        owed.last += 1;
        let number = owed.last;
        owed.jobs.insert((due_ms, number), job);
    }

    /// One that is due; beyond the limit of what may wait the oldest one whatever its time.
    fn take(&self, now_ms: i64) -> Option<(Job, bool)> {
        let mut owed = self.owed();
        let is_over = owed.jobs.len() > ACTIONS_PENDING_MAX;
        let ((due_ms, _), _) = owed.jobs.first_key_value()?;
        if !is_over && *due_ms > now_ms {
            return None;
        }
        owed.jobs.pop_first().map(|(_, job)| (job, is_over))
    }

    fn next_ms(&self) -> Option<i64> {
        self.owed().jobs.first_key_value().map(|((due_ms, _), _)| *due_ms)
    }

    fn take_event(&self) -> Option<BusEvent> {
        self.owed().events.pop_front()
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Carries out what is owed, for ever.
    pub(crate) async fn keep_acting(self: Arc<Self>) {
        loop {
            let added = self.outbox.added.notified();
            self.act().await;
            let now_ms = self.clock.now().0;
            let wait_ms = self.outbox.next_ms().map_or(ACTION_PAUSE_MS_MAX, |due_ms| due_ms.saturating_sub(now_ms));
            tokio::select! {
                () = self.clock.sleep(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))) => {}
                () = added => {}
            }
        }
    }

    /// Carries out what is due.
    pub(crate) async fn act(self: &Arc<Self>) {
        while let Some(event) = self.outbox.take_event() {
            match self.events.put(event.clone()).await {
                Ok(()) => {}
                Err(EventBusError::Busy(error)) => {
                    tracing::debug!(error, "an event waits");
                    self.outbox.owed().events.push_front(event);
                    break;
                }
                Err(EventBusError::Refused(error)) => tracing::warn!(error, "an event of an alarm was refused"),
            }
        }
        let mut running = JoinSet::new();
        loop {
            while running.len() < ACTIONS_AT_ONCE
                && let Some((job, is_over)) = self.outbox.take(self.clock.now().0)
            {
                let engine = self.clone();
                running.spawn(async move { engine.carry_out(job, is_over).await });
            }
            if running.join_next().await.is_none() {
                return;
            }
        }
    }

    async fn carry_out(&self, mut job: Job, is_over: bool) {
        let outcome = match is_over {
            true => Err(Failure::Never("too many actions wait".to_owned())),
            false => self.attempt(&job).await,
        };
        if job.repeats.is_some() {
            // The next one comes in a minute; history has the first.
            if let Err(Failure::Later(error) | Failure::Never(error)) = outcome {
                tracing::warn!(error, action = job.action, alarm = job.key.name, "the repetition of an action failed");
            }
            return;
        }
        job.attempts += 1;
        let now_ms = self.clock.now().0;
        let is_last = job.attempts >= ACTION_ATTEMPTS_MAX || now_ms >= job.since_ms.saturating_add(ACTION_RETRY_MS);
        let ended = match outcome {
            Ok(message) => Ok(message),
            Err(Failure::Never(error)) => Err(error),
            Err(Failure::Later(error)) if is_last => Err(error),
            Err(Failure::Later(error)) => {
                tracing::debug!(error, action = job.action, "an action is tried again");
                return self.again(job, now_ms);
            }
        };
        if let Err(error) = &ended {
            tracing::warn!(error, action = job.action, alarm = job.key.name, "an action of an alarm failed");
        }
        let item = action_item(&job.key, job.uid, &job.transition, &job.action, &ended, now_ms);
        if let Err(error) = self.record(&[item]).await {
            tracing::warn!(%error, "that an action was carried out was not recorded; it is tried again");
            self.again(job, now_ms);
        }
    }

    fn again(&self, job: Job, now_ms: i64) {
        let pause_ms = SECOND_MS.saturating_mul(1 << job.attempts.min(20)).min(ACTION_PAUSE_MS_MAX);
        // Between a half and the whole of it, so that those that failed together do not come together.
        let share = (self.random.next_u64() % 1024) as i64;
        let pause_ms = pause_ms / 2 + pause_ms / 2 * share / 1024;
        self.outbox.put(now_ms.saturating_add(pause_ms), job);
    }

    async fn attempt(&self, job: &Job) -> Result<Option<String>, Failure> {
        let Some(kind) = kind_of(&job.action) else { return Err(Failure::Never("not an action".to_owned())) };
        match (kind.what, &self.topics) {
            (What::Topic, Some(topics)) => {
                let lines = self.log_lines(&job.key, job.uid, &job.transition).await;
                // History does not keep the lines: they may be of a group that is encrypted.
                let tell = |notice: &Notice<'_>| {
                    (topic_message(&Notice { lines: &lines, ..notice.clone() }, job), notice.json())
                };
                let (message, json) = notice::of_transition(&job.key, job.uid, &job.transition, tell);
                let client = ServiceClient { principal: PRINCIPAL, place: place(&job.key), source_arn: arn(&job.key) };
                let published = topics.publish_for(&client, &job.action, message).await;
                published.map(|_| Some(json)).map_err(|error| match error {
                    TopicError::Busy(error) => Failure::Later(error),
                    error @ (TopicError::NoSuchTopic | TopicError::Refused(_)) => Failure::Never(error.to_string()),
                })
            }
            (What::Function, _) => {
                let tell = |notice: &Notice<'_>| notice.lambda_payload();
                let payload = notice::of_transition(&job.key, job.uid, &job.transition, tell);
                let function = job.action.split_once(":function:").map_or("", |(_, function)| function);
                invoke(self.functions.as_ref(), function, payload).await.map_err(|error| match error {
                    InvokeError::Failed(error) => Failure::Later(error),
                    error @ InvokeError::Unknown(_) => Failure::Never(error.to_string()),
                })
            }
            (what, _) => {
                let none = || Failure::Never(AlarmActionError::NotConfigured.to_string());
                let kind = what.carried_out_as().ok_or_else(none)?;
                let action = asked(job, kind).ok_or_else(none)?;
                self.actions.carry_out(&action).await.map(Some).map_err(|error| match error {
                    AlarmActionError::Busy(error) => Failure::Later(error),
                    error @ (AlarmActionError::NotConfigured | AlarmActionError::Refused(_)) => {
                        Failure::Never(error.to_string())
                    }
                })
            }
        }
    }
}

/// An action, for whoever carries it out.
fn asked(job: &Job, kind: AlarmActionKind) -> Option<AlarmAction> {
    let (key, transition) = (&job.key, &job.transition);
    let tell = |notice: &Notice<'_>| notice.action_payload(&job.action);
    let payload = notice::of_transition(key, job.uid, transition, tell);
    let (description, instance_id, threshold) = match &transition.definition {
        Defined::Metric(definition) => {
            let dimensions = match &definition.watched {
                Watched::Metric(metric) => metric.dimensions.as_slice(),
                Watched::Queries { .. } | Watched::PromQl(_) | Watched::Logs(_) => &[],
            };
            let instance = dimensions.iter().find(|(name, _)| name == "InstanceId").map(|(_, id)| id.clone());
            (definition.description.clone(), instance, definition.threshold)
        }
        Defined::Composite(definition) => (definition.description.clone(), None, None),
    };
    let again = if job.repeats.is_some() { format!("-{}", job.since_ms) } else { String::new() };
    Some(AlarmAction {
        place: place(key),
        kind,
        arn: job.action.parse().ok()?,
        key: format!("{:016x}-{}{again}", job.uid, transition.new.transition),
        alarm_arn: arn(key),
        alarm_name: key.name.clone(),
        description,
        reason: transition.new.reason.clone(),
        time: TimestampMs(transition.new.updated),
        instance_id,
        value: job.repeats.unwrap_or_else(|| newest(transition.new.data.as_deref())),
        threshold,
        payload,
    })
}

/// The newest datapoint in the data of a reason.
fn newest(data: Option<&str>) -> Option<f64> {
    let data: serde_json::Value = serde_json::from_str(data?).ok()?;
    data.get("recentDatapoints")?.as_array()?.last()?.as_f64()
}

async fn invoke(functions: &dyn Functions, function: &str, payload: String) -> Result<Option<String>, InvokeError> {
    functions.invoke(function, payload.clone().into_bytes(), FUNCTION_TIME_MAX).await.map(|_| Some(payload))
}

fn topic_message(notice: &Notice<'_>, job: &Job) -> TopicMessage {
    TopicMessage {
        subject: Some(notice.subject()),
        message: notice.variants(),
        structure: MessageStructure::Json,
        // The same message to the same topic, however often it is tried.
        key: Some(format!("{:016x}-{}-{}", job.uid, job.transition.new.transition, job.action)),
        ..TopicMessage::default()
    }
}
