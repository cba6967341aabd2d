//! The X-Ray daemon: what X-Ray SDKs expect on port 2000.
//!
//! Over UDP they send segments, one a datagram; over TCP they ask for sampling rules. The daemon answers no datagram and
//! looks at no document: it checks the header, gathers documents into batches, and hands these to a [`SegmentSink`]. What comes
//! over TCP it passes on to the API, signed if it was given a key.
//!
//! Three parts work side by side: `receive` empties the socket and does nothing else, so that a burst does not overflow the
//! kernel's buffer; `forward` makes batches and hands several of them in at once; `proxy` is the HTTP side. Between the first
//! two lies a buffer of bounded size. Nothing is written to disk, and everything that is dropped is counted ([`Counters`]).
//!
//! It knows no store and no service. Source: "AWS X-Ray daemon", and what its SDKs are seen to do.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod buffer;
mod config;
mod counters;
mod datagram;
mod forward;
mod limits;
mod proxy;
mod receive;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use watchkeep_core::Clock;
use watchkeep_core::ports::SegmentSink;

pub use config::DaemonConfig;
pub use counters::{Counters, Counts};

use crate::proxy::Proxy;

/// Why the daemon cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// An address cannot be listened on.
    #[error("cannot listen on {protocol} {address}")]
    Listen {
        /// `udp` or `tcp`.
        protocol: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The endpoint is not a URL of HTTP with a host.
    #[error("the endpoint {0} is not an http:// or https:// URL with a host")]
    Endpoint(String),
}

/// A daemon that listens.
pub struct Daemon {
    config: DaemonConfig,
    udp: UdpSocket,
    tcp: TcpListener,
    udp_address: SocketAddr,
    tcp_address: SocketAddr,
    sink: Arc<dyn SegmentSink>,
    proxy: Proxy,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

impl Daemon {
    /// Takes the daemon's addresses, from within a tokio runtime. From then on the kernel keeps what is sent to them.
    ///
    /// # Errors
    ///
    /// [`DaemonError`].
    pub async fn bind(
        config: DaemonConfig,
        sink: Arc<dyn SegmentSink>,
        clock: Arc<dyn Clock>,
    ) -> Result<Daemon, DaemonError> {
        let proxy = Proxy::new(&config, clock.clone())?;
        let listen = |protocol, address| move |source| DaemonError::Listen { protocol, address, source };
        let udp = UdpSocket::bind(config.udp).await.map_err(listen("udp", config.udp))?;
        // As much as the kernel grants; less is no error.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&udp, limits::SOCKET_BUFFER_BYTES);
        let udp_address = udp.local_addr().map_err(listen("udp", config.udp))?;
        // Port 0 means any, but the same one for both.
        let mut tcp = config.tcp;
        if tcp.port() == 0 && config.udp.port() == 0 {
            tcp.set_port(udp_address.port());
        }
        let listener = TcpListener::bind(tcp).await.map_err(listen("tcp", tcp))?;
        let tcp_address = listener.local_addr().map_err(listen("tcp", tcp))?;
        Ok(Daemon {
            config,
            udp,
            tcp: listener,
            udp_address,
            tcp_address,
            sink,
            proxy,
            clock,
            counters: Arc::default(),
        })
    }

    /// Where datagrams are taken.
    pub fn udp_address(&self) -> SocketAddr {
        self.udp_address
    }

    /// Where HTTP requests are taken.
    pub fn tcp_address(&self) -> SocketAddr {
        self.tcp_address
    }

    /// What was received, handed in, and dropped.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// Works until `stopped` says so (or its sender is gone); then takes what the kernel still holds, hands in all that it has,
    /// and returns.
    pub async fn run(self, stopped: watch::Receiver<bool>) {
        let Daemon { config, udp, tcp, sink, proxy, clock, counters, .. } = self;
        let (sender, receiver) = buffer::buffer(config.buffer_bytes_max);
        let receiving = receive::receive(udp, sender, counters.clone(), stopped.clone());
        let forwarding = forward::forward(&config, receiver, sink, clock.clone(), counters.clone());
        let proxying = proxy.run(tcp, stopped.clone());
        tokio::join!(receiving, forwarding, proxying, report(&counters, clock.as_ref(), stopped),);
        let counts = counters.counts();
        tracing::info!(received = counts.received, sent = counts.sent, "the X-Ray daemon stopped");
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon").field("udp", &self.udp_address).field("tcp", &self.tcp_address).finish_non_exhaustive()
    }
}

/// Says once a minute what was dropped, if anything was.
async fn report(counters: &Counters, clock: &dyn Clock, stopped: watch::Receiver<bool>) {
    let mut told = Counts::default();
    let mut ended = std::pin::pin!(until_stopped(stopped));
    let mut last = false;
    while !last {
        tokio::select! {
            () = clock.sleep(Duration::from_secs(60)) => {}
            () = &mut ended => last = true,
        }
        let now = counters.counts();
        let (spillover, rejected, lost) =
            (now.spillover - told.spillover, now.rejected - told.rejected, now.lost - told.lost);
        if spillover + rejected + lost > 0 {
            tracing::warn!(spillover, rejected, lost, "X-Ray segments were dropped");
        }
        told = now;
    }
}

/// Completes when the daemon is to end.
async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
