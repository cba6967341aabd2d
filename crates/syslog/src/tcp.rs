//! Connections, with TLS or without. A sender that is faster than its messages can be stored waits. While the log group that was
//! configured is not there, connections are reset, as AWS's are: senders that keep messages learn that they have to.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::framing::Frames;
use crate::limits::{CONNECTIONS_MAX, HANDSHAKE_WAIT, IDLE_MAX};
use crate::measures::Reason;
use crate::{Shared, ended, message};

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// Serves connections until the receiver is to stop.
pub(crate) async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Shared) {
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

async fn serve(mut stream: TcpStream, from: IpAddr, acceptor: Option<TlsAcceptor>, shared: Shared) {
    if let Some(log_group) = shared.destinations.missing() {
        return reset(&stream, from, &log_group);
    }
    let Some(acceptor) = acceptor else {
        if let End::NoGroup(log_group) = read(&mut stream, from, &shared).await {
            reset(&stream, from, &log_group);
        }
        return;
    };
    let secured = tokio::select! {
        secured = acceptor.accept(stream) => secured,
        () = shared.clock.sleep(HANDSHAKE_WAIT) => return,
        () = ended(shared.stopped.clone()) => return,
    };
    match secured {
        Ok(mut secured) => {
            if let End::NoGroup(log_group) = read(&mut secured, from, &shared).await {
                reset(secured.get_ref().0, from, &log_group);
            }
        }
        Err(error) => tracing::debug!(%error, "a syslog connection's TLS handshake failed"),
    }
}

/// Makes the end of the connection, which follows, a reset.
fn reset(stream: &TcpStream, from: IpAddr, log_group: &str) {
    tracing::warn!(%from, log_group, "a syslog connection was reset: the log group does not exist");
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a syslog connection is closed instead");
    }
}

/// How a connection came to its end.
enum End {
    /// In order, or as the network has it.
    Over,
    /// Messages have nowhere to go: this log group is not there.
    NoGroup(String),
}

/// Reads messages until the sender ends, is silent for too long, or the receiver is to stop.
async fn read(stream: &mut (impl AsyncRead + Unpin), from: IpAddr, shared: &Shared) -> End {
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
            if let ControlFlow::Break(end) = take(&message, from, shared).await {
                return end;
            }
        }
    }
    match frames.rest() {
        Some(message) => take(&message, from, shared).await.break_value().unwrap_or(End::Over),
        None => End::Over,
    }
}

/// Hands a message on, once there is room.
async fn take(bytes: &[u8], from: IpAddr, shared: &Shared) -> ControlFlow<End> {
    let Some(message) = message::read(bytes, from, shared.clock.now()) else { return ControlFlow::Continue(()) };
    if let Some(log_group) = shared.destinations.missing() {
        shared.measures.dropped(&log_group, Reason::ResourceNotFound, 1);
        return ControlFlow::Break(End::NoGroup(log_group));
    }
    match shared.sender.send(message).await {
        Ok(()) => ControlFlow::Continue(()),
        // Nobody takes messages any more.
        Err(_) => ControlFlow::Break(End::Over),
    }
}
