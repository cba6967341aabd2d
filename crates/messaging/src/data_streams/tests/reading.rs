//! Putting records and reading them.

use watchkeep_core::ports::{DataRecord, DataStreamError};
use watchkeep_model::Timestamp;
use watchkeep_model::kinesis::{IncreaseStreamRetentionPeriodInput, PutRecordInput};

use super::*;
use crate::data_streams::limits::{HOUR_MS, ITERATOR_MS};
use crate::data_streams::settings;

#[tokio::test]
async fn records_are_read_in_the_order_in_which_they_were_put() {
    let world = World::new().await;
    world.create("s", 1).await;
    let mut numbers = Vec::new();
    for index in 0..10 {
        numbers.push(world.put("s", &format!("k{index}"), &index.to_string()).await.sequence_number);
        // Some in the same millisecond.
        world.pass(index % 2);
    }
    assert!(numbers.iter().all(|number| number.len() == 56));
    assert!(numbers.is_sorted() && numbers.windows(2).all(|pair| pair[0] != pair[1]));
    let expected: Vec<String> = (0..10).map(|index| index.to_string()).collect();
    assert_eq!(world.all("s", SHARD).await, expected);
    world.store.seal_now().await.unwrap();
    assert_eq!(world.all("s", SHARD).await, expected);
    let world = world.crash().await;
    assert_eq!(world.all("s", SHARD).await, expected);
    let after = world.put("s", "k", "10").await.sequence_number;
    assert!(after > numbers[9]);
}

