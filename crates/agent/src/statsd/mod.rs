//! StatsD: what applications of this host send by UDP becomes metrics ("Retrieve custom metrics with StatsD"). Every collection
//! interval yields a sample of each series; those of an aggregation interval are sent together.

mod aggregate;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use watchkeep_core::Clock;
use watchkeep_lang::statsd::{self, limits::PACKET_BYTES_MAX};

use crate::api::Api;
use crate::limits::STATSD_LAST_PACKETS_MAX;
use crate::outbox::Outbox;
use crate::stopped;
use aggregate::Aggregator;

/// Where StatsD's packets are taken, and what becomes of them.
#[derive(Debug, Clone)]
pub struct StatsdConfig {
    /// The UDP address (`service_address`).
    pub listen: SocketAddr,
    /// How often a sample is made of what came (`metrics_collection_interval`).
    pub collection_interval: Duration,
    /// Over how long samples are sent together (`metrics_aggregation_interval`); zero sends each by itself.
    pub aggregation_interval: Duration,
    /// What takes the place of dots in names (`metric_separator`).
    pub separator: String,
}

impl StatsdConfig {
    /// The CloudWatch agent's defaults.
    pub fn new(listen: SocketAddr) -> StatsdConfig {
        StatsdConfig {
            listen,
            collection_interval: Duration::from_secs(10),
            aggregation_interval: Duration::from_secs(60),
            separator: "_".to_owned(),
        }
    }
}

/// A socket that packets come to.
#[derive(Debug)]
pub struct StatsdListener {
    socket: UdpSocket,
    config: StatsdConfig,
}

impl StatsdListener {
    /// Listens.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn bind(config: StatsdConfig) -> std::io::Result<StatsdListener> {
        Ok(StatsdListener { socket: UdpSocket::bind(config.listen).await?, config })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Takes packets and sends what they say.
pub(crate) struct Statsd {
    socket: UdpSocket,
    collection_interval: Duration,
    aggregator: Aggregator,
    outbox: Outbox,
    clock: Arc<dyn Clock>,
    rejected: Rejected,
}

/// Lines that were not taken since it was told last.
#[derive(Debug, Default)]
struct Rejected {
    count: u64,
    example: Option<statsd::Rejected>,
}

impl Statsd {
    pub(crate) fn new(listener: StatsdListener, host: String, api: Arc<dyn Api>, clock: Arc<dyn Clock>) -> Statsd {
        let StatsdListener { socket, config } = listener;
        Statsd {
            socket,
            collection_interval: config.collection_interval.max(Duration::from_secs(1)),
            aggregator: Aggregator::new(host, config.separator, config.aggregation_interval),
            outbox: Outbox::new(api, "statsd"),
            clock,
            rejected: Rejected::default(),
        }
    }

    pub(crate) async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let mut packet = vec![0; PACKET_BYTES_MAX];
        let mut next = self.clock.monotonic() + self.collection_interval;
        loop {
            let left = next.saturating_sub(self.clock.monotonic());
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => break,
                () = self.clock.sleep(left) => {
                    next = (next + self.collection_interval).max(self.clock.monotonic());
                    self.collect();
                    self.outbox.send(&shutdown).await;
                }
                received = self.socket.recv_from(&mut packet) => match received {
                    Ok((length, _)) => self.take(packet.get(..length).unwrap_or_default()),
                    Err(error) => {
                        // Such as the word that a port which was answered is closed; the socket itself stays.
                        tracing::debug!(%error, "a statsd packet was not received");
                        self.clock.sleep(Duration::from_millis(1)).await;
                    }
                },
            }
        }
        // What is in the socket already counts, too; the runtime needs a moment to see it.
        tokio::task::yield_now().await;
        for _ in 0..STATSD_LAST_PACKETS_MAX {
            let Ok(length) = self.socket.try_recv(&mut packet) else { break };
            self.take(packet.get(..length).unwrap_or_default());
        }
        self.collect();
        let rest = self.aggregator.flush();
        self.outbox.push(rest);
        self.outbox.send_some().await;
    }

    fn take(&mut self, packet: &[u8]) {
        for line in statsd::lines(packet) {
            match line {
                Ok(line) => self.aggregator.take(&line),
                Err(rejected) => {
                    self.rejected.count += 1;
                    self.rejected.example.get_or_insert(rejected);
                }
            }
        }
    }

    /// Ends a collection interval.
    fn collect(&mut self) {
        let datums = self.aggregator.collect(self.clock.now());
        self.outbox.push(datums);
        let Rejected { count, example } = std::mem::take(&mut self.rejected);
        if let Some(reason) = example {
            tracing::warn!(lines = count, %reason, "statsd lines were not taken");
        }
        let lost = self.aggregator.take_lost();
        if lost > 0 {
            tracing::warn!(samples = lost, "statsd samples were not taken: there are too many series");
        }
    }
}
