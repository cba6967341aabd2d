//! What a call was about: the resources that its input and output name, by which LookupEvents finds it.
//!
//! They are kept as the JSON text `[{"type":"AWS::Logs::LogGroup","name":"app"}]`, in exactly this spelling, so that a resource
//! is found by a literal search: within a JSON text quotes are escaped, so `"name":"app"` appears only where a name is `app`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use watchkeep_core::Arn;
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
    ("cloudtrail", "EventDataStoreArn", "AWS::CloudTrail::EventDataStore"),
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
    ("logs", "importSourceArn", "AWS::CloudTrail::EventDataStore"),
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

/// The input members of data events that name the resource: of all others, records have nothing.
const DATA_MEMBERS: &[(&str, &[&str])] = &[
    ("kinesis", &["StreamARN", "StreamName"]),
    ("s3", &["Bucket", "Key"]),
    ("sns", &["TargetArn", "TopicArn"]),
    ("sqs", &["QueueUrl"]),
];

/// Whether the inputs of the service's data events name a resource.
pub fn has_data_members(service: &str) -> bool {
    DATA_MEMBERS.iter().any(|(of, _)| *of == service)
}

/// Takes out of the input of a data event all that does not name its resource.
pub fn retain_data_members(service: &str, input: &mut Map<String, Value>) {
    let members = DATA_MEMBERS.iter().find(|(of, _)| *of == service).map_or(&[][..], |(_, members)| members);
    input.retain(|member, _| members.contains(&member.as_str()));
}

/// The ARN of the resource that the input of a data event names, if it names one; a service's names are of this account and Region.
pub fn data_arn(service: &str, input: &Map<String, Value>, (account, region): (&str, &str)) -> Option<String> {
    let text = |member: &str| input.get(member).and_then(Value::as_str);
    match service {
        "kinesis" => text("StreamARN").map(str::to_owned).or_else(|| {
            Some(Arn::new(service, region, account, format!("stream/{}", text("StreamName")?)).to_string())
        }),
        "s3" => {
            let bucket = text("Bucket")?;
            let object = text("Key").map_or_else(|| bucket.to_owned(), |key| format!("{bucket}/{key}"));
            Some(Arn::new(service, "", "", object).to_string())
        }
        "sns" => text("TopicArn").or_else(|| text("TargetArn")).map(str::to_owned),
        "sqs" => {
            let mut parts = text("QueueUrl")?.rsplit('/');
            let (queue, account) = (parts.next()?, parts.next()?);
            Some(Arn::new(service, region, account, queue).to_string())
        }
        _ => None,
    }
}

/// Members that name something else in some operations: those whose names have one of these words.
const ELSEWHERE: &[(&str, &str, &[&str])] = &[("cloudtrail", "Name", &["EventDataStore", "Channel", "Dashboard"])];

/// The resources that the input and the output of an operation name, each once.
pub fn named(
    service: &str,
    operation: &str,
    input: Option<&Map<String, Value>>,
    output: Option<&Map<String, Value>>,
) -> Vec<Named> {
    let means_another = |member: &str| {
        let words = ELSEWHERE.iter().find(|(of, other, _)| *of == service && *other == member);
        words.is_some_and(|(.., words)| words.iter().any(|word| operation.contains(word)))
    };
    let mut found: Vec<Named> = Vec::new();
    for members in [input, output].into_iter().flatten() {
        let of_service = MEMBERS.iter().filter(|(of, member, _)| *of == service && !means_another(member));
        for (_, member, kind) in of_service {
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
        let names: Vec<_> = named("logs", "", Some(&input), None).into_iter().map(|named| named.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(named("cloudwatch", "", Some(&input), None), []);
    }

    #[test]
    fn a_name_is_that_of_what_the_operation_is_about() {
        let Value::Object(input) = json!({"Name": "audit"}) else { panic!() };
        let kinds = |operation| {
            named("cloudtrail", operation, Some(&input), None).into_iter().map(|named| named.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds("CreateTrail"), ["AWS::CloudTrail::Trail"]);
        assert_eq!(kinds("CreateEventDataStore"), [""; 0]);
    }

    #[test]
    fn every_member_exists() {
        let of_data =
            DATA_MEMBERS.iter().flat_map(|(of, members)| members.iter().map(move |member| (*of, *member, "")));
        for (service, member, _) in MEMBERS.iter().copied().chain(of_data) {
            let model = watchkeep_model::SERVICES.iter().find(|model| model.name == service).unwrap();
            let outer = member.split_once('.').map_or(member, |(outer, _)| outer);
            let has = |schema: &watchkeep_model::Schema| schema.members.iter().any(|known| known.name == outer);
            assert!(model.operations.iter().any(|op| has(op.input) || has(op.output)), "{service} {member}");
        }
    }

    #[test]
    fn data_events_keep_what_names_their_resource() {
        let cases = [
            ("s3", json!({"Bucket": "b", "Key": "a/x", "ContentType": "t"}), 2, Some("arn:aws:s3:::b/a/x")),
            ("s3", json!({"Bucket": "b", "Delete": {}}), 1, Some("arn:aws:s3:::b")),
            ("sqs", json!({"QueueUrl": "http://h:1/123/q", "MessageBody": "m"}), 1, Some("arn:aws:sqs:r:123:q")),
            ("sns", json!({"TopicArn": "arn:aws:sns:r:1:t", "Message": "m"}), 1, Some("arn:aws:sns:r:1:t")),
            ("kinesis", json!({"StreamName": "s", "Data": "d"}), 1, Some("arn:aws:kinesis:r:111:stream/s")),
            ("cloudwatch", json!({"Namespace": "n"}), 0, None),
        ];
        for (service, input, members, arn) in cases {
            let Value::Object(mut input) = input else { panic!() };
            retain_data_members(service, &mut input);
            assert_eq!(input.len(), members, "{service}");
            assert_eq!(data_arn(service, &input, ("111", "r")).as_deref(), arn, "{service}");
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
