//! A call's way from its head to its answer.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, Response};
use hyper::body::Incoming;
use watchkeep_core::Caller;
use watchkeep_core::ports::Decision;
use watchkeep_model::{Protocol, ServiceError};
use watchkeep_wire::protocol::{
    Call, Dialect, Head, Unidentified, decode_request, encode_error, identify, needs_form, not_routed,
};
use watchkeep_wire::service::{CallResult, unknown_operation};
use watchkeep_wire::sigv4::{ErrorFamily, SignedRequest, access_denied, scope_hint};

use crate::audit::{Answered, IdentifiedCall};
use crate::authentication::{Identity, authenticate};
use crate::body::{self, BodyError};
use crate::coding::{self, Decoded};
use crate::connection::Peer;
use crate::limits::{self, BodyLimit, USER_AGENT_MAX};
use crate::respond::{ResponseBody, whole};
use crate::shared::{Phase, Shared};
use crate::timer::within;
use crate::to_the_end::to_the_end;

/// A request without its body.
struct Request {
    parts: Parts,
    host: Option<String>,
    peer: Arc<Peer>,
    id: Arc<str>,
}

impl Request {
    fn head(&self) -> Head<'_> {
        Head { method: &self.parts.method, uri: &self.parts.uri, headers: &self.parts.headers }
    }

    fn signed(&self) -> SignedRequest<'_> {
        SignedRequest {
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            query: self.parts.uri.query().unwrap_or_default(),
            host: self.host.as_deref(),
            headers: &self.parts.headers,
        }
    }
}

/// Answers a request that is neither `/health` nor `/_watchkeep/`.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    parts: Parts,
    host: Option<String>,
    incoming: Incoming,
    id: Arc<str>,
) -> Response<ResponseBody> {
    let request = Request { parts, host, peer, id: Arc::clone(&id) };
    let scope = scope_hint(&request.signed()).map(|scope| scope.service);
    let by_head = (!needs_form(&request.head()))
        .then(|| identify(&request.head(), None, scope.as_deref(), &shared.models))
        .transpose();
    let by_head = match by_head {
        Ok(call) => call,
        Err(unidentified) => return unrouted(unidentified, &request.parts.headers, &id),
    };
    let limit = match &by_head {
        Some(call) => limits::of_operation(call.service, call.operation),
        None => limits::of_form(&shared.models, scope.as_deref()),
    };
    let started = shared.patience.monotonic();
    let body = body::read(&shared, incoming, &request.parts.headers, limit).await;
    // Only now, so that clients that are slow to send keep no other's call waiting.
    let room = within(shared.patience.as_ref(), shared.config.limits.room_time, shared.calls.clone().acquire_owned());
    let (room, body) = match room.await {
        Some(Ok(room)) => (Some(room), body),
        _ => (None, Err(BodyError::NoRoom)),
    };
    let dialect = Dialect::of(by_head.map_or(Protocol::AwsQuery, |call| call.protocol), &request.parts.headers);
    let service = by_head.map(|call| call.service);
    let clock = Arc::clone(&shared.patience);
    let work = async move {
        let response = match by_head {
            Some(call) => run(shared, call, request, body.map(|body| (body, None)), limit).await.into_response(),
            None => by_form(shared, request, body, scope.as_deref(), limit).await,
        };
        drop(room);
        let elapsed_us = clock.monotonic().saturating_sub(started).as_micros() as u64;
        tracing::trace!(status = response.status().as_u16(), elapsed_us, "request answered");
        response
    };
    // A client that hangs up leaves no call half done, and no change without its record.
    to_the_end(AssertUnwindSafe(work).catch_unwind()).await.unwrap_or_else(|panic| {
        tracing::error!(panic = panic_message(&*panic), "a call was not answered in order");
        whole(encode_error(dialect, service, &internal_failure(), &id))
    })
}

/// Identifies a call by its form, and runs it.
async fn by_form(
    shared: Arc<Shared>,
    request: Request,
    body: Result<body::Body, BodyError>,
    scope: Option<&str>,
    limit: BodyLimit,
) -> Response<ResponseBody> {
    let protocol = Protocol::AwsQuery;
    let headers = &request.parts.headers;
    let decoded = match &body {
        Ok(body) => coding::decode(&body.bytes, headers, protocol, limit.decoded_bytes),
        Err(error) => Err(error.into_error()),
    };
    let decoded = decoded.map(|Decoded { bytes, chunked }| Decoded { bytes: bytes.into_owned().into(), chunked });
    let identified = decoded.map_err(|error| Unidentified { protocol, service: None, error }).and_then(|decoded| {
        identify(&request.head(), Some(&decoded.bytes), scope, &shared.models).map(|call| (call, decoded))
    });
    match (identified, body) {
        (Ok((call, decoded)), Ok(body)) => {
            let limit = limits::of_operation(call.service, call.operation);
            let fits = body.bytes.len() <= limit.wire_bytes && decoded.bytes.len() <= limit.decoded_bytes;
            let body = if fits { Ok((body, Some(decoded))) } else { Err(BodyError::TooLarge(limit.wire_bytes)) };
            run(shared, call, request, body, limit).await.into_response()
        }
        (Err(unidentified), _) => unrouted(unidentified, headers, &request.id),
        (_, Err(error)) => {
            unrouted(Unidentified { protocol, service: None, error: error.into_error() }, headers, &request.id)
        }
    }
}

