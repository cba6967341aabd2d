//! Destinations, to which other accounts may subscribe: PutDestination, PutDestinationPolicy, DescribeDestinations,
//! DeleteDestination. Source: "Cross-account cross-Region subscriptions".

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_access::{Ask, resource_lets_in};
use watchkeep_core::{AccountId, Arn, Caller};
use watchkeep_lang::policy::{Asker, Context, Policy, PolicyKind};
use watchkeep_model::logs::{
    DeleteDestinationRequest, DescribeDestinationsRequest, DescribeDestinationsResponse, Destination,
    PutDestinationPolicyRequest, PutDestinationRequest, PutDestinationResponse, TooManyTagsException, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use super::resources::DestinationDocument;
use super::target::Vendor;
use super::{Subscriptions, filters, place_of};
use crate::errors::{self, invalid};
use crate::limits::{DESCRIBE_PAGE_MAX, DESTINATION_POLICY_BYTES_MAX, DESTINATIONS_MAX, TAGS_MAX};
use crate::paging::{self, Paged};
use crate::{Logs, tags};

/// Creates a destination, or gives the one of this name another target.
pub(crate) async fn put_destination(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutDestinationRequest,
) -> Result<PutDestinationResponse, ServiceError> {
    let target: Option<Arn> = input.target_arn.parse().ok();
    let found = target.and_then(|arn| Some((Vendor::of(&arn)?, arn)));
    let found = found.filter(|(vendor, _)| matches!(vendor, Vendor::DataStream | Vendor::DeliveryStream));
    let (vendor, target) = found.ok_or_else(|| invalid("The targetArn is invalid."))?;
    if target.account != caller.account.as_str() {
        return Err(invalid("The target of a destination must be of the same account."));
    }
    filters::check_role(&input.role_arn)?;
    let given = input.tags.unwrap_or_default();
    tags::check(&given)?;
    logs.try_target((vendor, &target)).await?;
    let key = ResourceKey::new(caller.account, &caller.region, &input.destination_name);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.subscriptions.changing.lock().await;
        let destinations = &logs.subscriptions.destinations;
        let document = match destinations.get(&key) {
            Some(current) => {
                DestinationDocument { target_arn: input.target_arn, role_arn: input.role_arn, ..current.value.clone() }
            }
            None if destinations.len() >= DESTINATIONS_MAX => {
                return Err(invalid(format!("There are at most {DESTINATIONS_MAX} destinations.")));
            }
            None => DestinationDocument {
                created: logs.clock.now().0,
                target_arn: input.target_arn,
                role_arn: input.role_arn,
                policy: None,
                tags: given,
            },
        };
        let put = destinations.put(key, document).await.map_err(errors::store)?;
        Ok(PutDestinationResponse { destination: Some(described(&put)) })
    })
    .await
}

/// Says who may subscribe.
pub(crate) async fn put_destination_policy(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutDestinationPolicyRequest,
) -> Result<Unit, ServiceError> {
    if input.access_policy.len() > DESTINATION_POLICY_BYTES_MAX {
        return Err(invalid(format!("An accessPolicy has at most {DESTINATION_POLICY_BYTES_MAX} bytes.")));
    }
    Policy::parse(&input.access_policy, PolicyKind::Resource)
        .map_err(|error| invalid(format!("The access policy is invalid: {error}")))?;
    let key = ResourceKey::new(caller.account, &caller.region, &input.destination_name);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.subscriptions.changing.lock().await;
        let destinations = &logs.subscriptions.destinations;
        let current = destinations.get(&key).ok_or_else(|| invalid("The specified destination does not exist."))?;
        let changed = DestinationDocument { policy: Some(input.access_policy), ..current.value.clone() };
        destinations.update(&current, changed).await.map_err(errors::store)?;
        Ok(Unit {})
    })
    .await
}

