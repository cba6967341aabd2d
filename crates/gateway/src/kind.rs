//! Where calls of AWS's protocols and of HTTP APIs part on their common way (`crate::calls`).

use http::{HeaderMap, Response};
use serde_json::{Map, Value};
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::{Operation, Service, ServiceError};
use watchkeep_wire::service::{IncomingBody, unknown_operation};
use watchkeep_wire::sigv4::{ErrorFamily, SignedBody, Verified};

use crate::authentication::Identity;
use crate::body::Body;
use crate::calls::Request;
use crate::coding::Decoded;
use crate::respond::ResponseBody;
use crate::shared::Shared;

/// A call whose operation is known, as one of the two kinds.
pub(crate) trait Kind: Send + Sync {
    /// What the operation is given.
    type Input: Send + 'static;
    /// What it answers.
    type Output: Send + 'static;

    /// The service that the call is authorized and recorded as one of.
    fn service(&self) -> &'static Service;

    /// The operation that it is authorized and recorded as.
    fn operation(&self) -> &'static Operation;

    /// Whose names its authentication failures have.
    fn family(&self) -> ErrorFamily;

    /// Finds out who calls.
    fn authenticate(
        &self,
        shared: &Shared,
        request: &Request,
        claimed: Identity,
        body: SignedBody<'_>,
    ) -> impl Future<Output = Result<(Identity, Option<Verified>), ServiceError>> + Send;

    /// Undoes the body's codings.
    fn decode<'a>(&self, body: &'a [u8], headers: &HeaderMap, bytes_max: usize) -> Result<Decoded<'a>, ServiceError>;

    /// Makes the operation's input of the request.
    fn read(
        &self,
        shared: &Shared,
        request: &Request,
        body: Body,
        decoded: Decoded<'_>,
    ) -> Result<Self::Input, ServiceError>;

    /// Carries the operation out.
    fn start(
        &self,
        shared: &Shared,
        caller: Caller,
        input: Self::Input,
    ) -> BoxFuture<'static, Result<Self::Output, ServiceError>>;

    /// Carries out an operation that takes its body as it comes.
    fn start_streamed(
        &self,
        _shared: &Shared,
        _caller: Caller,
        _input: Self::Input,
        _body: IncomingBody,
    ) -> BoxFuture<'static, Result<Self::Output, ServiceError>> {
        Box::pin(std::future::ready(Err(unknown_operation())))
    }

    /// The input as the record has it.
    fn parameters(input: &Self::Input) -> Option<Map<String, Value>>;

    /// The output as the record has it.
    fn elements(output: &Self::Output) -> Option<Map<String, Value>>;

    /// The error's code as the client is told it.
    fn told_code(&self, error: &ServiceError) -> String;

    /// The response of success.
    fn success(&self, shared: &Shared, output: Self::Output, request_id: &str) -> Response<ResponseBody>;

    /// The response of failure.
    fn failure(&self, error: &ServiceError, request_id: &str) -> Response<ResponseBody>;
}
