//! Requests of logs, and the events that become of them.

use http::Method;
use prost::Message as _;
use serde_json::{Value, json};
use watchkeep_core::ports::{IfAbsent, LogEventInput, LogSink, LogSinkError, MetricPlace, Unstored};
use watchkeep_core::{BoxFuture, Proof};
use watchkeep_wire::http_api::HttpApi as _;

use super::{NOW, Server, Sink, framed, json_server};
use crate::log_messages::{ExportLogsServiceRequest, ExportLogsServiceResponse};

const HTTP: &str = "/v1/logs";
const GRPC: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Keeps what it is handed, but events whose message has `old`; has no group `/absent`, and is busy with `/busy`. `/token` takes
/// bearer tokens, and so did `/token-absent` a moment ago.
impl LogSink for Sink {
    fn put<'a>(
        &'a self,
        place: &'a MetricPlace,
        log_group: &'a str,
        log_stream: &'a str,
        if_absent: IfAbsent,
        events: Vec<LogEventInput>,
    ) -> BoxFuture<'a, Result<Unstored, LogSinkError>> {
        assert_eq!(place.region.as_str(), "eu-west-3");
        let answer = match (log_group, if_absent) {
            ("/absent" | "/token-absent", IfAbsent::Refuse) => {
                Err(LogSinkError::Refused("The specified log group does not exist.".into()))
            }
            ("/busy", _) => Err(LogSinkError::Busy("inner words".into())),
            _ => {
                let mut kept = self.events.lock().unwrap();
                let mut unstored = Unstored::default();
                for event in events {
                    if event.message.contains("old") {
                        unstored.too_old += 1;
                    } else {
                        kept.push((log_group.into(), log_stream.into(), event.time.0, event.message));
                    }
                }
                Ok(unstored)
            }
        };
        Box::pin(std::future::ready(answer))
    }

    fn takes_bearer_tokens(&self, _: &MetricPlace, log_group: &str) -> bool {
        log_group.starts_with("/token")
    }
}

fn attribute(key: &str, value: Value) -> Value {
    json!({ "key": key, "value": value })
}

/// A request of one resource with these attributes and these records.
fn request(resource: Value, records: Value) -> Value {
    json!({ "resourceLogs": [{ "resource": { "attributes": resource }, "scopeLogs": [{ "logRecords": records }] }] })
}

#[tokio::test]
async fn a_record_is_an_event_in_every_encoding() {
    let request = json!({ "resourceLogs": [{
        "resource": { "attributes": [attribute("service.name", json!({ "stringValue": "shop" }))] },
        "scopeLogs": [{
            "scope": { "name": "lib", "version": "1.0", "attributes": [attribute("a", json!({ "boolValue": true }))] },
            "logRecords": [{
                "timeUnixNano": "1768480245000500000", "observedTimeUnixNano": "1768480246000000000",
                "severityNumber": 9, "severityText": "INFO", "body": { "stringValue": "User logged in" },
                "attributes": [
                    attribute("n", json!({ "intValue": "7" })),
                    attribute("d", json!({ "doubleValue": 1.5 })),
                    attribute("nan", json!({ "doubleValue": "NaN" })),
                    attribute("l", json!({ "arrayValue": { "values": [{ "stringValue": "x" }, {}] } })),
                    attribute("o", json!({ "kvlistValue": { "values": [attribute("b", json!({ "bytesValue": "AQI=" }))] } })),
                ],
                "flags": 1, "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
            }],
        }],
    }] });
    let message = json!({
        "resource": { "attributes": { "service.name": "shop" } },
        "scope": { "name": "lib", "version": "1.0", "attributes": { "a": true } },
        "timeUnixNano": 1_768_480_245_000_500_000_u64, "observedTimeUnixNano": 1_768_480_246_000_000_000_u64,
        "severityNumber": 9, "flags": 1, "severityText": "INFO",
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "body": "User logged in",
        "attributes": { "n": 7, "d": 1.5, "nan": "NaN", "l": ["x", null], "o": { "b": "AQI=" } },
    });
    let typed: ExportLogsServiceRequest = serde_json::from_value(request.clone()).unwrap();
    let binary = typed.encode_to_vec();
    for (path, content_type, body) in [
        (HTTP, "application/json", request.to_string().into_bytes()),
        (HTTP, "application/x-protobuf", binary.clone()),
        (GRPC, "application/grpc", framed(&binary)),
    ] {
        let server = Server::new().with("content-type", content_type);
        let server = server.with("x-aws-log-group", "/shop").with("x-aws-log-stream", "s");
        assert_eq!(server.send(path, body).await.status, 200, "{content_type}");
        let events = server.sink.events.lock().unwrap();
        let [(group, stream, time, text)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((group.as_str(), stream.as_str(), *time), ("/shop", "s", 1_768_480_245_000));
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), message, "{content_type}");
    }
}

