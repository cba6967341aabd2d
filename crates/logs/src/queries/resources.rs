//! What is kept of queries in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_store::Resource;

/// A query; its key's name is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogQuery {
    /// Its number in [`QUERY_RESULTS`](crate::tables::QUERY_RESULTS).
    pub number: u64,
    pub query_string: String,
    /// `CWLI`, `PPL` or `SQL`.
    pub language: String,
    /// The names of the groups that it reads.
    pub groups: Vec<String>,
    /// When it was started, in milliseconds since the epoch.
    pub created_ms: i64,
    /// When it ended; not yet, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    pub status: Status,
    #[serde(default)]
    pub statistics: Statistics,
    /// How many rows its result has.
    #[serde(default)]
    pub rows: u64,
    /// Who started it.
    #[serde(default)]
    pub user: String,
    /// Whether masks are lifted in its rows: they are kept sealed, and shown to who may unmask.
    #[serde(default)]
    pub unmasks: bool,
    /// The ARN of the KMS key that its rows are encrypted under, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

impl Resource for LogQuery {
    const KIND: &'static str = "log_query";
}

/// `QueryStatus`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Scheduled,
    Running,
    Complete,
    Failed,
    Cancelled,
    Timeout,
}

impl Status {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Scheduled => "Scheduled",
            Status::Running => "Running",
            Status::Complete => "Complete",
            Status::Failed => "Failed",
            Status::Cancelled => "Cancelled",
            Status::Timeout => "Timeout",
        }
    }

    pub(crate) fn has_ended(self) -> bool {
        !matches!(self, Status::Scheduled | Status::Running)
    }
}

/// `QueryStatistics`
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Statistics {
    pub records_matched: f64,
    pub records_scanned: f64,
    pub bytes_scanned: f64,
    pub groups_scanned: f64,
}

/// A saved query; its key's name is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueryDefinitionDocument {
    pub name: String,
    pub query_string: String,
    pub language: String,
    #[serde(default)]
    pub groups: Vec<String>,
    /// In milliseconds since the epoch.
    pub modified_ms: i64,
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// The token that it was last put with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
}

impl Resource for QueryDefinitionDocument {
    const KIND: &'static str = "log_query_definition";
}

/// A place in a saved query that is filled in later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A lookup table; its key's name is the table's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LookupTableDocument {
    /// CSV, with a head.
    pub body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// In milliseconds since the epoch.
    pub created_ms: i64,
    pub updated_ms: i64,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Resource for LookupTableDocument {
    const KIND: &'static str = "log_lookup_table";
}

/// A scheduled query; its key's name is its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScheduledQueryDocument {
    /// A part of its ARN.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub language: String,
    pub query_string: String,
    #[serde(default)]
    pub groups: Vec<String>,
    pub schedule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How far back it looks, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_offset_s: Option<i64>,
    /// How long before the run it stops looking, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_offset_s: Option<i64>,
    /// When it begins and ends to run, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_s: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_s: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<S3Destination>,
    pub role: String,
    pub enabled: bool,
    /// The alarm that it belongs to, if it is one's: nobody else changes it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<Managed>,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// The scheduled time of the last run, in milliseconds since the epoch; runs before it are not made up for.
    pub last_due_ms: i64,
    /// The runs, newest last.
    #[serde(default)]
    pub runs: Vec<Run>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl ScheduledQueryDocument {
    /// Itself after the process ended in the midst of runs, if it did: they have failed. The last of an alarm's is made up for, as
    /// nothing came of it.
    pub(crate) fn ended(&self) -> Option<ScheduledQueryDocument> {
        let is_running = |run: &Run| run.status == Run::RUNNING;
        if !self.runs.iter().any(is_running) {
            return None;
        }
        let mut ended = self.clone();
        if self.managed.is_some()
            && let Some(last) = ended.runs.pop_if(|run| is_running(run))
        {
            ended.last_due_ms = last.triggered_ms.saturating_sub(1);
        }
        for run in ended.runs.iter_mut().filter(|run| is_running(run)) {
            run.status = "Failed".to_owned();
            run.error = Some("The process ended before the query did.".to_owned());
        }
        Some(ended)
    }
}

impl Resource for ScheduledQueryDocument {
    const KIND: &'static str = "log_scheduled_query";
}

/// The alarm that a scheduled query belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Managed {
    /// Its number.
    pub alarm: u64,
    /// Its name.
    pub alarm_name: String,
    /// How rows become numbers.
    pub aggregation: String,
}

/// Where results are put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct S3Destination {
    /// `s3://bucket/prefix`
    pub uri: String,
    pub role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
}

/// A run of a scheduled query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// In milliseconds since the epoch.
    pub triggered_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    /// `ExecutionStatus`
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
}

impl Run {
    /// The status of one that has not ended.
    pub(crate) const RUNNING: &'static str = "Running";
}

/// What became of putting a run's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// `ActionStatus`
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
