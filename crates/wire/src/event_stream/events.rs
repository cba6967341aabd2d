//! Events and errors as messages: `:message-type` says which of the two, `:event-type` or `:exception-type` the member's name.

use http::{HeaderMap, StatusCode};
use watchkeep_model::{Protocol, Schema, SchemaKind, ServiceError, Slot, Structure, Unit, View};

use super::frame::Message;
use crate::cbor;
use crate::constraints::Missing;
use crate::json::{self, Members};
use crate::protocol::Call;
use crate::text::Malformed;
use crate::xml::{errors, read, tree, write};

const MESSAGE_TYPE: &str = ":message-type";
const EVENT_TYPE: &str = ":event-type";
const EXCEPTION_TYPE: &str = ":exception-type";
const CONTENT_TYPE: &str = ":content-type";

/// The event as a framed message. `event` is the union of the stream's schema with one member present; a member that is an
/// error becomes an exception. An event that no frame can hold becomes an exception too.
pub fn encode_event(protocol: Protocol, event: &dyn Structure) -> Vec<u8> {
    let members = event.schema().members.iter().enumerate();
    let present = members.filter_map(|(index, member)| Some((member, event.get(index)?))).next();
    let Some((member, View::Structure(value))) = present else {
        return encode_exception(protocol, &too_large("The event is empty."));
    };
    let message = match value.schema().kind {
        SchemaKind::Error(_) => Message::default().with(MESSAGE_TYPE, "exception").with(EXCEPTION_TYPE, member.name),
        _ => Message::default().with(MESSAGE_TYPE, "event").with(EVENT_TYPE, member.name),
    };
    let (content_type, payload) = payload(protocol, member.name, value);
    framed(protocol, message, content_type, payload)
}

/// The output of an RPC operation with an event stream, as the first message of the stream.
pub fn encode_initial_response(protocol: Protocol, output: &dyn Structure) -> Vec<u8> {
    let (content_type, payload) = whole(protocol, "initial-response", output);
    let content_type = match protocol {
        Protocol::AwsJson10 => "application/x-amz-json-1.0",
        Protocol::AwsJson11 => "application/x-amz-json-1.1",
        _ => content_type,
    };
    let message = Message::default().with(MESSAGE_TYPE, "event").with(EVENT_TYPE, "initial-response");
    framed(protocol, message, content_type, payload)
}

/// The error that ends a stream.
pub fn encode_exception(protocol: Protocol, error: &ServiceError) -> Vec<u8> {
    // A text that no frame can hold is of no use to anyone.
    let text: String = error.message.chars().take(8_000).collect();
    if protocol == Protocol::RestXml {
        let message = Message::default().with(MESSAGE_TYPE, "error");
        let message = message.with(":error-code", error.query_code.as_ref()).with(":error-message", text);
        return message.encode().unwrap_or_default();
    }
    let message = Message::default().with(MESSAGE_TYPE, "exception").with(EXCEPTION_TYPE, error.code.as_ref());
    let (content_type, payload) = match protocol {
        Protocol::RpcV2Cbor => {
            ("application/cbor", cbor::rpc::encode_error(protocol.into(), None, error, "").into_body())
        }
        _ => {
            let mut payload = b"{\"message\":".to_vec();
            json::encode_string(&mut payload, &text);
            payload.push(b'}');
            ("application/json", payload)
        }
    };
    Message { payload, ..message.with(CONTENT_TYPE, content_type) }.encode().unwrap_or_default()
}

fn framed(protocol: Protocol, message: Message, content_type: &str, payload: Vec<u8>) -> Vec<u8> {
    let message = if content_type.is_empty() { message } else { message.with(CONTENT_TYPE, content_type) };
    match (Message { payload, ..message }).encode() {
        Ok(bytes) => bytes,
        Err(_) => encode_exception(protocol, &too_large("The event is too large.")),
    }
}

fn too_large(message: &str) -> ServiceError {
    ServiceError::common("InternalFailure", "InternalFailure", 500, message)
}

