//! The server's life: open the store and the services, open the doors, wait for a signal, and close everything in order.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use watchkeep_core::ports::{AllowAll, Authorizer, SecretSealing};
use watchkeep_core::{Clock, ManualClock, OsRandom, Random, SystemClock};
use watchkeep_delivery::{Aws, ConfiguredStreams, HttpFunctions};
use watchkeep_gateway::{Alone, AuthMode, Gateway, GatewayConfig, Ports, Tenure};
use watchkeep_metrics::MetricsConfig;
use watchkeep_store::{JournalError, MasterKey, Store, StoreConfig};

use crate::EXIT_JOURNAL_FAILED;
use crate::admin::{Administration, SqlOverTables};
use crate::alarm_actions::ActionTargets;
use crate::cluster::{self, Office};
use crate::collectors::{self, Surroundings};
use crate::config::Config;
use crate::credentials::{RootCredentials, Sealer};
use crate::directory::DataDirectory;
use crate::measuring::{CountedCalls, Measuring, Meters};
use crate::services::{self, Certificates, ServiceConfigs, Services};

/// How long alarms wait after a server has begun to work for a cluster: datapoints that could not be put while nobody did, and that
/// their senders have kept, are there by then.
const ALARMS_WAIT: Duration = Duration::from_secs(5);

/// What runs beside the server in the same process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collectors {
    /// Nothing.
    None,
    /// The collectors of this host: its metrics, its log files, and the X-Ray listener.
    ThisHost,
}

/// Runs a server until it is told to end (SIGINT or SIGTERM); then drains, and returns.
pub async fn run(config: Config) -> Result<ExitCode> {
    match config.cluster.clone() {
        None => work(config, None).await,
        Some(place) => cluster::run(config, place).await,
    }
}

