//! The contract between a service and the doors for HTTP APIs that are not AWS's own: OTLP, Prometheus. Such an API says which
//! requests are its own; each of its operations is authorized and recorded as an operation of an AWS service, so that policies
//! and audit records know one set of names. The gateway leads a request of it through the same steps as an AWS call.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::{Operation, Service, ServiceError};

/// How large a request body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit {
    /// As it comes over the wire.
    pub wire_bytes: usize,
    /// After a content coding is undone.
    pub decoded_bytes: usize,
}

/// An operation of an HTTP API.
#[derive(Debug)]
pub struct HttpOperation {
    /// Its name within the API.
    pub name: &'static str,
    /// The AWS service that it is authorized and recorded as an operation of.
    pub service: &'static Service,
    /// The operation that it is authorized and recorded as.
    pub operation: &'static Operation,
    /// Signing names that clients may use besides the service's own, as `aps` for Prometheus.
    pub signing_names: &'static [&'static str],
    /// The service, by its service principal, whose service-specific credentials clients may present as bearer tokens in place of a
    /// signature; with others of the kind nobody gets in. An operation that has one looks at the caller's
    /// [`Proof`](watchkeep_core::Proof).
    pub bearer_tokens_of: Option<&'static str>,
    /// How large the body may be.
    pub body: BodyLimit,
}

impl HttpOperation {
    /// Whether a signature for this service is one for the operation.
    pub fn is_signed_as(&self, signing_name: &str) -> bool {
        self.service.signing_name == signing_name || self.signing_names.contains(&signing_name)
    }
}

/// A request to an HTTP API.
#[derive(Debug)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Path and query string, as sent.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. `gzip` is undone if `content-encoding` names it; what other coding may be there is the API's to undo.
    pub body: Bytes,
}

/// The answer to such a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case. The request's id is added to them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// What follows the body, names in lower case: `grpc-status` and its like.
    pub trailers: Vec<(&'static str, String)>,
}

impl HttpAnswer {
    /// An answer with a body of this media type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        HttpAnswer { status, headers, body: body.into(), trailers: Vec::new() }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        HttpAnswer { status, headers: Vec::new(), body: Bytes::new(), trailers: Vec::new() }
    }

    /// The same answer with another header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same answer with another trailer.
    pub fn with_trailer(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.trailers.push((name, value.into()));
        self
    }
}

/// An HTTP API as the gateway sees it.
pub trait HttpApi: Send + Sync {
    /// The operation that a request of this method and path asks for; `None` if it is none of this API's.
    fn route(&self, method: &Method, path: &str) -> Option<&'static HttpOperation>;

    /// Carries out the operation. It is told nothing that was not authenticated and allowed.
    ///
    /// # Errors
    /// What the audit record shall tell; the client is told it by [`HttpApi::failure`].
    fn call(
        &self,
        operation: &'static HttpOperation,
        caller: Caller,
        request: HttpRequest,
    ) -> BoxFuture<'static, Result<HttpAnswer, ServiceError>>;

    /// How a failed request is answered: one whose call failed, or one that never became a call. The gateway's own failures have
    /// the statuses 400 (unreadable body), 401 (not authenticated), 403 (not allowed), 408 (too slow), 413 (too large), 500
    /// (a panic) and 503 (no room just now, or shutting down). `headers` are the request's.
    fn failure(&self, operation: &'static HttpOperation, headers: &HeaderMap, error: &ServiceError) -> HttpAnswer;
}