#[tokio::test]
async fn iterators_begin_where_they_are_asked_to() {
    let world = World::new().await;
    world.create("s", 1).await;
    world.pass(1000);
    let first = world.put("s", "k", "a").await.sequence_number;
    let second = world.put("s", "k", "b").await.sequence_number;
    world.pass(1000);
    world.put("s", "k", "c").await;
    let read = async |input| data(&world.get(&world.try_iterator(input).await.unwrap(), None).await);
    let at = |kind: &str, number: &str| GetShardIteratorInput {
        starting_sequence_number: Some(number.into()),
        ..iterator("s", SHARD, kind)
    };
    let time = |ms| GetShardIteratorInput { timestamp: Some(Timestamp(ms)), ..iterator("s", SHARD, "AT_TIMESTAMP") };
    assert_eq!(read(at("AT_SEQUENCE_NUMBER", &second)).await, ["b", "c"]);
    assert_eq!(read(at("AFTER_SEQUENCE_NUMBER", &second)).await, ["c"]);
    assert_eq!(read(at("AFTER_SEQUENCE_NUMBER", &first)).await, ["b", "c"]);
    assert_eq!(read(time(NOW)).await, ["a", "b", "c"]);
    assert_eq!(read(time(NOW + 1001)).await, ["c"]);
    assert_eq!(read(iterator("s", SHARD, "TRIM_HORIZON")).await, ["a", "b", "c"]);
    let latest = world.iterator("s", SHARD, "LATEST").await;
    assert!(data(&world.get(&latest, None).await).is_empty());
    world.put("s", "k", "d").await;
    assert_eq!(data(&world.get(&latest, None).await), ["d"]);
    for bad in [
        iterator("s", SHARD, "AT_SEQUENCE_NUMBER"),
        at("AT_SEQUENCE_NUMBER", "1"),
        iterator("s", SHARD, "AT_TIMESTAMP"),
        time(NOW + 3_600_000),
    ] {
        assert_eq!(code(world.try_iterator(bad).await), "InvalidArgumentException");
    }
    for missing in [iterator("s", "shardId-000000000001", "LATEST"), iterator("t", SHARD, "LATEST")] {
        assert_eq!(code(world.try_iterator(missing).await), "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn pages_end_at_their_limits_and_say_how_far_behind_they_are() {
    let world = World::new().await;
    world.create("s", 1).await;
    let records: Vec<(&str, &str)> = vec![("k", "x"); 25];
    world.put_all("s", &records).await.unwrap();
    world.pass(5000);
    world.put("s", "k", "y").await;
    let page = world.get(&world.iterator("s", SHARD, "TRIM_HORIZON").await, Some(20)).await;
    assert_eq!((page.records.len(), page.millis_behind_latest), (20, Some(5000)));
    let page = world.get(&page.next_shard_iterator.unwrap(), Some(20)).await;
    assert_eq!((page.records.len(), page.millis_behind_latest), (6, Some(0)));
    let large = "z".repeat(1_000_000);
    for _ in 0..12 {
        world.put("s", "k", &large).await;
    }
    let page = world.get(&page.next_shard_iterator.unwrap(), None).await;
    assert_eq!(page.records.len(), 10, "ten mebibytes");
    assert_eq!(world.get(&page.next_shard_iterator.unwrap(), None).await.records.len(), 2);
    let iterator = world.iterator("s", SHARD, "LATEST").await;
    for limit in [0, 10_001] {
        assert_eq!(code(world.try_get(&iterator, Some(limit)).await), "InvalidArgumentException");
    }
}

#[tokio::test]
async fn iterators_expire_after_five_minutes() {
    let world = World::new().await;
    world.create("s", 1).await;
    let iterator = world.iterator("s", SHARD, "TRIM_HORIZON").await;
    world.pass(ITERATOR_MS);
    world.get(&iterator, None).await;
    world.pass(1);
    let error = world.try_get(&iterator, None).await.err().unwrap();
    assert_eq!(error.code, "ExpiredIteratorException");
    assert!(
        error.message.starts_with("Iterator expired. The iterator was created at time Tue Nov 14 22:13:20 UTC 2023")
    );
    assert_eq!(code(world.try_get("nonsense", None).await), "InvalidArgumentException");
}

#[tokio::test]
async fn records_go_when_they_are_old_and_do_not_come_back() {
    let world = World::new().await;
    world.create("s", 1).await;
    world.put("s", "k", "a").await;
    world.pass(23 * HOUR_MS);
    world.put("s", "k", "b").await;
    assert_eq!(world.all("s", SHARD).await, ["a", "b"]);
    world.pass(2 * HOUR_MS);
    assert_eq!(world.all("s", SHARD).await, ["b"]);
    let longer = |hours| IncreaseStreamRetentionPeriodInput {
        stream_name: Some("s".into()),
        retention_period_hours: hours,
        ..Default::default()
    };
    settings::increase_stream_retention_period(&world.streams, &caller(), longer(48)).await.unwrap();
    assert_eq!(world.all("s", SHARD).await, ["b"], "what had expired stays gone");
    world.pass(40 * HOUR_MS);
    assert_eq!(world.all("s", SHARD).await, ["b"]);
    for hours in [23, 47, 8761] {
        let refused = settings::increase_stream_retention_period(&world.streams, &caller(), longer(hours)).await;
        assert_eq!(code(refused), "InvalidArgumentException", "{hours}");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_not_put() {
    let world = World::new().await;
    world.create("s", 1).await;
    let mebibyte = "x".repeat(1 << 20);
    assert_eq!(code(world.try_put("s", "k", &mebibyte).await), "InvalidArgumentException", "with its key it is larger");
    world.put("s", "k", &mebibyte[1..]).await;
    let many: Vec<(&str, &str)> = vec![("k", &mebibyte[1..]); 11];
    assert_eq!(code(world.put_all("s", &many).await), "InvalidArgumentException");
    assert_eq!(code(world.put_all("s", &vec![("k", "x"); 501]).await), "InvalidArgumentException");
    assert_eq!(code(world.try_put("t", "k", "x").await), "ResourceNotFoundException");
    let input = |hash: &str| PutRecordInput {
        stream_name: Some("s".into()),
        partition_key: Some("k".into()),
        explicit_hash_key: Some(hash.into()),
        ..Default::default()
    };
    let beyond = put::put_record(&world.streams, &caller(), input("340282366920938463463374607431768211456")).await;
    assert_eq!(code(beyond), "InvalidArgumentException");
    let dry = PutRecordInput { dry_run: Some(true), ..input("0") };
    assert_eq!(code(put::put_record(&world.streams, &caller(), dry).await), "DryRunOperationException");
    assert_eq!(world.all("s", SHARD).await.len(), 1);
}

#[tokio::test]
async fn throughput_is_enforced_if_that_is_asked_for() {
    let world = World::with(Enforcement::On).await;
    world.create("s", 1).await;
    let half = "x".repeat(500_000);
    let output = world.put_all("s", &[("k", &half), ("k", &half), ("k", &half)]).await.unwrap();
    assert_eq!(output.failed_record_count, Some(1));
    let told: Vec<_> = output.records.iter().map(|entry| entry.error_code.as_deref()).collect();
    assert_eq!(told, [None, None, Some("ProvisionedThroughputExceededException")]);
    assert_eq!(code(world.try_put("s", "k", &half).await), "ProvisionedThroughputExceededException");
    world.pass(1000);
    world.put("s", "k", &half).await;
    let iterator = world.iterator("s", SHARD, "LATEST").await;
    for _ in 0..5 {
        world.get(&iterator, None).await;
    }
    assert_eq!(code(world.try_get(&iterator, None).await), "ProvisionedThroughputExceededException");
}

#[tokio::test]
async fn calls_that_wait_together_are_put_together_and_each_is_answered() {
    let world = World::new().await;
    world.create("s", 2).await;
    let calls = (0..50).map(|index| {
        let (world, key) = (&world, format!("k{index}"));
        async move { (world.put("s", &key, &key).await, key) }
    });
    let told = futures_util::future::join_all(calls).await;
    for (put, key) in told {
        let input = GetShardIteratorInput {
            starting_sequence_number: Some(put.sequence_number),
            ..iterator("s", &put.shard_id, "AT_SEQUENCE_NUMBER")
        };
        let iterator = world.try_iterator(input).await.unwrap();
        assert_eq!(data(&world.get(&iterator, Some(1)).await), [key]);
    }
}

#[tokio::test]
async fn other_services_put_records() {
    let world = World::new().await;
    world.create("s", 1).await;
    let sink = world.streams.sink();
    let record = |data: &str| DataRecord { partition_key: "k".into(), data: data.into() };
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    sink.put(arn, vec![record("a"), record("b")]).await.unwrap();
    assert_eq!(world.all("s", SHARD).await, ["a", "b"]);
    let missing = sink.put(&arn.replace("/s", "/t"), vec![record("a")]).await;
    assert_eq!(missing, Err(DataStreamError::NoSuchStream));
    let large = sink.put(arn, vec![record("c"), record(&"x".repeat(2 << 20))]).await;
    assert!(matches!(large, Err(DataStreamError::Refused(_))));
    assert_eq!(world.all("s", SHARD).await, ["a", "b"], "all or none");
}

#[tokio::test]
async fn streams_measure_what_comes_and_goes() {
    let world = World::new().await;
    world.create("s", 1).await;
    world.put("s", "key", "data").await;
    world.get(&world.iterator("s", SHARD, "TRIM_HORIZON").await, None).await;
    let taken = world.meter.take(TimestampMs(NOW));
    let sum = |name: &str| {
        let found = taken.iter().find(|(_, measurement)| measurement.metric.name.as_ref() == name);
        match &found.unwrap().1.samples {
            watchkeep_core::ports::Samples::Summary(reading) => reading.sum,
            samples => panic!("{samples:?}"),
        }
    };
    assert_eq!((sum("IncomingRecords"), sum("IncomingBytes"), sum("PutRecord.Success")), (1.0, 7.0, 1.0));
    assert_eq!((sum("GetRecords.Records"), sum("GetRecords.Bytes")), (1.0, 7.0));
}
