//! PutDeliveryDestination, GetDeliveryDestination, DescribeDeliveryDestinations, DeleteDeliveryDestination, and the policy of a
//! destination: PutDeliveryDestinationPolicy, GetDeliveryDestinationPolicy, DeleteDeliveryDestinationPolicy.

use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_lang::policy::{Policy, PolicyKind};
use watchkeep_model::logs::{
    DeleteDeliveryDestinationPolicyRequest, DeleteDeliveryDestinationRequest, DeliveryDestination as Described,
    DeliveryDestinationConfiguration, DescribeDeliveryDestinationsRequest, DescribeDeliveryDestinationsResponse,
    GetDeliveryDestinationPolicyRequest, GetDeliveryDestinationPolicyResponse, GetDeliveryDestinationRequest,
    GetDeliveryDestinationResponse, Policy as DescribedPolicy, PutDeliveryDestinationPolicyRequest,
    PutDeliveryDestinationPolicyResponse, PutDeliveryDestinationRequest, PutDeliveryDestinationResponse,
    errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use super::resources::{DestinationDocument, Format, Named, TargetKind};
use super::{Page, check_tags, no_such};
use crate::Logs;
use crate::errors;
use crate::limits::DELIVERY_DESTINATIONS_MAX;
use crate::paging::Paged;

const KIND: &str = "delivery destination";

/// Creates a destination, or replaces what the one of this name says.
pub(crate) async fn put_delivery_destination(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutDeliveryDestinationRequest,
) -> Result<PutDeliveryDestinationResponse, ServiceError> {
    let given = input.tags.unwrap_or_default();
    check_tags(&given)?;
    if input.delivery_destination_type.as_deref() == Some("XRAY") {
        let text = "No resource of this server is a source of traces, so X-Ray cannot be a delivery destination.";
        return Err(model::validation_exception(text));
    }
    let configuration = input.delivery_destination_configuration;
    let target_arn = configuration.map(|configuration| configuration.destination_resource_arn);
    let target_arn =
        target_arn.ok_or_else(|| model::validation_exception("deliveryDestinationConfiguration is required."))?;
    let kind = check_target(caller, &target_arn)?;
    if input.delivery_destination_type.as_deref().is_some_and(|asked| asked != kind.as_str()) {
        return Err(model::validation_exception(
            "The deliveryDestinationType is not that of the destinationResourceArn.",
        ));
    }
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.deliveries.changing.lock().await;
        let destinations = &logs.deliveries.destinations;
        let current = destinations.get(&key);
        let format = format(kind, input.output_format.as_deref(), current.as_ref().map(|current| current.format))?;
        let (policy, tags) = match &current {
            Some(current) => {
                let is_used = logs.deliveries.of_destination(&key).next().is_some();
                let is_other = current.format != format || current.target().is_none_or(|(before, _)| before != kind);
                if is_used && is_other {
                    let text = "The delivery destination has deliveries; its type and output format cannot change.";
                    return Err(model::conflict_exception(text));
                }
                (current.policy.clone(), if given.is_empty() { current.tags.clone() } else { given })
            }
            None => {
                let all = destinations.list(&key.account, key.region.as_ref(), "", None, DELIVERY_DESTINATIONS_MAX);
                if all.len() >= DELIVERY_DESTINATIONS_MAX {
                    return Err(model::service_quota_exceeded_exception("There are too many delivery destinations."));
                }
                (None, given)
            }
        };
        let document = DestinationDocument { target_arn, format, policy, role_arn: input.role_arn, tags };
        let put = destinations.put(key, document).await.map_err(errors::store)?;
        Ok(PutDeliveryDestinationResponse { delivery_destination: Some(described(&put)) })
    })
    .await
}

/// What the ARN of a target names, which must be the caller's.
fn check_target(caller: &Caller, target: &str) -> Result<TargetKind, ServiceError> {
    let arn: Option<Arn> = target.parse().ok();
    let found = arn.and_then(|arn| Some((TargetKind::of(&arn)?, arn)));
    let (kind, arn) = found.ok_or_else(|| {
        model::validation_exception("The destinationResourceArn must be of a log group, a bucket or a delivery stream.")
    })?;
    // The ARN of a bucket names neither.
    let is_own = arn.account == caller.account.as_str() && arn.region == caller.region.as_str();
    if kind != TargetKind::Bucket && !is_own {
        let text = "The destination resource must be of the account and the Region of the delivery destination.";
        return Err(model::validation_exception(text));
    }
    Ok(kind)
}

fn format(kind: TargetKind, asked: Option<&str>, current: Option<Format>) -> Result<Format, ServiceError> {
    let formats = kind.formats();
    let found = match (asked, current) {
        (Some(asked), _) => formats.iter().find(|format| format.as_str() == asked).copied(),
        (None, Some(current)) if formats.contains(&current) => Some(current),
        (None, _) => formats.first().copied(),
    };
    found.ok_or_else(|| {
        let formats: Vec<&str> = formats.iter().map(|format| format.as_str()).collect();
        let (asked, kind) = (asked.unwrap_or_default(), kind.as_str());
        model::validation_exception(format!(
            "The output format {asked} cannot be delivered to a destination of type {kind}. Supported: {}.",
            formats.join(", ")
        ))
    })
}

