//! Tags of keys: TagResource, UntagResource, ListResourceTags.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kms::{
    ListResourceTagsRequest, ListResourceTagsResponse, Tag, TagResourceRequest, UntagResourceRequest, errors as model,
};
use watchkeep_model::{ServiceError, Unit};

use crate::Keys;
use crate::identifier::{Accepts, Place, arn_of};
use crate::key_states::Needs;
use crate::limits::TAGS_MAX;
use crate::paging::{Page, Paged};

type Tags = BTreeMap<String, String>;

/// Adds tags, or gives those that are there other values.
pub(crate) async fn tag_resource(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: TagResourceRequest,
) -> Result<Unit, ServiceError> {
    let tags = checked(input.tags)?;
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    let arn = arn_of(&found);
    keys.change(&found, |key| {
        Needs::Kept.check(key, &arn)?;
        key.tags.extend(tags.clone());
        check_count(&key.tags)
    })
    .await?;
    Ok(Unit {})
}

/// Removes tags; those that are not there are no error.
pub(crate) async fn untag_resource(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: UntagResourceRequest,
) -> Result<Unit, ServiceError> {
    input.tag_keys.iter().try_for_each(|key| check_key(key))?;
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    let arn = arn_of(&found);
    keys.change(&found, |key| {
        Needs::Kept.check(key, &arn)?;
        key.tags.retain(|tag, _| !input.tag_keys.contains(tag));
        Ok(())
    })
    .await?;
    Ok(Unit {})
}

/// Lists tags by their keys.
pub(crate) async fn list_resource_tags(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ListResourceTagsRequest,
) -> Result<ListResourceTagsResponse, ServiceError> {
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    let page = Page::asked(Paged::Tags, input.limit, input.marker.as_deref())?;
    let rest = found.tags.iter().filter(|(key, _)| page.after.as_ref().is_none_or(|after| *key > after));
    let listed = page.of(rest.take(page.limit + 1).collect(), |(key, _)| (*key).clone());
    let truncated = listed.is_truncated();
    let tag = |(key, value): &(&String, &String)| Tag { tag_key: (*key).clone(), tag_value: (*value).clone() };
    Ok(ListResourceTagsResponse {
        tags: Some(listed.entries.iter().map(tag).collect()),
        next_marker: listed.next_marker,
        truncated,
    })
}

/// The tags of a call, if they may be set.
pub(crate) fn checked(given: Vec<Tag>) -> Result<Tags, ServiceError> {
    let mut tags = Tags::new();
    for Tag { tag_key, tag_value } in given {
        check_key(&tag_key)?;
        if tags.insert(tag_key, tag_value).is_some() {
            return Err(model::tag_exception("Duplicate tag keys"));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check_key(key: &str) -> Result<(), ServiceError> {
    match key.starts_with("aws:") {
        true => Err(model::tag_exception("Tags starting with 'aws:' are reserved for internal use")),
        false => Ok(()),
    }
}

fn check_count(tags: &Tags) -> Result<(), ServiceError> {
    match tags.len() > TAGS_MAX {
        true => Err(model::limit_exceeded_exception(format!("A key can have no more than {TAGS_MAX} tags."))),
        false => Ok(()),
    }
}
