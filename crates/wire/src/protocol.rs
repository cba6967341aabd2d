//! A call on the wire: which operation a request asks for, in which protocol, and the four translations between bytes and
//! structures (request and response, as server and as client). The protocols' own files do the work; this one chooses.

use http::{HeaderMap, Method, Uri};
use watchkeep_model::{Operation, Protocol, Service};

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
