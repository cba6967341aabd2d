//! Deliveries of vended logs: what services tell of their resources goes to log groups, buckets and delivery streams. Source:
//! "Enabling logging from AWS services", "CreateDelivery".
//!
//! A **source** is a resource and a type of its logs, a **destination** is where logs can go, a **delivery** pairs the two. Services hand
//! records in through the port [`VendedLogs`]; each is a row of [`VENDED_LOGS`](crate::VENDED_LOGS) for each of its deliveries before
//! the port answers, and [`deliver`] takes it from there, at least once: how far a delivery has come is in the catalog.

mod connections;
mod deliver;
mod destinations;
mod format;
mod layout;
mod resources;
mod sources;
mod tagging;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use tokio::sync::Notify;
use watchkeep_core::ports::{Buckets, VendedLogKind, VendedLogSources, VendedLogs, VendedLogsError, VendedRecord};
use watchkeep_core::{Arn, BoxFuture, TimestampMs};
use watchkeep_delivery::DeliveryStreams;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::errors as model;
use watchkeep_store::{Collection, Keep, ResourceKey, Rows, Store, StoreError, TableOwner, Versioned};

use crate::limits::{DELIVERY_PAGE_MAX, DELIVERY_RECORDS_KEPT};
use crate::paging::{self, Paged};
use crate::tables::VENDED_LOGS;
use crate::{Logs, tags};

pub(crate) use connections::{
    create_delivery, delete_delivery, describe_deliveries, get_delivery, update_delivery_configuration,
};
pub(crate) use deliver::keep_delivering;
pub(crate) use destinations::{
    delete_delivery_destination, delete_delivery_destination_policy, describe_delivery_destinations,
    get_delivery_destination, get_delivery_destination_policy, put_delivery_destination,
    put_delivery_destination_policy,
};
pub(crate) use sources::{delete_delivery_source, describe_delivery_sources, get_delivery_source, put_delivery_source};
pub(crate) use tagging::{change_tags, is_named_by, tags_of};
pub(crate) use templates::describe_configuration_templates;

use deliver::Due;
use resources::{CursorDocument, DeliveryDocument, DestinationDocument, Named, SourceDocument, is_of};

/// What stands between fields side by side, if the client does not say.
const DELIMITER: &str = "\t";

/// What templates name for that.
const DELIMITERS: &[&str] = &[DELIMITER, " ", ",", "|", ""];

/// Through what records leave, and who makes them.
#[derive(Clone)]
pub struct DeliveryPorts {
    /// Takes files.
    pub buckets: Arc<dyn Buckets>,
    /// Takes records for delivery streams.
    pub streams: Arc<dyn DeliveryStreams>,
    /// The services whose resources make logs.
    pub sources: Vec<Arc<dyn VendedLogSources>>,
}

/// A delivery, as whoever hands records in needs to know it.
#[derive(Debug, Clone)]
struct Active {
    key: ResourceKey,
    number: u64,
}

/// Deliveries by the ARN of the resource and the type of its logs.
type Index = HashMap<String, HashMap<String, Vec<Active>>>;

/// All sources, destinations and deliveries.
pub(crate) struct Deliveries {
    sources: Collection<SourceDocument>,
    destinations: Collection<DestinationDocument>,
    deliveries: Collection<DeliveryDocument>,
    cursors: Collection<CursorDocument>,
    ports: OnceLock<DeliveryPorts>,
    index: Arc<RwLock<Index>>,
    /// The deliveries that rows wait for.
    due: Mutex<HashMap<ResourceKey, Due>>,
    /// The deliveries that deliver at this moment.
    under_way: Mutex<HashSet<ResourceKey>>,
    woken: Arc<Notify>,
    /// Held by who changes one of the three.
    changing: tokio::sync::Mutex<()>,
}