type Arrived = Result<(body::Body, Option<Decoded<'static>>), BodyError>;

/// The way of an identified call: whatever happens on it, it ends in a record and an answer.
async fn run(shared: Arc<Shared>, call: Call, request: Request, body: Arrived, limit: BodyLimit) -> Answered {
    let claimed = Identity::claimed(&shared, &request.signed());
    let user_agent = request.head().header("user-agent");
    let caller = Caller {
        account: claimed.account,
        region: claimed.region.clone(),
        principal: claimed.principal.clone(),
        access_key_id: claimed.access_key_id.clone(),
        source_address: request.peer.address.ip().to_canonical(),
        user_agent: user_agent.map(|agent| agent.chars().take(USER_AGENT_MAX).collect::<String>().into()),
        request_id: Arc::clone(&request.id),
        secure_transport: request.peer.tls.is_some(),
    };
    let mut identified = IdentifiedCall {
        dialect: Dialect::of(call.protocol, &request.parts.headers),
        host: request.host.clone(),
        tls: request.peer.tls.clone(),
        request_parameters: None,
        shared,
        call,
        caller,
    };
    let outcome = AssertUnwindSafe(steps(&mut identified, &request, claimed, body, limit)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| {
        let (service, operation) = (call.service.name, call.operation.name);
        tracing::error!(service, operation, panic = panic_message(&*panic), "an operation panicked");
        Err(internal_failure())
    });
    identified.answer(outcome).await
}

async fn steps(
    identified: &mut IdentifiedCall,
    request: &Request,
    claimed: Identity,
    body: Arrived,
    limit: BodyLimit,
) -> CallResult {
    let shared = Arc::clone(&identified.shared);
    let call = identified.call;
    let family = ErrorFamily::of(call.protocol);
    let (body, decoded) = body.map_err(BodyError::into_error)?;
    let raw: Bytes = body.bytes.clone();

    let (identity, verified) = authenticate(&shared, &call, &request.signed(), claimed, &raw).await?;
    let Identity { account, region, principal, access_key_id } = identity;
    identified.caller = Caller { account, region, principal, access_key_id, ..identified.caller.clone() };

    let decoded = match decoded {
        Some(decoded) => decoded,
        None => coding::decode(&raw, &request.parts.headers, call.protocol, limit.decoded_bytes)?,
    };
    if let Some(verified) = &verified
        && let Some(streaming) = verified.streaming
    {
        let chunked = decoded.chunked.as_ref().ok_or_else(unknown_operation)?;
        chunked.verify(&verified.seed, streaming).map_err(|error| error.into_error(family))?;
    }

    let service = shared.service(call.service).ok_or_else(|| not_routed(&call))?;
    let mut input = service.new_input(call.operation).ok_or_else(|| not_routed(&call))?;
    decode_request(&call, &request.head(), &decoded.bytes, input.as_mut())?;
    drop(decoded);
    drop(raw);
    drop(body);
    identified.note_input(input.as_ref());

    let action = format!("{}:{}", call.service.name, call.operation.name);
    let decision = shared.ports.authorizer.authorize(&identified.caller, &action, &["*".to_owned()]).await;
    if let Decision::Deny(message) = decision {
        return Err(access_denied(family, message));
    }
    let work = service.call(call.operation, identified.caller.clone(), input);
    tokio::select! {
        biased;
        outcome = work => outcome,
        () = shared.reached(Phase::Cutting) => Err(going_away()),
    }
}

/// The answer to a request that asks for no operation there is: it is nobody's, so nobody's record has it.
fn unrouted(unidentified: Unidentified, headers: &HeaderMap, id: &str) -> Response<ResponseBody> {
    let Unidentified { protocol, service, error } = unidentified;
    tracing::debug!(code = %error.code, request_id = id, "no such operation");
    whole(encode_error(Dialect::of(protocol, headers), service, &error, id))
}

pub(crate) fn internal_failure() -> ServiceError {
    let message = "The request processing has failed because of an unknown error, exception or failure.";
    ServiceError::common("InternalFailure", "InternalFailure", 500, message)
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let message = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    message.unwrap_or_default()
}

fn going_away() -> ServiceError {
    ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, "The server is shutting down.")
}
