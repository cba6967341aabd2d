use watchkeep_model::sns::{PublishBatchInput, PublishBatchRequestEntry};

use super::*;

#[tokio::test]
async fn what_cannot_be_published_is_refused() {
    let fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    let value = |data_type: &str, text: &str| MessageAttributeValue {
        data_type: data_type.into(),
        string_value: (!text.is_empty()).then(|| text.into()),
        binary_value: None,
    };
    let with = |name: &str, value: MessageAttributeValue| PublishInput {
        message_attributes: Some([(name.to_owned(), value)].into()),
        ..to(&topic, "x")
    };
    let json = |message: &str| PublishInput { message_structure: Some("json".into()), ..to(&topic, message) };
    let cases = [
        (to(&topic, ""), "InvalidParameter", "Invalid parameter: Empty message"),
        (to(&topic, &"x".repeat(262_145)), "InvalidParameter", "Invalid parameter: Message too long"),
        (
            PublishInput { topic_arn: None, ..to(&topic, "x") },
            "InvalidParameter",
            "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter",
        ),
        (
            PublishInput { subject: Some("a\nb".into()), ..to(&topic, "x") },
            "InvalidParameter",
            "Invalid parameter: Subject",
        ),
        (
            PublishInput { subject: Some("x".repeat(101)), ..to(&topic, "x") },
            "InvalidParameter",
            "Invalid parameter: Subject",
        ),
        (
            PublishInput { phone_number: Some("+49".into()), ..to(&topic, "x") },
            "InvalidParameter",
            "Invalid parameter: PhoneNumber Reason: this server sends no text messages",
        ),
        (json("x"), "InvalidParameter", "Invalid parameter: Message Structure - JSON message body failed to parse"),
        (
            json(r#"{"sqs": "x"}"#),
            "InvalidParameter",
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
        (
            PublishInput { message_deduplication_id: Some("d".into()), ..to(&topic, "x") },
            "InvalidParameter",
            "Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        ),
        (
            with("a", value("", "x")),
            "ParameterValueInvalid",
            "The message attribute 'a' must contain non-empty message attribute type.",
        ),
        (
            with("a", value("String", "")),
            "ParameterValueInvalid",
            "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'.",
        ),
        (
            with("a", value("Float", "1")),
            "ParameterValueInvalid",
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        (
            with("a", value("Number", "one")),
            "ParameterValueInvalid",
            "Could not cast message attribute 'a' value to number.",
        ),
        (with("a b", value("String", "x")), "ParameterValueInvalid", "The message attribute name 'a b' is not valid."),
        (to("arn:aws:sns:eu-west-1:000000000000:t", "x"), "InvalidParameter", "Invalid parameter: TopicArn"),
        (to(&format!("{topic}x"), "x"), "NotFound", "Topic does not exist"),
    ];
    for (input, code, message) in cases {
        let error = fixture.try_publish(input).await.unwrap_err();
        assert_eq!((error.query_code.as_ref(), error.message.as_str()), (code, message));
    }
    let longest = fixture.try_publish(to(&topic, &"x".repeat(262_144))).await.unwrap();
    assert!(longest.message_id.is_some() && longest.sequence_number.is_none());
}

#[tokio::test]
async fn filters_say_who_gets_a_message() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    for (queue, attributes) in [
        ("all", &[][..]),
        ("books", &[("FilterPolicy", r#"{"store": ["books"]}"#)]),
        ("cheap", &[("FilterPolicy", r#"{"price": [{"numeric": ["<", 10]}]}"#)]),
        ("tags", &[("FilterPolicy", r#"{"tags": ["new"]}"#)]),
        ("body", &[("FilterPolicy", r#"{"order": {"state": ["open"]}}"#), ("FilterPolicyScope", "MessageBody")]),
    ] {
        fixture.subscribe(&topic, "sqs", &queue_arn(queue), attributes).await;
    }
    let number = MessageAttributeValue { data_type: "Number".into(), ..text("9.5") };
    let array = MessageAttributeValue { data_type: "String.Array".into(), ..text(r#"["new", "red"]"#) };
    type Case<'a> = (&'a str, &'a [(&'a str, MessageAttributeValue)], &'a [&'a str]);
    let cases: [Case<'_>; 5] = [
        ("plain", &[], &["all"]),
        ("plain", &[("store", text("books"))], &["all", "books"]),
        ("plain", &[("price", number)], &["all", "cheap"]),
        ("plain", &[("tags", array)], &["all", "tags"]),
        (r#"{"order": {"state": "open"}}"#, &[("store", text("toys"))], &["all", "body"]),
    ];
    for (message, attributes, expected) in cases {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let input = PublishInput { message_attributes: Some(attributes), ..to(&topic, message) };
        fixture.try_publish(input).await.unwrap();
        let mut got = Vec::new();
        for _ in expected {
            got.push(fixture.next_taken().await.0);
        }
        got.sort();
        assert_eq!(got, expected);
    }
    fixture.all_settled().await;
    let measured = fixture.measured();
    let of = |name: &str| measured.get(name).copied().unwrap_or(0.0);
    assert_eq!((of("NumberOfMessagesPublished"), of("NumberOfNotificationsDelivered")), (5.0, 9.0));
    assert_eq!(of("NumberOfNotificationsFilteredOut"), 16.0);
    assert_eq!(of("NumberOfNotificationsFilteredOut-NoMessageAttributes"), 3.0);
    assert_eq!(of("NumberOfNotificationsFilteredOut-MessageAttributes"), 9.0);
    assert_eq!(of("NumberOfNotificationsFilteredOut-InvalidMessageBody"), 4.0);
    assert!(of("PublishSize") > 60.0);
}

#[tokio::test]
async fn each_protocol_has_its_own_text() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    for (message, expected) in [(r#"{"default": "d", "sqs": "s"}"#, "s"), (r#"{"default": "d", "http": "h"}"#, "d")] {
        let input = PublishInput { message_structure: Some("json".into()), ..to(&topic, message) };
        fixture.try_publish(input).await.unwrap();
        assert_eq!(fixture.next_taken().await.1.body, expected);
    }
}

#[tokio::test]
async fn a_batch_is_checked_entry_by_entry() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    let entry = |id: &str, message: &str| PublishBatchRequestEntry {
        id: id.into(),
        message: message.into(),
        ..Default::default()
    };
    let batch = async |entries: Vec<PublishBatchRequestEntry>| {
        let input = PublishBatchInput { topic_arn: topic.clone(), publish_batch_request_entries: entries };
        publish::publish_batch(&fixture.topics, &fixture.caller, input).await
    };
    let answer = batch(vec![entry("a", "one"), entry("b", ""), entry("c", "three")]).await.unwrap();
    let ids: Vec<_> = answer.successful.unwrap().into_iter().map(|one| one.id.unwrap()).collect();
    assert_eq!(ids, ["a", "c"]);
    let failed = answer.failed.unwrap();
    assert_eq!(
        (failed[0].id.as_str(), failed[0].code.as_str(), failed[0].sender_fault),
        ("b", "InvalidParameter", true)
    );
    let half = "x".repeat(131_073);
    for (entries, code) in [
        (vec![], "EmptyBatchRequest"),
        ((0..11).map(|number| entry(&number.to_string(), "x")).collect(), "TooManyEntriesInBatchRequest"),
        (vec![entry("a", "x"), entry("a", "y")], "BatchEntryIdsNotDistinct"),
        (vec![entry("a.b", "x")], "InvalidBatchEntryId"),
        (vec![entry("a", &half), entry("b", &half)], "BatchRequestTooLong"),
    ] {
        assert_eq!(batch(entries).await.unwrap_err().query_code, code);
    }
    let mut bodies = vec![fixture.next_taken().await.1.body, fixture.next_taken().await.1.body];
    bodies.sort();
    assert_eq!(bodies, ["one", "three"]);
}
