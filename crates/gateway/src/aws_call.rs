//! Calls of AWS's protocols.

use http::{HeaderMap, Response, StatusCode};
use serde_json::{Map, Value};
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_model::{Operation, Protocol, Service, ServiceError, Structure};
use watchkeep_wire::members::members_json;
use watchkeep_wire::protocol::{Call, Dialect, decode_request, encode_bare, encode_error, encode_response, not_routed};
use watchkeep_wire::service::{CallResult, IncomingBody, Reply};
use watchkeep_wire::sigv4::{ErrorFamily, SignedBody, Verified};

use crate::authentication::{self, Identity};
use crate::body::Body;
use crate::calls::Request;
use crate::coding::{self, Decoded};
use crate::events::follow;
use crate::kind::Kind;
use crate::respond::{ResponseBody, add_headers, piecewise, whole};
use crate::shared::{Phase, Shared};

/// A call of one of AWS's protocols.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AwsCall {
    call: Call,
    dialect: Dialect,
}

impl AwsCall {
    pub(crate) fn new(call: Call, headers: &HeaderMap) -> Self {
        AwsCall { call, dialect: Dialect::of(call.protocol, headers) }
    }

    /// Whether the operation takes its body as it comes.
    pub(crate) fn takes_stream(&self, shared: &Shared) -> bool {
        shared.service(self.call.service).is_some_and(|service| service.takes_stream(self.call.operation))
    }
}

impl Kind for AwsCall {
    type Input = Box<dyn Structure>;
    type Output = Reply<Box<dyn Structure>>;

    fn service(&self) -> &'static Service {
        self.call.service
    }

    fn operation(&self) -> &'static Operation {
        self.call.operation
    }

    fn family(&self) -> ErrorFamily {
        ErrorFamily::of(self.call.protocol)
    }

    async fn authenticate(
        &self,
        shared: &Shared,
        request: &Request,
        claimed: Identity,
        body: SignedBody<'_>,
    ) -> Result<(Identity, Option<Verified>), ServiceError> {
        authentication::of_aws_call(shared, &self.call, request, claimed, body).await
    }

    fn decode<'a>(&self, body: &'a [u8], headers: &HeaderMap, bytes_max: usize) -> Result<Decoded<'a>, ServiceError> {
        coding::decode(body, headers, self.call.protocol, bytes_max)
    }

    fn read(&self, shared: &Shared, request: &Request, _: Body, decoded: Decoded<'_>) -> CallInput {
        let service = shared.service(self.call.service).ok_or_else(|| not_routed(&self.call))?;
        let mut input = service.new_input(self.call.operation).ok_or_else(|| not_routed(&self.call))?;
        decode_request(&self.call, &request.head(), &decoded.bytes, input.as_mut())?;
        Ok(input)
    }

    fn start(&self, shared: &Shared, caller: Caller, input: Self::Input) -> BoxFuture<'static, CallResult> {
        match shared.service(self.call.service) {
            Some(service) => service.call(self.call.operation, caller, input),
            None => Box::pin(std::future::ready(Err(not_routed(&self.call)))),
        }
    }

    fn start_streamed(
        &self,
        shared: &Shared,
        caller: Caller,
        input: Self::Input,
        body: IncomingBody,
    ) -> BoxFuture<'static, CallResult> {
        match shared.service(self.call.service) {
            Some(service) => service.call_streamed(self.call.operation, caller, input, body),
            None => Box::pin(std::future::ready(Err(not_routed(&self.call)))),
        }
    }

    fn parameters(input: &Self::Input) -> Option<Map<String, Value>> {
        Some(members_json(input.as_ref()))
    }

    fn elements(output: &Self::Output) -> Option<Map<String, Value>> {
        Some(members_json(output.output.as_ref()))
    }

    fn told_code(&self, error: &ServiceError) -> String {
        if self.call.protocol == Protocol::AwsQuery { error.query_code.to_string() } else { error.code.to_string() }
    }

    fn success(&self, shared: &Shared, output: Self::Output, request_id: &str) -> Response<ResponseBody> {
        let Reply { output, headers, events, bare, status, body } = output;
        let mut response = match bare {
            Some(bare) if self.call.protocol == Protocol::AwsQuery => encode_bare(output.as_ref(), &bare, request_id),
            _ => encode_response(&self.call, output.as_ref(), request_id),
        };
        add_headers(response.headers_mut(), &headers);
        if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
            *response.status_mut() = status;
        }
        if let Some(body) = body {
            return piecewise(response, body);
        }
        match events {
            None => whole(response),
            Some(events) => {
                // A stream has no end of its own that a shutdown could wait for.
                follow(&self.call, output.as_ref(), response, events, shared.reached(Phase::Draining))
            }
        }
    }

    fn failure(&self, error: &ServiceError, request_id: &str) -> Response<ResponseBody> {
        whole(encode_error(self.dialect, Some(self.call.service), error, request_id))
    }
}

type CallInput = Result<Box<dyn Structure>, ServiceError>;
