//! Subscriptions to shards.

use futures_util::{FutureExt as _, StreamExt as _};
use watchkeep_model::kinesis::{
    DeleteStreamInput, RegisterStreamConsumerInput, SplitShardInput, StartingPosition, SubscribeToShardEvent,
    SubscribeToShardEventStream, SubscribeToShardInput,
};
use watchkeep_wire::service::Events;

use super::*;
use crate::data_streams::limits::{HEARTBEAT_MS, SUBSCRIPTION_MS, TAKEOVER_MS};
use crate::data_streams::{consumers, lifecycle, names, resharding, subscribe};

impl World {
    /// Registers a consumer; its ARN.
    async fn register(&self, stream: &str, name: &str) -> String {
        let stream_arn =
            names::stream_arn(&watchkeep_store::ResourceKey::new(AccountId::DEFAULT, &Default::default(), stream));
        let input = RegisterStreamConsumerInput { stream_arn, consumer_name: name.into(), ..Default::default() };
        consumers::register_stream_consumer(&self.streams, &caller(), input).await.unwrap().consumer.consumer_arn
    }

    async fn subscribe(&self, consumer: &str, position: StartingPosition) -> Result<Events, ServiceError> {
        let input = SubscribeToShardInput {
            consumer_arn: consumer.into(),
            shard_id: SHARD.into(),
            starting_position: position,
            ..Default::default()
        };
        let reply = subscribe::subscribe_to_shard(&self.streams, &caller(), input).await?;
        Ok(reply.events.unwrap())
    }
}

