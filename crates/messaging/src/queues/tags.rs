//! TagQueue, UntagQueue, ListQueueTags.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::sqs::{ListQueueTagsRequest, ListQueueTagsResult, TagQueueRequest, UntagQueueRequest};
use watchkeep_model::{ServiceError, Unit};

use super::Queues;
use super::errors::invalid;
use super::limits::TAGS_MAX;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html>
pub(crate) async fn tag_queue(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: TagQueueRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "TagQueue")?;
    queues
        .change_document(&queue, move |document| {
            document.tags.extend(input.tags);
            check_tags(&document.tags)
        })
        .await?;
    Ok(Unit {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_UntagQueue.html>
pub(crate) async fn untag_queue(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: UntagQueueRequest,
) -> Result<Unit, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "UntagQueue")?;
    queues
        .change_document(&queue, move |document| {
            document.tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(())
        })
        .await?;
    Ok(Unit {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html>
pub(crate) async fn list_queue_tags(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: ListQueueTagsRequest,
) -> Result<ListQueueTagsResult, ServiceError> {
    let tags = queues.find(caller, &input.queue_url, "ListQueueTags")?.document().tags.clone();
    Ok(ListQueueTagsResult { tags: Some(tags).filter(|tags| !tags.is_empty()) })
}

/// Whether a queue may have these tags ("Amazon SQS cost allocation tags").
///
/// # Errors
/// `InvalidParameterValue`.
pub(crate) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!("Too many tags added for queue: at most {TAGS_MAX}.")));
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(invalid("A tag's key has 1 to 128 characters, its value up to 256."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys that begin with aws: are AWS's own."));
        }
    }
    Ok(())
}
