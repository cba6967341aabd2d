//! What collects from the host it runs on: figures of processor, memory, disks, network and load become metrics in the
//! namespace `CWAgent`, named as the CloudWatch agent names them, and the host's log files become log groups. It is a client
//! of the public API like any other, and speaks to it over HTTP with signed requests.
//!
//! - `host` reads figures: a plugin a file, all of them in one table. `metrics` sends them every few seconds.
//! - `tail` follows log files across rotation and restart, and hands their lines in; a file's offset moves when the service
//!   has acknowledged what was before it, so a restart loses nothing.
//!   `journalctl` is followed likewise, where the journal is all there is.
//! - `ec2` makes metrics of an instance out of the same figures.
//! - `statsd` takes what applications of this host send by StatsD's protocol.
//! - `commands` carries out commands of this host that alarms may have carried out, if the host allows some.
//! - `client` speaks the API, behind the trait of `api`.
//!
//! It knows nothing of the store, of the services, or of who answers at the other end.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod api;
mod backoff;
mod client;
mod commands;
mod ec2;
mod host;
mod limits;
mod metrics;
mod outbox;
mod statsd;
mod tail;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use watchkeep_core::{Clock, Random, Region};

pub use api::{Api, ApiError};
pub use client::{Credentials, HttpApi, InvalidEndpoint};
pub use commands::{COMMAND_NAMES, CommandsConfig, queue_name};
pub use ec2::{InstanceConfig, Monitoring};
pub use host::{Figure, HostError, HostFiles, PLUGINS, Plugin, PluginInfo, Usage};
pub use statsd::{StatsdConfig, StatsdListener};
pub use tail::LOG_GLOBS;

/// What an agent collects, and where it takes it.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Where the API answers: `http://host:port`.
    pub endpoint: http::Uri,
    /// What requests are signed with.
    pub credentials: Credentials,
    /// The Region that requests are signed for.
    pub region: Region,
    /// How often the host's figures are read.
    pub interval: Duration,
    /// The directory of what must survive a restart: how far each log file was read. Made if absent.
    pub state_dir: PathBuf,
    /// Which files are tailed, as [`LOG_GLOBS`]; none for no log files.
    pub log_globs: Vec<String>,
    /// The `journalctl` to follow systemd's journal with; none for no journal.
    pub journalctl: Option<PathBuf>,
    /// This host's name: the dimension `host` of its metrics, and the log stream of its log files.
    pub host: String,
}

impl AgentConfig {
    /// The usual: figures every ten seconds, the log files that hosts usually have, the journal unless it is in those
    /// files, the host's own name.
    pub fn new(endpoint: http::Uri, credentials: Credentials, region: Region, state_dir: PathBuf) -> AgentConfig {
        AgentConfig {
            endpoint,
            credentials,
            region,
            interval: Duration::from_secs(10),
            state_dir,
            log_globs: LOG_GLOBS.iter().map(|&glob| glob.to_owned()).collect(),
            journalctl: (!has_syslog()).then(|| "journalctl".into()),
            host: host_name(),
        }
    }
}

/// Whether a syslog daemon writes to text files what the journal has, too.
fn has_syslog() -> bool {
    ["/var/log/syslog", "/var/log/messages"].iter().any(|file| Path::new(file).exists())
}

/// The name of this host; `localhost` if it has none.
pub fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// A collector of one host.
pub struct Agent {
    metrics: metrics::Metrics,
    tailer: tail::Tailer,
    journal: tail::Journal,
    statsd: Option<statsd::Statsd>,
    commands: Option<commands::Commands>,
    host: String,
    api: Arc<dyn Api>,
    clock: Arc<dyn Clock>,
}

impl Agent {
    /// A collector of this host, which speaks to `config.endpoint`.
    ///
    /// # Errors
    ///
    /// [`InvalidEndpoint`] if that is no `http://` URL.
    pub fn new(config: AgentConfig, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Agent, InvalidEndpoint> {
        let (credentials, region) = (config.credentials.clone(), config.region.clone());
        let api = HttpApi::new(&config.endpoint, credentials, region, clock.clone())?;
        Ok(Agent::with(config, Arc::new(api), HostFiles::of_this_host(), clock, random))
    }

    /// A collector of the host behind `files`, which speaks to `api`.
    pub fn with(
        config: AgentConfig,
        api: Arc<dyn Api>,
        files: HostFiles,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Agent {
        Agent {
            metrics: metrics::Metrics::new(&config, files, api.clone(), clock.clone()),
            tailer: tail::Tailer::new(&config, api.clone(), clock.clone(), random.clone()),
            journal: tail::Journal::new(&config, api.clone(), clock.clone(), random),
            statsd: None,
            commands: None,
            host: config.host,
            api,
            clock,
        }
    }

    /// The same collector, taking StatsD's packets besides.
    pub fn with_statsd(mut self, listener: StatsdListener) -> Agent {
        self.statsd = Some(statsd::Statsd::new(listener, self.host.clone(), self.api.clone(), self.clock.clone()));
        self
    }

    /// The same collector, carrying out commands of this host besides.
    pub fn with_commands(mut self, config: CommandsConfig) -> Agent {
        let (host, api, clock) = (self.host.clone(), self.api.clone(), self.clock.clone());
        self.commands = Some(commands::Commands::new(config, host, api, clock));
        self
    }

    /// The same collector, measuring this host as an instance of EC2 besides.
    pub fn with_instance(mut self, config: InstanceConfig) -> Agent {
        self.metrics.measure_instance(config);
        self
    }

    /// Collects until `shutdown` says true (or its sender is gone), hands in what it has, and returns.
    pub async fn run(self, shutdown: watch::Receiver<bool>) {
        let statsd = async {
            if let Some(statsd) = self.statsd {
                statsd.run(shutdown.clone()).await;
            }
        };
        let commands = async {
            if let Some(commands) = self.commands {
                commands.run(shutdown.clone()).await;
            }
        };
        tokio::join!(
            self.metrics.run(shutdown.clone()),
            self.tailer.run(shutdown.clone()),
            self.journal.run(shutdown.clone()),
            statsd,
            commands
        );
    }
}

/// Completes when the agent is to stop.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that nobody can say so any more: that is a shutdown, too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}
