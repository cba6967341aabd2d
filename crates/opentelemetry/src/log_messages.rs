//! The messages of `opentelemetry/proto/logs/v1/logs.proto` and its service, as far as they are read; see [`messages`](crate::messages).

use prost::Message;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Request, Response};
use crate::bounds::{Kind, LOGS_REQUEST};
use crate::json;
use crate::messages::{AnyValue, InstrumentationScope, KeyValue, Resource};

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ExportLogsServiceRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) resource_logs: Vec<ResourceLogs>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExportLogsServiceResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) partial_success: Option<ExportLogsPartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExportLogsPartialSuccess {
    #[prost(int64, tag = "1")]
    pub(crate) rejected_log_records: i64,
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    pub(crate) resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) scope_logs: Vec<ScopeLogs>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    pub(crate) scope: Option<InstrumentationScope>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) log_records: Vec<LogRecord>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LogRecord {
    #[prost(fixed64, tag = "1")]
    #[serde(deserialize_with = "json::unsigned")]
    pub(crate) time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    pub(crate) severity_number: i32,
    #[prost(string, tag = "3")]
    pub(crate) severity_text: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "7")]
    pub(crate) dropped_attributes_count: u32,
    #[prost(fixed32, tag = "8")]
    pub(crate) flags: u32,
    #[prost(bytes = "vec", tag = "9")]
    #[serde(deserialize_with = "json::id")]
    pub(crate) trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    #[serde(deserialize_with = "json::id")]
    pub(crate) span_id: Vec<u8>,
    #[prost(fixed64, tag = "11")]
    #[serde(deserialize_with = "json::unsigned")]
    pub(crate) observed_time_unix_nano: u64,
    #[prost(string, tag = "12")]
    pub(crate) event_name: String,
}

impl Request for ExportLogsServiceRequest {
    const KIND: &'static Kind = &LOGS_REQUEST;
}

impl Response for ExportLogsServiceResponse {
    fn json(&self) -> Value {
        match &self.partial_success {
            // CloudWatch's endpoint gives this one as a number.
            Some(partial) => json!({ "partialSuccess": {
                "rejectedLogRecords": partial.rejected_log_records,
                "errorMessage": partial.error_message,
            } }),
            None => json!({}),
        }
    }
}

impl ExportLogsServiceRequest {
    /// How many records it has.
    pub(crate) fn records(&self) -> usize {
        let scopes = self.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        scopes.map(|scope| scope.log_records.len()).sum()
    }
}
