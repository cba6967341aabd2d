//! Key policies.

use watchkeep_model::ServiceError;
use watchkeep_model::kms::{GetKeyPolicyRequest, ListKeyPoliciesRequest, ListKeyPoliciesResponse, PutKeyPolicyRequest};

use super::{Fixture, code, error};

async fn get(fixture: &Fixture, key_id: &str, name: Option<&str>) -> Result<String, ServiceError> {
    let input = GetKeyPolicyRequest { key_id: key_id.into(), policy_name: name.map(str::to_owned) };
    let answer = crate::policies::get_key_policy(&fixture.keys, &fixture.caller, input).await?;
    Ok(answer.policy.unwrap())
}

#[tokio::test]
async fn a_key_has_one_policy() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let default = get(&fixture, &key_id, None).await.unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&default).unwrap();
    assert_eq!(parsed["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::000000000000:root");
    assert_eq!(get(&fixture, &key_id, Some("default")).await.unwrap(), default);
    assert_eq!(error(get(&fixture, &key_id, Some("x")).await), "NotFoundException: No such policy exists");
    let input = ListKeyPoliciesRequest { key_id, ..Default::default() };
    let ListKeyPoliciesResponse { policy_names, truncated, .. } =
        crate::policies::list_key_policies(&fixture.keys, &fixture.caller, input).await.unwrap();
    assert_eq!((policy_names, truncated), (Some(vec!["default".to_owned()]), Some(false)));
}

#[tokio::test]
async fn a_policy_is_replaced_if_it_is_one() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let put = |policy: &str, bypass| {
        let input = PutKeyPolicyRequest {
            key_id: key_id.clone(),
            policy: policy.into(),
            bypass_policy_lockout_safety_check: bypass,
            policy_name: None,
        };
        crate::policies::put_key_policy(&fixture.keys, &fixture.caller, input)
    };
    let locks = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:Encrypt","Resource":"*"}}"#;
    assert_eq!(
        error(put(locks, None).await),
        "MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy in the future."
    );
    put(locks, Some(true)).await.unwrap();
    assert_eq!(get(&fixture, &key_id, None).await.unwrap(), locks, "as it was put");
    assert_eq!(code(put("no JSON", Some(true)).await), "MalformedPolicyDocumentException");
    let long = format!("{locks}{}", " ".repeat(32 << 10));
    assert_eq!(code(put(&long, Some(true)).await), "LimitExceededException");
    assert_eq!(get(&fixture, &key_id, None).await.unwrap(), locks);
}
