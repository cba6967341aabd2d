//! Where subscriptions deliver: data streams, delivery streams and functions, by their ARNs, through ports.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt as _;
use watchkeep_core::ports::{DataRecord, DataStreamError, InvokeError};
use watchkeep_core::{Arn, Random, uuid};
use watchkeep_delivery::DeliveryError;

use super::SubscriptionPorts;
use super::resources::Distribution;
use crate::limits::{
    DATA_RECORD_BYTES_MAX, DATA_RECORDS_AT_ONCE, DATA_RECORDS_BYTES_AT_ONCE, FUNCTION_TIME, FUNCTIONS_AT_ONCE,
};

/// What an ARN names that a subscription can deliver to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Vendor {
    /// A data stream of Kinesis.
    DataStream,
    /// A delivery stream of Firehose.
    DeliveryStream,
    /// A function of Lambda.
    Function,
    /// A destination, which stands for one of the others.
    Destination,
}

impl Vendor {
    /// What is named by an ARN.
    pub(super) fn of(arn: &Arn) -> Option<Vendor> {
        let is = |prefix: &str| arn.resource.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
        match arn.service.as_str() {
            "kinesis" if is("stream/") => Some(Vendor::DataStream),
            "firehose" if is("deliverystream/") => Some(Vendor::DeliveryStream),
            "lambda" if is("function:") => Some(Vendor::Function),
            "logs" if is("destination:") => Some(Vendor::Destination),
            _ => None,
        }
    }

    /// As errors name it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Vendor::DataStream => "kinesis",
            Vendor::DeliveryStream => "firehose",
            Vendor::Function => "lambda",
            Vendor::Destination => "logs",
        }
    }

    /// As the dimension `DestinationType` has it.
    pub(super) fn destination_type(self) -> &'static str {
        match self {
            Vendor::DataStream => "Kinesis Stream",
            Vendor::DeliveryStream => "Firehose",
            Vendor::Function => "Lambda",
            Vendor::Destination => "Cross Account Destination",
        }
    }

    /// As control messages name it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Vendor::DataStream => "Kinesis stream",
            Vendor::DeliveryStream => "Firehose",
            Vendor::Function => "Lambda function",
            Vendor::Destination => "destination",
        }
    }
}

/// A message for a target: some events of one log stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Tells its log stream from others.
    pub stream: u64,
    /// The message, compressed.
    pub data: Vec<u8>,
    /// How many events it has.
    pub events: usize,
    /// When the newest of them was received, in milliseconds since the epoch.
    pub ingested: i64,
}

/// Why messages were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// They may be taken later: there is too much just now.
    Throttled(String),
    /// They may be taken later.
    Later(String),
    /// Some will never be taken, others may be.
    Never(String),
    /// Nothing will be taken as long as somebody does not set it right.
    Closed(String),
}

impl Refusal {
    /// Why, for a person.
    pub(super) fn reason(&self) -> &str {
        let (Refusal::Throttled(why) | Refusal::Later(why) | Refusal::Never(why) | Refusal::Closed(why)) = self;
        why
    }
}

/// What became of messages.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Those that were taken.
    pub taken: Vec<Message>,
    /// Those that were not and may be later, in their order.
    pub left: Vec<Message>,
    /// Those that never will be.
    pub refused: Vec<Message>,
    /// Why not.
    pub refusal: Option<Refusal>,
}

/// Hands messages to a target, those of one log stream in their order.
pub(super) async fn send(
    ports: &SubscriptionPorts,
    random: &dyn Random,
    (vendor, arn): (Vendor, &Arn),
    distribution: Distribution,
    messages: Vec<Message>,
) -> Sent {
    match vendor {
        Vendor::DataStream => to_data_stream(ports, random, &arn.to_string(), distribution, messages).await,
        Vendor::DeliveryStream => to_delivery_stream(ports, &arn.to_string(), messages).await,
        Vendor::Function => to_function(ports, arn, messages).await,
        Vendor::Destination => {
            let refusal = Some(Refusal::Closed("a destination cannot be a destination's target".to_owned()));
            Sent { left: messages, refusal, ..Sent::default() }
        }
    }
}

