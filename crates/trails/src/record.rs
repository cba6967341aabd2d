//! A finished call as a CloudTrail record, event version 1.11: the user guide's page "CloudTrail record contents".

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use watchkeep_core::ports::{BusEvent, FinishedCall, MetricPlace, ServiceEvent};
use watchkeep_core::{Principal, Proof, TimestampMs};
use watchkeep_model::SERVICES;
use watchkeep_store::Rows;

use crate::classify::{self, Category};
use crate::identity;
use crate::limits::TEXT_BYTES_MAX;
use crate::named::{self, Named};
use crate::parameters;
use crate::selectors::{Field, Test};

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordKind {
    /// A call.
    Call,
    /// What a service did by itself.
    ServiceEvent,
}

impl RecordKind {
    /// The word in records (`eventType`).
    fn as_str(self) -> &'static str {
        match self {
            RecordKind::Call => "AwsApiCall",
            RecordKind::ServiceEvent => "AwsServiceEvent",
        }
    }
}

/// A record, and what the event history needs to know of it.
#[derive(Debug)]
pub struct Recorded {
    kind: RecordKind,
    time: TimestampMs,
    account: String,
    region: String,
    category: Category,
    event_id: String,
    event_name: String,
    event_source: String,
    username: Option<String>,
    user_arn: Option<String>,
    access_key: Option<String>,
    read_only: bool,
    resources: Vec<Named>,
    /// Of what type the resource of a data event is.
    data_type: Option<&'static str>,
    json: String,
}

impl Recorded {
    /// The record of a call.
    pub fn new(mut call: FinishedCall, event_id: String) -> Recorded {
        let category = classify::category(call.service, call.operation);
        let read_only = classify::is_read_only(call.service, call.operation);
        if let Some(input) = &mut call.request_parameters {
            parameters::hide(call.service, call.operation, input);
            parameters::fill(call.service, call.operation, input);
        }
        let data_type = match category {
            Category::Management => None,
            Category::Data => classify::data_resource_type(call.service, call.operation),
        };
        let mut data_resource = None;
        if category == Category::Data {
            // Of what is content, not even the names of its parts.
            let input = call.request_parameters.get_or_insert_default();
            named::retain_data_members(call.service, input);
            let place = (call.caller.account.as_str(), call.caller.region.as_str());
            let arn = named::data_arn(call.service, input, place);
            data_resource = data_type.zip(arn).map(|(kind, name)| Named { kind: kind.to_owned(), name });
            call.response_elements = None;
        }
        let failed = call.error.is_some();
        let output = call.response_elements.take().filter(|_| !failed);
        // What an answer names is known even where the record does not show it: the key that an alias stood for.
        let mut resources =
            named::named(call.service, call.operation, call.request_parameters.as_ref(), output.as_ref());
        if let Some(resource) = data_resource.filter(|resource| !resources.contains(resource)) {
            resources.push(resource);
        }
        let mut output = output.filter(|_| !read_only);
        if let Some(output) = &mut output {
            parameters::hide_output(call.service, call.operation, output);
        }
        let operation = SERVICES.iter().find(|model| model.name == call.service);
        let operation = operation.and_then(|model| model.operation(call.operation));
        let input = call.request_parameters.take();
        let (input, output) = match operation {
            Some(operation) => (
                input.map(|input| parameters::shown(operation.input, input)),
                output.map(|output| parameters::shown(operation.output, output)),
            ),
            None => (None, None),
        };
        let event_source = classify::event_source(call.service);
        let event_name = classify::event_name(call.service, call.operation).to_owned();
        let region = match classify::home_region(call.service) {
            Some(home) => home.to_owned(),
            None => call.caller.region.to_string(),
        };
        let account = call.caller.account.to_string();
        let caller = &call.caller;
        let (address, agent) = match &caller.principal {
            Principal::Service(name) => ((*name).to_owned(), Some(*name)),
            _ => (caller.source_address.to_string(), caller.user_agent.as_deref()),
        };
        let tls = call.tls.as_ref().map(|(version, suite)| TlsDetails {
            tls_version: version,
            cipher_suite: suite,
            client_provided_host_header: call.host.as_deref(),
        });
        let json = to_json(&Record {
            event_version: "1.11",
            user_identity: identity::user_identity(caller),
            event_time: iso8601(call.finished_at),
            event_source: &event_source,
            event_name: &event_name,
            aws_region: &region,
            source_ip_address: &address,
            user_agent: agent.map(|agent| cut(agent, TEXT_BYTES_MAX)),
            error_code: call.error.as_ref().map(|(code, _)| cut(code, TEXT_BYTES_MAX)),
            error_message: call.error.as_ref().map(|(_, message)| cut(message, TEXT_BYTES_MAX)),
            request_parameters: raw("requestParameters", input),
            response_elements: raw("responseElements", output),
            additional_event_data: (caller.client.proof == Proof::BearerToken)
                .then(|| json!({"callWithBearerToken": true})),
            request_id: Some(&caller.request_id),
            event_id: &event_id,
            read_only,
            resources: of_arns(&resources, &account),
            event_type: RecordKind::Call.as_str(),
            api_version: classify::api_version(call.service, call.api_version),
            management_event: category == Category::Management,
            recipient_account_id: &account,
            event_category: category.as_str(),
            tls_details: tls,
            service_event_details: None,
        });
        Recorded {
            kind: RecordKind::Call,
            time: call.finished_at,
            category,
            event_id,
            username: identity::username(caller).map(str::to_owned),
            user_arn: caller.principal_arn(),
            access_key: caller.access_key_id.as_deref().map(str::to_owned),
            read_only,
            resources,
            data_type,
            account,
            region,
            event_name,
            event_source,
            json,
        }
    }

