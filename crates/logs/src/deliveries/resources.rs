//! What deliveries keep in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_core::Arn;
use watchkeep_core::ports::VendedLogKind;
use watchkeep_store::{Resource, ResourceKey};

/// A delivery source; its key's name is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceDocument {
    /// The resource that makes logs.
    pub resource_arn: String,
    /// Their type.
    pub log_type: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for SourceDocument {
    const KIND: &'static str = "log_delivery_source";
}

/// A delivery destination; its key's name is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DestinationDocument {
    /// The log group, bucket (with the prefix of its keys) or delivery stream.
    pub target_arn: String,
    /// As what records are written.
    pub format: Format,
    /// Who of other accounts may deliver to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The role that the client named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for DestinationDocument {
    const KIND: &'static str = "log_delivery_destination";
}

/// A delivery; its key's name is its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliveryDocument {
    /// Its number in [`VENDED_LOGS`](crate::VENDED_LOGS).
    pub number: u64,
    /// The name of its source, of the same account and Region.
    pub source: String,
    /// The ARN of its destination.
    pub destination_arn: String,
    /// The fields of a record that are delivered, in their order.
    pub fields: Vec<String>,
    /// What stands between fields, where the format has them side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Where in a bucket files are, with variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix_path: Option<String>,
    /// Whether variables in paths are written with their names.
    #[serde(default)]
    pub is_hive_compatible: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for DeliveryDocument {
    const KIND: &'static str = "log_delivery";
}

/// How far a delivery has come; its key is the delivery's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CursorDocument {
    /// The `seq` of the last row that was delivered.
    pub delivered: u64,
    /// Its time, in milliseconds since the epoch.
    pub time_ms: i64,
}

impl Resource for CursorDocument {
    const KIND: &'static str = "log_delivery_cursor";
}

/// As what records are written (`outputFormat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// An object a record.
    Json,
    /// Values side by side.
    Plain,
    /// The same below the names of the fields, as W3C's extended log files.
    W3c,
}

impl Format {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Plain => "plain",
            Format::W3c => "w3c",
        }
    }
}

/// To what kind of place a destination delivers (`deliveryDestinationType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// A log group.
    LogGroup,
    /// A bucket.
    Bucket,
    /// A delivery stream.
    DeliveryStream,
}

impl TargetKind {
    /// All of them.
    pub(crate) const ALL: [TargetKind; 3] = [TargetKind::LogGroup, TargetKind::DeliveryStream, TargetKind::Bucket];

    /// What an ARN names.
    pub(crate) fn of(arn: &Arn) -> Option<TargetKind> {
        let is = |prefix: &str| arn.resource.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
        match arn.service.as_str() {
            "logs" if is("log-group:") => Some(TargetKind::LogGroup),
            "s3" if !arn.resource.starts_with('/') => Some(TargetKind::Bucket),
            "firehose" if is("deliverystream/") => Some(TargetKind::DeliveryStream),
            _ => None,
        }
    }

    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            TargetKind::LogGroup => "CWL",
            TargetKind::Bucket => "S3",
            TargetKind::DeliveryStream => "FH",
        }
    }

    /// The formats that can be delivered there; the first is what is taken where the client names none.
    pub(crate) fn formats(self) -> &'static [Format] {
        match self {
            TargetKind::LogGroup | TargetKind::DeliveryStream => &[Format::Json, Format::Plain],
            TargetKind::Bucket => &[Format::Json, Format::Plain, Format::W3c],
        }
    }
}

impl DestinationDocument {
    /// Where it delivers to.
    pub(crate) fn target(&self) -> Option<(TargetKind, Arn)> {
        let arn: Arn = self.target_arn.parse().ok()?;
        Some((TargetKind::of(&arn)?, arn))
    }
}

/// The three kinds of resource, as their ARNs name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// A delivery source.
    Source,
    /// A delivery destination.
    Destination,
    /// A delivery.
    Delivery,
}

impl Named {
    fn prefix(self) -> &'static str {
        match self {
            Named::Source => "delivery-source:",
            Named::Destination => "delivery-destination:",
            Named::Delivery => "delivery:",
        }
    }

    /// The ARN of one.
    pub(crate) fn arn(self, key: &ResourceKey) -> String {
        let region = key.region.as_ref().map_or("", |region| region.as_str());
        Arn::new("logs", region, key.account.as_str(), format!("{}{}", self.prefix(), key.name)).to_string()
    }

    /// What an ARN names.
    pub(crate) fn parse(arn: &str) -> Option<(Named, ResourceKey)> {
        let arn: Arn = arn.parse().ok()?;
        let all = [Named::Source, Named::Destination, Named::Delivery];
        let find = |named: Named| Some((named, arn.resource.strip_prefix(named.prefix())?));
        let (named, name) = all.into_iter().find_map(find).filter(|_| arn.service == "logs")?;
        Some((named, ResourceKey::new(arn.account.parse().ok()?, &arn.region.parse().ok()?, name)))
    }
}

/// The kind of resource that an ARN names, as kinds of vended logs have it: `event-bus` of `event-bus/orders`, and the rest.
pub(super) fn resource_type(arn: &Arn) -> (&str, &str) {
    arn.resource.split_once(['/', ':']).unwrap_or((&arn.resource, ""))
}

/// Whether logs of this kind are made by what an ARN names.
pub(super) fn is_of(kind: &VendedLogKind, arn: &Arn) -> bool {
    kind.service == arn.service && kind.resource_type == resource_type(arn).0
}