fn from(kind: &str) -> StartingPosition {
    StartingPosition { r#type: kind.into(), ..Default::default() }
}

fn after(number: Option<String>) -> StartingPosition {
    StartingPosition { sequence_number: number, ..from("AFTER_SEQUENCE_NUMBER") }
}

async fn next(events: &mut Events) -> Option<Result<SubscribeToShardEvent, ServiceError>> {
    let event = events.next().await?;
    Some(event.map(|event| {
        let event: Box<dyn std::any::Any> = event;
        event.downcast::<SubscribeToShardEventStream>().unwrap().subscribe_to_shard_event
    }))
}

fn texts(event: &SubscribeToShardEvent) -> Vec<String> {
    event.records.iter().map(|record| String::from_utf8(record.data.clone()).unwrap()).collect()
}

#[tokio::test]
async fn records_come_as_they_are_put_and_a_continuation_goes_on_behind_them() {
    let world = World::new().await;
    world.create("s", 1).await;
    let consumer = world.register("s", "c").await;
    world.put("s", "k", "a").await;
    world.put("s", "k", "b").await;
    let mut events = world.subscribe(&consumer, from("TRIM_HORIZON")).await.unwrap();
    let event = next(&mut events).await.unwrap().unwrap();
    assert_eq!((texts(&event), event.millis_behind_latest), (vec!["a".to_owned(), "b".to_owned()], 0));
    let mut waiting = Box::pin(next(&mut events));
    assert!(waiting.as_mut().now_or_never().is_none(), "there is nothing yet");
    world.put("s", "k", "c").await;
    let event = waiting.await.unwrap().unwrap();
    assert_eq!(texts(&event), ["c"]);
    drop(events);
    world.pass(TAKEOVER_MS);
    world.put("s", "k", "d").await;
    let mut events = world.subscribe(&consumer, after(event.continuation_sequence_number)).await.unwrap();
    assert_eq!(texts(&next(&mut events).await.unwrap().unwrap()), ["d"]);
}

#[tokio::test]
async fn who_waits_is_told_of_the_end_and_goes_on_from_there() {
    let world = World::new().await;
    world.create("s", 1).await;
    let consumer = world.register("s", "c").await;
    world.put("s", "k", "before").await;
    let mut events = world.subscribe(&consumer, from("LATEST")).await.unwrap();
    let mut waiting = Box::pin(next(&mut events));
    assert!(waiting.as_mut().now_or_never().is_none());
    world.pass(HEARTBEAT_MS);
    let event = waiting.await.unwrap().unwrap();
    assert!(event.records.is_empty() && event.child_shards.is_none());
    world.put("s", "k", "x").await;
    assert_eq!(texts(&next(&mut events).await.unwrap().unwrap()), ["x"]);
    drop(events);
    // From before that record.
    let mut again = world.subscribe(&consumer, after(event.continuation_sequence_number)).await.unwrap();
    assert_eq!(texts(&next(&mut again).await.unwrap().unwrap()), ["x"]);
}

#[tokio::test]
async fn a_subscription_ends_after_five_minutes() {
    let world = World::new().await;
    world.create("s", 1).await;
    let consumer = world.register("s", "c").await;
    let mut events = world.subscribe(&consumer, from("LATEST")).await.unwrap();
    world.pass(SUBSCRIPTION_MS - 1);
    assert!(next(&mut events).await.unwrap().is_ok());
    world.pass(1);
    assert!(next(&mut events).await.is_none());
}

#[tokio::test]
async fn the_end_of_a_shard_names_its_children() {
    let world = World::new().await;
    world.create("s", 1).await;
    let consumer = world.register("s", "c").await;
    world.put("s", "k", "a").await;
    let split = SplitShardInput {
        stream_name: Some("s".into()),
        shard_to_split: SHARD.into(),
        new_starting_hash_key: (1u128 << 127).to_string(),
        ..Default::default()
    };
    resharding::split_shard(&world.streams, &caller(), split).await.unwrap();
    let mut events = world.subscribe(&consumer, from("TRIM_HORIZON")).await.unwrap();
    let event = next(&mut events).await.unwrap().unwrap();
    assert_eq!((texts(&event), event.continuation_sequence_number), (vec!["a".to_owned()], None));
    assert_eq!(event.child_shards.unwrap().len(), 2);
    assert!(next(&mut events).await.is_none());
}

#[tokio::test]
async fn a_shard_is_taken_over_but_not_at_once() {
    let world = World::new().await;
    world.create("s", 1).await;
    let (one, other) = (world.register("s", "one").await, world.register("s", "other").await);
    let mut events = world.subscribe(&one, from("LATEST")).await.unwrap();
    assert!(world.subscribe(&other, from("LATEST")).await.is_ok(), "each consumer has its own");
    world.pass(TAKEOVER_MS - 1);
    assert_eq!(code(world.subscribe(&one, from("LATEST")).await), "ResourceInUseException");
    let mut waiting = Box::pin(next(&mut events));
    assert!(waiting.as_mut().now_or_never().is_none());
    world.pass(1);
    let mut taken = world.subscribe(&one, from("LATEST")).await.unwrap();
    assert_eq!(code(waiting.await.unwrap()), "ResourceInUseException");
    assert!(next(&mut events).await.is_none());
    drop(events);
    world.put("s", "k", "a").await;
    assert_eq!(texts(&next(&mut taken).await.unwrap().unwrap()), ["a"]);
}

#[tokio::test]
async fn who_waits_hears_that_the_stream_is_gone() {
    let world = World::new().await;
    world.create("s", 1).await;
    let consumer = world.register("s", "c").await;
    let mut events = world.subscribe(&consumer, from("LATEST")).await.unwrap();
    let mut waiting = Box::pin(next(&mut events));
    assert!(waiting.as_mut().now_or_never().is_none());
    let delete = DeleteStreamInput {
        stream_name: Some("s".into()),
        enforce_consumer_deletion: Some(true),
        ..Default::default()
    };
    lifecycle::delete_stream(&world.streams, &caller(), delete).await.unwrap();
    assert_eq!(code(waiting.await.unwrap()), "ResourceNotFoundException");
    assert!(next(&mut events).await.is_none());
    assert_eq!(code(world.subscribe(&consumer, from("LATEST")).await), "ResourceNotFoundException");
}
