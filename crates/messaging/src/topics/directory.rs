//! The subscriptions in memory, with their policies compiled: which get a message, and how each is delivered to.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Deserialize;
use watchkeep_core::{AccountId, Region};
use watchkeep_lang::filter_policy::{Attribute as Seen, FilterPolicy, Scope};
use watchkeep_store::{Collection, ResourceKey, Versioned};

use super::delivery_policy::{self, HttpPolicy};
use super::message::{Attribute, Message};
use super::names::topic_arn;
use super::resources::{State, Subscription, Topic, TopicKind, subscription_id, subscription_prefix};
use crate::guard::Guard;

/// How a subscription's messages are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// As SNS does.
    Sns,
    /// For Slack's incoming webhooks, and Mattermost's.
    Slack,
    /// For Microsoft Teams.
    Teams,
}

/// How much of a message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The text alone.
    Raw,
    /// The text and what is to be said of it.
    Envelope,
}

/// Whether a message passes a subscription's filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// It does.
    Passes,
    /// Its attributes do not.
    FilteredByAttributes,
    /// It has none.
    FilteredWithoutAttributes,
    /// Its body does not.
    FilteredByBody,
    /// Its body is no JSON object.
    FilteredInvalidBody,
}

/// A subscription, ready.
#[derive(Debug)]
pub(crate) struct Live {
    /// What the catalog has.
    pub resource: Arc<Versioned<Subscription>>,
    /// Its ARN.
    pub arn: String,
    /// The topic's ARN.
    pub topic_arn: String,
    /// The topic, as it is now.
    pub topic: Arc<Versioned<Topic>>,
    /// How its messages are drawn.
    pub format: Format,
    /// How much of them is delivered.
    pub shape: Shape,
    /// How its endpoint is called, if by HTTP.
    pub http: HttpPolicy,
    /// Where messages go that were given up.
    pub dead_letters: Option<String>,
    filter: Option<(Scope, FilterPolicy)>,
}

/// A topic with its subscriptions.
#[derive(Debug)]
pub(crate) struct LiveTopic {
    /// The topic.
    pub topic: Arc<Versioned<Topic>>,
    /// Its ARN.
    pub arn: String,
    /// What its policy says.
    pub guard: Guard,
    /// Its subscriptions, whatever their state.
    pub subscriptions: Vec<Arc<Live>>,
}

/// All topics and subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    topics: HashMap<ResourceKey, Arc<LiveTopic>>,
    /// By their numbers.
    subscriptions: HashMap<u64, Arc<Live>>,
}

impl Directory {
    /// The topic of this key.
    pub(crate) fn topic(&self, key: &ResourceKey) -> Option<Arc<LiveTopic>> {
        self.read(|inner| inner.topics.get(key).cloned())
    }

    /// The subscription of this number.
    pub(crate) fn subscription(&self, number: u64) -> Option<Arc<Live>> {
        self.read(|inner| inner.subscriptions.get(&number).cloned())
    }

    /// All subscriptions.
    pub(crate) fn subscriptions(&self) -> Vec<Arc<Live>> {
        self.read(|inner| inner.subscriptions.values().cloned().collect())
    }

