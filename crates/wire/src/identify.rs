//! Which service, operation and protocol a request asks for. In this order: the Smithy path, `X-Amz-Target`, a Query form's
//! `Action` and `Version`, a REST route. Where several services would fit, the signature's scope decides, then the first
//! label of the host.

use std::borrow::Cow;

use http::Method;
use http::header::{CONTENT_TYPE, HOST};
use watchkeep_model::{Operation, Protocol, Service, ServiceError};

use crate::cbor::rpc::{RPC_V2_CBOR, SMITHY_PROTOCOL, path_name};
use crate::limits::FORM_PARAMETERS_SCANNED;
use crate::protocol::{Call, Head};
use crate::query::decode_component;
use crate::rest;
use crate::service::unknown_operation;

/// A request that asks for no operation of the services there are.
#[derive(Debug)]
pub struct Unidentified {
    /// The protocol to tell the error in.
    pub protocol: Protocol,
    /// The service, if that is known.
    pub service: Option<&'static Service>,
    /// The error.
    pub error: ServiceError,
}

/// Whether [`identify`] must see the body: it is a form, and nothing before it names the operation.
pub fn needs_form(head: &Head<'_>) -> bool {
    let form = content_type(head).is_some_and(|value| value.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    form && head.method == Method::POST && !head.headers.contains_key("x-amz-target") && smithy_path(head).is_none()
}

/// Finds the operation among those of `services`. `form` is the body if [`needs_form`]; `scope` is the service name of the
/// signature's credential scope, if there is one.
///
/// # Errors
/// In the client's protocol: `UnknownOperationException`, `InvalidAction`, `MissingAction`.
pub fn identify(
    head: &Head<'_>,
    form: Option<&[u8]>,
    scope: Option<&str>,
    services: &[&'static Service],
) -> Result<Call, Unidentified> {
    if let Some((service, operation)) = smithy_path(head) {
        return by_smithy_path(service, operation, services);
    }
    if let Some(target) = head.header("x-amz-target").filter(|_| head.method == Method::POST) {
        return by_target(head, target, services);
    }
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let in_query = Parameters::of(query);
    let parameters = match form {
        // A form may leave it to the query string to name the operation.
        Some(form) => Some(Parameters::of(form).or(in_query)),
        None => Some(in_query).filter(|parameters| parameters.action.is_some()),
    };
    let preference = Preference { scope, label: host_label(head) };
    match parameters {
        Some(parameters) if form.is_some() || (asks(head.method) && preference.speaks_query(services)) => {
            by_action(&parameters, &preference, services)
        }
        _ => by_route(head, &preference, services),
    }
}

/// Whether a request of this method may have its parameters in the query string.
fn asks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::POST | Method::HEAD)
}

/// `/service/<Name>/operation/<Operation>`, at the end of the path, of a request that says it speaks the protocol.
fn smithy_path<'a>(head: &Head<'a>) -> Option<(&'a str, &'a str)> {
    let said = head.header(SMITHY_PROTOCOL).is_some_and(|value| value == RPC_V2_CBOR)
        || content_type(head).is_some_and(|value| value.eq_ignore_ascii_case("application/cbor"));
    if !said || head.method != Method::POST {
        return None;
    }
    let (rest, operation) = head.uri.path().rsplit_once("/operation/")?;
    let (_, service) = rest.rsplit_once("/service/")?;
    Some((service, operation))
}

fn by_smithy_path(name: &str, operation: &str, services: &[&'static Service]) -> Result<Call, Unidentified> {
    let protocol = Protocol::RpcV2Cbor;
    // A namespace may stand before the name, as in the name of the service's shape.
    let name = name.rsplit(['.', '#']).next().unwrap_or(name);
    let service = services.iter().find(|service| service.protocols.contains(&protocol) && path_name(service) == name);
    let found = service.and_then(|service| Some((*service, service.operation(operation)?)));
    found
        .map(|(service, operation)| Call { service, operation, protocol })
        .ok_or_else(|| unknown(protocol, service.copied()))
}

fn by_target(head: &Head<'_>, target: &str, services: &[&'static Service]) -> Result<Call, Unidentified> {
    let said = match content_type(head).unwrap_or_default() {
        "application/x-amz-json-1.0" => Some(Protocol::AwsJson10),
        "application/x-amz-json-1.1" => Some(Protocol::AwsJson11),
        "application/x-amz-cbor-1.1" => Some(Protocol::AwsCbor11),
        _ => None,
    };
    let refuse = |service| unknown(said.unwrap_or(Protocol::AwsJson11), service);
    let (prefix, operation) = target.rsplit_once('.').ok_or_else(|| refuse(None))?;
    let service =
        services.iter().copied().find(|service| service.target_prefix.is_some_and(|own| same_target(own, prefix)));
    let service = service.ok_or_else(|| refuse(None))?;
    let operation = service.operation(operation).ok_or_else(|| refuse(Some(service)))?;
    let json = |protocol: &&Protocol| matches!(protocol, Protocol::AwsJson10 | Protocol::AwsJson11);
    // A client may speak either version; one that does not say gets the service's own.
    let protocol = said.or_else(|| service.protocols.iter().find(json).copied()).ok_or_else(|| refuse(None))?;
    Ok(Call { service, operation, protocol })
}

/// Some SDKs send the whole prefix, as `com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101`, others its last part.
fn same_target(own: &str, sent: &str) -> bool {
    let last = |prefix| str::rsplit(prefix, '.').next().unwrap_or(prefix);
    last(own) == last(sent)
}

/// What of a Query request names its operation.
#[derive(Default)]
struct Parameters<'a> {
    action: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
}

