//! The errors of awsQuery and restXml.

use http::StatusCode;
use watchkeep_model::{Location, SchemaKind, ServiceError};

use super::{tree, write};
use crate::protocol::Call;
use crate::text::Malformed;

/// Appends `<Error>` with type, code, message and the error's further members.
pub fn write_error(out: &mut String, error: &ServiceError, code: &str) {
    write::open(out, "Error");
    write::leaf(out, "Type", if error.sender { "Sender" } else { "Receiver" });
    write::leaf(out, "Code", code);
    write::leaf(out, "Message", &error.message);
    write_details(out, error);
    write::close(out, "Error");
}

/// Appends the error's members other than its message.
pub fn write_details(out: &mut String, error: &ServiceError) {
    if let Some(details) = &error.details {
        write::members_that(out, details.as_ref(), |member| {
            member.location == Location::Body && !member.name.eq_ignore_ascii_case("message")
        });
    }
}

/// The error that an answer tells: in `<ErrorResponse>`, or bare as S3's.
pub fn read_error(call: &Call, status: StatusCode, body: &[u8]) -> ServiceError {
    let Ok(root) = tree::parse(body) else {
        return received(call, status, "", String::new(), None);
    };
    let error = match root.name.as_str() {
        "Error" => &root,
        _ => root.child("Error").or_else(|| root.child("Errors")?.child("Error")).unwrap_or(&root),
    };
    let code = error.child_text("Code").unwrap_or_default();
    let message = error.child_text("Message").or_else(|| error.child_text("message")).unwrap_or_default();
    received(call, status, code, message.to_owned(), error.child_text("Type").map(|fault| fault == "Sender"))
}

/// An error as told by a server. The code may be the shape's name or that of the Query protocol; where the operation's model
/// knows it, both are filled in.
pub(crate) fn received(
    call: &Call,
    status: StatusCode,
    code: &str,
    message: String,
    sender: Option<bool>,
) -> ServiceError {
    let known = call.operation.errors.iter().find_map(|schema| match schema.kind {
        SchemaKind::Error(traits) if traits.query_code == code || schema.name == code => Some((schema, traits)),
        _ => None,
    });
    let status = status.as_u16();
    let (name, query_code, by_status) = match known {
        Some((schema, traits)) => (schema.name.into(), traits.query_code.into(), traits.sender),
        None if code.is_empty() => ("UnknownError".into(), "UnknownError".into(), status < 500),
        None => (code.to_owned().into(), code.to_owned().into(), status < 500),
    };
    ServiceError { code: name, query_code, status, sender: sender.unwrap_or(by_status), message, details: None }
}

/// An answer that cannot be read.
pub(crate) fn unreadable(malformed: Malformed) -> ServiceError {
    ServiceError::common("SerializationException", "MalformedResponse", 500, malformed.0)
}
