//! From a request into an operation's input.

use watchkeep_model::{Location, Protocol, ServiceError, Slot, Structure};

use super::{bindings, body, route};
use crate::constraints::{Missing, Seen, Step};
use crate::json;
use crate::protocol::{Call, Head};
use crate::text::Malformed;

/// Reads path, query string, headers and body into the input; reports required members that are in none of them.
///
/// # Errors
/// `SerializationException` (restJson), `InvalidArgument` or `MalformedXML` (restXml) if something is not of its member's kind.
pub fn decode(
    call: &Call,
    head: &Head<'_>,
    body: &[u8],
    input: &mut dyn Structure,
    missing: &mut Missing,
) -> Result<(), ServiceError> {
    let mut seen = Seen::default();
    outside(call, head, input, &mut seen).map_err(|malformed| match call.protocol {
        Protocol::RestXml => ServiceError::common("InvalidArgument", "InvalidArgument", 400, malformed.0),
        _ => json::serialization_error(malformed),
    })?;
    let schema = input.schema();
    for (index, member) in schema.members.iter().enumerate() {
        let in_body = member.location == Location::Body;
        if member.required && !in_body && !seen.has(index) {
            missing.member(member.name);
        }
    }
    inside(call, body, input, missing)
}

fn outside(call: &Call, head: &Head<'_>, input: &mut dyn Structure, seen: &mut Seen) -> Result<(), Malformed> {
    if input.schema().members.iter().all(|member| member.location == Location::Body) {
        return Ok(());
    }
    bindings::read_labels(&route::labels(call.operation, head.uri.path()), input, seen)?;
    bindings::read_query(&route::parameters(head.uri), input, seen)?;
    bindings::read_headers(head.headers, input, seen)
}

fn inside(call: &Call, bytes: &[u8], input: &mut dyn Structure, missing: &mut Missing) -> Result<(), ServiceError> {
    let schema = input.schema();
    let Some((index, member)) = schema.payload.and_then(|index| Some((index, schema.members.get(index)?))) else {
        return body::read_members(call.protocol, bytes, input, missing);
    };
    if bytes.is_empty() {
        if member.required {
            missing.member(member.name);
        }
        return Ok(());
    }
    match input.slot(index) {
        Some(Slot::Structure(structure)) => {
            missing.enter(Step::Member(member.name));
            body::read_structure(call.protocol, bytes, structure, missing)?;
            missing.leave();
            Ok(())
        }
        Some(slot) => body::read_payload(bytes, slot),
        None => Ok(()),
    }
}
