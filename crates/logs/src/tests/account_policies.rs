//! Account policies as calls see them.

use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    AccountPolicy, DeleteAccountPolicyRequest, DescribeAccountPoliciesRequest, PutAccountPolicyRequest,
};

use super::{Fixture, NOW, error};
use crate::account_policies::{delete_account_policy, describe_account_policies, put_account_policy};

async fn put(fixture: &Fixture, name: &str, kind: &str, document: &str) -> Result<AccountPolicy, ServiceError> {
    let input = PutAccountPolicyRequest {
        policy_name: name.into(),
        policy_document: document.into(),
        policy_type: kind.into(),
        ..PutAccountPolicyRequest::default()
    };
    put_account_policy(&fixture.logs, &fixture.caller, input).await.map(|output| output.account_policy.unwrap())
}

async fn described(fixture: &Fixture, name: Option<&str>, account: Option<&str>) -> Vec<String> {
    let input = DescribeAccountPoliciesRequest {
        policy_type: "FIELD_INDEX_POLICY".into(),
        policy_name: name.map(str::to_owned),
        account_identifiers: account.map(|account| vec![account.to_owned()]),
        next_token: None,
    };
    let output = describe_account_policies(&fixture.logs, &fixture.caller, input).await.unwrap();
    output.account_policies.unwrap().into_iter().map(|policy| policy.policy_name.unwrap()).collect()
}

#[tokio::test]
async fn policies_are_put_described_and_deleted() {
    let fixture = Fixture::new().await;
    let document = r#"{"Fields":["a"]}"#;
    let policy = put(&fixture, "p", "FIELD_INDEX_POLICY", document).await.unwrap();
    assert_eq!(
        policy,
        AccountPolicy {
            policy_name: Some("p".into()),
            policy_document: Some(document.into()),
            last_updated_time: Some(NOW),
            policy_type: Some("FIELD_INDEX_POLICY".into()),
            scope: Some("ALL".into()),
            selection_criteria: None,
            account_id: Some("000000000000".into()),
        }
    );
    let fixture = fixture.reopen(false).await;
    assert_eq!(described(&fixture, None, None).await, ["p"]);
    assert_eq!(described(&fixture, Some("p"), Some("000000000000")).await, ["p"]);
    assert!(described(&fixture, Some("q"), None).await.is_empty());
    assert!(described(&fixture, None, Some("111122223333")).await.is_empty());
    put(&fixture, "p", "FIELD_INDEX_POLICY", r#"{"Fields":["b"]}"#).await.unwrap();
    let second = put(&fixture, "q", "FIELD_INDEX_POLICY", document).await;
    assert_eq!(
        error(second),
        "LimitExceededException: The limit of 1 account policies of type FIELD_INDEX_POLICY was reached."
    );
    let delete = || async {
        let input = DeleteAccountPolicyRequest {
            policy_name: "p".into(),
            policy_type: "FIELD_INDEX_POLICY".into(),
            dry_run: None,
        };
        delete_account_policy(&fixture.logs, &fixture.caller, input).await
    };
    delete().await.unwrap();
    assert_eq!(error(delete().await), "ResourceNotFoundException: The specified account policy does not exist.");
    let retention = put(&fixture, "p", "RETENTION_POLICY", "{}").await;
    assert_eq!(
        error(retention),
        "InvalidParameterException: Account policies of type RETENTION_POLICY are not supported."
    );
}
