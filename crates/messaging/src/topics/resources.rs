//! What the service keeps in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, Region};
use watchkeep_store::{Resource, ResourceKey, Versioned};

/// In which order a topic delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TopicKind {
    /// In any, at least once.
    Standard,
    /// As published, within a message group, without repetitions.
    Fifo,
}

/// Within what a deduplication id is only taken once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DeduplicationScope {
    /// The topic.
    #[default]
    Topic,
    /// The message group.
    MessageGroup,
}

impl DeduplicationScope {
    /// As `FifoThroughputScope` has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            DeduplicationScope::Topic => "Topic",
            DeduplicationScope::MessageGroup => "MessageGroup",
        }
    }
}

/// By which algorithm messages are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum SignatureVersion {
    /// SHA-1 with RSA.
    #[default]
    One,
    /// SHA-256 with RSA.
    Two,
}

impl SignatureVersion {
    /// As messages and attributes have it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            SignatureVersion::One => "1",
            SignatureVersion::Two => "2",
        }
    }
}

/// A topic; its key's name is the topic's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Topic {
    /// Its number in [`TOPIC_MESSAGES`](super::tables::TOPIC_MESSAGES).
    pub number: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// What it is.
    pub kind: TopicKind,
    /// Attributes as they were set, by their names in the API, except those below.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its data protection policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_protection: Option<String>,
}

impl Resource for Topic {
    const KIND: &'static str = "sns_topic";
}

impl Topic {
    /// An attribute as it was set.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// How its messages are signed.
    pub(crate) fn signature_version(&self) -> SignatureVersion {
        match self.attribute("SignatureVersion") {
            Some("2") => SignatureVersion::Two,
            _ => SignatureVersion::One,
        }
    }

    /// Whether a message without a deduplication id has that of its text.
    pub(crate) fn deduplicates_by_content(&self) -> bool {
        self.attribute("ContentBasedDeduplication") == Some("true")
    }

    /// Within what a deduplication id is only taken once.
    pub(crate) fn deduplication_scope(&self) -> DeduplicationScope {
        match self.attribute("FifoThroughputScope") {
            Some("MessageGroup") => DeduplicationScope::MessageGroup,
            _ => DeduplicationScope::Topic,
        }
    }
}

/// How far a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// Nobody has said yet that its endpoint wants it.
    Pending,
    /// It gets messages.
    Confirmed,
    /// It was ended, and may be taken up again by the token that its endpoint was sent.
    Ended,
}

/// Who may end a subscription.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unsubscribing {
    /// Whoever knows its ARN, as everybody does who gets its messages.
    #[default]
    Anybody,
    /// Only who signs the call.
    Authenticated,
}

/// A subscription; its key is [`subscription_key`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subscription {
    /// Its number among all subscriptions: its lane in the outbox.
    pub number: u64,
    /// The number of its topic.
    pub topic_number: u64,
    /// The name of its topic.
    pub topic: String,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// `http`, `sqs`, ...
    pub protocol: String,
    /// Where messages go.
    pub endpoint: String,
    /// Who subscribed it, as an ARN.
    pub principal: String,
    /// The account that subscribed it, if that is not the topic's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How far it is.
    pub state: State,
    /// Whether who confirmed it had signed the call.
    #[serde(default)]
    pub was_authenticated: bool,
    /// Who may end it.
    #[serde(default)]
    pub unsubscribing: Unsubscribing,
    /// What confirms it; empty if nothing needs to.
    #[serde(default)]
    pub token: String,
    /// Until when.
    #[serde(default)]
    pub token_expires: i64,
    /// Attributes as they were set, by their names in the API.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

impl Resource for Subscription {
    const KIND: &'static str = "sns_subscription";
}

impl Subscription {
    /// An attribute as it was set.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// The account that a subscription is of.
pub(crate) fn owner_of(subscription: &Versioned<Subscription>) -> AccountId {
    let owner = subscription.owner.as_ref().and_then(|owner| owner.parse().ok());
    owner.unwrap_or(subscription.key.account)
}

/// What the names of the keys of all subscriptions of a topic begin with. It has the topic's number, not its name, so that a topic
/// created anew has none of the subscriptions of its predecessor.
pub(crate) fn subscription_prefix(topic_number: u64) -> String {
    format!("{topic_number:016x}/")
}

/// The key of a subscription.
pub(crate) fn subscription_key(account: AccountId, region: &Region, topic_number: u64, id: &str) -> ResourceKey {
    ResourceKey::new(account, region, subscription_prefix(topic_number) + id)
}

/// The subscription's id in its key: the last part of its ARN.
pub(crate) fn subscription_id(key: &ResourceKey) -> &str {
    key.name.split_once('/').map_or("", |(_, id)| id)
}

/// The key that messages are signed with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SigningKey {
    /// The private key in PKCS #8, in base64, sealed.
    pub sealed: String,
    /// The certificate in PEM.
    pub certificate: String,
}

impl Resource for SigningKey {
    const KIND: &'static str = "sns_signing_key";
}
