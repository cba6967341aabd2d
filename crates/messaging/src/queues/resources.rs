//! What queues keep in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_store::Resource;

/// A queue; its key's name is the queue's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueueDocument {
    /// Its number in the store's tables.
    pub id: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When its attributes were changed last.
    pub modified: i64,
    /// The attributes that were set, as they were set.
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Messages below this number were purged.
    #[serde(default)]
    pub purged_below: u64,
    /// Messages that were sent at this time or before had expired when the retention was made longer: they stay gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<i64>,
    /// When it was purged last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged: Option<i64>,
}

impl Resource for QueueDocument {
    const KIND: &'static str = "queue";
}

/// How far a move task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MoveStatus {
    /// It moves messages, also after a restart.
    Running,
    /// It will stop.
    Cancelling,
    /// It was told to stop, and did.
    Cancelled,
    /// It has moved everything.
    Completed,
    /// It could not go on.
    Failed,
}

impl MoveStatus {
    /// The API's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            MoveStatus::Running => "RUNNING",
            MoveStatus::Cancelling => "CANCELLING",
            MoveStatus::Cancelled => "CANCELLED",
            MoveStatus::Completed => "COMPLETED",
            MoveStatus::Failed => "FAILED",
        }
    }

    /// Whether it still has something to do.
    pub fn is_active(self) -> bool {
        matches!(self, MoveStatus::Running | MoveStatus::Cancelling)
    }
}

/// A task that moves messages out of a dead-letter queue; its key's name is the source queue's number and the task's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MoveTask {
    /// The ARN of the dead-letter queue.
    pub source: String,
    /// The ARN of the queue that all go to; without it each goes back to where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// At most so many messages a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<i32>,
    /// When it was started, in milliseconds since the epoch.
    pub started: i64,
    /// How many messages there were to move.
    pub to_move: u64,
    /// Only messages below this number are moved.
    pub below: u64,
    /// How many were moved, when this was written last.
    pub moved: u64,
    /// How far it has come.
    pub status: MoveStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Resource for MoveTask {
    const KIND: &'static str = "queue_move_task";
}
