//! What runs beside the server in its process: the host collector, a client of the public API like any other, the X-Ray
//! listener, which hands segments to the traces service as if they had come by PutTraceSegments, and the syslog receiver.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;
use watchkeep_agent::{Agent, AgentConfig, Credentials, InstanceConfig, StatsdListener};
use watchkeep_core::ports::{MetricPlace, SyslogEndpoint};
use watchkeep_core::{Clock, Meter, Random};
use watchkeep_daemon::{Daemon, DaemonConfig};
use watchkeep_gateway::{Gateway, tls_acceptor};
use watchkeep_model::xray;
use watchkeep_syslog::{Syslog, SyslogConfig, SyslogPorts};
use watchkeep_wire::sigv4::Signer;

use crate::config::{Config, SyslogListen, XrayListen};
use crate::credentials::RootCredentials;
use crate::server::Collectors;
use crate::services::Services;

/// The collectors that run.
pub struct Running {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// What collectors need of the process, beside the server and its services.
pub struct Surroundings<'a> {
    /// The data directory.
    pub directory: &'a Path,
    pub clock: &'a Arc<dyn Clock>,
    pub random: &'a Arc<dyn Random>,
    pub meter: &'a Arc<Meter>,
}

/// Starts those that are configured.
pub async fn start(
    config: &Config,
    gateway: &Gateway,
    services: &Services,
    root: &RootCredentials,
    surroundings: &Surroundings<'_>,
) -> Result<Running> {
    let Surroundings { directory, clock, random, meter } = *surroundings;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let endpoint = endpoint(config, gateway)?;
    let bound = match config.xray_listen {
        XrayListen::Nowhere => None,
        XrayListen::At(listen) => Some(bind_daemon(listen, config, &endpoint, services, root, clock).await?),
        XrayListen::IfFree(listen) => match bind_daemon(listen, config, &endpoint, services, root, clock).await {
            Ok(daemon) => Some(daemon),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "X-Ray segments are not taken by UDP: is another daemon running?");
                None
            }
        },
    };
    if let Some(daemon) = bound {
        tasks.spawn(daemon.run(stopped.clone()));
    }
    if let Some(listen) = &config.syslog {
        tasks.spawn(bind_syslog(listen, config, services, clock, meter).await?.run(stopped.clone()));
    }
    if config.collectors == Collectors::ThisHost {
        let credentials = Credentials {
            access_key_id: root.access_key_id.clone(),
            secret_access_key: root.secret.clone(),
            session_token: None,
        };
        let agent_config = AgentConfig {
            interval: config.agent_interval,
            log_globs: config.agent_log_files.clone(),
            ..AgentConfig::new(endpoint, credentials, config.region.clone(), directory.join("agent"))
        };
        let mut agent = Agent::new(agent_config, clock.clone(), random.clone()).context("collecting from this host")?;
        if let Some((monitoring, host)) = &config.instance {
            agent = agent.with_instance(InstanceConfig {
                monitoring: *monitoring,
                detail: services.metrics.clone(),
                arn: host.arn(),
                instance_id: host.id.clone(),
                place: host.place.clone(),
                sink: services.metrics.clone(),
            });
        }
        if let Some(statsd) = &config.statsd {
            let listening = || format!("taking StatsD's packets on {}", statsd.listen);
            agent = agent.with_statsd(StatsdListener::bind(statsd.clone()).await.with_context(listening)?);
        }
        if let Some(commands) = &config.commands {
            agent = agent.with_commands(commands.clone());
        }
        tasks.spawn(agent.run(stopped));
    }
    Ok(Running { tasks, stop })
}

async fn bind_daemon(
    listen: SocketAddr,
    config: &Config,
    endpoint: &http::Uri,
    services: &Services,
    root: &RootCredentials,
    clock: &Arc<dyn Clock>,
) -> Result<Daemon> {
    let signer =
        Signer::new(&root.access_key_id, &root.secret, None, config.region.as_str(), xray::SERVICE.signing_name);
    let daemon_config = DaemonConfig { signer: Some(Arc::new(signer)), ..DaemonConfig::new(listen, endpoint.clone()) };
    let sink = services.traces.segment_sink(config.account, &config.region);
    Daemon::bind(daemon_config, sink, clock.clone()).await.context("taking X-Ray segments")
}

async fn bind_syslog(
    listen: &SyslogListen,
    config: &Config,
    services: &Services,
    clock: &Arc<dyn Clock>,
    meter: &Arc<Meter>,
) -> Result<Syslog> {
    let tls = match listen.tls.zip(config.tls.as_ref()) {
        Some((address, files)) => Some((address, tls_acceptor(files).context("taking syslog messages with TLS")?)),
        None => None,
    };
    let place = MetricPlace { account: config.account, region: config.region.clone() };
    let endpoint = SyslogEndpoint { place, id: listen.endpoint_id.clone() };
    let syslog = SyslogConfig {
        udp: listen.udp,
        tcp: listen.tcp,
        tls,
        endpoint: endpoint.clone(),
        log_group: listen.log_group.clone(),
    };
    let ports = SyslogPorts { sink: services.logs.sink(), routes: services.logs.clone(), meter: meter.clone() };
    let syslog = Syslog::bind(syslog, ports, clock.clone()).await.context("taking syslog messages")?;
    services.logs.set_syslog_endpoint(endpoint);
    for (protocol, address) in syslog.addresses() {
        if let Some(address) = address {
            println!("taking syslog messages on {protocol}://{address}");
        }
    }
    Ok(syslog)
}

/// Where the server is to be reached from this host.
fn endpoint(config: &Config, gateway: &Gateway) -> Result<http::Uri> {
    let mut address = gateway.addresses().first().copied().context("the server listens nowhere")?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    Ok(format!("{scheme}://{address}").parse()?)
}

impl Running {
    /// Tells them to hand in what they have, and waits until they did.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a collector did not end in order");
            }
        }
    }
}