/// Content type and payload of an event: its payload member as it is, or all of it in the protocol's format.
fn payload(protocol: Protocol, name: &str, event: &dyn Structure) -> (&'static str, Vec<u8>) {
    let Some(index) = payload_member(event.schema()) else { return whole(protocol, name, event) };
    match event.get(index) {
        Some(View::Blob(bytes)) => ("application/octet-stream", bytes.to_vec()),
        Some(View::String(text)) => ("text/plain", text.as_bytes().to_vec()),
        Some(View::Structure(value)) => whole(protocol, value.schema().name, value),
        _ => ("", Vec::new()),
    }
}

fn payload_member(schema: &Schema) -> Option<usize> {
    schema.members.iter().position(|member| member.event_payload)
}

fn whole(protocol: Protocol, name: &str, structure: &dyn Structure) -> (&'static str, Vec<u8>) {
    match protocol {
        Protocol::RpcV2Cbor => ("application/cbor", cbor::encode_members(structure)),
        Protocol::RestXml if structure.schema().members.is_empty() => ("", Vec::new()),
        Protocol::RestXml => {
            let mut out = String::new();
            write::structure(&mut out, name, structure, None);
            ("text/xml", out.into_bytes())
        }
        _ => ("application/json", json::encode_members(structure, Members::All)),
    }
}

/// Reads a message into the union of the stream's schema; `false` if it is no event that the schema knows (the initial
/// response among them).
///
/// # Errors
/// The exception that the message tells, or an error if it cannot be read.
pub fn decode_event(call: &Call, message: &Message, event: &mut dyn Structure) -> Result<bool, ServiceError> {
    match message.header(MESSAGE_TYPE) {
        Some("event") => {}
        Some("exception") => {
            let code = message.header(EXCEPTION_TYPE).unwrap_or_default();
            if call.protocol == Protocol::RpcV2Cbor {
                let (headers, unit) = (&HeaderMap::new(), &mut Unit {});
                let read = cbor::rpc::decode_response(call, 400, headers, &message.payload, unit);
                return Err(read.err().unwrap_or_else(|| told(call, code, "")));
            }
            let document: serde_json::Value = serde_json::from_slice(&message.payload).unwrap_or_default();
            let text = document.get("message").or_else(|| document.get("Message")).and_then(|text| text.as_str());
            return Err(told(call, code, text.unwrap_or_default()));
        }
        _ => {
            let text = |name: &str| message.header(name).unwrap_or_default();
            return Err(told(call, text(":error-code"), text(":error-message")));
        }
    }
    let name = message.header(EVENT_TYPE).unwrap_or_default();
    let Some(index) = event.schema().members.iter().position(|member| member.name == name) else { return Ok(false) };
    let Some(Slot::Structure(into)) = event.slot(index) else { return Ok(false) };
    let payload = payload_member(into.schema());
    match payload.and_then(|index| into.slot(index)) {
        None => read_whole(call.protocol, &message.payload, into)?,
        Some(Slot::Structure(inner)) => read_whole(call.protocol, &message.payload, inner)?,
        Some(Slot::Blob(place)) => message.payload.clone_into(place),
        Some(slot) => {
            let text = std::str::from_utf8(&message.payload).map_err(|_| Malformed::new("The event is not UTF-8"));
            text.and_then(|text| crate::text::read(text, slot)).map_err(errors::unreadable)?;
        }
    }
    Ok(true)
}

fn told(call: &Call, code: &str, message: &str) -> ServiceError {
    errors::received(call, StatusCode::BAD_REQUEST, code, message.to_owned(), None)
}

fn read_whole(protocol: Protocol, bytes: &[u8], into: &mut dyn Structure) -> Result<(), ServiceError> {
    let missing = &mut Missing::default();
    match protocol {
        Protocol::RpcV2Cbor => cbor::decode_members(bytes, into, missing),
        Protocol::RestXml if bytes.is_empty() => Ok(()),
        Protocol::RestXml => {
            let root = tree::parse(bytes).map_err(errors::unreadable)?;
            read::structure(&root, into, missing).map_err(errors::unreadable)
        }
        _ => json::decode_members(bytes, into, Members::All, missing),
    }
}