async fn to_data_stream(
    ports: &SubscriptionPorts,
    random: &dyn Random,
    arn: &str,
    distribution: Distribution,
    messages: Vec<Message>,
) -> Sent {
    let mut sent = Sent::default();
    let mut rest = messages.into_iter().peekable();
    while rest.peek().is_some() {
        let (mut some, mut bytes) = (Vec::new(), 0);
        while let Some(next) = rest.next_if(|next| {
            some.is_empty()
                || (some.len() < DATA_RECORDS_AT_ONCE && bytes + next.data.len() <= DATA_RECORDS_BYTES_AT_ONCE)
        }) {
            bytes += next.data.len();
            some.push(next);
        }
        if let [one] = &some[..]
            && one.data.len() > DATA_RECORD_BYTES_MAX
        {
            sent.refusal = Some(Refusal::Never("a message is larger than a record can be".to_owned()));
            (sent.refused, sent.left) = (some, rest.collect());
            return sent;
        }
        let record = |message: &Message| DataRecord {
            partition_key: match distribution {
                Distribution::ByLogStream => format!("{:016x}", message.stream),
                Distribution::Random => uuid(random).simple().to_string(),
            },
            data: message.data.clone(),
        };
        let records = some.iter().map(record).collect();
        if let Err(error) = ports.streams.put(arn, records).await {
            sent.refusal = Some(match error {
                DataStreamError::Busy(why) => Refusal::Throttled(why),
                error => Refusal::Closed(error.to_string()),
            });
            sent.left = some.into_iter().chain(rest).collect();
            return sent;
        }
        sent.taken.extend(some);
    }
    sent
}

async fn to_delivery_stream(ports: &SubscriptionPorts, arn: &str, messages: Vec<Message>) -> Sent {
    if !ports.deliveries.has(arn) {
        let refusal = Some(Refusal::Closed(format!("there is no delivery stream {arn}")));
        return Sent { left: messages, refusal, ..Sent::default() };
    }
    let records = messages.iter().map(|message| Bytes::from(message.data.clone())).collect();
    match ports.deliveries.deliver(arn, records).await {
        Ok(()) => Sent { taken: messages, ..Sent::default() },
        Err(DeliveryError::Later(why)) => {
            Sent { left: messages, refusal: Some(Refusal::Later(why)), ..Sent::default() }
        }
        Err(DeliveryError::Refused(why)) => {
            Sent { refused: messages, refusal: Some(Refusal::Never(why)), ..Sent::default() }
        }
    }
}

async fn to_function(ports: &SubscriptionPorts, arn: &Arn, messages: Vec<Message>) -> Sent {
    let Some(function) = arn.resource.strip_prefix("function:") else { return Sent::default() };
    // Those of one log stream one after the other, some log streams at once.
    let mut lines: Vec<Vec<Message>> = Vec::new();
    for message in messages {
        match lines.iter_mut().find(|line| line.first().is_some_and(|first| first.stream == message.stream)) {
            Some(line) => line.push(message),
            None => lines.push(vec![message]),
        }
    }
    let invoke = |line: Vec<Message>| async move {
        let mut sent = Sent::default();
        let mut rest = line.into_iter();
        while let Some(message) = rest.next() {
            let payload = payload(&message.data);
            match ports.functions.invoke(function, payload, FUNCTION_TIME).await {
                Ok(_) => sent.taken.push(message),
                Err(error) => {
                    sent.refusal = Some(match error {
                        InvokeError::Unknown(_) => Refusal::Closed(error.to_string()),
                        InvokeError::Failed(why) => Refusal::Later(why),
                    });
                    sent.left = std::iter::once(message).chain(rest).collect();
                    return sent;
                }
            }
        }
        sent
    };
    let all: Vec<Sent> =
        futures_util::stream::iter(lines.into_iter().map(invoke)).buffered(FUNCTIONS_AT_ONCE).collect().await;
    all.into_iter().fold(Sent::default(), |mut joined, one| {
        joined.taken.extend(one.taken);
        joined.left.extend(one.left);
        joined.refusal = joined.refusal.or(one.refusal);
        joined
    })
}

/// What a function is invoked with.
fn payload(data: &[u8]) -> Vec<u8> {
    serde_json::json!({ "awslogs": { "data": STANDARD.encode(data) } }).to_string().into_bytes()
}

/// How long a destination may take to answer the message that tries it.
pub(super) const TRIAL_TIME: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_what_can_be_delivered_to() {
        let cases = [
            ("arn:aws:kinesis:us-east-1:000000000000:stream/s", Some(Vendor::DataStream)),
            ("arn:aws:firehose:us-east-1:000000000000:deliverystream/d", Some(Vendor::DeliveryStream)),
            ("arn:aws:lambda:us-east-1:000000000000:function:f:live", Some(Vendor::Function)),
            ("arn:aws:logs:us-east-1:000000000000:destination:d", Some(Vendor::Destination)),
            ("arn:aws:kinesis:us-east-1:000000000000:stream/", None),
            ("arn:aws:sqs:us-east-1:000000000000:q", None),
            ("arn:aws:logs:us-east-1:000000000000:log-group:g", None),
        ];
        for (arn, expected) in cases {
            assert_eq!(Vendor::of(&arn.parse().unwrap()), expected, "{arn}");
        }
    }
}
