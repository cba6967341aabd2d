//! GetSubscriptionAttributes and SetSubscriptionAttributes.

use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_lang::filter_policy::{FilterPolicy, Scope};
use watchkeep_model::sns::{
    GetSubscriptionAttributesInput, GetSubscriptionAttributesResponse, SetSubscriptionAttributesInput,
};
use watchkeep_model::{ServiceError, Unit};

use super::Topics;
use super::delivery_policy;
use super::directory::RedrivePolicy;
use super::errors::{finish, invalid, no_subscription, store};
use super::resources::{State, Subscription, owner_of};
use super::subscriptions::{check_filter_policies, found};
use super::topic_attributes::set;

/// The attributes of a subscription.
pub(crate) async fn get_subscription_attributes(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: GetSubscriptionAttributesInput,
) -> Result<GetSubscriptionAttributesResponse, ServiceError> {
    let live = found(topics, &input.subscription_arn)?;
    topics.admit_to(caller, &live, "SNS:GetSubscriptionAttributes")?;
    let subscription = &live.resource;
    let mut attributes = subscription.attributes.clone();
    let mut add = |name: &str, value: String| attributes.insert(name.to_owned(), value);
    add("SubscriptionArn", live.arn.clone());
    add("TopicArn", live.topic_arn.clone());
    add("Owner", owner_of(subscription).to_string());
    add("Protocol", subscription.protocol.clone());
    add("Endpoint", subscription.endpoint.clone());
    add("SubscriptionPrincipal", subscription.principal.clone());
    add("PendingConfirmation", (subscription.state == State::Pending).to_string());
    add("ConfirmationWasAuthenticated", subscription.was_authenticated.to_string());
    add("RawMessageDelivery", (subscription.attribute("RawMessageDelivery") == Some("true")).to_string());
    if subscription.attribute("FilterPolicy").is_some() {
        let scope = subscription.attribute("FilterPolicyScope").unwrap_or("MessageAttributes");
        add("FilterPolicyScope", scope.to_owned());
    }
    if matches!(subscription.protocol.as_str(), "http" | "https") {
        add("EffectiveDeliveryPolicy", live.http.of_subscription_json());
    }
    Ok(GetSubscriptionAttributesResponse { attributes: Some(attributes) })
}

/// Sets an attribute of a subscription; without a value, it is as if it was never set.
pub(crate) async fn set_subscription_attributes(
    topics: &Arc<Topics>,
    caller: &Caller,
    input: SetSubscriptionAttributesInput,
) -> Result<Unit, ServiceError> {
    let (name, value) = (input.attribute_name, input.attribute_value.unwrap_or_default());
    let (topics, caller) = (topics.clone(), caller.clone());
    finish(async move {
        let _changing = topics.changing.lock().await;
        let live = found(&topics, &input.subscription_arn)?;
        topics.admit_to(&caller, &live, "SNS:SetSubscriptionAttributes")?;
        let current = &live.resource;
        let scope = current.attribute("FilterPolicyScope");
        check(&current.protocol, &name, &value, scope).map_err(invalid)?;
        if name == "FilterPolicyScope"
            && let Some(policy) = current.attribute("FilterPolicy")
        {
            // The policy that is there must be one in its new scope, too.
            check(&current.protocol, "FilterPolicy", policy, Some(&value)).map_err(invalid)?;
        }
        if name == "FilterPolicy" && !value.is_empty() && current.attribute("FilterPolicy").is_none() {
            let topic = topics.core.directory.topic(&live.topic.key).ok_or_else(no_subscription)?;
            check_filter_policies(&topic)?;
        }
        let mut changed: Subscription = current.value.clone();
        set(&mut changed.attributes, name, value);
        if changed != current.value {
            topics.core.subscriptions.update(current, changed).await.map_err(store)?;
            topics.core.refresh(&live.topic.key);
            topics.outbox.poke();
        }
        Ok(Unit {})
    })
    .await
}

/// Checks an attribute that is set; the text says what is wrong. `scope` is the subscription's `FilterPolicyScope`.
pub(crate) fn check(protocol: &str, name: &str, value: &str, scope: Option<&str>) -> Result<(), String> {
    if value.is_empty() && ATTRIBUTES.contains(&name) {
        return Ok(());
    }
    let is_http = matches!(protocol, "http" | "https");
    match name {
        "FilterPolicy" => {
            let scope = if scope == Some("MessageBody") { Scope::Body } else { Scope::Attributes };
            FilterPolicy::parse(value, scope).map(drop).map_err(|error| format!("FilterPolicy: {error}"))
        }
        "FilterPolicyScope" => one_of(name, value, &["MessageAttributes", "MessageBody"]),
        "RawMessageDelivery" if !is_http && protocol != "sqs" => {
            Err(format!("RawMessageDelivery: protocol {protocol} does not have it"))
        }
        "RawMessageDelivery" => one_of(name, value, &["true", "false"]),
        "DeliveryPolicy" if !is_http => Err("DeliveryPolicy: only protocols http and https have it".to_owned()),
        "DeliveryPolicy" => {
            delivery_policy::check_of_subscription(value).map_err(|reason| format!("DeliveryPolicy: {reason}"))
        }
        "RedrivePolicy" => check_redrive_policy(value),
        "WatchkeepFormat" if !is_http => Err("WatchkeepFormat: only protocols http and https have it".to_owned()),
        "WatchkeepFormat" => one_of(name, value, &["sns", "slack", "teams"]),
        "SubscriptionRoleArn" => Err("SubscriptionRoleArn: it is of protocol firehose only".to_owned()),
        "ReplayPolicy" => Err("ReplayPolicy: this server archives no messages".to_owned()),
        _ => Err("AttributeName".to_owned()),
    }
}

/// The attributes that can be taken away again.
const ATTRIBUTES: &[&str] =
    &["FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "DeliveryPolicy", "RedrivePolicy", "WatchkeepFormat"];

fn one_of(name: &str, value: &str, allowed: &[&str]) -> Result<(), String> {
    match allowed.contains(&value) {
        true => Ok(()),
        false => Err(format!("{name}: Invalid value [{value}]. Please use {}", allowed.join(" or "))),
    }
}

fn check_redrive_policy(text: &str) -> Result<(), String> {
    let policy: RedrivePolicy =
        serde_json::from_str(text).map_err(|error| format!("RedrivePolicy: failed to parse JSON: {error}"))?;
    let arn: Result<Arn, _> = policy.dead_letter_target_arn.parse();
    match arn {
        Ok(arn) if arn.service == "sqs" => Ok(()),
        _ => Err("RedrivePolicy: deadLetterTargetArn is an invalid ARN".to_owned()),
    }
}
