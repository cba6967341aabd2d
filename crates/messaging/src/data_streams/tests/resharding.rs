//! Shards that are split and merged, and their readers.

use watchkeep_model::Timestamp;
use watchkeep_model::kinesis::{
    MergeShardsInput, ShardFilter, SplitShardInput, StreamModeDetails, UpdateShardCountInput, UpdateStreamModeInput,
};

use super::*;
use crate::data_streams::limits::HOUR_MS;
use crate::data_streams::{resharding, settings};

const MIDDLE: &str = "170141183460469231731687303715884105728";

async fn split(world: &World, shard: &str, at: &str) -> Result<watchkeep_model::Unit, ServiceError> {
    let input = SplitShardInput {
        stream_name: Some("s".into()),
        shard_to_split: shard.into(),
        new_starting_hash_key: at.into(),
        ..Default::default()
    };
    resharding::split_shard(&world.streams, &caller(), input).await
}

async fn merge(world: &World, one: &str, two: &str) -> Result<watchkeep_model::Unit, ServiceError> {
    let input = MergeShardsInput {
        stream_name: Some("s".into()),
        shard_to_merge: one.into(),
        adjacent_shard_to_merge: two.into(),
        ..Default::default()
    };
    resharding::merge_shards(&world.streams, &caller(), input).await
}

fn ids(shards: &[Shard]) -> Vec<&str> {
    shards.iter().map(|shard| &shard.shard_id["shardId-00000000000".len()..]).collect()
}

#[tokio::test]
async fn a_reader_goes_on_in_the_children_of_its_shard() {
    let world = World::new().await;
    world.create("s", 1).await;
    for index in 0..5 {
        world.put("s", &format!("k{index}"), &index.to_string()).await;
    }
    split(&world, SHARD, MIDDLE).await.unwrap();
    for index in 5..20 {
        world.put("s", &format!("k{index}"), &index.to_string()).await;
    }
    let world = world.crash().await;
    let shards = world.shards("s").await;
    assert_eq!(ids(&shards), ["0", "1", "2"]);
    assert!(shards[0].sequence_number_range.ending_sequence_number.is_some());
    assert!(
        shards[1].sequence_number_range.starting_sequence_number
            > *shards[0].sequence_number_range.ending_sequence_number.as_ref().unwrap()
    );
    let page = world.get(&world.iterator("s", SHARD, "TRIM_HORIZON").await, None).await;
    assert_eq!(data(&page), ["0", "1", "2", "3", "4"]);
    assert_eq!(page.next_shard_iterator, None, "the shard has come to its end");
    let children: Vec<_> =
        page.child_shards.unwrap().into_iter().map(|child| (child.shard_id, child.parent_shards)).collect();
    let parents = vec![SHARD.to_owned()];
    assert_eq!(
        children,
        [("shardId-000000000001".to_owned(), parents.clone()), ("shardId-000000000002".to_owned(), parents)]
    );
    let mut found = Vec::new();
    for (child, _) in &children {
        found.extend(world.all("s", child).await);
    }
    found.sort_by_key(|text| text.parse::<u32>().unwrap());
    assert_eq!(found, (5..20).map(|index| index.to_string()).collect::<Vec<_>>());
    merge(&world, "shardId-000000000001", "shardId-000000000002").await.unwrap();
    world.put("s", "k", "20").await;
    assert_eq!(world.all("s", "shardId-000000000003").await, ["20"]);
    let page = world.get(&world.iterator("s", "shardId-000000000002", "LATEST").await, None).await;
    assert_eq!(page.child_shards.unwrap()[0].parent_shards.len(), 2);
    world.pass(25 * HOUR_MS);
    assert_eq!(ids(&world.shards("s").await), ["3"], "shards whose records are gone are gone");
}

#[tokio::test]
async fn shards_that_cannot_be_split_or_merged() {
    let world = World::new().await;
    world.create("s", 3).await;
    let two = "shardId-000000000002";
    for (outcome, expected) in [
        (split(&world, SHARD, "0").await, "InvalidArgumentException"),
        (split(&world, SHARD, "1").await, "InvalidArgumentException"),
        (split(&world, SHARD, "x").await, "InvalidArgumentException"),
        (split(&world, SHARD, MIDDLE).await, "InvalidArgumentException"),
        (split(&world, "shardId-000000000009", "5").await, "ResourceNotFoundException"),
        (merge(&world, SHARD, two).await, "InvalidArgumentException"),
        (merge(&world, SHARD, SHARD).await, "InvalidArgumentException"),
    ] {
        assert_eq!(code(outcome), expected);
    }
    split(&world, SHARD, "1000").await.unwrap();
    assert_eq!(code(split(&world, SHARD, "1000").await), "ResourceInUseException", "it is closed");
}

