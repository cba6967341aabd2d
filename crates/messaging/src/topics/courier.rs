//! How one message is delivered to one subscription, a function for each protocol.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use watchkeep_core::ports::{MessageAttribute, MetricPlace, QueueError, QueueMessage, ServiceClient, StringOrBinary};
use watchkeep_core::{Arn, BoxFuture};
use watchkeep_delivery::Mail;
use watchkeep_delivery::outbox::{Attempt, Courier, LaneOrder, LaneRules, Parcel, RetryPolicy};

use super::chat;
use super::core::Core;
use super::delivery_policy::{CONTENT_TYPE, retries_of_aws, retries_of_mail};
use super::directory::{Format, Live, Shape};
use super::encryption::unread;
use super::limits::{AT_ONCE_MAX, QUEUE_AT_ONCE_MAX, RAW_ATTRIBUTES_MAX};
use super::message::{Attribute, Kind, Message};
use super::names::FIFO_SUFFIX;
use super::resources::State;

/// Who sends to queues, as their policies name it.
const PRINCIPAL: &str = "sns.amazonaws.com";

/// What SNS calls itself.
const USER_AGENT: &str = "Amazon Simple Notification Service Agent";

/// A parcel opened: the message, and who is to get it.
struct Opened {
    live: Arc<Live>,
    message: Arc<Message>,
    seq: u64,
}

impl Courier for Core {
    fn rules(&self, lane: u64) -> LaneRules {
        let Some(live) = self.directory.subscription(lane) else {
            return LaneRules { order: LaneOrder::Any, at_once_max: AT_ONCE_MAX, spacing_ms: 0 };
        };
        let is_http = matches!(live.resource.protocol.as_str(), "http" | "https");
        LaneRules {
            order: if live.is_ordered() { LaneOrder::Strict } else { LaneOrder::Any },
            at_once_max: if live.resource.protocol == "sqs" { QUEUE_AT_ONCE_MAX } else { AT_ONCE_MAX },
            spacing_ms: if is_http { live.http.spacing_ms() } else { 0 },
        }
    }

    fn retries(&self, lane: u64) -> RetryPolicy {
        let Some(live) = self.directory.subscription(lane) else { return RetryPolicy::standard() };
        match live.resource.protocol.as_str() {
            "http" | "https" => live.http.retries(),
            "email" | "email-json" => retries_of_mail(),
            _ => retries_of_aws(),
        }
    }

    fn deliver(&self, parcel: Parcel, failed: u32) -> BoxFuture<'_, Attempt> {
        Box::pin(async move {
            let opened = match self.open(parcel).await {
                Ok(opened) => opened,
                Err(attempt) => return attempt,
            };
            if !is_wanted(&opened) {
                return Attempt::Unwanted;
            }
            let handed_ms = self.clock.now().0;
            let attempt = match opened.live.resource.protocol.as_str() {
                "http" | "https" => self.by_http(&opened).await,
                "email" | "email-json" => self.by_mail(&opened).await,
                "sqs" => self.to_queue(&opened).await,
                "lambda" => self.to_function(&opened).await,
                other => Attempt::Refused(format!("there is no protocol {other}")),
            };
            if opened.message.kind == Kind::Notification {
                if attempt == Attempt::Delivered {
                    self.counters.of(&opened.live.topic.key).delivered.add(1.0);
                }
                let of = (&*opened.live, &*opened.message);
                self.log_status(of, &attempt, (failed, self.is_last(parcel, &attempt, failed)), handed_ms).await;
            }
            attempt
        })
    }

    fn bury(&self, parcel: Parcel, failed: u32) -> BoxFuture<'_, Attempt> {
        Box::pin(async move {
            let opened = match self.open(parcel).await {
                Ok(opened) => opened,
                Err(attempt) => {
                    let is_lost = matches!(attempt, Attempt::Refused(_));
                    if let Some(live) = self.directory.subscription(parcel.lane).filter(|_| is_lost) {
                        self.counters.of(&live.topic.key).failed.add(1.0);
                    }
                    return attempt;
                }
            };
            if opened.message.kind != Kind::Notification {
                return Attempt::Unwanted;
            }
            let counters = self.counters.of(&opened.live.topic.key);
            if failed == 0 {
                counters.failed.add(1.0);
            }
            let Some(queue) = opened.live.dead_letters.clone() else { return Attempt::Unwanted };
            let attempt = self.send(&opened, &queue).await;
            match &attempt {
                Attempt::Delivered => counters.redriven.add(1.0),
                Attempt::Refused(_) => counters.redrive_failed.add(1.0),
                _ => {}
            }
            attempt
        })
    }
}

/// Whether the subscription is in the state that the message is about.
fn is_wanted(opened: &Opened) -> bool {
    let of_this_token = opened.message.token.as_deref() == Some(opened.live.resource.token.as_str());
    match opened.message.kind {
        Kind::Notification => opened.live.is_confirmed(),
        Kind::SubscriptionConfirmation => opened.live.resource.state == State::Pending && of_this_token,
        Kind::UnsubscribeConfirmation => opened.live.resource.state == State::Ended && of_this_token,
    }
}

