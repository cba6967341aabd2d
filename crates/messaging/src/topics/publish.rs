//! Publish and PublishBatch: from an input to a message that is written down and on its way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use watchkeep_core::ports::DataKeyError;
use watchkeep_core::{Caller, uuid};
use watchkeep_delivery::outbox::{Announced, hour, number_bytes};
use watchkeep_model::ServiceError;
use watchkeep_model::sns::{
    BatchResultErrorEntry, MessageAttributeValue, PublishBatchInput, PublishBatchRequestEntry, PublishBatchResponse,
    PublishBatchResultEntry, PublishInput, PublishResponse, errors as model,
};
use watchkeep_store::{EncryptionKey, ResourceKey, Rows};

use super::Topics;
use super::core::Body;
use super::directory::{LiveTopic, Passing};
use super::encryption::in_clear;
use super::errors::{finish, invalid, invalid_because, invalid_value, no_topic, of_data_key, store, throttled};
use super::keys::Keyed;
use super::limits::{
    BATCH_ID_CHARS_MAX, BATCH_MAX, DEDUPLICATION_MS, FIFO_ID_CHARS_MAX, KEY_MS, MESSAGE_BYTES_MAX, SUBJECT_CHARS_MAX,
};
use super::message::{Attribute, Message, sequence_number};
use super::names::own_topic_key;
use super::recover::group_of;
use super::resources::{DeduplicationScope, TopicKind};
use super::tables::{SEQ_ROW_BITS, TOPIC_MESSAGES};
use crate::guard::who;

/// What the keys begin with that publishers give themselves; others are deduplication ids.
pub(crate) const KEY_OF_PUBLISHER: &str = "key:";

/// A message that is about to be written down, without id and time.
pub(crate) struct Draft {
    /// The message.
    pub message: Message,
    /// What tells it from others, if anything does, with its prefix.
    pub key: Option<String>,
    /// Its bytes, as they count.
    pub bytes: usize,
}

/// Who gets a draft.
pub(crate) enum Recipients {
    /// The confirmed subscriptions of its topic whose filters it passes.
    Subscribers,
    /// One subscription.
    One(u64),
}

/// A message that is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// Its id.
    pub message_id: String,
    /// Its place in the table, if it has one.
    pub seq: Option<u64>,
}

/// Publishes a message.
pub(crate) async fn publish(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: PublishInput,
) -> Result<PublishResponse, ServiceError> {
    if input.phone_number.is_some() {
        return Err(invalid_because("PhoneNumber", "this server sends no text messages"));
    }
    let arn = match (&input.topic_arn, &input.target_arn) {
        (Some(_), Some(_)) => return Err(invalid_because("TopicArn or TargetArn", "both are given")),
        (Some(arn), None) => own_topic_key(caller, arn, "TopicArn")?,
        (None, Some(arn)) => own_topic_key(caller, arn, "TargetArn")?,
        (None, None) => return Err(invalid_because("TopicArn or TargetArn", "no value for required parameter")),
    };
    let entry = PublishBatchRequestEntry {
        id: String::new(),
        message: input.message,
        subject: input.subject,
        message_structure: input.message_structure,
        message_attributes: input.message_attributes,
        message_deduplication_id: input.message_deduplication_id,
        message_group_id: input.message_group_id,
    };
    let topic = topics.topic_for(caller, &arn, "SNS:Publish")?;
    let mut draft = draft(&topic, entry)?;
    if draft.bytes > MESSAGE_BYTES_MAX {
        return Err(invalid("Message too long"));
    }
    let found = topics.protect(&topic, &who(caller), &mut draft)?;
    let published = topics.write_down(arn, vec![draft], Recipients::Subscribers).await?;
    let published = published.into_iter().next().ok_or_else(no_topic)?;
    topics.report(&topic, found, &published).await;
    Ok(PublishResponse { sequence_number: numbered(&topic, &published), message_id: Some(published.message_id) })
}

