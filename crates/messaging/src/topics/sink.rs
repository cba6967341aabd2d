//! The port through which the other services publish.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{
    MessageId, MessageStructure, ServiceClient, StringOrBinary, TopicError, TopicMessage, TopicSink,
};
use watchkeep_model::ServiceError;
use watchkeep_model::sns::{MessageAttributeValue, PublishBatchRequestEntry};

use super::Topics;
use super::limits::MESSAGE_BYTES_MAX;
use super::names::topic_key;
use super::publish::{KEY_OF_PUBLISHER, Recipients, draft};
use super::resources::TopicKind;

/// Topics as the other services see them.
pub(crate) struct TopicDoor(pub Arc<Topics>);

impl TopicSink for TopicDoor {
    fn publish<'a>(
        &'a self,
        topic_arn: &'a str,
        message: TopicMessage,
    ) -> BoxFuture<'a, Result<MessageId, TopicError>> {
        Box::pin(publish(&self.0, None, topic_arn, message))
    }

    fn publish_for<'a>(
        &'a self,
        client: &'a ServiceClient,
        topic_arn: &'a str,
        message: TopicMessage,
    ) -> BoxFuture<'a, Result<MessageId, TopicError>> {
        Box::pin(publish(&self.0, Some(client), topic_arn, message))
    }
}

async fn publish(
    topics: &Arc<Topics>,
    client: Option<&ServiceClient>,
    topic_arn: &str,
    message: TopicMessage,
) -> Result<MessageId, TopicError> {
    let key = topic_key(topic_arn, "TopicArn").map_err(|_| TopicError::NoSuchTopic)?;
    let topic = topics.core.directory.topic(&key).ok_or(TopicError::NoSuchTopic)?;
    if let Some(client) = client {
        topics.admit_service(client, &topic).map_err(TopicError::Refused)?;
    }
    let is_fifo = topic.topic.kind == TopicKind::Fifo;
    let attributes = message.attributes.into_iter().map(|(name, attribute)| {
        let (string_value, binary_value) = match attribute.value {
            StringOrBinary::String(text) => (Some(text), None),
            StringOrBinary::Binary(bytes) => (None, Some(bytes)),
        };
        (name, MessageAttributeValue { data_type: attribute.data_type, string_value, binary_value })
    });
    let entry = PublishBatchRequestEntry {
        id: String::new(),
        message: message.message,
        subject: message.subject,
        message_structure: (message.structure == MessageStructure::Json).then(|| "json".to_owned()),
        message_attributes: Some(attributes.collect()),
        message_deduplication_id: message.key.as_deref().filter(|_| is_fifo).map(deduplication_id),
        message_group_id: message.group_id,
    };
    let mut draft = draft(&topic, entry).map_err(of_error)?;
    if draft.bytes > MESSAGE_BYTES_MAX {
        return Err(TopicError::Refused("the message is too long".to_owned()));
    }
    if !is_fifo {
        draft.key = message.key.map(|key| format!("{KEY_OF_PUBLISHER}{key}"));
    }
    let published = topics.write_down(key, vec![draft], Recipients::Subscribers).await.map_err(of_error)?;
    let published = published.into_iter().next().ok_or(TopicError::NoSuchTopic)?;
    Ok(MessageId(published.message_id))
}

/// A key may be longer than a deduplication id, and have characters that it may not.
fn deduplication_id(key: &str) -> String {
    use sha2::Digest as _;
    STANDARD.encode(sha2::Sha256::digest(key))
}

fn of_error(error: ServiceError) -> TopicError {
    match error.query_code.as_ref() {
        "NotFound" => TopicError::NoSuchTopic,
        "Throttled" | "ServiceUnavailable" | "ConcurrentAccess" => TopicError::Busy(error.message),
        // Somebody may enable the topic's key.
        "KMSDisabled" | "KMSInvalidState" | "KMSThrottling" => TopicError::Busy(error.message),
        "InternalError" => TopicError::Busy(error.message),
        _ => TopicError::Refused(error.message),
    }
}