#[tokio::test]
async fn records_go_where_header_or_resource_say() {
    let text = |value: &str| json!({ "stringValue": value });
    let list = |value: &str| json!({ "arrayValue": { "values": [{ "stringValue": value }] } });
    let service = || attribute("service.name", text("the shop"));
    let cases = [
        (None, None, json!([]), ("/opentelemetry/unknown_service", "default")),
        (None, None, json!([service()]), ("/opentelemetry/the_shop", "default")),
        (None, None, json!([service(), attribute("host.name", text("h:1"))]), ("/opentelemetry/the_shop", "h_1")),
        (
            None,
            None,
            json!([attribute("service.instance.id", text("i")), attribute("host.name", text("h"))]),
            ("/opentelemetry/unknown_service", "i"),
        ),
        (
            None,
            None,
            json!([attribute("aws.log.group.names", list("/g")), attribute("aws.log.stream.names", text("s"))]),
            ("/g", "s"),
        ),
        (Some("/h"), None, json!([attribute("aws.log.group.names", list("/g"))]), ("/h", "default")),
        (Some("/h"), Some("t"), json!([service()]), ("/h", "t")),
        (None, Some("t"), json!([service()]), ("/opentelemetry/the_shop", "t")),
    ];
    for (group, stream, resource, expected) in cases {
        let mut server = json_server();
        for (name, value) in [("x-aws-log-group", group), ("x-aws-log-stream", stream)] {
            if let Some(value) = value {
                server = server.with(name, value);
            }
        }
        let body = request(resource.clone(), json!([{ "body": { "stringValue": "m" } }]));
        assert_eq!(server.send(HTTP, body.to_string()).await.status, 200);
        let events = server.sink.events.lock().unwrap();
        // Who says no time means now.
        let found = events.first().map(|(group, stream, time, _)| (group.as_str(), stream.as_str(), *time));
        assert_eq!(found, Some((expected.0, expected.1, NOW.0)), "{resource}");
    }
}

#[tokio::test]
async fn bearer_tokens_are_for_groups_that_take_them() {
    let record = |group: &str| {
        let group = attribute("aws.log.group.names", json!({ "stringValue": group }));
        json!({ "resource": { "attributes": [group] }, "scopeLogs": [{ "logRecords": [{}] }] })
    };
    for (records, status) in [
        (json!([record("/token")]), 200),
        (json!([record("/other")]), 403),
        (json!([record("/token-absent")]), 400),
        // Refused as a whole.
        (json!([record("/token"), record("/other")]), 403),
        (json!([]), 200),
    ] {
        let body = json!({ "resourceLogs": records }).to_string();
        let server = Server { proof: Proof::BearerToken, ..json_server() };
        let answered = server.send(HTTP, body.clone()).await;
        assert_eq!(answered.status, status, "{body}");
        let kept = usize::from(status == 200 && records != json!([]));
        assert_eq!(server.sink.events.lock().unwrap().len(), kept, "{body}");
        assert_eq!(json_server().send(HTTP, body).await.status, 200);
    }
    let server = json_server();
    let taken = |path| server.api.route(&Method::POST, path).unwrap().bearer_tokens_of;
    assert_eq!(taken(HTTP), Some("logs.amazonaws.com"));
    assert_eq!((taken(GRPC), taken("/v1/metrics")), (None, None));
}

#[tokio::test]
async fn what_is_not_stored_is_told() {
    let records = json!([{ "body": { "stringValue": "old" } }, { "body": { "stringValue": "m" } }]);
    let body = request(json!([]), records).to_string();
    let answered = json_server().send(HTTP, body.clone()).await;
    let expected = json!({ "partialSuccess": {
        "rejectedLogRecords": 1, "errorMessage": r#"{"tooOldLogEventCount":1}"#,
    } });
    assert_eq!(serde_json::from_slice::<Value>(&answered.body).unwrap(), expected);
    let typed: ExportLogsServiceRequest = serde_json::from_str(&body).unwrap();
    let server = Server::new().with("content-type", "application/grpc");
    let answered = server.send(GRPC, framed(&typed.encode_to_vec())).await;
    let response = ExportLogsServiceResponse::decode(&answered.body[5..]).unwrap();
    assert_eq!(response.partial_success.unwrap().rejected_log_records, 1);

    for (group, status, retry_after) in [("/absent", 400, false), ("/busy", 503, true)] {
        let answered = json_server().with("x-aws-log-group", group).send(HTTP, body.clone()).await;
        assert_eq!(answered.status, status, "{group}");
        assert_eq!(answered.headers.iter().any(|(name, _)| *name == "retry-after"), retry_after);
        assert!(!answered.body.windows(5).any(|window| window == b"inner"), "inner words stay inside");
    }
    let many = request(json!([]), vec![json!({}); 50_001].into());
    assert_eq!(json_server().send(HTTP, many.to_string()).await.status, 413);
    // Each record repeats its resource.
    let large = attribute("k", json!({ "stringValue": "x".repeat(100_000) }));
    let repeated = |records: usize| request(json!([large]), vec![json!({}); records].into()).to_string();
    assert_eq!(json_server().send(HTTP, repeated(600)).await.status, 200);
    assert_eq!(json_server().send(HTTP, repeated(700)).await.status, 413);
    let bad = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [{ "traceId": "xyz" }] }] }] });
    assert_eq!(json_server().send(HTTP, bad.to_string()).await.status, 400);
}