/// Publishes up to ten messages, each for itself; those that are good are written down together.
pub(crate) async fn publish_batch(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: PublishBatchInput,
) -> Result<PublishBatchResponse, ServiceError> {
    let key = own_topic_key(caller, &input.topic_arn, "TopicArn")?;
    let topic = topics.topic_for(caller, &key, "SNS:Publish")?;
    let entries = input.publish_batch_request_entries;
    check_batch(&entries)?;
    let (mut drafts, mut ids, mut failed, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let mut found = Vec::new();
    for entry in entries {
        let id = entry.id.clone();
        let protected = draft(&topic, entry).and_then(|mut draft| {
            let found = topics.protect(&topic, &who(caller), &mut draft)?;
            Ok((draft, found))
        });
        match protected {
            Ok((draft, of_draft)) => {
                bytes += draft.bytes;
                drafts.push(draft);
                ids.push(id);
                found.push(of_draft);
            }
            Err(error) => failed.push(BatchResultErrorEntry {
                id,
                code: error.query_code.to_string(),
                message: Some(error.message),
                sender_fault: error.sender,
            }),
        }
    }
    if bytes > MESSAGE_BYTES_MAX {
        let message = "The length of all the messages put together is more than the limit.";
        return Err(model::batch_request_too_long_exception(message));
    }
    let published = topics.write_down(key, drafts, Recipients::Subscribers).await?;
    for (found, published) in found.into_iter().zip(&published) {
        topics.report(&topic, found, published).await;
    }
    let entry = |(id, published): (String, Published)| PublishBatchResultEntry {
        id: Some(id),
        sequence_number: numbered(&topic, &published),
        message_id: Some(published.message_id),
    };
    let successful = ids.into_iter().zip(published).map(entry).collect();
    Ok(PublishBatchResponse { successful: Some(successful), failed: Some(failed) })
}

fn numbered(topic: &LiveTopic, published: &Published) -> Option<String> {
    published.seq.filter(|_| topic.topic.kind == TopicKind::Fifo).map(sequence_number)
}

fn check_batch(entries: &[PublishBatchRequestEntry]) -> Result<(), ServiceError> {
    if entries.is_empty() {
        return Err(model::empty_batch_request_exception("The batch request doesn't contain any entries."));
    }
    if entries.len() > BATCH_MAX {
        let message = "The batch request contains more entries than permissible.";
        return Err(model::too_many_entries_in_batch_request_exception(message));
    }
    let mut ids = HashSet::new();
    for entry in entries {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if entry.id.is_empty() || entry.id.len() > BATCH_ID_CHARS_MAX || !entry.id.bytes().all(is_plain) {
            let message = "The Id of a batch entry in a batch request doesn't abide by the specification.";
            return Err(model::invalid_batch_entry_id_exception(message));
        }
        if !ids.insert(entry.id.as_str()) {
            let message = "Two or more batch entries in the request have the same Id.";
            return Err(model::batch_entry_ids_not_distinct_exception(message));
        }
    }
    Ok(())
}

/// Checks an entry and makes a message of it.
pub(crate) fn draft(topic: &LiveTopic, entry: PublishBatchRequestEntry) -> Result<Draft, ServiceError> {
    if entry.message.is_empty() {
        return Err(invalid("Empty message"));
    }
    if let Some(subject) = &entry.subject {
        check_subject(subject)?;
    }
    let attributes = attributes(entry.message_attributes.unwrap_or_default())?;
    let bytes = entry.message.len()
        + entry.subject.as_ref().map_or(0, String::len)
        + attributes.iter().map(|(name, attribute)| attribute_bytes(name, attribute)).sum::<usize>();
    let group_id = entry.message_group_id.map(|id| fifo_id("MessageGroupId", id)).transpose()?;
    let said = entry.message_deduplication_id.map(|id| fifo_id("MessageDeduplicationId", id)).transpose()?;
    let (key, deduplication_id) = match topic.topic.kind {
        TopicKind::Standard if said.is_some() => {
            let reason = "The request includes MessageDeduplicationId parameter that is not valid for this topic type";
            return Err(invalid_because("MessageDeduplicationId", reason));
        }
        TopicKind::Standard => (None, None),
        TopicKind::Fifo => {
            let group_id = group_id.as_deref();
            let group = group_id.ok_or_else(|| invalid("The MessageGroupId parameter is required for FIFO topics"))?;
            let of_content = || hex::encode(Sha256::digest(&entry.message));
            let id = said.or_else(|| topic.topic.deduplicates_by_content().then(of_content));
            let id = id.ok_or_else(|| {
                invalid("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
            })?;
            (Some(deduplication_key(topic.topic.deduplication_scope(), group, &id)), Some(id))
        }
    };
    let (text, texts) = texts(entry.message, entry.message_structure.as_deref())?;
    let message = Message {
        topic_arn: topic.arn.clone(),
        subject: entry.subject,
        text,
        texts,
        attributes,
        group_id,
        deduplication_id,
        ..Message::default()
    };
    Ok(Draft { message, key, bytes })
}

fn deduplication_key(scope: DeduplicationScope, group: &str, id: &str) -> String {
    match scope {
        DeduplicationScope::Topic => format!("id:{id}"),
        // Neither has a blank.
        DeduplicationScope::MessageGroup => format!("id:{group} {id}"),
    }
}

fn check_subject(subject: &str) -> Result<(), ServiceError> {
    let is_short = (1..SUBJECT_CHARS_MAX + 1).contains(&subject.chars().count());
    if is_short && !subject.chars().any(char::is_control) { Ok(()) } else { Err(invalid("Subject")) }
}

fn fifo_id(parameter: &str, id: String) -> Result<String, ServiceError> {
    let is_plain = |byte: u8| byte.is_ascii_graphic();
    match (1..=FIFO_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(is_plain) {
        true => Ok(id),
        false => {
            let reason =
                format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length");
            Err(invalid_because(parameter, reason))
        }
    }
}

/// The text for every protocol, and those of protocols that have one of their own.
fn texts(message: String, structure: Option<&str>) -> Result<(String, BTreeMap<String, String>), ServiceError> {
    match structure {
        None | Some("") => Ok((message, BTreeMap::new())),
        Some("json") => {
            let parsed = serde_json::from_str::<BTreeMap<String, Value>>(&message);
            let mut texts: BTreeMap<String, String> = parsed
                .map_err(|_| invalid("Message Structure - JSON message body failed to parse"))?
                .into_iter()
                .filter_map(|(protocol, value)| match value {
                    Value::String(text) => Some((protocol, text)),
                    _ => None,
                })
                .collect();
            let default = texts.remove("default").filter(|text| !text.is_empty());
            let default =
                default.ok_or_else(|| invalid("Message Structure - No default entry in JSON message body"))?;
            Ok((default, texts))
        }
        Some(_) => Err(invalid_because("MessageStructure", "it is neither absent nor json")),
    }
}

fn attributes(values: BTreeMap<String, MessageAttributeValue>) -> Result<BTreeMap<String, Attribute>, ServiceError> {
    let checked = values.into_iter().map(|(name, value)| {
        let attribute = attribute(&name, value)?;
        Ok((name, attribute))
    });
    checked.collect()
}

fn attribute(name: &str, value: MessageAttributeValue) -> Result<Attribute, ServiceError> {
    check_attribute_name(name)?;
    let data_type = value.data_type;
    if data_type.is_empty() {
        return Err(invalid_value(format!(
            "The message attribute '{name}' must contain non-empty message attribute type."
        )));
    }
    let base = data_type.split('.').next().unwrap_or_default();
    let text = value.string_value.filter(|text| !text.is_empty());
    let value = match base {
        "Binary" => value.binary_value.filter(|bytes| !bytes.is_empty()).map(|bytes| STANDARD.encode(bytes)),
        "String" | "Number" => text,
        _ => {
            return Err(invalid_value(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            )));
        }
    };
    let value = value.ok_or_else(|| {
        invalid_value(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{data_type}'."
        ))
    })?;
    if base == "Number" && !value.trim().parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(invalid_value(format!("Could not cast message attribute '{name}' value to number.")));
    }
    Ok(Attribute { data_type, value })
}

