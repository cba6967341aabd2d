use rsa::PrivateKey;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::json;
use sha2::Digest as _;
use watchkeep_model::sns::SetTopicAttributesInput;

use super::super::message::to_be_signed;
use super::super::topic_attributes;
use super::receiver::Receiver;
use super::*;

fn now_ms(fixture: &Fixture) -> i64 {
    use watchkeep_core::Clock as _;
    fixture.clock.now().0
}

/// Whether a signature is that of the test's key.
fn is_signed(body: &serde_json::Value) -> bool {
    let key = PrivateKey::from_pkcs8_der(&STANDARD.decode(include_str!("signing_key.txt")).unwrap()).unwrap();
    let text = to_be_signed(body.as_object().unwrap());
    let (digest, prefix) = match body["SignatureVersion"].as_str().unwrap() {
        "1" => (sha1::Sha1::digest(&text).to_vec(), "3021300906052b0e03021a05000414"),
        _ => (sha2::Sha256::digest(&text).to_vec(), "3031300d060960864801650304020105000420"),
    };
    let scheme = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: hex::decode(prefix).unwrap().into() };
    let signature = STANDARD.decode(body["Signature"].as_str().unwrap()).unwrap();
    key.as_public_key().verify(scheme, &digest, &signature).is_ok()
}

#[tokio::test]
async fn notifications_are_signed_by_either_algorithm() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    let arn = fixture.subscribe_receiver(&topic, &mut receiver, &[]).await;
    for version in ["1", "2"] {
        let input = SetTopicAttributesInput {
            topic_arn: topic.clone(),
            attribute_name: "SignatureVersion".into(),
            attribute_value: Some(version.into()),
        };
        topic_attributes::set_topic_attributes(&fixture.topics, &fixture.caller, input).await.unwrap();
        let input = PublishInput {
            subject: Some("größe".into()),
            message_attributes: Some([("k".to_owned(), text("v"))].into()),
            ..to(&topic, "hello\nworld")
        };
        let id = fixture.try_publish(input).await.unwrap().message_id.unwrap();
        let got = receiver.next().await;
        assert_eq!(got.header("x-amz-sns-message-type"), "Notification");
        assert_eq!(got.header("x-amz-sns-message-id"), id);
        assert_eq!(got.header("x-amz-sns-subscription-arn"), arn);
        assert_eq!(got.header("user-agent"), "Amazon Simple Notification Service Agent");
        let mut body = got.json();
        assert!(is_signed(&body), "{body}");
        let certificate = body["SigningCertURL"].as_str().unwrap().to_owned();
        let path = certificate.strip_prefix(URL).unwrap();
        assert!(fixture.topics.certificate(path).await.unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        assert_eq!(fixture.topics.certificate("/SimpleNotificationService-0.pem").await, None);
        let members = body.as_object_mut().unwrap();
        members.remove("Signature");
        let expected = json!({
            "Type": "Notification", "MessageId": id, "TopicArn": topic, "Subject": "größe", "Message": "hello\nworld",
            "Timestamp": "2023-11-14T22:13:20.000Z", "SignatureVersion": version, "SigningCertURL": certificate,
            "UnsubscribeURL": format!("{URL}/?Action=Unsubscribe&SubscriptionArn={arn}"),
            "MessageAttributes": {"k": {"Type": "String", "Value": "v"}},
        });
        assert_eq!(body, expected);
        body["Signature"] = "AAAA".into();
        assert!(!is_signed(&body));
    }
}

