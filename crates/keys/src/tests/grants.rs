//! Grants.

use watchkeep_model::ServiceError;
use watchkeep_model::kms::{
    CreateGrantRequest, CreateGrantResponse, DescribeKeyRequest, GrantConstraints, GrantListEntry, ListGrantsRequest,
    ListRetirableGrantsRequest, RetireGrantRequest, RevokeGrantRequest,
};

use super::{Fixture, arn, code, context};

const ALICE: &str = "arn:aws:iam::000000000000:user/alice";
const BOB: &str = "arn:aws:iam::000000000000:role/bob";

fn request(key_id: &str) -> CreateGrantRequest {
    CreateGrantRequest {
        key_id: key_id.into(),
        grantee_principal: Some(ALICE.into()),
        operations: vec!["Encrypt".into(), "Decrypt".into()],
        ..Default::default()
    }
}

async fn create(fixture: &Fixture, input: CreateGrantRequest) -> Result<CreateGrantResponse, ServiceError> {
    crate::grants::create_grant(&fixture.keys, &fixture.caller, input).await
}

async fn list(fixture: &Fixture, input: ListGrantsRequest) -> Vec<GrantListEntry> {
    crate::grants::list_grants(&fixture.keys, &fixture.caller, input).await.unwrap().grants.unwrap()
}

fn all(key_id: &str) -> ListGrantsRequest {
    ListGrantsRequest { key_id: key_id.into(), ..Default::default() }
}

#[tokio::test]
async fn grants_are_kept_with_their_constraints() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let constraints =
        GrantConstraints { encryption_context_subset: Some(context(&[("team", "shop")])), ..Default::default() };
    let input = CreateGrantRequest {
        retiring_principal: Some(BOB.into()),
        constraints: Some(constraints),
        name: Some("shop".into()),
        ..request(&key_id)
    };
    let created = create(&fixture, input.clone()).await.unwrap();
    let listed = list(&fixture, all(&key_id)).await;
    let entry = &listed[0];
    assert_eq!(entry.grant_id, created.grant_id);
    assert_eq!(entry.key_id, Some(arn(&key_id)));
    assert_eq!(entry.grantee_principal.as_deref(), Some(ALICE));
    assert_eq!(entry.retiring_principal.as_deref(), Some(BOB));
    assert_eq!(entry.issuing_account.as_deref(), Some("arn:aws:iam::000000000000:root"));
    assert_eq!(entry.operations, Some(vec!["Decrypt".to_owned(), "Encrypt".to_owned()]));
    let subset = entry.constraints.as_ref().and_then(|constraints| constraints.encryption_context_subset.clone());
    assert_eq!(subset, Some(context(&[("team", "shop")])));

    // The same by name is the same; without a name, or with other terms, it is another.
    let again = create(&fixture, input.clone()).await.unwrap();
    assert_eq!(again.grant_id, created.grant_id);
    let other = CreateGrantRequest { operations: vec!["Decrypt".into()], ..input };
    assert_ne!(create(&fixture, other).await.unwrap().grant_id, created.grant_id);
    create(&fixture, request(&key_id)).await.unwrap();
    create(&fixture, request(&key_id)).await.unwrap();
    assert_eq!(list(&fixture, all(&key_id)).await.len(), 4);
    let of_bob = ListGrantsRequest { grantee_principal: Some(BOB.into()), ..all(&key_id) };
    assert_eq!(list(&fixture, of_bob).await.len(), 0);
    let one = ListGrantsRequest { grant_id: created.grant_id.clone(), ..all(&key_id) };
    assert_eq!(list(&fixture, one).await.len(), 1);
    let fixture = fixture.reopen().await;
    assert_eq!(list(&fixture, all(&key_id)).await.len(), 4);
}

