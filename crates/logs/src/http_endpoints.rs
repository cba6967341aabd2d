//! The HTTP endpoints that take logs without an SDK ("Log ingestion through HTTP endpoints"): `/ingest/json`, an object or a list of
//! objects; `/ingest/bulk`, a JSON value a line; `/services/collector/event`, the format of HTTP log collectors. Group and stream
//! are named by headers or in the query string, and must be there; who comes with a bearer token needs a group that takes them.
//! OpenTelemetry's endpoint is not among them: it is a crate.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use watchkeep_core::ports::{IfAbsent, LogEventInput, MetricPlace, Unstored};
use watchkeep_core::{BoxFuture, Caller, TimestampMs};
use watchkeep_model::{OperationType as _, ServiceError, logs};
use watchkeep_wire::http_api::{BodyLimit, HttpAnswer, HttpApi, HttpOperation, HttpRequest};

use crate::bearer_tokens::TOKENS_OF;
use crate::errors::invalid;
use crate::{Logs, sink};

/// What the endpoints take at once; collectors send batches of one or two megabytes.
const BODY: BodyLimit = BodyLimit { wire_bytes: 4 << 20, decoded_bytes: 16 << 20 };

/// The most events of a request, each of which takes memory beside its bytes.
const EVENTS_MAX: usize = 100_000;

const fn operation(name: &'static str) -> HttpOperation {
    let operation = logs::operations::PutLogEvents::OPERATION;
    let bearer_tokens_of = Some(TOKENS_OF);
    HttpOperation { name, service: &logs::SERVICE, operation, signing_names: &[], bearer_tokens_of, body: BODY }
}

static STRUCTURED_JSON: HttpOperation = operation("IngestStructuredJson");
static ND_JSON: HttpOperation = operation("IngestNdJson");
static COLLECTOR: HttpOperation = operation("IngestCollectorEvents");

/// The service's HTTP endpoints.
pub(crate) struct HttpEndpoints(pub(crate) Arc<Logs>);

impl HttpApi for HttpEndpoints {
    fn route(&self, method: &Method, path: &str) -> Option<&'static HttpOperation> {
        match path {
            _ if method != Method::POST => None,
            "/ingest/json" => Some(&STRUCTURED_JSON),
            "/ingest/bulk" => Some(&ND_JSON),
            "/services/collector/event" => Some(&COLLECTOR),
            _ => None,
        }
    }

    fn call(
        &self,
        operation: &'static HttpOperation,
        caller: Caller,
        request: HttpRequest,
    ) -> BoxFuture<'static, Result<HttpAnswer, ServiceError>> {
        let logs = self.0.clone();
        Box::pin(async move {
            let group = named(&request.uri, &request.headers, "logGroup", "x-aws-log-group")?;
            let stream = named(&request.uri, &request.headers, "logStream", "x-aws-log-stream")?;
            check_content_type(operation, &request.headers)?;
            let place = MetricPlace { account: caller.account, region: caller.region };
            logs.admit(caller.client.proof, &place, &group)?;
            let now = logs.clock.now();
            let events = match operation.name {
                name if name == STRUCTURED_JSON.name => structured_json(&request.body, now)?,
                name if name == ND_JSON.name => nd_json(&request.body, now)?,
                _ => collector(&request.body, now)?,
            };
            let unstored = sink::put(&logs, &place, (&group, &stream), IfAbsent::Refuse, events).await?;
            Ok(HttpAnswer::new(200, "application/json", answer_of(unstored)))
        })
    }

    fn failure(&self, _: &'static HttpOperation, _: &HeaderMap, error: &ServiceError) -> HttpAnswer {
        let body = serde_json::json!({ "__type": error.code, "message": error.message });
        let answer = HttpAnswer::new(error.status, "application/json", body.to_string());
        if error.status == 503 { answer.with_header("retry-after", "1") } else { answer }
    }
}

/// The body of an answer: how many events were not stored, if there are any, by what is wrong with them.
fn answer_of(unstored: Unstored) -> String {
    let Unstored { too_old, expired, too_new, too_large } = unstored;
    match unstored.total() {
        0 => "{}".to_owned(),
        _ => serde_json::json!({
            "rejectedLogEvents": { "tooOld": too_old, "expired": expired, "tooNew": too_new, "tooLarge": too_large },
        })
        .to_string(),
    }
}

/// The group's or stream's name, which either the query string or a header gives.
fn named(uri: &Uri, headers: &HeaderMap, parameter: &str, header: &str) -> Result<String, ServiceError> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let in_query = pairs.filter(|(name, _)| *name == parameter).map(|(_, value)| value.replace('+', " ")).next();
    let in_query = in_query.map(|value| percent_decode_str(&value).decode_utf8_lossy().into_owned());
    let in_header = headers.get(header).and_then(|value| value.to_str().ok()).map(str::to_owned);
    match (in_query, in_header) {
        (Some(_), Some(_)) => Err(invalid(format!("Give either the parameter {parameter} or the header {header}."))),
        (Some(name), None) | (None, Some(name)) if !name.is_empty() => Ok(name),
        _ => Err(invalid(format!("The parameter {parameter} or the header {header} is required."))),
    }
}

