//! What subscriptions keep in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_store::{Resource, ResourceKey};

use crate::resources::stream_prefix;

/// How messages are spread over the shards of a data stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Distribution {
    /// Those of a log stream go to one shard.
    #[default]
    ByLogStream,
    /// By chance.
    Random,
}

impl Distribution {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Distribution::ByLogStream => "ByLogStream",
            Distribution::Random => "Random",
        }
    }

    /// The distribution of this name in the API.
    pub(crate) fn parse(text: &str) -> Option<Distribution> {
        [Distribution::ByLogStream, Distribution::Random].into_iter().find(|one| one.as_str() == text)
    }
}

/// What a subscription delivers, and whereto.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    /// The filter pattern, as it was given.
    pub pattern: String,
    /// The ARN of what it delivers to.
    pub destination_arn: String,
    /// The ARN of the role that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// How messages are spread over shards.
    #[serde(default)]
    pub distribution: Distribution,
    /// Whether it delivers what a transformer made of events.
    #[serde(default)]
    pub on_transformed: bool,
    /// What is added to each event, as `@aws.account`.
    #[serde(default)]
    pub system_fields: Vec<String>,
    /// Of which accounts and Regions events are taken, as it was given; of all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
}

/// A subscription filter; its key is [`filter_key`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FilterDocument {
    /// The number of its log group.
    pub group_id: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// What it delivers.
    pub definition: Definition,
}

impl Resource for FilterDocument {
    const KIND: &'static str = "logs_subscription_filter";
}

/// The key of a filter. Like a stream's it has the group's number, not its name.
pub(crate) fn filter_key(group: &ResourceKey, group_id: u64, filter: &str) -> ResourceKey {
    ResourceKey { name: stream_prefix(group_id) + filter, ..group.clone() }
}

/// The filter's name in its key.
pub(crate) fn filter_name(key: &ResourceKey) -> &str {
    key.name.split_once('/').map_or("", |(_, name)| name)
}

/// How far a subscription has delivered; its key is that of the filter or the account policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PositionDocument {
    /// Rows below this `seq` are delivered, or never will be.
    pub next: u64,
    /// Rows from there on were received at this time or later, in milliseconds since the epoch.
    pub since: i64,
}

impl Resource for PositionDocument {
    const KIND: &'static str = "logs_subscription_position";
}

/// A destination: what other accounts may subscribe to; its key's name is the destination's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DestinationDocument {
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// The ARN of what it delivers to.
    pub target_arn: String,
    /// The ARN of the role that was given.
    pub role_arn: String,
    /// Who may subscribe, as it was given; nobody of another account if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for DestinationDocument {
    const KIND: &'static str = "logs_destination";
}
