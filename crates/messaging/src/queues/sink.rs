//! The port through which other services send messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{QueueError, QueueMessage, QueueSink, ServiceClient, StringOrBinary};
use watchkeep_model::ServiceError;

use super::Queues;
use super::send_message::{Draft, attribute, measure};

/// Who sends, as `SenderId` has it, when it is another service of the house.
const SENDER: &str = "AIDAISERVICES0WATCHKEEP";

/// [`Queues`] as a port.
#[derive(Debug, Clone)]
pub(crate) struct Sink(pub Arc<Queues>);

impl Sink {
    async fn send_if_let(
        &self,
        client: Option<&ServiceClient>,
        queue_arn: &str,
        message: QueueMessage,
    ) -> Result<(), QueueError> {
        let queue = self.0.by_arn(queue_arn).ok_or(QueueError::NoSuchQueue)?;
        if let Some(client) = client {
            self.0.admit_service(client, &queue).map_err(QueueError::Refused)?;
        }
        let mut attributes = BTreeMap::new();
        for (name, given) in message.attributes {
            let (string, binary) = match given.value {
                StringOrBinary::String(text) => (Some(text), None),
                StringOrBinary::Binary(bytes) => (None, Some(bytes)),
            };
            attributes.insert(name.clone(), attribute(&name, given.data_type, string, binary).map_err(told)?);
        }
        let draft = Draft {
            body: message.body,
            delay_seconds: None,
            attributes,
            trace: message.trace_header,
            deduplication: message.deduplication_id,
            group: message.group_id,
        };
        let outgoing = self.0.outgoing(&queue, SENDER.to_owned(), draft).map_err(told)?;
        let content = outgoing.content.clone();
        self.0.send(&queue, vec![outgoing]).await.map_err(told)?;
        measure(&queue, &content);
        Ok(())
    }
}

impl QueueSink for Sink {
    fn send<'a>(&'a self, queue_arn: &'a str, message: QueueMessage) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.send_if_let(None, queue_arn, message))
    }

    fn send_for<'a>(
        &'a self,
        client: &'a ServiceClient,
        queue_arn: &'a str,
        message: QueueMessage,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.send_if_let(Some(client), queue_arn, message))
    }
}

fn told(error: ServiceError) -> QueueError {
    match (&*error.code, error.sender) {
        ("QueueDoesNotExist", _) => QueueError::NoSuchQueue,
        // Somebody may enable the queue's key.
        ("RequestThrottled" | "KmsDisabled" | "KmsInvalidState" | "KmsThrottled", _) | (_, false) => {
            QueueError::Busy(error.message)
        }
        _ => QueueError::Refused(error.message),
    }
}
