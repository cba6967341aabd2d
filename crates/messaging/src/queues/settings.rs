//! A queue's attributes: their rules, and what they mean. Source: "SetQueueAttributes", "CreateQueue".

use std::collections::BTreeMap;

use serde_json::Value;
use watchkeep_core::Arn;
use watchkeep_lang::policy::{Policy, PolicyKind};
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::errors;

use super::encryption::Encryption;
use super::limits::{
    ALLOWED_SOURCES_MAX, DELAY_SECONDS_MAX, MESSAGE_BYTES_MAX, POLICY_BYTES_MAX, RETENTION_SECONDS_MAX,
    VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX,
};

/// What the attributes of a queue mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// `DelaySeconds`.
    pub delay_seconds: i64,
    /// `MaximumMessageSize`.
    pub message_bytes_max: usize,
    /// `MessageRetentionPeriod`.
    pub retention_seconds: i64,
    /// `ReceiveMessageWaitTimeSeconds`.
    pub wait_seconds: i64,
    /// `VisibilityTimeout`.
    pub visibility_seconds: i64,
    /// `RedrivePolicy`.
    pub redrive: Option<Redrive>,
    /// `RedriveAllowPolicy`.
    pub redrive_allow: RedriveAllow,
    /// `FifoQueue`.
    pub is_fifo: bool,
    /// `ContentBasedDeduplication`.
    pub content_based: bool,
    /// `DeduplicationScope`.
    pub scope: Scope,
    /// `KmsMasterKeyId`, `KmsDataKeyReusePeriodSeconds`, `SqsManagedSseEnabled`.
    pub encryption: Encryption,
}

/// Where messages go that are received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    /// The dead-letter queue.
    pub target: String,
    /// A message that was received so often is moved when it would be received again.
    pub receives_max: u32,
}

/// Whose dead-letter queue a queue may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedriveAllow {
    /// Anybody's in the same account and Region.
    All,
    /// Nobody's.
    None,
    /// Of the queues of these ARNs.
    Queues(Vec<String>),
}

/// Within what deduplication ids are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The queue.
    Queue,
    /// Each message group.
    MessageGroup,
}

/// One attribute that can be set.
struct Attribute {
    name: &'static str,
    /// What GetQueueAttributes tells when it was not set; nothing for those that are then not there.
    default: Option<&'static str>,
    kind: Kind,
}

enum Kind {
    /// A whole number.
    Number(i64, i64),
    /// `true` or `false`.
    Flag,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A JSON object; an empty text takes it away.
    Json,
    /// A policy; an empty text takes it away.
    Policy,
    /// Any text; an empty one takes it away.
    Text,
}

const ATTRIBUTES: &[Attribute] = &[
    Attribute { name: "DelaySeconds", default: Some("0"), kind: Kind::Number(0, DELAY_SECONDS_MAX) },
    Attribute {
        name: "MaximumMessageSize",
        default: Some("1048576"),
        kind: Kind::Number(1_024, MESSAGE_BYTES_MAX as i64),
    },
    Attribute {
        name: "MessageRetentionPeriod",
        default: Some("345600"),
        kind: Kind::Number(60, RETENTION_SECONDS_MAX),
    },
    Attribute { name: "Policy", default: None, kind: Kind::Policy },
    Attribute { name: "ReceiveMessageWaitTimeSeconds", default: Some("0"), kind: Kind::Number(0, WAIT_SECONDS_MAX) },
    Attribute { name: "VisibilityTimeout", default: Some("30"), kind: Kind::Number(0, VISIBILITY_SECONDS_MAX) },
    Attribute { name: "RedrivePolicy", default: None, kind: Kind::Json },
    Attribute { name: "RedriveAllowPolicy", default: None, kind: Kind::Json },
    Attribute { name: KMS_KEY, default: None, kind: Kind::Text },
    Attribute { name: KMS_REUSE, default: None, kind: Kind::Number(60, 86_400) },
    // AWS's default is true. Here it would be a lie: messages are not encrypted unless somebody wants them to be.
    Attribute { name: MANAGED_SSE, default: Some("false"), kind: Kind::Flag },
    Attribute { name: FIFO, default: None, kind: Kind::OneOf(&["true"]) },
    Attribute { name: CONTENT_BASED, default: None, kind: Kind::Flag },
    Attribute { name: SCOPE, default: None, kind: Kind::OneOf(&["messageGroup", "queue"]) },
    Attribute { name: THROUGHPUT, default: None, kind: Kind::OneOf(&["perQueue", "perMessageGroupId"]) },
];