impl Deliveries {
    /// Reads them from the catalog. Rows may wait for any of them.
    pub(crate) async fn open(store: &Store) -> Result<Deliveries, StoreError> {
        let catalog = store.catalog();
        let deliveries = Deliveries {
            sources: catalog.collection().await?,
            destinations: catalog.collection().await?,
            deliveries: catalog.collection().await?,
            cursors: catalog.collection().await?,
            ports: OnceLock::new(),
            index: Arc::default(),
            due: Mutex::default(),
            under_way: Mutex::default(),
            woken: Arc::default(),
            changing: tokio::sync::Mutex::default(),
        };
        for cursor in deliveries.cursors.all() {
            if deliveries.deliveries.get(&cursor.key).is_none() {
                // Its delivery was deleted while it delivered.
                deliveries.cursors.delete(&cursor.key).await?;
            }
        }
        deliveries.index();
        let all = deliveries.deliveries.all().into_iter();
        deliveries.due().extend(all.map(|delivery| (delivery.key.clone(), Due::at_once())));
        store.set_owner(&VENDED_LOGS, Arc::new(Owner(deliveries.index.clone())));
        Ok(deliveries)
    }

    fn ports(&self) -> Option<&DeliveryPorts> {
        self.ports.get()
    }

    fn due(&self) -> MutexGuard<'_, HashMap<ResourceKey, Due>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<ResourceKey>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is in memory, after the store was reset.
    pub(crate) fn clear(&self) {
        self.index.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.due().clear();
    }

    /// Finds anew which deliveries there are.
    fn index(&self) {
        let mut index = Index::new();
        for delivery in self.deliveries.all() {
            let source = ResourceKey { name: delivery.source.clone(), ..delivery.key.clone() };
            let Some(source) = self.sources.get(&source) else { continue };
            let of_resource = index.entry(source.resource_arn.clone()).or_default();
            let active = Active { key: delivery.key.clone(), number: delivery.number };
            of_resource.entry(source.log_type.clone()).or_default().push(active);
        }
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    fn active(&self, resource_arn: &str, log_type: &str) -> Vec<Active> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.get(resource_arn).and_then(|types| types.get(log_type)).cloned().unwrap_or_default()
    }

    /// The deliveries of a source.
    fn of_source(&self, key: &ResourceKey) -> impl Iterator<Item = Arc<Versioned<DeliveryDocument>>> {
        let key = key.clone();
        self.deliveries.all().into_iter().filter(move |delivery| {
            delivery.source == key.name && delivery.key.account == key.account && delivery.key.region == key.region
        })
    }

    /// The deliveries to a destination, of any account.
    fn of_destination(&self, key: &ResourceKey) -> impl Iterator<Item = Arc<Versioned<DeliveryDocument>>> {
        let arn = Named::Destination.arn(key);
        self.deliveries.all().into_iter().filter(move |delivery| delivery.destination_arn == arn)
    }

    /// What kinds of log there are.
    fn kinds(&self) -> Vec<VendedLogKind> {
        self.ports().into_iter().flat_map(|ports| &ports.sources).flat_map(|source| source.kinds()).copied().collect()
    }

    /// The kind of log that a source makes.
    fn kind(&self, source: &SourceDocument) -> Option<VendedLogKind> {
        let arn: Arn = source.resource_arn.parse().ok()?;
        self.kinds().into_iter().find(|kind| is_of(kind, &arn) && kind.log_type == source.log_type)
    }

    /// Refuses what makes no logs, or none of this type, or is not there.
    fn check_source(&self, arn: &Arn, log_type: &str) -> Result<(), ServiceError> {
        let kinds: Vec<VendedLogKind> = self.kinds().into_iter().filter(|kind| is_of(kind, arn)).collect();
        if kinds.is_empty() {
            return Err(model::validation_exception("Resource type is not supported as a delivery source."));
        }
        if kinds.iter().all(|kind| kind.log_type != log_type) {
            let types: Vec<&str> = kinds.iter().map(|kind| kind.log_type).collect();
            return Err(model::validation_exception(format!(
                "The logType {log_type} is not supported for this resource. Supported: {}.",
                types.join(", ")
            )));
        }
        match self.ports().is_some_and(|ports| ports.sources.iter().any(|source| source.has(arn))) {
            true => Ok(()),
            false => Err(no_such("resource", &arn.to_string())),
        }
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries").field("deliveries", &self.deliveries.len()).finish_non_exhaustive()
    }
}

