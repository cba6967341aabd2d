//! Standard queues: visibility, delay, retention, long polls, batches, attributes.

use super::*;
use watchkeep_core::HangUp;
use watchkeep_core::ports::{MessageAttribute, QueueError, QueueMessage, StringOrBinary};
use watchkeep_model::sqs::{
    DeleteMessageBatchRequest, DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeValue,
    SendMessageBatchRequest, SendMessageBatchRequestEntry,
};

#[tokio::test]
async fn a_message_is_received_until_it_is_deleted() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let sent = world.send("q", "hello").await;
    assert_eq!(sent.md5_of_message_body.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
    assert_eq!(sent.sequence_number, None);
    let first = world.receive("q").await;
    assert_eq!(first[0].message_id, sent.message_id);
    assert_eq!(first[0].md5_of_body, sent.md5_of_message_body);
    assert_eq!(system(&first[0], "SentTimestamp"), NOW.to_string());
    assert_eq!(system(&first[0], "SenderId"), "000000000000");
    assert_eq!(world.counts("q").await, ["0", "1", "0"]);
    assert_eq!(world.receive("q").await, []);
    world.pass(30 * SECOND - 1);
    assert_eq!(world.receive("q").await, []);
    world.pass(1);
    let second = world.receive("q").await;
    assert_eq!(system(&second[0], "ApproximateReceiveCount"), "2");
    assert_eq!(system(&second[0], "ApproximateFirstReceiveTimestamp"), NOW.to_string());
    assert_ne!(first[0].receipt_handle, second[0].receipt_handle);
    // An older handle deletes, too.
    world.delete("q", &first[0]).await.unwrap();
    world.delete("q", &second[0]).await.unwrap();
    world.pass(3600 * SECOND);
    assert_eq!(world.receive("q").await, []);
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
}

#[tokio::test]
async fn visibility_is_changed_by_the_newest_handle() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    world.send("q", "a").await;
    let first = world.receive("q").await.remove(0);
    world.change("q", &first, 100).await.unwrap();
    world.pass(99 * SECOND);
    assert_eq!(world.receive("q").await, []);
    world.change("q", &first, 0).await.unwrap();
    let second = world.receive("q").await.remove(0);
    let not_in_flight = Err("AWS.SimpleQueueService.MessageNotInflight".to_owned());
    assert_eq!(world.change("q", &first, 5).await, not_in_flight);
    assert_eq!(world.change("q", &second, 43_201).await, Err("InvalidParameterValue".to_owned()));
    world.pass(SECOND);
    assert_eq!(world.change("q", &second, 43_200).await, Err("InvalidParameterValue".to_owned()), "12 hours in all");
    world.change("q", &second, 43_199).await.unwrap();
    world.delete("q", &second).await.unwrap();
    assert_eq!(world.change("q", &second, 5).await, Err("InvalidParameterValue".to_owned()));
    let nonsense = Message { receipt_handle: Some("x".into()), ..second };
    assert_eq!(world.change("q", &nonsense, 5).await, Err("ReceiptHandleIsInvalid".to_owned()));
    assert_eq!(world.delete("q", &nonsense).await, Err("ReceiptHandleIsInvalid".to_owned()));
}

#[tokio::test]
async fn delays_are_the_messages_or_the_queues() {
    let world = World::new().await;
    world.create("q", &[("DelaySeconds", "10")]).await.unwrap();
    world.send("q", "queue").await;
    let own = |delay, body: &str| SendMessageRequest {
        queue_url: "q".into(),
        message_body: body.into(),
        delay_seconds: Some(delay),
        ..Default::default()
    };
    world.try_send(own(0, "now")).await.unwrap();
    world.try_send(own(20, "later")).await.unwrap();
    assert_eq!(world.try_send(own(901, "x")).await.unwrap_err().query_code, "InvalidParameterValue");
    assert_eq!(world.counts("q").await, ["1", "0", "2"]);
    assert_eq!(world.bodies("q").await, ["now"]);
    world.pass(10 * SECOND);
    assert_eq!(world.bodies("q").await, ["queue"]);
    world.pass(10 * SECOND);
    assert_eq!(world.bodies("q").await, ["later"]);
}