/// Refuses a body that says of itself that it is something else; one that says nothing is read.
fn check_content_type(operation: &HttpOperation, headers: &HeaderMap) -> Result<(), ServiceError> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let media_type = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match media_type.to_ascii_lowercase().as_str() {
        "application/json" => Ok(()),
        "application/x-ndjson" if operation.name == ND_JSON.name => Ok(()),
        _ if operation.name == ND_JSON.name => {
            Err(invalid("The content type must be application/json or application/x-ndjson."))
        }
        _ => Err(invalid("The content type must be application/json.")),
    }
}

/// What the endpoints look for in an object; whatever else it has is part of the message only.
#[derive(Deserialize)]
struct Members<'j> {
    #[serde(borrow, default)]
    timestamp: Option<&'j RawValue>,
    #[serde(borrow, default)]
    time: Option<&'j RawValue>,
    #[serde(borrow, default)]
    event: Option<&'j RawValue>,
}

/// Whether a value is an object, a list or something else, seen by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Object,
    List,
    Other,
}

impl Shape {
    fn of(value: &RawValue) -> Shape {
        match value.get().trim_start().bytes().next() {
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::List,
            _ => Shape::Other,
        }
    }
}

/// An object, or each object of a list; what else there is, and what follows, is passed over.
fn structured_json(body: &[u8], now: TimestampMs) -> Result<Vec<LogEventInput>, ServiceError> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>();
    let Some(value) = values.next() else { return Ok(Vec::new()) };
    let mut events = Vec::new();
    for value in elements(value.map_err(|_| unreadable())?)? {
        if Shape::of(value) == Shape::Object {
            push(&mut events, event_of(value, now))?;
        }
    }
    Ok(events)
}

/// A value a line, lists flattened; lines that are no JSON are passed over.
fn nd_json(body: &[u8], now: TimestampMs) -> Result<Vec<LogEventInput>, ServiceError> {
    let mut events = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let Ok(value) = serde_json::from_slice::<&RawValue>(line) else { continue };
        for value in elements(value)? {
            push(&mut events, event_of(value, now))?;
        }
    }
    Ok(events)
}

/// Objects with a member `event`, one behind the other or in a list; others are passed over.
fn collector(body: &[u8], now: TimestampMs) -> Result<Vec<LogEventInput>, ServiceError> {
    let mut events = Vec::new();
    for value in serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>() {
        for value in elements(value.map_err(|_| unreadable())?)? {
            let Ok(Members { time, event: Some(event), .. }) = serde_json::from_str(value.get()) else { continue };
            let seconds = time.and_then(|time| time.get().trim_matches('"').parse::<f64>().ok());
            let time = seconds.filter(|seconds| seconds.is_finite());
            let time = time.map_or(now, |seconds| TimestampMs((seconds * 1000.0).round() as i64));
            push(&mut events, LogEventInput { time, message: text(event) })?;
        }
    }
    Ok(events)
}

/// The elements of a list; of another value, itself.
fn elements(value: &RawValue) -> Result<Vec<&RawValue>, ServiceError> {
    match Shape::of(value) {
        Shape::List => serde_json::from_str(value.get()).map_err(|_| unreadable()),
        Shape::Object | Shape::Other => Ok(vec![value]),
    }
}

