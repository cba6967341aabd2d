//! Ports: what one room of the house needs of another, as small traits. The program plugs one service's implementation into
//! another's port; neither knows the other.

mod alarm_actions;
mod alarm_log_queries;
mod alarm_metrics;
mod alarm_pictures;
mod bearer_tokens;
mod buckets;
mod data_keys;
mod data_streams;
mod event_bus;
mod event_data_stores;
mod functions;
mod log_events;
mod metrics;
mod promql_queries;
mod queues;
mod resources;
mod sealing;
mod service_events;
mod syslog;
mod table_buckets;
mod tags;
mod topics;
mod vended_logs;

use serde_json::{Map, Value};

use crate::{BoxFuture, Caller, TimestampMs};

pub use alarm_actions::{AlarmAction, AlarmActionError, AlarmActionKind, AlarmActions, NoAlarmActions};
pub use alarm_log_queries::{
    AlarmLogQueries, AlarmLogQuery, AlarmLogQueryError, AlarmLogQueryListener, LogLine, LogQueryOutcome, LogQueryRun,
    LogQueryValue, NoAlarmLogQueryListener,
};
pub use alarm_metrics::{
    AlarmMetrics, CheckedQuery, MetricHandle, QueryOf, QueryShape, WatchAnswer, WatchError, WatchQuery, WatchRead,
    WatchedDatapoint, WatchedMetric, WatchedSeries,
};
pub use alarm_pictures::{AlarmPictures, PicturedAlarm};
pub use bearer_tokens::{BearerTokenError, BearerTokens, NoBearerTokens, TokenHolder};
pub use buckets::{BucketClient, BucketError, BucketObject, Buckets, NoBuckets};
pub use data_keys::{DATA_KEY_BYTES, DataKey, DataKeyError, DataKeys, EncryptionContext};
pub use data_streams::{DataRecord, DataStreamError, DataStreamSink, NoDataStreams};
pub use event_bus::{BusEvent, EventBus, EventBusError, NoEventBus};
pub use event_data_stores::{
    EventDataStoreError, EventDataStoreFacts, EventDataStores, NoEventDataStores, StoredEvent, StoredEventPlace,
};
pub use functions::{Functions, InvokeError, NoFunctions};
pub use log_events::{IfAbsent, LogEventInput, LogSink, LogSinkError, Unstored};
pub use metrics::{
    Detail, DetailedMonitoring, Enrichment, Measurement, MetricIdentity, MetricPlace, MetricReadings, MetricSink,
    MetricSource, MetricsError, Precision, Publisher, Reading, RefusedMeasurement, Samples,
};
pub use promql_queries::{PromQlQueries, QueryTimes};
pub use queues::{MessageAttribute, NoQueues, QueueError, QueueMessage, QueueSink, ServiceClient, StringOrBinary};
pub use resources::{DescribedResource, Lookup, ResourceDirectory, ResourceKind, ResourceSort, ResourceUsage};
pub use sealing::{SealingError, SecretSealing};
pub use service_events::{ServiceEvent, ServiceEvents};
pub use syslog::{SyslogEndpoint, SyslogRoute, SyslogRoutes};
pub use table_buckets::TableBuckets;
pub use tags::{TagEdit, TagError, TaggedResources};
pub use topics::{MessageId, MessageStructure, TopicError, TopicMessage, TopicSink};
pub use vended_logs::{
    NoVendedLogs, VendedField, VendedLogKind, VendedLogSources, VendedLogs, VendedLogsError, VendedRecord,
};

/// How much of a call's input and output the audit record shall carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// Only that the call happened: its parameters are content (log events, datapoints), not control.
    Nothing,
    /// Input and, for calls that change something, output; sensitive members are already left out.
    Parameters,
}

