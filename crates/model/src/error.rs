//! The one error type of operations (invariant G-1): it carries the AWS code; `watchkeep-wire` encodes it for the protocol.

use std::borrow::Cow;
use std::fmt;

use crate::{Schema, SchemaKind, Structure};

/// An AWS error: what the client sees.
pub struct ServiceError {
    /// The error's shape name, as `InvalidParameterValueException`: what JSON, CBOR and REST clients are told.
    pub code: Cow<'static, str>,
    /// The code that Query clients, and `x-amzn-query-error`, are told, as `InvalidParameterValue`.
    pub query_code: Cow<'static, str>,
    /// The HTTP status in the REST and Query protocols.
    pub status: u16,
    /// Whether the client is at fault (else the server is).
    pub sender: bool,
    /// The text for a person.
    pub message: String,
    /// The error's shape with further members filled in, where it has any; its `message` member is left empty.
    pub details: Option<Box<dyn Structure>>,
}

impl ServiceError {
    /// An error of the service's model.
    pub fn modelled(schema: &'static Schema, message: impl Into<String>) -> Self {
        let (query_code, status, sender) = match schema.kind {
            SchemaKind::Error(traits) => (traits.query_code, traits.status, traits.sender),
            _ => (schema.name, 400, true),
        };
        ServiceError {
            code: schema.name.into(),
            query_code: query_code.into(),
            status,
            sender,
            message: message.into(),
            details: None,
        }
    }

    /// An error that every service can give and no model lists; `code` in JSON, `query_code` in Query.
    pub fn common(code: &'static str, query_code: &'static str, status: u16, message: impl Into<String>) -> Self {
        ServiceError {
            code: code.into(),
            query_code: query_code.into(),
            status,
            sender: status < 500,
            message: message.into(),
            details: None,
        }
    }

    /// The same error with further members.
    pub fn with_details(mut self, details: impl Structure) -> Self {
        self.details = Some(Box::new(details));
        self
    }
}

impl fmt::Debug for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.message)
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ServiceError {}
