//! What all connections share.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use watchkeep_core::ports::{AuditSink, Authorizer, BearerTokens, Credentials};
use watchkeep_core::{Clock, Random};
use watchkeep_model::{Operation, Service};
use watchkeep_wire::http_api::HttpApi;
use watchkeep_wire::service::RoutedService;
use watchkeep_wire::sigv4::Verifier;

use crate::admin::Admin;
use crate::cluster::{Relay, Tenure};
use crate::config::GatewayConfig;
use crate::documents::Documents;

/// What the gateway needs of the rest of the house.
#[derive(Clone)]
pub struct Ports {
    /// The services, with their routing tables.
    pub services: Vec<Arc<dyn RoutedService>>,
    /// HTTP APIs that are not AWS's own.
    pub http_apis: Vec<Arc<dyn HttpApi>>,
    /// Gives or refuses leave for a call.
    pub authorizer: Arc<dyn Authorizer>,
    /// Finds the secrets of access keys, in mode enforced.
    pub credentials: Arc<dyn Credentials>,
    /// Finds out whom bearer tokens stand for, in mode enforced.
    pub bearer_tokens: Arc<dyn BearerTokens>,
    /// Takes the record of every call.
    pub audit: Arc<dyn AuditSink>,
    /// Answers `/_watchkeep/`.
    pub admin: Arc<dyn Admin>,
    /// Hands on all requests, if this gateway is not the one of its cluster that works.
    pub relay: Option<Arc<Relay>>,
    /// Whether this gateway may still answer, if it is.
    pub tenure: Arc<dyn Tenure>,
    /// Finds documents that anybody may read.
    pub documents: Arc<dyn Documents>,
    /// The time that signatures are checked against and calls are recorded with. Time limits on connections are measured by
    /// the machine's own clock.
    pub clock: Arc<dyn Clock>,
    /// Makes request ids.
    pub random: Arc<dyn Random>,
}

/// How far a shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// There is none.
    Serving,
    /// No connection is accepted; calls may finish.
    Draining,
    /// Calls are answered that the server is going away.
    Cutting,
    /// Connections are dropped.
    Closed,
}

pub(crate) struct Shared {
    pub(crate) config: GatewayConfig,
    pub(crate) ports: Ports,
    /// The models of the services.
    pub(crate) models: Vec<&'static Service>,
    pub(crate) verifier: Verifier,
    /// The clock of time limits.
    pub(crate) patience: Arc<dyn Clock>,
    /// A permit for each connection.
    pub(crate) connections: Arc<Semaphore>,
    /// A permit for each call.
    pub(crate) calls: Arc<Semaphore>,
    /// A permit for each body that comes in pieces.
    pub(crate) streams: Arc<Semaphore>,
    /// A permit for each KiB of request bodies.
    pub(crate) bodies: Arc<Semaphore>,
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Shared {
    pub(crate) fn new(
        config: GatewayConfig,
        ports: Ports,
        patience: Arc<dyn Clock>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits.max(1) as usize));
        Shared {
            models: ports.services.iter().map(|service| service.model()).collect(),
            verifier: Verifier::default(),
            connections: semaphore(config.limits.connections),
            calls: semaphore(config.limits.calls),
            streams: semaphore(config.limits.streams),
            bodies: semaphore(config.limits.bodies_bytes / 1024),
            config,
            ports,
            patience,
            phase,
        }
    }

    /// The service of this model.
    pub(crate) fn service(&self, model: &'static Service) -> Option<&Arc<dyn RoutedService>> {
        self.ports.services.iter().find(|service| service.model().name == model.name)
    }

    /// Completes when the shutdown has come to this phase.
    pub(crate) fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send + 'static {
        let mut receiver = self.phase.clone();
        async move {
            // An error means that the sender is gone, and with it the server.
            let _ = receiver.wait_for(|reached| *reached >= phase).await;
        }
    }
}

/// Whether an operation only reads, by the first word of its name: the output of such a call is not recorded. CloudTrail's
/// `readOnly` is finer; it has no say in what is kept of a call.
pub(crate) fn only_reads(operation: &Operation) -> bool {
    const WORDS: [&str; 10] =
        ["Get", "List", "Describe", "BatchGet", "Lookup", "Filter", "Search", "Head", "Select", "Test"];
    WORDS.iter().any(|word| {
        let rest = operation.name.strip_prefix(word);
        rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
    })
}