#[tokio::test]
async fn the_number_of_shards_is_doubled_or_halved_at_most() {
    let world = World::new().await;
    world.create("s", 2).await;
    let update = async |target| {
        let input = UpdateShardCountInput {
            stream_name: Some("s".into()),
            target_shard_count: target,
            scaling_type: "UNIFORM_SCALING".into(),
            ..Default::default()
        };
        resharding::update_shard_count(&world.streams, &caller(), input).await
    };
    assert_eq!(code(update(5).await), "LimitExceededException");
    let told = update(4).await.unwrap();
    assert_eq!((told.current_shard_count, told.target_shard_count), (Some(2), Some(4)));
    assert_eq!(code(update(1).await), "LimitExceededException");
    update(3).await.unwrap();
    let open = |shards: Vec<Shard>| {
        shards.into_iter().filter(|shard| shard.sequence_number_range.ending_sequence_number.is_none()).count()
    };
    assert_eq!(open(world.shards("s").await), 3);
    let input = UpdateStreamModeInput {
        stream_arn: "arn:aws:kinesis:us-east-1:000000000000:stream/s".into(),
        stream_mode_details: StreamModeDetails { stream_mode: "ON_DEMAND".into() },
        ..Default::default()
    };
    settings::update_stream_mode(&world.streams, &caller(), input).await.unwrap();
    assert_eq!(code(update(4).await), "ValidationException");
}

#[tokio::test]
async fn shards_are_listed_as_they_are_asked_for() {
    let world = World::new().await;
    world.create("s", 1).await;
    world.pass(1000);
    split(&world, SHARD, MIDDLE).await.unwrap();
    world.pass(1000);
    let listed = async |filter: ShardFilter| {
        let input = ListShardsInput { stream_name: Some("s".into()), shard_filter: Some(filter), ..Default::default() };
        let output = list_shards::list_shards(&world.streams, &caller(), input).await?;
        Ok::<_, ServiceError>(ids(&output.shards.unwrap()).join(" "))
    };
    let of = |kind: &str| ShardFilter { r#type: kind.into(), ..Default::default() };
    let at = |kind: &str, ms| ShardFilter { timestamp: Some(Timestamp(NOW + ms)), ..of(kind) };
    let after = ShardFilter { shard_id: Some("shardId-000000000001".into()), ..of("AFTER_SHARD_ID") };
    for (filter, expected) in [
        (of("FROM_TRIM_HORIZON"), "0 1 2"),
        (of("AT_TRIM_HORIZON"), "0"),
        (of("AT_LATEST"), "1 2"),
        (at("AT_TIMESTAMP", 500), "0"),
        (at("AT_TIMESTAMP", 1500), "1 2"),
        (at("FROM_TIMESTAMP", 500), "0 1 2"),
        (at("FROM_TIMESTAMP", 1500), "1 2"),
        (after, "2"),
    ] {
        let kind = filter.r#type.clone();
        assert_eq!(listed(filter).await.unwrap(), expected, "{kind}");
    }
    assert_eq!(code(listed(of("AT_TIMESTAMP")).await), "InvalidArgumentException");
    let page = async |token: Option<String>| {
        let stream_name = token.is_none().then(|| "s".to_owned());
        let input = ListShardsInput { stream_name, next_token: token, max_results: Some(2), ..Default::default() };
        list_shards::list_shards(&world.streams, &caller(), input).await
    };
    let first = page(None).await.unwrap();
    assert_eq!(ids(&first.shards.unwrap()), ["0", "1"]);
    let second = page(first.next_token.clone()).await.unwrap();
    assert_eq!((ids(&second.shards.unwrap()), second.next_token), (vec!["2"], None));
    world.pass(300_001);
    assert_eq!(code(page(first.next_token).await), "ExpiredNextTokenException");
}
