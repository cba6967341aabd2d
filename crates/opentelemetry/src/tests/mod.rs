//! Requests as exporters send them, and what becomes of them.

mod kinds;
mod logs;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method};
use prost::Message as _;
use serde_json::{Value, json};
use watchkeep_core::ports::{
    Measurement, MetricPlace, MetricSink, MetricsError, Precision, Publisher, RefusedMeasurement, Samples,
};
use watchkeep_core::{AccountId, BoxFuture, Caller, ManualClock, Principal, Proof, Region, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::{HttpAnswer, HttpApi, HttpRequest};

use crate::OpenTelemetry;
use crate::messages::{ExportMetricsServiceResponse, Status};

const NOW: TimestampMs = TimestampMs(1_768_480_245_000);
const HTTP: &str = "/v1/metrics";
const GRPC: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Keeps what it is handed; refuses metrics that are called `refused`.
#[derive(Default)]
struct Sink {
    taken: Mutex<Vec<Measurement>>,
    /// Group, stream, time and message of log events.
    events: Mutex<Vec<(String, String, i64, String)>>,
    failure: Mutex<Option<MetricsError>>,
}

impl MetricSink for Sink {
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        publisher: Publisher,
        measurements: Vec<Measurement>,
    ) -> BoxFuture<'a, Result<Vec<RefusedMeasurement>, MetricsError>> {
        assert_eq!((place.region.as_str(), publisher), ("eu-west-3", Publisher::Client));
        if let Some(failure) = self.failure.lock().unwrap().take() {
            return Box::pin(std::future::ready(Err(failure)));
        }
        let mut refused = Vec::new();
        for (index, measurement) in measurements.into_iter().enumerate() {
            if &*measurement.metric.name == "refused" {
                refused.push(RefusedMeasurement { index, reason: "as asked".into() });
            } else {
                self.taken.lock().unwrap().push(measurement);
            }
        }
        Box::pin(std::future::ready(Ok(refused)))
    }
}

/// The API over a sink.
struct Server {
    api: OpenTelemetry,
    sink: Arc<Sink>,
    headers: HeaderMap,
    proof: Proof,
}

impl Server {
    fn new() -> Server {
        let sink = Arc::new(Sink::default());
        let api = OpenTelemetry::new(sink.clone(), sink.clone(), Arc::new(ManualClock::new(NOW)));
        Server { api, sink, headers: HeaderMap::new(), proof: Proof::AccessKey }
    }

    fn with(mut self, name: &'static str, value: &str) -> Server {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    async fn send(&self, path: &str, body: impl Into<Bytes>) -> HttpAnswer {
        let operation = self.api.route(&Method::POST, path).unwrap();
        let request = HttpRequest {
            method: Method::POST,
            uri: path.parse().unwrap(),
            headers: self.headers.clone(),
            body: body.into(),
        };
        let mut caller = caller();
        caller.client.proof = self.proof;
        let outcome: Result<HttpAnswer, ServiceError> = self.api.call(operation, caller, request).await;
        outcome.unwrap_or_else(|error| self.api.failure(operation, &self.headers, &error))
    }

    /// Sends metrics of one scope in JSON, and expects that they are answered so.
    async fn json(&self, metrics: Value, answer: Value) {
        let request = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": metrics }] }] });
        let answered = self.send(HTTP, request.to_string()).await;
        assert_eq!(answered.status, 200, "{answered:?}");
        assert_eq!(serde_json::from_slice::<Value>(&answered.body).unwrap(), answer);
    }

    fn taken(&self) -> Vec<Measurement> {
        std::mem::take(&mut self.sink.taken.lock().unwrap())
    }

    /// What was taken: name, dimensions, unit and samples as text.
    fn shown(&self) -> Vec<String> {
        let shown = |measurement: Measurement| {
            let metric = measurement.metric;
            let dimensions: Vec<String> =
                metric.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let samples = match measurement.samples {
                Samples::One(value) => value.to_string(),
                Samples::Weighted(values) => {
                    values.iter().map(|(value, count)| format!("{value}x{count}")).collect::<Vec<_>>().join(" ")
                }
                Samples::Summary(set) => format!("{} {} {} {}", set.count, set.sum, set.minimum, set.maximum),
            };
            format!("{}/{}[{}] {} {samples}", metric.namespace, metric.name, dimensions.join(","), measurement.unit)
        };
        self.taken().into_iter().map(shown).collect()
    }
}

