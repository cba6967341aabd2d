//! Events: EventBridge. Who puts an event is answered when it is durable, with the targets of the rules that it matches; an outbox
//! delivers it to each of them for itself, tries again until it is taken or given up, and keeps what was given up in a queue.
//!
//! What is still to be delivered follows from two tables ([`tables`]): a row for an event, and one for each delivery that is settled
//! or put off. After a crash what is not noted as settled is delivered again: at least once (EV-1). Other services tell of what
//! happens through the port `EventBus`, and are reached through ports, too. It knows no HTTP server, no wire format and no other service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod api_destinations;
mod bus_logs;
mod buses;
mod connections;
mod core;
mod courier;
mod directory;
mod errors;
mod event;
mod failures;
mod gates;
mod ingest;
mod invoke;
mod limits;
mod measures;
mod names;
mod paging;
mod partner;
mod permissions;
mod port;
mod put_events;
mod recover;
mod resources;
mod rules;
mod schedules;
mod shaping;
mod tables;
mod tags;
mod target_kind;
mod targets;
mod test_event_pattern;
#[cfg(test)]
mod tests;
mod url;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{Notify, watch};
use watchkeep_core::ports::{
    DataStreamSink, EventBus, Functions, LogSink, QueueSink, ResourceDirectory, SecretSealing, TopicSink,
    VendedLogSources, VendedLogs,
};
use watchkeep_core::{Clock, Meter, Random};
use watchkeep_delivery::outbox::{Outbox, OutboxStore, Recent};
use watchkeep_delivery::{DeliveryStreams, Webhooks};
use watchkeep_model::events::SERVICE;
use watchkeep_store::{Collection, ResourceKey, Store, StoreError, Table};
use watchkeep_wire::service::{Routed, RoutedService};

use self::core::Core;
use bus_logs::BusLogs;
use connections::Tokens;
use directory::Directory;
use failures::Failures;
use gates::Gates;
use limits::{EVENTS_BYTES_MAX, TIDY_INTERVAL};
use measures::Measures;
use names::bus_of_rule;
use port::BusDoor;
use resources::SourceDocument;

pub use tables::{BUS_EVENTS, EVENT_DELIVERIES};

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[&BUS_EVENTS, &EVENT_DELIVERIES];

// Not routed: endpoints (CreateEndpoint, DeleteEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint), which move events between
// Regions by Route 53's health checks, and there are neither here; archives and replays (CreateArchive, DeleteArchive,
// DescribeArchive, ListArchives, UpdateArchive, StartReplay, DescribeReplay, ListReplays, CancelReplay): events are not kept once
// they are settled.
watchkeep_wire::routes! {
    /// What the service answers.
    pub static ROUTES: Events = events {
        CreateEventBus => buses::create_event_bus,
        DescribeEventBus => buses::describe_event_bus,
        UpdateEventBus => buses::update_event_bus,
        DeleteEventBus => buses::delete_event_bus,
        ListEventBuses => buses::list_event_buses,
        PutPermission => permissions::put_permission,
        RemovePermission => permissions::remove_permission,
        PutRule => rules::put_rule,
        DescribeRule => rules::describe_rule,
        DeleteRule => rules::delete_rule,
        EnableRule => rules::enable_rule,
        DisableRule => rules::disable_rule,
        ListRules => rules::list_rules,
        PutTargets => targets::put_targets,
        RemoveTargets => targets::remove_targets,
        ListTargetsByRule => targets::list_targets_by_rule,
        ListRuleNamesByTarget => targets::list_rule_names_by_target,
        TestEventPattern => test_event_pattern::test_event_pattern,
        PutEvents => put_events::put_events,
        CreatePartnerEventSource => partner::create_partner_event_source,
        DeletePartnerEventSource => partner::delete_partner_event_source,
        DescribePartnerEventSource => partner::describe_partner_event_source,
        ListPartnerEventSources => partner::list_partner_event_sources,
        ListPartnerEventSourceAccounts => partner::list_partner_event_source_accounts,
        DescribeEventSource => partner::describe_event_source,
        ListEventSources => partner::list_event_sources,
        ActivateEventSource => partner::activate_event_source,
        DeactivateEventSource => partner::deactivate_event_source,
        PutPartnerEvents => partner::put_partner_events,
        CreateConnection => connections::create_connection,
        UpdateConnection => connections::update_connection,
        DescribeConnection => connections::describe_connection,
        DeleteConnection => connections::delete_connection,
        DeauthorizeConnection => connections::deauthorize_connection,
        ListConnections => connections::list_connections,
        CreateApiDestination => api_destinations::create_api_destination,
        UpdateApiDestination => api_destinations::update_api_destination,
        DescribeApiDestination => api_destinations::describe_api_destination,
        DeleteApiDestination => api_destinations::delete_api_destination,
        ListApiDestinations => api_destinations::list_api_destinations,
        TagResource => tags::tag_resource,
        UntagResource => tags::untag_resource,
        ListTagsForResource => tags::list_tags_for_resource,
    }
}

