//! What the service keeps in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use watchkeep_store::Resource;

use crate::connections::Auth;

/// What an event bus logs of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogSettings {
    /// `OFF`, `ERROR`, `INFO` or `TRACE`.
    pub level: Option<String>,
    /// `NONE` or `FULL`.
    pub include_detail: Option<String>,
}

/// An event bus; its key's name is the bus's. The default one has a document only when something of it was changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BusDocument {
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When it was changed last.
    pub modified: i64,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The KMS key that its events are said to be encrypted under.
    #[serde(default)]
    pub kms_key: Option<String>,
    /// The queue for events that could not be decrypted.
    #[serde(default)]
    pub dead_letters: Option<String>,
    /// What it logs of itself.
    #[serde(default)]
    pub logs: Option<LogSettings>,
    /// Its policy; none if it has no statement.
    #[serde(default)]
    pub policy: Option<Value>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for BusDocument {
    const KIND: &'static str = "event_bus";
}

/// Whether a rule is looked at, and for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RuleState {
    /// For all events but the records of calls that only read.
    #[default]
    Enabled,
    /// For all events.
    EnabledWithReads,
    /// For none.
    Disabled,
}

impl RuleState {
    /// The word in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            RuleState::Enabled => "ENABLED",
            RuleState::EnabledWithReads => "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
            RuleState::Disabled => "DISABLED",
        }
    }

    /// The state of a word, which the model has checked.
    pub(crate) fn of(word: Option<&str>) -> RuleState {
        match word {
            Some("DISABLED") => RuleState::Disabled,
            Some("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") => RuleState::EnabledWithReads,
            _ => RuleState::Enabled,
        }
    }
}

/// A rule; its key is [`rule_key`](crate::names::rule_key).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RuleDocument {
    /// Its number among all rules.
    pub number: u64,
    /// The account that created it.
    pub created_by: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The role that its targets may be reached with.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// The text of its pattern.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The text of its schedule.
    #[serde(default)]
    pub schedule: Option<String>,
    /// When the clock of its schedule began, in milliseconds since the epoch.
    #[serde(default)]
    pub scheduled_from: i64,
    /// Whether it is looked at.
    #[serde(default)]
    pub state: RuleState,
    /// The service that manages it.
    #[serde(default)]
    pub managed_by: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its targets, by their ids.
    #[serde(default)]
    pub targets: BTreeMap<String, TargetDocument>,
}

impl Resource for RuleDocument {
    const KIND: &'static str = "event_rule";
}

/// A target of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TargetDocument {
    /// Its number among all targets: its lane in the outbox.
    pub number: u64,
    /// What was put, as the API writes it.
    pub target: Value,
}

/// How far a schedule has come; its key is the rule's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScheduleMark {
    /// The rule's number: a rule created anew has none of the marks of its predecessor.
    pub rule: u64,
    /// The last time that it fired for, in milliseconds since the epoch.
    pub planned: i64,
}

impl Resource for ScheduleMark {
    const KIND: &'static str = "event_schedule_mark";
}

/// How far a partner event source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SourceState {
    /// It waits for its bus, or for being activated again.
    Pending,
    /// Its events go to its bus.
    Active,
    /// The partner deleted it; its bus is still there.
    Deleted,
}

impl SourceState {
    /// The word in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            SourceState::Pending => "PENDING",
            SourceState::Active => "ACTIVE",
            SourceState::Deleted => "DELETED",
        }
    }
}

/// A partner event source; its key's account is the customer's, and its name the source's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SourceDocument {
    /// The account of the partner.
    pub partner: String,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// Since when it is in its state.
    pub since: i64,
    /// How far it is.
    pub state: SourceState,
}

impl Resource for SourceDocument {
    const KIND: &'static str = "partner_event_source";
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ConnectionState {
    /// Its token is being asked for.
    Authorizing,
    /// It can be used.
    Authorized,
    /// It has no secrets any more, or was given no token.
    Deauthorized,
}

impl ConnectionState {
    /// The word in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ConnectionState::Authorizing => "AUTHORIZING",
            ConnectionState::Authorized => "AUTHORIZED",
            ConnectionState::Deauthorized => "DEAUTHORIZED",
        }
    }
}

/// How to call somebody's API; its key's name is the connection's.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ConnectionDocument {
    /// What tells it from a connection of the same name before or after it.
    pub id: String,
    /// How often it was changed: a token belongs to one state of it.
    pub changes: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When it was changed last.
    pub modified: i64,
    /// When it was authorized last.
    #[serde(default)]
    pub authorized: Option<i64>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The KMS key that its secret is said to be encrypted under.
    #[serde(default)]
    pub kms_key: Option<String>,
    /// How far it is.
    pub state: ConnectionState,
    /// Why it is no further.
    #[serde(default)]
    pub reason: Option<String>,
    /// What may be shown of how it authorizes: no secret is in it.
    pub shown: Auth,
    /// All of it, sealed; none when it was deauthorized.
    #[serde(default)]
    pub sealed: Option<String>,
}

impl Resource for ConnectionDocument {
    const KIND: &'static str = "event_connection";
}

/// An endpoint of somebody's API; its key's name is the destination's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DestinationDocument {
    /// What tells it from a destination of the same name before or after it.
    pub id: String,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When it was changed last.
    pub modified: i64,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The ARN of its connection.
    pub connection: String,
    /// Its URL, with stars in its path for what targets say.
    pub endpoint: String,
    /// The method of HTTP.
    pub method: String,
    /// How often it is called in a second at most.
    pub rate: u32,
}

impl Resource for DestinationDocument {
    const KIND: &'static str = "event_api_destination";
}