fn check_attribute_name(name: &str) -> Result<(), ServiceError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_dotted = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let lower = name.to_ascii_lowercase();
    let is_reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    match (1..=256).contains(&name.len()) && name.bytes().all(is_plain) && !is_dotted && !is_reserved {
        true => Ok(()),
        false => Err(invalid_value(format!("The message attribute name '{name}' is not valid."))),
    }
}

fn attribute_bytes(name: &str, attribute: &Attribute) -> usize {
    let is_binary = attribute.data_type.starts_with("Binary");
    let value = if is_binary { attribute.value.len() / 4 * 3 } else { attribute.value.len() };
    name.len() + attribute.data_type.len() + value
}

impl Topics {
    /// Writes messages of one topic down in one append, and hands them to the outbox. Those whose key is known already are not
    /// written again: they are those that have it.
    ///
    /// # Errors
    ///
    /// Nothing was published.
    pub(crate) async fn write_down(
        self: &Arc<Self>,
        topic: ResourceKey,
        drafts: Vec<Draft>,
        recipients: Recipients,
    ) -> Result<Vec<Published>, ServiceError> {
        let topics = self.clone();
        finish(async move { topics.write_all(&topic, drafts, &recipients).await }).await
    }

    async fn write_all(
        &self,
        topic: &ResourceKey,
        drafts: Vec<Draft>,
        recipients: &Recipients,
    ) -> Result<Vec<Published>, ServiceError> {
        let live = self.core.directory.topic(topic).ok_or_else(no_topic)?;
        let number = live.topic.number;
        // A question whether an endpoint wants to be subscribed is nothing that anybody published.
        let data_key = match recipients {
            Recipients::Subscribers => self.core.key_for_new(&live).await?,
            Recipients::One(_) => None,
        };
        // Who publishes with a key waits for who does at the same time; a FIFO topic's messages are handed on as they are written.
        let is_keyed = drafts.iter().any(|draft| draft.key.is_some());
        let _turn = match is_keyed {
            true => Some(self.turns.of(number).lock_owned().await),
            false => None,
        };
        let now_ms = self.core.clock.now().0.max(self.core.kept.first_ms());
        if is_keyed && !self.core.keys.has_room(now_ms) {
            return Err(throttled("too many deduplication ids are known"));
        }
        let counters = self.core.counters.of(topic);
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(drafts.len());
        let mut writing: Vec<Writing> = Vec::new();
        let mut within: HashMap<String, usize> = HashMap::new();
        let mut rows = Rows::new(&TOPIC_MESSAGES);
        let mut published_bytes = Vec::new();
        for Draft { message, key, bytes } in drafts {
            if let Some(key) = &key {
                if let Some(keyed) = self.core.keys.find(number, key, now_ms) {
                    outcomes.push(Outcome::Known(keyed));
                    continue;
                }
                if let Some(row) = within.get(key) {
                    outcomes.push(Outcome::Row(*row));
                    continue;
                }
            }
            let message = Message { id: uuid(self.random.as_ref()).to_string(), time_ms: now_ms, ..message };
            let targets = match recipients {
                Recipients::One(subscription) => vec![*subscription],
                Recipients::Subscribers => {
                    published_bytes.push(bytes as f64);
                    self.targets(&live, &message, &counters)
                }
            };
            if targets.is_empty() && key.is_none() {
                // Nobody gets it, and nothing will ask for it.
                outcomes.push(Outcome::Nobody(message.id));
                continue;
            }
            let announced = self.outbox.announce(now_ms, targets.len()).map_err(throttled)?;
            let text = json(&message)?;
            let sealed = match &data_key {
                None => None,
                Some(key) => Some((key.id(), self.sealed(key, &message, &text)?)),
            };
            rows.u64(hour(now_ms));
            rows.i64(now_ms);
            rows.u64(number);
            rows.text_or_null(key.as_deref());
            rows.bytes(&number_bytes(&targets));
            rows.text(&message.id);
            match &sealed {
                None => rows.text(&text),
                Some(_) => rows.text(&json(&in_clear(&message))?),
            }
            rows.u64_or_null(sealed.as_ref().map(|(key, _)| *key));
            rows.bytes_or_null(sealed.as_ref().map(|(_, cell)| cell.as_slice()));
            rows.end_row();
            outcomes.push(Outcome::Row(writing.len()));
            if let Some(key) = &key {
                within.insert(key.clone(), writing.len());
            }
            writing.push(Writing { message: Arc::new(message), key, targets, announced, text_bytes: text.len() });
        }
        let lsn = self.core.store.append(rows).await.map_err(store)?;
        for bytes in published_bytes {
            counters.published.add(1.0);
            counters.publish_bytes.add(bytes);
        }
        let mut written = Vec::with_capacity(writing.len());
        for (row, Writing { message, key, targets, announced, text_bytes }) in (0_u64..).zip(writing) {
            let seq = (lsn.0 << SEQ_ROW_BITS) | row;
            let keyed = Keyed { message_id: message.id.clone(), seq };
            if let Some(key) = key {
                let known_ms = if key.starts_with(KEY_OF_PUBLISHER) { KEY_MS } else { DEDUPLICATION_MS };
                self.core.keys.add(number, key, keyed.clone(), now_ms.saturating_add(known_ms));
            }
            let group = group_of(&message);
            let key = data_key.as_ref().map(|key| key.id());
            self.core.bodies.add(seq, Body { message, key }, text_bytes);
            announced.send(seq, group, &targets);
            written.push(keyed);
        }
        let published = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Known(keyed) => Some(Published { message_id: keyed.message_id, seq: Some(keyed.seq) }),
            Outcome::Nobody(message_id) => Some(Published { message_id, seq: None }),
            Outcome::Row(row) => {
                let keyed = written.get(row)?;
                Some(Published { message_id: keyed.message_id.clone(), seq: Some(keyed.seq) })
            }
        });
        Ok(published.collect())
    }

    /// The message under a data key.
    fn sealed(&self, key: &EncryptionKey, message: &Message, text: &str) -> Result<Vec<u8>, ServiceError> {
        let cell = key.seal(message.id.as_bytes(), text.as_bytes(), self.random.as_ref());
        cell.ok_or_else(|| of_data_key(&DataKeyError::Unavailable("the message could not be encrypted".to_owned())))
    }

    fn targets(&self, live: &LiveTopic, message: &Message, counters: &super::counters::TopicCounters) -> Vec<u64> {
        let mut targets = Vec::new();
        for subscription in live.subscriptions.iter().filter(|subscription| subscription.is_confirmed()) {
            match subscription.passes(message) {
                Passing::Passes => targets.push(subscription.resource.number),
                filtered => counters.filtered_out(filtered),
            }
        }
        targets
    }
}

fn json(message: &Message) -> Result<String, ServiceError> {
    serde_json::to_string(message).map_err(|error| invalid(error.to_string()))
}

/// What became of a draft.
enum Outcome {
    /// Another has its key.
    Known(Keyed),
    /// It is this row of the append.
    Row(usize),
    /// Nobody gets it.
    Nobody(String),
}

/// A message that is being written.
struct Writing<'a> {
    message: Arc<Message>,
    key: Option<String>,
    targets: Vec<u64>,
    announced: Announced<'a>,
    text_bytes: usize,
}
