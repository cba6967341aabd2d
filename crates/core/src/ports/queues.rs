//! Queues, as the other services send messages to them.

use crate::BoxFuture;

use super::metrics::MetricPlace;

/// A service that acts for a resource: what policies of queues and topics are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceClient {
    /// Its principal, as `sns.amazonaws.com`.
    pub principal: &'static str,
    /// The account and the Region of the resource that it acts for (`aws:SourceAccount`).
    pub place: MetricPlace,
    /// That resource's ARN (`aws:SourceArn`).
    pub source_arn: String,
}

/// The value of a message's attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StringOrBinary {
    /// Text, also of numbers.
    String(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// An attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, and a label of the sender's own behind a dot.
    pub data_type: String,
    /// The value.
    pub value: StringOrBinary,
}

/// A message for a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueMessage {
    /// The body.
    pub body: String,
    /// The attributes by their names.
    pub attributes: Vec<(String, MessageAttribute)>,
    /// The message group, for a FIFO queue or a fair one.
    pub group_id: Option<String>,
    /// The deduplication id, for a FIFO queue.
    pub deduplication_id: Option<String>,
    /// X-Ray's trace header.
    pub trace_header: Option<String>,
}

/// Why a queue did not take a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// There is no such queue.
    #[error("the queue does not exist")]
    NoSuchQueue,
    /// It will not take this message.
    #[error("the queue refused the message: {0}")]
    Refused(String),
    /// It may take the message a little later.
    #[error("the queue is busy: {0}")]
    Busy(String),
}

/// Takes messages for queues. SQS's side of whoever delivers to one.
pub trait QueueSink: Send + Sync {
    /// Sends a message to the queue of this ARN; it is durable when it is done. It is the house itself that sends, and asks no policy.
    fn send<'a>(&'a self, queue_arn: &'a str, message: QueueMessage) -> BoxFuture<'a, Result<(), QueueError>>;

    /// The same for a service that acts for a resource: the queue's policy must let it. One that does not refuses the message.
    fn send_for<'a>(
        &'a self,
        _client: &'a ServiceClient,
        queue_arn: &'a str,
        message: QueueMessage,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        self.send(queue_arn, message)
    }
}

/// There are no queues.
#[derive(Debug, Default)]
pub struct NoQueues;

impl QueueSink for NoQueues {
    fn send<'a>(&'a self, _: &'a str, _: QueueMessage) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(std::future::ready(Err(QueueError::NoSuchQueue)))
    }
}
