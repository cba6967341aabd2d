//! SendMessage and SendMessageBatch.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use watchkeep_core::ports::{MessageAttribute, StringOrBinary};
use watchkeep_core::{Caller, Principal, uuid};
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::{
    MessageAttributeValue, MessageSystemAttributeValue, SendMessageBatchRequest, SendMessageBatchResult,
    SendMessageBatchResultEntry, SendMessageRequest, SendMessageResult, errors,
};

use super::Queues;
use super::batches::{self, failed};
use super::content::{Content, message_bytes};
use super::digest;
use super::errors::{invalid, invalid_value, missing};
use super::limits::{
    DELAY_SECONDS_MAX, MESSAGE_ATTRIBUTE_CHARS_MAX, MESSAGE_ATTRIBUTES_MAX, MESSAGE_BYTES_MAX, TOKEN_CHARS_MAX,
};
use super::line::{Outgoing, Sent};
use super::queue::Queue;
use super::settings::Settings;

/// A message that somebody wants to send.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// The body.
    pub body: String,
    /// `DelaySeconds`.
    pub delay_seconds: Option<i64>,
    /// The attributes by their names.
    pub attributes: BTreeMap<String, MessageAttribute>,
    /// X-Ray's trace header.
    pub trace: Option<String>,
    /// `MessageDeduplicationId`.
    pub deduplication: Option<String>,
    /// `MessageGroupId`.
    pub group: Option<String>,
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub(crate) async fn send_message(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: SendMessageRequest,
) -> Result<SendMessageResult, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "SendMessage")?;
    let draft = Draft {
        body: input.message_body,
        delay_seconds: input.delay_seconds.map(i64::from),
        attributes: attributes(input.message_attributes)?,
        trace: trace(input.message_system_attributes)?,
        deduplication: input.message_deduplication_id,
        group: input.message_group_id,
    };
    let message = queues.outgoing(&queue, sender(caller), draft)?;
    let content = message.content.clone();
    let sent = queues.send(&queue, vec![message]).await?;
    let sent = sent.first().copied().ok_or_else(super::errors::no_queue)?;
    measure(&queue, &content);
    let of_message = digests(&content);
    Ok(SendMessageResult {
        md5_of_message_body: Some(of_message.body),
        md5_of_message_attributes: of_message.attributes,
        md5_of_message_system_attributes: of_message.system,
        message_id: Some(sent.id.to_string()),
        sequence_number: queue.is_fifo.then(|| sequence_number(sent.seq)),
    })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>
pub(crate) async fn send_message_batch(
    queues: &Arc<Queues>,
    caller: &Caller,
    input: SendMessageBatchRequest,
) -> Result<SendMessageBatchResult, ServiceError> {
    let queue = queues.find(caller, &input.queue_url, "SendMessage")?;
    batches::check(input.entries.iter().map(|entry| entry.id.as_str()))?;
    let (mut ids, mut messages) = (Vec::new(), Vec::new());
    let mut output = SendMessageBatchResult::default();
    let mut bytes = 0;
    for entry in input.entries {
        let of_entry = || {
            let attributes = attributes(entry.message_attributes)?;
            bytes += message_bytes(&entry.message_body, &attributes);
            let draft = Draft {
                body: entry.message_body,
                delay_seconds: entry.delay_seconds.map(i64::from),
                attributes,
                trace: trace(entry.message_system_attributes)?,
                deduplication: entry.message_deduplication_id,
                group: entry.message_group_id,
            };
            queues.outgoing(&queue, sender(caller), draft)
        };
        match of_entry() {
            Ok(message) => {
                ids.push(entry.id);
                messages.push(message);
            }
            Err(error) => output.failed.push(failed(entry.id, &error)),
        }
    }
    if bytes > MESSAGE_BYTES_MAX {
        let text =
            format!("Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {bytes} bytes.");
        return Err(errors::batch_request_too_long(text));
    }
    let contents: Vec<Arc<Content>> = messages.iter().map(|message| message.content.clone()).collect();
    if messages.is_empty() {
        return Ok(output);
    }
    let sent = queues.send(&queue, messages).await?;
    for ((id, content), Sent { id: message_id, seq }) in ids.into_iter().zip(contents).zip(sent) {
        measure(&queue, &content);
        let of_message = digests(&content);
        output.successful.push(SendMessageBatchResultEntry {
            id,
            message_id: message_id.to_string(),
            md5_of_message_body: of_message.body,
            md5_of_message_attributes: of_message.attributes,
            md5_of_message_system_attributes: of_message.system,
            sequence_number: queue.is_fifo.then(|| sequence_number(seq)),
        });
    }
    Ok(output)
}

