//! What a target is, by its ARN: a row for each kind. Source: "Event bus targets in Amazon EventBridge".

use watchkeep_core::Arn;

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// An SQS queue.
    Queue,
    /// An SNS topic.
    Topic,
    /// A Kinesis data stream.
    DataStream,
    /// A Firehose delivery stream.
    DeliveryStream,
    /// A Lambda function.
    Function,
    /// A log group.
    LogGroup,
    /// Another event bus.
    Bus,
    /// An API destination.
    ApiDestination,
    /// An archive, of a rule that the archive manages.
    Archive,
    /// Something that nothing here carries out: ECS tasks, state machines, batch jobs and the like.
    Elsewhere,
}

/// The service, what the resource begins with, and what that is.
const KINDS: &[(&str, &str, TargetKind)] = &[
    ("sqs", "", TargetKind::Queue),
    ("sns", "", TargetKind::Topic),
    ("kinesis", "stream/", TargetKind::DataStream),
    ("firehose", "deliverystream/", TargetKind::DeliveryStream),
    ("lambda", "function:", TargetKind::Function),
    ("logs", "log-group:", TargetKind::LogGroup),
    ("events", "event-bus/", TargetKind::Bus),
    ("events", "api-destination/", TargetKind::ApiDestination),
    ("events", "archive/", TargetKind::Archive),
];

impl TargetKind {
    /// What the target of this ARN is.
    pub(crate) fn of(arn: &str) -> TargetKind {
        let Ok(arn) = arn.parse::<Arn>() else { return TargetKind::Elsewhere };
        let found = KINDS.iter().find(|(service, start, _)| *service == arn.service && arn.resource.starts_with(start));
        found.map_or(TargetKind::Elsewhere, |(_, _, kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_tell_what_targets_are() {
        let cases = [
            ("sqs:us-east-1:000000000000:q", TargetKind::Queue),
            ("sns:us-east-1:000000000000:t", TargetKind::Topic),
            ("kinesis:us-east-1:000000000000:stream/s", TargetKind::DataStream),
            ("firehose:us-east-1:000000000000:deliverystream/d", TargetKind::DeliveryStream),
            ("lambda:us-east-1:000000000000:function:f:2", TargetKind::Function),
            ("logs:us-east-1:000000000000:log-group:/aws/events/x:*", TargetKind::LogGroup),
            ("events:us-east-1:000000000000:event-bus/b", TargetKind::Bus),
            ("events:us-east-1:000000000000:api-destination/d/1", TargetKind::ApiDestination),
            ("events:us-east-1:000000000000:archive/a", TargetKind::Archive),
            ("states:us-east-1:000000000000:stateMachine:s", TargetKind::Elsewhere),
            ("ecs:us-east-1:000000000000:cluster/c", TargetKind::Elsewhere),
        ];
        for (arn, kind) in cases {
            assert_eq!(TargetKind::of(&format!("arn:aws:{arn}")), kind, "{arn}");
        }
        assert_eq!(TargetKind::of("x"), TargetKind::Elsewhere);
    }
}
