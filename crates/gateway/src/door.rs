//! What happens to a request before it is a call: foreign pages are turned away, preflights, `/health` and `/_watchkeep/`
//! are answered here.

use std::sync::Arc;

use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use serde_json::json;
use watchkeep_core::request_id;

use crate::connection::Peer;
use crate::origin::{self, Origin};
use crate::respond::{ResponseBody, json_response};
use crate::shared::{Phase, Shared};
use crate::{admin, calls, documents};

/// Answers any request.
pub(crate) async fn answer(shared: Arc<Shared>, peer: Arc<Peer>, request: Request<Incoming>) -> Response<ResponseBody> {
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
