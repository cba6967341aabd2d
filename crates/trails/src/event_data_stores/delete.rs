//! DeleteEventDataStore, RestoreEventDataStore.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::cloudtrail::errors as model;
use watchkeep_model::cloudtrail::{
    DeleteEventDataStoreRequest, DeleteEventDataStoreResponse, RestoreEventDataStoreRequest,
    RestoreEventDataStoreResponse,
};
use watchkeep_model::{ServiceError, Timestamp};

use crate::resources::{EventDataStore, store_arn};
use crate::{Trails, selectors};

/// Has a store collect no more, and go in seven days.
pub(crate) async fn delete_event_data_store(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: DeleteEventDataStoreRequest,
) -> Result<DeleteEventDataStoreResponse, ServiceError> {
    let (now, whose) = (trails.clock.now().0, caller.clone());
    let deleted = trails.change_store(move |stores| {
        let found = stores.find_active(&whose, &input.event_data_store)?;
        if found.termination_protection {
            return Err(model::event_data_store_termination_protected_exception(format!(
                "The event data store {} cannot be deleted: termination protection is enabled.",
                found.name
            )));
        }
        let store = EventDataStore { deleted: Some(now), updated: now, ..found.value.clone() };
        Ok((found, store))
    });
    deleted.await.map(|_| DeleteEventDataStoreResponse {})
}

/// Takes a deletion back: the store goes on as it was.
pub(crate) async fn restore_event_data_store(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: RestoreEventDataStoreRequest,
) -> Result<RestoreEventDataStoreResponse, ServiceError> {
    let (now, whose) = (trails.clock.now().0, caller.clone());
    let restored = trails.change_store(move |stores| {
        let found = stores.find(&whose, &input.event_data_store)?;
        if found.deleted.is_none() {
            return Err(model::invalid_event_data_store_status_exception(format!(
                "The event data store {} is {}.",
                found.name,
                found.status()
            )));
        }
        let store = EventDataStore { deleted: None, updated: now, ..found.value.clone() };
        Ok((found, store))
    });
    let restored = restored.await?;
    Ok(RestoreEventDataStoreResponse {
        event_data_store_arn: Some(store_arn(&restored.key)),
        name: Some(restored.name.clone()),
        status: Some(restored.status().to_owned()),
        advanced_event_selectors: Some(selectors::shown(&restored.selectors)),
        multi_region_enabled: Some(restored.multi_region),
        organization_enabled: Some(false),
        retention_period: Some(restored.retention_days),
        termination_protection_enabled: Some(restored.termination_protection),
        created_timestamp: Some(Timestamp(restored.created)),
        updated_timestamp: Some(Timestamp(restored.updated)),
        kms_key_id: restored.kms_key.clone(),
        billing_mode: Some(restored.billing_mode.as_str().to_owned()),
    })
}