#[tokio::test]
async fn grants_end_by_token_or_by_key_and_id() {
    let fixture = Fixture::new().await;
    let (key_id, other) = (fixture.key().await, fixture.key().await);
    let mut made = Vec::new();
    for key_id in [&key_id, &key_id, &other] {
        let input = CreateGrantRequest { retiring_principal: Some(BOB.into()), ..request(key_id) };
        made.push(create(&fixture, input).await.unwrap());
    }
    let retire = |input| crate::grants::retire_grant(&fixture.keys, &fixture.caller, input);
    let revoke = |input| crate::grants::revoke_grant(&fixture.keys, &fixture.caller, input);
    let retirable = |limit| {
        let input = ListRetirableGrantsRequest { retiring_principal: Some(BOB.into()), limit, ..Default::default() };
        crate::grants::list_retirable_grants(&fixture.keys, &fixture.caller, input)
    };
    let page = retirable(Some(2)).await.unwrap();
    assert_eq!((page.grants.unwrap().len(), page.truncated), (2, Some(true)));
    assert_eq!(retirable(None).await.unwrap().grants.unwrap().len(), 3);

    let by_token = RetireGrantRequest { grant_token: made[0].grant_token.clone(), ..Default::default() };
    let dry = RetireGrantRequest { dry_run: Some(true), ..by_token.clone() };
    assert_eq!(code(retire(dry).await), "DryRunOperationException");
    retire(by_token.clone()).await.unwrap();
    assert_eq!(code(retire(by_token).await), "NotFoundException");
    let by_id =
        RetireGrantRequest { key_id: Some(arn(&key_id)), grant_id: made[1].grant_id.clone(), ..Default::default() };
    retire(by_id.clone()).await.unwrap();
    assert_eq!(code(retire(by_id).await), "NotFoundException");
    assert_eq!(code(retire(RetireGrantRequest::default()).await), "ValidationException");
    let forged = RetireGrantRequest { grant_token: Some("forged".into()), ..Default::default() };
    assert_eq!(code(retire(forged).await), "InvalidGrantTokenException");

    let wrong_key =
        RevokeGrantRequest { key_id: key_id.clone(), grant_id: made[2].grant_id.clone().unwrap(), dry_run: None };
    assert_eq!(code(revoke(wrong_key.clone()).await), "NotFoundException");
    revoke(RevokeGrantRequest { key_id: other, ..wrong_key }).await.unwrap();
    assert!(fixture.keys.grants.is_empty());
}

#[tokio::test]
async fn grants_have_rules() {
    let fixture = Fixture::new().await;
    let (key_id, hmac) = (fixture.key().await, fixture.hmac_key("HMAC_256").await);
    let service = Some("logs.us-east-1.amazonaws.com".to_owned());
    let equals = GrantConstraints { encryption_context_equals: Some(context(&[])), ..Default::default() };
    let cases = [
        (CreateGrantRequest { grantee_principal: None, ..request(&key_id) }, "ValidationException"),
        (CreateGrantRequest { grantee_principal: Some("alice".into()), ..request(&key_id) }, "InvalidArnException"),
        (CreateGrantRequest { grantee_service_principal: service.clone(), ..request(&key_id) }, "ValidationException"),
        (
            CreateGrantRequest { grantee_principal: None, grantee_service_principal: service, ..request(&key_id) },
            "ValidationException",
        ),
        (CreateGrantRequest { operations: Vec::new(), ..request(&key_id) }, "ValidationException"),
        (CreateGrantRequest { operations: vec!["Sign".into()], ..request(&key_id) }, "ValidationException"),
        (request(&hmac), "ValidationException"),
        (
            CreateGrantRequest { operations: vec!["GenerateMac".into()], constraints: Some(equals), ..request(&hmac) },
            "ValidationException",
        ),
        (CreateGrantRequest { operations: vec!["GenerateMac".into()], ..request(&hmac) }, ""),
        (CreateGrantRequest { dry_run: Some(true), ..request(&key_id) }, "DryRunOperationException"),
        (
            CreateGrantRequest { grant_tokens: Some(vec!["forged".into()]), ..request(&key_id) },
            "InvalidGrantTokenException",
        ),
    ];
    for (input, expected) in cases {
        let described = format!("{input:?}");
        assert_eq!(code(create(&fixture, input).await), expected, "{described}");
    }
    // Tokens that were given here are taken by every operation that has them.
    let token = create(&fixture, request(&key_id)).await.unwrap().grant_token.unwrap();
    let describe = |token: &str| {
        let input = DescribeKeyRequest { key_id: key_id.clone(), grant_tokens: Some(vec![token.to_owned()]) };
        crate::keys::describe_key(&fixture.keys, &fixture.caller, input)
    };
    assert_eq!(code(describe(&token).await), "");
    assert_eq!(code(describe(&token[1..]).await), "InvalidGrantTokenException");
}
