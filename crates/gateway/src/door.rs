//! What happens to a request before it is a call: foreign pages are turned away, preflights, `/health` and `/_watchkeep/`
//! are answered here.

use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use serde_json::json;
use watchkeep_core::request_id;

use crate::cluster::{Hop, Relay, try_again};
use crate::connection::Peer;
use crate::origin::{self, Origin};
use crate::respond::{ResponseBody, json_response};
use crate::shared::{Phase, Shared};
use crate::{admin, calls, documents};

/// Answers a request that another gateway of the cluster handed on.
pub(crate) async fn answer_peer(shared: Arc<Shared>, hop: Hop, request: Request<Incoming>) -> Response<ResponseBody> {
    let (mut parts, incoming) = request.into_parts();
    match hop.take(&mut parts, shared.ports.clock.now().0) {
        Some(client) => answer(shared, Arc::new(client), Request::from_parts(parts, incoming)).await,
        None => json_response(403, &json!({ "message": "only for the cluster's own servers" })),
    }
}

/// Answers any request: here, or by whoever works.
pub(crate) async fn answer(shared: Arc<Shared>, peer: Arc<Peer>, request: Request<Incoming>) -> Response<ResponseBody> {
    match &shared.ports.relay {
        None => {
            let response = answer_here(Arc::clone(&shared), peer, request).await;
            // Who takes over meanwhile may have answered others otherwise (C-2).
            if shared.ports.tenure.lasts() { response } else { try_again() }
        }
        Some(relay) => hand_on(&shared, relay, &peer, request).await,
    }
}

async fn hand_on(shared: &Shared, relay: &Relay, peer: &Peer, request: Request<Incoming>) -> Response<ResponseBody> {
    let path = request.uri().path();
    if path == "/health" && matches!(*request.method(), Method::GET | Method::HEAD) {
        return match relay.works() {
            Some(_) => health(shared),
            None => json_response(503, &json!({ "status": "waiting", "version": env!("CARGO_PKG_VERSION") })),
        };
    }
    if path.starts_with(admin::PREFIX) {
        let works = relay.works().unwrap_or_else(|| "nobody".to_owned());
        let message = format!("only for the one that works, now {works}, and clients on its machine");
        return json_response(421, &json!({ "message": message }));
    }
    relay.answer(peer, request, &shared.patience).await
}

async fn answer_here(shared: Arc<Shared>, peer: Arc<Peer>, request: Request<Incoming>) -> Response<ResponseBody> {
    let id: Arc<str> = request_id(shared.ports.random.as_ref()).into();
    let (parts, incoming) = request.into_parts();
    let host = host(&parts.headers, &parts.uri);
    let path = parts.uri.path();
    if path == "/health" && matches!(parts.method, Method::GET | Method::HEAD) {
        return health(&shared);
    }
    if let Some(response) = documents::answer(shared.ports.documents.as_ref(), &parts.method, path).await {
        return response;
    }
    let origin = origin::judge(&shared.config, &parts.headers, host.as_deref());
    let preflight = origin::is_preflight(&parts.method, &parts.headers);
    match &origin {
        Origin::Allowed(origin) if preflight => return origin::preflight(origin.clone(), &parts.headers),
        origin if preflight || origin::is_refused(&shared.config, origin) => {
            let message =
                "pages of this origin may not call; the server's setting for CORS origins names those that may";
            return json_response(403, &json!({ "message": message }));
        }
        _ => {}
    }
    let mut response = if path.starts_with(admin::PREFIX) {
        let (method, path) = (parts.method.clone(), path.to_owned());
        admin::answer(&shared, &peer, &method, &path, host.as_deref(), &parts.headers, incoming).await
    } else {
        calls::answer(Arc::clone(&shared), peer, parts, host, incoming, id).await
    };
    if let Origin::Allowed(origin) = origin {
        origin::grant(response.headers_mut(), origin);
    }
    response
}

fn health(shared: &Shared) -> Response<ResponseBody> {
    let version = env!("CARGO_PKG_VERSION");
    if *shared.phase.borrow() == Phase::Serving {
        json_response(200, &json!({ "status": "ok", "version": version }))
    } else {
        json_response(503, &json!({ "status": "draining", "version": version }))
    }
}

/// The host that the client named: `Host`, or HTTP/2's `:authority`.
fn host(headers: &HeaderMap, uri: &http::Uri) -> Option<String> {
    let header = headers.get("host").and_then(|value| value.to_str().ok());
    header.or_else(|| uri.authority().map(http::uri::Authority::as_str)).map(str::to_owned)
}
