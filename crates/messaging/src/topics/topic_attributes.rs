//! GetTopicAttributes and SetTopicAttributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use watchkeep_core::Caller;
use watchkeep_lang::policy::{Policy, PolicyKind};
use watchkeep_model::sns::{GetTopicAttributesInput, GetTopicAttributesResponse, SetTopicAttributesInput};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use super::Topics;
use super::delivery_policy;
use super::errors::{finish, invalid, no_topic, store};
use super::feedback;
use super::limits::{DISPLAY_NAME_CHARS_MAX, POLICY_BYTES_MAX};
use super::names::own_topic_key;
use super::resources::{State, Topic, TopicKind};

/// The attributes of a topic.
pub(crate) async fn get_topic_attributes(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: GetTopicAttributesInput,
) -> Result<GetTopicAttributesResponse, ServiceError> {
    let key = own_topic_key(caller, &input.topic_arn, "TopicArn")?;
    let live = topics.topic_for(caller, &key, "SNS:GetTopicAttributes")?;
    let topic = &live.topic;
    let count = |state| live.subscriptions.iter().filter(|one| one.resource.state == state).count().to_string();
    let mut attributes = topic.attributes.clone();
    let mut add = |name: &str, value: String| attributes.insert(name.to_owned(), value);
    add("TopicArn", live.arn.clone());
    add("Owner", key.account.to_string());
    add("DisplayName", topic.attribute("DisplayName").unwrap_or_default().to_owned());
    add("Policy", policy_of(topic, &live.arn, &key));
    add("EffectiveDeliveryPolicy", delivery_policy::effective(topic.attribute("DeliveryPolicy"), None).of_topic_json());
    add("SubscriptionsPending", count(State::Pending));
    add("SubscriptionsConfirmed", count(State::Confirmed));
    add("SubscriptionsDeleted", count(State::Ended));
    if topic.kind == TopicKind::Fifo {
        add("FifoTopic", "true".to_owned());
        add("ContentBasedDeduplication", topic.deduplicates_by_content().to_string());
        add("FifoThroughputScope", topic.deduplication_scope().as_str().to_owned());
    }
    Ok(GetTopicAttributesResponse { attributes: Some(attributes) })
}

/// Sets an attribute of a topic; without a value, it is as if it was never set.
pub(crate) async fn set_topic_attributes(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: SetTopicAttributesInput,
) -> Result<Unit, ServiceError> {
    let key = own_topic_key(caller, &input.topic_arn, "TopicArn")?;
    let (name, value) = (input.attribute_name, input.attribute_value.unwrap_or_default());
    topics.topic_for(caller, &key, "SNS:SetTopicAttributes")?;
    topics
        .change_topic(key, move |topic| {
            check(topic.kind, &name, &value).map_err(invalid)?;
            set(&mut topic.attributes, name, value);
            Ok(())
        })
        .await
}

/// Sets or removes an attribute.
pub(crate) fn set(attributes: &mut BTreeMap<String, String>, name: String, value: String) {
    if value.is_empty() {
        attributes.remove(&name);
    } else {
        attributes.insert(name, value);
    }
}

/// Checks an attribute that is set; the text says what is wrong.
pub(crate) fn check(kind: TopicKind, name: &str, value: &str) -> Result<(), String> {
    let one_of = |allowed: &[&str]| match value.is_empty() || allowed.contains(&value) {
        true => Ok(()),
        false => Err(format!("{name}: {value} is not one of {}", allowed.join(", "))),
    };
    match name {
        "DisplayName" => {
            let is_short = value.chars().count() <= DISPLAY_NAME_CHARS_MAX && !value.chars().any(char::is_control);
            if is_short { Ok(()) } else { Err("DisplayName: at most 100 characters, without line breaks".to_owned()) }
        }
        "Policy" if value.is_empty() => Ok(()),
        "Policy" => check_policy(value).map_err(|reason| format!("Policy: {reason}")),
        "DeliveryPolicy" if value.is_empty() => Ok(()),
        "DeliveryPolicy" => {
            delivery_policy::check_of_topic(value).map_err(|reason| format!("DeliveryPolicy: {reason}"))
        }
        "SignatureVersion" => one_of(&["1", "2"]),
        "TracingConfig" => one_of(&["PassThrough", "Active"]),
        // Any name, id, ARN or alias, as on AWS: whether it is a key's shows when something is published.
        "KmsMasterKeyId" if value.len() <= 2_048 => Ok(()),
        "KmsMasterKeyId" => Err("KmsMasterKeyId: it is too long".to_owned()),
        "ContentBasedDeduplication" | "FifoThroughputScope" if kind == TopicKind::Standard => {
            Err(format!("{name}: it is of FIFO topics only"))
        }
        "ContentBasedDeduplication" => one_of(&["true", "false"]),
        "FifoThroughputScope" => one_of(&["Topic", "MessageGroup"]),
        "FifoTopic" => Err("FifoTopic: it cannot be changed".to_owned()),
        "ArchivePolicy" => Err("ArchivePolicy: this server archives no messages".to_owned()),
        name => feedback::check(name, value).unwrap_or_else(|| Err("AttributeName".to_owned())),
    }
}

/// Whether a text is a policy document about topics.
fn check_policy(text: &str) -> Result<(), String> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(format!("it has more than {POLICY_BYTES_MAX} bytes"));
    }
    Policy::parse(text, PolicyKind::Resource).map_err(|error| error.to_string())?;
    let policy: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let statements = policy.get("Statement").map(list).unwrap_or_default();
    let actions = statements.iter().flat_map(|statement| {
        let named = ["Action", "NotAction"].iter().filter_map(|name| statement.get(*name));
        named.flat_map(list).collect::<Vec<_>>()
    });
    let is_of_topics = |action: Value| {
        let action = action.as_str().unwrap_or_default().to_ascii_lowercase();
        action == "*" || action.starts_with("sns:")
    };
    match actions.into_iter().all(is_of_topics) {
        true => Ok(()),
        false => Err("Policy statement action out of service scope!".to_owned()),
    }
}

/// A topic's policy: the one that was set, or that of a new topic.
pub(crate) fn policy_of(topic: &Topic, arn: &str, key: &ResourceKey) -> String {
    if let Some(policy) = topic.attribute("Policy") {
        return policy.to_owned();
    }
    let actions = [
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": actions,
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": key.account.as_str()}},
        }],
    })
    .to_string()
}

impl Topics {
    /// Changes a topic.
    pub(crate) async fn change_topic(
        self: &Arc<Self>,
        key: ResourceKey,
        change: impl FnOnce(&mut Topic) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Unit, ServiceError> {
        let topics = self.clone();
        finish(async move {
            let _changing = topics.changing.lock().await;
            let core = &topics.core;
            let current: Arc<Versioned<Topic>> = core.topics.get(&key).ok_or_else(no_topic)?;
            let mut topic = current.value.clone();
            change(&mut topic)?;
            if topic != current.value {
                core.topics.update(&current, topic).await.map_err(store)?;
                core.refresh(&key);
                topics.outbox.poke();
            }
            Ok(Unit {})
        })
        .await
    }
}
