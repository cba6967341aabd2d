//! The OpenTelemetry protocol (OTLP 1.x), as the endpoints of CloudWatch take it and over gRPC besides: metrics become measurements
//! of CloudWatch metrics, logs become log events. It knows only the ports through which they are handed in; it knows no store and no
//! socket.
//!
//! The way of a request of metrics, a file a step: `bounds` counts what it holds before any of it takes memory, `messages` is what it says,
//! `attributes` and `unit` find the metric's identity, `cumulative` makes differences of running totals, `distribution` makes
//! samples of buckets, and `answer` tells the client. Logs have `log_messages` and `logs` for theirs.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod answer;
mod attributes;
mod bounds;
mod buckets;
mod cumulative;
mod distribution;
mod export;
pub mod fuzzing;
mod grpc;
mod json;
mod limits;
mod log_messages;
mod logs;
mod messages;
mod unit;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::{HeaderMap, Method};
use watchkeep_core::ports::{LogSink, MetricPlace, MetricSink};
use watchkeep_core::{BoxFuture, Caller, Clock};
use watchkeep_model::{OperationType as _, ServiceError, cloudwatch, logs as logs_model};
use watchkeep_wire::http_api::{HttpAnswer, HttpApi, HttpOperation, HttpRequest};

use crate::answer::Encoding;
use crate::cumulative::Streams;
use crate::limits::{LOGS_BODY, METRICS_BODY};
use crate::log_messages::ExportLogsServiceRequest;
use crate::logs::Logs;
use crate::messages::ExportMetricsServiceRequest;

/// Metrics over HTTP ("OTLP/HTTP Request"; CloudWatch's "OTLP Endpoints").
static METRICS: HttpOperation = HttpOperation {
    name: "ExportMetrics",
    service: &cloudwatch::SERVICE,
    operation: cloudwatch::operations::PutMetricData::OPERATION,
    signing_names: &[],
    bearer_tokens_of: None,
    body: METRICS_BODY,
};

/// Metrics over gRPC ("OTLP/gRPC").
static METRICS_BY_GRPC: HttpOperation = HttpOperation {
    name: "ExportMetricsByGrpc",
    service: &cloudwatch::SERVICE,
    operation: cloudwatch::operations::PutMetricData::OPERATION,
    signing_names: &[],
    bearer_tokens_of: None,
    body: METRICS_BODY,
};

/// Logs over HTTP ("OTLP/HTTP Request"; CloudWatch's "OTLP Endpoints").
static LOGS: HttpOperation = HttpOperation {
    name: "ExportLogs",
    service: &logs_model::SERVICE,
    operation: logs_model::operations::PutLogEvents::OPERATION,
    signing_names: &[],
    bearer_tokens_of: Some("logs.amazonaws.com"),
    body: LOGS_BODY,
};

/// Logs over gRPC ("OTLP/gRPC").
static LOGS_BY_GRPC: HttpOperation = HttpOperation {
    name: "ExportLogsByGrpc",
    service: &logs_model::SERVICE,
    operation: logs_model::operations::PutLogEvents::OPERATION,
    signing_names: &[],
    bearer_tokens_of: None,
    body: LOGS_BODY,
};

/// Takes what OpenTelemetry's exporters send.
pub struct OpenTelemetry {
    metrics: Arc<Metrics>,
    logs: Arc<Logs>,
}

/// Metrics' part.
struct Metrics {
    sink: Arc<dyn MetricSink>,
    clock: Arc<dyn Clock>,
    streams: Streams,
}

impl OpenTelemetry {
    /// Hands metrics and logs to these sinks.
    pub fn new(metrics: Arc<dyn MetricSink>, logs: Arc<dyn LogSink>, clock: Arc<dyn Clock>) -> OpenTelemetry {
        let streams = Streams::new(clock.now());
        let logs = Arc::new(Logs { sink: logs, clock: clock.clone() });
        OpenTelemetry { metrics: Arc::new(Metrics { sink: metrics, clock, streams }), logs }
    }

    /// Forgets the running totals that it keeps in memory.
    pub fn reset(&self) {
        self.metrics.streams.clear(self.metrics.clock.now());
    }
}

impl HttpApi for OpenTelemetry {
    fn route(&self, method: &Method, path: &str) -> Option<&'static HttpOperation> {
        match path {
            _ if method != Method::POST => None,
            "/v1/metrics" => Some(&METRICS),
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(&METRICS_BY_GRPC),
            "/v1/logs" => Some(&LOGS),
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(&LOGS_BY_GRPC),
            _ => None,
        }
    }

    fn call(
        &self,
        operation: &'static HttpOperation,
        caller: Caller,
        request: HttpRequest,
    ) -> BoxFuture<'static, Result<HttpAnswer, ServiceError>> {
        let (metrics, logs) = (Arc::clone(&self.metrics), Arc::clone(&self.logs));
        Box::pin(async move {
            let HttpRequest { headers, body, .. } = request;
            let encoding = encoding(operation, &headers)?;
            let (place, proof) = (MetricPlace { account: caller.account, region: caller.region }, caller.client.proof);
            if operation.service.name == logs_model::SERVICE.name {
                let exported: ExportLogsServiceRequest = encoding.read(&headers, &body)?;
                drop(body);
                return Ok(encoding.success(&logs.export(&place, proof, &headers, exported).await?));
            }
            let exported: ExportMetricsServiceRequest = encoding.read(&headers, &body)?;
            drop(body);
            Ok(encoding.success(&metrics.export(&place, &headers, exported).await?))
        })
    }

    fn failure(&self, operation: &'static HttpOperation, headers: &HeaderMap, error: &ServiceError) -> HttpAnswer {
        encoding(operation, headers).unwrap_or(Encoding::Json).failure(error)
    }
}

fn encoding(operation: &HttpOperation, headers: &HeaderMap) -> Result<Encoding, ServiceError> {
    match operation.name {
        name if name == METRICS_BY_GRPC.name || name == LOGS_BY_GRPC.name => Encoding::of_grpc(headers),
        _ => Encoding::of_http(headers),
    }
}
