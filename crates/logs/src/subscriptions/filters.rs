//! PutSubscriptionFilter, DescribeSubscriptionFilters, DeleteSubscriptionFilter, and what all subscriptions are checked for.

use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_lang::field_selection::{FieldSelection, SystemField};
use watchkeep_lang::filter_pattern::FilterPattern;
use watchkeep_model::logs::{
    DeleteSubscriptionFilterRequest, DescribeSubscriptionFiltersRequest, DescribeSubscriptionFiltersResponse,
    PutSubscriptionFilterRequest, SubscriptionFilter, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::Versioned;

use super::payload::control_message;
use super::place_of;
use super::resources::{Definition, Distribution, FilterDocument, filter_key, filter_name};
use super::target::{self, Message, TRIAL_TIME, Vendor};
use crate::Logs;
use crate::directory::Group;
use crate::errors::{self, invalid, no_group};
use crate::limits::{DESCRIBE_PAGE_MAX, SUBSCRIPTION_FILTERS_MAX};
use crate::names::group_key;
use crate::paging::{self, Paged};
use crate::resources::Class;

/// Creates a filter, or gives the one of this name another definition.
pub(crate) async fn put_subscription_filter(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutSubscriptionFilterRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    let class = group.document().class;
    if class != Class::Standard {
        return Err(model::invalid_operation_exception(format!(
            "Subscription filters are not supported for log groups of class {}.",
            class.as_str()
        )));
    }
    let selection = input.field_selection_criteria.filter(|criteria| !criteria.is_empty());
    if let Some(text) = &selection {
        FieldSelection::parse(text).map_err(|error| invalid(error.to_string()))?;
    }
    let system_fields = input.emit_system_fields.unwrap_or_default();
    if let Some(field) = system_fields.iter().find(|field| SystemField::parse(field).is_none()) {
        return Err(invalid(format!(
            "The system field {field} is not supported. Valid ones are @aws.account and @aws.region."
        )));
    }
    let definition = Definition {
        pattern: input.filter_pattern,
        destination_arn: input.destination_arn,
        role_arn: input.role_arn,
        distribution: distribution(input.distribution.as_deref())?,
        on_transformed: input.apply_on_transformed_logs == Some(true),
        system_fields,
        selection,
    };
    let is_new = |logs: &Logs| {
        let others = logs.filters_of(&group);
        let is_there = others.iter().any(|filter| filter_name(&filter.key) == input.filter_name);
        match !is_there && others.len() >= SUBSCRIPTION_FILTERS_MAX {
            true => Err(model::limit_exceeded_exception("Resource limit exceeded.")),
            false => Ok(()),
        }
    };
    is_new(logs)?;
    logs.check_definition(caller, &definition, Sort::Filter).await?;
    let (logs, key) = (logs.clone(), filter_key(&group.key, group.id, &input.filter_name));
    let filter = input.filter_name.clone();
    let group = group.clone();
    errors::finish(async move {
        {
            let _changing = group.changing.lock().await;
            if group.is_deleted() {
                return Err(no_group());
            }
            let others = logs.filters_of(&group);
            let current = others.iter().find(|one| filter_name(&one.key) == filter);
            if current.is_none() && others.len() >= SUBSCRIPTION_FILTERS_MAX {
                return Err(model::limit_exceeded_exception("Resource limit exceeded."));
            }
            if has_regexes(&definition) {
                let others = logs.subscriptions_with_regexes(&group, Some(&filter));
                errors::check_regexes(others + logs.metric_filters.with_regexes(group.id, None))?;
            }
            let created = current.map_or(logs.clock.now().0, |filter| filter.created);
            let document = FilterDocument { group_id: group.id, created, definition };
            logs.subscriptions.filters.put(key.clone(), document).await.map_err(errors::store)?;
        }
        logs.refresh_subscriptions().await?;
        logs.subscriptions.renew(&key);
        Ok(Unit {})
    })
    .await
}

/// Lists the filters of a group by name.
pub(crate) async fn describe_subscription_filters(
    logs: &Logs,
    caller: &Caller,
    input: DescribeSubscriptionFiltersRequest,
) -> Result<DescribeSubscriptionFiltersResponse, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    let now = logs.clock.now();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
    let after = paging::place(Paged::SubscriptionFilters, now, input.next_token.as_deref())?;
    let prefix = input.filter_name_prefix.as_deref().unwrap_or_default();
    let mut filters = logs.filters_of(&group);
    filters.retain(|filter| {
        let name = filter_name(&filter.key);
        name.starts_with(prefix) && after.as_deref().is_none_or(|after| name > after)
    });
    let more = filters.len() > limit;
    filters.truncate(limit);
    let last = filters.last().filter(|_| more);
    let next_token = last.map(|last| paging::token(Paged::SubscriptionFilters, now, filter_name(&last.key)));
    let described = filters.iter().map(|filter| {
        let Definition { pattern, destination_arn, role_arn, distribution, on_transformed, system_fields, selection } =
            filter.definition.clone();
        SubscriptionFilter {
            filter_name: Some(filter_name(&filter.key).to_owned()),
            log_group_name: Some(group.key.name.clone()),
            filter_pattern: Some(pattern),
            destination_arn: Some(destination_arn),
            role_arn,
            distribution: Some(distribution.as_str().to_owned()),
            apply_on_transformed_logs: Some(on_transformed),
            creation_time: Some(filter.created),
            field_selection_criteria: selection,
            emit_system_fields: Some(system_fields).filter(|fields| !fields.is_empty()),
        }
    });
    Ok(DescribeSubscriptionFiltersResponse { subscription_filters: Some(described.collect()), next_token })
}