#[tokio::test]
async fn messages_expire() {
    let world = World::new().await;
    world.create("q", &[("MessageRetentionPeriod", "60")]).await.unwrap();
    world.send("q", "a").await;
    world.pass(30 * SECOND);
    world.send("q", "b").await;
    world.pass(30 * SECOND);
    assert_eq!(world.bodies("q").await, ["b"]);
    world.pass(3600 * SECOND);
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
    world.queues.tidy().await.unwrap();
    assert_eq!(world.queues.directory.chunks(), 0);
    let world = world.crash().await;
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
}

#[tokio::test]
async fn what_has_expired_stays_gone_when_the_retention_grows() {
    let world = World::new().await;
    world.create("q", &[("MessageRetentionPeriod", "60")]).await.unwrap();
    world.send("q", "a").await;
    world.pass(60 * SECOND);
    world.send("q", "b").await;
    world.set("q", &[("MessageRetentionPeriod", "600")]).await.unwrap();
    let world = world.crash().await;
    world.pass(60 * SECOND);
    assert_eq!(world.bodies("q").await, ["b"]);
}

fn long_poll(seconds: i32) -> ReceiveMessageRequest {
    ReceiveMessageRequest { queue_url: "q".into(), wait_time_seconds: Some(seconds), ..Default::default() }
}

#[tokio::test]
async fn a_long_poll_ends_with_a_message_or_its_time() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let (received, ()) = tokio::join!(world.try_receive(long_poll(20)), async {
        tokio::task::yield_now().await;
        world.send("q", "a").await;
    });
    assert_eq!(body(&received.unwrap()[0]), "a");
    let begun = world.clock.now();
    let wait = world.try_receive(long_poll(20));
    tokio::pin!(wait);
    assert!(futures_util::future::poll_immediate(&mut wait).await.is_none());
    world.pass(19 * SECOND);
    assert!(futures_util::future::poll_immediate(&mut wait).await.is_none());
    world.pass(SECOND);
    assert_eq!(wait.await.unwrap(), []);
    assert_eq!(world.clock.now().0 - begun.0, 20 * SECOND);
}

#[tokio::test]
async fn a_long_poll_gets_what_becomes_visible_meanwhile() {
    let world = World::new().await;
    world.create("q", &[("DelaySeconds", "5")]).await.unwrap();
    world.send("q", "delayed").await;
    let (received, ()) = tokio::join!(world.try_receive(long_poll(20)), async {
        tokio::task::yield_now().await;
        world.pass(5 * SECOND);
    });
    let received = received.unwrap();
    assert_eq!(body(&received[0]), "delayed");
    let (again, ()) = tokio::join!(world.try_receive(long_poll(20)), async {
        tokio::task::yield_now().await;
        world.change("q", &received[0], 0).await.unwrap();
    });
    assert_eq!(body(&again.unwrap()[0]), "delayed");
}

#[tokio::test]
async fn each_of_those_who_wait_gets_a_message_of_a_batch() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let entry =
        |id: &str| SendMessageBatchRequestEntry { id: id.into(), message_body: id.into(), ..Default::default() };
    let batch = SendMessageBatchRequest { queue_url: "q".into(), entries: ["a", "b", "c"].map(entry).to_vec() };
    let caller = caller();
    let (first, second, third, sent) = tokio::join!(
        world.try_receive(long_poll(20)),
        world.try_receive(long_poll(20)),
        world.try_receive(long_poll(20)),
        async {
            tokio::task::yield_now().await;
            send_message::send_message_batch(&world.queues, &caller, batch).await
        }
    );
    sent.unwrap();
    let mut bodies: Vec<String> = [first, second, third]
        .into_iter()
        .flat_map(|received| received.unwrap())
        .map(|message| body(&message))
        .collect();
    bodies.sort();
    assert_eq!(bodies, ["a", "b", "c"]);
}

#[tokio::test]
async fn nothing_is_given_to_a_client_that_has_gone() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let (hang_up, gone) = HangUp::new();
    let mut caller = caller();
    caller.client.gone = gone;
    let wait = receive_message::receive_message(&world.queues, &caller, long_poll(20));
    let (waited, ()) = tokio::join!(wait, async {
        tokio::task::yield_now().await;
        hang_up.tell();
        tokio::task::yield_now().await;
        world.send("q", "a").await;
    });
    assert_eq!(waited.unwrap().messages, None);
    assert_eq!(world.bodies("q").await, ["a"]);
}