/// Lists destinations by name.
pub(crate) async fn describe_destinations(
    logs: &Logs,
    caller: &Caller,
    input: DescribeDestinationsRequest,
) -> Result<DescribeDestinationsResponse, ServiceError> {
    let now = logs.clock.now();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
    let after = paging::place(Paged::Destinations, now, input.next_token.as_deref())?;
    let prefix = input.destination_name_prefix.as_deref().unwrap_or_default();
    let (account, region) = (&caller.account, Some(&caller.region));
    let mut found = logs.subscriptions.destinations.list(account, region, prefix, after.as_deref(), limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_token = last.map(|last| paging::token(Paged::Destinations, now, &last.key.name));
    let destinations = found.iter().map(|destination| described(destination)).collect();
    Ok(DescribeDestinationsResponse { destinations: Some(destinations), next_token })
}

/// Deletes a destination. Subscriptions to it deliver no more.
pub(crate) async fn delete_destination(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteDestinationRequest,
) -> Result<Unit, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, &input.destination_name);
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.subscriptions.changing.lock().await;
        match logs.subscriptions.destinations.delete(&key).await.map_err(errors::store)? {
            true => Ok(Unit {}),
            false => Err(model::resource_not_found_exception("The specified destination does not exist.")),
        }
    })
    .await
}

/// Whether this is the ARN of a destination.
pub(crate) fn is_destination(arn: &str) -> bool {
    arn.parse().is_ok_and(|arn: Arn| Vendor::of(&arn) == Some(Vendor::Destination))
}

/// The tags of the caller's destination of an ARN.
pub(crate) fn destination_tags(
    logs: &Logs,
    caller: &Caller,
    arn: &str,
) -> Result<BTreeMap<String, String>, ServiceError> {
    callers(logs, caller, arn).map(|destination| destination.tags.clone())
}

/// Changes the tags of the caller's destination of an ARN.
pub(crate) async fn change_destination_tags(
    logs: &Arc<Logs>,
    caller: &Caller,
    arn: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>) + Send + 'static,
) -> Result<Unit, ServiceError> {
    let (logs, caller, arn) = (logs.clone(), caller.clone(), arn.to_owned());
    errors::finish(async move {
        let _changing = logs.subscriptions.changing.lock().await;
        let current = callers(&logs, &caller, &arn)?;
        let mut changed = current.value.clone();
        change(&mut changed.tags);
        if changed.tags.len() > TAGS_MAX {
            let details = TooManyTagsException { message: None, resource_name: Some(arn) };
            let text = format!("A resource can have no more than {TAGS_MAX} tags.");
            return Err(model::too_many_tags_exception(text).with_details(details));
        }
        logs.subscriptions.destinations.update(&current, changed).await.map_err(errors::store)?;
        Ok(Unit {})
    })
    .await
}

fn callers(logs: &Logs, caller: &Caller, arn: &str) -> Result<Arc<Versioned<DestinationDocument>>, ServiceError> {
    let arn: Option<Arn> = arn.parse().ok();
    let found = arn.and_then(|arn| logs.subscriptions.destination_of(&arn));
    let found =
        found.filter(|found| found.key.account == caller.account && found.key.region.as_ref() == Some(&caller.region));
    found.ok_or_else(|| model::resource_not_found_exception("The specified destination does not exist."))
}

fn arn(key: &ResourceKey) -> Arn {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("logs", region, key.account.as_str(), format!("destination:{}", key.name))
}

fn described(destination: &Versioned<DestinationDocument>) -> Destination {
    let DestinationDocument { created, target_arn, role_arn, policy, .. } = destination.value.clone();
    Destination {
        destination_name: Some(destination.key.name.clone()),
        target_arn: Some(target_arn),
        role_arn: Some(role_arn),
        access_policy: policy,
        arn: Some(arn(&destination.key).to_string()),
        creation_time: Some(created),
    }
}

impl Subscriptions {
    /// The destination of an ARN.
    pub(super) fn destination_of(&self, arn: &Arn) -> Option<Arc<Versioned<DestinationDocument>>> {
        let name = arn.resource.strip_prefix("destination:")?;
        let (account, region) = place_of(arn)?;
        self.destinations.get(&ResourceKey::new(account, &region, name))
    }

    /// The target of a destination, if this account may subscribe to it.
    pub(super) fn open_destination(&self, destination: &Arn, account: AccountId) -> Option<Arn> {
        let found = self.destination_of(destination)?;
        let policy = found.policy.as_deref().and_then(|text| Policy::parse(text, PolicyKind::Resource).ok());
        let (root, resource) = (format!("arn:aws:iam::{account}:root"), arn(&found.key).to_string());
        let ask = Ask {
            asker: Asker::Identity { account: account.as_str(), arn: &root, session: None },
            action: "logs:PutSubscriptionFilter",
            resource: &resource,
            context: &Context::default(),
        };
        let may_subscribe = resource_lets_in(found.key.account, policy.as_ref(), &ask).is_ok();
        found.target_arn.parse().ok().filter(|_| may_subscribe)
    }
}
