//! Answers: from an output, and back.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use watchkeep_model::{Location, Protocol, Service, ServiceError, Slot, Structure, TimestampFormat, View};

use super::{bindings, body, error, s3};
use crate::constraints::{Missing, Seen};
use crate::protocol::Call;
use crate::text;
use crate::xml::{errors, tree, write};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const S3_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const S3_ID_2: HeaderName = HeaderName::from_static("x-amz-id-2");

/// Status, headers and body of an output.
pub fn encode_response(call: &Call, output: &dyn Structure, request_id: &str) -> Response<Vec<u8>> {
    let (content, content_type) = match s3::is_bare_text(call.service, call.operation) {
        true => (bare_text(call, output), Some("application/xml")),
        false => body::write(call, output, s3::root(call.operation)),
    };
    let mut response = Response::new(content);
    *response.status_mut() = status(call, output);
    bindings::write_headers(output, response.headers_mut());
    let headers = response.headers_mut();
    if let Some(content_type) = content_type
        && !headers.contains_key(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    identify(headers, Some(call.service), request_id);
    response
}

fn status(call: &Call, output: &dyn Structure) -> StatusCode {
    let members = output.schema().members.iter().enumerate();
    let given =
        members.filter(|(_, member)| member.location == Location::StatusCode).find_map(|(index, _)| {
            match output.get(index) {
                Some(View::Integer(status)) => u16::try_from(status).ok(),
                _ => None,
            }
        });
    StatusCode::from_u16(given.unwrap_or(call.operation.status)).unwrap_or(StatusCode::OK)
}

/// `<LocationConstraint xmlns="...">eu-west-1</LocationConstraint>`.
fn bare_text(call: &Call, output: &dyn Structure) -> Vec<u8> {
    let root = s3::root(call.operation).unwrap_or(call.operation.name);
    let mut out = format!("<{root}");
    if let Some(namespace) = s3::namespace(call.service) {
        write::attribute(&mut out, "xmlns", namespace);
    }
    out.push('>');
    if let Some(text) = output.get(0).and_then(|view| text::write(view, TimestampFormat::Iso8601)) {
        write::escape(&mut out, &text);
    }
    write::close(&mut out, root);
    out.into_bytes()
}

/// Puts the request's id where clients of the service look for it.
pub fn identify(headers: &mut HeaderMap, service: Option<&Service>, request_id: &str) {
    let Ok(id) = HeaderValue::from_str(request_id) else { return };
    if service.is_some_and(s3::is) {
        headers.insert(S3_REQUEST_ID, id.clone());
        headers.insert(S3_ID_2, id.clone());
    }
    headers.insert(REQUEST_ID, id);
}

/// Reads an answer into the operation's output.
///
/// # Errors
/// The error that the answer tells, or `SerializationException` if it is no answer to the operation.
pub fn decode_response(
    call: &Call,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    output: &mut dyn Structure,
) -> Result<(), ServiceError> {
    if !status.is_success() {
        return Err(error::decode_error(call, status, headers, body));
    }
    bindings::read_headers(headers, output, &mut Seen::default()).map_err(errors::unreadable)?;
    let schema = output.schema();
    for (index, _) in schema.members.iter().enumerate().filter(|(_, it)| it.location == Location::StatusCode) {
        if let Some(Slot::Integer(place)) = output.slot(index) {
            *place = i32::from(status.as_u16());
        }
    }
    if s3::is_bare_text(call.service, call.operation) {
        let root = tree::parse(body).map_err(errors::unreadable)?;
        return match output.slot(0) {
            Some(slot) if !root.text.is_empty() => text::read(&root.text, slot).map_err(errors::unreadable),
            _ => Ok(()),
        };
    }
    // What a server leaves out is its own affair.
    let missing = &mut Missing::default();
    match schema.payload {
        Some(_) if body.is_empty() => Ok(()),
        Some(index) => match output.slot(index) {
            Some(Slot::Structure(structure)) => body::read_structure(call.protocol, body, structure, missing),
            Some(slot) => body::read_payload(body, slot),
            None => Ok(()),
        },
        None if body.is_empty() && call.protocol == Protocol::RestXml => Ok(()),
        None => body::read_members(call.protocol, body, output, missing),
    }
}
