//! A call's way from its head to its answer.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, Response, Uri};
use hyper::body::Incoming;
use watchkeep_core::ports::Decision;
use watchkeep_core::{Caller, Client, Gone, HangUp, Proof};
use watchkeep_model::{Protocol, ServiceError};
use watchkeep_wire::http_api::BodyLimit;
use watchkeep_wire::protocol::{Dialect, Head, Unidentified, encode_error, identify, needs_form};
use watchkeep_wire::rest::virtual_host;
use watchkeep_wire::service::unknown_operation;
use watchkeep_wire::sigv4::{PresignedV2, SignedBody, SignedRequest, access_denied, scope_hint};

use crate::api_call::ApiCall;
use crate::audit::{Answered, IdentifiedCall};
use crate::authentication::Identity;
use crate::aws_call::AwsCall;
use crate::body::{self, BodyError};
use crate::coding::{self, Decoded};
use crate::connection::Peer;
use crate::kind::Kind;
use crate::limits::{self, USER_AGENT_MAX};
use crate::respond::{ResponseBody, whole};
use crate::shared::{Phase, Shared};
use crate::streams;
use crate::timer::within;
use crate::to_the_end::to_the_end;

/// A request without its body.
pub(crate) struct Request {
    pub(crate) parts: Parts,
    host: Option<String>,
    /// The target with the bucket that the host's name has, of a request to S3.
    with_bucket: Option<Uri>,
    pub(crate) peer: Arc<Peer>,
    id: Arc<str>,
    gone: Gone,
}

impl Request {
    pub(crate) fn head(&self) -> Head<'_> {
        let uri = self.with_bucket.as_ref().unwrap_or(&self.parts.uri);
        Head { method: &self.parts.method, uri, headers: &self.parts.headers }
    }

    /// The path with the bucket, as S3's older signatures have it.
    pub(crate) fn resource(&self) -> &str {
        self.with_bucket.as_ref().unwrap_or(&self.parts.uri).path()
    }

    /// The service that the request is for as far as its signature says, or, without one, its host's name.
    fn scope(&self) -> Option<String> {
        let scope = scope_hint(&self.signed()).map(|scope| scope.service);
        let is_s3 =
            || self.host.as_deref().is_some_and(virtual_host::is_of_s3) || PresignedV2::read(&self.signed()).is_some();
        scope.or_else(|| is_s3().then(|| S3.to_owned()))
    }

    /// Where the client sent it, as far as the client said; a proxy that speaks TLS in our place says so itself.
    fn origin(&self) -> Option<Arc<str>> {
        let secure = self.peer.tls.is_some() || self.head().header("x-forwarded-proto") == Some("https");
        let scheme = if secure { "https" } else { "http" };
        self.host.as_deref().map(|host| format!("{scheme}://{host}").into())
    }

    pub(crate) fn signed(&self) -> SignedRequest<'_> {
        SignedRequest {
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            query: self.parts.uri.query().unwrap_or_default(),
            host: self.host.as_deref(),
            headers: &self.parts.headers,
        }
    }
}

/// S3's signing name.
const S3: &str = "s3";

/// What a request asks for, as far as its head tells.
#[derive(Clone)]
enum Asked {
    /// An operation of an HTTP API.
    Api(ApiCall),
    /// An operation of AWS's.
    Aws(AwsCall),
    /// An operation of AWS's that its form names.
    ByForm,
}

impl Asked {
    fn limit(&self, shared: &Shared, scope: Option<&str>) -> BodyLimit {
        match self {
            Asked::Api(call) => call.http_operation().body,
            Asked::Aws(call) => limits::of_operation(call.service(), call.operation()),
            Asked::ByForm => limits::of_form(&shared.models, scope),
        }
    }

