//! Datagrams: a message each. Nobody waits for an answer, so what there is no room for is dropped, and counted.

use std::net::IpAddr;

use tokio::net::UdpSocket;

use crate::limits::DATAGRAM_BYTES_MAX;
use crate::measures::Reason;
use crate::{Shared, ended, message};

/// Empties the socket until the receiver is to stop.
pub(crate) async fn receive(socket: UdpSocket, shared: Shared) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut ended = std::pin::pin!(ended(shared.stopped.clone()));
    loop {
        let received = tokio::select! {
            () = &mut ended => break,
            received = socket.recv_from(&mut buffer) => received,
        };
        // An error of one datagram, as that its sender is unreachable, is none of the socket's.
        let Ok((length, from)) = received else { continue };
        take(&buffer, length, from.ip(), &shared);
    }
    // What the kernel still holds came before the end.
    while let Ok((length, from)) = socket.try_recv_from(&mut buffer) {
        take(&buffer, length, from.ip(), &shared);
    }
}

fn take(buffer: &[u8], length: usize, from: IpAddr, shared: &Shared) {
    let message = buffer.get(..length).and_then(|bytes| message::read(bytes, from, shared.clock.now()));
    let Some(message) = message else { return };
    if shared.sender.try_send(message).is_err() {
        shared.measures.dropped(&shared.destinations.now().log_group, Reason::ServiceUnavailable, 1);
    }
}
