//! What the service keeps in the catalog, and how it is changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_store::{Catalog, CatalogError, Collection, Resource, ResourceKey, Versioned};

use std::sync::Arc;

use crate::errors::{conflict, of_catalog};
use crate::limits::WRITE_ATTEMPTS_MAX;

/// The tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// A dashboard. It belongs to the account, not to a Region; its key's name is the dashboard's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dashboard {
    /// Byte for byte what was put.
    pub body: String,
    /// When it was last put, in milliseconds since the epoch.
    pub modified: i64,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

impl Resource for Dashboard {
    const KIND: &'static str = "dashboard";
}

/// A saved query; its key's name is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueryDefinition {
    /// Its name, which may look like a path of folders; no other of the account in the Region has it.
    pub path: String,
    /// The query, unchecked.
    pub expression: String,
    /// `PROMQL`, `SQL` or `METRIC_MATH`.
    pub language: String,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When it was last put, likewise.
    pub updated: i64,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

impl Resource for QueryDefinition {
    const KIND: &'static str = "metric_query_definition";
}

/// A Contributor Insights rule; its key's name is the rule's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct InsightRule {
    /// Its number in the table of contributions.
    pub id: u64,
    /// Its definition as it was given, which is valid.
    pub definition: String,
    /// Whether it counts.
    pub enabled: bool,
    /// What was asked for. There are no log transformers, so that it changes nothing.
    #[serde(default)]
    pub on_transformed_logs: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

impl Resource for InsightRule {
    const KIND: &'static str = "insight_rule";
}

/// A metric stream; its key's name is the stream's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricStream {
    /// What it delivers, where and how.
    pub definition: StreamDefinition,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When it was last put, started or stopped, likewise.
    pub updated: i64,
    /// Whether it delivers.
    pub is_running: bool,
    /// The frame of the journal at which it was created or last started: what was put before is not delivered.
    #[serde(default)]
    pub began: u64,
    /// What was put up to this frame is delivered, if it is behind `began`.
    #[serde(default)]
    pub delivered: u64,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

impl Resource for MetricStream {
    const KIND: &'static str = "metric_stream";
}

/// What a metric stream delivers, where and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamDefinition {
    /// How records are written.
    pub format: StreamFormat,
    /// Only these metrics, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<StreamFilter>,
    /// Not these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<StreamFilter>,
    /// The delivery stream.
    pub firehose_arn: String,
    /// What was given; nobody needs it to deliver.
    pub role_arn: String,
    /// Statistics beside the sample count, sum, minimum and maximum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<StreamStatistics>,
}

/// Metrics by namespace and name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamFilter {
    /// The namespace.
    pub namespace: String,
    /// The names in it; all if there are none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub metric_names: BTreeSet<String>,
}

/// Further statistics of some metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamStatistics {
    /// The metrics, by namespace and name.
    pub metrics: Vec<(String, String)>,
    /// The statistics, as `p99`.
    pub statistics: Vec<String>,
}

/// How a metric stream's records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StreamFormat {
    /// JSON, an object a line.
    #[serde(rename = "json")]
    Json,
    /// OpenTelemetry 0.7.0.
    #[serde(rename = "opentelemetry0.7")]
    OpenTelemetry07,
    /// OpenTelemetry 1.0.0.
    #[serde(rename = "opentelemetry1.0")]
    OpenTelemetry10,
}

impl StreamFormat {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            StreamFormat::Json => "json",
            StreamFormat::OpenTelemetry07 => "opentelemetry0.7",
            StreamFormat::OpenTelemetry10 => "opentelemetry1.0",
        }
    }

    /// The format of this name in the API.
    pub(crate) fn parse(text: &str) -> Option<StreamFormat> {
        let all = [StreamFormat::Json, StreamFormat::OpenTelemetry07, StreamFormat::OpenTelemetry10];
        all.into_iter().find(|format| format.as_str() == text)
    }
}

/// All resources, by their kinds. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    pub dashboards: Collection<Dashboard>,
    pub query_definitions: Collection<QueryDefinition>,
    pub insight_rules: Collection<InsightRule>,
    pub metric_streams: Collection<MetricStream>,
    /// Held while it is decided whether there is room for one more, and it is created.
    pub creating: Arc<tokio::sync::Mutex<()>>,
}

impl Resources {
    /// Reads what the catalog has.
    ///
    /// # Errors
    ///
    /// What reading the catalog can meet.
    pub(crate) async fn open(catalog: &Catalog) -> Result<Resources, CatalogError> {
        Ok(Resources {
            dashboards: catalog.collection().await?,
            query_definitions: catalog.collection().await?,
            insight_rules: catalog.collection().await?,
            metric_streams: catalog.collection().await?,
            creating: Arc::default(),
        })
    }
}

/// The key of the caller's resource of this name in the caller's Region.
pub(crate) fn regional(caller: &Caller, name: &str) -> ResourceKey {
    ResourceKey::new(caller.account, &caller.region, name)
}

/// Creates a resource, or replaces the one that there is: `change` makes what shall be there of what is there. It is asked again
/// if another call was quicker. Nothing is written if nothing changes.
///
/// # Errors
///
/// What `change` says; `ConflictException` if others were quicker again and again; what writing to the catalog can meet.
pub(crate) async fn change<R: Resource + Clone + PartialEq>(
    collection: &Collection<R>,
    key: &ResourceKey,
    change: impl Fn(Option<&R>) -> Result<R, ServiceError>,
) -> Result<Arc<Versioned<R>>, ServiceError> {
    for _ in 0..WRITE_ATTEMPTS_MAX {
        let current = collection.get(key);
        let changed = change(current.as_ref().map(|current| &current.value))?;
        let written = match current {
            Some(current) if current.value == changed => return Ok(current),
            Some(current) => collection.update(&current, changed).await,
            None => collection.create(key.clone(), changed).await,
        };
        match written {
            Err(CatalogError::Conflict { .. } | CatalogError::Exists { .. }) => {}
            written => return written.map_err(of_catalog),
        }
    }
    Err(conflict())
}