    fn failure(&self, headers: &HeaderMap, error: &ServiceError, id: &str) -> Response<ResponseBody> {
        match self {
            Asked::Api(call) => call.failure(error, id),
            Asked::Aws(call) => call.failure(error, id),
            Asked::ByForm => whole(encode_error(Dialect::of(Protocol::AwsQuery, headers), None, error, id)),
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
    let (hang_up, gone) = HangUp::new();
    let mut request = Request { parts, host, with_bucket: None, peer, id: Arc::clone(&id), gone };
    let scope = request.scope();
    if scope.as_deref() == Some(S3) {
        let names = &shared.config.host_names;
        let bucket = request.host.as_deref().and_then(|host| virtual_host::bucket_of(host, names));
        request.with_bucket = bucket.and_then(|bucket| virtual_host::with_bucket(&request.parts.uri, bucket));
    }
    let asked = match by_head(&shared, &request, scope.as_deref()) {
        Ok(asked) => asked,
        Err(unidentified) => return unrouted(unidentified, &request.parts.headers, &id),
    };
    let limit = asked.limit(&shared, scope.as_deref());
    let started = shared.patience.monotonic();
    let streamed = matches!(&asked, Asked::Aws(call) if call.takes_stream(&shared));
    let (body, rooms) = match streamed {
        true => (Ok(Arrived::ToCome(incoming)), &shared.streams),
        false => {
            let body = body::read(&shared, incoming, &request.parts.headers, limit).await;
            (body.map(|body| Arrived::Whole(body, None)), &shared.calls)
        }
    };
    // Only now, so that clients that are slow to send keep no other's call waiting.
    let room = within(shared.patience.as_ref(), shared.config.limits.room_time, rooms.clone().acquire_owned());
    let (room, body) = match room.await {
        Some(Ok(room)) => (Some(room), body),
        _ => (None, Err(BodyError::NoRoom)),
    };
    let clock = Arc::clone(&shared.patience);
    let last_resort = asked.clone();
    let work = async move {
        let response = match asked {
            Asked::Api(call) => run(shared, call, request, body, limit).await.into_response(),
            Asked::Aws(call) => run(shared, call, request, body, limit).await.into_response(),
            Asked::ByForm => by_form(shared, request, body, scope.as_deref(), limit).await,
        };
        drop(room);
        let elapsed_us = clock.monotonic().saturating_sub(started).as_micros() as u64;
        tracing::trace!(status = response.status().as_u16(), elapsed_us, "request answered");
        response
    };
    // A client that hangs up leaves no call half done, and no change without its record.
    to_the_end(AssertUnwindSafe(work).catch_unwind(), hang_up).await.unwrap_or_else(|panic| {
        tracing::error!(panic = panic_message(&*panic), "a call was not answered in order");
        last_resort.failure(&HeaderMap::new(), &internal_failure(), &id)
    })
}

/// What a request's head asks for.
fn by_head(shared: &Shared, request: &Request, scope: Option<&str>) -> Result<Asked, Unidentified> {
    if let Some(call) = ApiCall::find(shared, request, scope) {
        return Ok(Asked::Api(call));
    }
    let head = request.head();
    // An object may have any media type.
    if scope != Some(S3) && needs_form(&head) {
        return Ok(Asked::ByForm);
    }
    let call = identify(&head, None, scope, &shared.models)?;
    Ok(Asked::Aws(AwsCall::new(call, &request.parts.headers)))
}

/// Identifies a call by its form, and runs it.
async fn by_form(
    shared: Arc<Shared>,
    request: Request,
    body: Result<Arrived, BodyError>,
    scope: Option<&str>,
    limit: BodyLimit,
) -> Response<ResponseBody> {
    let protocol = Protocol::AwsQuery;
    let headers = &request.parts.headers;
    let body = body.map(|arrived| match arrived {
        Arrived::Whole(body, _) => body,
        // A form is never left to come.
        Arrived::ToCome(_) => body::Body::empty(),
    });
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
            let body =
                if fits { Ok(Arrived::Whole(body, Some(decoded))) } else { Err(BodyError::TooLarge(limit.wire_bytes)) };
            let call = AwsCall::new(call, &request.parts.headers);
            run(shared, call, request, body, limit).await.into_response()
        }
        (Err(unidentified), _) => unrouted(unidentified, headers, &request.id),
        (_, Err(error)) => {
            unrouted(Unidentified { protocol, service: None, error: error.into_error() }, headers, &request.id)
        }
    }
}