/// Deletes a filter.
pub(crate) async fn delete_subscription_filter(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteSubscriptionFilterRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    let key = filter_key(&group.key, group.id, &input.filter_name);
    let logs = logs.clone();
    errors::finish(async move {
        if !logs.subscriptions.filters.delete(&key).await.map_err(errors::store)? {
            return Err(model::resource_not_found_exception("The specified subscription filter does not exist."));
        }
        logs.refresh_subscriptions().await?;
        Ok(Unit {})
    })
    .await
}

fn has_regexes(definition: &Definition) -> bool {
    FilterPattern::parse(&definition.pattern).is_ok_and(|pattern| pattern.has_regexes())
}

/// What a definition belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A filter of a group.
    Filter,
    /// A policy of an account.
    AccountPolicy,
}

/// The distribution that a request names.
pub(super) fn distribution(text: Option<&str>) -> Result<Distribution, ServiceError> {
    let parse = |text| Distribution::parse(text).ok_or_else(|| invalid("distribution must be Random or ByLogStream."));
    text.map_or(Ok(Distribution::default()), parse)
}

impl Logs {
    /// The filters of a group, by name.
    fn filters_of(&self, group: &Group) -> Vec<Arc<Versioned<FilterDocument>>> {
        let prefix = crate::resources::stream_prefix(group.id);
        let (account, region) = (&group.key.account, group.key.region.as_ref());
        self.subscriptions.filters.list(account, region, &prefix, None, usize::MAX)
    }

    /// How many filters of a group have regular expressions, the one of a name not counted.
    pub(crate) fn subscriptions_with_regexes(&self, group: &Group, except: Option<&str>) -> usize {
        let filters = self.filters_of(group);
        let counts = |filter: &&Arc<Versioned<FilterDocument>>| {
            Some(filter_name(&filter.key)) != except && has_regexes(&filter.definition)
        };
        filters.iter().filter(counts).count()
    }

    /// Forgets the filters of a group that was deleted.
    pub(crate) async fn forget_subscriptions(self: &Arc<Self>, group: &Group) {
        let filters = self.filters_of(group);
        if filters.is_empty() {
            return;
        }
        for filter in filters {
            if let Err(error) = self.subscriptions.filters.delete(&filter.key).await {
                // Its group is not there any more: the next start removes it.
                tracing::warn!(group = group.key.name, %error, "a subscription filter of a deleted group stays in the catalog");
            }
        }
        if let Err(error) = self.refresh_subscriptions().await {
            tracing::warn!(group = group.key.name, error = error.message, "a subscription goes on without its group");
        }
    }

