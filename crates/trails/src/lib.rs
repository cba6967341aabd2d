//! CloudTrail: what everybody did, and the event history that finds it.
//!
//! Every call that the gateway answers comes here through the port [`AuditSink`], becomes a record in CloudTrail's format and
//! one row of [`tables::AUDIT_EVENTS`]. LookupEvents reads the management events of the last ninety days back. An event data store of
//! CloudTrail Lake collects the events that its selectors select, for years if it shall: each is a row of
//! [`tables::STORED_EVENTS`], too, in the same append.
//!
//! A management call that changes something waits until its record is durable, so that the change and the record of it become
//! durable together; only if the store is too busy for the record does it join the queue. Calls that only read, and data events (datapoints, log events, segments: see [`classify`]), wait in a
//! bounded queue for half a second at most and are written many at a time; when the queue is full the call waits for room:
//! nothing is left out. LookupEvents has the queue written before it reads.
//!
//! It knows no HTTP, and of the other services only the names of their operations and members.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod audit;
mod batch;
pub mod classify;
mod collectors;
mod event_data_stores;
mod identity;
mod limits;
mod lookup_events;
mod named;
mod next_token;
mod parameters;
mod record;
mod resources;
mod selectors;
pub mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use watchkeep_core::ports::{self, AuditSink, EventBus, ServiceEvents};
use watchkeep_core::{Clock, Random};
use watchkeep_model::{ServiceError, cloudtrail};
use watchkeep_store::{Store, StoreError};
use watchkeep_wire::routes;
use watchkeep_wire::service::{Routed, RoutedService};

pub use tables::TABLES;

use audit::Recorder;
use event_data_stores::EventDataStores;

routes! {
    /// What CloudTrail answers.
    pub static ROUTES: Trails = cloudtrail {
        LookupEvents => lookup_events::lookup_events,
        CreateEventDataStore => event_data_stores::create_event_data_store,
        GetEventDataStore => event_data_stores::get_event_data_store,
        ListEventDataStores => event_data_stores::list_event_data_stores,
        UpdateEventDataStore => event_data_stores::update_event_data_store,
        StopEventDataStoreIngestion => event_data_stores::stop_event_data_store_ingestion,
        StartEventDataStoreIngestion => event_data_stores::start_event_data_store_ingestion,
        DeleteEventDataStore => event_data_stores::delete_event_data_store,
        RestoreEventDataStore => event_data_stores::restore_event_data_store,
        AddTags => event_data_stores::add_tags,
        RemoveTags => event_data_stores::remove_tags,
        ListTags => event_data_stores::list_tags,
    }
}

/// CloudTrail.
pub struct Trails {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    recorder: Arc<Recorder>,
    event_data_stores: EventDataStores,
}

impl Trails {
    /// CloudTrail over a store that was opened with [`TABLES`] and is not started yet.
    ///
    /// # Errors
    ///
    /// What reading the catalog can meet.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Self>, StoreError> {
        store.set_owner(&tables::AUDIT_EVENTS, Arc::new(tables::EventHistory));
        let event_data_stores = EventDataStores::open(&store, clock.clone()).await?;
        let collectors = event_data_stores.collectors();
        let recorder = Arc::new(Recorder::new(store.clone(), clock.clone(), random.clone(), collectors));
        Ok(Arc::new(Trails { store, clock, random, recorder, event_data_stores }))
    }

    /// The service as the gateway sees it.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&cloudtrail::SERVICE, self.clone(), ROUTES))
    }

    /// Has management calls and what services do by themselves told of on this bus, from now on; once.
    pub fn set_event_bus(&self, bus: Arc<dyn EventBus>) {
        self.recorder.set_event_bus(bus);
    }

    /// Where the gateway hands in every call that it answered.
    pub fn audit(&self) -> Arc<dyn AuditSink> {
        self.recorder.clone()
    }

    /// Where services hand in what they did by themselves.
    pub fn service_events(&self) -> Arc<dyn ServiceEvents> {
        self.recorder.clone()
    }

    /// The event data stores as others read them.
    pub fn event_data_stores(self: &Arc<Self>) -> Arc<dyn ports::EventDataStores> {
        Arc::new(event_data_stores::Source(self.clone()))
    }

    /// Begins to gather data events into batches, from within a tokio runtime. Until then each is written by itself.
    pub fn start(&self) {
        self.recorder.start();
    }

    /// Writes out the data events that wait. Records that come later are written one by one.
    pub async fn close(&self) {
        self.recorder.close().await;
    }

    /// Writes out the records that wait, before the store is emptied: written later, they would outlive it.
    pub async fn before_reset(&self) {
        self.recorder.flush().await;
    }

    /// Follows an emptied store.
    pub async fn reset(&self) {
        self.event_data_stores.refresh();
    }
}

/// What a client is told when the store cannot answer (G-1).
fn unavailable(error: StoreError) -> ServiceError {
    match error.is_retryable() {
        true => {
            ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, "The service is busy. Try again.")
        }
        false => {
            tracing::error!(%error, "a call on trails failed");
            ServiceError::common("InternalFailure", "InternalFailure", 500, "An internal error occurred.")
        }
    }
}
