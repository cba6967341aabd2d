use watchkeep_core::ports::TopicMessage;

use super::*;

/// Bodies of the next `count` messages, sorted.
async fn bodies(fixture: &mut Fixture, count: usize) -> Vec<String> {
    let mut bodies = Vec::new();
    for _ in 0..count {
        bodies.push(fixture.next_taken().await.1.body);
    }
    bodies.sort();
    bodies
}

#[tokio::test]
async fn what_was_acknowledged_and_not_delivered_is_delivered_after_a_crash() {
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("a"), &[("RawMessageDelivery", "true")]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("b"), &[("RawMessageDelivery", "true")]).await;
    fixture.publish(&topic, "one").await;
    fixture.publish(&topic, "two").await;
    let mut fixture = fixture.reopen().await;
    assert_eq!(fixture.topics.pending(), 4);
    fixture.topics.start(URL);
    assert_eq!(bodies(&mut fixture, 4).await, ["one", "one", "two", "two"]);
    fixture.all_settled().await;
    let mut fixture = fixture.reopen().await;
    assert_eq!(fixture.topics.pending(), 0, "what was delivered is not delivered again");
    fixture.topics.start(URL);
    fixture.publish(&topic, "three").await;
    assert_eq!(bodies(&mut fixture, 2).await, ["three", "three"]);
}

#[tokio::test]
async fn a_delivery_that_is_put_off_goes_on_where_it_was() {
    let fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    let queue = queue_arn("q");
    fixture.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")]).await;
    fixture.queues.refusing.lock().unwrap().insert(queue, QueueError::Busy("for long".into()));
    fixture.publish(&topic, "one").await;
    // Until it waits for many seconds, which is worth a note.
    for _ in 0..2_000 {
        fixture.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.topics.pending(), 1);
    let recovered = fixture.topics.core.recover().await.unwrap();
    assert!(recovered[0].progress.failed >= 10, "{recovered:?}");
    let mut fixture = fixture;
    fixture.topics.start(URL);
    assert_eq!(fixture.next_taken_later().await.1.body, "one");
}

#[tokio::test]
async fn bodies_that_memory_has_no_room_for_are_read_again() {
    let mut fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    fixture.publish(&topic, "one").await;
    fixture.store.seal_now().await.unwrap();
    fixture.topics.core.bodies.clear();
    fixture.topics.start(URL);
    assert_eq!(fixture.next_taken().await.1.body, "one");
}

#[tokio::test]
async fn a_publisher_that_publishes_again_after_a_crash_publishes_once() {
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    let message = |text: &str| TopicMessage {
        message: text.into(),
        key: Some("alarm/cpu/1700000000".into()),
        ..TopicMessage::default()
    };
    let door = fixture.topics.sink();
    let first = door.publish(&topic, message("one")).await.unwrap();
    assert_eq!(door.publish(&topic, message("two")).await.unwrap(), first);
    drop(door);
    // However long the machine was off.
    fixture.clock.advance(Duration::from_secs(24 * 3600));
    let mut fixture = fixture.reopen().await;
    fixture.topics.start(URL);
    let door = fixture.topics.sink();
    assert_eq!(door.publish(&topic, message("three")).await.unwrap(), first);
    let other = TopicMessage { message: "four".into(), ..TopicMessage::default() };
    assert_ne!(door.publish(&topic, other).await.unwrap(), first);
    assert_eq!(bodies(&mut fixture, 2).await, ["four", "one"]);
    let error = door.publish("arn:aws:sns:us-east-1:000000000000:unheard", message("x")).await.unwrap_err();
    assert_eq!(error, watchkeep_core::ports::TopicError::NoSuchTopic);
}

#[tokio::test]
async fn rows_go_when_all_before_them_is_settled() {
    let mut fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    fixture.publish(&topic, "one").await;
    fixture.clock.advance(Duration::from_secs(5 * 3600));
    fixture.topics.tidy().await;
    let fixture_hour = watchkeep_delivery::outbox::hour(NOW);
    assert_eq!(fixture.topics.core.kept.first_hour(), fixture_hour, "it is not settled");
    fixture.topics.start(URL);
    assert_eq!(bodies(&mut fixture, 1).await, ["one"]);
    fixture.all_settled().await;
    fixture.topics.tidy().await;
    assert_eq!(fixture.topics.core.kept.first_hour(), fixture_hour + 4, "an hour is kept for keys");
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.topics.core.kept.first_hour(), fixture_hour + 4);
    assert_eq!(fixture.topics.pending(), 0);
}