    /// Checks what a subscription delivers, and tries its destination.
    pub(super) async fn check_definition(
        &self,
        caller: &Caller,
        definition: &Definition,
        sort: Sort,
    ) -> Result<(), ServiceError> {
        FilterPattern::parse(&definition.pattern).map_err(|error| invalid(error.to_string()))?;
        let arn: Option<Arn> = definition.destination_arn.parse().ok();
        let found = arn.and_then(|arn| Some((Vendor::of(&arn)?, arn)));
        let (vendor, arn) = found.ok_or_else(|| invalid("The destinationArn is invalid."))?;
        let name = vendor.as_str();
        match (vendor, &definition.role_arn) {
            (Vendor::DataStream | Vendor::DeliveryStream, None) => {
                return Err(invalid(format!("destinationArn for vendor {name} cannot be used without roleArn")));
            }
            (Vendor::Function, Some(_)) => {
                return Err(invalid(format!("destinationArn for vendor {name} cannot be used with roleArn")));
            }
            (_, Some(role)) => check_role(role)?,
            (Vendor::Function | Vendor::Destination, None) => {}
        }
        if definition.distribution != Distribution::default()
            && !matches!(vendor, Vendor::DataStream | Vendor::Destination)
        {
            return Err(invalid(format!("distribution cannot be used with destinationArn for vendor {name}")));
        }
        if vendor == Vendor::Destination {
            return match self.subscriptions.open_destination(&arn, caller.account) {
                Some(_) => Ok(()),
                None => Err(invalid(match self.subscriptions.destination_of(&arn) {
                    Some(_) => format!(
                        "User with accountId: {} is not authorized to perform: logs:PutSubscriptionFilter on resource: {arn}",
                        caller.account
                    ),
                    None => "The specified destination does not exist.".to_owned(),
                })),
            };
        }
        let is_callers = place_of(&arn) == Some((caller.account, caller.region.clone()));
        if !is_callers {
            let what = if sort == Sort::Filter { "PutSubscriptionFilter" } else { "PutAccountPolicy" };
            return Err(invalid(format!(
                "{what} operation cannot work with destinationArn for vendor {name} of another account or Region"
            )));
        }
        self.try_target((vendor, &arn)).await
    }

    /// Sends a target the message by which it is tried.
    pub(super) async fn try_target(&self, to: (Vendor, &Arn)) -> Result<(), ServiceError> {
        let failed = |why: &str| {
            tracing::info!(destination = %to.1, why, "a destination could not be delivered to");
            invalid(match to.0 {
                Vendor::DataStream => {
                    "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in \
                     ACTIVE state."
                }
                Vendor::DeliveryStream => {
                    "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in \
                     ACTIVE state."
                }
                Vendor::Function => {
                    "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute \
                     your function."
                }
                Vendor::Destination => {
                    "Could not deliver test message to specified destination. Check if the destination is valid."
                }
            })
        };
        let Some(ports) = self.subscriptions.ports() else { return Err(failed("nothing can be delivered")) };
        let now = self.clock.now();
        let data = control_message(to.0, now);
        let trial = Message { stream: 0, data, events: 1, ingested: now.0 };
        let sending = target::send(ports, self.random.as_ref(), to, Distribution::ByLogStream, vec![trial]);
        tokio::select! {
            sent = sending => sent.refusal.map_or(Ok(()), |refusal| Err(failed(refusal.reason()))),
            () = self.clock.sleep(TRIAL_TIME) => Err(failed("it did not answer in time")),
        }
    }
}

/// Whether this can be the ARN of a role.
pub(super) fn check_role(role: &str) -> Result<(), ServiceError> {
    let role: Option<Arn> = role.parse().ok();
    match role.is_some_and(|role| role.service == "iam" && role.resource.starts_with("role/")) {
        true => Ok(()),
        false => Err(invalid("The roleArn is invalid.")),
    }
}
