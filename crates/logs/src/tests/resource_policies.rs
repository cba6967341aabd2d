//! Resource policies, and what they allow services.

use watchkeep_lang::policy::Context;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    DeleteResourcePolicyRequest, DescribeResourcePoliciesRequest, PutResourcePolicyRequest, PutResourcePolicyResponse,
};

use super::{Fixture, error};
use crate::resource_policies::{delete_resource_policy, describe_resource_policies, put_resource_policy};

const ARN: &str = "arn:aws:logs:us-east-1:000000000000:log-group:g";

fn document(effect: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{{"Service":"events.amazonaws.com"}},
        "Action":["logs:PutLogEvents","logs:CreateLogStream"],"Resource":"{resource}"}}]}}"#
    )
}

async fn put(
    fixture: &Fixture,
    name: &str,
    document: &str,
    group: Option<Option<&str>>,
) -> Result<PutResourcePolicyResponse, ServiceError> {
    let input = PutResourcePolicyRequest {
        policy_name: Some(name.into()),
        policy_document: Some(document.into()),
        resource_arn: group.map(|_| ARN.to_owned()),
        expected_revision_id: group.flatten().map(str::to_owned),
    };
    put_resource_policy(&fixture.logs, &fixture.caller, input).await
}

async fn described(fixture: &Fixture, scope: Option<&str>) -> Vec<String> {
    let mut names = Vec::new();
    let mut next_token = None;
    loop {
        let input = DescribeResourcePoliciesRequest {
            policy_scope: scope.map(str::to_owned),
            limit: Some(3),
            next_token,
            resource_arn: None,
        };
        let output = describe_resource_policies(&fixture.logs, &fixture.caller, input).await.unwrap();
        names.extend(output.resource_policies.unwrap().into_iter().map(|policy| policy.policy_name.unwrap()));
        next_token = output.next_token;
        if next_token.is_none() {
            return names;
        }
    }
}

fn may(fixture: &Fixture, service: &str, stream: Option<&str>) -> bool {
    let group = (fixture.caller.account, &fixture.caller.region, "g");
    fixture.logs.service_may(service, "logs:PutLogEvents", group, stream, &Context::default())
}

#[tokio::test]
async fn the_account_has_ten_policies() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    assert!(!may(&fixture, "events.amazonaws.com", None));
    for index in 0..10 {
        put(&fixture, &format!("p{index}"), &document("Allow", "*"), None).await.unwrap();
    }
    assert_eq!(
        error(put(&fixture, "q", &document("Allow", "*"), None).await),
        "LimitExceededException: Resource limit exceeded."
    );
    put(&fixture, "p9", &document("Allow", &format!("{ARN}:*")), None).await.unwrap();
    let fixture = fixture.reopen(false).await;
    assert_eq!(described(&fixture, None).await.len(), 10);
    assert!(described(&fixture, Some("RESOURCE")).await.is_empty());
    assert!(may(&fixture, "events.amazonaws.com", Some("s")));
    assert!(!may(&fixture, "delivery.logs.amazonaws.com", Some("s")));
    for index in 0..10 {
        let input = DeleteResourcePolicyRequest { policy_name: Some(format!("p{index}")), ..Default::default() };
        delete_resource_policy(&fixture.logs, &fixture.caller, input.clone()).await.unwrap();
        let again = error(delete_resource_policy(&fixture.logs, &fixture.caller, input).await);
        assert_eq!(again, format!("ResourceNotFoundException: Policy with name [p{index}] does not exist."));
    }
    assert!(!may(&fixture, "events.amazonaws.com", Some("s")));
    assert!(error(put(&fixture, "p", "{}", None).await).starts_with("InvalidParameterException"));
    assert!(error(put(&fixture, "", &document("Allow", "*"), None).await).starts_with("InvalidParameterException"));
}

#[tokio::test]
async fn a_group_has_one_policy_whose_revisions_follow_one_another() {
    let fixture = Fixture::new().await;
    assert!(
        error(put(&fixture, "p", &document("Allow", "*"), Some(None)).await).starts_with("ResourceNotFoundException")
    );
    fixture.group("g").await;
    let first = put(&fixture, "p", &document("Allow", &format!("{ARN}:*")), Some(None)).await.unwrap();
    let revision = first.revision_id.unwrap();
    assert_eq!(first.resource_policy.unwrap().resource_arn.as_deref(), Some(ARN));
    assert!(may(&fixture, "events.amazonaws.com", None) && may(&fixture, "events.amazonaws.com", Some("s")));
    let deny = document("Deny", "*");
    for expected in [None, Some("x")] {
        let outcome = error(put(&fixture, "p", &deny, Some(expected)).await);
        assert!(outcome.starts_with("InvalidParameterException: expectedRevisionId"), "{outcome}");
    }
    let second = put(&fixture, "p", &deny, Some(Some(&revision))).await.unwrap().revision_id.unwrap();
    assert_ne!(second, revision);
    put(&fixture, "all", &document("Allow", "*"), None).await.unwrap();
    assert!(!may(&fixture, "events.amazonaws.com", Some("s")), "one of them denies it");
    assert_eq!(described(&fixture, Some("RESOURCE")).await, ["p"]);
    let delete = |revision: &str| {
        let input = DeleteResourcePolicyRequest {
            resource_arn: Some(ARN.into()),
            expected_revision_id: Some(revision.to_owned()),
            policy_name: None,
        };
        delete_resource_policy(&fixture.logs, &fixture.caller, input)
    };
    assert!(error(delete(&revision).await).starts_with("InvalidParameterException"));
    delete(&second).await.unwrap();
    assert!(error(delete(&second).await).starts_with("ResourceNotFoundException"));
    assert!(may(&fixture, "events.amazonaws.com", Some("s")));
}
