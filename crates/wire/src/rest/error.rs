//! Errors: restJson tells the code in a header, restXml in the document, and S3's documents have no frame.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use watchkeep_model::{Protocol, Service, ServiceError};

use super::{bindings, response, s3};
use crate::answer;
use crate::json::{self, Members};
use crate::protocol::Call;
use crate::xml::{errors, write};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The answer that tells an error.
pub fn encode_error(
    protocol: Protocol,
    service: Option<&Service>,
    error: &ServiceError,
    request_id: &str,
) -> Response<Vec<u8>> {
    if error.status == StatusCode::NOT_MODIFIED.as_u16() {
        // HTTP allows it no body.
        let mut response = Response::new(Vec::new());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response::identify(response.headers_mut(), service, request_id);
        return response;
    }
    let (content, content_type) = match protocol {
        Protocol::RestXml => (xml(service, error, request_id), "application/xml"),
        _ => (json(service, error), "application/json"),
    };
    let mut response = Response::new(content);
    *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(details) = &error.details {
        bindings::write_headers(details.as_ref(), headers);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if protocol != Protocol::RestXml
        && let Ok(code) = HeaderValue::from_str(&error.code)
    {
        headers.insert(ERROR_TYPE, code);
    }
    response::identify(headers, service, request_id);
    response
}

/// `{"message": "..."}`, under the name that the error's shape has for it (X-Ray writes `Message`), and its further members.
fn json(service: Option<&Service>, error: &ServiceError) -> Vec<u8> {
    let details = error.details.as_deref().map(|details| json::encode_members(details, Members::Body));
    let mut document: serde_json::Map<String, serde_json::Value> =
        details.and_then(|details| serde_json::from_slice(&details).ok()).unwrap_or_default();
    document.insert(answer::message_member(service, error).to_owned(), error.message.clone().into());
    serde_json::Value::Object(document).to_string().into_bytes()
}

fn xml(service: Option<&Service>, error: &ServiceError, request_id: &str) -> Vec<u8> {
    let mut out = String::with_capacity(256);
    if service.is_some_and(s3::is) {
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        write::open(&mut out, "Error");
        write::leaf(&mut out, "Code", &error.query_code);
        write::leaf(&mut out, "Message", &error.message);
        errors::write_details(&mut out, error);
        write::leaf(&mut out, "RequestId", request_id);
        write::leaf(&mut out, "HostId", request_id);
        write::close(&mut out, "Error");
    } else {
        write::open(&mut out, "ErrorResponse");
        errors::write_error(&mut out, error, &error.query_code);
        write::leaf(&mut out, "RequestId", request_id);
        write::close(&mut out, "ErrorResponse");
    }
    out.into_bytes()
}

/// The error that an answer tells.
pub fn decode_error(call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ServiceError {
    if call.protocol == Protocol::RestXml {
        return errors::read_error(call, status, body);
    }
    let document: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| document.get(name)?.as_str()).unwrap_or_default();
    let code =
        headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_else(|| text(&["__type", "code"]));
    // `namespace#Code:url`, where both neighbours are optional.
    let code = code.split_once(':').map_or(code, |(code, _)| code);
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    errors::received(call, status, code, text(&["message", "Message", "errorMessage"]).to_owned(), None)
}
