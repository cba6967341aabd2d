//! Tags of groups, log anomaly detectors, destinations, scheduled queries and what deliveries are made of, by ARN (TagResource, UntagResource, ListTagsForResource) and by name, the older way (TagLogGroup,
//! UntagLogGroup, ListTagsLogGroup). Both see the same tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::logs::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, ListTagsLogGroupRequest, ListTagsLogGroupResponse,
    TagLogGroupRequest, TagResourceRequest, TooManyTagsException, UntagLogGroupRequest, UntagResourceRequest,
    errors as model,
};
use watchkeep_model::{ServiceError, Unit};

use crate::directory::Group;
use crate::errors::invalid;
use crate::limits::TAGS_MAX;
use crate::names::{group_arn, group_key, identified};
use crate::queries::schedule_tags;
use crate::{Logs, anomaly_detectors, deliveries, subscriptions};

type Tags = BTreeMap<String, String>;

/// Adds tags, or gives those that are there other values.
pub(crate) async fn tag_resource(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: TagResourceRequest,
) -> Result<Unit, ServiceError> {
    if anomaly_detectors::is_named_by(&input.resource_arn) {
        check(&input.tags)?;
        return anomaly_detectors::change_tags(logs, caller, input.resource_arn, move |tags| tags.extend(input.tags))
            .await;
    }
    if subscriptions::is_destination(&input.resource_arn) {
        check(&input.tags)?;
        return subscriptions::change_destination_tags(logs, caller, &input.resource_arn, move |tags| {
            tags.extend(input.tags);
        })
        .await;
    }
    if deliveries::is_named_by(&input.resource_arn) {
        check(&input.tags)?;
        return deliveries::change_tags(logs, caller, &input.resource_arn, move |tags| tags.extend(input.tags)).await;
    }
    if schedule_tags::is_named_by(&input.resource_arn) {
        check(&input.tags)?;
        return schedule_tags::change_tags(logs, caller, &input.resource_arn, move |tags| tags.extend(input.tags))
            .await;
    }
    let group = group_of_arn(logs, caller, &input.resource_arn)?;
    let arn = group_arn(&group.key);
    add(logs, &group, input.tags, move || {
        model::too_many_tags_exception(format!("A resource can have no more than {TAGS_MAX} tags."))
            .with_details(TooManyTagsException { message: None, resource_name: Some(arn) })
    })
    .await
}

/// Removes tags; those that are not there are no error.
pub(crate) async fn untag_resource(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: UntagResourceRequest,
) -> Result<Unit, ServiceError> {
    if anomaly_detectors::is_named_by(&input.resource_arn) {
        let keys = input.tag_keys;
        let change = move |tags: &mut Tags| tags.retain(|key, _| !keys.contains(key));
        return anomaly_detectors::change_tags(logs, caller, input.resource_arn, change).await;
    }
    if subscriptions::is_destination(&input.resource_arn) {
        let keys = input.tag_keys;
        let change = move |tags: &mut Tags| tags.retain(|key, _| !keys.contains(key));
        return subscriptions::change_destination_tags(logs, caller, &input.resource_arn, change).await;
    }
    if deliveries::is_named_by(&input.resource_arn) {
        let keys = input.tag_keys;
        let change = move |tags: &mut Tags| tags.retain(|key, _| !keys.contains(key));
        return deliveries::change_tags(logs, caller, &input.resource_arn, change).await;
    }
    if schedule_tags::is_named_by(&input.resource_arn) {
        let keys = input.tag_keys;
        let change = move |tags: &mut Tags| tags.retain(|key, _| !keys.contains(key));
        return schedule_tags::change_tags(logs, caller, &input.resource_arn, change).await;
    }
    let group = group_of_arn(logs, caller, &input.resource_arn)?;
    remove(logs, &group, input.tag_keys).await
}

/// Lists tags.
pub(crate) async fn list_tags_for_resource(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ServiceError> {
    if anomaly_detectors::is_named_by(&input.resource_arn) {
        let tags = anomaly_detectors::tags_of(logs, caller, &input.resource_arn)?;
        return Ok(ListTagsForResourceResponse { tags: Some(tags) });
    }
    if subscriptions::is_destination(&input.resource_arn) {
        let tags = subscriptions::destination_tags(logs, caller, &input.resource_arn)?;
        return Ok(ListTagsForResourceResponse { tags: Some(tags) });
    }
    if deliveries::is_named_by(&input.resource_arn) {
        let tags = deliveries::tags_of(logs, caller, &input.resource_arn)?;
        return Ok(ListTagsForResourceResponse { tags: Some(tags) });
    }
    if schedule_tags::is_named_by(&input.resource_arn) {
        let tags = schedule_tags::tags_of(logs, caller, &input.resource_arn)?;
        return Ok(ListTagsForResourceResponse { tags: Some(tags) });
    }
    let group = group_of_arn(logs, caller, &input.resource_arn)?;
    Ok(ListTagsForResourceResponse { tags: Some(group.document().tags.clone()) })
}

/// [`tag_resource`], by name.
pub(crate) async fn tag_log_group(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: TagLogGroupRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    add(logs, &group, input.tags, || invalid(format!("A log group can have no more than {TAGS_MAX} tags."))).await
}

/// [`untag_resource`], by name.
pub(crate) async fn untag_log_group(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: UntagLogGroupRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    remove(logs, &group, input.tags).await
}

/// [`list_tags_for_resource`], by name.
pub(crate) async fn list_tags_log_group(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListTagsLogGroupRequest,
) -> Result<ListTagsLogGroupResponse, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    Ok(ListTagsLogGroupResponse { tags: Some(group.document().tags.clone()) })
}

/// Refuses tags that nobody may set.
pub(crate) fn check(tags: &Tags) -> Result<(), ServiceError> {
    match tags.keys().any(|key| key.starts_with("aws:")) {
        true => Err(invalid("Tag keys that start with aws: are reserved.")),
        false => Ok(()),
    }
}

/// The group of an ARN. Beside groups only log anomaly detectors, destinations, scheduled queries and what deliveries are made of have tags.
fn group_of_arn(logs: &Logs, caller: &Caller, arn: &str) -> Result<Arc<Group>, ServiceError> {
    if !arn.starts_with("arn:") {
        return Err(invalid("The specified resource ARN is invalid."));
    }
    logs.directory.group(&identified(caller, arn)?)
}

async fn add(
    logs: &Arc<Logs>,
    group: &Arc<Group>,
    tags: Tags,
    too_many: impl FnOnce() -> ServiceError + Send + 'static,
) -> Result<Unit, ServiceError> {
    check(&tags)?;
    logs.change(group, move |document| {
        document.tags.extend(tags);
        if document.tags.len() > TAGS_MAX { Err(too_many()) } else { Ok(()) }
    })
    .await
}

async fn remove(logs: &Arc<Logs>, group: &Arc<Group>, keys: Vec<String>) -> Result<Unit, ServiceError> {
    logs.change(group, move |document| {
        document.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await
}
