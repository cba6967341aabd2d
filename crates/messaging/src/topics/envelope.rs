//! Messages with what is to be said of them: the JSON documents that endpoints get.

use serde_json::{Map, Value, json};

use super::core::Core;
use super::directory::Live;
use super::message::{Kind, Message, sequence_number, spelled, to_be_signed};

/// An envelope: as a document, and as text.
pub(crate) struct Envelope {
    /// The document.
    pub members: Map<String, Value>,
    /// The text.
    pub text: String,
}

impl Core {
    /// Where a subscription is confirmed.
    pub(crate) fn subscribe_url(&self, topic_arn: &str, token: &str) -> String {
        self.url_of(&format!("/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={token}"))
    }

    /// Where a subscription is ended.
    pub(crate) fn unsubscribe_url(&self, subscription_arn: &str) -> String {
        self.url_of(&format!("/?Action=Unsubscribe&SubscriptionArn={subscription_arn}"))
    }

    /// The message as this subscription gets it, signed.
    ///
    /// # Errors
    ///
    /// The signing key cannot be had just now.
    pub(crate) async fn envelope(&self, live: &Live, message: &Message, seq: u64) -> Result<Envelope, String> {
        let signer = self.signing.signer().await?;
        let version = live.topic.signature_version();
        let mut members = self.members(live, message);
        let text = to_be_signed(&members);
        let signature = self.signatures.of(seq, version, text, signer.clone()).await?;
        let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
        add("SignatureVersion", version.as_str().into());
        add("Signature", signature.into());
        add("SigningCertURL", self.url_of(&signer.certificate_path()).into());
        if message.kind == Kind::Notification {
            add("UnsubscribeURL", self.unsubscribe_url(&live.arn).into());
            if !message.attributes.is_empty() {
                add("MessageAttributes", message.attributes_json());
            }
            if live.is_ordered() {
                add("SequenceNumber", sequence_number(seq).into());
            }
        }
        let text = spelled(&members);
        Ok(Envelope { members, text })
    }

    /// What is said of a message before it is signed.
    fn members(&self, live: &Live, message: &Message) -> Map<String, Value> {
        let token = message.token.as_deref().unwrap_or_default();
        let text = match message.kind {
            Kind::Notification => message.text_for(&live.resource.protocol).to_owned(),
            Kind::SubscriptionConfirmation => format!(
                "This endpoint was subscribed to the topic {}.\nVisit the SubscribeURL of this message to confirm that it shall get its messages.",
                live.topic_arn
            ),
            Kind::UnsubscribeConfirmation => format!(
                "This endpoint's subscription {} has ended.\nVisit the SubscribeURL of this message to take it up again.",
                live.arn
            ),
        };
        let mut members = Map::new();
        let mut add = |name: &str, value: &str| members.insert(name.to_owned(), json!(value));
        add("Type", message.kind.as_str());
        add("MessageId", &message.id);
        if message.kind != Kind::Notification {
            add("Token", token);
        }
        add("TopicArn", &message.topic_arn);
        if let Some(subject) = &message.subject {
            add("Subject", subject);
        }
        add("Message", &text);
        if message.kind != Kind::Notification {
            add("SubscribeURL", &self.subscribe_url(&message.topic_arn, token));
        }
        add("Timestamp", &message.timestamp());
        members
    }
}