/// A value as an event: at the time of its member `timestamp`, in milliseconds, if that is a number.
fn event_of(value: &RawValue, now: TimestampMs) -> LogEventInput {
    let members = (Shape::of(value) == Shape::Object).then(|| serde_json::from_str::<Members<'_>>(value.get()).ok());
    let timestamp = members.flatten().and_then(|members| members.timestamp?.get().parse::<f64>().ok());
    LogEventInput { time: timestamp.map_or(now, |ms| TimestampMs(ms as i64)), message: text(value) }
}

/// The message of a value: a text's characters, of everything else its JSON as it was sent.
fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

fn push(events: &mut Vec<LogEventInput>, event: LogEventInput) -> Result<(), ServiceError> {
    if events.len() == EVENTS_MAX {
        return Err(invalid(format!("A request has at most {EVENTS_MAX} events.")));
    }
    // A text without characters is no event.
    if !event.message.is_empty() {
        events.push(event);
    }
    Ok(())
}

fn unreadable() -> ServiceError {
    invalid("The body is not JSON.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Fixture, NOW, caller};

    type Read = fn(&[u8], TimestampMs) -> Result<Vec<LogEventInput>, ServiceError>;

    #[test]
    fn bodies_are_events() {
        let now = TimestampMs(NOW);
        let (json, bulk, collector): (Read, Read, Read) = (structured_json, nd_json, collector);
        type Case<'t> = (Read, &'t str, &'t [(i64, &'t str)]);
        let cases: &[Case<'_>] = &[
            (json, r#"{"timestamp":5,"m":"a"}"#, &[(5, r#"{"timestamp":5,"m":"a"}"#)]),
            (
                json,
                r#" [ {"timestamp":5}, "x", 42, {"timestamp":"7"}] "#,
                &[(5, r#"{"timestamp":5}"#), (NOW, r#"{"timestamp":"7"}"#)],
            ),
            (json, r#"{"a":1}{"b":2}"#, &[(NOW, r#"{"a":1}"#)]),
            (json, "[]", &[]),
            (json, r#""text""#, &[]),
            (json, "", &[]),
            (
                bulk,
                "{\"timestamp\":5}\r\n\n\"a \\\"b\\\"\"\n42\nno json\nnull\n[1,{\"timestamp\":6}]",
                &[
                    (5, r#"{"timestamp":5}"#),
                    (NOW, r#"a "b""#),
                    (NOW, "42"),
                    (NOW, "null"),
                    (NOW, "1"),
                    (6, r#"{"timestamp":6}"#),
                ],
            ),
            (bulk, r#"{"a": {"timestamp":5}}"#, &[(NOW, r#"{"a": {"timestamp":5}}"#)]),
            (collector, r#"{"event":"Hello","time":1486683865.5}"#, &[(1_486_683_865_500, "Hello")]),
            (
                collector,
                r#"[{"event":{"a":1},"time":"1486683865"},{"message":"none"},{"event":42,"time":"soon"}]"#,
                &[(1_486_683_865_000, r#"{"a":1}"#), (NOW, "42")],
            ),
            (collector, "{\"event\":\"a\",\"time\":1}\n{\"event\":true,\"time\":2} 7", &[(1000, "a"), (2000, "true")]),
            (collector, r#"{"event":""}"#, &[]),
        ];
        for (read, body, expected) in cases {
            let events = read(body.as_bytes(), now).unwrap();
            let events: Vec<_> = events.iter().map(|event| (event.time.0, event.message.as_str())).collect();
            assert_eq!(events, *expected, "{body}");
        }
        for (read, body) in [(json, "{"), (json, "[1,"), (collector, r#"{"event":1}{"#)] {
            assert_eq!(read(body.as_bytes(), now).unwrap_err().code, "InvalidParameterException", "{body}");
        }
    }

    #[tokio::test]
    async fn groups_and_streams_are_named_by_headers_or_parameters() {
        let fixture = Fixture::new().await;
        fixture.group("/a b").await;
        fixture.stream("/a b", "s").await;
        let api = HttpEndpoints(fixture.logs.clone());
        let header = ("x-aws-log-stream", "s");
        let cases = [
            ("/ingest/json?logGroup=%2Fa+b&logStream=s", None, 200),
            ("/ingest/bulk?logGroup=/a%20b", Some(header), 200),
            ("/ingest/json?logGroup=/a%20b&logStream=s", Some(header), 400),
            ("/ingest/json?logGroup=/a%20b", None, 400),
            ("/ingest/json?logGroup=/c", Some(header), 400),
        ];
        for (path, header, expected) in cases {
            let uri: Uri = path.parse().unwrap();
            let operation = api.route(&Method::POST, uri.path()).unwrap();
            let mut headers = HeaderMap::new();
            headers.extend(header.map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())));
            let body = format!(r#"{{"path":"{path}"}}"#).into();
            let request = HttpRequest { method: Method::POST, uri, headers, body };
            let answer = api.call(operation, caller(), request).await;
            let answer = answer.unwrap_or_else(|error| api.failure(operation, &HeaderMap::new(), &error));
            assert_eq!(answer.status, expected, "{path}");
        }
        assert_eq!(fixture.messages("/a b", "s").await.len(), 2);
        let uri: Uri = "/ingest/json?logGroup=/a%20b&logStream=s".parse().unwrap();
        let operation = api.route(&Method::POST, uri.path()).unwrap();
        let body = r#"[{"timestamp":5},{"a":1},{"timestamp":4102444800000}]"#.into();
        let request = HttpRequest { method: Method::POST, uri, headers: HeaderMap::new(), body };
        let told =
            serde_json::from_slice::<serde_json::Value>(&api.call(operation, caller(), request).await.unwrap().body);
        let expected = serde_json::json!({ "tooOld": 1, "expired": 0, "tooNew": 1, "tooLarge": 0 });
        assert_eq!(told.unwrap()["rejectedLogEvents"], expected, "what is not stored is told");
        for (path, content_type, taken) in [
            ("/ingest/json", "application/json; charset=utf-8", true),
            ("/ingest/json", "Application/JSON", true),
            ("/ingest/json", "application/x-ndjson", false),
            ("/ingest/bulk", "application/x-ndjson", true),
            ("/ingest/bulk", "text/plain", false),
            ("/services/collector/event", "application/x-www-form-urlencoded", false),
        ] {
            let operation = api.route(&Method::POST, path).unwrap();
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
            assert_eq!(check_content_type(operation, &headers).is_ok(), taken, "{path} {content_type}");
            assert!(check_content_type(operation, &HeaderMap::new()).is_ok());
        }
        assert!(api.route(&Method::GET, "/ingest/json").is_none());
    }
}