impl Queues {
    /// The message, ready to be sent, if it keeps all rules.
    ///
    /// # Errors
    /// Those of SendMessage.
    pub(crate) fn outgoing(&self, queue: &Queue, sender: String, draft: Draft) -> Result<Outgoing, ServiceError> {
        let settings = queue.settings();
        check(&settings, &draft)?;
        let now = self.clock.now().0;
        let delay_seconds = draft.delay_seconds.filter(|_| !queue.is_fifo).unwrap_or(settings.delay_seconds);
        let hashed = || hex::encode(Sha256::digest(&draft.body));
        let deduplication = draft.deduplication.or_else(|| settings.content_based.then(hashed));
        let content = Content {
            id: uuid(self.random.as_ref()),
            sender,
            body: draft.body,
            attributes: draft.attributes,
            group: draft.group.map(Arc::from),
            deduplication,
            source: None,
            trace: draft.trace,
        };
        let delayed = if delay_seconds > 0 { now + delay_seconds * 1000 } else { 0 };
        Ok(Outgoing { content: Arc::new(content), sent: now, delayed, earlier: 0, first_received: 0 })
    }
}

/// The number of a FIFO queue's message as it is told: twenty digits, ascending.
pub(crate) fn sequence_number(seq: u64) -> String {
    (10_000_000_000_000_000_000_u64.saturating_add(seq)).to_string()
}

/// Who calls, as `SenderId` has it.
pub(crate) fn sender(caller: &Caller) -> String {
    match &caller.principal {
        Principal::Root => caller.account.to_string(),
        Principal::User { id, .. } => id.clone(),
        Principal::AssumedRole { role_id, session, .. } => format!("{role_id}:{session}"),
        Principal::Service(name) => (*name).to_owned(),
        Principal::Anonymous => caller.source_address.to_string(),
    }
}

/// Whether the text can be a deduplication id, a message group's id or an attempt's.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=TOKEN_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(crate) fn measure(queue: &Queue, content: &Content) {
    queue.measures.sent.add(1.0);
    queue.measures.sent_bytes.add(content.bytes() as f64);
}

fn check(settings: &Settings, draft: &Draft) -> Result<(), ServiceError> {
    if draft.body.is_empty() {
        return Err(missing("MessageBody"));
    }
    if !draft.body.chars().all(is_allowed) {
        let text = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
        return Err(errors::invalid_message_contents(text));
    }
    if message_bytes(&draft.body, &draft.attributes) > settings.message_bytes_max {
        let max = settings.message_bytes_max;
        return Err(invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {max} bytes."
        )));
    }
    if let Some(delay) = draft.delay_seconds
        && !(0..=DELAY_SECONDS_MAX).contains(&delay)
    {
        return Err(invalid_value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."));
    }
    for (name, value) in [("MessageDeduplicationId", &draft.deduplication), ("MessageGroupId", &draft.group)] {
        if let Some(value) = value
            && !is_token(value)
        {
            let text = format!(
                "{name} can only include alphanumeric and punctuation characters. 1 to {TOKEN_CHARS_MAX} in length."
            );
            return Err(invalid_value(value.chars().take(TOKEN_CHARS_MAX).collect::<String>(), name, &text));
        }
    }
    let not_of_type = "The request includes a parameter that is not valid for this queue type.";
    if !settings.is_fifo {
        return match &draft.deduplication {
            Some(id) => Err(invalid_value(id, "MessageDeduplicationId", not_of_type)),
            None => Ok(()),
        };
    }
    if draft.group.is_none() {
        return Err(missing("MessageGroupId"));
    }
    if let Some(delay) = draft.delay_seconds.filter(|delay| *delay > 0) {
        return Err(invalid_value(delay, "DelaySeconds", not_of_type));
    }
    if draft.deduplication.is_none() && !settings.content_based {
        let text = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
        return Err(invalid(text));
    }
    Ok(())
}

/// Whether a message may hold this character ("Amazon SQS message quotas").
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn attributes(
    given: Option<BTreeMap<String, MessageAttributeValue>>,
) -> Result<BTreeMap<String, MessageAttribute>, ServiceError> {
    let given = given.unwrap_or_default();
    if given.len() > MESSAGE_ATTRIBUTES_MAX {
        let count = given.len();
        let text =
            format!("Number of message attributes [{count}] exceeds the allowed maximum [{MESSAGE_ATTRIBUTES_MAX}].");
        return Err(invalid(text));
    }
    given
        .into_iter()
        .map(|(name, value)| {
            let attribute = attribute(&name, value.data_type, value.string_value, value.binary_value)?;
            Ok((name, attribute))
        })
        .collect()
}

