//! Rotation over years.

use watchkeep_model::ServiceError;
use watchkeep_model::kms::{
    DisableKeyRequest, DisableKeyRotationRequest, EnableKeyRequest, EnableKeyRotationRequest,
    GetKeyRotationStatusRequest, GetKeyRotationStatusResponse, ListKeyRotationsRequest, RotateKeyOnDemandRequest,
    RotationsListEntry, ScheduleKeyDeletionRequest,
};

use super::{Fixture, NOW, code};

const DAY_MS: i64 = 24 * 3_600_000;

async fn enable(fixture: &Fixture, key_id: &str, days: Option<i32>) -> Result<(), ServiceError> {
    let input = EnableKeyRotationRequest { key_id: key_id.into(), rotation_period_in_days: days };
    crate::rotation::enable_key_rotation(&fixture.keys, &fixture.caller, input).await.map(drop)
}

async fn rotate(fixture: &Fixture, key_id: &str) -> Result<(), ServiceError> {
    let input = RotateKeyOnDemandRequest { key_id: key_id.into() };
    crate::rotation::rotate_key_on_demand(&fixture.keys, &fixture.caller, input).await.map(drop)
}

async fn status(fixture: &Fixture, key_id: &str) -> GetKeyRotationStatusResponse {
    let input = GetKeyRotationStatusRequest { key_id: key_id.into() };
    crate::rotation::get_key_rotation_status(&fixture.keys, &fixture.caller, input).await.unwrap()
}

/// The day of the next rotation, counted from the first.
async fn next_day(fixture: &Fixture, key_id: &str) -> Option<i64> {
    status(fixture, key_id).await.next_rotation_date.map(|date| (date.0 - NOW) / DAY_MS)
}

async fn rotations(fixture: &Fixture, key_id: &str, include: Option<&str>) -> Vec<RotationsListEntry> {
    let (mut listed, mut marker) = (Vec::new(), None);
    loop {
        let input = ListKeyRotationsRequest {
            key_id: key_id.into(),
            include_key_material: include.map(str::to_owned),
            limit: Some(2),
            marker,
        };
        let page = crate::rotation::list_key_rotations(&fixture.keys, &fixture.caller, input).await.unwrap();
        listed.extend(page.rotations.unwrap());
        marker = page.next_marker;
        if marker.is_none() {
            return listed;
        }
    }
}

/// The day and type of each rotation.
async fn days(fixture: &Fixture, key_id: &str) -> Vec<(i64, String)> {
    let all = rotations(fixture, key_id, None).await.into_iter();
    all.map(|entry| ((entry.rotation_date.unwrap().0 - NOW) / DAY_MS, entry.rotation_type.unwrap())).collect()
}

#[tokio::test]
async fn a_key_is_rotated_by_its_plan_and_old_ciphertexts_still_open() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let mut blobs = vec![fixture.encrypt(&key_id, "0").await.unwrap()];
    let first = fixture.describe(&key_id).await.unwrap().current_key_material_id;
    enable(&fixture, &key_id, Some(90)).await.unwrap();
    assert_eq!(next_day(&fixture, &key_id).await, Some(90));
    for month in 1..=12 {
        fixture.days_pass(30).await;
        blobs.push(fixture.encrypt(&key_id, &month.to_string()).await.unwrap());
        if month == 7 {
            rotate(&fixture, &key_id).await.unwrap();
            assert_eq!(next_day(&fixture, &key_id).await, Some(270), "the plan stays as it is");
        }
    }
    let (automatic, on_demand) = ("AUTOMATIC".to_owned(), "ON_DEMAND".to_owned());
    assert_eq!(
        days(&fixture, &key_id).await,
        [
            (90, automatic.clone()),
            (180, automatic.clone()),
            (210, on_demand),
            (270, automatic.clone()),
            (360, automatic)
        ]
    );
    let heard = fixture.heard.of(&key_id);
    assert_eq!((heard.len(), &*heard[0], &*heard[2]), (5, "RotateKey AUTOMATIC", "RotateKey ON_DEMAND"));
    let fixture = fixture.reopen().await;
    for (month, blob) in blobs.iter().enumerate() {
        assert_eq!(fixture.decrypt(blob).await.unwrap(), month.to_string());
    }

    let all = rotations(&fixture, &key_id, Some("ALL_KEY_MATERIAL")).await;
    assert_eq!(all.len(), 6);
    assert_eq!((all[0].key_material_id.clone(), all[0].rotation_date), (first, None));
    let states: Vec<_> = all.iter().filter_map(|entry| entry.key_material_state.as_deref()).collect();
    assert_eq!(states[..5], ["NON_CURRENT"; 5]);
    assert_eq!(states[5], "CURRENT");
    assert_eq!(all[5].key_material_id, fixture.describe(&key_id).await.unwrap().current_key_material_id);
}

