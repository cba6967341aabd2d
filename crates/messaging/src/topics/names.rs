//! Names and ARNs of topics and subscriptions.

use watchkeep_core::{AccountId, Arn, Caller, Region};
use watchkeep_model::ServiceError;
use watchkeep_store::ResourceKey;

use super::errors::invalid;
use super::limits::TOPIC_NAME_CHARS_MAX;
use super::resources::TopicKind;

/// The end of the names of FIFO topics and queues.
pub(crate) const FIFO_SUFFIX: &str = ".fifo";

/// What kind of topic a name is of.
///
/// # Errors
///
/// It is no topic's name.
pub(crate) fn kind_of_name(name: &str) -> Result<TopicKind, ServiceError> {
    let (plain, kind) = match name.strip_suffix(FIFO_SUFFIX) {
        Some(plain) => (plain, TopicKind::Fifo),
        None => (name, TopicKind::Standard),
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if plain.is_empty() || name.len() > TOPIC_NAME_CHARS_MAX || !plain.bytes().all(is_plain) {
        return Err(invalid("Topic Name"));
    }
    Ok(kind)
}

/// A topic's ARN.
pub(crate) fn topic_arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", Region::as_str);
    Arn::new("sns", region, key.account.as_str(), key.name.as_str()).to_string()
}

/// The key of the topic of an ARN. `parameter` is what the ARN was given as.
///
/// # Errors
///
/// It is no topic's ARN.
pub(crate) fn topic_key(arn: &str, parameter: &str) -> Result<ResourceKey, ServiceError> {
    let (account, region, name) = parse(arn).ok_or_else(|| invalid(parameter))?;
    if name.contains(':') {
        return Err(invalid(parameter));
    }
    Ok(ResourceKey::new(account, &region, name))
}

/// The same, of a topic that the caller may ask for: one of his own Region.
///
/// # Errors
///
/// It is no such topic's ARN.
pub(crate) fn own_topic_key(caller: &Caller, arn: &str, parameter: &str) -> Result<ResourceKey, ServiceError> {
    let key = topic_key(arn, parameter)?;
    match key.region.as_ref() == Some(&caller.region) {
        true => Ok(key),
        false => Err(invalid(parameter)),
    }
}

/// The key of the topic and the id of a subscription's ARN.
///
/// # Errors
///
/// It is no subscription's ARN.
pub(crate) fn subscription_of(arn: &str) -> Result<(ResourceKey, String), ServiceError> {
    let wrong = || {
        invalid(format!("SubscriptionArn Reason: An ARN must have at least 6 elements, not {}", arn.split(':').count()))
    };
    if arn.split(':').count() < 6 {
        return Err(wrong());
    }
    let (account, region, resource) = parse(arn).ok_or_else(|| invalid("SubscriptionArn"))?;
    match resource.split_once(':') {
        Some((topic, id)) if !topic.is_empty() && !id.is_empty() => {
            Ok((ResourceKey::new(account, &region, topic), id.to_owned()))
        }
        _ => Err(invalid("SubscriptionId")),
    }
}

fn parse(arn: &str) -> Option<(AccountId, Region, String)> {
    let arn: Arn = arn.parse().ok()?;
    (arn.service == "sns").then_some(())?;
    Some((arn.account.parse().ok()?, arn.region.parse().ok()?, arn.resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_kind() {
        assert_eq!(kind_of_name("a-B_9").unwrap(), TopicKind::Standard);
        assert_eq!(kind_of_name("orders.fifo").unwrap(), TopicKind::Fifo);
        for bad in ["", ".fifo", "a.b", "a b", "ä", &"x".repeat(257)] {
            assert_eq!(kind_of_name(bad).unwrap_err().message, "Invalid parameter: Topic Name", "{bad}");
        }
    }

    #[test]
    fn arns_are_taken_apart() {
        let key = topic_key("arn:aws:sns:eu-west-1:123456789012:t", "TopicArn").unwrap();
        assert_eq!(topic_arn(&key), "arn:aws:sns:eu-west-1:123456789012:t");
        let (key, id) = subscription_of("arn:aws:sns:eu-west-1:123456789012:t:some-id").unwrap();
        assert_eq!((key.name.as_str(), id.as_str()), ("t", "some-id"));
        for bad in [
            "",
            "t",
            "arn:aws:sqs:eu-west-1:123456789012:t",
            "arn:aws:sns:eu-west-1:1:t",
            "arn:aws:sns:eu-west-1:123456789012:t:x",
        ] {
            assert!(topic_key(bad, "TopicArn").is_err(), "{bad}");
        }
        assert!(subscription_of("arn:aws:sns:eu-west-1:123456789012:t").is_err());
    }
}
