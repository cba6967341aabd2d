//! A server among others of a cluster: it waits, handing on what it is asked, until it is the one that works; and it works until it
//! is told to end, or cannot be sure any more that nobody else does.
//!
//! PostgreSQL decides who works, by a lease ([`Membership`]). Nothing depends on this process noticing in time that its lease is
//! lost: whoever works next opens the catalog, from where on nothing is written by the one before (C-2). What it would still have
//! answered is kept back by [`Tenure`], and then it ends, for all that it holds in memory may be out of date.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use watchkeep_core::ports::{
    AllowAll, AuditSink, Capture, Credential, Credentials, FinishedCall, NoBearerTokens, SecretSealing,
};
use watchkeep_core::{BoxFuture, Clock, OsRandom, Random, SystemClock};
use watchkeep_gateway::{Alone, Gateway, NoAdmin, NoDocuments, PeerKey, Ports, Relay, Tenure, Whereabouts};
use watchkeep_store::{CatalogError, CatalogUrl, Membership, Standing};

use crate::EXIT_TENURE_LOST;
use crate::config::{ClusterConfig, Config};
use crate::credentials::Sealer;
use crate::server::{self, Signals, announce_addresses, ended};

/// How long a server may work without the lease being renewed; another takes over that much later at the earliest.
const LEASE: Duration = Duration::from_secs(10);

/// How often the one that works renews the lease.
const RENEW_INTERVAL: Duration = Duration::from_secs(3);

/// How often the others look whether nobody works.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long the database has for one answer.
const BEAT_TIME: Duration = Duration::from_secs(3);

/// How often it is looked whether the lease has run out.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// What the proof of the master key is sealed for, and what it says.
const PROOF: &str = "cluster member";

/// What the one that works has.
pub struct Office {
    /// The sockets on which its clients have been served so far.
    pub sockets: Vec<TcpListener>,
    /// Where the others hand on requests, and the key that proves them to be such.
    pub peers: (SocketAddr, PeerKey),
    /// Whether it may still answer.
    pub tenure: Arc<dyn Tenure>,
    /// What tells it to end.
    pub signals: Signals,
}

/// Runs a cluster's server until it is told to end.
pub async fn run(config: Config, place: ClusterConfig) -> Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let shown = place.master_key.display().to_string();
    ensure!(
        place.master_key.exists(),
        "there is no master key {shown}: make one for all of the cluster's servers, 32 random bytes"
    );
    let sealer = Sealer::open(&place.master_key, random.clone())?;
    let key = PeerKey::new(sealer.peers());
    let run = random.next_u64().cast_signed();
    let url: CatalogUrl = place.catalog.parse()?;
    let membership = Membership::join(&url, place.advertise.clone(), run, clock.clone()).await;
    let membership = Arc::new(membership.context("joining the cluster")?);
    let proof = membership.proof(&sealer.seal(PROOF, PROOF.as_bytes())?).await.context("joining the cluster")?;
    if sealer.open(PROOF, &proof).is_err() {
        bail!("{shown} is not the master key of the cluster's other servers: give this one the same");
    }

    // It listens there once it works, but whether it can is to be known before.
    drop(listen(&[place.listen])?);
    let sockets = listen(&config.listen)?;
    let post = Arc::new(Post { clock: clock.clone(), until: Mutex::default(), works: RwLock::default() });
    let relay = Relay::new(post.clone(), key.clone(), clock.clone());
    let gateway = Gateway::bind_on(clones(&sockets)?, config.gateway(), waiting(relay, &clock, &random)).await?;
    let (stop, stopped) = watch::channel(false);
    let mut signals = Signals::listen()?;
    announce_addresses(&config, &gateway.addresses());
    let doors = tokio::spawn(gateway.run(ended(stopped)));

    let signal = tokio::select! {
        waited = wait_for_work(&membership, &post, &place.advertise) => {
            waited?;
            None
        }
        signal = signals.next() => Some(signal),
    };
    stop.send_replace(true);
    if let Some(signal) = signal {
        tracing::info!(signal, "shutting down");
        finished(doors).await;
        leave(&membership).await;
        return Ok(ExitCode::SUCCESS);
    }
    let watch = Watch::begin(post.clone())?;
    let renewing = tokio::spawn(renew(membership.clone(), post.clone()));
    let office = Office { sockets, peers: (place.listen, key), tenure: post, signals };
    let status = server::work(config, Some(office)).await;
    renewing.abort();
    // It has ended, or was cut short: both are fine.
    let _ = renewing.await;
    watch.end();
    leave(&membership).await;
    finished(doors).await;
    status
}

/// Where this server stands.
struct Post {
    clock: Arc<dyn Clock>,
    /// Until when it may work, by its monotonic clock.
    until: Mutex<Duration>,
    /// The address of the one that works.
    works: RwLock<Option<String>>,
}

