//! Tags of topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::sns::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse, errors as model,
};
use watchkeep_store::ResourceKey;

use super::Topics;
use super::errors::invalid_because;
use super::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use super::names::own_topic_key;
use super::topics_of_account::tags_of;

/// Adds tags, or gives those that are there other values.
pub(crate) async fn tag_resource(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, ServiceError> {
    let key = tagged(topics, caller, &input.resource_arn, "SNS:TagResource")?;
    let tags = checked(input.tags)?;
    let change = topics.change_topic(key, move |topic| {
        topic.tags.extend(tags);
        if topic.tags.len() > TAGS_MAX { Err(too_many()) } else { Ok(()) }
    });
    change.await.map(|_| TagResourceResponse {})
}

/// Removes tags; those that are not there are no error.
pub(crate) async fn untag_resource(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, ServiceError> {
    let key = tagged(topics, caller, &input.resource_arn, "SNS:UntagResource")?;
    let change = topics.change_topic(key, move |topic| {
        input.tag_keys.iter().for_each(|tag| drop(topic.tags.remove(tag)));
        Ok(())
    });
    change.await.map(|_| UntagResourceResponse {})
}

/// Lists tags.
pub(crate) async fn list_tags_for_resource(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ServiceError> {
    let key = tagged(topics, caller, &input.resource_arn, "SNS:ListTagsForResource")?;
    let topic = topics.core.topics.get(&key).ok_or_else(no_resource)?;
    Ok(ListTagsForResourceResponse { tags: Some(tags_of(&topic)) })
}

/// Tags as they are kept.
///
/// # Errors
///
/// Their number, or one of them, breaks a rule.
pub(crate) fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut checked = BTreeMap::new();
    for Tag { key, value } in tags {
        let is_key = (1..=TAG_KEY_CHARS_MAX).contains(&key.chars().count()) && !key.to_lowercase().starts_with("aws:");
        if !is_key || value.chars().count() > TAG_VALUE_CHARS_MAX {
            return Err(invalid_because("Tags", format!("the tag {key:?} is not valid")));
        }
        if checked.insert(key, value).is_some() {
            return Err(invalid_because("Tags", "Duplicated keys are not allowed."));
        }
    }
    if checked.len() > TAGS_MAX { Err(too_many()) } else { Ok(checked) }
}

fn tagged(topics: &Topics, caller: &Caller, arn: &str, action: &str) -> Result<ResourceKey, ServiceError> {
    let key = own_topic_key(caller, arn, "ResourceArn")?;
    topics.core.topics.get(&key).ok_or_else(no_resource)?;
    topics.topic_for(caller, &key, action)?;
    Ok(key)
}

fn no_resource() -> ServiceError {
    model::resource_not_found_exception("Resource does not exist")
}

fn too_many() -> ServiceError {
    model::tag_limit_exceeded_exception(format!("A topic can have no more than {TAGS_MAX} tags."))
}