/// The body of a request that is to be run.
enum Arrived {
    /// It is here, and decoded already or not.
    Whole(body::Body, Option<Decoded<'static>>),
    /// It is still to come, and the operation takes it as it comes.
    ToCome(Incoming),
}

/// The way of an identified call: whatever happens on it, it ends in a record and an answer.
async fn run<K: Kind>(
    shared: Arc<Shared>,
    kind: K,
    request: Request,
    body: Result<Arrived, BodyError>,
    limit: BodyLimit,
) -> Answered {
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
        client: Client { origin: request.origin(), gone: request.gone.clone(), proof: claimed.proof },
    };
    let (service, operation) = (kind.service().name, kind.operation().name);
    let mut identified = IdentifiedCall {
        host: request.host.clone(),
        tls: request.peer.tls.clone(),
        request_parameters: None,
        shared,
        kind,
        caller,
    };
    let outcome = AssertUnwindSafe(steps(&mut identified, &request, claimed, body, limit)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| {
        tracing::error!(service, operation, panic = panic_message(&*panic), "an operation panicked");
        Err(internal_failure())
    });
    identified.answer(outcome).await
}

async fn steps<K: Kind>(
    identified: &mut IdentifiedCall<K>,
    request: &Request,
    claimed: Identity,
    body: Result<Arrived, BodyError>,
    limit: BodyLimit,
) -> Result<K::Output, ServiceError> {
    let shared = Arc::clone(&identified.shared);
    let family = identified.kind.family();
    let (body, decoded) = match body.map_err(BodyError::into_error)? {
        Arrived::Whole(body, decoded) => (body, decoded),
        Arrived::ToCome(incoming) => return streamed_steps(identified, request, claimed, incoming).await,
    };
    let raw: Bytes = body.bytes.clone();

    let signed = SignedBody::Whole(&raw);
    let (identity, verified) = identified.kind.authenticate(&shared, request, claimed, signed).await?;
    identity.ascribe(&mut identified.caller);

    let decoded = match decoded {
        Some(decoded) => decoded,
        None => identified.kind.decode(&raw, &request.parts.headers, limit.decoded_bytes)?,
    };
    if let Some(verified) = &verified
        && let Some(streaming) = verified.streaming
    {
        let chunked = decoded.chunked.as_ref().ok_or_else(unknown_operation)?;
        chunked.verify(&verified.seed, streaming).map_err(|error| error.into_error(family))?;
    }
    let input = identified.kind.read(&shared, request, body, decoded)?;
    drop(raw);
    identified.note_input(&input);

    authorize(identified).await?;
    let work = identified.kind.start(&shared, identified.caller.clone(), input);
    tokio::select! {
        biased;
        outcome = work => outcome,
        () = shared.reached(Phase::Cutting) => Err(going_away()),
    }
}

/// The steps of a call whose operation takes the body as it comes.
async fn streamed_steps<K: Kind>(
    identified: &mut IdentifiedCall<K>,
    request: &Request,
    claimed: Identity,
    incoming: Incoming,
) -> Result<K::Output, ServiceError> {
    let shared = Arc::clone(&identified.shared);
    let family = identified.kind.family();
    let (identity, verified) = identified.kind.authenticate(&shared, request, claimed, SignedBody::ToCome).await?;
    identity.ascribe(&mut identified.caller);
    let nothing = Decoded { bytes: Vec::new().into(), chunked: None };
    let input = identified.kind.read(&shared, request, body::Body::empty(), nothing)?;
    identified.note_input(&input);

    authorize(identified).await?;
    let (body, rest) = streams::incoming(&shared, &request.parts.headers, incoming, verified, family);
    let work = identified.kind.start_streamed(&shared, identified.caller.clone(), input, body);
    let outcome = tokio::select! {
        biased;
        outcome = work => outcome,
        () = shared.reached(Phase::Cutting) => Err(going_away()),
    };
    if outcome.is_err() {
        rest.discard(&shared).await;
    }
    outcome
}

async fn authorize<K: Kind>(identified: &IdentifiedCall<K>) -> Result<(), ServiceError> {
    let service = identified.kind.service().name;
    let caller = &identified.caller;
    let operation = format!("{service}:{}", identified.kind.operation().name);
    // Who comes with a token needs leave for that, too.
    let by_token = (caller.client.proof == Proof::BearerToken).then(|| format!("{service}:CallWithBearerToken"));
    for action in by_token.into_iter().chain([operation]) {
        let authorizer = &identified.shared.ports.authorizer;
        if let Decision::Deny(message) = authorizer.authorize(caller, &action, &["*".to_owned()]).await {
            return Err(access_denied(identified.kind.family(), message));
        }
    }
    Ok(())
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
