//! Commands of this host that alarms may have carried out. The host decides: only those that its settings name are, with the arguments
//! that stand there; what comes over the network is a name. Each is carried out at most once, and not if it waited too long.
//!
//! They come by a queue of the agent's own, as messages `{"version": 1, "command": "reboot", "alarm": ARN, "expires": MILLISECONDS}`; what
//! became of them is told in a log group.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::sync::watch;
use watchkeep_core::Clock;
use watchkeep_model::logs::{CreateLogGroupRequest, CreateLogStreamRequest, InputLogEvent, PutLogEventsRequest};
use watchkeep_model::sqs::{CreateQueueRequest, DeleteMessageRequest, Message, ReceiveMessageRequest};

use crate::api::{Api, ApiError};
use crate::limits::{COMMAND_POLL_PAUSE, COMMAND_POLL_SECONDS, COMMAND_QUEUE_NAME_CHARS_MAX, RETRY_PAUSE_MAX};
use crate::stopped;

/// What a command may be for: the actions that alarms have on instances.
pub const COMMAND_NAMES: [&str; 4] = ["stop", "terminate", "reboot", "recover"];

/// Where it is told what became of commands.
const LOG_GROUP: &str = "/watchkeep/agent/commands";

/// Which commands are carried out.
#[derive(Debug, Clone)]
pub struct CommandsConfig {
    /// The instance that this host is.
    pub instance_id: String,
    /// By their names, of [`COMMAND_NAMES`]: the program and its arguments.
    pub commands: BTreeMap<String, Vec<String>>,
    /// How long each may take before it is ended.
    pub time_max: Duration,
}

/// The name of the queue of an instance's agent: what the name of a queue cannot hold becomes `-`.
pub fn queue_name(instance_id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' };
    let name = format!("watchkeep-agent-{}", instance_id.chars().map(plain).collect::<String>());
    name.chars().take(COMMAND_QUEUE_NAME_CHARS_MAX).collect()
}

/// What a message says.
#[derive(Debug, Deserialize)]
struct Order {
    version: u32,
    command: String,
    #[serde(default)]
    alarm: String,
    expires: i64,
}

/// Carries out commands.
pub(crate) struct Commands {
    config: CommandsConfig,
    host: String,
    api: Arc<dyn Api>,
    clock: Arc<dyn Clock>,
}

impl Commands {
    pub(crate) fn new(config: CommandsConfig, host: String, api: Arc<dyn Api>, clock: Arc<dyn Clock>) -> Commands {
        Commands { config, host, api, clock }
    }

    /// Takes commands until it is told to stop; one that is under way is waited for.
    pub(crate) async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut queue_url = None;
        loop {
            let taken = tokio::select! {
                () = stopped(&mut shutdown) => return,
                taken = self.take(&mut queue_url) => taken,
            };
            let pause = match taken {
                Ok(messages) if messages.is_empty() => COMMAND_POLL_PAUSE,
                Ok(messages) => {
                    for message in messages {
                        self.carry_out(queue_url.as_deref().unwrap_or_default(), message).await;
                    }
                    Duration::ZERO
                }
                Err(error) => {
                    tracing::warn!(%error, "commands for this host cannot be taken now");
                    // It may have been deleted.
                    queue_url = None;
                    RETRY_PAUSE_MAX
                }
            };
            tokio::select! {
                () = stopped(&mut shutdown) => return,
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    async fn take(&self, queue_url: &mut Option<String>) -> Result<Vec<Message>, ApiError> {
        let url = match queue_url {
            Some(url) => url.clone(),
            None => {
                let queue_name = queue_name(&self.config.instance_id);
                let input = CreateQueueRequest { queue_name, ..CreateQueueRequest::default() };
                let url = self.api.create_queue(input).await?.queue_url.unwrap_or_default();
                queue_url.insert(url).clone()
            }
        };
        let input = ReceiveMessageRequest {
            queue_url: url,
            max_number_of_messages: Some(1),
            wait_time_seconds: Some(COMMAND_POLL_SECONDS),
            ..ReceiveMessageRequest::default()
        };
        Ok(self.api.receive_message(input).await?.messages.unwrap_or_default())
    }

    async fn carry_out(&self, queue_url: &str, message: Message) {
        // It goes before the command runs: a host that reboots must not find it again.
        let receipt_handle = message.receipt_handle.unwrap_or_default();
        let input = DeleteMessageRequest { queue_url: queue_url.to_owned(), receipt_handle };
        if let Err(error) = self.api.delete_message(input).await {
            tracing::warn!(%error, "a command for this host was not taken from its queue, and is not carried out");
            return;
        }
        let told = match serde_json::from_str::<Order>(message.body.as_deref().unwrap_or_default()) {
            Ok(order) => {
                let outcome = self.outcome(&order).await;
                format!("{} for {}: {outcome}", shortened(&order.command), shortened(&order.alarm))
            }
            Err(error) => format!("a message that is no command: {error}"),
        };
        tracing::info!(told, "a command for this host");
        if let Err(error) = self.tell(told).await {
            tracing::warn!(%error, "what became of a command was not told");
        }
    }

    async fn outcome(&self, order: &Order) -> String {
        if order.version != 1 {
            return "not carried out: another version".to_owned();
        }
        if order.expires <= self.clock.now().0 {
            return "not carried out: it waited too long".to_owned();
        }
        let words = self.config.commands.get(&order.command).map(Vec::as_slice);
        let Some([program, arguments @ ..]) = words else {
            return "not carried out: this host does not allow it".to_owned();
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return format!("not carried out: {error}"),
        };
        tokio::select! {
            ended = child.wait() => match ended {
                Ok(status) => status.to_string(),
                Err(error) => format!("it cannot be said how it ended: {error}"),
            },
            () = self.clock.sleep(self.config.time_max) => {
                if let Err(error) = child.kill().await {
                    tracing::warn!(%error, "a command that took too long was not ended");
                }
                format!("ended after {} seconds", self.config.time_max.as_secs())
            }
        }
    }

    async fn tell(&self, message: String) -> Result<(), ApiError> {
        let input = || PutLogEventsRequest {
            log_group_name: LOG_GROUP.to_owned(),
            log_stream_name: self.host.clone(),
            log_events: vec![InputLogEvent { timestamp: self.clock.now().0, message: message.clone() }],
            ..PutLogEventsRequest::default()
        };
        match self.api.put_log_events(input()).await {
            Err(error) if error.is("ResourceNotFoundException") => {}
            told => return told.map(drop),
        }
        let exists = |made: Result<(), ApiError>| match made {
            Err(error) if error.is("ResourceAlreadyExistsException") => Ok(()),
            made => made,
        };
        let group = CreateLogGroupRequest { log_group_name: LOG_GROUP.to_owned(), ..CreateLogGroupRequest::default() };
        exists(self.api.create_log_group(group).await)?;
        let (log_group_name, log_stream_name) = (LOG_GROUP.to_owned(), self.host.clone());
        exists(self.api.create_log_stream(CreateLogStreamRequest { log_group_name, log_stream_name }).await)?;
        self.api.put_log_events(input()).await.map(drop)
    }
}

/// As much of a text from elsewhere as is told.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