#[tokio::test]
async fn those_who_wait_are_answered_when_the_server_ends() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let (waited, ()) = tokio::join!(world.try_receive(long_poll(20)), async {
        tokio::task::yield_now().await;
        world.queues.stop_waiting();
    });
    assert_eq!(waited.unwrap(), []);
}

#[tokio::test]
async fn attributes_travel_with_their_digests() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let text = |value: &str| MessageAttributeValue {
        data_type: "String".into(),
        string_value: Some(value.into()),
        ..Default::default()
    };
    let trace = MessageSystemAttributeValue {
        data_type: "String".into(),
        string_value: Some("Root=1".into()),
        ..Default::default()
    };
    let input = SendMessageRequest {
        queue_url: "q".into(),
        message_body: "x".into(),
        message_attributes: Some([("a.b".to_owned(), text("1")), ("c".to_owned(), text("2"))].into()),
        message_system_attributes: Some([("AWSTraceHeader".to_owned(), trace)].into()),
        message_group_id: Some("fair".into()),
        ..Default::default()
    };
    let sent = world.try_send(input).await.unwrap();
    assert!(sent.md5_of_message_system_attributes.is_some());
    let received = world.receive("q").await;
    assert_eq!(received[0].md5_of_message_attributes, sent.md5_of_message_attributes);
    assert_eq!(received[0].message_attributes.as_ref().unwrap().len(), 2);
    assert_eq!(system(&received[0], "AWSTraceHeader"), "Root=1");
    assert_eq!(system(&received[0], "MessageGroupId"), "fair");
    for (names, count) in [(vec!["a.*"], 1), (vec!["c", "nothing"], 1), (vec![], 0), (vec!["All"], 2), (vec![".*"], 2)]
    {
        world.pass(30 * SECOND);
        let input = ReceiveMessageRequest {
            queue_url: "q".into(),
            message_attribute_names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            ..Default::default()
        };
        let received = world.try_receive(input).await.unwrap();
        let attributes = received[0].message_attributes.clone().unwrap_or_default();
        assert_eq!(attributes.len(), count, "{names:?}");
        assert_eq!(received[0].md5_of_message_attributes.is_some(), count > 0);
        assert_eq!(received[0].attributes, None);
    }
    let unknown =
        ReceiveMessageRequest { queue_url: "q".into(), attribute_names: Some(vec!["x".into()]), ..Default::default() };
    assert_eq!(world.try_receive(unknown).await.unwrap_err().code, "InvalidAttributeName");
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused() {
    let world = World::new().await;
    world.create("q", &[("MaximumMessageSize", "1024")]).await.unwrap();
    let send =
        |body: &str| SendMessageRequest { queue_url: "q".into(), message_body: body.into(), ..Default::default() };
    let code = async |input| world.try_send(input).await.map(drop).map_err(|error| error.query_code.to_string());
    assert_eq!(code(send(&"x".repeat(1024))).await, Ok(()));
    assert_eq!(code(send(&"x".repeat(1025))).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(code(send("")).await, Err("MissingParameter".to_owned()));
    assert_eq!(code(send("a\u{0}")).await, Err("InvalidMessageContents".to_owned()));
    assert_eq!(code(send("a\u{ffff}")).await, Err("InvalidMessageContents".to_owned()));
    let with_id = SendMessageRequest { message_deduplication_id: Some("i".into()), ..send("a") };
    assert_eq!(code(with_id).await, Err("InvalidParameterValue".to_owned()));
    let nowhere = SendMessageRequest { queue_url: "nowhere".into(), ..send("a") };
    assert_eq!(code(nowhere).await, Err("AWS.SimpleQueueService.NonExistentQueue".to_owned()));
    let receive =
        |input: ReceiveMessageRequest| world.try_receive(ReceiveMessageRequest { queue_url: "q".into(), ..input });
    for input in [
        ReceiveMessageRequest { max_number_of_messages: Some(0), ..Default::default() },
        ReceiveMessageRequest { max_number_of_messages: Some(11), ..Default::default() },
        ReceiveMessageRequest { wait_time_seconds: Some(21), ..Default::default() },
        ReceiveMessageRequest { visibility_timeout: Some(43_201), ..Default::default() },
    ] {
        assert_eq!(receive(input).await.unwrap_err().query_code, "InvalidParameterValue");
    }
}

#[tokio::test]
async fn batches_succeed_entry_by_entry() {
    let world = World::new().await;
    world.create("q", &[("MaximumMessageSize", "1048576")]).await.unwrap();
    let entry = |id: &str, body: &str| SendMessageBatchRequestEntry {
        id: id.into(),
        message_body: body.into(),
        ..Default::default()
    };
    let send = async |entries: Vec<SendMessageBatchRequestEntry>| {
        let input = SendMessageBatchRequest { queue_url: "q".into(), entries };
        send_message::send_message_batch(&world.queues, &caller(), input).await
    };
    let output = send(vec![entry("1", "a"), entry("2", ""), entry("3", "c")]).await.unwrap();
    assert_eq!(output.successful.iter().map(|entry| &*entry.id).collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!((&*output.failed[0].id, &*output.failed[0].code), ("2", "MissingParameter"));
    assert!(output.failed[0].sender_fault);
    let half = "x".repeat(600 << 10);
    let error = send(vec![entry("1", &half), entry("2", &half)]).await.unwrap_err();
    assert_eq!(error.query_code, "AWS.SimpleQueueService.BatchRequestTooLong");
    let received = world.receive("q").await;
    let mut entries: Vec<DeleteMessageBatchRequestEntry> = received
        .iter()
        .map(|message| DeleteMessageBatchRequestEntry { id: body(message), receipt_handle: handle(message) })
        .collect();
    entries.push(DeleteMessageBatchRequestEntry { id: "bad".into(), receipt_handle: "x".into() });
    let input = DeleteMessageBatchRequest { queue_url: "q".into(), entries };
    let output = delete_message::delete_message_batch(&world.queues, &caller(), input).await.unwrap();
    assert_eq!(output.successful.len(), 2);
    assert_eq!((&*output.failed[0].id, &*output.failed[0].code), ("bad", "ReceiptHandleIsInvalid"));
    assert_eq!(world.counts("q").await, ["0", "0", "0"]);
}

#[tokio::test]
async fn other_services_send_through_the_port() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    let sink = world.queues.sink();
    let arn = "arn:aws:sqs:us-east-1:000000000000:q";
    let attribute = MessageAttribute { data_type: "String".into(), value: StringOrBinary::String("v".into()) };
    let message = QueueMessage {
        body: "a".into(),
        attributes: vec![("k".into(), attribute)],
        trace_header: Some("Root=1".into()),
        ..Default::default()
    };
    sink.send(arn, message.clone()).await.unwrap();
    let nowhere = sink.send("arn:aws:sqs:us-east-1:000000000000:nowhere", message.clone()).await;
    assert_eq!(nowhere, Err(QueueError::NoSuchQueue));
    assert_eq!(sink.send("nonsense", message.clone()).await, Err(QueueError::NoSuchQueue));
    let empty = sink.send(arn, QueueMessage { body: String::new(), ..message }).await;
    assert!(matches!(empty, Err(QueueError::Refused(_))), "{empty:?}");
    let received = world.receive("q").await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].message_attributes.as_ref().unwrap()["k"].string_value.as_deref(), Some("v"));
}

