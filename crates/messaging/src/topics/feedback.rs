//! Delivery status: what became of a topic's deliveries, as events of log groups. Source: "Amazon SNS message delivery status".

use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{IfAbsent, LogEventInput, MetricPlace};
use watchkeep_delivery::outbox::Attempt;

use super::core::Core;
use super::directory::Live;
use super::message::Message;
use super::resources::{Topic, subscription_id};

/// The kinds of endpoint that have it, as attributes begin; those beyond are of services that nobody here delivers to.
const KINDS: &[&str] = &["HTTP", "Lambda", "SQS", "Application", "Firehose"];

/// Whether a topic can have an attribute of this name, and this value of it.
///
/// # Errors
/// What is wrong with the value.
pub(crate) fn check(name: &str, value: &str) -> Option<Result<(), String>> {
    let rest = KINDS.iter().find_map(|kind| name.strip_prefix(kind))?;
    match rest {
        "SuccessFeedbackRoleArn" | "FailureFeedbackRoleArn" => {
            let is_role = value.is_empty() || (value.starts_with("arn:") && value.contains(":role/"));
            Some(if is_role { Ok(()) } else { Err(format!("{name}: {value} is not the ARN of a role")) })
        }
        "SuccessFeedbackSampleRate" => {
            let is_rate = value.is_empty() || value.parse::<u8>().is_ok_and(|rate| rate <= 100);
            Some(if is_rate { Ok(()) } else { Err(format!("{name}: {value} is not a number from 0 to 100")) })
        }
        _ => None,
    }
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Status {
    Success,
    Failure,
}

impl Core {
    /// Writes down how a delivery ended, if the topic wants it. `failed` tries were in vain before, and `is_last` says that no other
    /// follows; `handed_ms` is when the message was handed over.
    pub(crate) async fn log_status(
        &self,
        (live, message): (&Live, &Message),
        attempt: &Attempt,
        (failed, is_last): (u32, bool),
        handed_ms: i64,
    ) {
        let (Some(logs), Some(kind)) = (&self.logs, kind_of(&live.resource.protocol)) else { return };
        let delivery_id = delivery_id(&message.id, live.resource.number);
        let status = match attempt {
            Attempt::Delivered if is_sampled(&live.topic, kind, &delivery_id) => Status::Success,
            Attempt::Refused(_) | Attempt::Later(_) if is_last && has_role(&live.topic, kind, "Failure") => {
                Status::Failure
            }
            _ => return,
        };
        let key = &live.topic.key;
        let place = MetricPlace { account: key.account, region: key.region.clone().unwrap_or_default() };
        let mut group = format!("sns/{}/{}/{}", place.region, key.account, key.name);
        if status == Status::Failure {
            group.push_str("/Failure");
        }
        let event = event((live, message), attempt, failed, handed_ms, &delivery_id);
        let event = LogEventInput { time: TimestampMs(self.clock.now().0), message: event.to_string() };
        let stream = subscription_id(&live.resource.key);
        if let Err(error) = logs.put(&place, &group, stream, IfAbsent::Create, vec![event]).await {
            tracing::warn!(%error, group, "how a delivery ended is not logged");
        }
    }
}

fn kind_of(protocol: &str) -> Option<&'static str> {
    match protocol {
        "http" | "https" => Some("HTTP"),
        "lambda" => Some("Lambda"),
        "sqs" => Some("SQS"),
        _ => None,
    }
}

fn has_role(topic: &Topic, kind: &str, which: &str) -> bool {
    topic.attribute(&format!("{kind}{which}FeedbackRoleArn")).is_some()
}

/// Whether this successful delivery is one of those that are logged: so many in a hundred, none without a rate.
fn is_sampled(topic: &Topic, kind: &str, delivery_id: &str) -> bool {
    let rate = topic.attribute(&format!("{kind}SuccessFeedbackSampleRate"));
    let rate: u64 = rate.and_then(|rate| rate.parse().ok()).unwrap_or_default();
    let at = u64::from_str_radix(delivery_id.get(..8).unwrap_or_default(), 16).unwrap_or_default() % 100;
    at < rate && has_role(topic, kind, "Success")
}

/// The same for all tries of a delivery.
fn delivery_id(message_id: &str, subscription: u64) -> String {
    let hash = hex::encode(Sha256::digest(format!("{message_id}/{subscription}")));
    let part = |range: std::ops::Range<usize>| hash.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

fn event(
    (live, message): (&Live, &Message),
    attempt: &Attempt,
    failed: u32,
    handed_ms: i64,
    delivery_id: &str,
) -> Value {
    let (status, response, code) = match attempt {
        Attempt::Later(why) | Attempt::Refused(why) | Attempt::Held(why) => ("FAILURE", why.as_str(), code_of(why)),
        Attempt::Delivered | Attempt::Unwanted => ("SUCCESS", "OK", Some(200)),
    };
    let text = message.text_for(&live.resource.protocol);
    let mut delivery = json!({
        "deliveryId": delivery_id,
        "destination": live.resource.endpoint,
        "providerResponse": response,
        "dwellTimeMs": handed_ms.saturating_sub(message.time_ms).max(0),
        "attempts": failed.saturating_add(1),
    });
    if let (Some(code), Some(members)) = (code, delivery.as_object_mut()) {
        members.insert("statusCode".to_owned(), code.into());
    }
    json!({
        "notification": {
            "messageMD5Sum": hex::encode(Md5::digest(text)),
            "messageId": message.id,
            "topicArn": message.topic_arn,
            "timestamp": message.timestamp().replace('T', " ").trim_end_matches('Z'),
        },
        "delivery": delivery,
        "status": status,
    })
}

/// The status that an endpoint answered with; none if it did not answer.
fn code_of(why: &str) -> Option<u16> {
    let rest = why.strip_prefix("status ")?;
    rest.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_keep_their_rules() {
        for (name, value, is_right) in [
            ("HTTPSuccessFeedbackRoleArn", "arn:aws:iam::123456789012:role/r", true),
            ("SQSFailureFeedbackRoleArn", "", true),
            ("LambdaSuccessFeedbackSampleRate", "100", true),
            ("LambdaSuccessFeedbackSampleRate", "101", false),
            ("LambdaSuccessFeedbackSampleRate", "-1", false),
            ("SQSFailureFeedbackRoleArn", "r", false),
        ] {
            assert_eq!(check(name, value).unwrap().is_ok(), is_right, "{name}={value}");
        }
        for name in ["SQSFailureFeedbackSampleRate", "DisplayName", "SMSSuccessFeedbackRoleArn"] {
            assert_eq!(check(name, ""), None, "{name}");
        }
    }

    #[test]
    fn an_answers_status_is_told() {
        assert_eq!(code_of("status 404 not here"), Some(404));
        assert_eq!(code_of("no answer in time"), None);
        assert_eq!(delivery_id("m", 1), delivery_id("m", 1));
        assert_ne!(delivery_id("m", 1), delivery_id("m", 2));
        assert_eq!(delivery_id("m", 1).len(), 36);
    }
}
