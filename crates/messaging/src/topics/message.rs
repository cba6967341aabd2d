//! A message as it is kept on its way, and as subscribers get it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Something that was published.
    #[default]
    Notification,
    /// The question whether an endpoint wants to be subscribed.
    SubscriptionConfirmation,
    /// The news that it is not any more.
    UnsubscribeConfirmation,
}

impl Kind {
    /// As messages and headers have it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Notification => "Notification",
            Kind::SubscriptionConfirmation => "SubscriptionConfirmation",
            Kind::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// An attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attribute {
    /// `String`, `Number`, `Binary` or `String.Array`, and what may follow a dot.
    #[serde(rename = "t")]
    pub data_type: String,
    /// The text; of binary attributes in base64.
    #[serde(rename = "v")]
    pub value: String,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// What it is.
    #[serde(default)]
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The ARN of its topic.
    pub topic_arn: String,
    /// When it was published, in milliseconds since the epoch.
    pub time_ms: i64,
    /// The subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text, for every protocol that has none of its own.
    pub text: String,
    /// The texts of protocols that have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, String>,
    /// The attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// The message group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// The deduplication id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication_id: Option<String>,
    /// The token that a confirmation is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl Message {
    /// The text for a protocol.
    pub(crate) fn text_for(&self, protocol: &str) -> &str {
        self.texts.get(protocol).unwrap_or(&self.text)
    }

    /// When it was published, as messages have it.
    pub(crate) fn timestamp(&self) -> String {
        let time = Timestamp::from_millisecond(self.time_ms).unwrap_or_default();
        time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }

    /// The attributes as envelopes have them.
    pub(crate) fn attributes_json(&self) -> Value {
        let one = |(name, attribute): (&String, &Attribute)| {
            (name.clone(), json!({"Type": attribute.data_type, "Value": attribute.value}))
        };
        Value::Object(self.attributes.iter().map(one).collect())
    }
}

/// The number of a message in its FIFO topic, by its place in the table: 20 digits, growing.
pub(crate) fn sequence_number(seq: u64) -> String {
    (10_000_000_000_000_000_000_u64).saturating_add(seq).to_string()
}

/// What is signed of an envelope: its members in the order of their names, each name and value on a line of its own ("Verifying the
/// signatures of Amazon SNS messages").
pub(crate) fn to_be_signed(envelope: &Map<String, Value>) -> String {
    let names: &[&str] = match envelope.get("Type").and_then(Value::as_str) {
        Some("Notification") => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        _ => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let mut text = String::new();
    for name in names {
        if let Some(value) = envelope.get(*name).and_then(Value::as_str) {
            text.extend([name, "\n", value, "\n"]);
        }
    }
    text
}

/// An envelope as text: a member a line, as stock receivers see it in their logs.
pub(crate) fn spelled(envelope: &Map<String, Value>) -> String {
    let member = |(name, value): (&String, &Value)| match value {
        Value::Object(entries) if !entries.is_empty() => {
            let entries: Vec<_> =
                entries.iter().map(|(name, value)| format!("    {} : {value}", json!(name))).collect();
            format!("  {} : {{\n{}\n  }}", json!(name), entries.join(",\n"))
        }
        value => format!("  {} : {value}", json!(name)),
    };
    let members: Vec<_> = envelope.iter().map(member).collect();
    format!("{{\n{}\n}}", members.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_signed_is_in_order() {
        let notification =
            envelope(json!({"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": "a\nb",
            "Timestamp": "T", "SignatureVersion": "1"}));
        assert_eq!(
            to_be_signed(&notification),
            "Message\na\nb\nMessageId\nm\nTimestamp\nT\nTopicArn\narn\nType\nNotification\n"
        );
        let confirmation =
            envelope(json!({"Type": "SubscriptionConfirmation", "MessageId": "m", "Token": "t", "TopicArn": "arn",
            "Message": "text", "SubscribeURL": "u", "Timestamp": "T", "Subject": "not signed"}));
        assert_eq!(
            to_be_signed(&confirmation),
            "Message\ntext\nMessageId\nm\nSubscribeURL\nu\nTimestamp\nT\nToken\nt\nTopicArn\narn\nType\nSubscriptionConfirmation\n"
        );
    }

    #[test]
    fn an_envelope_has_a_member_a_line() {
        let text = spelled(&envelope(
            json!({"Type": "Notification", "Message": "a \"b\"", "MessageAttributes": {"k": {"Type": "String", "Value": "v"}}}),
        ));
        assert_eq!(
            text,
            "{\n  \"Type\" : \"Notification\",\n  \"Message\" : \"a \\\"b\\\"\",\n  \"MessageAttributes\" : {\n    \"k\" : {\"Type\":\"String\",\"Value\":\"v\"}\n  }\n}"
        );
    }

    #[test]
    fn a_kept_message_is_the_same_when_it_is_read() {
        let message =
            Message { id: "m".into(), time_ms: 1_335_920_066_655, subject: Some("s".into()), ..Message::default() };
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
        assert_eq!(message.timestamp(), "2012-05-02T00:54:26.655Z");
        assert_eq!(sequence_number(5 << 20), "10000000000005242880");
    }
}