#[tokio::test]
async fn raw_delivery_is_the_text_alone() {
    let (mut fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    let policy = r#"{"requestPolicy": {"headerContentType": "application/json"}}"#;
    let attributes = [("RawMessageDelivery", "true"), ("DeliveryPolicy", policy)];
    fixture.subscribe_receiver(&topic, &mut receiver, &attributes).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    let binary =
        MessageAttributeValue { data_type: "Binary".into(), string_value: None, binary_value: Some(vec![0, 255]) };
    let attributes = [("b".to_owned(), binary), ("s".to_owned(), text("v"))];
    let input = PublishInput { message_attributes: Some(attributes.into()), ..to(&topic, r#"{"a": 1}"#) };
    fixture.try_publish(input).await.unwrap();
    let got = receiver.next().await;
    assert_eq!((got.body.as_str(), got.header("x-amz-sns-rawdelivery")), (r#"{"a": 1}"#, "true"));
    assert_eq!(got.header("content-type"), "application/json");
    use watchkeep_core::ports::StringOrBinary::{Binary, String};
    let (_, message) = fixture.next_taken().await;
    let values: Vec<_> = message.attributes.iter().map(|(name, one)| (name.as_str(), one.value.clone())).collect();
    assert_eq!(values, [("b", Binary(vec![0, 255])), ("s", String("v".into()))]);
}

#[tokio::test]
async fn a_failing_endpoint_is_tried_four_times_then_its_messages_go_to_the_dead_letter_queue() {
    let (mut fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    let dead = queue_arn("dead");
    let redrive = json!({ "deadLetterTargetArn": dead }).to_string();
    fixture.subscribe_receiver(&topic, &mut receiver, &[("RedrivePolicy", &redrive)]).await;
    fixture.queues.refusing.lock().unwrap().insert(dead.clone(), QueueError::Busy("just now".into()));
    receiver.answer(&[500, 503, 429, 500]);
    fixture.publish(&topic, "hello").await;
    for tries in 0..4 {
        assert_eq!(receiver.next().await.json()["Message"], "hello", "{tries}");
        let failed_at = now_ms(&fixture);
        while receiver.received.is_empty() && tries < 3 {
            fixture.clock.advance(Duration::from_millis(250));
            tokio::task::yield_now().await;
        }
        let waited_s = (now_ms(&fixture) - failed_at) / 1000;
        assert!(tries == 3 || waited_s >= 15, "20 seconds, less what is left to chance: {waited_s}");
    }
    // The queue is busy for a while.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    fixture.queues.refusing.lock().unwrap().clear();
    let (queue, message) = fixture.next_taken_later().await;
    let body: serde_json::Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!((queue.as_str(), body["Message"].as_str()), ("dead", Some("hello")));
    fixture.all_settled().await;
    let measured = fixture.measured();
    assert_eq!(measured.get("NumberOfNotificationsRedrivenToDlq"), Some(&1.0));
    assert_eq!(measured.get("NumberOfNotificationsFailed"), Some(&1.0));
    assert_eq!(measured.get("NumberOfNotificationsDelivered"), None);
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let (mut fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    let redrive = json!({"deadLetterTargetArn": queue_arn("dead")}).to_string();
    fixture.subscribe_receiver(&topic, &mut receiver, &[("RedrivePolicy", &redrive)]).await;
    receiver.answer(&[403]);
    fixture.publish(&topic, "hello").await;
    assert_eq!(fixture.next_taken().await.0, "dead");
    assert_eq!(receiver.next().await.json()["Message"], "hello");
    // A queue that is not there refuses, too.
    let gone = queue_arn("gone");
    fixture.queues.refusing.lock().unwrap().insert(gone.clone(), QueueError::NoSuchQueue);
    fixture.subscribe(&topic, "sqs", &gone, &[("RedrivePolicy", &redrive)]).await;
    fixture.publish(&topic, "again").await;
    assert_eq!(fixture.next_taken().await.0, "dead");
    fixture.all_settled().await;
}

#[tokio::test]
async fn chat_needs_no_confirmation_and_gets_its_own_shape() {
    let fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    for (format, pointer) in [("slack", "/attachments/0/title"), ("teams", "/attachments/0/content/body/0/text")] {
        let mut receiver = Receiver::listen().await;
        fixture.subscribe(&topic, "http", &receiver.url, &[("WatchkeepFormat", format)]).await;
        let alarm = r#"{"AlarmName": "cpu", "NewStateValue": "ALARM", "AlarmArn": "arn", "NewStateReason": "hot"}"#;
        fixture.publish(&topic, alarm).await;
        let got = receiver.next().await;
        assert_eq!(got.json().pointer(pointer), Some(&json!("ALARM: cpu")));
        assert_eq!(got.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_throttle_policy_spaces_messages() {
    let (fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let topic = fixture.topic("t", &[]).await;
    let policy = r#"{"throttlePolicy": {"maxReceivesPerSecond": 1}}"#;
    fixture.subscribe_receiver(&topic, &mut receiver, &[("DeliveryPolicy", policy)]).await;
    fixture.clock.advance(Duration::from_secs(1));
    for message in ["a", "b"] {
        fixture.publish(&topic, message).await;
    }
    receiver.next().await;
    let first_at = now_ms(&fixture);
    while receiver.received.is_empty() {
        fixture.clock.advance(Duration::from_millis(50));
        tokio::task::yield_now().await;
    }
    assert!(now_ms(&fixture) - first_at >= 900);
}