impl<'a> Parameters<'a> {
    fn of(form: &'a [u8]) -> Self {
        let mut found = Parameters::default();
        for pair in form.split(|byte| *byte == b'&').take(FORM_PARAMETERS_SCANNED) {
            let value = |name: &[u8]| {
                let value = pair.strip_prefix(name)?.strip_prefix(b"=")?;
                decode_component(std::str::from_utf8(value).ok()?)
            };
            found.action = found.action.or_else(|| value(b"Action"));
            found.version = found.version.or_else(|| value(b"Version"));
            if found.action.is_some() && found.version.is_some() {
                break;
            }
        }
        found
    }

    /// These, and those of `others` that are absent here.
    fn or(self, others: Parameters<'a>) -> Self {
        Parameters { action: self.action.or(others.action), version: self.version.or(others.version) }
    }
}

fn by_action(
    parameters: &Parameters<'_>,
    preference: &Preference<'_>,
    services: &[&'static Service],
) -> Result<Call, Unidentified> {
    let protocol = Protocol::AwsQuery;
    let named = preference.choose(services).filter(|service| service.protocols.contains(&protocol));
    let refuse = |service, error| Unidentified { protocol, service, error };
    let Some(action) = parameters.action.as_deref().filter(|action| !action.is_empty()) else {
        return Err(refuse(named, ServiceError::common("MissingAction", "MissingAction", 400, "Missing Action")));
    };
    let version = parameters.version.as_deref();
    let speaks = |service: &&&'static Service| {
        service.protocols.contains(&protocol) && version.is_none_or(|version| service.api_version == version)
    };
    let candidates: Vec<&'static Service> = services.iter().filter(speaks).copied().collect();
    let call = |(service, operation)| Call { service, operation, protocol };
    let with_operation = |service: &'static Service| Some((service, service.operation(action)?));
    let preferred = preference.choose(&candidates).and_then(with_operation);
    preferred.or_else(|| candidates.iter().copied().find_map(with_operation)).map(call).ok_or_else(|| {
        // Its version tells a service as well as anything.
        let of_version = candidates.first().copied().filter(|_| version.is_some());
        refuse(named.or(of_version), invalid_action(action, version))
    })
}

/// The error for a call of an operation that the model has and the service does not offer: that of one there is not.
pub fn not_routed(call: &Call) -> ServiceError {
    match call.protocol {
        Protocol::AwsQuery => invalid_action(call.operation.name, Some(call.service.api_version)),
        // S3's word for what a server of its API does not have.
        Protocol::RestXml => {
            let message = "A header you provided implies functionality that is not implemented.";
            ServiceError::common("NotImplemented", "NotImplemented", 501, message)
        }
        _ => unknown_operation(),
    }
}

fn invalid_action(action: &str, version: Option<&str>) -> ServiceError {
    let version = version.map(|version| format!(" for version {version}")).unwrap_or_default();
    let text = format!("Could not find operation {action}{version}");
    ServiceError::common("InvalidAction", "InvalidAction", 400, text)
}

/// By the REST route. Routes of different services may look alike, and S3's fits nearly every path: the preferred service is
/// tried alone; without one, the others before S3's protocol.
fn by_route(head: &Head<'_>, preference: &Preference<'_>, services: &[&'static Service]) -> Result<Call, Unidentified> {
    let rest = |service: &'static Service| {
        let speaks = |protocol: &&Protocol| matches!(protocol, Protocol::RestJson | Protocol::RestXml);
        Some((service, *service.protocols.iter().find(speaks)?))
    };
    let call = |(service, protocol)| {
        rest::find(head, service).map(|operation: &'static Operation| Call { service, operation, protocol })
    };
    if let Some(preferred) = preference.choose(services).and_then(rest) {
        return call(preferred).ok_or_else(|| unknown(preferred.1, Some(preferred.0)));
    }
    let mut candidates: Vec<_> = services.iter().copied().filter_map(rest).collect();
    candidates.sort_by_key(|(_, protocol)| *protocol == Protocol::RestXml);
    candidates.into_iter().find_map(call).ok_or_else(|| unknown(Protocol::RestJson, None))
}

/// What tells services apart beyond the request's own words.
struct Preference<'a> {
    scope: Option<&'a str>,
    label: Option<&'a str>,
}

impl Preference<'_> {
    /// The service that the signature's scope names, else the one that the host's first label names.
    fn choose(&self, services: &[&'static Service]) -> Option<&'static Service> {
        let by_scope = || services.iter().find(|service| self.scope == Some(service.signing_name));
        // SDKs may put something before the label, as `stream-logs`.
        let label = self.label.map(|label| label.rsplit_once("stream-").map_or(label, |(_, rest)| rest));
        let by_label = || services.iter().find(|service| label == Some(service.endpoint_prefix));
        by_scope().or_else(by_label).copied()
    }

    /// Whether parameters in a query string may be a Query call: not those of a REST service, as S3's.
    fn speaks_query(&self, services: &[&'static Service]) -> bool {
        self.choose(services).is_none_or(|service| service.protocols.contains(&Protocol::AwsQuery))
    }
}

/// The first label of the host name that the request was sent to.
fn host_label<'a>(head: &Head<'a>) -> Option<&'a str> {
    let host = head.header(HOST.as_str()).or_else(|| head.uri.authority().map(|authority| authority.as_str()))?;
    host.split(['.', ':']).next()
}

/// The media type without its parameters.
fn content_type<'a>(head: &Head<'a>) -> Option<&'a str> {
    Some(head.header(CONTENT_TYPE.as_str())?.split(';').next().unwrap_or_default().trim())
}

fn unknown(protocol: Protocol, service: Option<&'static Service>) -> Unidentified {
    Unidentified { protocol, service, error: unknown_operation() }
}
