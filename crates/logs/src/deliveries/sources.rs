//! PutDeliverySource, GetDeliverySource, DescribeDeliverySources, DeleteDeliverySource.

use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_model::logs::{
    DeleteDeliverySourceRequest, DeliverySource as Described, DescribeDeliverySourcesRequest,
    DescribeDeliverySourcesResponse, GetDeliverySourceRequest, GetDeliverySourceResponse, PutDeliverySourceRequest,
    PutDeliverySourceResponse, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use super::resources::{Named, SourceDocument};
use super::{Page, check_tags, no_such};
use crate::Logs;
use crate::errors;
use crate::limits::DELIVERY_SOURCES_MAX;
use crate::paging::Paged;

/// Creates a source, or replaces what the one of this name says.
pub(crate) async fn put_delivery_source(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutDeliverySourceRequest,
) -> Result<PutDeliverySourceResponse, ServiceError> {
    if input.delivery_source_configuration.as_ref().is_some_and(|configuration| !configuration.is_empty()) {
        return Err(model::validation_exception("This log type has no deliverySourceConfiguration."));
    }
    let given = input.tags.unwrap_or_default();
    check_tags(&given)?;
    let arn: Option<Arn> = input.resource_arn.parse().ok();
    let arn = arn.ok_or_else(|| model::validation_exception("The resourceArn is not a valid ARN."))?;
    if arn.account != caller.account.as_str() || arn.region != caller.region.as_str() {
        let text = "The resource must be of the account and the Region of the delivery source.";
        return Err(model::validation_exception(text));
    }
    logs.deliveries.check_source(&arn, &input.log_type)?;
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.deliveries.changing.lock().await;
        let sources = &logs.deliveries.sources;
        let all = sources.list(&key.account, key.region.as_ref(), "", None, usize::MAX);
        let is_same =
            |source: &SourceDocument| source.resource_arn == input.resource_arn && source.log_type == input.log_type;
        if all.iter().any(|source| source.key != key && is_same(source)) {
            let text = "This ResourceId has already been used in another Delivery Source in this account.";
            return Err(model::conflict_exception(text));
        }
        let document = match sources.get(&key) {
            Some(current) if !is_same(&current) && logs.deliveries.of_source(&key).next().is_some() => {
                let text = "The delivery source has deliveries; its resource and log type cannot change.";
                return Err(model::conflict_exception(text));
            }
            Some(current) => SourceDocument {
                resource_arn: input.resource_arn,
                log_type: input.log_type,
                tags: if given.is_empty() { current.tags.clone() } else { given },
            },
            None if all.len() >= DELIVERY_SOURCES_MAX => {
                return Err(model::service_quota_exceeded_exception("There are too many delivery sources."));
            }
            None => SourceDocument { resource_arn: input.resource_arn, log_type: input.log_type, tags: given },
        };
        let put = sources.put(key, document).await.map_err(errors::store)?;
        Ok(PutDeliverySourceResponse { delivery_source: Some(described(&put)) })
    })
    .await
}

/// Tells of a source.
pub(crate) async fn get_delivery_source(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetDeliverySourceRequest,
) -> Result<GetDeliverySourceResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, &input.name);
    let found = logs.deliveries.sources.get(&key).ok_or_else(|| no_such("delivery source", &input.name))?;
    Ok(GetDeliverySourceResponse { delivery_source: Some(described(&found)) })
}

/// Lists sources by name.
pub(crate) async fn describe_delivery_sources(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeDeliverySourcesRequest,
) -> Result<DescribeDeliverySourcesResponse, ServiceError> {
    let page = Page::new(Paged::DeliverySources, logs.clock.now(), input.limit, input.next_token.as_deref())?;
    let mut all = logs.deliveries.sources.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    all.retain(|source| input.resource_arns.as_ref().is_none_or(|arns| arns.contains(&source.resource_arn)));
    let (found, next_token) = page.of(all, |source| source.key.name.clone());
    let delivery_sources = Some(found.iter().map(|source| described(source)).collect());
    Ok(DescribeDeliverySourcesResponse { delivery_sources, next_token })
}

/// Deletes a source that no delivery is of.
pub(crate) async fn delete_delivery_source(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteDeliverySourceRequest,
) -> Result<Unit, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.deliveries.changing.lock().await;
        if logs.deliveries.of_source(&key).next().is_some() {
            let text = "Cannot delete delivery source: it is used by one or more deliveries.";
            return Err(model::conflict_exception(text));
        }
        match logs.deliveries.sources.delete(&key).await.map_err(errors::store)? {
            true => Ok(Unit {}),
            false => Err(no_such("delivery source", &key.name)),
        }
    })
    .await
}

fn described(source: &Versioned<SourceDocument>) -> Described {
    let SourceDocument { resource_arn, log_type, tags } = source.value.clone();
    let arn: Option<Arn> = resource_arn.parse().ok();
    Described {
        name: Some(source.key.name.clone()),
        arn: Some(Named::Source.arn(&source.key)),
        resource_arns: Some(vec![resource_arn]),
        service: arn.map(|arn| arn.service),
        log_type: Some(log_type),
        tags: Some(tags),
        delivery_source_configuration: None,
        status: None,
        status_reason: None,
    }
}
