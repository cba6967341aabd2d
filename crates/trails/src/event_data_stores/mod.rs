//! Event data stores of CloudTrail Lake: collections of events that are kept for years ("Event data stores").
//!
//! A store collects from the moment of its creation on, what its [selectors](crate::selectors) select, until it is stopped; an event
//! is in the event history and in the stores that collect it, or in none of them, for both are one append. Retention goes by the
//! events' own time. A deleted store keeps what it has for seven days more, in which it can be restored.

mod create;
mod delete;
mod describe;
mod source;
mod tags;
#[cfg(test)]
mod tests;
mod update;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use watchkeep_core::ports::{DataKeyError, EncryptionContext};
use watchkeep_core::{AccountId, Arn, Caller, Clock, Region};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudtrail::errors as model;
use watchkeep_store::{CatalogError, Collection, Keep, ResourceKey, Store, StoreError, TableOwner, Versioned};

use crate::collectors::{Collector, Collectors};
use crate::limits::DAY_MS;
use crate::resources::{EventDataStore, Ingestion, STORE_ARN_PREFIX, store_arn};
use crate::tables::{LABEL_ACCOUNT, LABEL_REGION, LABEL_STORE, STORED_EVENTS};
use crate::{Trails, unavailable};

pub(crate) use create::create_event_data_store;
pub(crate) use delete::{delete_event_data_store, restore_event_data_store};
pub(crate) use describe::{get_event_data_store, list_event_data_stores};
pub(crate) use source::Source;
pub(crate) use tags::{add_tags, list_tags, remove_tags};
pub(crate) use update::{start_event_data_store_ingestion, stop_event_data_store_ingestion, update_event_data_store};

type Found = Arc<Versioned<EventDataStore>>;

/// What the encryption context of a store's data keys names.
const CONTEXT: &str = "aws:cloudtrail:arn";

/// All event data stores.
pub(crate) struct EventDataStores {
    stores: Collection<EventDataStore>,
    clock: Arc<dyn Clock>,
    collectors: Arc<Collectors>,
    kept: Arc<Kept>,
    /// Held while a store is changed, so that names stay unique and memory follows the catalog.
    changing: tokio::sync::Mutex<()>,
}

impl EventDataStores {
    pub(crate) async fn open(store: &Store, clock: Arc<dyn Clock>) -> Result<EventDataStores, StoreError> {
        let stores = store.catalog().collection::<EventDataStore>().await?;
        let kept = Arc::new(Kept { clock: clock.clone(), stores: RwLock::default() });
        let this = EventDataStores {
            stores,
            clock,
            collectors: Arc::default(),
            kept,
            changing: tokio::sync::Mutex::default(),
        };
        this.forget_gone().await?;
        this.refresh();
        store.set_owner(&STORED_EVENTS, this.kept.clone());
        Ok(this)
    }

    /// Those at work, kept up to date.
    pub(crate) fn collectors(&self) -> Arc<Collectors> {
        self.collectors.clone()
    }

    /// Takes over what the catalog has.
    pub(crate) fn refresh(&self) {
        let all = self.stores.all();
        let at_work = all.iter().filter(|found| found.deleted.is_none() && found.ingestion == Ingestion::Started);
        // Before they collect, their rows are known.
        *self.kept.stores.write().unwrap_or_else(PoisonError::into_inner) =
            all.iter().map(|found| (found.id, found.clone())).collect();
        self.collectors.set(at_work.map(|found| collector(found)));
    }

    /// Forgets the stores that are no more.
    async fn forget_gone(&self) -> Result<(), CatalogError> {
        let now = self.clock.now().0;
        for found in self.stores.all().iter().filter(|found| found.is_gone(now)) {
            self.stores.delete(&found.key).await?;
        }
        Ok(())
    }

    /// The stores of an account in a Region, those that are to be deleted among them, by name.
    fn list(&self, caller: &Caller) -> Vec<Found> {
        let now = self.clock.now().0;
        let mut found = self.stores.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
        found.retain(|found| !found.is_gone(now));
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// The store that the caller names by its ARN or id.
    ///
    /// # Errors
    ///
    /// EventDataStoreARNInvalidException, EventDataStoreNotFoundException.
    fn find(&self, caller: &Caller, named: &str) -> Result<Found, ServiceError> {
        let id = match named.starts_with("arn:") {
            true => id_of_arn((caller.account, &caller.region), named),
            false => Some(named),
        };
        let Some(id) = id.filter(|id| is_uuid(id)) else {
            return Err(model::event_data_store_arn_invalid_exception(format!(
                "{named} is neither the ARN nor the id of an event data store of this account and Region."
            )));
        };
        self.identified((caller.account, &caller.region), id).ok_or_else(|| {
            model::event_data_store_not_found_exception(format!("There is no event data store {named}."))
        })
    }

    /// The store of this id.
    fn identified(&self, (account, region): (AccountId, &Region), id: &str) -> Option<Found> {
        let found = self.stores.get(&ResourceKey::new(account, region, id));
        found.filter(|found| !found.is_gone(self.clock.now().0))
    }

    /// [`EventDataStores::find`], of a store that is not to be deleted.
    ///
    /// # Errors
    ///
    /// InactiveEventDataStoreException, too.
    fn find_active(&self, caller: &Caller, named: &str) -> Result<Found, ServiceError> {
        let found = self.find(caller, named)?;
        match found.deleted {
            None => Ok(found),
            Some(_) => Err(model::inactive_event_data_store_exception(format!(
                "The event data store {} is pending deletion.",
                found.name
            ))),
        }
    }
}

impl Trails {
    /// Changes a store. What happened before is collected as it was then: records that wait are written first.
    async fn change_store(
        self: &Arc<Self>,
        change: impl FnOnce(&EventDataStores) -> Result<(Found, EventDataStore), ServiceError> + Send + 'static,
    ) -> Result<Found, ServiceError> {
        let trails = self.clone();
        finish(async move {
            let _changing = trails.event_data_stores.changing.lock().await;
            trails.recorder.flush().await;
            let stores = &trails.event_data_stores;
            let (found, changed) = change(stores)?;
            let changed = stores.stores.update(&found, changed).await.map_err(of_catalog)?;
            stores.refresh();
            Ok(changed)
        })
        .await
    }

