//! The UDP side: datagrams out of the socket, documents into the buffer, as quickly as they come.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::buffer::Sender;
use crate::counters::{Counters, add};
use crate::datagram::Reader;
use crate::limits::{DATAGRAM_BYTES_MAX, DRAIN_BURSTS_MAX, RECEIVE_BURST};
use crate::until_stopped;

/// Receives until `stopped`, and then what the kernel still holds.
pub async fn receive(socket: UdpSocket, sender: Sender, counters: Arc<Counters>, stopped: watch::Receiver<bool>) {
    let mut taking = Taking { sender, counters, reader: Reader::default(), datagram: vec![0; DATAGRAM_BYTES_MAX] };
    let mut ended = std::pin::pin!(until_stopped(stopped));
    loop {
        tokio::select! {
            ready = socket.readable() => {
                if let Err(error) = ready {
                    tracing::error!(%error, "the X-Ray daemon's socket failed");
                    return;
                }
            }
            () = &mut ended => break,
        }
        taking.burst(|datagram| socket.try_recv(datagram));
        tokio::task::yield_now().await;
    }
    // The runtime may not know yet of what came last; the socket itself does.
    match socket.into_std() {
        Ok(socket) => taking.drain(|datagram| socket.recv(datagram)),
        Err(error) => tracing::error!(%error, "the X-Ray daemon's socket failed"),
    }
}

struct Taking {
    sender: Sender,
    counters: Arc<Counters>,
    reader: Reader,
    datagram: Vec<u8>,
}

impl Taking {
    /// Takes what is there, up to a number. Says whether there may be more.
    fn burst(&mut self, receive: impl Fn(&mut [u8]) -> io::Result<usize>) -> bool {
        for _ in 0..RECEIVE_BURST {
            match receive(&mut self.datagram) {
                // An empty datagram is nobody's segment.
                Ok(0) => {}
                Ok(bytes) => self.take(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                // What the kernel tells of datagrams that were sent is no news of those that are received.
                Err(error) => tracing::debug!(%error, "a datagram was not received"),
            }
        }
        true
    }

    /// Takes all that is there. Who goes on sending does not keep it from ending.
    fn drain(&mut self, receive: impl Fn(&mut [u8]) -> io::Result<usize>) {
        for _ in 0..DRAIN_BURSTS_MAX {
            if !self.burst(&receive) {
                return;
            }
        }
    }

    fn take(&mut self, bytes: usize) {
        add(&self.counters.received, 1);
        match self.reader.read(self.datagram.get(..bytes).unwrap_or_default()) {
            Ok(document) => {
                if !self.sender.push(document) {
                    add(&self.counters.spillover, 1);
                }
            }
            Err(reason) => {
                add(&self.counters.rejected, 1);
                tracing::debug!(%reason, "a datagram was rejected");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::buffer;

    #[test]
    fn draining_ends_though_datagrams_never_do() {
        let (sender, _receiver) = buffer(1);
        let counters = Arc::<Counters>::default();
        let mut taking = Taking {
            sender,
            counters: counters.clone(),
            reader: Reader::default(),
            datagram: vec![0; DATAGRAM_BYTES_MAX],
        };
        taking.drain(|_| Ok(1));
        assert_eq!(counters.counts().received, (DRAIN_BURSTS_MAX * RECEIVE_BURST) as u64);
    }
}
