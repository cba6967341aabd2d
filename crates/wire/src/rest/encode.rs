//! From an operation's input to the request that asks for it.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use watchkeep_model::{Location, Structure, TimestampFormat};

use super::{bindings, body};
use crate::protocol::Call;
use crate::query::encode_component;
use crate::text;

const LABEL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// A greedy label keeps its slashes.
const GREEDY: &AsciiSet = &LABEL.remove(b'/');

/// The request for the operation; its target is the path alone, to be put behind an endpoint.
pub fn encode_request(call: &Call, input: &dyn Structure) -> Request<Vec<u8>> {
    let (content, content_type) = body::write(call, input, call.operation.input_name);
    let mut request = Request::new(content);
    *request.method_mut() = Method::from_bytes(call.operation.method.as_bytes()).unwrap_or(Method::POST);
    if let Ok(uri) = Uri::try_from(target(call, input)) {
        *request.uri_mut() = uri;
    }
    bindings::write_headers(input, request.headers_mut());
    if let Some(content_type) = content_type
        && !request.headers().contains_key(CONTENT_TYPE)
    {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    request
}

fn target(call: &Call, input: &dyn Structure) -> String {
    let (path, fixed) = call.operation.uri.split_once('?').unwrap_or((call.operation.uri, ""));
    let mut out = String::new();
    for segment in path.split('/').skip(1) {
        out.push('/');
        match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            Some(name) => {
                let greedy = name.strip_suffix('+');
                let value = label(input, greedy.unwrap_or(name));
                out.extend(utf8_percent_encode(&value, if greedy.is_some() { GREEDY } else { LABEL }));
            }
            None => out.push_str(segment),
        }
    }
    let mut separator = '?';
    if !fixed.is_empty() {
        out.push(separator);
        out.push_str(fixed);
        separator = '&';
    }
    for (key, value) in bindings::query_pairs(input) {
        out.push(separator);
        encode_component(&mut out, &key);
        out.push('=');
        encode_component(&mut out, &value);
        separator = '&';
    }
    out
}

fn label(input: &dyn Structure, name: &str) -> String {
    let members = input.schema().members.iter().enumerate();
    let mut labels = members.filter(|(_, member)| member.location == Location::Uri && member.wire_name() == name);
    labels
        .find_map(|(index, member)| {
            text::write(input.get(index)?, text::member_format(member, TimestampFormat::Iso8601))
        })
        .unwrap_or_default()
}