impl Core {
    async fn open(&self, parcel: Parcel) -> Result<Opened, Attempt> {
        let live = self.directory.subscription(parcel.lane).ok_or(Attempt::Unwanted)?;
        match self.message(parcel).await {
            Ok(Some(message)) => Ok(Opened { live, message, seq: parcel.content }),
            Ok(None) => {
                tracing::error!(seq = parcel.content, "a message that was to be delivered is not in the store");
                Err(Attempt::Unwanted)
            }
            Err(error) => Err(unread(&error)),
        }
    }

    /// Whether no other try follows this one.
    fn is_last(&self, parcel: Parcel, attempt: &Attempt, failed: u32) -> bool {
        let age_ms = self.clock.now().0.saturating_sub(parcel.time_ms).max(0).unsigned_abs();
        match attempt {
            Attempt::Later(_) => {
                let (failed, age) = (failed.saturating_add(1), Duration::from_millis(age_ms));
                !self.retries(parcel.lane).goes_on(failed, age)
            }
            Attempt::Held(_) => false,
            Attempt::Delivered | Attempt::Unwanted | Attempt::Refused(_) => true,
        }
    }

    async fn by_http(&self, opened: &Opened) -> Attempt {
        let Opened { live, message, seq } = opened;
        let endpoint = live.resource.endpoint.as_str();
        let text = message.text_for(&live.resource.protocol);
        let drawn = match live.format {
            Format::Slack => Some(chat::slack(message, text)),
            Format::Teams => Some(chat::teams(message, text)),
            Format::Sns => None,
        };
        if let Some(drawn) = drawn {
            let headers = [("content-type", "application/json".to_owned())];
            return self.webhooks.post(endpoint, &headers, Bytes::from(drawn.to_string())).await;
        }
        let is_notification = message.kind == Kind::Notification;
        let is_raw = live.shape == Shape::Raw && is_notification;
        let content_type = if is_notification { live.http.content_type() } else { CONTENT_TYPE };
        let mut headers = vec![
            ("content-type", content_type.to_owned()),
            ("user-agent", USER_AGENT.to_owned()),
            ("x-amz-sns-message-type", message.kind.as_str().to_owned()),
            ("x-amz-sns-message-id", message.id.clone()),
            ("x-amz-sns-topic-arn", message.topic_arn.clone()),
        ];
        if message.kind != Kind::SubscriptionConfirmation {
            headers.push(("x-amz-sns-subscription-arn", live.arn.clone()));
        }
        if is_raw {
            headers.push(("x-amz-sns-rawdelivery", "true".to_owned()));
            return self.webhooks.post(endpoint, &headers, Bytes::copy_from_slice(text.as_bytes())).await;
        }
        match self.envelope(live, message, *seq).await {
            Ok(envelope) => self.webhooks.post(endpoint, &headers, Bytes::from(envelope.text)).await,
            Err(error) => Attempt::Later(error),
        }
    }

    async fn by_mail(&self, opened: &Opened) -> Attempt {
        let Opened { live, message, seq } = opened;
        let Some(mailer) = &self.mailer else {
            return Attempt::Refused("the server has no mail server to hand mail to".to_owned());
        };
        let is_json = live.resource.protocol == "email-json";
        let text = match (message.kind, is_json) {
            (_, true) => match self.envelope(live, message, *seq).await {
                Ok(envelope) => envelope.text,
                Err(error) => return Attempt::Later(error),
            },
            (Kind::Notification, false) => format!(
                "{}\n\n--\nThis is a message of the topic {}. To get no more of them, open\n{}\n",
                message.text_for("email"),
                live.topic_arn,
                self.unsubscribe_url(&live.arn)
            ),
            (Kind::SubscriptionConfirmation, false) => format!(
                "This address was subscribed to the topic\n{}\n\nTo get its messages, open\n{}\n\nIf you did not expect this mail, do nothing: no messages will follow.\n",
                live.topic_arn,
                self.subscribe_url(&message.topic_arn, message.token.as_deref().unwrap_or_default())
            ),
            (Kind::UnsubscribeConfirmation, false) => format!(
                "This address gets no more messages of the topic\n{}\n\nIf that was a mistake, open\n{}\n",
                live.topic_arn,
                self.subscribe_url(&message.topic_arn, message.token.as_deref().unwrap_or_default())
            ),
        };
        let subject = match message.kind {
            Kind::Notification => message.subject.clone().unwrap_or_else(|| "Notification Message".to_owned()),
            Kind::SubscriptionConfirmation => "Subscription Confirmation".to_owned(),
            Kind::UnsubscribeConfirmation => "Unsubscribe Confirmation".to_owned(),
        };
        let display_name = live.topic.attribute("DisplayName").filter(|name| !name.is_empty());
        let mail = Mail {
            from_name: display_name.map(str::to_owned),
            to: live.resource.endpoint.clone(),
            subject,
            text,
            id: format!("{}-{}", message.id, live.resource.number),
            unsubscribe_url: (message.kind == Kind::Notification).then(|| self.unsubscribe_url(&live.arn)),
        };
        mailer.send(&mail).await
    }

