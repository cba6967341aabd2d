//! What the answers of the JSON and CBOR protocols have in common: headers, statuses, the names of errors.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use watchkeep_model::{Protocol, Service, ServiceError};

use crate::constraints::error_schema;

/// How a client wants to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The protocol.
    pub protocol: Protocol,
    /// Whether the client asked for the Query protocol's error codes beside (`x-amzn-query-mode: true`).
    pub query_mode: bool,
}

impl Dialect {
    /// The dialect of a request in this protocol with these headers.
    pub fn of(protocol: Protocol, headers: &HeaderMap) -> Self {
        let query_mode = headers.get("x-amzn-query-mode").is_some_and(|value| value.as_bytes() == b"true");
        Dialect { protocol, query_mode }
    }
}

impl From<Protocol> for Dialect {
    fn from(protocol: Protocol) -> Self {
        Dialect { protocol, query_mode: false }
    }
}

/// An answer with the headers that every answer has.
pub fn response(status: u16, content_type: &'static str, body: Vec<u8>, request_id: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// An error's answer but for the content type: status, and the headers that tell the error's name.
pub fn error_response(
    dialect: Dialect,
    service: Option<&Service>,
    error: &ServiceError,
    request_id: &str,
    body: Vec<u8>,
) -> Response<Vec<u8>> {
    let told = service.is_some_and(|service| service.query_compatible) && dialect.query_mode;
    let modelled = service.is_some_and(|service| error_schema(service, &error.code).is_some());
    let status = match error.status {
        // Errors of the model have the status of their class, unless the client speaks the Query protocol in thought.
        400..500 if modelled && !told => 400,
        500.. if modelled && !told => 500,
        status => status,
    };
    let mut response = response(status, "", body, request_id);
    let headers = response.headers_mut();
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        headers.insert("x-amzn-errortype", code);
    }
    if told {
        let fault = if error.sender { "Sender" } else { "Receiver" };
        if let Ok(value) = HeaderValue::try_from(format!("{};{fault}", error.query_code)) {
            headers.insert("x-amzn-query-error", value);
        }
    }
    response
}

/// The value of `__type`. CloudWatch's carries a namespace, as it does in AWS; clients read what follows `#`.
pub fn type_name(service: Option<&Service>, error: &ServiceError) -> String {
    if service.is_none_or(|service| service.name != "cloudwatch") {
        return error.code.to_string();
    }
    let namespace = match &*error.code {
        "ValidationException" => "com.amazon.coral.validate",
        code if code.starts_with("ResourceNotFound") => "com.amazonaws.cloudwatch.v2010_08_01",
        _ => "com.amazon.coral.service",
    };
    format!("{namespace}#{}", error.code)
}

/// The member of the error's shape that holds the message: `message`, or `Message` where the model has it so.
pub fn message_member(service: Option<&Service>, error: &ServiceError) -> &'static str {
    let schema = match &error.details {
        Some(details) => Some(details.schema()),
        None => service.and_then(|service| error_schema(service, &error.code)),
    };
    let mut members = schema.map_or(&[][..], |schema| schema.members).iter();
    members.find(|member| member.name.eq_ignore_ascii_case("message")).map_or("message", |member| member.wire_name())
}

/// Whether the error's details say a message themselves.
pub fn details_have_message(error: &ServiceError) -> bool {
    let Some(details) = &error.details else { return false };
    let position = details.schema().members.iter().position(|member| member.name.eq_ignore_ascii_case("message"));
    position.is_some_and(|index| details.get(index).is_some())
}

/// The error that an answer of another server tells. What it says of itself comes from the headers first, then the body.
pub fn told_error(
    service: &'static Service,
    status: u16,
    headers: &HeaderMap,
    code: Option<&str>,
    message: Option<&str>,
) -> ServiceError {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let code = code.or_else(|| header("x-amzn-errortype")).unwrap_or("UnknownError");
    // `namespace#Code` in bodies, `Code:http://...` in headers.
    let code = code.rsplit('#').next().unwrap_or(code);
    let code = code.split(':').next().unwrap_or(code);
    let message = message.unwrap_or_default();
    let mut error = match error_schema(service, code) {
        Some(schema) => ServiceError::modelled(schema, message),
        None => ServiceError { code: code.to_owned().into(), ..ServiceError::common("", "", status, message) },
    };
    if let Some((query_code, fault)) = header("x-amzn-query-error").and_then(|value| value.split_once(';')) {
        error.query_code = query_code.to_owned().into();
        error.sender = fault == "Sender";
    } else if error.query_code.is_empty() {
        error.query_code = error.code.clone();
    }
    error
}
