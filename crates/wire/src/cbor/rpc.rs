//! smithy-rpc-v2-cbor on HTTP: service and operation in the path, both sides say `smithy-protocol: rpc-v2-cbor`.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response, Uri};
use watchkeep_model::{Document, Service, ServiceError, Structure, UNIT};

use super::{Moments, decode_members, encode, encode_members};
use crate::answer::{self, Dialect};
use crate::constraints::Missing;
use crate::protocol::Call;

const CBOR: &str = "application/cbor";
/// The header by which both sides tell the protocol.
pub const SMITHY_PROTOCOL: &str = "smithy-protocol";
/// Its value.
pub const RPC_V2_CBOR: &str = "rpc-v2-cbor";

/// The service's name in paths: what follows the last dot of its target prefix.
pub fn path_name(service: &Service) -> &'static str {
    let prefix = service.target_prefix.unwrap_or(service.name);
    prefix.rsplit('.').next().unwrap_or(prefix)
}

/// The answer of success. An operation without an output answers an empty body, and then no content type.
pub fn encode_response(_call: &Call, output: &dyn Structure, request_id: &str) -> Response<Vec<u8>> {
    let empty = std::ptr::eq(output.schema(), &UNIT);
    let body = if empty { Vec::new() } else { encode_members(output) };
    let mut response = answer::response(200, CBOR, body, request_id);
    if empty {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    response.headers_mut().insert(SMITHY_PROTOCOL, HeaderValue::from_static(RPC_V2_CBOR));
    response
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
        encode::structure_members(&mut body, &**details, Moments::Seconds);
    }
    if !answer::details_have_message(error) {
        encode::text(&mut body, answer::message_member(service, error));
        encode::text(&mut body, &error.message);
    }
    body.push(0xff);
    let mut response = answer::error_response(dialect, service, error, request_id, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(CBOR));
    headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static(RPC_V2_CBOR));
    response
}

/// The request of a client, without host and signature.
pub fn encode_request(call: &Call, input: &dyn Structure) -> Request<Vec<u8>> {
    let empty = std::ptr::eq(input.schema(), &UNIT);
    let mut request = Request::new(if empty { Vec::new() } else { encode_members(input) });
    *request.method_mut() = http::Method::POST;
    let path = format!("/service/{}/operation/{}", path_name(call.service), call.operation.name);
    *request.uri_mut() = Uri::try_from(path).unwrap_or_default();
    let headers = request.headers_mut();
    if !empty {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CBOR));
    }
    headers.insert(ACCEPT, HeaderValue::from_static(CBOR));
    headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static(RPC_V2_CBOR));
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
        return decode_members(body, output, &mut Missing::default());
    }
    let document = super::decode::document(body).unwrap_or(Document::Null);
    let text = |names: &[&str]| names.iter().find_map(|name| document.get(name)).and_then(|value| value.as_str());
    Err(answer::told_error(call.service, status, headers, text(&["__type"]), text(&["message", "Message"])))
}
