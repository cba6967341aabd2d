//! Which attributes of a message a client wants, and how they look to it.

use watchkeep_core::ports::{MessageAttribute, StringOrBinary};
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::{MessageAttributeValue, ReceiveMessageRequest};

use super::content::Content;
use super::errors::invalid;
use super::settings;

/// The attributes of messages that SQS itself tells.
const SYSTEM: &[&str] = &[
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

/// What a client wants to know of the messages that it gets.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    system: Vec<String>,
    own: Vec<String>,
}

impl Wanted {
    /// What a call asks for. `AttributeNames` and its successor `MessageSystemAttributeNames` add up.
    ///
    /// # Errors
    /// `InvalidAttributeName` for an attribute that there is not.
    pub fn new(input: &ReceiveMessageRequest) -> Result<Wanted, ServiceError> {
        let older = input.attribute_names.iter().flatten();
        let system: Vec<String> = older.chain(input.message_system_attribute_names.iter().flatten()).cloned().collect();
        let is_known = |name: &str| name == "All" || SYSTEM.contains(&name) || settings::is_known(name);
        if let Some(name) = system.iter().find(|name| !is_known(name)) {
            return Err(settings::unknown(name));
        }
        let own = input.message_attribute_names.clone().unwrap_or_default();
        if own.iter().any(String::is_empty) {
            return Err(invalid("The name of a message attribute must not be empty."));
        }
        Ok(Wanted { system, own })
    }

    /// Whether this one of SQS's attributes is wanted.
    pub fn is_system(&self, name: &str) -> bool {
        self.system.iter().any(|wanted| wanted == "All" || wanted == name)
    }

    /// The message's own attributes that are wanted: by name, by prefix as `a.*`, or all.
    pub fn attributes<'c>(&self, content: &'c Content) -> Vec<(&'c String, &'c MessageAttribute)> {
        let is_wanted = |name: &str| {
            self.own.iter().any(|wanted| match wanted.strip_suffix('*') {
                _ if wanted == "All" => true,
                Some(prefix) => name.starts_with(prefix.strip_suffix('.').unwrap_or(prefix)),
                None => wanted == name,
            })
        };
        content.attributes.iter().filter(|(name, _)| is_wanted(name)).collect()
    }
}

/// An attribute as it is told.
pub(crate) fn told(attribute: &MessageAttribute) -> MessageAttributeValue {
    let mut told = MessageAttributeValue { data_type: attribute.data_type.clone(), ..Default::default() };
    match &attribute.value {
        StringOrBinary::String(text) => told.string_value = Some(text.clone()),
        StringOrBinary::Binary(bytes) => told.binary_value = Some(bytes.clone()),
    }
    told
}
