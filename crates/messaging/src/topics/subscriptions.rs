//! Subscriptions: Subscribe, ConfirmSubscription, Unsubscribe, ListSubscriptions and ListSubscriptionsByTopic.

use std::collections::BTreeMap;
use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use watchkeep_core::{Arn, Caller, uuid};
use watchkeep_delivery::Mailer;
use watchkeep_model::sns::{
    ConfirmSubscriptionInput, ConfirmSubscriptionResponse, ListSubscriptionsByTopicInput,
    ListSubscriptionsByTopicResponse, ListSubscriptionsInput, ListSubscriptionsResponse, SubscribeInput,
    SubscribeResponse, Subscription as ListedSubscription, UnsubscribeInput, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use super::Topics;
use super::directory::{Format, Live, LiveTopic, format_of};
use super::errors::{denied, finish, invalid, invalid_because, no_subscription, no_topic, store};
use super::limits::{
    ENDPOINT_CHARS_MAX, FIFO_SUBSCRIPTIONS_MAX, FILTER_POLICIES_MAX, PAGE_MAX, SUBSCRIPTIONS_MAX, TOKEN_MS,
};
use super::message::{Kind, Message};
use super::names::{FIFO_SUFFIX, own_topic_key, subscription_of, topic_arn, topic_key};
use super::paging;
use super::publish::{Draft, Recipients};
use super::resources::{State, Subscription, TopicKind, Unsubscribing, owner_of, subscription_id, subscription_key};
use super::subscription_attributes::check;

/// What stands for the ARN of a subscription that is not confirmed.
const PENDING: &str = "pending confirmation";

/// The same in lists.
const LISTED_PENDING: &str = "PendingConfirmation";

/// The attributes that can be set when an endpoint is subscribed.
type Attributes = BTreeMap<String, String>;

/// Subscribes an endpoint. One that must say that it wants to be is sent the question.
pub(crate) async fn subscribe(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: SubscribeInput,
) -> Result<SubscribeResponse, ServiceError> {
    let key = own_topic_key(caller, &input.topic_arn, "TopicArn")?;
    let endpoint = input.endpoint.unwrap_or_default();
    let context = [("sns:Protocol", input.protocol.as_str()), ("sns:Endpoint", endpoint.as_str())];
    let live = topics.topic_for_with(caller, &key, "SNS:Subscribe", &context)?;
    let attributes = input.attributes.unwrap_or_default();
    let scope = attributes.get("FilterPolicyScope").cloned();
    for (name, value) in &attributes {
        check(&input.protocol, name, value, scope.as_deref())
            .map_err(|reason| invalid_because("Attributes", reason))?;
    }
    let attributes: Attributes = attributes.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    check_endpoint(topics, &live, &input.protocol, &endpoint)?;
    let format = format_of(&input.protocol, &endpoint, attributes.get("WatchkeepFormat").map(String::as_str));
    let is_asked = match input.protocol.as_str() {
        "http" | "https" => format == Format::Sns,
        "email" | "email-json" => true,
        // A queue of another account than the subscriber's must say that it wants to be, too.
        "sqs" => endpoint.parse::<Arn>().is_ok_and(|arn| arn.account != caller.account.as_str()),
        _ => false,
    };
    let wanted = Wanted { protocol: input.protocol, endpoint, attributes, is_asked };
    let shows_arn = input.return_subscription_arn.unwrap_or(false);
    let (topics, caller) = (topics.clone(), caller.clone());
    finish(async move {
        let subscription = topics.subscribed(&caller, &key, wanted).await?;
        let arn = format!("{}:{}", topic_arn(&key), subscription_id(&subscription.key));
        let is_pending = subscription.state == State::Pending;
        if is_pending {
            topics.ask(&key, &subscription, Kind::SubscriptionConfirmation).await?;
        }
        let shown = if is_pending && !shows_arn { PENDING.to_owned() } else { arn };
        Ok(SubscribeResponse { subscription_arn: Some(shown) })
    })
    .await
}

/// What a caller wants to subscribe.
struct Wanted {
    protocol: String,
    endpoint: String,
    attributes: Attributes,
    /// Whether the endpoint is asked first.
    is_asked: bool,
}

fn check_endpoint(topics: &Topics, topic: &LiveTopic, protocol: &str, endpoint: &str) -> Result<(), ServiceError> {
    let reason = |reason: &str| Err(invalid_because("Endpoint", reason));
    if endpoint.chars().count() > ENDPOINT_CHARS_MAX {
        return reason("it is too long");
    }
    let service_of = |endpoint: &str| endpoint.parse::<Arn>().ok().map(|arn| arn.service);
    match protocol {
        "http" | "https" => {
            if !endpoint.starts_with(&format!("{protocol}://")) {
                return Err(invalid("Endpoint must match the specified protocol"));
            }
            topics.core.webhooks.check(endpoint).map_err(|error| invalid_because("Endpoint", error))?;
        }
        "email" | "email-json" => {
            if !Mailer::is_address(endpoint) {
                return Err(invalid("Email address"));
            }
            if topics.core.mailer.is_none() {
                let why =
                    "this server has no mail server to hand mail to; its settings smtp.host and smtp.from name one";
                return Err(invalid_because("Protocol", why));
            }
        }
        "sqs" if service_of(endpoint).as_deref() != Some("sqs") => return Err(invalid("SQS endpoint ARN")),
        "sqs" if endpoint.ends_with(FIFO_SUFFIX) && topic.topic.kind == TopicKind::Standard => {
            return Err(invalid(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
            ));
        }
        "sqs" => {}
        "lambda" if service_of(endpoint).as_deref() != Some("lambda") => return Err(invalid("Lambda endpoint ARN")),
        "lambda" if topics.core.function_url(endpoint).is_none() => {
            return reason("this server knows no URL of the function; its setting delivery.functions names them");
        }
        "lambda" => {}
        "sms" | "application" | "firehose" => {
            return Err(invalid_because("Protocol", format!("this server does not deliver by {protocol}")));
        }
        other => return Err(invalid(format!("Amazon SNS does not support this protocol string: {other}"))),
    }
    if topic.topic.kind == TopicKind::Fifo && protocol != "sqs" {
        return Err(invalid("Invalid parameter: Endpoint Reason: Please use FIFO SQS queue"));
    }
    Ok(())
}

impl Topics {
    /// The subscription of an endpoint, made if there is none.
    async fn subscribed(
        &self,
        caller: &Caller,
        key: &ResourceKey,
        wanted: Wanted,
    ) -> Result<Arc<Versioned<Subscription>>, ServiceError> {
        let _changing = self.changing.lock().await;
        let core = &self.core;
        let live = core.directory.topic(key).ok_or_else(no_topic)?;
        let now_ms = core.clock.now().0;
        let is_same = |there: &&Arc<Live>| {
            there.resource.protocol == wanted.protocol && there.resource.endpoint == wanted.endpoint
        };
        if let Some(there) = live.subscriptions.iter().find(is_same) {
            let there = &there.resource;
            if there.state == State::Confirmed {
                let has = |(name, value): (&String, &String)| there.attribute(name) == Some(value.as_str());
                return match wanted.attributes.iter().all(has) {
                    true => Ok(there.clone()),
                    false => {
                        Err(invalid_because("Attributes", "Subscription already exists with different attributes"))
                    }
                };
            }
            // Asked again, with a new token.
            let renewed = Subscription {
                attributes: wanted.attributes,
                state: if wanted.is_asked { State::Pending } else { State::Confirmed },
                token: self.token(there.number),
                token_expires: now_ms.saturating_add(TOKEN_MS),
                ..there.value.clone()
            };
            let renewed = core.subscriptions.update(there, renewed).await.map_err(store)?;
            core.refresh(key);
            return Ok(renewed);
        }
        let max = if live.topic.kind == TopicKind::Fifo { FIFO_SUBSCRIPTIONS_MAX } else { SUBSCRIPTIONS_MAX };
        if live.subscriptions.len() >= max {
            let message = "The topic has as many subscriptions as it may have.";
            return Err(model::subscription_limit_exceeded_exception(message));
        }
        if wanted.attributes.contains_key("FilterPolicy") {
            check_filter_policies(&live)?;
        }
        let number = core.store.catalog().next_id("sns_subscription").await.map_err(store)?;
        let id = uuid(self.random.as_ref()).to_string();
        let subscription = Subscription {
            number,
            topic_number: live.topic.number,
            topic: key.name.clone(),
            created: now_ms,
            protocol: wanted.protocol,
            endpoint: wanted.endpoint,
            owner: Some(caller.account).filter(|owner| *owner != key.account).map(|owner| owner.to_string()),
            principal: caller.principal_arn().unwrap_or_else(|| format!("arn:aws:iam::{}:root", caller.account)),
            state: if wanted.is_asked { State::Pending } else { State::Confirmed },
            was_authenticated: !wanted.is_asked,
            unsubscribing: Unsubscribing::Anybody,
            token: self.token(number),
            token_expires: now_ms.saturating_add(TOKEN_MS),
            attributes: wanted.attributes,
        };
        let region = key.region.clone().unwrap_or_default();
        let place = subscription_key(key.account, &region, live.topic.number, &id);
        let created = core.subscriptions.create(place, subscription).await.map_err(store)?;
        core.refresh(key);
        Ok(created)
    }

    /// A token for the subscription of this number: nobody can guess it.
    fn token(&self, number: u64) -> String {
        let mut bytes = [0; 48];
        self.random.fill(&mut bytes);
        format!("{number:016x}{}", hex::encode(bytes))
    }

    /// Sends the endpoint of a subscription the question whether it wants to be subscribed, or again.
    async fn ask(
        self: &Arc<Self>,
        key: &ResourceKey,
        subscription: &Versioned<Subscription>,
        kind: Kind,
    ) -> Result<(), ServiceError> {
        let message =
            Message { kind, topic_arn: topic_arn(key), token: Some(subscription.token.clone()), ..Message::default() };
        let draft = Draft { message, key: None, bytes: 0 };
        self.write_down(key.clone(), vec![draft], Recipients::One(subscription.number)).await.map(drop)
    }
}

/// A topic may have one more filter policy.
pub(crate) fn check_filter_policies(topic: &LiveTopic) -> Result<(), ServiceError> {
    let filtered = topic.subscriptions.iter().filter(|one| one.resource.attribute("FilterPolicy").is_some()).count();
    match filtered < FILTER_POLICIES_MAX {
        true => Ok(()),
        false => {
            Err(model::filter_policy_limit_exceeded_exception("The topic has as many filter policies as it may have."))
        }
    }
}

/// Confirms a subscription by the token that its endpoint was sent. The token is all that is needed: anybody may call it.
pub(crate) async fn confirm_subscription(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: ConfirmSubscriptionInput,
) -> Result<ConfirmSubscriptionResponse, ServiceError> {
    let key = topic_key(&input.topic_arn, "TopicArn")?;
    let is_authenticated = caller.access_key_id.is_some();
    let unsubscribing = match input.authenticate_on_unsubscribe.as_deref() {
        Some(value) if value.eq_ignore_ascii_case("true") => Unsubscribing::Authenticated,
        _ => Unsubscribing::Anybody,
    };
    if unsubscribing == Unsubscribing::Authenticated && !is_authenticated {
        return Err(denied("Only a signed call can ask for AuthenticateOnUnsubscribe."));
    }
    let topics = topics.clone();
    finish(async move {
        let _changing = topics.changing.lock().await;
        let core = &topics.core;
        let live = core.directory.topic(&key).ok_or_else(no_topic)?;
        let is_token = |there: &&Arc<Live>| there.resource.token.as_bytes().ct_eq(input.token.as_bytes()).into();
        let found = live.subscriptions.iter().find(is_token).filter(|_| !input.token.is_empty());
        let found = found.ok_or_else(|| invalid("Token"))?;
        if found.resource.token_expires <= core.clock.now().0 {
            return Err(invalid("Token"));
        }
        let confirmed = Subscription {
            state: State::Confirmed,
            was_authenticated: is_authenticated,
            unsubscribing,
            ..found.resource.value.clone()
        };
        if confirmed != found.resource.value && found.resource.state != State::Confirmed {
            core.subscriptions.update(&found.resource, confirmed).await.map_err(store)?;
            core.refresh(&key);
        }
        Ok(ConfirmSubscriptionResponse { subscription_arn: Some(found.arn.clone()) })
    })
    .await
}

/// Ends a subscription; one that is not there is no error. Its endpoint is told, where it was asked, and may take it up again.
pub(crate) async fn unsubscribe(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: UnsubscribeInput,
) -> Result<Unit, ServiceError> {
    let (key, id) = subscription_of(&input.subscription_arn)?;
    let (topics, caller) = (topics.clone(), caller.clone());
    finish(async move {
        let ended = topics.ended(&key, &id, &caller).await?;
        if let Some(ended) = ended {
            topics.ask(&key, &ended, Kind::UnsubscribeConfirmation).await?;
        }
        Ok(Unit {})
    })
    .await
}

impl Topics {
    /// Ends a subscription; it is returned if its endpoint is to be told.
    async fn ended(
        &self,
        key: &ResourceKey,
        id: &str,
        caller: &Caller,
    ) -> Result<Option<Arc<Versioned<Subscription>>>, ServiceError> {
        let _changing = self.changing.lock().await;
        let core = &self.core;
        let Some(live) = core.directory.topic(key) else { return Ok(None) };
        let found = live.subscriptions.iter().find(|there| subscription_id(&there.resource.key) == id);
        let Some(found) = found else { return Ok(None) };
        if found.resource.unsubscribing == Unsubscribing::Authenticated {
            if caller.access_key_id.is_none() {
                return Err(denied("The subscription can only be ended by a signed call."));
            }
            self.admit_to(caller, found, "SNS:Unsubscribe")?;
        }
        let was_asked = matches!(found.resource.protocol.as_str(), "http" | "https" | "email" | "email-json");
        match found.resource.state {
            State::Confirmed if was_asked && found.format == Format::Sns => {
                let ended = Subscription {
                    state: State::Ended,
                    token: self.token(found.resource.number),
                    token_expires: core.clock.now().0.saturating_add(TOKEN_MS),
                    ..found.resource.value.clone()
                };
                let ended = core.subscriptions.update(&found.resource, ended).await.map_err(store)?;
                core.refresh(key);
                Ok(Some(ended))
            }
            State::Ended => Ok(None),
            State::Pending => Err(invalid_because(
                "SubscriptionArn",
                "This subscription is not confirmed: it ends by itself, three days after it was asked for",
            )),
            State::Confirmed => {
                core.subscriptions.delete(&found.resource.key).await.map_err(store)?;
                core.refresh(key);
                Ok(None)
            }
        }
    }

    /// Forgets subscriptions that were not confirmed in time, and those that ended and were not taken up again.
    pub(crate) async fn forget_expired(&self) -> Result<(), ServiceError> {
        let now_ms = self.core.clock.now().0;
        let expired =
            |live: &Arc<Live>| live.resource.state != State::Confirmed && live.resource.token_expires <= now_ms;
        let candidates: Vec<_> = self.core.directory.subscriptions().into_iter().filter(expired).collect();
        for live in candidates {
            let _changing = self.changing.lock().await;
            let current = self.core.subscriptions.get(&live.resource.key);
            if current.is_some_and(|current| current.version == live.resource.version) {
                self.core.subscriptions.delete(&live.resource.key).await.map_err(store)?;
                self.core.refresh(&live.topic.key);
            }
        }
        Ok(())
    }
}

/// Lists the subscriptions of an account in a Region.
pub(crate) async fn list_subscriptions(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: ListSubscriptionsInput,
) -> Result<ListSubscriptionsResponse, ServiceError> {
    let place = ResourceKey::new(caller.account, &caller.region, "");
    let (subscriptions, next_token) = list(topics, &place, "", input.next_token.as_deref())?;
    Ok(ListSubscriptionsResponse { subscriptions: Some(subscriptions), next_token })
}

/// Lists the subscriptions of a topic.
pub(crate) async fn list_subscriptions_by_topic(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: ListSubscriptionsByTopicInput,
) -> Result<ListSubscriptionsByTopicResponse, ServiceError> {
    let key = own_topic_key(caller, &input.topic_arn, "TopicArn")?;
    let live = topics.topic_for(caller, &key, "SNS:ListSubscriptionsByTopic")?;
    let prefix = super::resources::subscription_prefix(live.topic.number);
    let (subscriptions, next_token) = list(topics, &key, &prefix, input.next_token.as_deref())?;
    Ok(ListSubscriptionsByTopicResponse { subscriptions: Some(subscriptions), next_token })
}

type Page = (Vec<ListedSubscription>, Option<String>);

fn list(topics: &Topics, place: &ResourceKey, prefix: &str, token: Option<&str>) -> Result<Page, ServiceError> {
    let after = paging::name_of(token)?;
    let all = &topics.core.subscriptions;
    let mut found = all.list(&place.account, place.region.as_ref(), prefix, after.as_deref(), PAGE_MAX + 1);
    let has_more = found.len() > PAGE_MAX;
    found.truncate(PAGE_MAX);
    let next_token = found.last().filter(|_| has_more).map(|last| paging::token(&last.key.name));
    let listed = found.iter().filter(|one| one.state != State::Ended).map(|one| {
        let topic = topic_arn(&ResourceKey { name: one.topic.clone(), ..one.key.clone() });
        let arn = match one.state {
            State::Pending => LISTED_PENDING.to_owned(),
            _ => format!("{topic}:{}", subscription_id(&one.key)),
        };
        ListedSubscription {
            subscription_arn: Some(arn),
            owner: Some(owner_of(one).to_string()),
            protocol: Some(one.protocol.clone()),
            endpoint: Some(one.endpoint.clone()),
            topic_arn: Some(topic),
        }
    });
    Ok((listed.collect(), next_token))
}

/// The subscription of an ARN, as long as it has not ended.
pub(crate) fn found(topics: &Topics, arn: &str) -> Result<Arc<Live>, ServiceError> {
    let (key, id) = subscription_of(arn)?;
    let live = topics.core.directory.topic(&key).ok_or_else(no_subscription)?;
    let found = live.subscriptions.iter().find(|there| subscription_id(&there.resource.key) == id);
    found.filter(|found| found.resource.state != State::Ended).cloned().ok_or_else(no_subscription)
}
