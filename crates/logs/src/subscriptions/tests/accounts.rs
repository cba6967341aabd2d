//! Subscriptions of an account.

use watchkeep_model::logs::{DeleteAccountPolicyRequest, PutAccountPolicyRequest};

use super::*;
use crate::account_policies::{delete_account_policy, put_account_policy};
use crate::tests::error;

fn policy(document: &str, criteria: Option<&str>) -> PutAccountPolicyRequest {
    PutAccountPolicyRequest {
        policy_name: "p".into(),
        policy_document: document.into(),
        policy_type: "SUBSCRIPTION_FILTER_POLICY".into(),
        scope: Some("ALL".into()),
        selection_criteria: criteria.map(str::to_owned),
        ..Default::default()
    }
}

fn document(pattern: &str) -> String {
    format!(r#"{{"DestinationArn":"{STREAM}","RoleArn":"{ROLE}","FilterPattern":"{pattern}","Distribution":"Random"}}"#)
}

#[tokio::test]
async fn an_accounts_policy_delivers_of_all_groups_but_some() {
    let (fixture, taken) = world().await;
    for group in ["h", "not"] {
        fixture.group(group).await;
        fixture.stream(group, "s").await;
    }
    fixture.put("h", "s", &[(0, "before")]).await;
    let input = policy(&document("-no"), Some(r#"LogGroupName NOT IN ["not"]"#));
    put_account_policy(&fixture.logs, &fixture.caller, input).await.unwrap();
    for (group, stream, text) in [("g", "a", "1"), ("h", "s", "2"), ("not", "s", "3"), ("h", "s", "no")] {
        fixture.put(group, stream, &[(0, text)]).await;
    }
    let fixture = fixture.reopen(false).await;
    plug(&fixture, &taken, &Arc::default());
    fixture.group("new").await;
    fixture.stream("new", "s").await;
    fixture.put("new", "s", &[(0, "4")]).await;
    fixture.logs.deliver_subscriptions().await;
    let messages = taken.messages();
    let mut told: Vec<_> = messages
        .iter()
        .map(|message| {
            assert_eq!(message["policyLevel"], "ACCOUNT_LEVEL_POLICY");
            assert_eq!(message["subscriptionFilters"], serde_json::json!(["p"]));
            (message["logGroup"].as_str().unwrap(), message["logEvents"][0]["message"].as_str().unwrap())
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("g", "1"), ("h", "2"), ("new", "4")]);
    let input = DeleteAccountPolicyRequest {
        policy_name: "p".into(),
        policy_type: "SUBSCRIPTION_FILTER_POLICY".into(),
        ..Default::default()
    };
    delete_account_policy(&fixture.logs, &fixture.caller, input).await.unwrap();
    fixture.put("g", "a", &[(0, "5")]).await;
    fixture.logs.deliver_subscriptions().await;
    assert!(taken.texts().is_empty());
}

#[tokio::test]
async fn documents_are_checked_as_filters_are() {
    let (fixture, _) = world().await;
    let cases = [
        ("{", "The policy document is invalid"),
        (r#"{"DestinationArn":"x","FilterPattern":""}"#, "The destinationArn is invalid."),
        (r#"{"DestinationArn":"x"}"#, "The policy document is invalid"),
        (&document("").replace("stream/s", "stream/t"), "Could not deliver test message"),
        (&document("[a"), "must end with ']'"),
        (
            &document("").replace(r#""RoleArn":"arn:aws:iam::000000000000:role/r","#, ""),
            "cannot be used without roleArn",
        ),
    ];
    for (document, expected) in cases {
        let told = error(put_account_policy(&fixture.logs, &fixture.caller, policy(document, None)).await);
        assert!(told.contains(expected), "{document}: {told}");
    }
}
