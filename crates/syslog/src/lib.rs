//! The syslog receiver: messages of RFC 5424 and RFC 3164 over UDP, TCP and TLS become log events.
//!
//! Two parts work side by side: `udp` and `tcp` take messages off the network, and `forward` hands them to a [`LogSink`], many at
//! once, a stream a host. Between them lies a queue of bounded size: while it is full TCP senders wait and datagrams are dropped,
//! which is counted. A message is kept as it came, whole; its header says when it was sent and by which host. `destination` asks a
//! [`SyslogRoutes`] for the log group; while the one that was configured is not there, connections are reset.
//!
//! It knows no store and no service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod destination;
mod forward;
mod framing;
pub mod limits;
mod measures;
mod message;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use watchkeep_core::ports::{LogSink, SyslogEndpoint, SyslogRoutes};
use watchkeep_core::{Clock, Meter};

use crate::destination::Destinations;
use crate::forward::Forwarder;
use crate::measures::Measures;
use crate::message::Received;

pub use crate::measures::Counters;

/// How the receiver listens, and where messages go.
#[derive(Clone)]
pub struct SyslogConfig {
    /// Where datagrams are taken, if anywhere.
    pub udp: Option<SocketAddr>,
    /// Where connections are taken, if anywhere.
    pub tcp: Option<SocketAddr>,
    /// Where connections with TLS are taken, if anywhere, and with which certificate.
    pub tls: Option<(SocketAddr, TlsAcceptor)>,
    /// What configurations name the receiver by, with the account and the Region of its log groups.
    pub endpoint: SyslogEndpoint,
    /// The log group while no configuration names another. Streams are named like the hosts that messages are of.
    pub log_group: String,
}

/// What the receiver needs of CloudWatch Logs, and of whoever measures.
#[derive(Clone)]
pub struct SyslogPorts {
    /// Who takes the messages.
    pub sink: Arc<dyn LogSink>,
    /// Who says where they go.
    pub routes: Arc<dyn SyslogRoutes>,
    /// What is measured of messages.
    pub meter: Arc<Meter>,
}

/// Why the receiver cannot begin.
#[derive(Debug, thiserror::Error)]
#[error("cannot take syslog messages on {protocol} {address}")]
pub struct ListenError {
    /// `udp`, `tcp` or `tls`.
    protocol: &'static str,
    /// The address.
    address: SocketAddr,
    /// What the operating system says.
    source: std::io::Error,
}

/// A receiver that listens.
pub struct Syslog {
    config: SyslogConfig,
    udp: Option<UdpSocket>,
    tcp: Option<TcpListener>,
    tls: Option<(TcpListener, TlsAcceptor)>,
    ports: SyslogPorts,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

impl Syslog {
    /// Takes the receiver's addresses, from within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`ListenError`].
    pub async fn bind(config: SyslogConfig, ports: SyslogPorts, clock: Arc<dyn Clock>) -> Result<Syslog, ListenError> {
        let failed = |protocol, address| move |source| ListenError { protocol, address, source };
        let udp = match config.udp {
            Some(address) => Some(UdpSocket::bind(address).await.map_err(failed("udp", address))?),
            None => None,
        };
        if let Some(socket) = &udp {
            // As much as the kernel grants; less is no error.
            let _ = rustix::net::sockopt::set_socket_recv_buffer_size(socket, limits::SOCKET_BUFFER_BYTES);
        }
        let tcp = match config.tcp {
            Some(address) => Some(TcpListener::bind(address).await.map_err(failed("tcp", address))?),
            None => None,
        };
        let tls = match &config.tls {
            Some((address, acceptor)) => {
                Some((TcpListener::bind(address).await.map_err(failed("tls", *address))?, acceptor.clone()))
            }
            None => None,
        };
        Ok(Syslog { config, udp, tcp, tls, ports, clock, counters: Arc::default() })
    }

    /// Where datagrams, connections, and connections with TLS are taken.
    pub fn addresses(&self) -> [(&'static str, Option<SocketAddr>); 3] {
        let tls = self.tls.as_ref().map(|(listener, _)| listener);
        [
            ("udp", self.udp.as_ref().and_then(|socket| socket.local_addr().ok())),
            ("tcp", self.tcp.as_ref().and_then(|listener| listener.local_addr().ok())),
            ("tls", tls.and_then(|listener| listener.local_addr().ok())),
        ]
    }

    /// What became of messages.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// Works until `stopped` says so (or its sender is gone); then stores what it has, and returns.
    pub async fn run(self, stopped: watch::Receiver<bool>) {
        let Syslog { config, udp, tcp, tls, ports, clock, counters } = self;
        let SyslogConfig { endpoint, log_group, .. } = config;
        let measures = Arc::new(Measures::new(counters.clone(), ports.meter, endpoint.place.clone()));
        let destinations = Destinations { endpoint, log_group, routes: ports.routes };
        let (sender, receiver) = mpsc::channel::<Received>(limits::QUEUE_MESSAGES_MAX);
        let receiving = {
            let shared = Shared {
                sender,
                clock: clock.clone(),
                measures: measures.clone(),
                destinations: Arc::new(destinations.clone()),
                stopped,
            };
            async move {
                let datagrams = async {
                    if let Some(socket) = udp {
                        udp::receive(socket, shared.clone()).await;
                    }
                };
                let connections = async {
                    if let Some(listener) = tcp {
                        tcp::accept(listener, None, shared.clone()).await;
                    }
                };
                let secured = async {
                    if let Some((listener, acceptor)) = tls {
                        tcp::accept(listener, Some(acceptor), shared.clone()).await;
                    }
                };
                tokio::join!(datagrams, connections, secured);
                // The queue ends with its last sender.
                drop(shared);
            }
        };
        let forwarder = Forwarder { destinations, sink: ports.sink, clock, measures };
        tokio::join!(receiving, forwarder.run(receiver));
        let (stored, dropped) = (counters.stored(), counters.dropped());
        tracing::info!(stored, dropped, "the syslog receiver stopped");
    }
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

/// What every way in needs.
#[derive(Clone)]
pub(crate) struct Shared {
    sender: mpsc::Sender<Received>,
    clock: Arc<dyn Clock>,
    measures: Arc<Measures>,
    destinations: Arc<Destinations>,
    stopped: watch::Receiver<bool>,
}

/// Completes when the receiver is to stop.
pub(crate) async fn ended(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone: it is to stop, too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