    /// Reads a topic and its subscriptions again; forgets it if it is gone.
    pub(crate) fn refresh(
        &self,
        key: &ResourceKey,
        topics: &Collection<Topic>,
        subscriptions: &Collection<Subscription>,
    ) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = inner.topics.remove(key) {
            for live in &before.subscriptions {
                inner.subscriptions.remove(&live.resource.number);
            }
        }
        let Some(topic) = topics.get(key) else { return };
        let region = key.region.as_ref();
        let found = subscriptions.list(&key.account, region, &subscription_prefix(topic.number), None, usize::MAX);
        let arn = topic_arn(key);
        let live: Vec<_> = found.into_iter().map(|found| Arc::new(Live::new(&arn, &topic, found))).collect();
        inner.subscriptions.extend(live.iter().map(|live| (live.resource.number, live.clone())));
        let guard = Guard::new(topic.attribute("Policy"), &arn);
        inner.topics.insert(key.clone(), Arc::new(LiveTopic { topic, arn, guard, subscriptions: live }));
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.inner.write().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }

    fn read<T>(&self, read: impl FnOnce(&Inner) -> T) -> T {
        read(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The redrive policy of a subscription.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RedrivePolicy {
    /// The ARN of the queue that takes what was given up.
    pub dead_letter_target_arn: String,
}

impl Live {
    fn new(topic_arn: &str, topic: &Arc<Versioned<Topic>>, resource: Arc<Versioned<Subscription>>) -> Live {
        let scope = match resource.attribute("FilterPolicyScope") {
            Some("MessageBody") => Scope::Body,
            _ => Scope::Attributes,
        };
        // What is kept was checked when it was set.
        let filter = resource.attribute("FilterPolicy").and_then(|text| FilterPolicy::parse(text, scope).ok());
        let redrive = resource.attribute("RedrivePolicy");
        let redrive = redrive.and_then(|text| serde_json::from_str::<RedrivePolicy>(text).ok());
        Live {
            arn: format!("{topic_arn}:{}", subscription_id(&resource.key)),
            topic_arn: topic_arn.to_owned(),
            topic: topic.clone(),
            format: format_of(&resource.protocol, &resource.endpoint, resource.attribute("WatchkeepFormat")),
            shape: match resource.attribute("RawMessageDelivery") {
                Some("true") => Shape::Raw,
                _ => Shape::Envelope,
            },
            http: delivery_policy::effective(topic.attribute("DeliveryPolicy"), resource.attribute("DeliveryPolicy")),
            dead_letters: redrive.map(|policy| policy.dead_letter_target_arn),
            filter: filter.map(|filter| (scope, filter)),
            resource,
        }
    }

    /// Whether it gets messages.
    pub(crate) fn is_confirmed(&self) -> bool {
        self.resource.state == State::Confirmed
    }

    /// Whether its messages are delivered in order.
    pub(crate) fn is_ordered(&self) -> bool {
        self.topic.kind == TopicKind::Fifo
    }

    /// Whether it gets this message.
    pub(crate) fn passes(&self, message: &Message) -> Passing {
        match &self.filter {
            None => Passing::Passes,
            Some((Scope::Attributes, filter)) => {
                let seen: Vec<_> = message.attributes.iter().filter_map(seen).collect();
                match filter.passes_attributes(&seen) {
                    true => Passing::Passes,
                    false if seen.is_empty() => Passing::FilteredWithoutAttributes,
                    false => Passing::FilteredByAttributes,
                }
            }
            Some((Scope::Body, filter)) => {
                let text = message.text_for(&self.resource.protocol);
                match filter.passes_body(text) {
                    true => Passing::Passes,
                    false if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => {
                        Passing::FilteredInvalidBody
                    }
                    false => Passing::FilteredByBody,
                }
            }
        }
    }
}

/// An attribute as filter policies see it, if they do.
fn seen<'a>((name, attribute): (&'a String, &'a Attribute)) -> Option<(&'a str, Seen<'a>)> {
    let value = attribute.value.as_str();
    let seen = match attribute.data_type.split('.').collect::<Vec<_>>().as_slice() {
        ["String", "Array"] => Seen::Array(value),
        ["String", ..] => Seen::Text(value),
        ["Number", ..] => Seen::Number(value),
        _ => return None,
    };
    Some((name, seen))
}

/// How messages of a subscription are drawn: as it says, or as its host goes.
pub(crate) fn format_of(protocol: &str, endpoint: &str, said: Option<&str>) -> Format {
    match said {
        Some("slack") => return Format::Slack,
        Some("teams") => return Format::Teams,
        Some(_) => return Format::Sns,
        None => {}
    }
    let host = endpoint.strip_prefix("https://").filter(|_| protocol == "https");
    let host = host.and_then(|rest| rest.split(['/', '?', '#', ':']).next()).unwrap_or_default().to_ascii_lowercase();
    let is_teams = [".webhook.office.com", ".logic.azure.com", ".environment.api.powerplatform.com"];
    match host.as_str() {
        "hooks.slack.com" => Format::Slack,
        host if is_teams.iter().any(|suffix| host.ends_with(suffix)) => Format::Teams,
        _ => Format::Sns,
    }
}

/// The topics of an account in a Region.
pub(crate) fn count(topics: &Collection<Topic>, account: AccountId, region: &Region, max: usize) -> usize {
    topics.list(&account, Some(region), "", None, max).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_tells_the_format() {
        let cases = [
            ("https", "https://hooks.slack.com/services/T/B/x", None, Format::Slack),
            ("https", "https://HOOKS.slack.com:443/services", None, Format::Slack),
            ("http", "http://hooks.slack.com/services", None, Format::Sns),
            ("https", "https://contoso.webhook.office.com/webhookb2/x", None, Format::Teams),
            ("https", "https://prod-1.westeurope.logic.azure.com:443/workflows/x", None, Format::Teams),
            ("https", "https://hooks.slack.com.evil.example/", None, Format::Sns),
            ("https", "https://evil.example/?hooks.slack.com", None, Format::Sns),
            ("http", "http://mattermost/hooks/x", Some("slack"), Format::Slack),
            ("https", "https://hooks.slack.com/services", Some("sns"), Format::Sns),
        ];
        for (protocol, endpoint, said, expected) in cases {
            assert_eq!(format_of(protocol, endpoint, said), expected, "{endpoint}");
        }
    }
}
