//! Segments of callees that sent none of their own, made up from the caller's subsegment. Source: "AWS X-Ray segment
//! documents" and what the service is seen to do.

use serde_json::Value;

use crate::entity::{self, Entity};
use crate::trace_id::{EntityId, TraceId};

/// What an inferred segment takes over from the subsegment.
const COPIED: &[&str] =
    &["name", "start_time", "end_time", "in_progress", "http", "aws", "cause", "error", "throttle", "fault", "sql"];

/// The segment of whoever this subsegment called, if it called anybody.
pub(crate) fn segment(trace: TraceId, id: EntityId, subsegment: &Entity) -> Option<(EntityId, Entity)> {
    let origin = match entity::text(subsegment, "namespace")? {
        "aws" => Some(aws_origin(subsegment)),
        "remote" if subsegment.contains_key("sql") => Some("Database::SQL".to_owned()),
        "remote" => None,
        _ => return None,
    };
    let own_id = EntityId(mix(id.0 ^ trace.low ^ trace.high.rotate_left(32)));
    let mut segment = Entity::new();
    segment.insert("id".to_owned(), own_id.to_string().into());
    for &member in COPIED {
        if let Some(value) = subsegment.get(member) {
            segment.insert(member.to_owned(), value.clone());
        }
    }
    segment.insert("parent_id".to_owned(), id.to_string().into());
    segment.insert("trace_id".to_owned(), trace.to_string().into());
    segment.insert("inferred".to_owned(), Value::Bool(true));
    if let Some(origin) = origin {
        segment.insert("origin".to_owned(), origin.into());
    }
    Some((own_id, segment))
}

fn aws_origin(subsegment: &Entity) -> String {
    let name = entity::text(subsegment, "name").unwrap_or_default();
    let aws = |member: &str| subsegment.get("aws").and_then(|aws| aws.get(member));
    let names = |member: &str| aws(member).is_some();
    let is_one = || aws("resource_names").and_then(Value::as_array).is_some_and(|names| names.len() == 1);
    match name.to_ascii_lowercase().as_str() {
        "dynamodb" if names("table_name") || is_one() => "AWS::DynamoDB::Table".to_owned(),
        "dynamodb" => "AWS::DynamoDB".to_owned(),
        "sqs" if names("queue_url") => "AWS::SQS::Queue".to_owned(),
        "sns" => "AWS::SNS".to_owned(),
        "s3" if names("bucket_name") => "AWS::S3::Bucket".to_owned(),
        "lambda" => "AWS::Lambda".to_owned(),
        _ => format!("AWS::{name}"),
    }
}

/// A number that looks like no other and is always the same for the same one (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
