//! The body: JSON or XML of the members that belong there, or a payload member as it is.

use http::StatusCode;
use watchkeep_model::{Document, Location, Protocol, ServiceError, Slot, Structure, View};

use super::s3;
use crate::constraints::Missing;
use crate::json::{self, Members};
use crate::protocol::Call;
use crate::text::{self, Malformed};
use crate::xml::{read, tree, write};

/// Reads the members that belong in the body.
///
/// # Errors
/// If it cannot be read, as the protocol tells that.
pub fn read_members(
    protocol: Protocol,
    body: &[u8],
    into: &mut dyn Structure,
    missing: &mut Missing,
) -> Result<(), ServiceError> {
    if !write::has_body(into.schema()) {
        return Ok(());
    }
    match protocol {
        Protocol::RestXml => read_xml(body, into, missing),
        _ => json::decode_members(body, into, Members::Body, missing),
    }
}

/// Reads a structure that is the whole body.
///
/// # Errors
/// If it cannot be read, as the protocol tells that.
pub fn read_structure(
    protocol: Protocol,
    body: &[u8],
    into: &mut dyn Structure,
    missing: &mut Missing,
) -> Result<(), ServiceError> {
    match protocol {
        Protocol::RestXml => read_xml(body, into, missing),
        _ => json::decode_members(body, into, Members::All, missing),
    }
}

fn read_xml(body: &[u8], into: &mut dyn Structure, missing: &mut Missing) -> Result<(), ServiceError> {
    let node = if body.is_empty() { Ok(tree::Node::default()) } else { tree::parse(body) };
    node.and_then(|node| read::structure(&node, into, missing)).map_err(malformed_xml)
}

fn malformed_xml(malformed: Malformed) -> ServiceError {
    ServiceError::common("MalformedXML", "MalformedXML", StatusCode::BAD_REQUEST.as_u16(), malformed.0)
}

/// Reads a blob, text or document that is the whole body.
///
/// # Errors
/// If the text is not UTF-8, or the document no JSON.
pub fn read_payload(body: &[u8], slot: Slot<'_>) -> Result<(), ServiceError> {
    match slot {
        Slot::Blob(place) => body.clone_into(place),
        Slot::Document(place) => *place = document(body)?,
        slot => {
            let text = std::str::from_utf8(body).map_err(|_| Malformed::new("The body is not UTF-8"));
            text.and_then(|text| text::read(text, slot)).map_err(json::serialization_error)?;
        }
    }
    Ok(())
}

fn document(body: &[u8]) -> Result<Document, ServiceError> {
    serde_json::from_slice(body).map_err(|error| json::serialization_error(Malformed(error.to_string())))
}

/// The body that holds what of the structure belongs there, and its content type; `root` names its XML element.
pub fn write(call: &Call, structure: &dyn Structure, root: Option<&str>) -> (Vec<u8>, Option<&'static str>) {
    let schema = structure.schema();
    if let Some((index, member)) = schema.payload.and_then(|index| Some((index, schema.members.get(index)?))) {
        return match structure.get(index) {
            None => (Vec::new(), None),
            Some(View::Structure(value)) if call.protocol == Protocol::RestXml => {
                let mut out = String::new();
                let namespace = member.xml_namespace.or_else(|| s3::namespace(call.service));
                write::structure(&mut out, member.wire_name.unwrap_or(member.shape.name), value, namespace);
                (out.into_bytes(), Some("application/xml"))
            }
            Some(View::Structure(value)) => (json::encode_members(value, Members::All), Some("application/json")),
            Some(View::Blob(bytes)) => (bytes.to_vec(), Some("application/octet-stream")),
            Some(View::Document(value)) => (value.to_string().into_bytes(), Some("application/json")),
            Some(view) => {
                let format = text::member_format(member, watchkeep_model::TimestampFormat::Iso8601);
                (text::write(view, format).unwrap_or_default().into_bytes(), Some("text/plain"))
            }
        };
    }
    // An operation without any input or output has no body at all, one with members elsewhere has no XML.
    let has_body = schema.members.iter().any(|member| member.location == Location::Body);
    match call.protocol {
        Protocol::RestXml if !has_body => (Vec::new(), None),
        Protocol::RestXml => {
            let mut out = String::with_capacity(256);
            let namespace = s3::namespace(call.service);
            write::structure(&mut out, root.unwrap_or(schema.name), structure, namespace);
            (out.into_bytes(), Some("application/xml"))
        }
        _ if std::ptr::eq(schema, &watchkeep_model::UNIT) => (Vec::new(), None),
        _ => (json::encode_members(structure, Members::Body), Some("application/json")),
    }
}
