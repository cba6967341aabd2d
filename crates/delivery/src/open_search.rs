//! OpenSearch and Elasticsearch, as CloudWatch Logs streams to them: by a function that takes a subscription's messages and indexes
//! their events by `_bulk`. AWS generates such a function for a domain; here the settings give a function's name the URL of a
//! domain. Source: "Streaming CloudWatch Logs data to Amazon OpenSearch Service"; the `_bulk` API of OpenSearch.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{Functions, InvokeError};

use crate::limits::{BULK_ANSWER_BYTES_MAX, CONNECT_TIME, SUBSCRIPTION_MESSAGE_BYTES_MAX};

/// Functions of which some are domains.
pub struct OpenSearchFunctions {
    client: reqwest::Client,
    /// The URLs of domains by the names of their functions; they may hold passwords, and are never shown.
    domains: BTreeMap<String, String>,
    others: Arc<dyn Functions>,
}

/// A subscription's message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_type: String,
    owner: String,
    log_group: String,
    log_stream: String,
    log_events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    timestamp: i64,
    message: String,
    #[serde(default)]
    extracted_fields: Option<BTreeMap<String, String>>,
}

/// What `_bulk` answers.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errors: bool,
    #[serde(default)]
    items: Vec<BTreeMap<String, Item>>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(default)]
    error: Value,
}

impl OpenSearchFunctions {
    /// Domains by the names of their functions; other names are functions of `others`.
    ///
    /// # Errors
    ///
    /// What building an HTTP client can meet, as missing root certificates.
    pub fn new(
        domains: impl IntoIterator<Item = (String, String)>,
        others: Arc<dyn Functions>,
    ) -> Result<OpenSearchFunctions, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let domains = domains.into_iter().map(|(name, url)| (name, url.trim_end_matches('/').to_owned()));
        Ok(OpenSearchFunctions { client, domains: domains.collect(), others })
    }

    fn domain(&self, function: &str) -> Option<&str> {
        let name = function.split_once(':').map_or(function, |(name, _)| name);
        self.domains.get(function).or_else(|| self.domains.get(name)).map(String::as_str)
    }

    async fn index(&self, url: &str, payload: &[u8], time_max: Duration) -> Result<Vec<u8>, InvokeError> {
        let failed = |why: &str| InvokeError::Failed(why.to_owned());
        let message = read(payload).ok_or_else(|| failed("the payload is no message of a log subscription"))?;
        if message.message_type == "CONTROL_MESSAGE" {
            // Whether the domain is there.
            self.send(self.client.get(format!("{url}/")), time_max).await?;
            return Ok(b"null".to_vec());
        }
        let post = self.client.post(format!("{url}/_bulk")).header("content-type", "application/x-ndjson");
        let answer = self.send(post.body(bulk(&message)), time_max).await?;
        let answer: Answer = serde_json::from_slice(&answer).map_err(|_| failed("the answer is not that of _bulk"))?;
        let items = || answer.items.iter().flat_map(BTreeMap::values);
        if answer.errors && items().any(|item| item.status == 429 || item.status >= 500) {
            // All of them once more: what is indexed already has the same id.
            return Err(failed("some documents were not indexed now"));
        }
        let refused = items().filter(|item| item.status >= 300).count();
        if let Some(item) = items().find(|item| item.status >= 300) {
            let (log_group, why) = (&message.log_group, &item.error);
            tracing::warn!(log_group, documents = refused, %why, "documents were refused, and are left out");
        }
        Ok(json!({ "indexed": items().count() - refused, "refused": refused }).to_string().into_bytes())
    }

    async fn send(&self, request: reqwest::RequestBuilder, time_max: Duration) -> Result<Vec<u8>, InvokeError> {
        let failed = |error: reqwest::Error| InvokeError::Failed(error.without_url().to_string());
        let mut response = request.timeout(time_max).send().await.map_err(failed)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            answer.extend(&piece);
            if answer.len() > BULK_ANSWER_BYTES_MAX {
                return Err(InvokeError::Failed("the domain's answer is too long".to_owned()));
            }
        }
        match status.is_success() {
            true => Ok(answer),
            false => Err(InvokeError::Failed(format!("the domain answered {}", status.as_u16()))),
        }
    }
}