const KMS_KEY: &str = "KmsMasterKeyId";
const KMS_REUSE: &str = "KmsDataKeyReusePeriodSeconds";
const MANAGED_SSE: &str = "SqsManagedSseEnabled";
const FIFO: &str = "FifoQueue";
const CONTENT_BASED: &str = "ContentBasedDeduplication";
const SCOPE: &str = "DeduplicationScope";
const THROUGHPUT: &str = "FifoThroughputLimit";

/// What the attributes of FIFO queues are when they were not set.
const FIFO_DEFAULTS: &[(&str, &str)] = &[(CONTENT_BASED, "false"), (SCOPE, "queue"), (THROUGHPUT, "perQueue")];

/// The attributes that are told and cannot be set.
pub(crate) const TOLD: &[&str] = &[
    "QueueArn",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
];

/// Whether there is an attribute of this name.
pub(crate) fn is_known(name: &str) -> bool {
    TOLD.contains(&name) || ATTRIBUTES.iter().any(|attribute| attribute.name == name)
}

/// The attributes after these changes. `is_new` says whether the queue is being created.
///
/// # Errors
/// `InvalidAttributeName` and `InvalidAttributeValue`.
pub(crate) fn changed(
    before: &BTreeMap<String, String>,
    changes: &[(String, String)],
    queue: Existence,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut after = before.clone();
    let wants = |name: &str, holds: fn(&str) -> bool| changes.iter().any(|(own, value)| own == name && holds(value));
    if wants(KMS_KEY, |key| !key.is_empty()) && wants(MANAGED_SSE, |value| value == "true") {
        return Err(errors::invalid_attribute_value(
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        ));
    }
    for (name, value) in changes {
        let attribute = ATTRIBUTES.iter().find(|attribute| attribute.name == name);
        let attribute = attribute.ok_or_else(|| unknown(name))?;
        if value.is_empty() && matches!(attribute.kind, Kind::Json | Kind::Policy | Kind::Text) {
            after.remove(name);
            continue;
        }
        check(attribute, value)?;
        if name == FIFO && queue == Existence::Old && before.get(FIFO) != Some(value) {
            return Err(unknown(name));
        }
        // Encryption with a key of one's own and with SQS's own exclude one another; the later wish counts.
        if name == KMS_KEY {
            after.insert(MANAGED_SSE.to_owned(), "false".to_owned());
        }
        if name == MANAGED_SSE && value == "true" {
            after.remove(KMS_KEY);
        }
        after.insert(name.clone(), value.clone());
    }
    let is_fifo = after.contains_key(FIFO);
    for (name, _) in FIFO_DEFAULTS {
        if !is_fifo && after.contains_key(*name) {
            return Err(unknown(name));
        }
    }
    if after.get(THROUGHPUT).is_some_and(|limit| limit == "perMessageGroupId")
        && after.get(SCOPE).is_none_or(|scope| scope != "messageGroup")
    {
        let text =
            "The perMessageGroupId value of FifoThroughputLimit requires the messageGroup value of DeduplicationScope.";
        return Err(errors::invalid_attribute_value(text));
    }
    Settings::read(&after)?;
    Ok(after)
}

/// Whether a queue is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existence {
    /// It is being created.
    New,
    /// It is changed.
    Old,
}

/// What GetQueueAttributes tells of the attributes that can be set.
pub(crate) fn told(attributes: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut told: BTreeMap<String, String> = ATTRIBUTES
        .iter()
        .filter_map(|attribute| Some((attribute.name.to_owned(), attribute.default?.to_owned())))
        .collect();
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    if attributes.contains_key(FIFO) {
        told.extend(FIFO_DEFAULTS.iter().map(text));
    }
    if attributes.contains_key(KMS_KEY) {
        told.insert(KMS_REUSE.to_owned(), "300".to_owned());
    }
    told.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
    told
}