    /// The ARN of the key that the caller names, if it can encrypt the events of the store of this ARN.
    async fn usable_key(&self, caller: &Caller, store_arn: &str, kms_key: &str) -> Result<String, ServiceError> {
        let data_keys = self.store.data_keys().map_err(|error| unusable(&error))?;
        let found =
            data_keys.find((caller.account, &caller.region), kms_key).await.map_err(|error| unusable(&error))?;
        // So that the first event does not find out that the key does not do.
        match self.store.encryption_key(&found, &context(store_arn)).await {
            Ok(_) => Ok(found),
            Err(StoreError::Locked(locked)) => Err(unusable(&locked.source)),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// Says how long the events of stores live.
struct Kept {
    clock: Arc<dyn Clock>,
    stores: RwLock<HashMap<u64, Found>>,
}

impl TableOwner for Kept {
    fn keep(&self, key: &[u64]) -> Keep {
        let [id] = key else { return Keep::Drop };
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        match stores.get(id) {
            Some(found) if !found.is_gone(self.clock.now().0) => {
                let days = u64::from(found.retention_days.unsigned_abs());
                Keep::For(Duration::from_millis(days * DAY_MS.unsigned_abs()))
            }
            _ => Keep::Drop,
        }
    }

    fn label(&self, label: &str, id: u64) -> Option<String> {
        let stores = self.stores.read().unwrap_or_else(PoisonError::into_inner);
        let found = stores.get(&id)?;
        match label {
            LABEL_ACCOUNT => Some(found.key.account.to_string()),
            LABEL_REGION => found.key.region.as_ref().map(Region::to_string),
            LABEL_STORE => Some(found.name.clone()),
            _ => None,
        }
    }
}

fn collector(found: &Versioned<EventDataStore>) -> Collector {
    let region = found.key.region.as_ref().filter(|_| !found.multi_region);
    Collector {
        store_id: found.id,
        account: found.key.account.to_string(),
        region: region.map(Region::to_string),
        selectors: found.selectors.clone(),
        encryption: found.kms_key.clone().map(|kms_key| (kms_key, context(&store_arn(&found.key)))),
    }
}

fn context(store_arn: &str) -> EncryptionContext {
    EncryptionContext::from([(CONTEXT.to_owned(), store_arn.to_owned())])
}

/// The id in the ARN of a store of this account and Region.
fn id_of_arn<'a>((account, region): (AccountId, &Region), arn: &'a str) -> Option<&'a str> {
    let parsed: Arn = arn.parse().ok()?;
    let is_here = parsed.service == "cloudtrail"
        && parsed.account == account.as_str()
        && parsed.region == region.as_str()
        && parsed.resource.starts_with(STORE_ARN_PREFIX);
    arn.rsplit_once('/').map(|(_, id)| id).filter(|_| is_here)
}

/// Whether a text is spelled as ids of stores are.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The error of a key that a store was to have.
fn unusable(error: &DataKeyError) -> ServiceError {
    let text = error.to_string();
    match error {
        DataKeyError::NotFound(_) => model::kms_key_not_found_exception(text),
        DataKeyError::AccessDenied(_) => model::insufficient_encryption_policy_exception(text),
        DataKeyError::WrongKind(_) => model::invalid_kms_key_id_exception(text),
        DataKeyError::Disabled(_) | DataKeyError::PendingDeletion(_) | DataKeyError::Unopenable => {
            model::kms_exception(text)
        }
        DataKeyError::Unavailable(reason) => {
            tracing::warn!(reason, "a KMS key cannot be asked for");
            model::kms_exception("The KMS key cannot be used just now.")
        }
    }
}

fn of_catalog(error: CatalogError) -> ServiceError {
    match error {
        CatalogError::Conflict { .. } => {
            model::conflict_exception("Another operation is changing the event data store. Try again.")
        }
        error => unavailable(error.into()),
    }
}

/// Runs a change to its end even if the caller stops waiting, so that memory stays what the catalog says.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, ServiceError> {
    match tokio::spawn(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(unavailable(StoreError::Stopped)),
        },
    }
}

/// Tags as they are kept.
type Tags = BTreeMap<String, Option<String>>;
