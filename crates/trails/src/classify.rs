//! Which calls are management and which are data events, which only read, and how CloudTrail names service and operation.
//!
//! The lists are those of each service's page "Logging API calls with CloudTrail".

/// The category of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Of the control plane: kept in the event history.
    Management,
    /// Of the resources' own traffic: recorded, but never part of the event history.
    Data,
}

impl Category {
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Management => "Management",
            Category::Data => "Data",
        }
    }
}

/// The operations that are data events, by service.
const DATA: &[(&str, &[&str])] = &[
    ("cloudwatch", &["GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage", "ListMetrics", "PutMetricData"]),
    ("logs", &["PutLogEvents"]),
    ("events", &["PutEvents", "PutPartnerEvents"]),
    ("cloudtrail_data", &["PutAuditEvents"]),
    (
        "xray",
        &[
            "BatchGetTraces",
            "GetSamplingStatisticSummaries",
            "GetSamplingTargets",
            "GetServiceGraph",
            "GetTimeSeriesServiceStatistics",
            "GetTraceGraph",
            "GetTraceSummaries",
            "PutTelemetryRecords",
            "PutTraceSegments",
        ],
    ),
    ("sns", &["Publish", "PublishBatch"]),
    (
        "sqs",
        &[
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        ],
    ),
    ("kinesis", &["GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"]),
    (
        "s3",
        &[
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CopyObject",
            "CreateMultipartUpload",
            "DeleteObject",
            "DeleteObjects",
            "GetObject",
            "GetObjectAttributes",
            "HeadObject",
            "ListMultipartUploads",
            "ListObjectVersions",
            "ListObjects",
            "ListObjectsV2",
            "ListParts",
            "PutObject",
            "UploadPart",
            "UploadPartCopy",
        ],
    ),
];

/// Verbs with which the names of reading operations begin.
const READING: &[&str] =
    &["BatchGet", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Receive", "Search", "Simulate", "Test"];

/// Operations that only read, though their names do not say so, and those that IAM counts as such (access level Read).
const READING_TOO: &[(&str, &[&str])] = &[
    ("logs", &["StartLiveTail", "StartQuery", "StopQuery"]),
    ("cloudtrail", &["GenerateQuery", "StartQuery"]),
    (
        "kms",
        &[
            "Decrypt",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
            "GenerateDataKeyWithoutPlaintext",
            "GenerateMac",
            "GenerateRandom",
            "ReEncrypt",
            "Sign",
            "Verify",
            "VerifyMac",
        ],
    ),
    (
        "sts",
        &["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot", "DecodeAuthorizationMessage"],
    ),
];

/// The category of a call.
pub fn category(service: &str, operation: &str) -> Category {
    if lists(DATA, service, operation) { Category::Data } else { Category::Management }
}

/// Of what type the resource of a data event is (`resources.type`), by the user guide's page "Logging data events"; PutLogEvents and
/// PutEvents have no type there.
pub fn data_resource_type(service: &str, operation: &str) -> Option<&'static str> {
    let found = match service {
        "cloudtrail_data" => "AWS::CloudTrail::Channel",
        "cloudwatch" => "AWS::CloudWatch::Metric",
        "kinesis" => "AWS::Kinesis::Stream",
        "s3" => "AWS::S3::Object",
        "sns" => "AWS::SNS::Topic",
        "sqs" => "AWS::SQS::Queue",
        "xray" => "AWS::XRay::Trace",
        _ => return None,
    };
    (category(service, operation) == Category::Data).then_some(found)
}

/// Whether a call only reads.
pub fn is_read_only(service: &str, operation: &str) -> bool {
    READING.iter().any(|verb| operation.starts_with(verb)) || lists(READING_TOO, service, operation)
}

/// The service as records name it.
pub fn event_source(service: &str) -> String {
    let host = match service {
        "cloudwatch" => "monitoring",
        "cloudtrail_data" => "cloudtrail-data",
        other => other,
    };
    format!("{host}.amazonaws.com")
}

/// The operation as records name it.
pub fn event_name<'a>(service: &str, operation: &'a str) -> &'a str {
    match (service, operation) {
        ("s3", "ListObjectsV2") => "ListObjects",
        _ => operation,
    }
}

/// The service's API version as records give it; Logs writes it without dashes, S3 not at all.
pub fn api_version(service: &str, version: &str) -> Option<String> {
    match service {
        "logs" => Some(version.replace('-', "")),
        "s3" => None,
        _ => Some(version.to_owned()),
    }
}

/// The Region that records of a service without Regions are kept in.
pub fn home_region(service: &str) -> Option<&'static str> {
    (service == "iam").then_some("us-east-1")
}

fn lists(table: &[(&str, &[&str])], service: &str, operation: &str) -> bool {
    table.iter().any(|(of, operations)| *of == service && operations.contains(&operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_classified_as_aws_does() {
        let cases = [
            ("cloudwatch", "PutMetricData", Category::Data, false),
            ("cloudwatch", "PutMetricAlarm", Category::Management, false),
            ("cloudwatch", "GetMetricData", Category::Data, true),
            ("logs", "PutLogEvents", Category::Data, false),
            ("logs", "GetLogEvents", Category::Management, true),
            ("logs", "FilterLogEvents", Category::Management, true),
            ("logs", "CreateLogGroup", Category::Management, false),
            ("xray", "BatchGetTraces", Category::Data, true),
            ("cloudtrail", "LookupEvents", Category::Management, true),
            ("kms", "Decrypt", Category::Management, true),
            ("sts", "GetCallerIdentity", Category::Management, true),
        ];
        for (service, operation, expected, read_only) in cases {
            assert_eq!(category(service, operation), expected, "{service} {operation}");
            assert_eq!(is_read_only(service, operation), read_only, "{service} {operation}");
        }
    }

    #[test]
    fn every_operation_in_the_lists_exists() {
        for (service, operations) in DATA.iter().chain(READING_TOO) {
            let model = watchkeep_model::SERVICES.iter().find(|model| model.name == *service).unwrap();
            for operation in *operations {
                assert!(model.operation(operation).is_some(), "{service} {operation}");
            }
        }
    }
}
