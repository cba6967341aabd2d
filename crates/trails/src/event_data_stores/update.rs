//! UpdateEventDataStore, StartEventDataStoreIngestion, StopEventDataStoreIngestion.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::cloudtrail::errors as model;
use watchkeep_model::cloudtrail::{
    StartEventDataStoreIngestionRequest, StartEventDataStoreIngestionResponse, StopEventDataStoreIngestionRequest,
    StopEventDataStoreIngestionResponse, UpdateEventDataStoreRequest, UpdateEventDataStoreResponse,
};
use watchkeep_model::{ServiceError, Timestamp};

use super::create::refuse_organization;
use super::describe::FEDERATION_DISABLED;
use crate::resources::{BillingMode, EventDataStore, Ingestion, store_arn};
use crate::{Trails, selectors};

/// Changes what is given of a store.
pub(crate) async fn update_event_data_store(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: UpdateEventDataStoreRequest,
) -> Result<UpdateEventDataStoreResponse, ServiceError> {
    let nothing =
        UpdateEventDataStoreRequest { event_data_store: input.event_data_store.clone(), ..Default::default() };
    if input == nothing {
        return Err(model::invalid_parameter_exception("At least one member to change must be given."));
    }
    refuse_organization(input.organization_enabled)?;
    let selectors = input.advanced_event_selectors.as_deref().map(selectors::parse).transpose()?;
    let mode = input.billing_mode.as_deref().map(billing_mode).transpose()?;
    let before = trails.event_data_stores.find_active(caller, &input.event_data_store)?;
    let kms_key = match &input.kms_key_id {
        Some(kms_key) => Some(trails.usable_key(caller, &store_arn(&before.key), kms_key).await?),
        None => None,
    };
    let (now, whose) = (trails.clock.now().0, caller.clone());
    let changed = trails.change_store(move |stores| {
        let found = stores.find_active(&whose, &input.event_data_store)?;
        let mut store: EventDataStore = found.value.clone();
        if let Some(name) = input.name {
            if stores.list(&whose).iter().any(|other| other.name == name && other.id != store.id) {
                return Err(model::event_data_store_already_exists_exception(format!(
                    "There is an event data store named {name} already."
                )));
            }
            store.name = name;
        }
        match (store.billing_mode, mode) {
            (BillingMode::ExtendableRetentionPricing, Some(BillingMode::FixedRetentionPricing)) => {
                return Err(model::invalid_parameter_exception(
                    "The billing mode cannot be changed from EXTENDABLE_RETENTION_PRICING to FIXED_RETENTION_PRICING.",
                ));
            }
            (_, Some(mode)) => store.billing_mode = mode,
            (_, None) => {}
        }
        if let Some(days) = input.retention_period {
            store.retention_days = days;
        }
        check_retention(store.billing_mode, store.retention_days)?;
        match (&store.kms_key, kms_key) {
            (Some(has), Some(other)) if *has != other => {
                return Err(model::invalid_kms_key_id_exception(
                    "The KMS key of an event data store cannot be changed.",
                ));
            }
            (_, Some(kms_key)) => store.kms_key = Some(kms_key),
            (_, None) => {}
        }
        if let Some(selectors) = selectors {
            store.selectors = selectors;
        }
        store.multi_region = input.multi_region_enabled.unwrap_or(store.multi_region);
        store.termination_protection = input.termination_protection_enabled.unwrap_or(store.termination_protection);
        store.updated = now;
        Ok((found, store))
    });
    let changed = changed.await?;
    Ok(UpdateEventDataStoreResponse {
        event_data_store_arn: Some(store_arn(&changed.key)),
        name: Some(changed.name.clone()),
        status: Some(changed.status().to_owned()),
        advanced_event_selectors: Some(selectors::shown(&changed.selectors)),
        multi_region_enabled: Some(changed.multi_region),
        organization_enabled: Some(false),
        retention_period: Some(changed.retention_days),
        termination_protection_enabled: Some(changed.termination_protection),
        created_timestamp: Some(Timestamp(changed.created)),
        updated_timestamp: Some(Timestamp(changed.updated)),
        kms_key_id: changed.kms_key.clone(),
        billing_mode: Some(changed.billing_mode.as_str().to_owned()),
        federation_status: Some(FEDERATION_DISABLED.to_owned()),
        federation_role_arn: None,
    })
}

/// Has a store collect again.
pub(crate) async fn start_event_data_store_ingestion(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: StartEventDataStoreIngestionRequest,
) -> Result<StartEventDataStoreIngestionResponse, ServiceError> {
    set_ingestion(trails, caller, input.event_data_store, Ingestion::Started).await?;
    Ok(StartEventDataStoreIngestionResponse {})
}

/// Has a store collect no more; it keeps what it has.
pub(crate) async fn stop_event_data_store_ingestion(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: StopEventDataStoreIngestionRequest,
) -> Result<StopEventDataStoreIngestionResponse, ServiceError> {
    set_ingestion(trails, caller, input.event_data_store, Ingestion::Stopped).await?;
    Ok(StopEventDataStoreIngestionResponse {})
}

async fn set_ingestion(
    trails: &Arc<Trails>,
    caller: &Caller,
    named: String,
    ingestion: Ingestion,
) -> Result<(), ServiceError> {
    let (now, whose) = (trails.clock.now().0, caller.clone());
    let changed = trails.change_store(move |stores| {
        let found = stores.find(&whose, &named)?;
        if found.deleted.is_some() || found.ingestion == ingestion {
            return Err(model::invalid_event_data_store_status_exception(format!(
                "The event data store {} is {}.",
                found.name,
                found.status()
            )));
        }
        let store = EventDataStore { ingestion, updated: now, ..found.value.clone() };
        Ok((found, store))
    });
    changed.await.map(drop)
}

/// The billing mode of this word.
pub(super) fn billing_mode(word: &str) -> Result<BillingMode, ServiceError> {
    BillingMode::parse(word)
        .ok_or_else(|| model::invalid_parameter_exception(format!("There is no billing mode {word}.")))
}

/// Refuses a retention that a store of this billing mode cannot have.
pub(super) fn check_retention(mode: BillingMode, days: i32) -> Result<(), ServiceError> {
    let retention = mode.retention();
    match (retention.days_min..=retention.days_max).contains(&days) {
        true => Ok(()),
        false => Err(model::invalid_parameter_exception(format!(
            "The retention period must be between {} and {} days with {}.",
            retention.days_min,
            retention.days_max,
            mode.as_str()
        ))),
    }
}
