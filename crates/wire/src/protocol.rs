//! A call on the wire: which operation a request asks for, in which protocol, and the four translations between bytes and
//! structures (request and response, as server and as client). The protocols' own files do the work; this one chooses.

use std::borrow::Cow;

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use watchkeep_model::{Operation, Protocol, Service, ServiceError, Structure, View};

pub use crate::answer::Dialect;
pub use crate::identify::{Unidentified, identify, needs_form, not_routed};

use crate::constraints::{self, Missing};
use crate::json::Members;
use crate::service::Bare;
use crate::{answer, cbor, json, query, rest};

/// What of a request precedes its body.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target: path and query string as sent.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
}

impl<'a> Head<'a> {
    /// The header's value, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An operation that a client asks for, and the protocol it speaks.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The service.
    pub service: &'static Service,
    /// The operation.
    pub operation: &'static Operation,
    /// The protocol of the request, and so of the answer.
    pub protocol: Protocol,
}

/// Reads a request into the operation's input and checks it against the model's constraints. `body` is inflated and freed of
/// any framing.
///
/// # Errors
/// `SerializationException` if the body is malformed or a value of the wrong type; the service's validation error if a
/// constraint is broken.
pub fn decode_request(
    call: &Call,
    head: &Head<'_>,
    body: &[u8],
    input: &mut dyn Structure,
) -> Result<(), ServiceError> {
    let mut missing = Missing::default();
    match call.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => json::decode_members(body, input, Members::All, &mut missing)?,
        Protocol::AwsCbor11 => cbor::aws::decode_members(body, input, &mut missing)?,
        Protocol::RpcV2Cbor => cbor::decode_members(body, input, &mut missing)?,
        Protocol::AwsQuery => {
            // A GET has its parameters in the query string; a POST may have some there.
            let query = head.uri.query().unwrap_or_default().as_bytes();
            let form: Cow<'_, [u8]> = match (query, body) {
                ([], form) | (form, []) => form.into(),
                _ => [query, body].join(&b'&').into(),
            };
            let form = query::with_queue_url(call.service, head, form);
            query::decode(&form, input, &mut missing)?;
        }
        Protocol::RestJson | Protocol::RestXml => rest::decode(call, head, body, input, &mut missing)?,
    }
    constraints::check(call, input, missing)
}

/// The answer of success.
pub fn encode_response(call: &Call, output: &dyn Structure, request_id: &str) -> Response<Vec<u8>> {
    match call.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => json::rpc::encode_response(call, output, request_id),
        Protocol::AwsCbor11 => cbor::aws::encode_response(call, output, request_id),
        Protocol::RpcV2Cbor => cbor::rpc::encode_response(call, output, request_id),
        Protocol::AwsQuery => query::encode_response(call, output, request_id),
        Protocol::RestJson | Protocol::RestXml => rest::encode_response(call, output, request_id),
    }
}

/// The answer of success of an operation whose output is told as one blob, itself the body.
pub fn encode_bare(output: &dyn Structure, bare: &Bare, request_id: &str) -> Response<Vec<u8>> {
    let index = output.schema().members.iter().position(|member| member.name == bare.member);
    let body = match index.and_then(|index| output.get(index)) {
        Some(View::Blob(bytes)) => bytes.to_vec(),
        _ => Vec::new(),
    };
    answer::response(200, bare.content_type, body, request_id)
}

/// The answer of failure. `dialect` is [`Dialect::of`] the request (or the protocol alone, where its headers are not at
/// hand); `service` is `None` if the request could not be ascribed to one.
pub fn encode_error(
    dialect: impl Into<Dialect>,
    service: Option<&Service>,
    error: &ServiceError,
    request_id: &str,
) -> Response<Vec<u8>> {
    let dialect = dialect.into();
    match dialect.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => json::rpc::encode_error(dialect, service, error, request_id),
        Protocol::AwsCbor11 => cbor::aws::encode_error(dialect, service, error, request_id),
        Protocol::RpcV2Cbor => cbor::rpc::encode_error(dialect, service, error, request_id),
        Protocol::AwsQuery => query::encode_error(service, error, request_id),
        Protocol::RestJson | Protocol::RestXml => rest::encode_error(dialect.protocol, service, error, request_id),
    }
}

/// A client's request, without host and signature.
pub fn encode_request(call: &Call, input: &dyn Structure) -> Request<Vec<u8>> {
    match call.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => json::rpc::encode_request(call, input),
        Protocol::AwsCbor11 => cbor::aws::encode_request(call, input),
        Protocol::RpcV2Cbor => cbor::rpc::encode_request(call, input),
        Protocol::AwsQuery => query::encode_request(call, input),
        Protocol::RestJson | Protocol::RestXml => rest::encode_request(call, input),
    }
}

/// Reads an answer as a client.
///
/// # Errors
/// The error that the answer tells; `SerializationException` if it cannot be read.
pub fn decode_response(
    call: &Call,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    output: &mut dyn Structure,
) -> Result<(), ServiceError> {
    match call.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => {
            json::rpc::decode_response(call, status.as_u16(), headers, body, output)
        }
        Protocol::AwsCbor11 => cbor::aws::decode_response(call, status.as_u16(), headers, body, output),
        Protocol::RpcV2Cbor => cbor::rpc::decode_response(call, status.as_u16(), headers, body, output),
        Protocol::AwsQuery => query::decode_response(call, status, headers, body, output),
        Protocol::RestJson | Protocol::RestXml => rest::decode_response(call, status, headers, body, output),
    }
}

#[cfg(test)]
mod tests;
