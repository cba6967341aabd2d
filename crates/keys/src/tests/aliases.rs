//! Aliases.

use watchkeep_model::ServiceError;
use watchkeep_model::kms::{DeleteAliasRequest, ListAliasesRequest, UpdateAliasRequest};

use super::{Fixture, arn, code, error};

async fn update(fixture: &Fixture, name: &str, target: &str) -> Result<(), ServiceError> {
    let input = UpdateAliasRequest { alias_name: name.into(), target_key_id: target.into() };
    crate::aliases::update_alias(&fixture.keys, &fixture.caller, input).await.map(drop)
}

async fn delete(fixture: &Fixture, name: &str) -> Result<(), ServiceError> {
    let input = DeleteAliasRequest { alias_name: name.into() };
    crate::aliases::delete_alias(&fixture.keys, &fixture.caller, input).await.map(drop)
}

async fn list(fixture: &Fixture, key_id: Option<&str>) -> Vec<(String, String)> {
    let (mut listed, mut marker) = (Vec::new(), None);
    loop {
        let input = ListAliasesRequest { key_id: key_id.map(str::to_owned), limit: Some(2), marker };
        let page = crate::aliases::list_aliases(&fixture.keys, &fixture.caller, input).await.unwrap();
        let aliases = page.aliases.unwrap().into_iter();
        listed.extend(aliases.map(|alias| (alias.alias_name.unwrap(), alias.target_key_id.unwrap())));
        marker = page.next_marker;
        if marker.is_none() {
            return listed;
        }
    }
}

#[tokio::test]
async fn aliases_are_created_moved_and_deleted() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.key().await, fixture.key().await);
    for name in ["alias/c", "alias/a", "alias/b/x"] {
        fixture.alias(name, &arn(&one)).await.unwrap();
    }
    let named = |name: &str, key: &str| (name.to_owned(), key.to_owned());
    assert_eq!(list(&fixture, None).await, [named("alias/a", &one), named("alias/b/x", &one), named("alias/c", &one)]);
    update(&fixture, "alias/a", &two).await.unwrap();
    assert_eq!(list(&fixture, Some(&two)).await, [named("alias/a", &two)]);
    assert_eq!(fixture.describe("alias/a").await.unwrap().key_id, two);
    delete(&fixture, "alias/a").await.unwrap();
    assert_eq!(
        error(delete(&fixture, "alias/a").await),
        "NotFoundException: Alias arn:aws:kms:us-east-1:000000000000:alias/a is not found."
    );
    assert_eq!(code(update(&fixture, "alias/a", &one).await), "NotFoundException");
    assert_eq!(list(&fixture, None).await.len(), 2);
}

#[tokio::test]
async fn names_and_targets_have_rules() {
    let fixture = Fixture::new().await;
    let (key_id, hmac) = (fixture.key().await, fixture.hmac_key("HMAC_256").await);
    fixture.alias("alias/a", &key_id).await.unwrap();
    let cases = [
        ("alias/a", &*key_id, "AlreadyExistsException"),
        ("app", &key_id, "InvalidAliasNameException"),
        ("alias/", &key_id, "InvalidAliasNameException"),
        ("alias/a:b", &key_id, "InvalidAliasNameException"),
        ("alias/aws/s3", &key_id, "NotAuthorizedException"),
        ("alias/b", "alias/a", "ValidationException"),
        ("alias/b", "00000000-0000-4000-8000-000000000000", "NotFoundException"),
        ("alias/b", "arn:aws:kms:eu-west-1:000000000000:key/x", "NotFoundException"),
    ];
    for (name, target, expected) in cases {
        assert_eq!(code(fixture.alias(name, target).await), expected, "{name} {target}");
    }
    assert_eq!(
        error(fixture.alias("alias/a", &key_id).await),
        "AlreadyExistsException: An alias with the name arn:aws:kms:us-east-1:000000000000:alias/a already exists"
    );
    assert_eq!(code(update(&fixture, "alias/a", &hmac).await), "ValidationException");
    assert_eq!(code(delete(&fixture, "alias/aws/s3").await), "NotAuthorizedException");
    for number in 1..50 {
        fixture.alias(&format!("alias/n{number}"), &key_id).await.unwrap();
    }
    assert_eq!(code(fixture.alias("alias/n50", &key_id).await), "LimitExceededException");
}
