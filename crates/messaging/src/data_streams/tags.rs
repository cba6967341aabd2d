//! Tags of streams and consumers, by both families of operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kinesis::{
    AddTagsToStreamInput, ListTagsForResourceInput, ListTagsForResourceOutput, ListTagsForStreamInput,
    ListTagsForStreamOutput, RemoveTagsFromStreamInput, Tag, TagResourceInput, UntagResourceInput,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::ResourceKey;

use super::DataStreams;
use super::errors::{finish, invalid, no_consumer, store, too_many};
use super::limits::TAGS_MAX;
use super::names::parse_consumer;

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_AddTagsToStream.html>
pub(crate) async fn add_tags_to_stream(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: AddTagsToStreamInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    streams.change(&stream, move |document| add(&mut document.tags, input.tags)).await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RemoveTagsFromStream.html>
pub(crate) async fn remove_tags_from_stream(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: RemoveTagsFromStreamInput,
) -> Result<Unit, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    streams.change(&stream, move |document| remove(&mut document.tags, &input.tag_keys)).await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListTagsForStream.html>
pub(crate) async fn list_tags_for_stream(
    streams: &DataStreams,
    caller: &Caller,
    input: ListTagsForStreamInput,
) -> Result<ListTagsForStreamOutput, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let document = stream.document();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(TAGS_MAX);
    let after = input.exclusive_start_tag_key.as_deref();
    let rest = document.value.tags.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
    let mut tags: Vec<Tag> = rest.take(limit + 1).map(tag).collect();
    let has_more_tags = tags.len() > limit;
    tags.truncate(limit);
    Ok(ListTagsForStreamOutput { tags, has_more_tags })
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_TagResource.html>
pub(crate) async fn tag_resource(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: TagResourceInput,
) -> Result<Unit, ServiceError> {
    change(streams, caller, &input.resource_arn, move |tags| add(tags, input.tags)).await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UntagResource.html>
pub(crate) async fn untag_resource(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    input: UntagResourceInput,
) -> Result<Unit, ServiceError> {
    change(streams, caller, &input.resource_arn, move |tags| remove(tags, &input.tag_keys)).await
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListTagsForResource.html>
pub(crate) async fn list_tags_for_resource(
    streams: &DataStreams,
    caller: &Caller,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, ServiceError> {
    let tags = match consumer(caller, &input.resource_arn)? {
        Some(key) => streams.consumers.get(&key).map(|consumer| consumer.tags.clone()),
        None => Some(streams.find(caller, None, Some(&input.resource_arn))?.document().value.tags.clone()),
    };
    let tags = tags.ok_or_else(|| no_consumer(&input.resource_arn))?;
    Ok(ListTagsForResourceOutput { tags: Some(tags.iter().map(tag).collect()) })
}

/// Whether a resource may have these tags.
///
/// # Errors
/// They are too many, or one breaks a rule.
pub(crate) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    if tags.len() > TAGS_MAX {
        return Err(too_many(format!("A resource has at most {TAGS_MAX} tags.")));
    }
    let is_plain = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@%".contains(c);
    for (key, value) in tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys that begin with aws: are reserved."));
        }
        if !key.chars().all(is_plain) || !value.chars().all(is_plain) {
            return Err(invalid(
                "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.",
            ));
        }
    }
    Ok(())
}

fn add(tags: &mut BTreeMap<String, String>, more: BTreeMap<String, String>) -> Result<Unit, ServiceError> {
    tags.extend(more);
    check_tags(tags)?;
    Ok(Unit {})
}

fn remove(tags: &mut BTreeMap<String, String>, keys: &[String]) -> Result<Unit, ServiceError> {
    tags.retain(|key, _| !keys.contains(key));
    Ok(Unit {})
}

fn tag((key, value): (&String, &String)) -> Tag {
    Tag { key: key.clone(), value: Some(value.clone()) }
}

/// The key of the consumer of an ARN, if it is one's.
fn consumer(caller: &Caller, arn: &str) -> Result<Option<ResourceKey>, ServiceError> {
    if !arn.contains("/consumer/") {
        return Ok(None);
    }
    let (key, _) = parse_consumer(arn).ok_or_else(|| invalid(format!("{arn} is not the ARN of a consumer.")))?;
    match key.account == caller.account && key.region.as_ref() == Some(&caller.region) {
        true => Ok(Some(key)),
        false => Err(no_consumer(arn)),
    }
}

/// Changes the tags of what an ARN names.
async fn change(
    streams: &Arc<DataStreams>,
    caller: &Caller,
    arn: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>) -> Result<Unit, ServiceError> + Send + 'static,
) -> Result<Unit, ServiceError> {
    let Some(key) = consumer(caller, arn)? else {
        let stream = streams.find(caller, None, Some(arn))?;
        return streams.change(&stream, move |document| change(&mut document.tags)).await;
    };
    let (streams, arn) = (streams.clone(), arn.to_owned());
    finish(async move {
        let current = streams.consumers.get(&key).ok_or_else(|| no_consumer(&arn))?;
        let mut changed = current.value.clone();
        change(&mut changed.tags)?;
        streams.consumers.update(&current, changed).await.map_err(store)?;
        Ok(Unit {})
    })
    .await
}
