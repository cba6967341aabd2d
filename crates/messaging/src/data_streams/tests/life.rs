//! The life of streams and consumers, their tags and settings.

use watchkeep_model::kinesis::{
    AddTagsToStreamInput, DeleteStreamInput, DescribeLimitsInput, DescribeStreamConsumerInput,
    DescribeStreamSummaryInput, EnableEnhancedMonitoringInput, ListStreamConsumersInput, ListStreamsInput,
    ListTagsForResourceInput, ListTagsForStreamInput, RegisterStreamConsumerInput, StreamModeDetails, TagResourceInput,
    UntagResourceInput,
};

use super::*;
use crate::data_streams::{consumers, describe, monitoring, tags};

const ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

async fn delete(world: &World, enforce: bool) -> Result<watchkeep_model::Unit, ServiceError> {
    let input = DeleteStreamInput {
        stream_name: Some("s".into()),
        enforce_consumer_deletion: Some(enforce),
        ..Default::default()
    };
    lifecycle::delete_stream(&world.streams, &caller(), input).await
}

#[tokio::test]
async fn a_stream_created_anew_has_nothing_of_its_predecessor() {
    let world = World::new().await;
    world.create("s", 1).await;
    let again = CreateStreamInput { stream_name: "s".into(), shard_count: Some(1), ..Default::default() };
    let again = lifecycle::create_stream(&world.streams, &caller(), again).await;
    assert_eq!(code(again), "ResourceInUseException");
    world.put("s", "k", "old").await;
    let iterator = world.iterator("s", SHARD, "TRIM_HORIZON").await;
    delete(&world, false).await.unwrap();
    assert_eq!(code(delete(&world, false).await), "ResourceNotFoundException");
    assert_eq!(code(world.try_get(&iterator, None).await), "ResourceNotFoundException");
    assert_eq!(code(world.try_put("s", "k", "x").await), "ResourceNotFoundException");
    world.create("s", 1).await;
    assert!(world.all("s", SHARD).await.is_empty());
    let world = world.crash().await;
    assert!(world.all("s", SHARD).await.is_empty());
}

#[tokio::test]
async fn streams_are_described_and_listed() {
    let world = World::new().await;
    for name in ["a", "s", "t"] {
        world.create(name, 2).await;
    }
    let on_demand = CreateStreamInput {
        stream_name: "on".into(),
        stream_mode_details: Some(StreamModeDetails { stream_mode: "ON_DEMAND".into() }),
        ..Default::default()
    };
    lifecycle::create_stream(&world.streams, &caller(), on_demand).await.unwrap();
    let summary = async |name: &str| {
        let input = DescribeStreamSummaryInput { stream_name: Some(name.into()), ..Default::default() };
        let output = describe::describe_stream_summary(&world.streams, &caller(), input).await.unwrap();
        output.stream_description_summary
    };
    let told = summary("s").await;
    assert_eq!((told.stream_arn.as_str(), told.stream_status.as_str()), (ARN, "ACTIVE"));
    assert_eq!((told.open_shard_count, told.retention_period_hours), (2, 24));
    assert_eq!((told.encryption_type.as_deref(), told.consumer_count), (Some("NONE"), Some(0)));
    assert_eq!(summary("on").await.open_shard_count, 4);
    let list = async |after: Option<&str>| {
        let input = ListStreamsInput {
            limit: Some(3),
            exclusive_start_stream_name: after.map(str::to_owned),
            ..Default::default()
        };
        let output = lifecycle::list_streams(&world.streams, &caller(), input).await.unwrap();
        (output.stream_names.join(" "), output.has_more_streams)
    };
    assert_eq!(list(None).await, ("a on s".to_owned(), true));
    assert_eq!(list(Some("s")).await, ("t".to_owned(), false));
    let limits = describe::describe_limits(&world.streams, &caller(), DescribeLimitsInput {}).await.unwrap();
    assert_eq!((limits.open_shard_count, limits.on_demand_stream_count), (10, 1));
}

