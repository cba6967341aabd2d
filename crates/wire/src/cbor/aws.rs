//! The calls of awsJson 1.1 with bodies in CBOR: `POST /` with the operation in `X-Amz-Target`, errors told by `__type`. AWS's SDKs for
//! Java, and what is built on them (KCL, KPL, Flink's connector), speak it to Kinesis. Its moments are milliseconds.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response};
use watchkeep_model::{Document, Service, ServiceError, Structure, UNIT};

use super::{Moments, decode, encode};
use crate::answer::{self, Dialect};
use crate::constraints::Missing;
use crate::json::serialization_error;
use crate::protocol::Call;

const CBOR: &str = "application/x-amz-cbor-1.1";

/// Reads a request's body; an empty one is an empty map.
///
/// # Errors
/// `SerializationException`.
pub fn decode_members(body: &[u8], into: &mut dyn Structure, missing: &mut Missing) -> Result<(), ServiceError> {
    decode::body(body, into, missing, Moments::Milliseconds).map_err(serialization_error)
}

fn encode_members(from: &dyn Structure) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    encode::structure(&mut out, from, Moments::Milliseconds);
    out
}

/// The answer of success. An operation without an output answers an empty body.
pub fn encode_response(_call: &Call, output: &dyn Structure, request_id: &str) -> Response<Vec<u8>> {
    let body = if std::ptr::eq(output.schema(), &UNIT) { Vec::new() } else { encode_members(output) };
    answer::response(200, CBOR, body, request_id)
}

/// The answer of failure: a map of `__type`, the message, and the error's further members.
pub fn encode_error(
    dialect: Dialect,
    service: Option<&Service>,
    error: &ServiceError,
    request_id: &str,
) -> Response<Vec<u8>> {
    let mut body = vec![0xbf];
    encode::text(&mut body, "__type");
    encode::text(&mut body, &answer::type_name(service, error));
    if let Some(details) = &error.details {
        encode::structure_members(&mut body, &**details, Moments::Milliseconds);
    }
    if !answer::details_have_message(error) {
        encode::text(&mut body, answer::message_member(service, error));
        encode::text(&mut body, &error.message);
    }
    body.push(0xff);
    let mut response = answer::error_response(dialect, service, error, request_id, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CBOR));
    response
}

/// The request of a client, without host and signature.
pub fn encode_request(call: &Call, input: &dyn Structure) -> Request<Vec<u8>> {
    let mut request = Request::new(encode_members(input));
    *request.method_mut() = http::Method::POST;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(CBOR));
    let target = format!("{}.{}", call.service.target_prefix.unwrap_or_default(), call.operation.name);
    if let Ok(target) = HeaderValue::try_from(target) {
        headers.insert("x-amz-target", target);
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
        return decode_members(body, output, &mut Missing::default());
    }
    let document = decode::document(body).unwrap_or(Document::Null);
    let text = |names: &[&str]| names.iter().find_map(|name| document.get(name)).and_then(|value| value.as_str());
    Err(answer::told_error(call.service, status, headers, text(&["__type"]), text(&["message", "Message"])))
}
