//! Data protection policies of topics.

use serde_json::{Value, json};
use watchkeep_model::sns::{GetDataProtectionPolicyInput, PutDataProtectionPolicyInput};

use super::super::data_protection;
use super::*;

const MAIL: &str = "write to bob@example.com today";

fn statement(direction: &str, principal: &str, operation: Value) -> Value {
    json!({
        "DataDirection": direction,
        "Principal": [principal],
        "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
        "Operation": operation,
    })
}

fn policy(statements: &[Value]) -> String {
    json!({"Name": "p", "Version": "2021-06-01", "Statement": statements}).to_string()
}

fn mask() -> Value {
    json!({"Deidentify": {"MaskConfig": {"MaskWithCharacter": "#"}}})
}

impl Fixture {
    async fn protect(&self, topic: &str, policy: &str) -> Result<(), String> {
        let input = PutDataProtectionPolicyInput { resource_arn: topic.into(), data_protection_policy: policy.into() };
        let put = data_protection::put_data_protection_policy(&self.topics, &self.caller, input).await;
        put.map(drop).map_err(|error| error.message)
    }

    async fn protection(&self, topic: &str) -> Option<String> {
        let input = GetDataProtectionPolicyInput { resource_arn: topic.into() };
        let got = data_protection::get_data_protection_policy(&self.topics, &self.caller, input).await;
        got.unwrap().data_protection_policy
    }
}

#[tokio::test]
async fn policies_are_kept_and_checked() {
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    assert_eq!(fixture.protection(&topic).await, None);
    let right = policy(&[statement("Inbound", "*", mask())]);
    fixture.protect(&topic, &right).await.unwrap();
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.protection(&topic).await, Some(right));
    let wrong = policy(&[statement("Outbound", "*", json!({"Audit": {"SampleRate": "1"}}))]);
    assert_eq!(
        fixture.protect(&topic, &wrong).await.unwrap_err(),
        "Invalid parameter: DataProtectionPolicy Reason: Audit is for the DataDirection Inbound."
    );
    fixture.protect(&topic, "").await.unwrap();
    assert_eq!(fixture.protection(&topic).await, None);
}

#[tokio::test]
async fn what_comes_in_is_masked_or_kept_out() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &[("RawMessageDelivery", "true")]).await;
    fixture.protect(&topic, &policy(&[statement("Inbound", "*", mask())])).await.unwrap();
    fixture.publish(&topic, MAIL).await;
    assert_eq!(fixture.next_taken().await.1.body, "write to ############### today");
    fixture
        .protect(&topic, &policy(&[statement("Inbound", "*", json!({"Deidentify": {"RedactConfig": {}}}))]))
        .await
        .unwrap();
    fixture.publish(&topic, MAIL).await;
    assert_eq!(fixture.next_taken().await.1.body, "write to  today");
    fixture.protect(&topic, &policy(&[statement("Inbound", "*", json!({"Deny": {}}))])).await.unwrap();
    let error = fixture.try_publish(to(&topic, MAIL)).await.unwrap_err();
    assert_eq!((&*error.query_code, error.status), ("AuthorizationError", 403));
    fixture.publish(&topic, "nothing to hide").await;
    assert_eq!(fixture.next_taken().await.1.body, "nothing to hide");
    // Of others only.
    let others = statement("Inbound", "arn:aws:iam::000000000000:user/eve", json!({"Deny": {}}));
    fixture.protect(&topic, &policy(&[others])).await.unwrap();
    fixture.publish(&topic, MAIL).await;
    assert_eq!(fixture.next_taken().await.1.body, MAIL);
}

#[tokio::test]
async fn what_goes_out_is_masked_or_kept_back() {
    let mut fixture = Fixture::new().await;
    let topic = fixture.topic("t", &[]).await;
    let dead = format!(r#"{{"deadLetterTargetArn": "{}"}}"#, queue_arn("dead"));
    let attributes = [("RawMessageDelivery", "true"), ("RedrivePolicy", dead.as_str())];
    fixture.subscribe(&topic, "sqs", &queue_arn("q"), &attributes).await;
    fixture.protect(&topic, &policy(&[statement("Outbound", "*", mask())])).await.unwrap();
    fixture.publish(&topic, MAIL).await;
    assert_eq!(fixture.next_taken().await.1.body, "write to ############### today");
    fixture.protect(&topic, &policy(&[statement("Outbound", "*", json!({"Deny": {}}))])).await.unwrap();
    fixture.publish(&topic, MAIL).await;
    fixture.all_settled().await;
    assert!(fixture.taken.try_recv().is_err(), "the dead-letter queue does not get it either");
    assert_eq!(fixture.measured()["NumberOfNotificationsFailed"], 1.0);
}

#[tokio::test]
async fn what_is_found_is_reported() {
    let fixture = Fixture::idle().await;
    let topic = fixture.topic("t", &[]).await;
    let group = |name: &str| json!({"CloudWatchLogs": {"LogGroup": format!("/aws/vendedlogs/{name}")}});
    let audit = |rate: u8| {
        let audit = json!({"Audit": {"SampleRate": rate, "FindingsDestination": group("found"), "NoFindingsDestination": group("none")}});
        policy(&[statement("Inbound", "*", audit), statement("Inbound", "*", mask())])
    };
    fixture.protect(&topic, &audit(0)).await.unwrap();
    fixture.publish(&topic, MAIL).await;
    assert!(fixture.logs.0.lock().unwrap().is_empty());
    fixture.protect(&topic, &audit(99)).await.unwrap();
    // One in a hundred is left out.
    let mut ids = Vec::new();
    while !fixture.logs.0.lock().unwrap().iter().any(|(group, ..)| group == "/aws/vendedlogs/found") {
        ids.push(fixture.publish(&topic, MAIL).await);
    }
    let (_, _, found) = fixture.logs.0.lock().unwrap().remove(0);
    let expected = json!({
        "messageId": ids.last(),
        "callerPrincipal": "arn:aws:iam::000000000000:root",
        "resourceArn": topic,
        "dataIdentifiers": [{"name": "EmailAddress", "count": 1, "detections": [{"start": 10, "end": 24}]}],
        "timestamp": "2023-11-14T22:13:20.000Z",
    });
    assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), expected);
    while fixture.logs.0.lock().unwrap().is_empty() {
        fixture.publish(&topic, "nothing to hide").await;
    }
    assert_eq!(fixture.logs.0.lock().unwrap()[0].0, "/aws/vendedlogs/none");
}