    async fn to_queue(&self, opened: &Opened) -> Attempt {
        self.send(opened, &opened.live.resource.endpoint).await
    }

    /// Sends the message to a queue, as the subscription gets messages.
    async fn send(&self, opened: &Opened, queue_arn: &str) -> Attempt {
        let Opened { live, message, seq } = opened;
        let is_raw = live.shape == Shape::Raw && message.kind == Kind::Notification;
        if is_raw && message.attributes.len() > RAW_ATTRIBUTES_MAX {
            return Attempt::Refused(format!("raw delivery carries at most {RAW_ATTRIBUTES_MAX} attributes"));
        }
        let body = match is_raw {
            true => message.text_for(&live.resource.protocol).to_owned(),
            false => match self.envelope(live, message, *seq).await {
                Ok(envelope) => envelope.text,
                Err(error) => return Attempt::Later(error),
            },
        };
        let is_fifo = queue_arn.ends_with(FIFO_SUFFIX);
        // What is asked of a FIFO queue of another account needs a group, too.
        let asked = |id: &String| Some(id.clone()).filter(|_| is_fifo && message.kind != Kind::Notification);
        let queue_message = QueueMessage {
            body,
            attributes: if is_raw {
                message.attributes.iter().filter_map(queue_attribute).collect()
            } else {
                Vec::new()
            },
            group_id: message.group_id.clone().or_else(|| asked(&message.id)),
            deduplication_id: message.deduplication_id.clone().filter(|_| is_fifo).or_else(|| asked(&message.id)),
            trace_header: None,
        };
        let key = &live.topic.key;
        let client = ServiceClient {
            principal: PRINCIPAL,
            place: MetricPlace { account: key.account, region: key.region.clone().unwrap_or_default() },
            source_arn: live.topic_arn.clone(),
        };
        match self.queues.send_for(&client, queue_arn, queue_message).await {
            Ok(()) => Attempt::Delivered,
            Err(QueueError::Busy(why)) => Attempt::Later(why),
            Err(error @ (QueueError::NoSuchQueue | QueueError::Refused(_))) => Attempt::Refused(error.to_string()),
        }
    }

    async fn to_function(&self, opened: &Opened) -> Attempt {
        let Opened { live, message, seq } = opened;
        let Some(url) = self.function_url(&live.resource.endpoint) else {
            return Attempt::Refused("the server's settings name no URL for the function".to_owned());
        };
        let event = match self.envelope(live, message, *seq).await {
            Ok(envelope) => function_event(live, message, envelope.members),
            Err(error) => return Attempt::Later(error),
        };
        let headers = [("content-type", "application/json".to_owned()), ("x-amz-invocation-type", "Event".to_owned())];
        self.webhooks_of_settings.post(url, &headers, Bytes::from(event.to_string())).await
    }

    /// The URL of the function of an ARN.
    pub(crate) fn function_url(&self, arn: &str) -> Option<&str> {
        let arn: Arn = arn.parse().ok().filter(|arn: &Arn| arn.service == "lambda")?;
        let name = arn.resource.strip_prefix("function:")?;
        let plain = name.split(':').next().unwrap_or(name);
        self.functions.get(name).or_else(|| self.functions.get(plain)).map(String::as_str)
    }
}

/// A message attribute as queues have it. Arrays are text there.
fn queue_attribute((name, attribute): (&String, &Attribute)) -> Option<(String, MessageAttribute)> {
    use base64::Engine as _;
    let data_type = if attribute.data_type == "String.Array" { "String" } else { attribute.data_type.as_str() };
    let value = match data_type.starts_with("Binary") {
        true => StringOrBinary::Binary(base64::engine::general_purpose::STANDARD.decode(&attribute.value).ok()?),
        false => StringOrBinary::String(attribute.value.clone()),
    };
    Some((name.clone(), MessageAttribute { data_type: data_type.to_owned(), value }))
}

/// The event that a function gets ("Fanout to Lambda functions").
fn function_event(live: &Live, message: &Message, mut members: Map<String, Value>) -> Value {
    for (name, renamed) in [("SigningCertURL", "SigningCertUrl"), ("UnsubscribeURL", "UnsubscribeUrl")] {
        if let Some(value) = members.remove(name) {
            members.insert(renamed.to_owned(), value);
        }
    }
    members.entry("Subject").or_insert(Value::Null);
    members.insert("MessageAttributes".to_owned(), message.attributes_json());
    json!({"Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": live.arn,
        "Sns": members,
    }]})
}
