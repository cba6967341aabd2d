//! Keys over months: deletion and its cancelling, and what survives a crash.

use watchkeep_model::kms::{
    CancelKeyDeletionRequest, CreateGrantRequest, ListAliasesRequest, ListKeysRequest, ScheduleKeyDeletionRequest,
    ScheduleKeyDeletionResponse,
};
use watchkeep_model::{ServiceError, Timestamp};

use super::{DAY, Fixture, NOW, arn, code};

async fn schedule(
    fixture: &Fixture,
    key_id: &str,
    days: Option<i32>,
) -> Result<ScheduleKeyDeletionResponse, ServiceError> {
    let input = ScheduleKeyDeletionRequest { key_id: key_id.into(), pending_window_in_days: days };
    crate::deletion::schedule_key_deletion(&fixture.keys, &fixture.caller, input).await
}

#[tokio::test]
async fn a_key_is_gone_at_its_deletion_date() {
    let fixture = Fixture::new().await;
    let (key_id, other) = (fixture.key().await, fixture.key().await);
    for (name, target) in [("alias/one", &key_id), ("alias/two", &key_id), ("alias/other", &other)] {
        fixture.alias(name, target).await.unwrap();
    }
    for key_id in [&key_id, &other] {
        let input = CreateGrantRequest {
            key_id: key_id.clone(),
            grantee_principal: Some("arn:aws:iam::000000000000:root".into()),
            operations: vec!["Decrypt".into()],
            ..Default::default()
        };
        crate::grants::create_grant(&fixture.keys, &fixture.caller, input).await.unwrap();
    }
    let blob = fixture.encrypt(&key_id, "x").await.unwrap();

    let answer = schedule(&fixture, &key_id, None).await.unwrap();
    assert_eq!(answer.key_id, Some(arn(&key_id)));
    assert_eq!(answer.pending_window_in_days, Some(30));
    let date = Timestamp(NOW + 30 * 24 * 3_600_000);
    assert_eq!(answer.deletion_date, Some(date));
    let described = fixture.describe(&key_id).await.unwrap();
    assert_eq!((described.deletion_date, described.enabled), (Some(date), Some(false)));

    fixture.days_pass(29).await;
    assert_eq!(code(fixture.decrypt(&blob).await), "KMSInvalidStateException");
    assert!(fixture.describe(&key_id).await.is_ok());

    // At the date it is gone at once (K-2), and from the catalog as soon as the background comes by.
    fixture.clock.advance(DAY);
    assert_eq!(code(fixture.describe(&key_id).await), "NotFoundException");
    assert_eq!(code(fixture.describe("alias/one").await), "NotFoundException");
    assert_eq!(code(fixture.decrypt(&blob).await), "InvalidCiphertextException");
    let cancel = CancelKeyDeletionRequest { key_id: key_id.clone() };
    let cancelled = crate::deletion::cancel_key_deletion(&fixture.keys, &fixture.caller, cancel).await;
    assert_eq!(code(cancelled), "NotFoundException");
    let listed = crate::keys::list_keys(&fixture.keys, &fixture.caller, ListKeysRequest::default()).await.unwrap();
    assert_eq!(listed.keys.unwrap().len(), 1);
    let listed = crate::aliases::list_aliases(&fixture.keys, &fixture.caller, ListAliasesRequest::default()).await;
    assert_eq!(listed.unwrap().aliases.unwrap().len(), 1);
    assert_eq!(fixture.keys.keys.len(), 2);

    fixture.keys.do_what_is_due().await;
    let left = (fixture.keys.keys.len(), fixture.keys.aliases.len(), fixture.keys.grants.len());
    assert_eq!(left, (1, 1, 1), "what is left is the other key's");
    assert_eq!((fixture.heard.of(&key_id), fixture.heard.of(&other)), (vec!["DeleteKey".to_owned()], Vec::new()));
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.keys.keys.len(), 1);
    assert!(fixture.describe("alias/other").await.is_ok());
}

#[tokio::test]
async fn a_deletion_is_cancelled_until_its_date() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let blob = fixture.encrypt(&key_id, "x").await.unwrap();
    schedule(&fixture, &key_id, Some(7)).await.unwrap();
    fixture.days_pass(6).await;
    let cancel = CancelKeyDeletionRequest { key_id: key_id.clone() };
    crate::deletion::cancel_key_deletion(&fixture.keys, &fixture.caller, cancel).await.unwrap();
    fixture.days_pass(60).await;
    let described = fixture.describe(&key_id).await.unwrap();
    assert_eq!((described.key_state.as_deref(), described.deletion_date), (Some("Disabled"), None));
    let enable = watchkeep_model::kms::EnableKeyRequest { key_id };
    crate::keys::enable_key(&fixture.keys, &fixture.caller, enable).await.unwrap();
    assert_eq!(fixture.decrypt(&blob).await.unwrap(), "x");
}

#[tokio::test]
async fn the_window_is_seven_to_thirty_days() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    for days in [1, 6, 31, 365] {
        assert_eq!(code(schedule(&fixture, &key_id, Some(days)).await), "ValidationException", "{days}");
    }
    assert!(schedule(&fixture, &key_id, Some(30)).await.is_ok());
}

#[tokio::test]
async fn keys_survive_a_crash() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    fixture.alias("alias/a", &key_id).await.unwrap();
    let blob = fixture.encrypt(&key_id, "x").await.unwrap();
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.decrypt(&blob).await.unwrap(), "x");
    assert_eq!(fixture.describe("alias/a").await.unwrap().key_id, key_id);
}

/// The work in the background follows the clock, and ends with the service.
#[tokio::test]
async fn the_background_erases_by_itself() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    schedule(&fixture, &key_id, Some(7)).await.unwrap();
    let background = tokio::spawn(crate::background::keep_up(std::sync::Arc::downgrade(&fixture.keys)));
    while !fixture.keys.keys.is_empty() {
        fixture.clock.advance(DAY);
        tokio::task::yield_now().await;
    }
    let Fixture { keys, clock, .. } = fixture;
    let gone = std::sync::Arc::downgrade(&keys);
    drop(keys);
    while gone.strong_count() > 0 || !background.is_finished() {
        clock.advance(DAY);
        tokio::task::yield_now().await;
    }
}
