//! Topics, as the other services publish to them.

use crate::BoxFuture;

use super::queues::{MessageAttribute, ServiceClient};

/// How the text of a message is to be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MessageStructure {
    /// It is what every subscriber gets.
    #[default]
    Plain,
    /// It is a JSON object with the text of each protocol, and `default`.
    Json,
}

/// A message for a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicMessage {
    /// The subject: at most 100 characters of ASCII, without line breaks. What does not keep to it is refused.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
    /// How it is to be read.
    pub structure: MessageStructure,
    /// The attributes by their names.
    pub attributes: Vec<(String, MessageAttribute)>,
    /// The message group, for a FIFO topic.
    pub group_id: Option<String>,
    /// What tells this message from every other of its publisher: a second message with the same key, within an hour of the first or of
    /// a restart, is not published again, and has the first one's id. A FIFO topic takes it for the deduplication id.
    pub key: Option<String>,
}

/// The id of a published message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(pub String);

/// Why a message was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// There is no such topic.
    #[error("the topic does not exist")]
    NoSuchTopic,
    /// It will not take this message.
    #[error("the topic refused the message: {0}")]
    Refused(String),
    /// It may take the message a little later.
    #[error("the topic is busy: {0}")]
    Busy(String),
}

/// Takes messages for topics. SNS's side of whoever notifies: alarms, event targets.
pub trait TopicSink: Send + Sync {
    /// Publishes a message to the topic of this ARN; it is durable when it is done, and will be delivered. It is the house itself that
    /// publishes, and asks no policy.
    fn publish<'a>(&'a self, topic_arn: &'a str, message: TopicMessage)
    -> BoxFuture<'a, Result<MessageId, TopicError>>;

    /// The same for a service that acts for a resource: the topic's policy must let it. One that does not refuses the message.
    fn publish_for<'a>(
        &'a self,
        _client: &'a ServiceClient,
        topic_arn: &'a str,
        message: TopicMessage,
    ) -> BoxFuture<'a, Result<MessageId, TopicError>> {
        self.publish(topic_arn, message)
    }
}
