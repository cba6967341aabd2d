//! Datagrams: a message each. Nobody waits for an answer, so what there is no room for is dropped, and counted.

use std::sync::atomic::Ordering;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use watchkeep_core::Clock;

use crate::limits::DATAGRAM_BYTES_MAX;
use crate::message::{self, Received};
use crate::{Counters, ended};

/// Empties the socket until the receiver is to stop.
pub(crate) async fn receive(
    socket: UdpSocket,
    sender: mpsc::Sender<Received>,
    clock: &dyn Clock,
    counters: &Counters,
    stopped: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut ended = std::pin::pin!(ended(stopped));
    loop {
        let received = tokio::select! {
            () = &mut ended => break,
            received = socket.recv_from(&mut buffer) => received,
        };
        // An error of one datagram, as that its sender is unreachable, is none of the socket's.
        let Ok((length, from)) = received else { continue };
        take(&buffer, length, from.ip(), &sender, clock, counters);
    }
    // What the kernel still holds came before the end.
    while let Ok((length, from)) = socket.try_recv_from(&mut buffer) {
        take(&buffer, length, from.ip(), &sender, clock, counters);
    }
}

fn take(
    buffer: &[u8],
    length: usize,
    from: std::net::IpAddr,
    sender: &mpsc::Sender<Received>,
    clock: &dyn Clock,
    counters: &Counters,
) {
    let Some(message) = buffer.get(..length).and_then(|bytes| message::read(bytes, from, clock.now())) else { return };
    counters.received.fetch_add(1, Ordering::Relaxed);
    if sender.try_send(message).is_err() {
        counters.dropped.fetch_add(1, Ordering::Relaxed);
    }
}