#[tokio::test]
async fn a_plan_is_changed_and_ended() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    assert_eq!(status(&fixture, &key_id).await.key_rotation_enabled, Some(false));
    enable(&fixture, &key_id, None).await.unwrap();
    let said = status(&fixture, &key_id).await;
    assert_eq!((said.key_rotation_enabled, said.rotation_period_in_days), (Some(true), Some(365)));
    fixture.days_pass(100).await;
    enable(&fixture, &key_id, None).await.unwrap();
    assert_eq!(next_day(&fixture, &key_id).await, Some(365), "the same again changes nothing");
    enable(&fixture, &key_id, Some(100)).await.unwrap();
    assert_eq!(next_day(&fixture, &key_id).await, Some(200));
    let input = DisableKeyRotationRequest { key_id: key_id.clone() };
    crate::rotation::disable_key_rotation(&fixture.keys, &fixture.caller, input).await.unwrap();
    assert_eq!(next_day(&fixture, &key_id).await, None);
    fixture.days_pass(1000).await;
    assert_eq!(days(&fixture, &key_id).await, []);
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_rotated_when_it_can() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    enable(&fixture, &key_id, Some(90)).await.unwrap();
    let input = DisableKeyRequest { key_id: key_id.clone() };
    crate::keys::disable_key(&fixture.keys, &fixture.caller, input).await.unwrap();
    fixture.days_pass(200).await;
    assert_eq!(days(&fixture, &key_id).await, []);
    let input = EnableKeyRequest { key_id: key_id.clone() };
    crate::keys::enable_key(&fixture.keys, &fixture.caller, input).await.unwrap();
    fixture.days_pass(0).await;
    assert_eq!(days(&fixture, &key_id).await, [(200, "AUTOMATIC".to_owned())]);
    assert_eq!(next_day(&fixture, &key_id).await, Some(290));

    let input = ScheduleKeyDeletionRequest { key_id: key_id.clone(), pending_window_in_days: None };
    crate::deletion::schedule_key_deletion(&fixture.keys, &fixture.caller, input).await.unwrap();
    assert_eq!(status(&fixture, &key_id).await.key_rotation_enabled, Some(false), "the plan rests");
}

#[tokio::test]
async fn rotations_on_demand_are_limited_and_for_encryption_only() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    for _ in 0..25 {
        rotate(&fixture, &key_id).await.unwrap();
    }
    assert_eq!(code(rotate(&fixture, &key_id).await), "LimitExceededException");
    let hmac = fixture.hmac_key("HMAC_256").await;
    assert_eq!(code(rotate(&fixture, &hmac).await), "UnsupportedOperationException");
    assert_eq!(code(enable(&fixture, &hmac, None).await), "UnsupportedOperationException");
    let input = GetKeyRotationStatusRequest { key_id: hmac };
    let said = crate::rotation::get_key_rotation_status(&fixture.keys, &fixture.caller, input).await;
    assert_eq!(code(said), "UnsupportedOperationException");
}