    /// The record of what a service did by itself: the user guide's page "AWS service events".
    pub fn of_event(event: ServiceEvent, event_id: String) -> Recorded {
        const INTERNAL: &str = "AWS Internal";
        let (account, region) = (event.account.to_string(), event.region.to_string());
        let event_source = classify::event_source(event.service);
        let resources = vec![Named { kind: event.resource_type.to_owned(), name: event.resource_arn }];
        let json = to_json(&Record {
            event_version: "1.11",
            user_identity: json!({"accountId": account, "invokedBy": INTERNAL}),
            event_time: iso8601(event.happened_at),
            event_source: &event_source,
            event_name: event.name,
            aws_region: &region,
            source_ip_address: INTERNAL,
            user_agent: Some(INTERNAL),
            error_code: None,
            error_message: None,
            request_parameters: None,
            response_elements: None,
            additional_event_data: None,
            request_id: None,
            event_id: &event_id,
            read_only: false,
            resources: of_arns(&resources, &account),
            event_type: RecordKind::ServiceEvent.as_str(),
            api_version: None,
            management_event: true,
            recipient_account_id: &account,
            event_category: Category::Management.as_str(),
            tls_details: None,
            service_event_details: Some(Value::Object(event.details)),
        });
        Recorded {
            kind: RecordKind::ServiceEvent,
            time: event.happened_at,
            category: Category::Management,
            event_id,
            username: None,
            user_arn: None,
            access_key: None,
            read_only: false,
            resources,
            data_type: None,
            account,
            region,
            event_name: event.name.to_owned(),
            event_source,
            json,
        }
    }

    /// The event that tells of it; only management calls, and what services do by themselves, are told of. Source: "AWS service
    /// events delivered via AWS CloudTrail".
    pub fn event(&self) -> Option<BusEvent> {
        if self.category != Category::Management {
            return None;
        }
        let service = self.event_source.split('.').next().unwrap_or(&self.event_source);
        Some(BusEvent {
            place: MetricPlace { account: self.account.parse().ok()?, region: self.region.parse().ok()? },
            id: self.event_id.clone(),
            source: format!("aws.{service}").into(),
            detail_type: match self.kind {
                RecordKind::Call => "AWS API Call via CloudTrail",
                RecordKind::ServiceEvent => "AWS Service Event via CloudTrail",
            },
            time: self.time,
            resources: Vec::new(),
            detail: serde_json::from_str(&self.json).ok()?,
        })
    }