#[tokio::test]
async fn consumers_are_registered_by_name() {
    let world = World::new().await;
    world.create("s", 1).await;
    let register = async |name: &str| {
        let input =
            RegisterStreamConsumerInput { stream_arn: ARN.into(), consumer_name: name.into(), ..Default::default() };
        consumers::register_stream_consumer(&world.streams, &caller(), input).await
    };
    let one = register("one").await.unwrap().consumer;
    assert_eq!(one.consumer_arn, format!("{ARN}/consumer/one:1700000000"));
    register("two").await.unwrap();
    assert_eq!(code(register("one").await), "ResourceInUseException");
    let list = async |token: Option<String>| {
        let input = ListStreamConsumersInput {
            stream_arn: ARN.into(),
            next_token: token,
            max_results: Some(1),
            ..Default::default()
        };
        let output = consumers::list_stream_consumers(&world.streams, &caller(), input).await.unwrap();
        (output.consumers.unwrap()[0].consumer_name.clone(), output.next_token)
    };
    let (first, token) = list(None).await;
    assert_eq!((first.as_str(), list(token).await), ("one", ("two".to_owned(), None)));
    let describe = async |arn: &str| {
        let input = DescribeStreamConsumerInput { consumer_arn: Some(arn.into()), ..Default::default() };
        let output = consumers::describe_stream_consumer(&world.streams, &caller(), input).await?;
        Ok::<_, ServiceError>(output.consumer_description.stream_arn)
    };
    assert_eq!(describe(&one.consumer_arn).await.unwrap(), ARN);
    assert_eq!(code(describe(&one.consumer_arn.replace(":1700000000", ":1")).await), "ResourceNotFoundException");
    assert_eq!(code(delete(&world, false).await), "ResourceInUseException", "it has consumers");
    delete(&world, true).await.unwrap();
    world.create("s", 1).await;
    assert_eq!(code(describe(&one.consumer_arn).await), "ResourceNotFoundException");
}

#[tokio::test]
async fn both_families_of_tags_are_the_same_tags() {
    let world = World::new().await;
    world.create("s", 1).await;
    let texts = |tags: &[(&str, &str)]| tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let input = AddTagsToStreamInput {
        stream_name: Some("s".into()),
        tags: texts(&[("a", "1"), ("b", "2")]),
        ..Default::default()
    };
    tags::add_tags_to_stream(&world.streams, &caller(), input).await.unwrap();
    let input =
        TagResourceInput { resource_arn: ARN.into(), tags: texts(&[("b", "3"), ("c", "4")]), ..Default::default() };
    tags::tag_resource(&world.streams, &caller(), input).await.unwrap();
    let input =
        UntagResourceInput { resource_arn: ARN.into(), tag_keys: vec!["a".into(), "x".into()], ..Default::default() };
    tags::untag_resource(&world.streams, &caller(), input).await.unwrap();
    let input = ListTagsForResourceInput { resource_arn: ARN.into(), ..Default::default() };
    let listed = tags::list_tags_for_resource(&world.streams, &caller(), input).await.unwrap().tags.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|tag| (tag.key, tag.value.unwrap())).collect();
    assert_eq!(listed, [("b".to_owned(), "3".to_owned()), ("c".to_owned(), "4".to_owned())]);
    let input = ListTagsForStreamInput { stream_name: Some("s".into()), limit: Some(1), ..Default::default() };
    let page = tags::list_tags_for_stream(&world.streams, &caller(), input).await.unwrap();
    assert_eq!((page.tags.len(), page.has_more_tags), (1, true));
    for (tag, expected) in [("aws:x", "InvalidArgumentException"), ("a!", "InvalidArgumentException")] {
        let input = TagResourceInput { resource_arn: ARN.into(), tags: texts(&[(tag, "")]), ..Default::default() };
        assert_eq!(code(tags::tag_resource(&world.streams, &caller(), input).await), expected, "{tag}");
    }
}

#[tokio::test]
async fn shards_are_measured_if_that_is_asked_for() {
    let world = World::new().await;
    world.create("s", 1).await;
    let input = EnableEnhancedMonitoringInput {
        stream_name: Some("s".into()),
        shard_level_metrics: vec!["IncomingRecords".into()],
        ..Default::default()
    };
    let told = monitoring::enable_enhanced_monitoring(&world.streams, &caller(), input).await.unwrap();
    assert_eq!(told.desired_shard_level_metrics.unwrap(), ["IncomingRecords"]);
    let world = world.crash().await;
    world.put("s", "k", "x").await;
    let taken = world.meter.take(TimestampMs(NOW));
    let of_shards: Vec<_> = taken
        .iter()
        .filter(|(_, one)| one.metric.dimensions.iter().any(|(name, _)| name.as_ref() == "ShardId"))
        .map(|(_, one)| one.metric.name.as_ref())
        .collect();
    assert_eq!(of_shards, ["IncomingRecords"]);
}
