//! AddTags, RemoveTags, ListTags: of event data stores, which are what CloudTrail has here.

use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudtrail::errors as model;
use watchkeep_model::cloudtrail::{
    AddTagsRequest, AddTagsResponse, ListTagsRequest, ListTagsResponse, RemoveTagsRequest, RemoveTagsResponse,
    ResourceTag, Tag,
};

use super::Tags;
use crate::Trails;
use crate::limits::{TAGGED_RESOURCES_MAX, TAGS_MAX};
use crate::resources::{EventDataStore, STORE_ARN_PREFIX};

/// Adds tags, or gives those that are there other values.
pub(crate) async fn add_tags(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: AddTagsRequest,
) -> Result<AddTagsResponse, ServiceError> {
    check_arn(&input.resource_id)?;
    let added = checked(&input.tags_list)?;
    change(trails, caller, input.resource_id, move |tags| tags.extend(added)).await?;
    Ok(AddTagsResponse {})
}

/// Removes tags of these keys; those that are not there are no error.
pub(crate) async fn remove_tags(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: RemoveTagsRequest,
) -> Result<RemoveTagsResponse, ServiceError> {
    check_arn(&input.resource_id)?;
    let removed = checked(&input.tags_list)?;
    change(trails, caller, input.resource_id, move |tags| tags.retain(|key, _| !removed.contains_key(key))).await?;
    Ok(RemoveTagsResponse {})
}

/// Lists the tags of resources. All of them fit into one answer.
pub(crate) async fn list_tags(
    trails: &Arc<Trails>,
    caller: &Caller,
    input: ListTagsRequest,
) -> Result<ListTagsResponse, ServiceError> {
    if input.next_token.is_some() {
        return Err(model::invalid_token_exception("The NextToken is invalid."));
    }
    if input.resource_id_list.len() > TAGGED_RESOURCES_MAX {
        return Err(model::unsupported_operation_exception(format!(
            "The tags of {TAGGED_RESOURCES_MAX} resources at most are listed in one call."
        )));
    }
    let listed = input.resource_id_list.into_iter().map(|arn| {
        check_arn(&arn)?;
        let found = trails.event_data_stores.find_active(caller, &arn)?;
        Ok(ResourceTag { resource_id: Some(arn), tags_list: Some(shown(&found.tags)) })
    });
    let listed: Vec<ResourceTag> = listed.collect::<Result<_, ServiceError>>()?;
    Ok(ListTagsResponse { resource_tag_list: Some(listed), next_token: None })
}

async fn change(
    trails: &Arc<Trails>,
    caller: &Caller,
    arn: String,
    change: impl FnOnce(&mut Tags) + Send + 'static,
) -> Result<(), ServiceError> {
    let whose = caller.clone();
    let changed = trails.change_store(move |stores| {
        let found = stores.find_active(&whose, &arn)?;
        let mut store: EventDataStore = found.value.clone();
        change(&mut store.tags);
        check_count(&store.tags)?;
        Ok((found, store))
    });
    changed.await.map(drop)
}

/// The tags that a client gives.
pub(super) fn checked(given: &[Tag]) -> Result<Tags, ServiceError> {
    let invalid = |why: String| Err(model::invalid_tag_parameter_exception(why));
    let mut tags = Tags::new();
    for tag in given {
        if tag.key.starts_with("aws:") {
            return invalid("The keys of tags cannot begin with aws:.".to_owned());
        }
        if tags.insert(tag.key.clone(), tag.value.clone()).is_some() {
            return invalid(format!("The key {} is given twice.", tag.key));
        }
    }
    Ok(tags)
}

/// Refuses more tags than a resource can have.
pub(super) fn check_count(tags: &Tags) -> Result<(), ServiceError> {
    match tags.len() {
        0..=TAGS_MAX => Ok(()),
        _ => Err(model::tags_limit_exceeded_exception(format!("A resource can have no more than {TAGS_MAX} tags."))),
    }
}

/// Tags as the API shows them.
pub(super) fn shown(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// Refuses what is no ARN of CloudTrail's, and resources that there are none of.
fn check_arn(text: &str) -> Result<(), ServiceError> {
    let arn: Option<Arn> = text.parse().ok().filter(|arn: &Arn| arn.service == "cloudtrail");
    let Some(arn) = arn else {
        return Err(model::cloud_trail_arn_invalid_exception(format!(
            "{text} is not the ARN of a resource of CloudTrail."
        )));
    };
    let kind = arn.resource.split_once('/').map(|(kind, _)| kind);
    match kind {
        Some(_) if arn.resource.starts_with(STORE_ARN_PREFIX) => Ok(()),
        Some("trail" | "channel" | "dashboard") => {
            Err(model::resource_not_found_exception(format!("There is no resource {text}.")))
        }
        _ => Err(model::resource_type_not_supported_exception(format!("The resource {text} cannot have tags."))),
    }
}