    /// The account and the Region that it belongs to.
    pub fn place(&self) -> (&str, &str) {
        (&self.account, &self.region)
    }

    /// Whether a value of a field passes a test.
    pub fn any(&self, field: Field, test: Test<'_>) -> bool {
        let is = |text: Option<&str>| text.is_some_and(test);
        match field {
            Field::EventCategory => test(self.category.as_str()),
            Field::EventName => test(&self.event_name),
            Field::EventSource => test(&self.event_source),
            Field::EventType => test(self.kind.as_str()),
            Field::ReadOnly => test(if self.read_only { "true" } else { "false" }),
            Field::UserIdentityArn => is(self.user_arn.as_deref()),
            Field::ResourcesType => is(self.data_type),
            Field::ResourcesArn => {
                let arns = self.resources.iter().filter(|resource| resource.name.starts_with("arn:"));
                arns.filter(|resource| self.data_type == Some(&resource.kind)).any(|resource| test(&resource.name))
            }
            // Nobody calls from AWS's console, and there are no VPC endpoints.
            Field::SessionCredentialFromConsole | Field::ErrorCode | Field::VpcEndpointId => false,
        }
    }

    /// Adds it to rows of [`crate::tables::STORED_EVENTS`], as an event of the store of this number.
    pub fn write_stored(&self, store_id: u64, rows: &mut Rows) {
        rows.u64(store_id);
        rows.i64(self.time.0);
        rows.text(&self.event_id);
        rows.text(&self.event_name);
        rows.text(&self.event_source);
        rows.text(&self.json);
        rows.end_row();
    }

    /// Adds it to rows of [`crate::tables::AUDIT_EVENTS`].
    pub fn write(&self, rows: &mut Rows) {
        rows.i64(self.time.0);
        rows.text(&self.account);
        rows.text(&self.region);
        rows.text(self.category.as_str());
        rows.text(&self.event_id);
        rows.text(&self.event_name);
        rows.text(&self.event_source);
        text_or_null(rows, self.username.as_deref());
        text_or_null(rows, self.access_key.as_deref());
        rows.text(if self.read_only { "true" } else { "false" });
        text_or_null(rows, named::written(&self.resources).as_deref());
        rows.text(&self.json);
        rows.end_row();
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'static str,
    user_identity: Value,
    event_time: String,
    event_source: &'a str,
    event_name: &'a str,
    aws_region: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    request_parameters: Option<Box<RawValue>>,
    response_elements: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_event_data: Option<Value>,
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(rename = "eventID")]
    event_id: &'a str,
    read_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Value>,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    management_event: bool,
    recipient_account_id: &'a str,
    event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_details: Option<TlsDetails<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_event_details: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsDetails<'a> {
    tls_version: &'a str,
    cipher_suite: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_provided_host_header: Option<&'a str>,
}

fn to_json(record: &Record<'_>) -> String {
    // Only text, numbers and maps with text keys are in it: nothing that cannot be written.
    serde_json::to_string(record).unwrap_or_else(|_| "{}".to_owned())
}

fn raw(what: &str, value: Option<Value>) -> Option<Box<RawValue>> {
    let value = value.filter(|value| !value.is_null())?;
    RawValue::from_string(parameters::within_limit(what, &value)).ok()
}

/// The record's `resources`: those that the call named by their ARN.
fn of_arns(resources: &[Named], account: &str) -> Option<Value> {
    let arns = resources.iter().filter(|resource| resource.name.starts_with("arn:"));
    let arns: Vec<Value> =
        arns.map(|resource| json!({"ARN": resource.name, "accountId": account, "type": resource.kind})).collect();
    (!arns.is_empty()).then(|| Value::Array(arns))
}

fn text_or_null(rows: &mut Rows, text: Option<&str>) {
    match text {
        Some(text) => rows.text(text),
        None => rows.null(),
    }
}

/// `2026-01-15T12:30:45Z`: whole seconds.
fn iso8601(time: TimestampMs) -> String {
    let moment = jiff::Timestamp::from_second(time.seconds()).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The longest beginning of a text of at most `bytes` bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}
