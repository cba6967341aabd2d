//! A request of logs: each record becomes an event whose message is the record as JSON, with its resource and its scope
//! ("Sending logs using the OTLP endpoint").

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Map, Value, json};
use watchkeep_core::ports::{IfAbsent, LogEventInput, LogSink, LogSinkError, MetricPlace, Unstored};
use watchkeep_core::{Clock, Proof, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_wire::sigv4::{ErrorFamily, access_denied};

use crate::answer::too_large;
use crate::limits::{EVENTS_BYTES_MAX, RECORDS_MAX};
use crate::log_messages::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse, LogRecord, ResourceLogs,
};
use crate::messages::{AnyValue, InstrumentationScope, KeyValue};

/// The headers that name group and stream of all records of a request.
const GROUP_HEADER: &str = "x-aws-log-group";
const STREAM_HEADER: &str = "x-aws-log-stream";

/// The attributes of a resource that name them, if no header does ("AWS Logs", OpenTelemetry's semantic conventions).
const GROUP_ATTRIBUTE: &str = "aws.log.group.names";
const STREAM_ATTRIBUTE: &str = "aws.log.stream.names";

/// What the names of groups begin with that nobody named; the service's name follows.
const GROUP_PREFIX: &str = "/opentelemetry/";

/// The stream of a process that does not say which it is.
const STREAM: &str = "default";

/// Logs' part.
pub(crate) struct Logs {
    pub(crate) sink: Arc<dyn LogSink>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where the records of a resource go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Destination {
    group: String,
    stream: String,
}

impl Logs {
    /// Takes a request.
    ///
    /// # Errors
    /// If it holds too much (413), if group or stream that a header names are not there (400), if it came with a bearer token and a
    /// group takes none (403), or none of it could be kept just now (503).
    pub(crate) async fn export(
        &self,
        place: &MetricPlace,
        proof: Proof,
        headers: &HeaderMap,
        request: ExportLogsServiceRequest,
    ) -> Result<ExportLogsServiceResponse, ServiceError> {
        if request.records() > RECORDS_MAX {
            return Err(too_large());
        }
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).filter(|name| !name.is_empty());
        let (named_group, named_stream) = (header(GROUP_HEADER), header(STREAM_HEADER));
        // Who names a group by a header does it as for CloudWatch, where it must be there; and nothing is created by a token.
        let if_absent = match (named_group, proof) {
            (None, Proof::AccessKey) => IfAbsent::Create,
            (Some(_), _) | (_, Proof::BearerToken) => IfAbsent::Refuse,
        };
        let now = self.clock.now();
        let mut events: BTreeMap<Destination, Vec<LogEventInput>> = BTreeMap::new();
        let mut bytes_left = EVENTS_BYTES_MAX;
        for resource in request.resource_logs {
            let attributes = resource.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
            let destination = destination(attributes, named_group, named_stream);
            add(resource, now, events.entry(destination).or_default(), &mut bytes_left)?;
        }
        events.retain(|_, events| !events.is_empty());
        if proof == Proof::BearerToken {
            let groups = events.keys().map(|destination| &destination.group);
            self.check_bearer_tokens(place, groups)?;
        }
        let mut unstored = Unstored::default();
        for (Destination { group, stream }, events) in events {
            let more = self.sink.put(place, &group, &stream, if_absent, events).await.map_err(failed)?;
            unstored.too_old += more.too_old;
            unstored.too_new += more.too_new;
            unstored.expired += more.expired;
            unstored.too_large += more.too_large;
        }
        let partial_success = (unstored.total() > 0).then(|| ExportLogsPartialSuccess {
            rejected_log_records: unstored.total() as i64,
            error_message: reasons(&unstored),
        });
        Ok(ExportLogsServiceResponse { partial_success })
    }

    /// Refuses a request with a bearer token, as a whole, if one of its groups takes none, as a group that is not there
    /// takes none.
    fn check_bearer_tokens<'g>(
        &self,
        place: &MetricPlace,
        mut groups: impl Iterator<Item = &'g String>,
    ) -> Result<(), ServiceError> {
        match groups.find(|group| !self.sink.takes_bearer_tokens(place, group)) {
            Some(group) => {
                let message = format!("Bearer token authentication is not enabled for the log group {group}.");
                Err(access_denied(ErrorFamily::RestJson, message))
            }
            None => Ok(()),
        }
    }
}

fn failed(error: LogSinkError) -> ServiceError {
    match error {
        LogSinkError::Busy(_) => {
            ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, "Logs are busy. Try again.")
        }
        LogSinkError::Refused(message) => {
            ServiceError::common("InvalidParameterException", "InvalidParameterValue", 400, message)
        }
    }
}