impl Functions for OpenSearchFunctions {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
        time_max: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, InvokeError>> {
        match self.domain(function) {
            Some(url) => Box::pin(async move { self.index(url, &payload, time_max).await }),
            None => self.others.invoke(function, payload, time_max),
        }
    }
}

impl fmt::Debug for OpenSearchFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.domains.keys().collect();
        f.debug_struct("OpenSearchFunctions")
            .field("domains", &names)
            .field("others", &self.others)
            .finish_non_exhaustive()
    }
}

/// The message in a function's payload.
fn read(payload: &[u8]) -> Option<Message> {
    let payload: Value = serde_json::from_slice(payload).ok()?;
    let data = STANDARD.decode(payload.get("awslogs")?.get("data")?.as_str()?).ok()?;
    let mut message = Vec::new();
    // One byte more than there may be tells that there is more.
    GzDecoder::new(&data[..]).take(SUBSCRIPTION_MESSAGE_BYTES_MAX + 1).read_to_end(&mut message).ok()?;
    if message.len() as u64 > SUBSCRIPTION_MESSAGE_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&message).ok()
}

/// The body of `_bulk`: two lines for each event.
fn bulk(message: &Message) -> Vec<u8> {
    let mut body = Vec::new();
    for event in &message.log_events {
        let time = Timestamp::from_millisecond(event.timestamp).unwrap_or_default();
        let action = json!({ "index": { "_index": time.strftime("cwl-%Y.%m.%d").to_string(), "_id": event.id } });
        let mut document = source(event);
        for (name, value) in [
            ("@id", event.id.as_str().into()),
            ("@timestamp", Value::String(time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())),
            ("@message", event.message.as_str().into()),
            ("@owner", message.owner.as_str().into()),
            ("@log_group", message.log_group.as_str().into()),
            ("@log_stream", message.log_stream.as_str().into()),
        ] {
            document.insert(name.to_owned(), value);
        }
        for line in [action, Value::Object(document)] {
            body.extend(line.to_string().as_bytes());
            body.push(b'\n');
        }
    }
    body
}

/// What is indexed of an event beside what every event has: the fields of its line, or the JSON in it.
fn source(event: &Event) -> Map<String, Value> {
    let Some(fields) = &event.extracted_fields else { return embedded(&event.message).unwrap_or_default() };
    let mut source = Map::new();
    for (name, text) in fields.iter().filter(|(_, text)| !text.is_empty()) {
        if let Some(number) = number(text) {
            source.insert(name.clone(), number);
            continue;
        }
        if let Some(object) = embedded(text) {
            source.insert(format!("${name}"), Value::Object(object));
        }
        source.insert(name.clone(), text.as_str().into());
    }
    source
}

/// The number that a text is.
fn number(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return None;
    }
    let whole = text.parse::<i64>().ok().map(Value::from);
    whole.or_else(|| text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from))
}

