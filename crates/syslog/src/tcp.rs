//! Connections, with TLS or without. A sender that is faster than its messages can be stored waits.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use watchkeep_core::Clock;

use crate::framing::Frames;
use crate::limits::{CONNECTIONS_MAX, HANDSHAKE_WAIT, IDLE_MAX};
use crate::message::{self, Received};
use crate::{Counters, ended};

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// What every connection needs.
#[derive(Clone)]
struct Shared {
    sender: mpsc::Sender<Received>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    stopped: watch::Receiver<bool>,
}

/// Serves connections until the receiver is to stop.
pub(crate) async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    sender: &mpsc::Sender<Received>,
    clock: &Arc<dyn Clock>,
    counters: &Arc<Counters>,
    stopped: watch::Receiver<bool>,
) {
    let shared = Shared { sender: sender.clone(), clock: clock.clone(), counters: counters.clone(), stopped };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut ended = std::pin::pin!(ended(shared.stopped.clone()));
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            // The semaphore is never closed.
            let place = room.clone().acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            () = &mut ended => break,
            next = next => next,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, for instance: it passes.
                tracing::warn!(%error, "a syslog connection was not accepted");
                shared.clock.sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let (shared, acceptor) = (shared.clone(), acceptor.clone());
        connections.spawn(async move {
            serve(stream, address.ip(), acceptor, shared).await;
            drop(place);
        });
    }
    while connections.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, from: IpAddr, acceptor: Option<TlsAcceptor>, shared: Shared) {
    let Some(acceptor) = acceptor else { return read(stream, from, shared).await };
    tokio::select! {
        secured = acceptor.accept(stream) => match secured {
            Ok(secured) => read(secured, from, shared).await,
            Err(error) => tracing::debug!(%error, "a syslog connection's TLS handshake failed"),
        },
        () = shared.clock.sleep(HANDSHAKE_WAIT) => {}
        () = ended(shared.stopped.clone()) => {}
    }
}

/// Reads messages until the sender ends, is silent for too long, or the receiver is to stop.
async fn read(mut stream: impl AsyncRead + Unpin, from: IpAddr, shared: Shared) {
    let mut frames = Frames::default();
    let mut buffer = vec![0; READ_BYTES];
    let mut ended = std::pin::pin!(ended(shared.stopped.clone()));
    loop {
        let read = tokio::select! {
            () = &mut ended => break,
            () = shared.clock.sleep(IDLE_MAX) => break,
            read = stream.read(&mut buffer) => read,
        };
        let Some(bytes) = read.ok().and_then(|length| buffer.get(..length)).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        frames.push(bytes);
        while let Some(message) = frames.next() {
            if !take(&message, from, &shared).await {
                return;
            }
        }
    }
    if let Some(message) = frames.rest() {
        take(&message, from, &shared).await;
    }
}

/// Hands a message on, once there is room. Says whether anybody takes messages.
async fn take(bytes: &[u8], from: IpAddr, shared: &Shared) -> bool {
    let Some(message) = message::read(bytes, from, shared.clock.now()) else { return true };
    shared.counters.received.fetch_add(1, Ordering::Relaxed);
    shared.sender.send(message).await.is_ok()
}
