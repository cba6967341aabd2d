//! Encryption of messages on their way, under a KMS key of the customer's (`KmsMasterKeyId`). Sources: "Securing Amazon SNS data with
//! server-side encryption", "Managing Amazon SNS encryption keys and costs".
//!
//! A message is encrypted by itself, as a cell of its row, under a data key of the topic's key; the row says which. In clear beside it are
//! its id, its time, its group and its key: so what is still to be delivered is known without any key. While the key cannot be used, nothing
//! is published, and what was is held: its deliveries wait, and count no tries (E-2).

use std::sync::Arc;

use watchkeep_core::ports::{DataKeyError, EncryptionContext};
use watchkeep_delivery::outbox::Attempt;
use watchkeep_model::ServiceError;
use watchkeep_store::{EncryptionKey, StoreError};

use super::core::Core;
use super::directory::LiveTopic;
use super::errors::{of_data_key, store};
use super::message::Message;

/// What the encryption context names.
const CONTEXT: &str = "aws:sns:topicArn";

impl Core {
    /// The data key for new messages, if the topic encrypts them.
    ///
    /// # Errors
    /// Those of KMS: nothing may be published then.
    pub(crate) async fn key_for_new(&self, topic: &LiveTopic) -> Result<Option<Arc<EncryptionKey>>, ServiceError> {
        let Some(named) = topic.topic.attribute("KmsMasterKeyId") else { return Ok(None) };
        let region = topic.topic.key.region.clone().unwrap_or_default();
        let data_keys = self.store.data_keys().map_err(|error| of_data_key(&error))?;
        let found = data_keys.find((topic.topic.key.account, &region), named).await;
        let found = found.map_err(|error| of_data_key(&error))?;
        let context = EncryptionContext::from([(CONTEXT.to_owned(), topic.arn.clone())]);
        self.store.encryption_key(&found, &context).await.map(Some).map_err(store)
    }
}

/// What of a message stays in clear beside its cell.
pub(crate) fn in_clear(message: &Message) -> Message {
    Message {
        kind: message.kind,
        id: message.id.clone(),
        topic_arn: message.topic_arn.clone(),
        time_ms: message.time_ms,
        group_id: message.group_id.clone(),
        ..Message::default()
    }
}

/// What becomes of a delivery whose message cannot be read. One whose key is gone for good never will be.
pub(crate) fn unread(error: &StoreError) -> Attempt {
    match error {
        StoreError::Locked(locked) => match &locked.source {
            DataKeyError::NotFound(_) | DataKeyError::Unopenable => Attempt::Refused(error.to_string()),
            _ => Attempt::Held(error.to_string()),
        },
        error => Attempt::Later(error.to_string()),
    }
}
