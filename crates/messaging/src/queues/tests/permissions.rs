//! AddPermission and RemovePermission.

use super::*;
use serde_json::Value;
use watchkeep_model::sqs::{AddPermissionRequest, RemovePermissionRequest};

async fn add(world: &World, label: &str, accounts: &[&str], actions: &[&str]) -> Result<(), String> {
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let input = AddPermissionRequest {
        queue_url: "q".into(),
        label: label.into(),
        aws_account_ids: texts(accounts),
        actions: texts(actions),
    };
    let output = super::super::permissions::add_permission(&world.queues, &caller(), input).await;
    output.map(drop).map_err(|error| error.query_code.to_string())
}

#[tokio::test]
async fn permissions_are_statements_of_the_policy() {
    let world = World::new().await;
    world.create("q", &[]).await.unwrap();
    add(&world, "one", &["111111111111"], &["SendMessage"]).await.unwrap();
    add(&world, "two", &["111111111111", "222222222222"], &["ReceiveMessage", "*"]).await.unwrap();
    let policy: Value = serde_json::from_str(&world.attribute("q", "Policy").await).unwrap();
    let arn = "arn:aws:sqs:us-east-1:000000000000:q";
    assert_eq!(policy["Id"], format!("{arn}/SQSDefaultPolicy"));
    let first = serde_json::json!({
        "Sid": "one", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111111111111:root" },
        "Action": "SQS:SendMessage", "Resource": arn,
    });
    assert_eq!(policy["Statement"][0], first);
    assert_eq!(policy["Statement"][1]["Action"], serde_json::json!(["SQS:ReceiveMessage", "SQS:*"]));
    assert_eq!(add(&world, "one", &["111111111111"], &["SendMessage"]).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(add(&world, "x", &["1"], &["SendMessage"]).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(add(&world, "x", &["111111111111"], &["Nonsense"]).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(add(&world, "x", &["111111111111"], &["DeleteQueue"]).await, Err("InvalidParameterValue".to_owned()));
    assert_eq!(add(&world, "x", &["111111111111"], &["SendMessage"; 8]).await, Err("OverLimit".to_owned()));
    for label in ["one", "two"] {
        let input = RemovePermissionRequest { queue_url: "q".into(), label: label.into() };
        super::super::permissions::remove_permission(&world.queues, &caller(), input.clone()).await.unwrap();
        assert!(super::super::permissions::remove_permission(&world.queues, &caller(), input).await.is_err());
    }
    assert_eq!(world.attribute("q", "Policy").await, "");
}
