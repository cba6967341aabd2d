//! `POST /_watchkeep/<verb>`: what a test or a CI job on this machine asks of the server itself. It is for loopback alone: the
//! peer must be on it, and so must be the name by which it calls us and the page (if any) it comes from, so that no web page
//! gets there through a browser on this machine, by its own name for our address or otherwise.

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use serde_json::{Value, json};
use watchkeep_core::BoxFuture;
use watchkeep_wire::http_api::BodyLimit;

use crate::body;
use crate::connection::Peer;
use crate::limits::ADMIN_BODY_BYTES_MAX;
use crate::origin::{self, is_loopback_authority};
use crate::respond::{ResponseBody, json_response};
use crate::shared::Shared;

/// The path before the verb.
pub(crate) const PREFIX: &str = "/_watchkeep/";

/// Why a verb was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// The HTTP status.
    pub status: u16,
    /// The text for a person.
    pub message: String,
}

impl AdminError {
    /// The request is wrong: status 400.
    pub fn refused(message: impl Into<String>) -> Self {
        AdminError { status: 400, message: message.into() }
    }

    /// The server could not do it: status 500.
    pub fn failed(message: impl Into<String>) -> Self {
        AdminError { status: 500, message: message.into() }
    }
}

/// Carries out verbs.
pub trait Admin: Send + Sync {
    /// The answer of this verb to this body; `None` if there is no such verb.
    fn call<'a>(&'a self, verb: &'a str, body: &'a [u8]) -> Option<BoxFuture<'a, Result<Value, AdminError>>>;
}

/// Knows no verb.
#[derive(Debug, Default)]
pub struct NoAdmin;

impl Admin for NoAdmin {
    fn call<'a>(&'a self, _: &'a str, _: &'a [u8]) -> Option<BoxFuture<'a, Result<Value, AdminError>>> {
        None
    }
}

pub(crate) async fn answer(
    shared: &Shared,
    peer: &Peer,
    method: &Method,
    path: &str,
    host: Option<&str>,
    headers: &HeaderMap,
    incoming: hyper::body::Incoming,
) -> Response<ResponseBody> {
    let refuse = |status, message: &str| json_response(status, &json!({ "message": message }));
    let from_here = peer.address.ip().to_canonical().is_loopback()
        && host.is_some_and(is_loopback_authority)
        && origin::is_absent_or_loopback(headers);
    if !from_here {
        return refuse(403, "only for clients on this machine that call it by a loopback name or address");
    }
    if method != Method::POST {
        return refuse(405, "only POST");
    }
    let limit = BodyLimit { wire_bytes: ADMIN_BODY_BYTES_MAX, decoded_bytes: ADMIN_BODY_BYTES_MAX };
    let body: Bytes = match body::read(shared, incoming, headers, limit).await {
        Ok(body) => body.bytes,
        Err(error) => return refuse(error.status(), &error.to_string()),
    };
    let verb = path.strip_prefix(PREFIX).unwrap_or_default();
    let Some(work) = shared.ports.admin.call(verb, &body) else {
        return refuse(404, "no such verb, or a setting does not offer it");
    };
    match work.await {
        Ok(value) => json_response(200, &value),
        Err(error) => refuse(error.status, &error.message),
    }
}
