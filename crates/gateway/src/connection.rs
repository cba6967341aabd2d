//! One connection: TLS if configured, then HTTP/1.1 or HTTP/2, whichever the client begins with.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::cluster::Hop;
use crate::door;
use crate::expectation::Expectation;
use crate::limits::{HEADERS_MAX, PING_INTERVAL, PING_TIME, RELAYED_STREAMS_MAX, STREAMS_MAX};
use crate::shared::{Phase, Shared};
use crate::stall::Impatient;
use crate::timer::{ClockTimer, within};
use crate::tls;

/// The other end of a connection; of a request that was handed on, the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Protocol version and cipher suite of TLS.
    pub(crate) tls: Option<(String, String)>,
}

/// Which door a connection came by.
#[derive(Clone)]
pub(crate) enum Door {
    /// That for clients, which speaks TLS or does not.
    Clients(Option<TlsAcceptor>),
    /// That for the other gateways of the cluster, which hand on requests.
    Peers(Hop),
}

/// Serves a connection until it ends.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, address: SocketAddr, door: Door) {
    // Answers are written whole, so waiting for more to send gains nothing.
    let _ = stream.set_nodelay(true);
    let acceptor = match door {
        Door::Clients(Some(acceptor)) => acceptor,
        Door::Clients(None) => return speak(shared, stream, Peer { address, tls: None }, None).await,
        Door::Peers(hop) => return speak(shared, stream, Peer { address, tls: None }, Some(hop)).await,
    };
    let handshake = within(shared.patience.as_ref(), shared.config.limits.head_time, acceptor.accept(stream));
    let stream = tokio::select! {
        stream = handshake => stream,
        () = shared.reached(Phase::Draining) => return,
    };
    match stream {
        Some(Ok(stream)) => {
            let tls = tls::details(stream.get_ref().1);
            speak(shared, stream, Peer { address, tls }, None).await;
        }
        Some(Err(error)) => tracing::debug!(%address, %error, "tls handshake failed"),
        None => tracing::debug!(%address, "tls handshake took too long"),
    }
}

async fn speak(
    shared: Arc<Shared>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    hop: Option<Hop>,
) {
    let address = peer.address;
    let peer = Arc::new(peer);
    let limits = &shared.config.limits;
    let timer = ClockTimer::new(Arc::clone(&shared.patience));
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(timer.clone())
        .header_read_timeout(limits.head_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(limits.head_bytes.max(8_192) as usize);
    builder
        .http2()
        .timer(timer)
        .max_header_list_size(limits.head_bytes)
        .max_concurrent_streams(if hop.is_some() { RELAYED_STREAMS_MAX } else { STREAMS_MAX })
        .adaptive_window(hop.is_some())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIME);

    let stream = Impatient::new(stream, Arc::clone(&shared.patience), limits.write_time);
    let spoken = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        spoken.store(true, Ordering::Relaxed);
        let (shared, peer, hop) = (Arc::clone(&shared), Arc::clone(&peer), hop.clone());
        async move {
            let expectation = Expectation::of(&request);
            let mut response = match hop {
                None => door::answer(shared, peer, request).await,
                Some(hop) => door::answer_peer(shared, hop, request).await,
            };
            if let Some(expectation) = expectation {
                expectation.settle(&mut response);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);

    // Hyper's own time limit begins once it knows which version is spoken; a peer that says nothing at all is left to us.
    let first_request = shared.patience.sleep(limits.head_time);
    let draining = shared.reached(Phase::Draining);
    let closed = shared.reached(Phase::Closed);
    tokio::pin!(first_request, draining, closed);
    let (mut watching, mut told) = (true, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%address, error = error.as_ref() as &dyn std::error::Error, "connection failed");
                }
                return;
            }
            () = &mut first_request, if watching => {
                watching = false;
                if !spoken.load(Ordering::Relaxed) {
                    tracing::debug!(%address, "no request came in time");
                    return;
                }
            }
            () = &mut draining, if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            () = &mut closed => return,
        }
    }
}
