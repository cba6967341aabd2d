//! The OpenTelemetry protocol (OTLP 1.x), as the endpoints of CloudWatch take it and over gRPC besides: metrics become measurements
//! of CloudWatch metrics. It knows only the port through which measurements are handed in; it knows no store and no socket.
//!
//! A request's way, a file a step: `bounds` counts what it holds before any of it takes memory, `messages` is what it says,
//! `attributes` and `unit` find the metric's identity, `cumulative` makes differences of running totals, `distribution` makes
//! samples of buckets, and `answer` tells the client.
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
mod messages;
mod unit;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::{HeaderMap, Method};
use watchkeep_core::ports::{MetricPlace, MetricSink};
use watchkeep_core::{BoxFuture, Caller, Clock};
use watchkeep_model::{OperationType as _, ServiceError, cloudwatch};
use watchkeep_wire::http_api::{HttpAnswer, HttpApi, HttpOperation, HttpRequest};

use crate::answer::Encoding;
use crate::cumulative::Streams;
use crate::limits::METRICS_BODY;

/// Metrics over HTTP ("OTLP/HTTP Request"; CloudWatch's "OTLP Endpoints").
static METRICS: HttpOperation = HttpOperation {
    name: "ExportMetrics",
    service: &cloudwatch::SERVICE,
    operation: cloudwatch::operations::PutMetricData::OPERATION,
    signing_names: &[],
    body: METRICS_BODY,
};

/// Metrics over gRPC ("OTLP/gRPC").
static METRICS_BY_GRPC: HttpOperation = HttpOperation {
    name: "ExportMetricsByGrpc",
    service: &cloudwatch::SERVICE,
    operation: cloudwatch::operations::PutMetricData::OPERATION,
    signing_names: &[],
    body: METRICS_BODY,
};

/// Takes what OpenTelemetry's exporters send.
pub struct OpenTelemetry {
    metrics: Arc<Metrics>,
}

/// Metrics' part.
struct Metrics {
    sink: Arc<dyn MetricSink>,
    clock: Arc<dyn Clock>,
    streams: Streams,
}

impl OpenTelemetry {
    /// Hands metrics to this sink.
    pub fn new(sink: Arc<dyn MetricSink>, clock: Arc<dyn Clock>) -> OpenTelemetry {
        let streams = Streams::new(clock.now());
        OpenTelemetry { metrics: Arc::new(Metrics { sink, clock, streams }) }
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
            _ => None,
        }
    }

    fn call(
        &self,
        operation: &'static HttpOperation,
        caller: Caller,
        request: HttpRequest,
    ) -> BoxFuture<'static, Result<HttpAnswer, ServiceError>> {
        let metrics = Arc::clone(&self.metrics);
        Box::pin(async move {
            let encoding = encoding(operation, &request.headers)?;
            let exported = encoding.read(&request.headers, &request.body)?;
            drop(request.body);
            let place = MetricPlace { account: caller.account, region: caller.region };
            let response = metrics.export(&place, &request.headers, exported).await?;
            Ok(encoding.success(&response))
        })
    }

    fn failure(&self, operation: &'static HttpOperation, headers: &HeaderMap, error: &ServiceError) -> HttpAnswer {
        encoding(operation, headers).unwrap_or(Encoding::Json).failure(error)
    }
}

fn encoding(operation: &HttpOperation, headers: &HeaderMap) -> Result<Encoding, ServiceError> {
    if operation.name == METRICS_BY_GRPC.name { Encoding::of_grpc(headers) } else { Encoding::of_http(headers) }
}