impl Post {
    /// Takes note of how things stood when they were asked for.
    fn note(&self, standing: &Standing, asked: Duration) {
        self.works.write().unwrap_or_else(PoisonError::into_inner).clone_from(&standing.works);
        if standing.is_ours {
            *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked + LEASE;
        }
    }
}

impl Whereabouts for Post {
    fn works(&self) -> Option<String> {
        self.works.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tenure for Post {
    fn lasts(&self) -> bool {
        self.clock.monotonic() < *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks how things stand, in time.
async fn beat(membership: &Membership, post: &Post) -> Result<Standing, CatalogError> {
    // From before the question on: the database grants the lease later, never earlier.
    let asked = post.clock.monotonic();
    let standing = tokio::select! {
        standing = membership.beat(true, LEASE) => standing?,
        () = post.clock.sleep(BEAT_TIME) => {
            let url = "the catalog's database".to_owned();
            return Err(CatalogError::Unreachable { url, message: "it does not answer in time".to_owned() });
        }
    };
    post.note(&standing, asked);
    Ok(standing)
}

/// Returns when this server is the one that works.
///
/// # Errors
///
/// If another server has the same address.
async fn wait_for_work(membership: &Membership, post: &Post, address: &str) -> Result<()> {
    let mut known = None;
    loop {
        match beat(membership, post).await {
            Ok(standing) if standing.is_ours => return Ok(()),
            Ok(standing) if standing.is_doubled => {
                bail!("another server of the cluster says that it is at {address}: setting `cluster.advertise`");
            }
            Ok(standing) => {
                if standing.works != known {
                    let works = standing.works.as_deref().unwrap_or("nobody");
                    tracing::info!(works, members = standing.members.len(), "this server waits");
                    known = standing.works;
                }
            }
            Err(error) => tracing::warn!(%error, "who works in the cluster is not known"),
        }
        post.clock.sleep(LOOK_INTERVAL).await;
    }
}

/// Renews the lease for ever; ends the process if it is lost.
async fn renew(membership: Arc<Membership>, post: Arc<Post>) {
    loop {
        post.clock.sleep(RENEW_INTERVAL).await;
        loop {
            match beat(&membership, &post).await {
                Ok(standing) if standing.is_ours => break,
                Ok(_) => tenure_lost(),
                Err(error) => tracing::warn!(%error, "the right to work was not renewed; it is tried again"),
            }
            post.clock.sleep(LOOK_INTERVAL).await;
        }
    }
}

/// A thread of its own, which ends the process when its time is up, whatever else it is busy with.
struct Watch {
    stop: mpsc::Sender<()>,
}

impl Watch {
    fn begin(post: Arc<Post>) -> Result<Watch> {
        let (stop, stopped) = mpsc::channel();
        let watching = move || {
            while stopped.recv_timeout(WATCH_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if !post.lasts() {
                    tenure_lost();
                }
            }
        };
        std::thread::Builder::new().name("tenure".into()).spawn(watching).context("starting a thread")?;
        Ok(Watch { stop })
    }

    fn end(self) {
        // An error means that it has ended already.
        let _ = self.stop.send(());
    }
}

fn tenure_lost() -> ! {
    tracing::error!("this server may not work any more: the process ends, to come back as one that waits");
    std::process::exit(EXIT_TENURE_LOST);
}

async fn leave(membership: &Membership) {
    if let Err(error) = membership.leave().await {
        tracing::warn!(%error, "the cluster was not told: another takes over when the lease ends");
    }
}

async fn finished(doors: JoinHandle<()>) {
    if let Err(error) = doors.await {
        tracing::error!(%error, "a part of the server did not end in order");
    }
}

fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>> {
    let bind = |address: &SocketAddr| TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"));
    addresses.iter().map(bind).collect()
}

fn clones(sockets: &[TcpListener]) -> Result<Vec<TcpListener>> {
    let cloned: std::io::Result<_> = sockets.iter().map(TcpListener::try_clone).collect();
    cloned.context("sharing the sockets")
}

/// The ports of a gateway that hands on everything.
fn waiting(relay: Relay, clock: &Arc<dyn Clock>, random: &Arc<dyn Random>) -> Ports {
    Ports {
        services: Vec::new(),
        http_apis: Vec::new(),
        authorizer: Arc::new(AllowAll),
        credentials: Arc::new(Nobody),
        bearer_tokens: Arc::new(NoBearerTokens),
        audit: Arc::new(Nobody),
        admin: Arc::new(NoAdmin),
        relay: Some(Arc::new(relay)),
        tenure: Arc::new(Alone),
        documents: Arc::new(NoDocuments),
        clock: clock.clone(),
        random: random.clone(),
    }
}

/// Is asked nothing: what is handed on is judged and recorded by the one that works.
struct Nobody;

impl Credentials for Nobody {
    fn find<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<Credential>> {
        Box::pin(std::future::ready(None))
    }
}

impl AuditSink for Nobody {
    fn capture(&self, _: &str, _: &str) -> Capture {
        Capture::Nothing
    }

    fn record<'a>(&'a self, _: FinishedCall) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}
