//! GetEventDataStore, ListEventDataStores.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use watchkeep_core::Caller;
use watchkeep_model::cloudtrail::errors as model;
use watchkeep_model::cloudtrail::{
    EventDataStore as Described, GetEventDataStoreRequest, GetEventDataStoreResponse, ListEventDataStoresRequest,
    ListEventDataStoresResponse,
};
use watchkeep_model::{ServiceError, Timestamp};

use crate::limits::STORES_PAGE_MAX;
use crate::resources::store_arn;
use crate::{Trails, selectors};

/// What is said of federation, which takes AWS Glue: a store has none.
pub(super) const FEDERATION_DISABLED: &str = "DISABLED";

/// Describes a store.
pub(crate) async fn get_event_data_store(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: GetEventDataStoreRequest,
) -> Result<GetEventDataStoreResponse, ServiceError> {
    let found = trails.event_data_stores.find(caller, &input.event_data_store)?;
    Ok(GetEventDataStoreResponse {
        event_data_store_arn: Some(store_arn(&found.key)),
        name: Some(found.name.clone()),
        status: Some(found.status().to_owned()),
        advanced_event_selectors: Some(selectors::shown(&found.selectors)),
        multi_region_enabled: Some(found.multi_region),
        organization_enabled: Some(false),
        retention_period: Some(found.retention_days),
        termination_protection_enabled: Some(found.termination_protection),
        created_timestamp: Some(Timestamp(found.created)),
        updated_timestamp: Some(Timestamp(found.updated)),
        kms_key_id: found.kms_key.clone(),
        billing_mode: Some(found.billing_mode.as_str().to_owned()),
        federation_status: Some(FEDERATION_DISABLED.to_owned()),
        federation_role_arn: None,
        partition_keys: None,
    })
}

/// Lists stores by name; as AWS does, no more than that and the ARN.
pub(crate) async fn list_event_data_stores(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: ListEventDataStoresRequest,
) -> Result<ListEventDataStoresResponse, ServiceError> {
    let limit = input.max_results.map_or(Some(STORES_PAGE_MAX), |asked| usize::try_from(asked).ok());
    let limit = limit.filter(|limit| (1..=STORES_PAGE_MAX).contains(limit)).ok_or_else(|| {
        model::invalid_max_results_exception(format!("MaxResults must be between 1 and {STORES_PAGE_MAX}."))
    })?;
    let after = input.next_token.as_deref().map(place).transpose()?;
    let mut stores = trails.event_data_stores.list(caller);
    stores.retain(|found| after.as_ref().is_none_or(|after| found.name > *after));
    let more = stores.len() > limit;
    stores.truncate(limit);
    let next_token = stores.last().filter(|_| more).map(|found| URL_SAFE_NO_PAD.encode(&found.name));
    let described = stores.iter().map(|found| Described {
        event_data_store_arn: Some(store_arn(&found.key)),
        name: Some(found.name.clone()),
        ..Described::default()
    });
    Ok(ListEventDataStoresResponse { event_data_stores: Some(described.collect()), next_token })
}

/// The name that a page ended with.
fn place(token: &str) -> Result<String, ServiceError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| model::invalid_next_token_exception("The NextToken is invalid."))
}