/// A call that has been answered, allowed or refused.
#[derive(Debug, Clone)]
pub struct FinishedCall {
    /// The model's name of the service, as `cloudwatch` or `logs`.
    pub service: &'static str,
    /// The operation's name, as `PutMetricData`.
    pub operation: &'static str,
    /// The API version of the service's model, as `2010-08-01`.
    pub api_version: &'static str,
    /// Who called.
    pub caller: Caller,
    /// When the call was finished.
    pub finished_at: TimestampMs,
    /// The input's members by their names in the API, as far as [`AuditSink::capture`] asked for them. Members marked
    /// sensitive in the model are absent.
    pub request_parameters: Option<Map<String, Value>>,
    /// The output's members, likewise.
    pub response_elements: Option<Map<String, Value>>,
    /// The AWS error code and message, if the call failed.
    pub error: Option<(String, String)>,
    /// The `Host` that the client named.
    pub host: Option<String>,
    /// Protocol version and cipher suite, if the call came over TLS.
    pub tls: Option<(String, String)>,
}

/// Takes a record of every call that the gateway answers. CloudTrail's side of invariant G-2.
pub trait AuditSink: Send + Sync {
    /// What to carry of this operation's input and output.
    fn capture(&self, service: &str, operation: &str) -> Capture;

    /// Records the call. The gateway waits for the returned future before it answers, so that a change to the system and its
    /// audit record become durable together; for high-volume data calls the future may be ready before the record is.
    fn record<'a>(&'a self, call: FinishedCall) -> BoxFuture<'a, ()>;
}

/// Whether a call may go ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The call may go ahead.
    Allow,
    /// It may not; the text is the message of the `AccessDenied` error.
    Deny(String),
}

/// Asks identity's policies for leave. IAM's side of invariant G-2.
pub trait Authorizer: Send + Sync {
    /// Decides on `action` (`logs:PutLogEvents`) on `resources` (ARNs, or `*` for an action without a resource).
    fn authorize<'a>(&'a self, caller: &'a Caller, action: &'a str, resources: &'a [String])
    -> BoxFuture<'a, Decision>;
}

/// Lets everybody in: the authorizer of mode `open`, and of `enforced` while the only principal is the account's root.
#[derive(Debug, Default)]
pub struct AllowAll;

impl Authorizer for AllowAll {
    fn authorize<'a>(&'a self, _: &'a Caller, _: &'a str, _: &'a [String]) -> BoxFuture<'a, Decision> {
        Box::pin(std::future::ready(Decision::Allow))
    }
}

/// The secret behind an access key.
#[derive(Clone)]
pub struct Credential {
    /// The account that the key belongs to.
    pub account: crate::AccountId,
    /// Who signs with it.
    pub principal: crate::Principal,
    /// The secret access key.
    pub secret: String,
    /// The session token that must come with the key, for temporary credentials.
    pub session_token: Option<String>,
    /// When the credential ends, for temporary credentials.
    pub expires_at: Option<TimestampMs>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("account", &self.account)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// Finds the secret behind an access key. STS's and IAM's side of signature verification.
pub trait Credentials: Send + Sync {
    /// The credential of this access key id; `None` if it is unknown, inactive or deleted.
    fn find<'a>(&'a self, access_key_id: &'a str) -> BoxFuture<'a, Option<Credential>>;
}

/// An X-Ray segment document that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSegment {
    /// The document's id, if it could be read.
    pub id: Option<String>,
    /// X-Ray's code for what is wrong, as `MissingName`.
    pub code: String,
}

/// Why a batch of segment documents was not taken at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentsError {
    /// The same documents may be taken a little later.
    #[error("segments cannot be taken just now: {0}")]
    Busy(String),
    /// They will not be taken.
    #[error("segments are not taken: {0}")]
    Failed(String),
}

/// Takes X-Ray segment documents, as PutTraceSegments does. X-Ray's side of the daemon.
pub trait SegmentSink: Send + Sync {
    /// Stores these documents, each the JSON text of a segment or subsegment; they are durable when it is done. The answer lists
    /// those that were refused, each for itself.
    fn put(&self, documents: Vec<String>) -> BoxFuture<'_, Result<Vec<RefusedSegment>, SegmentsError>>;
}