/// Why records were not stored: counts by their names, those that are not zero.
fn reasons(unstored: &Unstored) -> String {
    let Unstored { too_old, expired, too_new, too_large } = *unstored;
    let counts = [
        ("tooOldLogEventCount", too_old),
        ("tooNewLogEventCount", too_new),
        ("expiredLogEventCount", expired),
        ("tooLargeLogEventCount", too_large),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    Value::Object(counts.map(|(name, count)| (name.to_owned(), count.into())).collect()).to_string()
}

fn destination(attributes: &[KeyValue], group: Option<&str>, stream: Option<&str>) -> Destination {
    let of = |key: &str| attributes.iter().find(|attribute| attribute.key == key).and_then(first_text);
    let group = match group.or_else(|| of(GROUP_ATTRIBUTE)) {
        Some(group) => group.to_owned(),
        None => {
            let service = of("service.name").filter(|name| !name.is_empty()).unwrap_or("unknown_service");
            let is_of_name = |character: char| character.is_ascii_alphanumeric() || "._-/#".contains(character);
            let plain = service.chars().map(|character| if is_of_name(character) { character } else { '_' });
            GROUP_PREFIX.chars().chain(plain).take(512).collect()
        }
    };
    let stream =
        stream.or_else(|| of(STREAM_ATTRIBUTE)).or_else(|| of("service.instance.id")).or_else(|| of("host.name"));
    let stream = stream.filter(|name| !name.is_empty()).unwrap_or(STREAM);
    let stream = stream.chars().map(|character| if ":*".contains(character) { '_' } else { character });
    Destination { group, stream: stream.take(512).collect() }
}

/// The text of an attribute, or the first of a list of texts.
fn first_text(attribute: &KeyValue) -> Option<&str> {
    let value = attribute.value.as_ref()?;
    let of_list = || value.array_value.as_ref()?.values.first()?.string_value.as_deref();
    value.string_value.as_deref().or_else(of_list)
}

/// Adds the records of a resource as events, which may have so many bytes.
fn add(
    resource: ResourceLogs,
    now: TimestampMs,
    events: &mut Vec<LogEventInput>,
    bytes_left: &mut usize,
) -> Result<(), ServiceError> {
    let about_resource = resource.resource.map(|resource| json!({ "attributes": object(&resource.attributes) }));
    for scope in resource.scope_logs {
        let about_scope = scope.scope.as_ref().map(describe);
        for record in &scope.log_records {
            let mut message = Map::new();
            message.extend(about_resource.clone().map(|resource| ("resource".to_owned(), resource)));
            message.extend(about_scope.clone().map(|scope| ("scope".to_owned(), scope)));
            describe_record(record, &mut message);
            let nanos = [record.time_unix_nano, record.observed_time_unix_nano].into_iter().find(|nanos| *nanos > 0);
            let time = nanos.map_or(now, |nanos| TimestampMs((nanos / 1_000_000) as i64));
            let message = Value::Object(message).to_string();
            *bytes_left = bytes_left.checked_sub(message.len()).ok_or_else(too_large)?;
            events.push(LogEventInput { time, message });
        }
    }
    Ok(())
}

fn describe(scope: &InstrumentationScope) -> Value {
    let mut described = Map::from_iter([("name".to_owned(), scope.name.clone().into())]);
    if !scope.version.is_empty() {
        described.insert("version".to_owned(), scope.version.clone().into());
    }
    if !scope.attributes.is_empty() {
        described.insert("attributes".to_owned(), object(&scope.attributes));
    }
    Value::Object(described)
}

fn describe_record(record: &LogRecord, message: &mut Map<String, Value>) {
    let LogRecord { time_unix_nano, observed_time_unix_nano, severity_number, dropped_attributes_count, flags, .. } =
        record;
    let numbers = [
        ("timeUnixNano", *time_unix_nano),
        ("observedTimeUnixNano", *observed_time_unix_nano),
        ("severityNumber", severity_number.unsigned_abs().into()),
        ("droppedAttributesCount", (*dropped_attributes_count).into()),
        ("flags", (*flags).into()),
    ];
    message.extend(
        numbers.into_iter().filter(|(_, number)| *number > 0).map(|(name, number)| (name.into(), number.into())),
    );
    let texts = [
        ("severityText", record.severity_text.clone()),
        ("eventName", record.event_name.clone()),
        ("traceId", hex::encode(&record.trace_id)),
        ("spanId", hex::encode(&record.span_id)),
    ];
    message
        .extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.into(), text.into())));
    if let Some(body) = &record.body {
        message.insert("body".into(), value(body));
    }
    if !record.attributes.is_empty() {
        message.insert("attributes".into(), object(&record.attributes));
    }
}

/// Attributes as an object; the last of those that have one key counts.
fn object(attributes: &[KeyValue]) -> Value {
    let member = |attribute: &KeyValue| (attribute.key.clone(), attribute.value.as_ref().map_or(Value::Null, value));
    Value::Object(attributes.iter().map(member).collect())
}

/// A value as JSON: numbers that JSON lacks are words, bytes base64.
fn value(of: &AnyValue) -> Value {
    match of {
        AnyValue { string_value: Some(text), .. } => text.clone().into(),
        AnyValue { bool_value: Some(boolean), .. } => (*boolean).into(),
        AnyValue { int_value: Some(integer), .. } => (*integer).into(),
        AnyValue { double_value: Some(number), .. } if number.is_finite() => (*number).into(),
        AnyValue { double_value: Some(number), .. } if number.is_nan() => "NaN".into(),
        AnyValue { double_value: Some(number), .. } => if *number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        AnyValue { array_value: Some(list), .. } => list.values.iter().map(value).collect(),
        AnyValue { kvlist_value: Some(list), .. } => object(&list.values),
        AnyValue { bytes_value: Some(bytes), .. } => STANDARD.encode(bytes).into(),
        _ => Value::Null,
    }
}
