//! Tags of rules and buses. Source: "TagResource".

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::{Arn, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::events::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};
use watchkeep_store::ResourceKey;

use crate::Events;
use crate::errors::{invalid, invalid_parameter, no_bus, no_rule, too_many};
use crate::limits::TAGS_MAX;
use crate::names::{DEFAULT_BUS, rule_key, rule_name};
use crate::rules::Managed;

/// What has tags.
enum Tagged {
    Bus(ResourceKey),
    Rule(ResourceKey),
}

type Tags = BTreeMap<String, String>;

/// Adds tags, or gives those that are there other values.
pub(crate) async fn tag_resource(
    events: &Arc<Events>,
    caller: &Caller,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, ServiceError> {
    let tags = checked(input.tags)?;
    change(events, caller, &input.resource_arn, move |kept| {
        kept.extend(tags);
        if kept.len() > TAGS_MAX { Err(too_many()) } else { Ok(()) }
    })
    .await
    .map(|()| TagResourceResponse {})
}

/// Removes tags; those that are not there are no error.
pub(crate) async fn untag_resource(
    events: &Arc<Events>,
    caller: &Caller,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, ServiceError> {
    change(events, caller, &input.resource_arn, move |kept| {
        kept.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    })
    .await
    .map(|()| UntagResourceResponse {})
}

/// Lists tags.
pub(crate) async fn list_tags_for_resource(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, ServiceError> {
    let tags = match tagged(caller, &input.resource_arn)? {
        Tagged::Bus(key) => events.bus_tags(&key)?,
        Tagged::Rule(key) => {
            let rule = events.core.rules.get(&key).ok_or_else(|| no_rule_of(&key))?;
            tags_of(&rule.tags)
        }
    };
    Ok(ListTagsForResourceResponse { tags: Some(tags) })
}

async fn change(
    events: &Arc<Events>,
    caller: &Caller,
    arn: &str,
    change: impl FnOnce(&mut Tags) -> Result<(), ServiceError> + Send + 'static,
) -> Result<(), ServiceError> {
    match tagged(caller, arn)? {
        Tagged::Bus(key) => events.change_bus(key, |bus| change(&mut bus.tags)).await.map(drop),
        Tagged::Rule(key) => {
            if events.core.rules.get(&key).is_none() {
                return Err(no_rule_of(&key));
            }
            events.change_rule(key, Managed::Refused, |rule| change(&mut rule.tags)).await
        }
    }
}

fn no_rule_of(key: &ResourceKey) -> ServiceError {
    no_rule(rule_name(key), &crate::names::bus_of_rule(key).name)
}

fn tagged(caller: &Caller, arn: &str) -> Result<Tagged, ServiceError> {
    let wrong = || invalid_parameter("ResourceARN", "it is not the ARN of a rule or an event bus.");
    let parsed: Arn = arn.parse().ok().filter(|arn: &Arn| arn.service == "events").ok_or_else(wrong)?;
    let is_own = parsed.account == caller.account.as_str() && parsed.region == caller.region.as_str();
    let bus = |name: &str| ResourceKey::new(caller.account, &caller.region, name);
    if let Some(name) = parsed.resource.strip_prefix("event-bus/") {
        return if is_own { Ok(Tagged::Bus(bus(name))) } else { Err(no_bus(name)) };
    }
    let rule = parsed.resource.strip_prefix("rule/").ok_or_else(wrong)?;
    let (of_bus, name) = rule.rsplit_once('/').unwrap_or((DEFAULT_BUS, rule));
    if is_own { Ok(Tagged::Rule(rule_key(&bus(of_bus), name))) } else { Err(no_rule(name, of_bus)) }
}

/// Tags as they are kept.
///
/// # Errors
///
/// Their number, or one of them, breaks a rule.
pub(crate) fn checked(tags: Vec<Tag>) -> Result<Tags, ServiceError> {
    let mut checked = Tags::new();
    for Tag { key, value } in tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys that begin with aws: are reserved."));
        }
        if checked.insert(key, value).is_some() {
            return Err(invalid("Duplicated keys are not allowed."));
        }
    }
    if checked.len() > TAGS_MAX { Err(too_many()) } else { Ok(checked) }
}

/// Tags as the API has them.
pub(crate) fn tags_of(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}