fn json_server() -> Server {
    Server::new().with("content-type", "application/json")
}

fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: "eu-west-3".parse::<Region>().unwrap(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// A counter's first request, in the binary encoding: one point of 5, of a stream that began when the server did.
fn binary() -> Vec<u8> {
    use crate::messages::*;
    let value = AnyValue { string_value: Some("GET".into()), ..AnyValue::default() };
    let point = NumberDataPoint {
        start_time_unix_nano: NOW.0 as u64 * 1_000_000,
        time_unix_nano: NOW.0 as u64 * 1_000_000 + 1_500_000,
        as_int: Some(5),
        attributes: vec![KeyValue { key: "method".into(), value: Some(value) }],
        ..NumberDataPoint::default()
    };
    let sum = Sum { data_points: vec![point], aggregation_temporality: CUMULATIVE, is_monotonic: true };
    let metric = Metric { name: "requests".into(), unit: "{request}".into(), sum: Some(sum), ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { scope: None, metrics: vec![metric] }];
    ExportMetricsServiceRequest { resource_metrics: vec![ResourceMetrics { resource: None, scope_metrics }] }
        .encode_to_vec()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

#[tokio::test]
async fn every_encoding_says_the_same() {
    let json = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [{
        "name": "requests", "unit": "{request}", "description": "unread", "sum": {
            "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{
                "startTimeUnixNano": "1768480245000000000", "timeUnixNano": 1_768_480_245_001_500_000_u64, "asInt": "5",
                "attributes": [{ "key": "method", "value": { "stringValue": "GET" } }], "exemplars": [{ "asInt": "1" }],
            }],
        },
    }] }] }] });
    for (path, content_type, body, answer) in [
        (HTTP, "application/x-protobuf", binary(), Vec::new()),
        (HTTP, "application/json; charset=utf-8", json.to_string().into_bytes(), b"{}".to_vec()),
        (GRPC, "application/grpc", framed(&binary()), framed(b"")),
        (GRPC, "application/grpc+proto", framed(&binary()), framed(b"")),
    ] {
        let server = Server::new().with("content-type", content_type);
        let answered = server.send(path, body).await;
        assert_eq!((answered.status, &answered.body[..]), (200, &answer[..]), "{content_type}");
        assert_eq!(answered.trailers.len(), usize::from(path == GRPC));
        let [taken] = <[_; 1]>::try_from(server.taken()).unwrap();
        assert_eq!((taken.time, taken.precision, taken.unit), (NOW.plus_ms(1), Precision::Second, "Count"));
        assert_eq!(taken.samples, Samples::One(5.0));
        assert_eq!(taken.metric.dimensions, [("method".into(), "GET".into())]);
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_counted() {
    let metrics = json!([
        { "name": "refused", "gauge": { "dataPoints": [{ "asDouble": 1 }, { "asDouble": 2 }] } },
        { "name": "kept", "gauge": { "dataPoints": [{ "asDouble": 3, "timeUnixNano": "0" }, {}] } },
    ]);
    let server = json_server();
    let answer = json!({ "partialSuccess": {
        "rejectedDataPoints": "3", "errorMessage": "a data point must have a value",
    } });
    server.json(metrics.clone(), answer).await;
    assert_eq!(server.shown(), ["OpenTelemetry/kept[] None 3"]);

    let server = Server::new().with("content-type", "application/grpc");
    let request: crate::messages::ExportMetricsServiceRequest =
        serde_json::from_value(json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": metrics }] }] })).unwrap();
    let answered = server.send(GRPC, framed(&request.encode_to_vec())).await;
    let response = ExportMetricsServiceResponse::decode(&answered.body[5..]).unwrap();
    assert_eq!(response.partial_success.unwrap().rejected_data_points, 3);
    assert_eq!(answered.trailers, [("grpc-status", "0".to_owned())]);
}

#[tokio::test]
async fn failures_are_told_as_the_client_speaks() {
    let broken = || b"\xff\xff".to_vec();
    for (path, content_type, body, status, code) in [
        (HTTP, "application/x-protobuf", broken(), 400, 3),
        (HTTP, "application/json", broken(), 400, 3),
        (
            HTTP,
            "application/json",
            br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":1}]}]}]}"#.to_vec(),
            400,
            3,
        ),
        (HTTP, "application/json", vec![b'['; 100_000], 400, 3),
        (HTTP, "text/plain", binary(), 415, 12),
        (GRPC, "application/grpc", broken(), 200, 3),
        (GRPC, "application/grpc", framed(&broken()), 200, 3),
    ] {
        let server = Server::new().with("content-type", content_type);
        let answered = server.send(path, body).await;
        assert_eq!(answered.status, status, "{content_type}");
        let told = match content_type {
            "application/x-protobuf" => Status::decode(&*answered.body).unwrap().code,
            "application/grpc" => {
                let status = answered.headers.iter().find(|(name, _)| *name == "grpc-status").unwrap();
                status.1.parse().unwrap()
            }
            _ => serde_json::from_slice::<Value>(&answered.body).unwrap()["code"].as_i64().unwrap() as i32,
        };
        assert_eq!(told, code, "{content_type}");
        assert!(server.taken().is_empty());
    }
    let server = json_server().with("content-encoding", "zstd");
    assert_eq!(server.send(HTTP, "{}").await.status, 415);
    assert!(server.api.route(&Method::GET, HTTP).is_none());
    assert!(server.api.route(&Method::POST, "/v1/unknown").is_none());
}

#[tokio::test]
async fn what_was_not_kept_may_be_sent_again() {
    let server = Server::new().with("content-type", "application/x-protobuf");
    for (failure, status, retry_after) in
        [(MetricsError::Busy("full".into()), 503, true), (MetricsError::Failed("broken".into()), 500, false)]
    {
        *server.sink.failure.lock().unwrap() = Some(failure);
        let answered = server.send(HTTP, binary()).await;
        assert_eq!(answered.status, status);
        assert_eq!(answered.headers.iter().any(|(name, _)| *name == "retry-after"), retry_after);
        assert!(!answered.body.windows(6).any(|window| window == b"broken"), "inner words stay inside");
    }
    // The total was not counted yet; once it was, it is not counted again.
    for expected in [1, 0] {
        assert_eq!(server.send(HTTP, binary()).await.status, 200);
        assert_eq!(server.taken().len(), expected);
    }
    server.api.reset();
    server.send(HTTP, binary()).await;
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test]
async fn too_many_points_are_told_before_any_is_taken() {
    use crate::messages::*;
    let text = "x".repeat(1_000);
    let value = AnyValue { string_value: Some(text), ..AnyValue::default() };
    let attribute = |n: usize| KeyValue { key: format!("k{n}"), value: Some(value.clone()) };
    // Too many by their number, and by what each repeats of its resource.
    for (points, attributes) in [(50_001, 0), (1_300, 29)] {
        let point = NumberDataPoint { as_int: Some(1), ..NumberDataPoint::default() };
        let gauge = Gauge { data_points: vec![point; points] };
        let metric = Metric { name: "m".to_owned(), gauge: Some(gauge), ..Metric::default() };
        let scope_metrics = vec![ScopeMetrics { scope: None, metrics: vec![metric] }];
        let resource = Some(Resource { attributes: (0..attributes).map(attribute).collect() });
        let request =
            ExportMetricsServiceRequest { resource_metrics: vec![ResourceMetrics { resource, scope_metrics }] };
        let server = Server::new().with("content-type", "application/x-protobuf");
        let answered = server.send(HTTP, request.encode_to_vec()).await;
        assert_eq!((answered.status, Status::decode(&*answered.body).unwrap().code), (413, 8), "{points}");
        assert!(server.taken().is_empty());
    }
}

/// Bytes that are no request, and requests with bytes changed, are refused or taken; nothing panics.
#[test]
fn any_bytes_are_survived() {
    use proptest::prelude::*;
    let seeds = [binary(), framed(&binary()), br#"{"resourceMetrics":[{"resource":{"attributes":[]}}]}"#.to_vec()];
    proptest!(|(seed in 0..3usize, changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8))| {
        let mut bytes = seeds[seed].clone();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.insert(0, 9);
        crate::fuzzing::export(&bytes);
        crate::fuzzing::export(&bytes[1..]);
        crate::fuzzing::export_logs(&bytes);
        crate::fuzzing::export_logs(&bytes[1..]);
    });
}
