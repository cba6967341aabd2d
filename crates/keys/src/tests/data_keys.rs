//! The port by which others encrypt data at rest.

use watchkeep_core::ports::{DATA_KEY_BYTES, DataKeyError};
use watchkeep_core::{AccountId, Region};
use watchkeep_model::kms::{DisableKeyRequest, EnableKeyRequest, RotateKeyOnDemandRequest, ScheduleKeyDeletionRequest};

use super::{Fixture, arn, context};

#[tokio::test]
async fn data_keys_are_wrapped_and_unwrapped() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    fixture.alias("alias/logs", &key_id).await.unwrap();
    let (keys, region) = (fixture.keys.data_keys(), Region::default());
    let place = (AccountId::DEFAULT, &region);
    for name in [&*key_id, &*arn(&key_id), "alias/logs"] {
        assert_eq!(keys.find(place, name).await, Ok(arn(&key_id)));
    }
    let (key_arn, group) =
        (arn(&key_id), context(&[("aws:logs:arn", "arn:aws:logs:us-east-1:000000000000:log-group:a")]));
    let made = keys.generate(&key_arn, &group).await.unwrap();
    assert_eq!(made.plaintext.expose().len(), DATA_KEY_BYTES);
    let rotate = RotateKeyOnDemandRequest { key_id: key_id.clone() };
    crate::rotation::rotate_key_on_demand(&fixture.keys, &fixture.caller, rotate).await.unwrap();
    assert_eq!(keys.unwrap(&key_arn, &group, &made.wrapped).await.unwrap(), made.plaintext);

    let other = arn(&fixture.key().await);
    let unopenable = Err(DataKeyError::Unopenable);
    assert_eq!(keys.unwrap(&key_arn, &context(&[]), &made.wrapped).await, unopenable);
    assert_eq!(keys.unwrap(&key_arn, &group, &made.wrapped[1..]).await, unopenable);
    assert_eq!(keys.unwrap(&key_arn, &group, &[]).await, unopenable);
    assert_eq!(keys.unwrap(&other, &group, &made.wrapped).await, unopenable);
}

#[tokio::test]
async fn a_key_that_cannot_be_used_says_why() {
    let fixture = Fixture::new().await;
    let (key_id, hmac) = (fixture.key().await, arn(&fixture.hmac_key("HMAC_256").await));
    let (keys, key_arn, none) = (fixture.keys.data_keys(), arn(&key_id), context(&[]));
    let made = keys.generate(&key_arn, &none).await.unwrap();
    let missing = arn("00000000-0000-4000-8000-000000000000");
    for (arn, expected) in [
        (&missing, DataKeyError::NotFound(missing.clone())),
        (&"nonsense".to_owned(), DataKeyError::NotFound("nonsense".to_owned())),
        (&hmac, DataKeyError::WrongKind(hmac.clone())),
    ] {
        assert_eq!(keys.generate(arn, &none).await.unwrap_err(), expected);
    }
    let region = Region::default();
    let foreign = key_arn.replace("000000000000", "111111111111");
    let found = keys.find((AccountId::DEFAULT, &region), &foreign).await;
    assert_eq!(found, Err(DataKeyError::AccessDenied(foreign)));

    let input = DisableKeyRequest { key_id: key_id.clone() };
    crate::keys::disable_key(&fixture.keys, &fixture.caller, input).await.unwrap();
    assert_eq!(keys.unwrap(&key_arn, &none, &made.wrapped).await, Err(DataKeyError::Disabled(key_arn.clone())));
    let input = EnableKeyRequest { key_id: key_id.clone() };
    crate::keys::enable_key(&fixture.keys, &fixture.caller, input).await.unwrap();
    assert!(keys.unwrap(&key_arn, &none, &made.wrapped).await.is_ok());
    let input = ScheduleKeyDeletionRequest { key_id, pending_window_in_days: Some(7) };
    crate::deletion::schedule_key_deletion(&fixture.keys, &fixture.caller, input).await.unwrap();
    let pending = DataKeyError::PendingDeletion(key_arn.clone());
    assert_eq!(keys.unwrap(&key_arn, &none, &made.wrapped).await, Err(pending));
    fixture.days_pass(7).await;
    assert_eq!(keys.unwrap(&key_arn, &none, &made.wrapped).await, Err(DataKeyError::NotFound(key_arn.clone())));
}

#[tokio::test]
async fn a_services_own_key_is_made_when_it_is_asked_for_and_is_nobody_elses() {
    let fixture = Fixture::new().await;
    let (keys, region) = (fixture.keys.data_keys(), Region::default());
    let place = (AccountId::DEFAULT, &region);
    let none = context(&[]);
    assert!(matches!(keys.find(place, "alias/aws/unheard").await, Err(DataKeyError::NotFound(_))));
    let found = keys.find(place, "alias/aws/sqs").await.unwrap();
    let by_arn = keys.find(place, "arn:aws:kms:us-east-1:000000000000:alias/aws/sqs").await;
    assert_eq!([keys.find(place, "alias/aws/sqs").await, by_arn], [Ok(found.clone()), Ok(found.clone())]);
    assert_ne!(keys.find(place, "alias/aws/sns").await.unwrap(), found);
    let made = keys.generate(&found, &none).await.unwrap();
    assert_eq!(keys.unwrap(&found, &none, &made.wrapped).await.unwrap(), made.plaintext);

    let key_id = found.rsplit('/').next().unwrap().to_owned();
    let metadata = fixture.describe("alias/aws/sqs").await.unwrap();
    assert_eq!((metadata.key_manager.as_deref(), metadata.key_id.as_str()), (Some("AWS"), key_id.as_str()));
    let denied = |outcome: Result<(), watchkeep_model::ServiceError>| {
        assert_eq!(outcome.unwrap_err().code, "AccessDeniedException");
    };
    let (all, caller) = (&fixture.keys, &fixture.caller);
    let input = DisableKeyRequest { key_id: key_id.clone() };
    denied(crate::keys::disable_key(all, caller, input).await.map(drop));
    let input = ScheduleKeyDeletionRequest { key_id: key_id.clone(), pending_window_in_days: Some(7) };
    denied(crate::deletion::schedule_key_deletion(all, caller, input).await.map(drop));
    let policy = crate::policies::default_policy(caller);
    let input = watchkeep_model::kms::PutKeyPolicyRequest { key_id: key_id.clone(), policy, ..Default::default() };
    denied(crate::policies::put_key_policy(all, caller, input).await.map(drop));
    denied(fixture.alias("alias/mine", &key_id).await.map(drop));
    let input = watchkeep_model::kms::EncryptRequest { key_id, plaintext: b"x".to_vec(), ..Default::default() };
    denied(crate::encrypt::encrypt(all, caller, input).await.map(drop));
}
