use super::*;

fn fifo(topic: &str, message: &str, id: Option<&str>) -> PublishInput {
    PublishInput {
        message_group_id: Some("g".into()),
        message_deduplication_id: id.map(str::to_owned),
        ..to(topic, message)
    }
}

#[tokio::test]
async fn messages_come_once_and_in_order() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t.fifo", &[("FifoTopic", "true"), ("ContentBasedDeduplication", "true")]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q.fifo"), &[("RawMessageDelivery", "true")]).await;
    let mut sequence_numbers = Vec::new();
    for number in 0..20 {
        let answer = fixture.try_publish(fifo(&topic, &format!("m{number}"), None)).await.unwrap();
        sequence_numbers.push(answer.sequence_number.unwrap());
    }
    assert!(sequence_numbers.is_sorted() && sequence_numbers[0].len() == 20);
    for number in 0..20 {
        let (_, message) = fixture.next_taken().await;
        assert_eq!(message.body, format!("m{number}"));
        assert_eq!(message.group_id.as_deref(), Some("g"));
        assert_eq!(message.deduplication_id.unwrap().len(), 64, "the SHA-256 of the text");
    }
    let first = fixture.try_publish(fifo(&topic, "a", Some("d"))).await.unwrap();
    let second = fixture.try_publish(fifo(&topic, "b", Some("d"))).await.unwrap();
    assert_eq!((first.message_id, first.sequence_number), (second.message_id, second.sequence_number));
    fixture.clock.advance(Duration::from_secs(300));
    fixture.try_publish(fifo(&topic, "c", Some("d"))).await.unwrap();
    assert_eq!(fixture.next_taken().await.1.body, "a");
    assert_eq!(fixture.next_taken().await.1.body, "c", "after five minutes the id is a new one");
}

#[tokio::test]
async fn a_queue_that_is_busy_holds_up_what_follows() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t.fifo", &[("FifoTopic", "true")]).await;
    let queue = queue_arn("q.fifo");
    fixture.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")]).await;
    fixture.queues.refusing.lock().unwrap().insert(queue.clone(), QueueError::Busy("just now".into()));
    for id in ["a", "b", "c"] {
        fixture.try_publish(fifo(&topic, id, Some(id))).await.unwrap();
    }
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    fixture.queues.refusing.lock().unwrap().clear();
    for expected in ["a", "b", "c"] {
        assert_eq!(fixture.next_taken_later().await.1.body, expected);
    }
}

#[tokio::test]
async fn groups_are_delivered_each_in_its_order_also_after_a_crash() {
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t.fifo", &[("FifoTopic", "true")]).await;
    let queue = queue_arn("q.fifo");
    fixture.subscribe(&topic, "sqs", &queue, &[("RawMessageDelivery", "true")]).await;
    for (group, id) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1"), ("b", "b2"), ("a", "a3")] {
        let input = PublishInput { message_group_id: Some(group.into()), ..fifo(&topic, id, Some(id)) };
        fixture.try_publish(input).await.unwrap();
    }
    let mut fixture = fixture.reopen().await;
    fixture.topics.start(URL);
    let mut bodies = Vec::new();
    for _ in 0..6 {
        bodies.push(fixture.next_taken().await.1.body);
    }
    for group in ["a", "b", "c"] {
        let of: Vec<&String> = bodies.iter().filter(|body| body.starts_with(group)).collect();
        assert!(of.is_sorted(), "{bodies:?}");
    }
    bodies.sort();
    assert_eq!(bodies, ["a1", "a2", "a3", "b1", "b2", "c1"]);
}

#[tokio::test]
async fn a_fifo_topic_asks_for_group_and_id() {
    let fixture = Fixture::new().await;
    let topic = fixture.topic("t.fifo", &[("FifoTopic", "true")]).await;
    let error = fixture.try_publish(to(&topic, "x")).await.unwrap_err().message;
    assert_eq!(error, "Invalid parameter: The MessageGroupId parameter is required for FIFO topics");
    let error = fixture.try_publish(fifo(&topic, "x", None)).await.unwrap_err().message;
    assert_eq!(
        error,
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    );
    let error = fixture.try_publish(fifo(&topic, "x", Some("a b"))).await.unwrap_err().message;
    assert!(error.starts_with("Invalid parameter: MessageDeduplicationId Reason:"), "{error}");
}
