//! What data streams keep in the catalog.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, Region};
use watchkeep_store::{Resource, ResourceKey};

use super::hash_key::HashKey;

/// How the capacity of a stream is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mode {
    /// By its owner: so many shards.
    Provisioned,
    /// By the service.
    OnDemand,
}

impl Mode {
    /// The API's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Provisioned => "PROVISIONED",
            Mode::OnDemand => "ON_DEMAND",
        }
    }

    /// The mode of this name in the API.
    pub fn parse(text: &str) -> Option<Mode> {
        [Mode::Provisioned, Mode::OnDemand].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// A shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ShardDocument {
    /// Its number in [`DATA_RECORDS`](super::DATA_RECORDS).
    pub number: u64,
    /// Its index in the stream: what its id says.
    pub index: u32,
    /// The first hash key that is its own.
    pub first: HashKey,
    /// The last.
    pub last: HashKey,
    /// The index of the shard that it was split off from, or of the first of the two that it was merged of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// The index of the second one that it was merged of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjacent_parent: Option<u32>,
    /// Since when it takes records, in milliseconds since the epoch.
    pub opened: i64,
    /// When it took the last, if it takes no more: its children take those that come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<i64>,
}

impl ShardDocument {
    /// Its id, as `shardId-000000000000`.
    pub fn id(&self) -> String {
        shard_id(self.index)
    }

    /// Whether it takes records.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Whether it is a child of the shard of this index.
    pub fn is_child_of(&self, index: u32) -> bool {
        self.parent == Some(index) || self.adjacent_parent == Some(index)
    }
}

/// The id of the shard of this index.
pub(crate) fn shard_id(index: u32) -> String {
    format!("shardId-{index:012}")
}

/// A stream; its key's name is the stream's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamDocument {
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// Its mode.
    pub mode: Mode,
    /// For how many hours records are kept.
    pub retention_hours: i32,
    /// Records before this time had expired when the retention was made longer: they stay gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trimmed: Option<i64>,
    /// Its shards, by index: those that take records, and those that may still have some.
    pub shards: Vec<ShardDocument>,
    /// The index of the next shard.
    pub next_index: u32,
    /// The ARN of the KMS key that records are encrypted under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The ARNs of keys that older records may be under.
    #[serde(default)]
    pub earlier_keys: Vec<String>,
    /// The metrics that are measured of each shard.
    #[serde(default)]
    pub monitored: BTreeSet<String>,
    /// The kibibytes of a record.
    pub record_kib_max: i32,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for StreamDocument {
    const KIND: &'static str = "data_stream";
}

/// A registered consumer; its key is [`consumer_key`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConsumerDocument {
    /// When it was registered, in milliseconds since the epoch.
    pub created: i64,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for ConsumerDocument {
    const KIND: &'static str = "data_stream_consumer";
}

/// What the names of the keys of all consumers of a stream begin with. A stream's name has no slash.
pub(crate) fn consumer_prefix(stream: &str) -> String {
    format!("{stream}/")
}

/// The key of a consumer.
pub(crate) fn consumer_key(account: AccountId, region: &Region, stream: &str, consumer: &str) -> ResourceKey {
    ResourceKey::new(account, region, consumer_prefix(stream) + consumer)
}

/// The names of stream and consumer in a consumer's key.
pub(crate) fn consumer_names(key: &ResourceKey) -> (&str, &str) {
    key.name.split_once('/').unwrap_or_default()
}