/// Tells of a destination.
pub(crate) async fn get_delivery_destination(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetDeliveryDestinationRequest,
) -> Result<GetDeliveryDestinationResponse, ServiceError> {
    let found = find(logs, &ResourceKey::new(caller.account, &caller.region, input.name))?;
    Ok(GetDeliveryDestinationResponse { delivery_destination: Some(described(&found)) })
}

/// Lists destinations by name.
pub(crate) async fn describe_delivery_destinations(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeDeliveryDestinationsRequest,
) -> Result<DescribeDeliveryDestinationsResponse, ServiceError> {
    let page = Page::new(Paged::DeliveryDestinations, logs.clock.now(), input.limit, input.next_token.as_deref())?;
    let mut all = logs.deliveries.destinations.list(&caller.account, Some(&caller.region), "", None, usize::MAX);
    all.retain(|destination| input.names.as_ref().is_none_or(|names| names.contains(&destination.key.name)));
    let (found, next_token) = page.of(all, |destination| destination.key.name.clone());
    let delivery_destinations = Some(found.iter().map(|destination| described(destination)).collect());
    Ok(DescribeDeliveryDestinationsResponse { delivery_destinations, next_token })
}

/// Deletes a destination that no delivery goes to.
pub(crate) async fn delete_delivery_destination(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteDeliveryDestinationRequest,
) -> Result<Unit, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.deliveries.changing.lock().await;
        if logs.deliveries.of_destination(&key).next().is_some() {
            let text = "Cannot delete delivery destination: it is used by one or more deliveries.";
            return Err(model::conflict_exception(text));
        }
        match logs.deliveries.destinations.delete(&key).await.map_err(errors::store)? {
            true => Ok(Unit {}),
            false => Err(no_such(KIND, &key.name)),
        }
    })
    .await
}

/// Says who of other accounts may deliver to a destination.
pub(crate) async fn put_delivery_destination_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutDeliveryDestinationPolicyRequest,
) -> Result<PutDeliveryDestinationPolicyResponse, ServiceError> {
    Policy::parse(&input.delivery_destination_policy, PolicyKind::Resource)
        .map_err(|error| model::validation_exception(format!("The policy is invalid: {error}")))?;
    let key = ResourceKey::new(caller.account, &caller.region, input.delivery_destination_name);
    let document = input.delivery_destination_policy;
    set_policy(logs, key, Some(document.clone())).await?;
    let policy = Some(DescribedPolicy { delivery_destination_policy: Some(document) });
    Ok(PutDeliveryDestinationPolicyResponse { policy })
}

/// Tells of the policy of a destination.
pub(crate) async fn get_delivery_destination_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetDeliveryDestinationPolicyRequest,
) -> Result<GetDeliveryDestinationPolicyResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.delivery_destination_name);
    let policy =
        find(logs, &key)?.policy.clone().ok_or_else(|| no_such("policy of the delivery destination", &key.name))?;
    let policy = Some(DescribedPolicy { delivery_destination_policy: Some(policy) });
    Ok(GetDeliveryDestinationPolicyResponse { policy })
}

/// Deletes the policy of a destination.
pub(crate) async fn delete_delivery_destination_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteDeliveryDestinationPolicyRequest,
) -> Result<Unit, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.delivery_destination_name);
    if find(logs, &key)?.policy.is_none() {
        return Err(no_such("policy of the delivery destination", &key.name));
    }
    set_policy(logs, key, None).await
}

async fn set_policy(logs: &Arc<Logs>, key: ResourceKey, policy: Option<String>) -> Result<Unit, ServiceError> {
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.deliveries.changing.lock().await;
        let current = find(&logs, &key)?;
        let changed = DestinationDocument { policy, ..current.value.clone() };
        logs.deliveries.destinations.update(&current, changed).await.map_err(errors::store)?;
        Ok(Unit {})
    })
    .await
}

fn find(logs: &Logs, key: &ResourceKey) -> Result<Arc<Versioned<DestinationDocument>>, ServiceError> {
    logs.deliveries.destinations.get(key).ok_or_else(|| no_such(KIND, &key.name))
}

fn described(destination: &Versioned<DestinationDocument>) -> Described {
    let kind = destination.target().map(|(kind, _)| kind.as_str().to_owned());
    let DestinationDocument { target_arn, format, role_arn, tags, .. } = destination.value.clone();
    Described {
        name: Some(destination.key.name.clone()),
        arn: Some(Named::Destination.arn(&destination.key)),
        delivery_destination_type: kind,
        output_format: Some(format.as_str().to_owned()),
        delivery_destination_configuration: Some(DeliveryDestinationConfiguration {
            destination_resource_arn: target_arn,
        }),
        role_arn,
        tags: Some(tags),
    }
}
