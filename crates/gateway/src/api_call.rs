//! Calls of HTTP APIs that are not AWS's own.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Map, Value};
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::{Operation, Protocol, Service, ServiceError};
use watchkeep_wire::http_api::{HttpAnswer, HttpApi, HttpOperation, HttpRequest};
use watchkeep_wire::sigv4::{ErrorFamily, SignedBody, Verified};

use crate::authentication::{self, Identity};
use crate::body::Body;
use crate::calls::Request;
use crate::coding::{self, Decoded};
use crate::kind::Kind;
use crate::respond::{ResponseBody, add_headers, with_trailers};
use crate::shared::Shared;

/// What clients without valid credentials are told to present.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"access key id and secret\", charset=\"UTF-8\"");

/// What they are told besides, where bearer tokens are taken.
const BEARER_CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");

/// A call of an HTTP API.
#[derive(Clone)]
pub(crate) struct ApiCall {
    api: Arc<dyn HttpApi>,
    operation: &'static HttpOperation,
    headers: Arc<HeaderMap>,
}

impl ApiCall {
    /// The call that a request is, if an API has it. `scope` is the service that its signature is for, if it has one: what is signed
    /// for a service of AWS's that the API's operation does not belong to is that service's.
    pub(crate) fn find(shared: &Shared, request: &Request, scope: Option<&str>) -> Option<ApiCall> {
        let (method, path) = (&request.parts.method, request.parts.uri.path());
        let apis = shared.ports.http_apis.iter();
        let (api, operation) = apis.filter_map(|api| Some((api, api.route(method, path)?))).next()?;
        let is_anothers = |scope: &str| {
            !operation.is_signed_as(scope) && shared.models.iter().any(|service| service.signing_name == scope)
        };
        let headers = || Arc::new(request.parts.headers.clone());
        (!scope.is_some_and(is_anothers)).then(|| ApiCall { api: Arc::clone(api), operation, headers: headers() })
    }

    /// The operation within its API.
    pub(crate) fn http_operation(&self) -> &'static HttpOperation {
        self.operation
    }
}

/// A request, with the room that its body takes.
pub(crate) struct ApiInput {
    request: HttpRequest,
    body: Body,
}

impl Kind for ApiCall {
    type Input = ApiInput;
    type Output = HttpAnswer;

    fn service(&self) -> &'static Service {
        self.operation.service
    }

    fn operation(&self) -> &'static Operation {
        self.operation.operation
    }

    fn family(&self) -> ErrorFamily {
        ErrorFamily::RestJson
    }

    async fn authenticate(
        &self,
        shared: &Shared,
        request: &Request,
        claimed: Identity,
        body: SignedBody<'_>,
    ) -> Result<(Identity, Option<Verified>), ServiceError> {
        authentication::of_api_call(shared, self.operation, &request.signed(), &request.peer, claimed, body).await
    }

    fn decode<'a>(&self, body: &'a [u8], headers: &HeaderMap, bytes_max: usize) -> Result<Decoded<'a>, ServiceError> {
        coding::decode(body, headers, Protocol::RestJson, bytes_max)
    }

    fn read(&self, _: &Shared, request: &Request, body: Body, decoded: Decoded<'_>) -> Result<ApiInput, ServiceError> {
        let bytes = match decoded.bytes {
            Cow::Borrowed(_) => body.bytes.clone(),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let (method, uri) = (request.parts.method.clone(), request.parts.uri.clone());
        let headers = request.parts.headers.clone();
        Ok(ApiInput { request: HttpRequest { method, uri, headers, body: bytes }, body })
    }

    fn start(
        &self,
        _: &Shared,
        caller: Caller,
        input: ApiInput,
    ) -> BoxFuture<'static, Result<HttpAnswer, ServiceError>> {
        let ApiInput { request, body } = input;
        let work = self.api.call(self.operation, caller, request);
        Box::pin(async move {
            let outcome = work.await;
            drop(body);
            outcome
        })
    }

    /// Which requests mean what is the API's to know.
    fn parameters(_: &ApiInput) -> Option<Map<String, Value>> {
        None
    }

    fn elements(_: &HttpAnswer) -> Option<Map<String, Value>> {
        None
    }

    fn told_code(&self, error: &ServiceError) -> String {
        error.code.to_string()
    }

    fn success(&self, _: &Shared, answer: HttpAnswer, request_id: &str) -> Response<ResponseBody> {
        answered(answer, request_id)
    }

    fn failure(&self, error: &ServiceError, request_id: &str) -> Response<ResponseBody> {
        let mut response = answered(self.api.failure(self.operation, &self.headers, error), request_id);
        if response.status() == StatusCode::UNAUTHORIZED && self.operation.bearer_tokens_of.is_some() {
            response.headers_mut().append(WWW_AUTHENTICATE, BEARER_CHALLENGE);
        }
        response
    }
}

fn answered(answer: HttpAnswer, request_id: &str) -> Response<ResponseBody> {
    let HttpAnswer { status, headers, body, trailers } = answer;
    let mut further = HeaderMap::new();
    add_headers(&mut further, &trailers);
    let mut response = with_trailers(body, further);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    add_headers(response.headers_mut(), &headers);
    if status == 401 {
        response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}
