//! awsJson 1.0 and 1.1 on HTTP: `POST /` with the operation in `X-Amz-Target`, errors told by `__type`.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response};
use watchkeep_model::{Protocol, Service, ServiceError, Structure, UNIT};

use super::{Members, decode_members, encode_into, encode_members, encode_string};
use crate::answer::{self, Dialect};
use crate::constraints::Missing;
use crate::protocol::Call;

fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::AwsJson10 => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    }
}

/// The answer of success. An operation without an output answers an empty body.
pub fn encode_response(call: &Call, output: &dyn Structure, request_id: &str) -> Response<Vec<u8>> {
    let body = match std::ptr::eq(output.schema(), &UNIT) {
        true => Vec::new(),
        false => encode_members(output, Members::All),
    };
    answer::response(200, content_type(call.protocol), body, request_id)
}

/// The answer of failure: `{"__type":"...","message":"..."}`, and the error's further members.
pub fn encode_error(
    dialect: Dialect,
    service: Option<&Service>,
    error: &ServiceError,
    request_id: &str,
) -> Response<Vec<u8>> {
    let mut body = b"{\"__type\":".to_vec();
    encode_string(&mut body, &answer::type_name(service, error));
    if let Some(details) = &error.details {
        encode_into(&mut body, &**details, Members::All, &mut false);
    }
    // A message of the details is left empty: the error's own stands in its place.
    if !answer::details_have_message(error) {
        body.extend_from_slice(b",\"");
        body.extend_from_slice(answer::message_member(service, error).as_bytes());
        body.extend_from_slice(b"\":");
        encode_string(&mut body, &error.message);
    }
    body.push(b'}');
    let mut response = answer::error_response(dialect, service, error, request_id, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type(dialect.protocol)));
    response
}

/// The request of a client, without host and signature.
pub fn encode_request(call: &Call, input: &dyn Structure) -> Request<Vec<u8>> {
    let mut request = Request::new(encode_members(input, Members::All));
    *request.method_mut() = http::Method::POST;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(call.protocol)));
    let target = format!("{}.{}", call.service.target_prefix.unwrap_or_default(), call.operation.name);
    if let Ok(target) = HeaderValue::try_from(target) {
        headers.insert("x-amz-target", target);
    }
    if call.service.query_compatible {
        headers.insert("x-amzn-query-mode", HeaderValue::from_static("true"));
    }
    request
}

/// Reads an answer as a client.
///
/// # Errors
/// The error that the answer tells, or that the answer cannot be read.
pub fn decode_response(
    call: &Call,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    output: &mut dyn Structure,
) -> Result<(), ServiceError> {
    if (200..300).contains(&status) {
        return decode_members(body, output, Members::All, &mut Missing::default());
    }
    let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| document.get(name)).and_then(|value| value.as_str());
    Err(answer::told_error(call.service, status, headers, text(&["__type", "code"]), text(&["message", "Message"])))
}