/// Does a server's work; in a cluster, in the office of the one that does.
pub async fn work(config: Config, office: Option<Office>) -> Result<ExitCode> {
    let directory = DataDirectory::open(config.data_dir.as_deref())?;
    let manual_clock = config.manual_clock.map(|start| Arc::new(ManualClock::new(start)));
    let clock: Arc<dyn Clock> = match &manual_clock {
        Some(clock) => clock.clone(),
        None => Arc::new(SystemClock::new()),
    };
    let random: Arc<dyn Random> = Arc::new(OsRandom);

    let master_key = config.master_key.clone().unwrap_or_else(|| directory.path().join("master.key"));
    let sealing: Arc<dyn SecretSealing> = Arc::new(Sealer::open(&master_key, random.clone())?);
    let store_config =
        StoreConfig { master_key: MasterKey(Some(sealing.clone())), ..config.store(directory.path().to_owned()) };
    let store = Store::open(store_config, &services::tables(), clock.clone(), random.clone(), stop_at_once).await;
    let store = store.with_context(|| format!("opening the store in {}", directory.path().display()))?;
    let meters = Meters::default();
    let deliveries = ConfiguredStreams::new(&config.deliveries, clock.clone(), random.clone())?;
    let functions = HttpFunctions::new(config.functions.clone())?;
    let (deliveries, functions) = (Arc::new(deliveries), Arc::new(functions));
    let metrics = MetricsConfig { retention: config.retention, deliveries: deliveries.clone(), functions };
    let actions = ActionTargets {
        webhooks: HttpFunctions::new(config.alarm_actions.clone())?,
        aws: config.aws.clone().map(|aws| Aws::new(aws, clock.clone())).transpose()?,
    };
    let authorizer: Arc<dyn Authorizer> = Arc::new(AllowAll);
    let topics = config.topics.clone();
    let configs = ServiceConfigs {
        metrics,
        topics,
        queues: config.queues,
        throughput: config.throughput,
        api_calls: config.api_calls,
        open_search: config.open_search.clone(),
        actions,
        authorizer: authorizer.clone(),
    };
    let services = Services::open(&store, &clock, &random, &sealing, configs, &meters).await?;
    let services = Arc::new(services);
    deliveries.set_buckets(services.objects.port());
    let is_measured = config.collectors == Collectors::ThisHost;
    services.know(config.instance.clone().filter(|_| is_measured).map(|(_, instance)| instance));
    let root =
        RootCredentials::open(config.root.as_ref(), config.account, store.catalog(), sealing.as_ref(), random.as_ref())
            .await?;
    store.start();
    services.trails.start();
    services.metrics.start();
    services.logs.start();
    if office.is_none() {
        services.alarms.start();
    }
    services.queues.start();
    services.logs.start_subscriptions();
    services.keys.start();
    services.objects.start().await.context("starting objects")?;
    services.logs.resume_exports();
    services.logs.resume_imports();
    services.events.start();
    let measuring = Measuring::start(meters.clone(), services.directories(), services.metrics.clone(), clock.clone());

    let ports = Ports {
        services: services.routed(),
        http_apis: services.http_apis(),
        authorizer,
        credentials: Arc::new(root.clone()),
        bearer_tokens: services.identity.bearer_tokens(),
        audit: Arc::new(CountedCalls::new(services.trails.audit(), meters.minutes.clone())),
        admin: Arc::new(Administration {
            reset: config.allow_reset.then(|| (store.clone(), services.clone())),
            clock: manual_clock.map(|clock| (clock, services.clone())),
            backtest: (config.auth == AuthMode::Open).then(|| (services.clone(), config.account)),
            sql: (config.auth == AuthMode::Open).then(|| SqlOverTables::new(store.clone(), clock.clone())),
        }),
        relay: None,
        tenure: office.as_ref().map_or_else(|| Arc::new(Alone) as Arc<dyn Tenure>, |office| office.tenure.clone()),
        documents: Arc::new(Certificates(services.topics.clone())),
        clock: clock.clone(),
        random: random.clone(),
    };
    let in_cluster = office.is_some();
    let (gateway, listened) = match office {
        None => (Gateway::bind(config.gateway(), ports).await?, None),
        Some(Office { sockets, peers, signals, .. }) => {
            let gateway = GatewayConfig { peers: Some(peers), ..config.gateway() };
            (Gateway::bind_on(sockets, gateway, ports).await?, Some(signals))
        }
    };
    services.topics.start(&public_url(&config, &gateway));
    let (stop, stopped) = watch::channel(false);
    let surroundings =
        Surroundings { directory: directory.path(), clock: &clock, random: &random, meter: &meters.minutes };
    let collectors = collectors::start(&config, &gateway, &services, &root, &surroundings).await?;
    // From the moment the address is told, a signal means an orderly end.
    let mut signals = listened.map_or_else(Signals::listen, Ok)?;
    announce(&config, &gateway, &root, in_cluster);
    if shows(&config, &root)
        && let Err(error) = root.was_shown(store.catalog()).await
    {
        tracing::warn!(%error, "the root user's access key will be shown at the next start, too");
    }

    let doors = tokio::spawn(gateway.run(ended(stopped)));
    if in_cluster {
        let (services, clock) = (services.clone(), clock.clone());
        tokio::spawn(async move {
            clock.sleep(ALARMS_WAIT).await;
            services.alarms.start();
        });
    }
    let signal = signals.next().await;
    tracing::info!(signal, "shutting down");
    // The collectors are clients: they hand in what they have before the doors close.
    collectors.stop().await;
    // Long polls would hold the doors open.
    services.queues.stop_waiting();
    stop.send_replace(true);
    finished(doors).await;
    services.events.close().await;
    services.topics.close().await;
    services.logs.close_subscriptions().await;
    measuring.stop().await;
    services.queues.close().await;
    services.trails.close().await;
    store.close().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// A disk that failed under the journal: nothing may be acknowledged any more (J-3). A supervisor's restart recovers.
fn stop_at_once(error: &JournalError) {
    tracing::error!(%error, "the journal failed; the process ends so that nothing false is acknowledged");
    std::process::exit(EXIT_JOURNAL_FAILED);
}

/// Where others reach the server: links in messages begin with it.
fn public_url(config: &Config, gateway: &Gateway) -> String {
    if let Some(url) = &config.public_url {
        return url.clone();
    }
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let address = gateway.addresses().into_iter().next();
    let address = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 4566)));
    // An address that stands for all is none to call.
    let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { host_of(address.ip()) };
    format!("{scheme}://{host}:{}", address.port())
}

fn host_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Tells a person where the server is and how to talk to it. Scripts read the line `listening on`.
fn announce(config: &Config, gateway: &Gateway, root: &RootCredentials, in_cluster: bool) {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let addresses = gateway.addresses();
    match in_cluster {
        false => announce_addresses(config, &addresses),
        // It has been reachable before.
        true => println!("this server works for the cluster now"),
    }
    if shows(config, root) {
        println!("the root user's access key, shown this once:");
        println!("  AWS_ACCESS_KEY_ID={}\n  AWS_SECRET_ACCESS_KEY={}", root.access_key_id, root.secret);
    }
    let Some(address) = addresses.first().filter(|_| config.collectors == Collectors::ThisHost) else { return };
    println!("this host's metrics and log files flow in; in another terminal:");
    println!("  export AWS_ENDPOINT_URL={scheme}://{address} AWS_DEFAULT_REGION={}", config.region.as_str());
    if config.auth == AuthMode::Open {
        println!("  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any");
    }
    println!("  aws cloudwatch list-metrics --namespace CWAgent");
}

/// Tells where the server listens.
pub fn announce_addresses(config: &Config, addresses: &[SocketAddr]) {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    for address in addresses {
        println!("listening on {scheme}://{address}");
    }
}

/// Whether the root user's key is to be shown: only where somebody needs it.
fn shows(config: &Config, root: &RootCredentials) -> bool {
    config.auth == AuthMode::Enforced && root.is_to_be_shown
}

/// The signals that end the server.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on: until then a signal ends the process at once.
    pub fn listen() -> Result<Signals> {
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The name of the next one.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Completes when the server stops.
pub async fn ended(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone: the server has stopped, too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn finished(task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "a part of the server did not end in order");
    }
}
