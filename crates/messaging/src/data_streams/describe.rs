//! DescribeStream, DescribeStreamSummary, DescribeLimits.

use watchkeep_core::Caller;
use watchkeep_model::kinesis::{
    DescribeLimitsInput, DescribeLimitsOutput, DescribeStreamInput, DescribeStreamOutput, DescribeStreamSummaryInput,
    DescribeStreamSummaryOutput, EnhancedMetrics, HashKeyRange, SequenceNumberRange, Shard, StreamDescription,
    StreamDescriptionSummary,
};
use watchkeep_model::{ServiceError, Timestamp};

use super::DataStreams;
use super::lifecycle::{ACTIVE, mode_details};
use super::limits::{DESCRIBE_PAGE, ON_DEMAND_STREAMS_MAX, SHARDS_MAX, STREAMS_MAX};
use super::names::stream_arn;
use super::resources::{Mode, ShardDocument, StreamDocument, shard_id};
use super::sequence::{Place, SequenceNumber};
use super::shards::{is_readable, open_shards};

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStream.html>
pub(crate) async fn describe_stream(
    streams: &DataStreams,
    caller: &Caller,
    input: DescribeStreamInput,
) -> Result<DescribeStreamOutput, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let document = stream.document();
    let now = streams.clock.now().0;
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE);
    let after = input.exclusive_start_shard_id.as_deref();
    let shards = document.value.shards.iter().filter(|shard| is_readable(&document.value, shard, now));
    let mut shards: Vec<Shard> =
        shards.filter(|one| after.is_none_or(|after| *one.id() > *after)).take(limit + 1).map(described).collect();
    let more = shards.len() > limit;
    shards.truncate(limit);
    let StreamDocument { created, mode, retention_hours, kms_key, .. } = &document.value;
    Ok(DescribeStreamOutput {
        stream_description: StreamDescription {
            stream_name: stream.key.name.clone(),
            stream_arn: stream_arn(&stream.key),
            stream_status: ACTIVE.to_owned(),
            stream_mode_details: Some(mode_details(*mode)),
            shards,
            has_more_shards: more,
            retention_period_hours: *retention_hours,
            stream_creation_timestamp: Timestamp(*created),
            enhanced_monitoring: monitoring(&document.value),
            encryption_type: Some(encryption_type(kms_key.as_ref())),
            key_id: kms_key.clone(),
        },
    })
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html>
pub(crate) async fn describe_stream_summary(
    streams: &DataStreams,
    caller: &Caller,
    input: DescribeStreamSummaryInput,
) -> Result<DescribeStreamSummaryOutput, ServiceError> {
    let stream = streams.find(caller, input.stream_name.as_deref(), input.stream_arn.as_deref())?;
    let document = stream.document();
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let StreamDocument { created, mode, retention_hours, kms_key, record_kib_max, .. } = &document.value;
    Ok(DescribeStreamSummaryOutput {
        stream_description_summary: StreamDescriptionSummary {
            stream_name: stream.key.name.clone(),
            stream_arn: stream_arn(&stream.key),
            stream_status: ACTIVE.to_owned(),
            stream_mode_details: Some(mode_details(*mode)),
            retention_period_hours: *retention_hours,
            stream_creation_timestamp: Timestamp(*created),
            enhanced_monitoring: monitoring(&document.value),
            encryption_type: Some(encryption_type(kms_key.as_ref())),
            key_id: kms_key.clone(),
            open_shard_count: count(open_shards(&document.value).count()),
            consumer_count: Some(count(streams.consumers_of(&stream.key).len())),
            max_record_size_in_ki_b: Some(*record_kib_max),
            ..Default::default()
        },
    })
}

/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeLimits.html>
pub(crate) async fn describe_limits(
    streams: &DataStreams,
    caller: &Caller,
    _: DescribeLimitsInput,
) -> Result<DescribeLimitsOutput, ServiceError> {
    let place = (caller.account, &caller.region);
    let all = streams.directory.list(place, None, STREAMS_MAX);
    let on_demand = all.iter().filter(|stream| stream.document().value.mode == Mode::OnDemand).count();
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    Ok(DescribeLimitsOutput {
        shard_limit: count(SHARDS_MAX),
        open_shard_count: count(streams.open_shards_of(place)),
        on_demand_stream_count: count(on_demand),
        on_demand_stream_count_limit: count(ON_DEMAND_STREAMS_MAX),
        ..Default::default()
    })
}

/// A shard as answers tell it.
pub(crate) fn described(shard: &ShardDocument) -> Shard {
    let number = |time_ms, seq| SequenceNumber { place: Place { time_ms, seq }, shard: shard.index }.to_string();
    Shard {
        shard_id: shard.id(),
        parent_shard_id: shard.parent.map(shard_id),
        adjacent_parent_shard_id: shard.adjacent_parent.map(shard_id),
        hash_key_range: HashKeyRange {
            starting_hash_key: shard.first.to_string(),
            ending_hash_key: shard.last.to_string(),
        },
        sequence_number_range: SequenceNumberRange {
            starting_sequence_number: number(shard.opened, 0),
            ending_sequence_number: shard.closed.map(|closed| number(closed, u64::MAX)),
        },
    }
}

fn encryption_type(key: Option<&String>) -> String {
    if key.is_some() { "KMS" } else { "NONE" }.to_owned()
}

fn monitoring(document: &StreamDocument) -> Vec<EnhancedMetrics> {
    vec![EnhancedMetrics { shard_level_metrics: Some(document.monitored.iter().cloned().collect()) }]
}
