//! Handing on: a request goes to the gateway that works, as it came, and its answer back, both as they flow. Connections are HTTP/2,
//! one for all requests. Until the request has a connection to go over, nothing of it is sent, so that it can wait for whoever works
//! next; once it was sent its outcome may be unknown, and the client is told to try again, as by any server that was lost.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderName};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use watchkeep_core::Clock;

use super::{Hop, PeerKey, Whereabouts};
use crate::connection::Peer;
use crate::limits::{
    RELAY_CONNECT_TIME, RELAY_PING_INTERVAL, RELAY_PING_TIME, RELAY_RETRY_PAUSE, RELAY_WAIT, RELAYED_MAX,
};
use crate::respond::{CutShort, ResponseBody};
use crate::timer::{ClockTimer, within};

/// Headers that are between two ends of a connection, and not for the next.
const OF_THE_CONNECTION: [HeaderName; 6] = [
    http::header::CONNECTION,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    http::header::EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Hands requests on.
pub struct Relay {
    whereabouts: Arc<dyn Whereabouts>,
    hop: Hop,
    /// The time that is told of each hop.
    clock: Arc<dyn Clock>,
    /// The connection to the one that works, by its address.
    connection: Mutex<Option<(String, SendRequest<Incoming>)>>,
    /// A permit for each request that is being handed on.
    room: Arc<Semaphore>,
}

impl Relay {
    /// Hands on to whoever works, by the cluster's key.
    pub fn new(whereabouts: Arc<dyn Whereabouts>, key: PeerKey, clock: Arc<dyn Clock>) -> Relay {
        let room = Arc::new(Semaphore::new(RELAYED_MAX));
        Relay { whereabouts, hop: Hop::new(key), clock, connection: Mutex::default(), room }
    }

    /// The address of the gateway that works.
    pub(crate) fn works(&self) -> Option<String> {
        self.whereabouts.works()
    }

    /// The answer of the gateway that works.
    pub(crate) async fn answer(
        &self,
        peer: &Peer,
        request: Request<Incoming>,
        patience: &Arc<dyn Clock>,
    ) -> Response<ResponseBody> {
        let Ok(room) = self.room.clone().try_acquire_owned() else { return try_again() };
        let (mut parts, body) = request.into_parts();
        self.hop.write(&mut parts, peer, self.clock.now().0);
        for name in &OF_THE_CONNECTION {
            parts.headers.remove(name);
        }
        let Some(uri) = target(&parts.uri, &parts.headers) else {
            return status(StatusCode::BAD_REQUEST);
        };
        (parts.uri, parts.version) = (uri, Version::HTTP_2);
        let mut request = Request::from_parts(parts, body);
        let began = patience.monotonic();
        loop {
            let Some(mut sender) = self.connected(began, patience).await else {
                tracing::warn!("a request was turned away: nobody in the cluster works");
                return try_again();
            };
            match sender.try_send_request(request).await {
                Ok(response) => return handed_back(response, room),
                Err(mut error) => match error.take_message() {
                    // The connection was at its end, and nothing was sent.
                    Some(unsent) => {
                        request = unsent;
                        *self.connection.lock().await = None;
                    }
                    None => {
                        let error = error.into_error();
                        tracing::warn!(%error, "a request was handed on and not answered");
                        return try_again();
                    }
                },
            }
        }
    }

    /// A connection to the one that works; `None` if there is none for too long.
    async fn connected(&self, began: Duration, patience: &Arc<dyn Clock>) -> Option<SendRequest<Incoming>> {
        loop {
            if let Some(address) = self.whereabouts.works()
                && let Some(sender) = self.connection_to(&address, patience).await
            {
                return Some(sender);
            }
            if patience.monotonic().saturating_sub(began) >= RELAY_WAIT {
                return None;
            }
            patience.sleep(RELAY_RETRY_PAUSE).await;
        }
    }

    async fn connection_to(&self, address: &str, patience: &Arc<dyn Clock>) -> Option<SendRequest<Incoming>> {
        let mut connection = self.connection.lock().await;
        if let Some((to, sender)) = connection.as_ref()
            && to == address
            && !sender.is_closed()
        {
            return Some(sender.clone());
        }
        *connection = None;
        match within(patience.as_ref(), RELAY_CONNECT_TIME, connect(address, patience)).await {
            Some(Ok(sender)) => {
                *connection = Some((address.to_owned(), sender.clone()));
                Some(sender)
            }
            Some(Err(error)) => {
                tracing::debug!(address, %error, "the one that works cannot be reached");
                None
            }
            None => {
                tracing::debug!(address, "the one that works cannot be reached in time");
                None
            }
        }
    }
}

/// The answer as the client gets it; `room` is taken until all of it has gone.
fn handed_back(response: Response<Incoming>, room: OwnedSemaphorePermit) -> Response<ResponseBody> {
    let (mut parts, body) = response.into_parts();
    parts.version = Version::HTTP_11;
    let body = body.map_err(|error| {
        tracing::warn!(%error, "an answer was cut short: the one that works was lost");
        CutShort
    });
    let body = body.map_frame(move |frame| {
        let _ = &room;
        frame
    });
    Response::from_parts(parts, body.boxed_unsync())
}

/// What can go wrong with a connection.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

async fn connect(address: &str, patience: &Arc<dyn Clock>) -> Result<SendRequest<Incoming>, ConnectError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut builder = Builder::new(TokioExecutor::new());
    // One that says nothing is lost: who waits for it must learn of that before its time is up.
    builder
        .timer(ClockTimer::new(Arc::clone(patience)))
        .adaptive_window(true)
        .keep_alive_interval(RELAY_PING_INTERVAL)
        .keep_alive_timeout(RELAY_PING_TIME)
        .keep_alive_while_idle(true);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let address = address.to_owned();
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(address, %error, "the connection to the one that works ended");
        }
    });
    Ok(sender)
}

/// The target of a request as HTTP/2 has it: with the host that the client named.
fn target(uri: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let named = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let authority = named.or_else(|| uri.authority().cloned());
    Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority.unwrap_or_else(|| Authority::from_static("localhost")))
        .path_and_query(uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build()
        .ok()
}

/// An answer that every protocol of AWS's takes for a fault of the server that passes: without a body none of their errors has to be
/// spelled in the client's protocol, which nobody has looked at.
pub(crate) fn try_again() -> Response<ResponseBody> {
    let mut response = status(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from(Duration::from_secs(1).as_secs()));
    response
}

fn status(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_the_host_that_its_client_named() {
        let host = |host: &'static str| HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
        for (uri, headers, expected) in [
            ("/a%20b?x=%2F", host("logs.example:4566"), "http://logs.example:4566/a%20b?x=%2F"),
            ("http://two.example/a", HeaderMap::new(), "http://two.example/a"),
            ("/", HeaderMap::new(), "http://localhost/"),
            ("/", host("no host"), "http://localhost/"),
        ] {
            assert_eq!(target(&uri.parse().unwrap(), &headers).unwrap(), expected);
        }
    }
}