/// The attribute of a message, if it keeps its rules ("Amazon SQS message metadata").
///
/// # Errors
/// `InvalidParameterValue`.
pub(crate) fn attribute(
    name: &str,
    data_type: String,
    string: Option<String>,
    binary: Option<Vec<u8>>,
) -> Result<MessageAttribute, ServiceError> {
    let refuse = |text: &str| Err(invalid(format!("The message attribute '{name}' {text}")));
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.len() > MESSAGE_ATTRIBUTE_CHARS_MAX || !name.chars().all(plain) {
        return refuse(
            "has an invalid name: it can contain 1 to 256 of A-Z, a-z, 0-9, underscore(_), hyphen(-), and period (.).",
        );
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return refuse("has an invalid name: it must not begin or end with a period, nor have successive periods.");
    }
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return refuse("has an invalid name: it must not begin with AWS. or Amazon.");
    }
    if data_type.is_empty() {
        return refuse("must contain non-empty message attribute type.");
    }
    if data_type.chars().count() > MESSAGE_ATTRIBUTE_CHARS_MAX {
        return refuse("has a type that is longer than 256 characters.");
    }
    let empty = || format!("must contain non-empty message attribute value for message attribute type '{data_type}'.");
    let value = match (data_type.split('.').next().unwrap_or_default(), string, binary) {
        ("String", Some(text), None) if !text.is_empty() => {
            if !text.chars().all(is_allowed) {
                return refuse("has characters in its value that no message may hold.");
            }
            StringOrBinary::String(text)
        }
        ("Number", Some(text), None) if !text.is_empty() => {
            if !is_number(&text) {
                return Err(invalid(format!("Can't cast the value of message (user) attribute '{name}' to a number.")));
            }
            StringOrBinary::String(text)
        }
        ("Binary", None, Some(bytes)) if !bytes.is_empty() => StringOrBinary::Binary(bytes),
        ("String" | "Number" | "Binary", ..) => return refuse(&empty()),
        _ => {
            return refuse(
                "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
            );
        }
    };
    Ok(MessageAttribute { data_type, value })
}

fn is_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok_and(f64::is_finite)
}

fn trace(given: Option<BTreeMap<String, MessageSystemAttributeValue>>) -> Result<Option<String>, ServiceError> {
    let mut trace = None;
    for (name, value) in given.unwrap_or_default() {
        if name != "AWSTraceHeader" {
            return Err(invalid(format!("Message system attribute name '{name}' is invalid.")));
        }
        match (value.data_type.as_str(), value.string_value) {
            ("String", Some(text)) if !text.is_empty() => trace = Some(text),
            _ => {
                let text =
                    "The message system attribute 'AWSTraceHeader' must be a non-empty value of the type String.";
                return Err(invalid(text));
            }
        }
    }
    Ok(trace)
}

struct Digests {
    body: String,
    attributes: Option<String>,
    system: Option<String>,
}

fn digests(content: &Content) -> Digests {
    let trace = content.trace.clone().map(|text| {
        let attribute = MessageAttribute { data_type: "String".to_owned(), value: StringOrBinary::String(text) };
        ("AWSTraceHeader".to_owned(), attribute)
    });
    Digests {
        body: digest::of_body(&content.body),
        attributes: digest::of_attributes(&content.attributes),
        system: digest::of_attributes(trace.iter().map(|(name, attribute)| (name, attribute))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_keep_their_rules() {
        let text = |name: &str, data_type: &str, value: &str| {
            attribute(name, data_type.into(), Some(value.into()), None).map_err(|error| error.message)
        };
        for (name, data_type, value) in
            [("a", "String", "x"), ("a.b-c_d", "String.mine", "x"), ("n", "Number", "-1.5e3"), ("n", "Number.int", "7")]
        {
            assert!(text(name, data_type, value).is_ok(), "{name} {data_type} {value}");
        }
        assert!(attribute("b", "Binary".into(), None, Some(vec![0])).is_ok());
        for (name, data_type, value) in [
            ("", "String", "x"),
            ("a b", "String", "x"),
            (".a", "String", "x"),
            ("a..b", "String", "x"),
            ("AWS.a", "String", "x"),
            ("amazon.a", "String", "x"),
            ("a", "", "x"),
            ("a", "Strange", "x"),
            ("a", "String", ""),
            ("a", "String", "\u{1}"),
            ("a", "Number", "one"),
            ("a", "Number", "inf"),
            ("a", "Binary", "x"),
        ] {
            assert!(text(name, data_type, value).is_err(), "{name} {data_type} {value}");
        }
    }

    #[test]
    fn sequence_numbers_have_twenty_digits_and_ascend() {
        let numbers = [0, 1, 1 << 20, 1 << 60].map(sequence_number);
        assert!(numbers.iter().all(|number| number.len() == 20) && numbers.is_sorted());
    }
}