/// The JSON object from the first brace to the end.
fn embedded(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text.get(text.find('{')?..)?).ok()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Write as _;
    use std::sync::Mutex;

    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::net::TcpListener;
    use watchkeep_core::ports::NoFunctions;

    use super::*;

    fn event(message: &str, fields: Option<&[(&str, &str)]>) -> Event {
        let fields = fields.map(|fields| fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        Event { id: "1".into(), timestamp: 1_714_557_600_123, message: message.into(), extracted_fields: fields }
    }

    #[test]
    fn documents_are_built_of_fields_or_of_json() {
        type Case<'t> = (&'t str, Option<&'t [(&'t str, &'t str)]>, Value);
        let cases: &[Case<'_>] = &[
            ("plain", None, json!({})),
            (r#"INFO {"a":1}"#, None, json!({"a": 1})),
            (r#"{"a":1} tail"#, None, json!({})),
            ("x", Some(&[("n", "12"), ("f", "1.5"), ("t", "a"), ("e", "")]), json!({"n": 12, "f": 1.5, "t": "a"})),
            ("x", Some(&[("j", r#"r {"b":2}"#)]), json!({"$j": {"b": 2}, "j": r#"r {"b":2}"#})),
            ("x", Some(&[("i", "inf"), ("v", "1.2.3"), ("d", "-")]), json!({"i": "inf", "v": "1.2.3", "d": "-"})),
        ];
        for (message, fields, expected) in cases {
            assert_eq!(Value::Object(source(&event(message, *fields))), *expected, "{message}");
        }
    }

    #[test]
    fn a_bulk_has_two_lines_for_each_event() {
        let message = Message {
            message_type: "DATA_MESSAGE".into(),
            owner: "123456789012".into(),
            log_group: "g".into(),
            log_stream: "s".into(),
            log_events: vec![event("m", None)],
        };
        let body = String::from_utf8(bulk(&message)).unwrap();
        let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = [
            json!({"index": {"_index": "cwl-2024.05.01", "_id": "1"}}),
            json!({
                "@id": "1", "@timestamp": "2024-05-01T10:00:00.123Z", "@message": "m", "@owner": "123456789012",
                "@log_group": "g", "@log_stream": "s"
            }),
        ];
        assert_eq!(lines, expected);
        assert!(body.ends_with('\n'));
    }

    fn payload(message: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(message.as_bytes()).unwrap();
        json!({ "awslogs": { "data": STANDARD.encode(encoder.finish().unwrap()) } }).to_string().into_bytes()
    }

    fn data(id: &str) -> Vec<u8> {
        payload(&format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{{"id":"{id}","timestamp":0,"message":"m"}}]}}"#
        ))
    }

    /// A domain that takes documents by their ids: `busy` not now, `bad` never.
    async fn domain(seen: Arc<Mutex<Vec<String>>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answer = move |request: http::Request<hyper::body::Incoming>| {
            let seen = seen.clone();
            async move {
                let path = format!("{} {}", request.method(), request.uri().path());
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let status = |text: &str| match text {
                    text if text.contains("busy") => 429,
                    text if text.contains("bad") => 400,
                    _ => 201,
                };
                let status = status(&String::from_utf8_lossy(&body));
                seen.lock().unwrap().push(path);
                let answer = json!({"errors": status >= 300, "items": [{"index": {"status": status, "error": "e"}}]});
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(answer.to_string()))))
            }
        };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let answer = answer.clone();
                tokio::spawn(async move {
                    server.serve_connection(TokioIo::new(stream), service_fn(answer)).await.ok();
                });
            }
        });
        url
    }

    #[tokio::test]
    async fn events_are_indexed_and_what_is_refused_for_now_is_told() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let url = domain(seen.clone()).await;
        let functions = OpenSearchFunctions::new([("search".to_owned(), url)], Arc::new(NoFunctions)).unwrap();
        let invoke = |payload: Vec<u8>| functions.invoke("search:live", payload, Duration::from_secs(60));
        let done = |text: &str| Ok(text.as_bytes().to_vec());
        assert_eq!(invoke(data("fine")).await, done(r#"{"indexed":1,"refused":0}"#));
        assert_eq!(invoke(data("bad")).await, done(r#"{"indexed":0,"refused":1}"#));
        let busy = InvokeError::Failed("some documents were not indexed now".to_owned());
        assert_eq!(invoke(data("busy")).await, Err(busy));
        let control = r#"{"messageType":"CONTROL_MESSAGE","owner":"","logGroup":"","logStream":"","logEvents":[]}"#;
        assert_eq!(invoke(payload(control)).await, done("null"));
        let other = InvokeError::Failed("the payload is no message of a log subscription".to_owned());
        assert_eq!(invoke(b"{}".to_vec()).await, Err(other));
        let unknown = functions.invoke("other", data("1"), Duration::from_secs(1)).await;
        assert_eq!(unknown, Err(InvokeError::Unknown("other".to_owned())));
        assert_eq!(*seen.lock().unwrap(), ["POST /_bulk", "POST /_bulk", "POST /_bulk", "GET /"]);
    }
}
