//! Listening, accepting, and the shutdown.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use watchkeep_core::{Clock, SystemClock};

use crate::cluster::Hop;
use crate::config::GatewayConfig;
use crate::connection::{self, Door};
use crate::limits::{ACCEPT_PAUSE, CUT_TIME};
use crate::shared::{Phase, Ports, Shared};
use crate::timer::within;
use crate::tls::{self, TlsError};

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("cannot speak TLS: {0}")]
    Tls(#[from] TlsError),
}

/// A gateway that listens. Connections wait until it [runs](Gateway::run).
pub struct Gateway {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    listeners: Vec<(TcpListener, SocketAddr)>,
    peers: Option<(TcpListener, Hop)>,
    tls: Option<TlsAcceptor>,
}

impl Gateway {
    /// Listens on the configured addresses.
    ///
    /// # Errors
    /// If one of them cannot be listened on, or the TLS files cannot be used.
    pub async fn bind(config: GatewayConfig, ports: Ports) -> Result<Gateway, BindError> {
        Self::bind_with(config, ports, Arc::new(SystemClock::new())).await
    }

    /// The same on sockets that listen already, whatever addresses are configured: so that a gateway can go on where another one
    /// with clones of these sockets stopped, and no client is refused in between.
    ///
    /// # Errors
    /// If one of them cannot be used, or the TLS files cannot.
    pub async fn bind_on(
        sockets: Vec<std::net::TcpListener>,
        config: GatewayConfig,
        ports: Ports,
    ) -> Result<Gateway, BindError> {
        let mut listeners = Vec::with_capacity(sockets.len());
        for socket in sockets {
            let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
            let address = socket.local_addr().unwrap_or(unknown);
            let listening = socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket));
            listeners.push((listening.map_err(|source| BindError::Listen { address, source })?, address));
        }
        Self::with_listeners(listeners, config, ports, Arc::new(SystemClock::new())).await
    }

    /// The same with another clock for time limits.
    pub(crate) async fn bind_with(
        config: GatewayConfig,
        ports: Ports,
        patience: Arc<dyn Clock>,
    ) -> Result<Gateway, BindError> {
        let mut listeners = Vec::with_capacity(config.listen.len());
        for &address in &config.listen {
            listeners.push(listen(address).await?);
        }
        Self::with_listeners(listeners, config, ports, patience).await
    }

    async fn with_listeners(
        listeners: Vec<(TcpListener, SocketAddr)>,
        config: GatewayConfig,
        ports: Ports,
        patience: Arc<dyn Clock>,
    ) -> Result<Gateway, BindError> {
        let tls = config.tls.as_ref().map(tls::tls_acceptor).transpose()?;
        let peers = match config.peers.clone() {
            Some((address, key)) => Some((listen(address).await?.0, Hop::new(key))),
            None => None,
        };
        let (phase, receiver) = watch::channel(Phase::Serving);
        let shared = Arc::new(Shared::new(config, ports, patience, receiver));
        Ok(Gateway { shared, phase, listeners, peers, tls })
    }

    /// The addresses that it listens on, in the order of the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|(_, address)| *address).collect()
    }

    /// Serves until `shutdown` completes. Then nothing more is accepted, event streams end, and calls may finish; those that
    /// have not by the configured time are answered with `ServiceUnavailable`. Returns when all connections are closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Gateway { shared, phase, listeners, peers, tls } = self;
        let mut accepting = JoinSet::new();
        for (listener, _) in listeners {
            accepting.spawn(accept(Arc::clone(&shared), listener, Door::Clients(tls.clone())));
        }
        if let Some((listener, hop)) = peers {
            accepting.spawn(accept(Arc::clone(&shared), listener, Door::Peers(hop)));
        }
        shutdown.await;
        phase.send_replace(Phase::Draining);
        while accepting.join_next().await.is_some() {}
        let limits = &shared.config.limits;
        for (next, time) in [(Phase::Cutting, limits.drain_time), (Phase::Closed, CUT_TIME)] {
            if within(shared.patience.as_ref(), time, all_done(&shared)).await.is_some() {
                break;
            }
            phase.send_replace(next);
        }
        // By now only calls that do not even take notice of being cut off are left; they are not waited for.
        within(shared.patience.as_ref(), CUT_TIME, all_done(&shared)).await;
    }
}

/// Completes when no connection is open and no call is being answered.
async fn all_done(shared: &Shared) {
    let all = |semaphore: &Arc<Semaphore>, permits: u32| Arc::clone(semaphore).acquire_many_owned(permits.max(1));
    let limits = &shared.config.limits;
    // The semaphores are never closed, so waiting for all permits cannot fail.
    let _connections = all(&shared.connections, limits.connections).await;
    let _calls = all(&shared.calls, limits.calls).await;
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |source| BindError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn accept(shared: Arc<Shared>, listener: TcpListener, door: Door) {
    let draining = shared.reached(Phase::Draining);
    tokio::pin!(draining);
    loop {
        let next = async {
            // A connection beyond the limit waits in the kernel's queue.
            let room = Arc::clone(&shared.connections).acquire_owned().await;
            (room, listener.accept().await)
        };
        let (room, accepted) = tokio::select! {
            biased;
            () = &mut draining => return,
            next = next => next,
        };
        match accepted {
            Ok((stream, address)) => {
                let serving = connection::serve(Arc::clone(&shared), stream, address, door.clone());
                tokio::spawn(async move {
                    serving.await;
                    drop(room);
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: some connection's end will free one.
                tracing::warn!(%error, "a connection could not be accepted");
                shared.patience.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
