//! Who carries out alarms' actions that are neither topics nor functions: the webhook that the settings name for their kind; the agent on
//! the host, if it listens; AWS, if the settings say how to call it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use watchkeep_core::ports::{
    AlarmAction, AlarmActionError, AlarmActionKind, AlarmActions, Functions, InvokeError, QueueError, QueueMessage,
    QueueSink,
};
use watchkeep_core::{Arn, BoxFuture, Clock};
use watchkeep_delivery::{Aws, HttpFunctions, instance_action};

/// The kinds of actions that a webhook can carry out.
pub const ACTION_KINDS: [&str; 4] = ["ec2", "autoscaling", "ssm", "aiops"];

/// How long a webhook may take.
const WEBHOOK_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a command for a host may wait until the agent there takes it: nothing is to be rebooted hours later.
const COMMAND_LIFE_MS: i64 = 15 * 60 * 1000;

/// What the settings name.
pub struct ActionTargets {
    /// Webhooks, by the kinds of [`ACTION_KINDS`].
    pub webhooks: HttpFunctions,
    /// AWS.
    pub aws: Option<Aws>,
}

/// All of them.
pub struct AlarmTargets {
    targets: ActionTargets,
    queues: Arc<dyn QueueSink>,
    clock: Arc<dyn Clock>,
}

impl AlarmTargets {
    pub fn new(targets: ActionTargets, queues: Arc<dyn QueueSink>, clock: Arc<dyn Clock>) -> AlarmTargets {
        AlarmTargets { targets, queues, clock }
    }

    /// Tries the webhook; none if there is none of this kind.
    async fn webhook(&self, action: &AlarmAction) -> Option<Result<String, AlarmActionError>> {
        let kind = match action.kind {
            AlarmActionKind::Instance => "ec2",
            AlarmActionKind::Scaling => "autoscaling",
            AlarmActionKind::SystemsManager => "ssm",
            AlarmActionKind::Investigation => "aiops",
        };
        let payload = action.payload.clone();
        match self.targets.webhooks.invoke(kind, payload.clone().into_bytes(), WEBHOOK_TIME_MAX).await {
            Ok(_) => Some(Ok(payload)),
            Err(InvokeError::Unknown(_)) => None,
            Err(InvokeError::Failed(error)) => Some(Err(AlarmActionError::Busy(error))),
        }
    }

    /// Sends the agent of an instance a message; none if it has no queue, as one that carries nothing out.
    async fn agent(&self, action: &AlarmAction) -> Option<Result<String, AlarmActionError>> {
        let instance = action.instance_id.as_ref().filter(|_| action.kind == AlarmActionKind::Instance)?;
        let (account, region) = (action.place.account, action.place.region.as_str());
        let queue = Arn::new("sqs", region, account.as_str(), watchkeep_agent::queue_name(instance));
        let command = instance_action(&action.arn.resource);
        let body = json!({
            "version": 1,
            "command": command,
            "alarm": action.alarm_arn,
            "expires": self.clock.now().0.saturating_add(COMMAND_LIFE_MS),
        });
        let message = QueueMessage { body: body.to_string(), ..QueueMessage::default() };
        match self.queues.send(&queue.to_string(), message).await {
            Ok(()) => Some(Ok(format!("{command} {instance}"))),
            Err(QueueError::NoSuchQueue) => None,
            Err(QueueError::Busy(error)) => Some(Err(AlarmActionError::Busy(error))),
            Err(QueueError::Refused(error)) => Some(Err(AlarmActionError::Refused(error))),
        }
    }
}

impl AlarmActions for AlarmTargets {
    fn carry_out<'a>(&'a self, action: &'a AlarmAction) -> BoxFuture<'a, Result<String, AlarmActionError>> {
        Box::pin(async move {
            if let Some(outcome) = self.webhook(action).await {
                return outcome;
            }
            if let Some(outcome) = self.agent(action).await {
                return outcome;
            }
            match &self.targets.aws {
                Some(aws) => aws.carry_out(action).await,
                None => Err(AlarmActionError::NotConfigured),
            }
        })
    }
}
