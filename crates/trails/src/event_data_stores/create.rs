//! CreateEventDataStore.

use std::sync::Arc;

use watchkeep_core::{Caller, uuid};
use watchkeep_model::cloudtrail::errors as model;
use watchkeep_model::cloudtrail::{CreateEventDataStoreRequest, CreateEventDataStoreResponse};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::ResourceKey;

use super::update::{billing_mode, check_retention};
use super::{finish, of_catalog, tags};
use crate::limits::STORES_MAX;
use crate::resources::{BillingMode, EventDataStore, Ingestion, store_arn};
use crate::{Trails, selectors, unavailable};

/// Creates a store, which collects from then on.
pub(crate) async fn create_event_data_store(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: CreateEventDataStoreRequest,
) -> Result<CreateEventDataStoreResponse, ServiceError> {
    refuse_organization(input.organization_enabled)?;
    let selectors = match &input.advanced_event_selectors {
        Some(given) => selectors::parse(given)?,
        None => selectors::default(),
    };
    let billing_mode = match input.billing_mode.as_deref() {
        Some(word) => billing_mode(word)?,
        None => BillingMode::ExtendableRetentionPricing,
    };
    let retention_days = input.retention_period.unwrap_or(billing_mode.retention().days_default);
    check_retention(billing_mode, retention_days)?;
    let tags = tags::checked(input.tags_list.as_deref().unwrap_or_default())?;
    tags::check_count(&tags)?;
    let key = ResourceKey::new(caller.account, &caller.region, uuid(trails.random.as_ref()).to_string());
    let kms_key = match &input.kms_key_id {
        Some(kms_key) => Some(trails.usable_key(caller, &store_arn(&key), kms_key).await?),
        None => None,
    };
    let (trails, caller) = (trails.clone(), caller.clone());
    finish(async move {
        let stores = &trails.event_data_stores;
        let _changing = stores.changing.lock().await;
        // What waits happened before there was a store.
        trails.recorder.flush().await;
        stores.forget_gone().await.map_err(of_catalog)?;
        let here = stores.list(&caller);
        if here.iter().any(|found| found.name == input.name) {
            return Err(model::event_data_store_already_exists_exception(format!(
                "There is an event data store named {} already.",
                input.name
            )));
        }
        if here.len() >= STORES_MAX {
            return Err(too_many());
        }
        let id = trails.store.catalog().next_id("event_data_store").await.map_err(|error| unavailable(error.into()))?;
        let now = trails.clock.now().0;
        let store = EventDataStore {
            id,
            name: input.name,
            selectors,
            multi_region: input.multi_region_enabled.unwrap_or(true),
            retention_days,
            billing_mode,
            termination_protection: input.termination_protection_enabled.unwrap_or(true),
            ingestion: match input.start_ingestion {
                Some(false) => Ingestion::Stopped,
                Some(true) | None => Ingestion::Started,
            },
            kms_key,
            created: now,
            updated: now,
            deleted: None,
            tags,
        };
        let created = stores.stores.create(key, store).await.map_err(of_catalog)?;
        stores.refresh();
        Ok(CreateEventDataStoreResponse {
            event_data_store_arn: Some(store_arn(&created.key)),
            name: Some(created.name.clone()),
            // As AWS answers, whatever it is a moment later.
            status: Some("CREATED".to_owned()),
            advanced_event_selectors: Some(selectors::shown(&created.selectors)),
            multi_region_enabled: Some(created.multi_region),
            organization_enabled: Some(false),
            retention_period: Some(created.retention_days),
            termination_protection_enabled: Some(created.termination_protection),
            tags_list: (!created.tags.is_empty()).then(|| tags::shown(&created.tags)),
            created_timestamp: Some(Timestamp(created.created)),
            updated_timestamp: Some(Timestamp(created.updated)),
            kms_key_id: created.kms_key.clone(),
            billing_mode: Some(created.billing_mode.as_str().to_owned()),
        })
    })
    .await
}

/// The account is in no organization.
pub(super) fn refuse_organization(enabled: Option<bool>) -> Result<(), ServiceError> {
    match enabled {
        Some(true) => Err(model::organizations_not_in_use_exception("The account is not a member of an organization.")),
        Some(false) | None => Ok(()),
    }
}

/// The error for one store more than there may be.
pub(super) fn too_many() -> ServiceError {
    model::event_data_store_max_limit_exceeded_exception(format!(
        "An account can have no more than {STORES_MAX} event data stores in a Region."
    ))
}