/// What the service needs of others.
pub struct EventsPorts {
    /// Takes messages for queues, also dead letters.
    pub queues: Arc<dyn QueueSink>,
    /// Publishes to topics.
    pub topics: Arc<dyn TopicSink>,
    /// Takes records for data streams.
    pub data_streams: Arc<dyn DataStreamSink>,
    /// Takes records for delivery streams.
    pub deliveries: Arc<dyn DeliveryStreams>,
    /// Calls functions.
    pub functions: Arc<dyn Functions>,
    /// Takes log events.
    pub logs: Arc<dyn LogSink>,
    /// Takes what buses log of themselves.
    pub vended_logs: Arc<dyn VendedLogs>,
    /// Knows which log groups there are.
    pub log_groups: Arc<dyn ResourceDirectory>,
    /// Calls API destinations.
    pub webhooks: Webhooks,
    /// Seals the secrets of connections.
    pub sealing: Arc<dyn SecretSealing>,
    /// Counts.
    pub meter: Arc<Meter>,
}

/// The service.
pub struct Events {
    core: Arc<Core>,
    outbox: Arc<Outbox>,
    sources: Collection<SourceDocument>,
    /// Held by who changes buses, rules or targets: what is in memory follows the catalog.
    changing: tokio::sync::Mutex<()>,
    /// A rule was put or changed: schedules look again.
    rules_changed: Notify,
    /// The times that schedules fired for last, as rows say, until the schedules take them.
    fired: Mutex<HashMap<u64, i64>>,
    stop: watch::Sender<bool>,
}

impl Events {
    /// Opens the service on a store that was opened with [`TABLES`] and is not started yet. Nothing is delivered, and no schedule
    /// fires, before it is [started](Events::start).
    ///
    /// # Errors
    ///
    /// What reading the store and the catalog meets.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        ports: EventsPorts,
    ) -> Result<Arc<Events>, StoreError> {
        let catalog = store.catalog();
        let kept = OutboxStore::open(store.clone(), clock.clone()).await?;
        let measures = Arc::new(Measures::new(ports.meter.clone()));
        let core = Arc::new(Core {
            buses: catalog.collection().await?,
            rules: catalog.collection().await?,
            marks: catalog.collection().await?,
            connections: catalog.collection().await?,
            destinations: catalog.collection().await?,
            tokens: Tokens::default(),
            gates: Gates::default(),
            directory: Directory::new(measures.clone()),
            measures,
            ports,
            events: Recent::new(EVENTS_BYTES_MAX),
            failures: Failures::default(),
            kept,
            outbox: OnceLock::new(),
            clock: clock.clone(),
            random: random.clone(),
            store: store.clone(),
        });
        let sources = catalog.collection().await?;
        let mut buses: Vec<ResourceKey> = core.buses.all().iter().map(|bus| bus.key.clone()).collect();
        // Default buses without a document have rules, too.
        buses.extend(core.rules.all().iter().map(|rule| bus_of_rule(&rule.key)));
        buses.sort();
        buses.dedup();
        buses.iter().for_each(|bus| core.refresh(bus));
        let found = core.recover().await?;
        if !found.pending.is_empty() {
            tracing::info!(deliveries = found.pending.len(), "events that were not delivered yet go on");
        }
        let outbox = Outbox::new(core.clone(), core.clone(), clock, random);
        // Nobody else sets it.
        let _ = core.outbox.set(Arc::downgrade(&outbox));
        outbox.restore(found.pending);
        Ok(Arc::new(Events {
            core,
            outbox,
            sources,
            changing: tokio::sync::Mutex::default(),
            rules_changed: Notify::new(),
            fired: Mutex::new(found.planned),
            stop: watch::Sender::new(false),
        }))
    }

    /// The service with its routing table, for the doors.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&SERVICE, self.clone(), ROUTES))
    }

    /// The default buses as the other services see them.
    pub fn bus(self: &Arc<Self>) -> Arc<dyn EventBus> {
        Arc::new(BusDoor(Arc::downgrade(self)))
    }

    /// The buses, as sources of vended logs.
    pub fn vended_log_sources(self: &Arc<Self>) -> Arc<dyn VendedLogSources> {
        Arc::new(BusLogs(Arc::downgrade(self)))
    }

    /// Begins to deliver, and to fire schedules.
    pub fn start(self: &Arc<Self>) {
        self.resume_connections();
        self.outbox.start();
        let fired = std::mem::take(&mut *self.fired.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::spawn(self.clone().keep_firing(fired));
        tokio::spawn(self.clone().keep_tidy());
    }

    /// Begins no further delivery, and waits for those that run.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        self.outbox.stop().await;
    }

    /// Forgets everything. To be called when the store was reset, while no call is under way.
    pub async fn reset(&self) {
        self.outbox.clear();
        self.core.directory.clear();
        self.core.events.clear();
        self.core.failures.clear();
        self.core.tokens.clear();
        self.core.gates.clear();
    }

    /// How many deliveries are on their way, tried or waiting.
    pub fn pending(&self) -> usize {
        self.outbox.pending()
    }

    async fn keep_tidy(self: Arc<Self>) {
        let mut stopped = self.stop.subscribe();
        loop {
            let is_last = tokio::select! {
                () = self.core.clock.sleep(TIDY_INTERVAL) => false,
                _ = stopped.wait_for(|stopped| *stopped) => true,
            };
            if is_last {
                return;
            }
            if let Err(error) = self.core.kept.release(self.outbox.oldest_hour_ms()).await {
                tracing::warn!(%error, "events that are settled are kept a little longer");
            }
            if let Err(error) = self.forget_sources().await {
                tracing::warn!(error = error.message, "event sources that wait too long are kept a little longer");
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("pending", &self.pending()).finish_non_exhaustive()
    }
}
