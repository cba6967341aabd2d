//! FIFO queues: order, groups, duplicates.

use super::*;

async fn fifo(attributes: &[(&str, &str)]) -> World {
    let world = World::new().await;
    let all: Vec<(&str, &str)> = [("FifoQueue", "true")].into_iter().chain(attributes.iter().copied()).collect();
    world.create("q.fifo", &all).await.unwrap();
    world
}

const Q: &str = "q.fifo";

async fn one(world: &World) -> Option<Message> {
    let input = ReceiveMessageRequest { queue_url: Q.into(), ..Default::default() };
    world.try_receive(input).await.unwrap().pop()
}

#[tokio::test]
async fn a_group_waits_for_its_messages_in_flight() {
    let world = fifo(&[]).await;
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("b", "b2"), ("a", "a3")] {
        world.send_fifo(Q, group, body).await;
    }
    let (first, second) = (one(&world).await.unwrap(), one(&world).await.unwrap());
    assert_eq!([body(&first), body(&second)], ["a1", "b1"]);
    assert_eq!(one(&world).await, None);
    world.delete(Q, &first).await.unwrap();
    assert_eq!(world.bodies(Q).await, ["a2", "a3"]);
    world.change(Q, &second, 0).await.unwrap();
    assert_eq!(world.bodies(Q).await, ["b1", "b2"]);
    world.pass(30 * SECOND);
    assert_eq!(world.bodies(Q).await, ["b1", "b2", "a2", "a3"]);
}

#[tokio::test]
async fn a_batch_in_flight_keeps_its_group_until_its_last_message() {
    let world = fifo(&[]).await;
    for body in ["1", "2", "3"] {
        world.send_fifo(Q, "g", body).await;
    }
    let two = ReceiveMessageRequest { queue_url: Q.into(), max_number_of_messages: Some(2), ..Default::default() };
    let received = world.try_receive(two).await.unwrap();
    assert_eq!(received.iter().map(body).collect::<Vec<_>>(), ["1", "2"]);
    world.delete(Q, &received[0]).await.unwrap();
    assert_eq!(one(&world).await, None);
    world.delete(Q, &received[1]).await.unwrap();
    assert_eq!(world.bodies(Q).await, ["3"]);
}

#[tokio::test]
async fn duplicates_are_one_message_for_five_minutes() {
    let world = fifo(&[]).await;
    let first = world.send_fifo(Q, "g", "x").await;
    let again = world.send_fifo(Q, "other", "x").await;
    assert_eq!((again.message_id, again.sequence_number), (first.message_id.clone(), first.sequence_number));
    let received = world.receive(Q).await;
    assert_eq!(received.len(), 1);
    assert_eq!(system(&received[0], "MessageDeduplicationId"), "x");
    assert_eq!(system(&received[0], "MessageGroupId"), "g");
    world.delete(Q, &received[0]).await.unwrap();
    world.pass(300 * SECOND);
    assert_eq!(world.send_fifo(Q, "g", "x").await.message_id, first.message_id, "a deleted one counts, too");
    world.pass(1);
    assert_ne!(world.send_fifo(Q, "g", "x").await.message_id, first.message_id);
}

#[tokio::test]
async fn duplicates_may_be_told_by_content_and_within_groups() {
    let world = fifo(&[("ContentBasedDeduplication", "true"), ("DeduplicationScope", "messageGroup")]).await;
    let send = |group: &str, body: &str| {
        world.try_send(SendMessageRequest {
            queue_url: Q.into(),
            message_body: body.into(),
            message_group_id: Some(group.into()),
            ..Default::default()
        })
    };
    let a = send("a", "x").await.unwrap();
    assert_eq!(send("a", "x").await.unwrap().message_id, a.message_id);
    let b = send("b", "x").await.unwrap();
    assert_ne!(b.message_id, a.message_id);
    assert!(b.sequence_number > a.sequence_number);
    assert_eq!(world.receive(Q).await.len(), 2);
}

#[tokio::test]
async fn a_fifo_queue_wants_group_and_id() {
    let world = fifo(&[]).await;
    let send = |group: Option<&str>, id: Option<&str>, delay| {
        world.try_send(SendMessageRequest {
            queue_url: Q.into(),
            message_body: "x".into(),
            message_group_id: group.map(str::to_owned),
            message_deduplication_id: id.map(str::to_owned),
            delay_seconds: delay,
            ..Default::default()
        })
    };
    for (group, id, delay, code) in [
        (None, Some("i"), None, "MissingParameter"),
        (Some("g"), None, None, "InvalidParameterValue"),
        (Some("g"), Some("i"), Some(5), "InvalidParameterValue"),
        (Some("g g"), Some("i"), None, "InvalidParameterValue"),
        (Some("g"), Some(""), None, "InvalidParameterValue"),
    ] {
        assert_eq!(send(group, id, delay).await.unwrap_err().query_code, code, "{group:?} {id:?} {delay:?}");
    }
    assert!(send(Some("g"), Some("i"), Some(0)).await.is_ok());
}

#[tokio::test]
async fn an_expired_handle_deletes_nothing() {
    let world = fifo(&[]).await;
    world.send_fifo(Q, "g", "x").await;
    let first = one(&world).await.unwrap();
    world.pass(30 * SECOND);
    assert_eq!(world.delete(Q, &first).await, Err("InvalidParameterValue".to_owned()));
    let second = one(&world).await.unwrap();
    assert_eq!(world.delete(Q, &first).await, Err("InvalidParameterValue".to_owned()));
    world.delete(Q, &second).await.unwrap();
    world.delete(Q, &second).await.unwrap();
}

#[tokio::test]
async fn a_receipt_is_repeated_by_its_attempt() {
    let world = fifo(&[]).await;
    for body in ["1", "2"] {
        world.send_fifo(Q, "g", body).await;
    }
    let attempt = |id: &str| ReceiveMessageRequest {
        queue_url: Q.into(),
        receive_request_attempt_id: Some(id.into()),
        ..Default::default()
    };
    let first = world.try_receive(attempt("a")).await.unwrap();
    world.pass(20 * SECOND);
    assert_eq!(world.try_receive(attempt("a")).await.unwrap(), first);
    assert_eq!(world.try_receive(attempt("b")).await.unwrap(), []);
    world.pass(20 * SECOND);
    assert_eq!(world.receive(Q).await, [], "the repetition began the timeout anew");
    world.delete(Q, &first[0]).await.unwrap();
    assert_eq!(body(&world.try_receive(attempt("a")).await.unwrap()[0]), "2");
    assert!(world.try_receive(attempt("not a token")).await.is_err());
}

#[tokio::test]
async fn a_queues_delay_holds_for_messages_that_are_there() {
    let world = fifo(&[]).await;
    world.send_fifo(Q, "g", "x").await;
    world.set(Q, &[("DelaySeconds", "10")]).await.unwrap();
    assert_eq!(one(&world).await, None);
    world.pass(10 * SECOND);
    assert_eq!(body(&one(&world).await.unwrap()), "x");
}

#[tokio::test]
async fn calls_at_the_same_time_keep_their_order() {
    let world = fifo(&[]).await;
    let sends = (0..50)
        .map(|number| world.send_fifo(Q, "g", if number % 5 == 0 { "same" } else { ["a", "b", "c", "d"][number % 4] }));
    let sent = futures_util::future::join_all(sends).await;
    let mut numbers: Vec<String> = sent.iter().map(|sent| sent.sequence_number.clone().unwrap()).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 5);
    let received = world.receive(Q).await;
    let told: Vec<String> = received.iter().map(|message| system(message, "SequenceNumber")).collect();
    assert_eq!(told, numbers);
}
