//! Topics: CreateTopic, DeleteTopic, ListTopics.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::sns::{
    CreateTopicInput, CreateTopicResponse, DeleteTopicInput, ListTopicsInput, ListTopicsResponse, Tag,
    Topic as ListedTopic, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::ResourceKey;

use super::Topics;
use super::directory::count;
use super::errors::{finish, invalid, invalid_because, store};
use super::limits::{PAGE_MAX, TOPICS_MAX};
use super::names::{kind_of_name, own_topic_key, topic_arn};
use super::paging;
use super::resources::{Topic, TopicKind, subscription_prefix};
use super::tags::checked;
use super::topic_attributes::check;

/// Creates a topic, or answers the ARN of the one that is there already and is the same.
pub(crate) async fn create_topic(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: CreateTopicInput,
) -> Result<CreateTopicResponse, ServiceError> {
    let kind = kind_of_name(&input.name)?;
    if input.data_protection_policy.is_some() {
        return Err(invalid_because("DataProtectionPolicy", "this server looks for no personal data in messages"));
    }
    let attributes = attributes(kind, input.attributes.unwrap_or_default())?;
    let tags = checked(input.tags.unwrap_or_default())?;
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let answer = CreateTopicResponse { topic_arn: Some(topic_arn(&key)) };
    let topics = topics.clone();
    let caller = caller.clone();
    finish(async move {
        let _changing = topics.changing.lock().await;
        let core = &topics.core;
        if let Some(there) = core.topics.get(&key) {
            let is_same = attributes.iter().all(|(name, value)| there.attribute(name) == Some(value.as_str()));
            if !is_same {
                return Err(invalid_because("Attributes", "Topic already exists with different attributes"));
            }
            if !tags.is_empty() && tags != there.tags {
                return Err(invalid_because("Tags", "Topic already exists with different tags"));
            }
            return Ok(answer);
        }
        if count(&core.topics, caller.account, &caller.region, TOPICS_MAX) >= TOPICS_MAX {
            return Err(model::topic_limit_exceeded_exception("The account has as many topics as it may have."));
        }
        let number = core.store.catalog().next_id("sns_topic").await.map_err(store)?;
        let topic = Topic { number, created: core.clock.now().0, kind, attributes, tags };
        core.topics.create(key.clone(), topic).await.map_err(store)?;
        core.refresh(&key);
        Ok(answer)
    })
    .await
}

/// The attributes that a new topic keeps. Its name says of which kind it is; the attribute must say the same.
fn attributes(
    kind: TopicKind,
    mut attributes: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let said = attributes.remove("FifoTopic").map(|value| value == "true");
    match (kind, said) {
        (TopicKind::Fifo, Some(true)) | (TopicKind::Standard, None | Some(false)) => {}
        (TopicKind::Fifo, _) => {
            return Err(invalid_because(
                "Topic Name",
                "a name that ends with .fifo is one of a FIFO topic: set its attribute FifoTopic to true",
            ));
        }
        (TopicKind::Standard, Some(true)) => {
            return Err(invalid(
                "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.",
            ));
        }
    }
    for (name, value) in &attributes {
        check(kind, name, value).map_err(|reason| invalid_because("Attributes", reason))?;
    }
    attributes.retain(|_, value| !value.is_empty());
    Ok(attributes)
}

/// Deletes a topic with its subscriptions; one that is not there is no error.
pub(crate) async fn delete_topic(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: DeleteTopicInput,
) -> Result<Unit, ServiceError> {
    let key = own_topic_key(caller, &input.topic_arn, "TopicArn")?;
    if topics.core.directory.topic(&key).is_some() {
        topics.topic_for(caller, &key, "SNS:DeleteTopic")?;
    }
    let topics = topics.clone();
    finish(async move {
        let _changing = topics.changing.lock().await;
        let core = &topics.core;
        let Some(topic) = core.topics.get(&key) else { return Ok(Unit {}) };
        core.topics.delete(&key).await.map_err(store)?;
        core.refresh(&key);
        let prefix = subscription_prefix(topic.number);
        core.subscriptions.delete_prefix(&key.account, key.region.as_ref(), &prefix).await.map_err(store)?;
        Ok(Unit {})
    })
    .await
}

/// Lists topics, by their names.
pub(crate) async fn list_topics(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: ListTopicsInput,
) -> Result<ListTopicsResponse, ServiceError> {
    let after = paging::name_of(input.next_token.as_deref())?;
    let collection = &topics.core.topics;
    let mut found = collection.list(&caller.account, Some(&caller.region), "", after.as_deref(), PAGE_MAX + 1);
    let has_more = found.len() > PAGE_MAX;
    found.truncate(PAGE_MAX);
    let next_token = found.last().filter(|_| has_more).map(|last| paging::token(&last.key.name));
    let listed = found.iter().map(|topic| ListedTopic { topic_arn: Some(topic_arn(&topic.key)) }).collect();
    Ok(ListTopicsResponse { topics: Some(listed), next_token })
}

/// Tags as the API has them.
pub(crate) fn tags_of(topic: &Topic) -> Vec<Tag> {
    topic.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}
