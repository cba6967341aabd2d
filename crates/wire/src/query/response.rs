//! The XML answers of awsQuery.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use watchkeep_model::{Service, ServiceError, Structure};

use crate::constraints::Missing;
use crate::protocol::Call;
use crate::xml::{errors, read, tree, write};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// `<OperationResponse><OperationResult>...</OperationResult><ResponseMetadata>...`.
pub fn encode_response(call: &Call, output: &dyn Structure, request_id: &str) -> Response<Vec<u8>> {
    let operation = call.operation;
    let root = format!("{}Response", operation.name);
    let mut out = String::with_capacity(512);
    open_root(&mut out, &root, Some(call.service));
    if let Some(wrapper) = operation.result_wrapper {
        write::open(&mut out, wrapper);
        write::members(&mut out, output);
        write::close(&mut out, wrapper);
    } else {
        write::members(&mut out, output);
    }
    write::open(&mut out, "ResponseMetadata");
    write::leaf(&mut out, "RequestId", request_id);
    write::close(&mut out, "ResponseMetadata");
    write::close(&mut out, &root);
    answer(200, out, request_id)
}

/// `<ErrorResponse><Error><Type>Sender</Type><Code>...`, with the error's further members beside its message.
pub fn encode_error(service: Option<&Service>, error: &ServiceError, request_id: &str) -> Response<Vec<u8>> {
    let mut out = String::with_capacity(256);
    open_root(&mut out, "ErrorResponse", service);
    errors::write_error(&mut out, error, &error.query_code);
    write::leaf(&mut out, "RequestId", request_id);
    write::close(&mut out, "ErrorResponse");
    answer(error.status, out, request_id)
}

fn open_root(out: &mut String, name: &str, service: Option<&Service>) {
    out.push('<');
    out.push_str(name);
    if let Some(namespace) = service.and_then(|service| service.xml_namespace) {
        write::attribute(out, "xmlns", namespace);
    }
    out.push('>');
}

fn answer(status: u16, body: String, request_id: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into_bytes());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Reads an answer into the operation's output.
///
/// # Errors
/// The error that the answer tells, or `SerializationException` if it is no answer to the operation.
pub fn decode_response(
    call: &Call,
    status: StatusCode,
    _headers: &HeaderMap,
    body: &[u8],
    output: &mut dyn Structure,
) -> Result<(), ServiceError> {
    if !status.is_success() {
        return Err(errors::read_error(call, status, body));
    }
    // An operation without output may be answered with nothing.
    if body.is_empty() && output.schema().members.is_empty() {
        return Ok(());
    }
    let root = tree::parse(body).map_err(errors::unreadable)?;
    let result = call.operation.result_wrapper.and_then(|wrapper| root.child(wrapper)).unwrap_or(&root);
    // What a server leaves out is its own affair.
    read::structure(result, output, &mut Missing::default()).map_err(errors::unreadable)
}
