//! Delivery status.

use serde_json::{Value, json};

use super::receiver::Receiver;
use super::*;

fn role(name: &str) -> String {
    format!("arn:aws:iam::000000000000:role/{name}")
}

async fn logged(fixture: &Fixture, count: usize) -> Vec<(String, Value)> {
    loop {
        {
            let logged = fixture.logs.0.lock().unwrap();
            if logged.len() >= count {
                return logged
                    .iter()
                    .map(|(group, _, text)| (group.clone(), serde_json::from_str(text).unwrap()))
                    .collect();
            }
        }
        fixture.clock.advance(Duration::from_millis(500));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn how_deliveries_ended_is_logged_where_the_topic_wants_it() {
    let (mut fixture, mut receiver) = (Fixture::new().await, Receiver::listen().await);
    let (success, failure) = (role("s"), role("f"));
    let attributes = [
        ("SQSSuccessFeedbackRoleArn", success.as_str()),
        ("SQSSuccessFeedbackSampleRate", "100"),
        ("HTTPFailureFeedbackRoleArn", failure.as_str()),
    ];
    let topic = fixture.topic("t", &attributes).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[]).await;
    let policy = r#"{"healthyRetryPolicy": {"numRetries": 1, "minDelayTarget": 1, "maxDelayTarget": 1}}"#;
    fixture.subscribe_receiver(&topic, &mut receiver, &[("DeliveryPolicy", policy)]).await;
    receiver.answer(&[500, 503]);
    let id = fixture.publish(&topic, "hello").await;
    fixture.next_taken().await;
    let logged = logged(&fixture, 2).await;
    let of = |group: &str| logged.iter().find(|(own, _)| own == group).unwrap().1.clone();
    let mut sent = of("sns/us-east-1/000000000000/t");
    assert!(sent["delivery"]["dwellTimeMs"].as_i64().unwrap() >= 0);
    sent["delivery"]["dwellTimeMs"] = 0.into();
    let delivery_id = sent["delivery"]["deliveryId"].clone();
    let expected = json!({
        "notification": {
            "messageMD5Sum": "5d41402abc4b2a76b9719d911017c592",
            "messageId": id,
            "topicArn": topic,
            "timestamp": "2023-11-14 22:13:20.000",
        },
        "delivery": {
            "deliveryId": delivery_id,
            "destination": queue_arn("q"),
            "providerResponse": "OK",
            "dwellTimeMs": 0,
            "attempts": 1,
            "statusCode": 200,
        },
        "status": "SUCCESS",
    });
    assert_eq!(sent, expected);
    let failed = of("sns/us-east-1/000000000000/t/Failure");
    assert_eq!(failed["status"], "FAILURE");
    assert_eq!([&failed["delivery"]["attempts"], &failed["delivery"]["statusCode"]], [&json!(2), &json!(503)]);
    assert_eq!(failed["delivery"]["destination"], receiver.url);
    assert_eq!(logged.len(), 2, "tries that others follow are not logged");
}

#[tokio::test]
async fn what_the_topic_does_not_want_is_not_logged() {
    let mut fixture = Fixture::new().await;
    let success = role("s");
    let plain = fixture.topic("plain", &[]).await;
    let unsampled = fixture.topic("t", &[("SQSSuccessFeedbackRoleArn", &success)]).await;
    for topic in [&plain, &unsampled] {
        fixture.subscribe(topic, "sqs", &queue_arn("q"), &[]).await;
        fixture.publish(topic, "x").await;
        fixture.next_taken().await;
    }
    fixture.all_settled().await;
    assert!(fixture.logs.0.lock().unwrap().is_empty());
}