/// Says how long rows of [`VENDED_LOGS`](crate::VENDED_LOGS) are kept: not longer than their delivery.
#[derive(Debug)]
struct Owner(Arc<RwLock<Index>>);

impl TableOwner for Owner {
    fn keep(&self, key: &[u64]) -> Keep {
        let index = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all = index.values().flat_map(HashMap::values).flatten();
        match key.first().is_some_and(|number| all.any(|active| active.number == *number)) {
            true => Keep::For(DELIVERY_RECORDS_KEPT),
            false => Keep::Drop,
        }
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}

/// The service as others hand records in.
struct Port(Arc<Logs>);

impl VendedLogs for Port {
    fn wants(&self, resource_arn: &str, log_type: &str) -> bool {
        let index = self.0.deliveries.index.read().unwrap_or_else(PoisonError::into_inner);
        index.get(resource_arn).is_some_and(|types| types.contains_key(log_type))
    }

    fn put<'a>(
        &'a self,
        resource_arn: &'a str,
        log_type: &'a str,
        records: Vec<VendedRecord>,
    ) -> BoxFuture<'a, Result<(), VendedLogsError>> {
        Box::pin(async move {
            let logs = &self.0;
            let active = logs.deliveries.active(resource_arn, log_type);
            if active.is_empty() || records.is_empty() {
                return Ok(());
            }
            let now = logs.clock.now();
            let mut rows = Rows::new(&VENDED_LOGS);
            let mut bytes = 0;
            for VendedRecord { time, fields } in records {
                let text = serde_json::Value::Object(fields).to_string();
                bytes += text.len();
                for Active { number, .. } in &active {
                    rows.u64(*number);
                    rows.i64(now.0);
                    rows.i64(time.0);
                    rows.text(&text);
                    rows.end_row();
                }
            }
            logs.store.append(rows).await.map_err(|error| VendedLogsError::Busy(error.to_string()))?;
            {
                let mut due = logs.deliveries.due();
                for Active { key, .. } in active {
                    due.entry(key).or_insert_with(|| Due::since(now)).bytes += bytes;
                }
            }
            logs.deliveries.woken.notify_one();
            Ok(())
        })
    }
}

impl Logs {
    /// Sets what deliveries of vended logs need of others; once, before the first call. Without it there is no source.
    pub fn set_delivery_ports(&self, ports: DeliveryPorts) {
        if self.deliveries.ports.set(ports).is_err() {
            tracing::error!("the ports of deliveries were set twice; the first ones stay");
        }
    }

    /// The service as others hand in what they tell of their resources.
    pub fn vended_logs(self: &Arc<Self>) -> Arc<dyn VendedLogs> {
        Arc::new(Port(self.clone()))
    }
}

/// The error for what is not there.
fn no_such(what: &str, name: &str) -> ServiceError {
    model::resource_not_found_exception(format!("The {what} {name} does not exist."))
}

/// Refuses tags that nobody may set.
fn check_tags(given: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    tags::check(given).map_err(|error| model::validation_exception(error.message))
}

/// A page of a list.
struct Page {
    paged: Paged,
    now: TimestampMs,
    limit: usize,
    after: Option<String>,
}

impl Page {
    fn new(paged: Paged, now: TimestampMs, limit: Option<i32>, token: Option<&str>) -> Result<Page, ServiceError> {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DELIVERY_PAGE_MAX);
        let after = paging::place(paged, now, token);
        let after = after.map_err(|error| model::validation_exception(error.message))?;
        Ok(Page { paged, now, limit, after })
    }

    /// Those of the page in the order of their places, and the token of the next.
    fn of<T>(&self, mut all: Vec<T>, place: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
        all.sort_by_key(&place);
        all.retain(|one| self.after.as_ref().is_none_or(|after| place(one) > *after));
        let more = all.len() > self.limit;
        all.truncate(self.limit);
        let next = all.last().filter(|_| more).map(|last| paging::token(self.paged, self.now, &place(last)));
        (all, next)
    }
}
