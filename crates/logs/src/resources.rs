//! What the service keeps in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, Region};
use watchkeep_store::{Resource, ResourceKey};

use crate::field_indexes::LogIndexPolicy;
use crate::limits::DELIVERY_RETENTION_DAYS;
use crate::resource_policies::GroupResourcePolicy;
use crate::transformers::LogTransformer;

/// A log group; its key's name is the group's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogGroup {
    /// Its number in [`LOG_EVENTS`](crate::LOG_EVENTS).
    pub id: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// Its class, which never changes.
    pub class: Class,
    /// For how many days its events are kept; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<i32>,
    /// The ARN of the KMS key that events are encrypted under as they come, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Its transformer, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformer: Option<LogTransformer>,
    /// Whether a transformer, its own or the account's, ever made others of its events.
    #[serde(default)]
    pub was_transformed: bool,
    /// Its index policy, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_policy: Option<LogIndexPolicy>,
    /// Its resource policy, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_policy: Option<GroupResourcePolicy>,
    /// What was last said of its data protection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_protection: Option<GroupProtection>,
    /// Whether it, its streams and its events may not be deleted.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Whether it takes events that come with a bearer token.
    #[serde(default)]
    pub bearer_token_authentication: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A log group's own data protection policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupProtection {
    /// The policy's document, as it was given; absent once the policy was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// When it was put or deleted, in milliseconds since the epoch.
    pub updated: i64,
}

impl Resource for LogGroup {
    const KIND: &'static str = "log_group";
}

impl LogGroup {
    /// For how many days events are kept, by policy or class; for ever if absent.
    pub(crate) fn effective_retention_days(&self) -> Option<i32> {
        match self.class {
            Class::Delivery => Some(DELIVERY_RETENTION_DAYS),
            Class::Standard | Class::InfrequentAccess => self.retention_days,
        }
    }
}

/// What a group can do ("Log classes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// Everything.
    #[serde(rename = "STANDARD")]
    Standard,
    /// Queries, but no reading of events, filters or live tail.
    #[serde(rename = "INFREQUENT_ACCESS")]
    InfrequentAccess,
    /// Delivery only, kept for a day.
    #[serde(rename = "DELIVERY")]
    Delivery,
}

impl Class {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Class::Standard => "STANDARD",
            Class::InfrequentAccess => "INFREQUENT_ACCESS",
            Class::Delivery => "DELIVERY",
        }
    }

    /// The class of this name in the API.
    pub(crate) fn parse(text: &str) -> Option<Class> {
        [Class::Standard, Class::InfrequentAccess, Class::Delivery].into_iter().find(|class| class.as_str() == text)
    }
}

/// A log stream; its key is [`stream_key`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogStream {
    /// Its number in [`LOG_EVENTS`](crate::LOG_EVENTS).
    pub id: u64,
    /// The number of its group.
    pub group_id: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
}

impl Resource for LogStream {
    const KIND: &'static str = "log_stream";
}

/// What the names of the keys of all streams of a group begin with. It has the group's number, not its name, so that a group
/// created anew has none of the streams of its predecessor.
pub(crate) fn stream_prefix(group_id: u64) -> String {
    format!("{group_id:016x}/")
}

/// The key of a stream.
pub(crate) fn stream_key(account: AccountId, region: &Region, group_id: u64, stream: &str) -> ResourceKey {
    ResourceKey::new(account, region, stream_prefix(group_id) + stream)
}

/// The stream's name in its key.
pub(crate) fn stream_name(key: &ResourceKey) -> &str {
    key.name.split_once('/').map_or("", |(_, name)| name)
}
