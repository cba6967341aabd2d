//! What a call was about: the resources that its input and output name, by which LookupEvents finds it.
//!
//! They are kept as the JSON text `[{"type":"AWS::Logs::LogGroup","name":"app"}]`, in exactly this spelling, so that a resource
//! is found by a literal search: within a JSON text quotes are escaped, so `"name":"app"` appears only where a name is `app`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use watchkeep_store::TextFilter;

use crate::limits::RESOURCES_MAX;

/// A resource that an event names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its CloudFormation type, as `AWS::Logs::LogGroup`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name or ARN, as the call gave it.
    pub name: String,
}

/// Members that name resources: service, member of the input or output (a text or a list of texts; after a dot, a member of that
/// member), and type.
const MEMBERS: &[(&str, &str, &str)] = &[
    ("cloudtrail", "EventDataStore", "AWS::CloudTrail::EventDataStore"),
    ("cloudtrail", "Name", "AWS::CloudTrail::Trail"),
    ("cloudtrail", "S3BucketName", "AWS::S3::Bucket"),
    ("cloudtrail", "TrailARN", "AWS::CloudTrail::Trail"),
    ("cloudtrail", "TrailName", "AWS::CloudTrail::Trail"),
    ("cloudtrail", "trailNameList", "AWS::CloudTrail::Trail"),
    ("cloudwatch", "AlarmName", "AWS::CloudWatch::Alarm"),
    ("cloudwatch", "AlarmNames", "AWS::CloudWatch::Alarm"),
    ("cloudwatch", "DashboardName", "AWS::CloudWatch::Dashboard"),
    ("cloudwatch", "DashboardNames", "AWS::CloudWatch::Dashboard"),
    ("events", "EventBusName", "AWS::Events::EventBus"),
    ("events", "Rule", "AWS::Events::Rule"),
    ("events", "RuleArn", "AWS::Events::Rule"),
    ("iam", "GroupName", "AWS::IAM::Group"),
    ("iam", "InstanceProfileName", "AWS::IAM::InstanceProfile"),
    ("iam", "PolicyArn", "AWS::IAM::Policy"),
    ("iam", "PolicyName", "AWS::IAM::Policy"),
    ("iam", "RoleName", "AWS::IAM::Role"),
    ("iam", "UserName", "AWS::IAM::User"),
    ("kinesis", "StreamARN", "AWS::Kinesis::Stream"),
    ("kinesis", "StreamName", "AWS::Kinesis::Stream"),
    ("kms", "AliasName", "AWS::KMS::Alias"),
    ("kms", "DestinationKeyId", "AWS::KMS::Key"),
    ("kms", "KeyId", "AWS::KMS::Key"),
    ("kms", "KeyMetadata.Arn", "AWS::KMS::Key"),
    ("kms", "SourceKeyId", "AWS::KMS::Key"),
    ("kms", "TargetKeyId", "AWS::KMS::Key"),
    ("logs", "destinationName", "AWS::Logs::Destination"),
    ("logs", "logGroupIdentifier", "AWS::Logs::LogGroup"),
    ("logs", "logGroupIdentifiers", "AWS::Logs::LogGroup"),
    ("logs", "logGroupName", "AWS::Logs::LogGroup"),
    ("logs", "logGroupNames", "AWS::Logs::LogGroup"),
    ("logs", "logStreamName", "AWS::Logs::LogStream"),
    ("logs", "logStreamNames", "AWS::Logs::LogStream"),
    ("logs", "resourceArn", "AWS::Logs::LogGroup"),
    ("s3", "Bucket", "AWS::S3::Bucket"),
    ("schemas", "RegistryName", "AWS::EventSchemas::Registry"),
    ("schemas", "SchemaName", "AWS::EventSchemas::Schema"),
    ("sns", "SubscriptionArn", "AWS::SNS::Subscription"),
    ("sns", "TopicArn", "AWS::SNS::Topic"),
    ("sqs", "QueueName", "AWS::SQS::Queue"),
    ("sqs", "QueueUrl", "AWS::SQS::Queue"),
    ("ssm", "Name", "AWS::SSM::Parameter"),
    ("sts", "RoleArn", "AWS::IAM::Role"),
    ("xray", "GroupARN", "AWS::XRay::Group"),
    ("xray", "GroupName", "AWS::XRay::Group"),
    ("xray", "RuleARN", "AWS::XRay::SamplingRule"),
    ("xray", "RuleName", "AWS::XRay::SamplingRule"),
];

/// The resources that an input and an output name, each once.
pub fn named(service: &str, input: Option<&Map<String, Value>>, output: Option<&Map<String, Value>>) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    for members in [input, output].into_iter().flatten() {
        for (_, member, kind) in MEMBERS.iter().filter(|(of, ..)| *of == service) {
            let values = match at(members, member) {
                Some(Value::Array(values)) => values.as_slice(),
                Some(value) => std::slice::from_ref(value),
                None => continue,
            };
            for name in values.iter().filter_map(Value::as_str) {
                let known = found.iter().any(|known| known.kind == *kind && known.name == name);
                if !known && !name.is_empty() && found.len() < RESOURCES_MAX {
                    found.push(Named { kind: (*kind).to_owned(), name: name.to_owned() });
                }
            }
        }
    }
    found
}

/// What is at a member, or at a member of one.
fn at<'a>(members: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((outer, inner)) => members.get(outer)?.get(inner),
        None => members.get(path),
    }
}

/// The text that is kept; `None` for no resources.
pub fn written(resources: &[Named]) -> Option<String> {
    if resources.is_empty() { None } else { serde_json::to_string(resources).ok() }
}

/// What [`written`] wrote.
pub fn read(text: &str) -> Vec<Named> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Events with a resource of this name.
pub fn with_name(name: &str) -> TextFilter {
    TextFilter::containing(format!("\"name\":{}", Value::from(name)).as_bytes())
}

/// Events with a resource of this type.
pub fn with_type(kind: &str) -> TextFilter {
    TextFilter::containing(format!("\"type\":{}", Value::from(kind)).as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_found_in_texts_and_lists() {
        let Value::Object(input) = json!({"logGroupName": "a", "logGroupNames": ["a", "b"], "limit": 1}) else {
            panic!()
        };
        let names: Vec<_> = named("logs", Some(&input), None).into_iter().map(|named| named.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(named("cloudwatch", Some(&input), None), []);
    }

    #[test]
    fn every_member_exists() {
        for (service, member, _) in MEMBERS {
            let model = watchkeep_model::SERVICES.iter().find(|model| model.name == *service).unwrap();
            let outer = member.split_once('.').map_or(*member, |(outer, _)| outer);
            let has = |schema: &watchkeep_model::Schema| schema.members.iter().any(|known| known.name == outer);
            assert!(model.operations.iter().any(|op| has(op.input) || has(op.output)), "{service} {member}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A literal search finds a name exactly where it is, whatever the names are.
        #[test]
        fn a_name_is_found_exactly_where_it_is(names in prop::collection::vec("[ab\"\\\\:,\n]{1,6}", 1..4), sought in "[ab\"\\\\:,\n]{1,6}") {
            let resources: Vec<Named> = names.iter().map(|name| Named { kind: "T".into(), name: name.clone() }).collect();
            let text = written(&resources).unwrap();
            prop_assert_eq!((with_name(&sought).matches)(text.as_bytes()), names.contains(&sought));
            prop_assert_eq!(read(&text), resources);
        }
    }
}