#[tokio::test]
async fn queues_measure_themselves() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    world.send("q", "abc").await;
    world.send("q", "d").await;
    let received = world.receive("q").await;
    world.receive("q").await;
    world.delete("q", &received[0]).await.unwrap();
    world.pass(7 * SECOND);
    world.queues.measure();
    let taken = world.meter.take(TimestampMs(NOW));
    let sum = |name: &str| {
        let found = taken.iter().find(|(_, measurement)| &*measurement.metric.name == name);
        found.map(|(_, measurement)| match &measurement.samples {
            watchkeep_core::ports::Samples::Summary(reading) => reading.sum,
            _ => panic!("a summary"),
        })
    };
    assert!(taken.iter().all(|(_, measurement)| &*measurement.metric.namespace == "AWS/SQS"));
    for (name, value) in [
        ("NumberOfMessagesSent", 2.0),
        ("SentMessageSize", 4.0),
        ("NumberOfMessagesReceived", 2.0),
        ("NumberOfEmptyReceives", 1.0),
        ("NumberOfMessagesDeleted", 1.0),
        ("ApproximateNumberOfMessagesVisible", 0.0),
        ("ApproximateNumberOfMessagesNotVisible", 1.0),
        ("ApproximateNumberOfMessagesDelayed", 0.0),
        ("ApproximateAgeOfOldestMessage", 7.0),
    ] {
        assert_eq!(sum(name), Some(value), "{name}");
    }
}