/// Whether a queue that has these attributes has those that CreateQueue wants.
pub(crate) fn agree(attributes: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> Result<(), String> {
    let told = told(attributes);
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    for (name, value) in wanted {
        let has = told.get(name);
        let same = has.is_some_and(|has| has == value || json(has).is_some_and(|has| json(value) == Some(has)));
        if !same {
            return Err(name.clone());
        }
    }
    Ok(())
}

impl Settings {
    /// What these attributes mean.
    ///
    /// # Errors
    /// `InvalidAttributeValue` if a policy is none.
    pub fn read(attributes: &BTreeMap<String, String>) -> Result<Settings, ServiceError> {
        let told = told(attributes);
        let number = |name: &str| told.get(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
        let is = |name: &str, value: &str| told.get(name).is_some_and(|told| told == value);
        Ok(Settings {
            delay_seconds: number("DelaySeconds"),
            message_bytes_max: usize::try_from(number("MaximumMessageSize")).unwrap_or(MESSAGE_BYTES_MAX),
            retention_seconds: number("MessageRetentionPeriod"),
            wait_seconds: number("ReceiveMessageWaitTimeSeconds"),
            visibility_seconds: number("VisibilityTimeout"),
            redrive: attributes.get("RedrivePolicy").map(|text| Redrive::parse(text)).transpose()?,
            redrive_allow: match attributes.get("RedriveAllowPolicy") {
                Some(text) => RedriveAllow::parse(text)?,
                None => RedriveAllow::All,
            },
            is_fifo: is(FIFO, "true"),
            content_based: is(CONTENT_BASED, "true"),
            scope: if is(SCOPE, "messageGroup") { Scope::MessageGroup } else { Scope::Queue },
            encryption: match attributes.get(KMS_KEY) {
                Some(key) => Encryption::Kms { key: key.clone(), reuse_seconds: number(KMS_REUSE).unsigned_abs() },
                None if is(MANAGED_SSE, "true") => Encryption::Master,
                None => Encryption::Off,
            },
        })
    }

    /// How long messages are kept.
    pub fn retention_ms(&self) -> i64 {
        self.retention_seconds * 1000
    }
}

impl Redrive {
    fn parse(text: &str) -> Result<Redrive, ServiceError> {
        let refuse = |reason: &str| invalid("RedrivePolicy", text, reason);
        let policy: Value = serde_json::from_str(text).map_err(|_| refuse("Redrive policy is not valid JSON map."))?;
        let fields = policy.as_object().ok_or_else(|| refuse("Redrive policy is not valid JSON map."))?;
        if let Some(name) = fields.keys().find(|name| !["deadLetterTargetArn", "maxReceiveCount"].contains(&&***name)) {
            return Err(refuse(&format!(
                "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount], not {name}."
            )));
        }
        let target = fields.get("deadLetterTargetArn").and_then(Value::as_str);
        let target = target
            .ok_or_else(|| refuse("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."))?;
        if !target.parse::<Arn>().is_ok_and(|arn| arn.service == "sqs") {
            return Err(refuse("Invalid value for deadLetterTargetArn."));
        }
        let count = fields.get("maxReceiveCount");
        let count =
            count.ok_or_else(|| refuse("Redrive policy does not contain mandatory attribute: maxReceiveCount."))?;
        // The console and CloudFormation write it as text.
        let count = count.as_u64().or_else(|| count.as_str()?.parse().ok());
        let count = count.filter(|count| (1..=1_000).contains(count));
        let count = count
            .ok_or_else(|| refuse("Invalid value for maxReceiveCount: it must be a number between 1 and 1000."))?;
        Ok(Redrive { target: target.to_owned(), receives_max: count as u32 })
    }
}

impl RedriveAllow {
    fn parse(text: &str) -> Result<RedriveAllow, ServiceError> {
        let refuse = |reason: &str| invalid("RedriveAllowPolicy", text, reason);
        let policy: Value = serde_json::from_str(text).map_err(|_| refuse("It is not a valid JSON map."))?;
        let sources = policy.get("sourceQueueArns").map(|arns| {
            let arns = arns.as_array()?.iter().map(|arn| arn.as_str().map(str::to_owned));
            arns.collect::<Option<Vec<String>>>()
        });
        match (policy.get("redrivePermission").and_then(Value::as_str), sources) {
            (Some("allowAll"), None) => Ok(RedriveAllow::All),
            (Some("denyAll"), None) => Ok(RedriveAllow::None),
            (Some("byQueue"), Some(Some(arns))) if (1..=ALLOWED_SOURCES_MAX).contains(&arns.len()) => {
                Ok(RedriveAllow::Queues(arns))
            }
            (Some("byQueue"), _) => Err(refuse("sourceQueueArns must be a list of one to ten ARNs of queues.")),
            (Some("allowAll" | "denyAll"), Some(_)) => Err(refuse("sourceQueueArns goes with byQueue only.")),
            _ => Err(refuse("redrivePermission must be one of allowAll, denyAll and byQueue.")),
        }
    }

    /// Whether the queue may be the dead-letter queue of the queue of this ARN.
    pub fn allows(&self, source: &str) -> bool {
        match self {
            RedriveAllow::All => true,
            RedriveAllow::None => false,
            RedriveAllow::Queues(arns) => arns.iter().any(|arn| arn == source),
        }
    }
}

/// The error for an attribute that there is not, or that cannot be set.
pub(crate) fn unknown(name: &str) -> ServiceError {
    errors::invalid_attribute_name(format!("Unknown Attribute {name}."))
}

/// The error for the value of an attribute.
pub(crate) fn invalid(name: &str, value: &str, reason: &str) -> ServiceError {
    errors::invalid_attribute_value(format!("Value {value} for parameter {name} is invalid. Reason: {reason}"))
}

fn check(attribute: &Attribute, value: &str) -> Result<(), ServiceError> {
    let refuse = || {
        let text = format!("Invalid value for the parameter {}.", attribute.name);
        Err(errors::invalid_attribute_value(text))
    };
    let holds = match attribute.kind {
        Kind::Number(min, max) => value.parse().is_ok_and(|number| (min..=max).contains(&number)),
        Kind::Flag => ["true", "false"].contains(&value),
        Kind::OneOf(values) => values.contains(&value),
        Kind::Json => serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_object()),
        Kind::Policy => value.len() <= POLICY_BYTES_MAX && Policy::parse(value, PolicyKind::Resource).is_ok(),
        Kind::Text => value.len() <= 2_048,
    };
    if holds { Ok(()) } else { refuse() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: &[(&str, &str)], changes: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let before: BTreeMap<_, _> = before.iter().map(text).collect();
        let changes: Vec<_> = changes.iter().map(text).collect();
        changed(&before, &changes, Existence::New).map_err(|error| format!("{}: {}", error.code, error.message))
    }

    const POLICY: &str =
        r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*", "Sid": "a-b"}]}"#;

    #[test]
    fn one_kind_of_encryption_takes_the_place_of_the_other() {
        let of = |before: &[(&str, &str)], changes: &[(&str, &str)]| {
            let after = change(before, changes).unwrap();
            (Settings::read(&after).unwrap().encryption, after)
        };
        let key = |reuse_seconds| Encryption::Kms { key: "alias/a".into(), reuse_seconds };
        let kms = ("KmsMasterKeyId", "alias/a");
        assert_eq!(of(&[], &[]).0, Encryption::Off);
        assert_eq!(of(&[], &[kms]).0, key(300));
        assert_eq!(of(&[kms], &[("KmsDataKeyReusePeriodSeconds", "60")]).0, key(60));
        assert_eq!(of(&[kms], &[("SqsManagedSseEnabled", "true")]).0, Encryption::Master);
        assert_eq!(of(&[("SqsManagedSseEnabled", "true")], &[kms]).0, key(300));
        assert_eq!(of(&[kms], &[("KmsMasterKeyId", "")]).0, Encryption::Off);
        assert!(change(&[], &[kms, ("SqsManagedSseEnabled", "true")]).is_err());
        assert!(change(&[], &[kms, ("KmsDataKeyReusePeriodSeconds", "59")]).is_err());
    }

    #[test]
    fn values_keep_their_rules() {
        let good = [
            ("DelaySeconds", "900"),
            ("MaximumMessageSize", "1048576"),
            ("MessageRetentionPeriod", "60"),
            ("ReceiveMessageWaitTimeSeconds", "20"),
            ("VisibilityTimeout", "43200"),
            ("Policy", POLICY),
            ("Policy", ""),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d","maxReceiveCount":"3"}"#,
            ),
            ("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#),
            ("KmsMasterKeyId", "alias/aws/sqs"),
            ("FifoQueue", "true"),
        ];
        for (name, value) in good {
            assert!(change(&[], &[(name, value)]).is_ok(), "{name}={value}");
        }
        let bad = [
            ("DelaySeconds", "901"),
            ("DelaySeconds", "x"),
            ("MaximumMessageSize", "1023"),
            ("MaximumMessageSize", "1048577"),
            ("MessageRetentionPeriod", "59"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("VisibilityTimeout", "-1"),
            ("Policy", "[]"),
            ("Policy", "{}"),
            ("Policy", r#"{"Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#),
            ("FifoQueue", "false"),
            ("RedrivePolicy", "{}"),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":"x","maxReceiveCount":3}"#),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sqs:r:a:d","maxReceiveCount":0}"#),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sqs:r:a:d","maxReceiveCount":1,"a":1}"#),
            ("RedriveAllowPolicy", r#"{"redrivePermission":"byQueue"}"#),
            ("RedriveAllowPolicy", r#"{"redrivePermission":"allowAll","sourceQueueArns":[]}"#),
        ];
        for (name, value) in bad {
            let error = change(&[], &[(name, value)]).unwrap_err();
            assert!(error.starts_with("InvalidAttributeValue: "), "{name}={value}: {error}");
        }
        for (name, value) in [("Nonsense", "1"), ("QueueArn", "x"), ("ContentBasedDeduplication", "true")] {
            let text = format!("InvalidAttributeName: Unknown Attribute {name}.");
            assert_eq!(change(&[], &[(name, value)]), Err(text));
        }
    }

    #[test]
    fn high_throughput_wants_ids_within_groups() {
        let fifo = [("FifoQueue", "true")];
        assert!(change(&fifo, &[("FifoThroughputLimit", "perMessageGroupId")]).is_err());
        let both = [("FifoThroughputLimit", "perMessageGroupId"), ("DeduplicationScope", "messageGroup")];
        let after = change(&fifo, &both).unwrap();
        assert_eq!(Settings::read(&after).unwrap().scope, Scope::MessageGroup);
    }

    #[test]
    fn what_was_not_set_is_told_by_default() {
        let told = told(&change(&[], &[("DelaySeconds", "5"), ("FifoQueue", "true")]).unwrap());
        let get = |name: &str| told.get(name).map(String::as_str);
        assert_eq!(get("DelaySeconds"), Some("5"));
        assert_eq!(get("VisibilityTimeout"), Some("30"));
        assert_eq!(get("DeduplicationScope"), Some("queue"));
        assert_eq!(get("SqsManagedSseEnabled"), Some("false"));
        assert_eq!(get("Policy"), None);
    }

    #[test]
    fn queues_agree_by_what_they_have() {
        let has = change(&[], &[("DelaySeconds", "5"), ("Policy", POLICY)]).unwrap();
        let agrees = |wanted: &[(&str, &str)]| agree(&has, &change(&[], wanted).unwrap());
        assert_eq!(agrees(&[]), Ok(()));
        assert_eq!(agrees(&[("DelaySeconds", "5"), ("VisibilityTimeout", "30")]), Ok(()));
        assert_eq!(agrees(&[("Policy", &POLICY.replace(": ", ":"))]), Ok(()));
        assert_eq!(agrees(&[("DelaySeconds", "6")]), Err("DelaySeconds".to_owned()));
    }
}
