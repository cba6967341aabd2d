//! The TCP side: a reverse proxy of any path to the API. SDKs ask `POST /GetSamplingRules` and `POST /SamplingTargets` here,
//! without credentials.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use watchkeep_core::Clock;
use watchkeep_wire::sigv4::Signer;

use crate::config::DaemonConfig;
use crate::limits::{ANSWER_WAIT, CONNECTIONS_MAX, DRAIN_WAIT, REQUEST_BYTES_MAX};
use crate::{DaemonError, until_stopped};

/// Headers that belong to one connection, and those with which the client may have signed.
const NOT_PASSED_ON: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-amz-date",
    "x-amz-security-token",
];

/// Passes requests on.
#[derive(Clone)]
pub struct Proxy {
    /// Where requests go; none if the endpoint wants TLS.
    authority: Option<Authority>,
    signer: Option<Arc<Signer>>,
    client: Client<HttpConnector, Full<Bytes>>,
    clock: Arc<dyn Clock>,
}

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

impl Proxy {
    /// A proxy to the configured endpoint. No connection is made yet.
    ///
    /// # Errors
    ///
    /// [`DaemonError::Endpoint`] for what is not a URL of HTTP.
    pub fn new(config: &DaemonConfig, clock: Arc<dyn Clock>) -> Result<Proxy, DaemonError> {
        let invalid = || DaemonError::Endpoint(config.endpoint.to_string());
        let authority = config.endpoint.authority().ok_or_else(invalid)?;
        let authority = match config.endpoint.scheme_str() {
            Some("http") => Some(authority.clone()),
            Some("https") => {
                tracing::warn!("requests to the X-Ray daemon are not passed on: its endpoint wants TLS");
                None
            }
            _ => return Err(invalid()),
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Proxy { authority, signer: config.signer.clone(), client, clock })
    }

    /// Serves connections until `stopped`, and then waits a while for those that are busy.
    pub async fn run(self, listener: TcpListener, stopped: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut ended = std::pin::pin!(until_stopped(stopped));
        loop {
            // The semaphore is never closed. Connections beyond it wait in the kernel.
            let next = async {
                let place = places.clone().acquire_owned().await.ok()?;
                Some((listener.accept().await, place))
            };
            let (accepted, place) = tokio::select! {
                Some(next) = next => next,
                () = &mut ended => break,
                else => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection to the X-Ray daemon was not accepted");
                    // Often there are no file descriptors left just now.
                    self.clock.sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let proxy = self.clone();
            let service = service_fn(move |request| {
                let proxy = proxy.clone();
                async move { Ok::<_, Infallible>(proxy.answer(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to the X-Ray daemon ended early");
                }
                drop(place);
            });
        }
        tokio::select! {
            () = graceful.shutdown() => {}
            () = self.clock.sleep(DRAIN_WAIT) => {}
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, REQUEST_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return refusal(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
            }
            Err(_) => return refusal(StatusCode::BAD_REQUEST, "the request ended early"),
        };
        let Some(request) = self.passed_on(parts, body) else {
            return refusal(StatusCode::BAD_GATEWAY, "the request cannot be passed on");
        };
        let answered = tokio::select! {
            answered = self.client.request(request) => answered,
            () = self.clock.sleep(ANSWER_WAIT) => return refusal(StatusCode::GATEWAY_TIMEOUT, "the API does not answer"),
        };
        match answered {
            Ok(answer) => {
                let (mut parts, body) = answer.into_parts();
                remove_connection_headers(&mut parts.headers);
                parts.version = http::Version::HTTP_11;
                Response::from_parts(parts, body.boxed())
            }
            Err(error) => {
                tracing::debug!(%error, "the X-Ray daemon does not reach the API");
                refusal(StatusCode::BAD_GATEWAY, "the API cannot be reached")
            }
        }
    }

    /// The request as the API gets it.
    fn passed_on(&self, mut parts: Parts, body: Bytes) -> Option<Request<Full<Bytes>>> {
        let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        let authority = self.authority.as_ref()?;
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority.clone()).path_and_query(path);
        parts.uri = uri.build().ok()?;
        parts.version = http::Version::HTTP_11;
        remove_connection_headers(&mut parts.headers);
        for name in NOT_PASSED_ON {
            parts.headers.remove(*name);
        }
        parts.headers.insert(HOST, HeaderValue::from_str(authority.as_str()).ok()?);
        if let Some(signer) = &self.signer {
            signer.sign(&mut parts, &body, self.clock.now()).ok()?;
        }
        Some(Request::from_parts(parts, Full::new(body)))
    }
}

/// Removes what concerns one connection: `Connection`, the headers it names, and how the body is framed.
fn remove_connection_headers(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    headers.remove("keep-alive");
}

fn refusal(status: StatusCode, message: &str) -> Answer {
    let body = serde_json::json!({"Message": message}).to_string();
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
