//! Creating, describing and listing keys.

use watchkeep_model::kms::{CreateKeyRequest, ListKeysRequest, Tag, UpdateKeyDescriptionRequest};

use super::{Fixture, NOW, arn, code, error};

#[tokio::test]
async fn a_key_is_described_as_it_was_created() {
    let fixture = Fixture::new().await;
    let input = CreateKeyRequest { description: Some("for tests".into()), ..Default::default() };
    let created = fixture.create(input).await.unwrap();
    let described = fixture.describe(&created.key_id).await.unwrap();
    assert_eq!(format!("{created:?}"), format!("{described:?}"));
    assert_eq!(created.arn, Some(arn(&created.key_id)));
    assert_eq!(created.creation_date.unwrap().0, NOW);
    assert_eq!(created.enabled, Some(true));
    assert_eq!(created.description.as_deref(), Some("for tests"));
    assert_eq!(created.key_spec.as_deref(), Some("SYMMETRIC_DEFAULT"));
    assert_eq!(created.customer_master_key_spec, created.key_spec);
    assert_eq!(created.key_usage.as_deref(), Some("ENCRYPT_DECRYPT"));
    assert_eq!(created.encryption_algorithms, Some(vec!["SYMMETRIC_DEFAULT".to_owned()]));
    assert_eq!(created.mac_algorithms, None);
    assert_eq!(created.current_key_material_id.as_ref().map(String::len), Some(64));

    let hmac = fixture.describe(&fixture.hmac_key("HMAC_384").await).await.unwrap();
    assert_eq!(hmac.mac_algorithms, Some(vec!["HMAC_SHA_384".to_owned()]));
    assert_eq!((hmac.encryption_algorithms, hmac.current_key_material_id), (None, None));
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let fixture = Fixture::new().await;
    let with = |change: fn(&mut CreateKeyRequest)| {
        let mut input = CreateKeyRequest::default();
        change(&mut input);
        input
    };
    let tag = |key: &str| Tag { tag_key: key.into(), tag_value: "v".into() };
    let cases = [
        (with(|input| input.key_spec = Some("RSA_2048".into())), "UnsupportedOperationException"),
        (with(|input| input.key_spec = Some("ECC_NIST_P256".into())), "UnsupportedOperationException"),
        (with(|input| input.customer_master_key_spec = Some("SM2".into())), "UnsupportedOperationException"),
        (with(|input| input.key_spec = Some("HMAC_256".into())), "ValidationException"),
        (with(|input| input.key_usage = Some("SIGN_VERIFY".into())), "ValidationException"),
        (with(|input| input.origin = Some("EXTERNAL".into())), "UnsupportedOperationException"),
        (with(|input| input.xks_key_id = Some("x".into())), "UnsupportedOperationException"),
        (with(|input| input.custom_key_store_id = Some("cks-1".into())), "CustomKeyStoreNotFoundException"),
        (with(|input| input.multi_region = Some(true)), "UnsupportedOperationException"),
        (with(|input| input.policy = Some("{}".into())), "MalformedPolicyDocumentException"),
        (CreateKeyRequest { tags: Some(vec![tag("a"), tag("a")]), ..Default::default() }, "TagException"),
        (CreateKeyRequest { tags: Some(vec![tag("aws:a")]), ..Default::default() }, "TagException"),
    ];
    for (input, expected) in cases {
        let described = format!("{input:?}");
        assert_eq!(code(fixture.create(input).await), expected, "{described}");
    }
    let both = with(|input| {
        input.key_spec = Some("SYMMETRIC_DEFAULT".into());
        input.customer_master_key_spec = Some("SYMMETRIC_DEFAULT".into());
    });
    assert_eq!(code(fixture.create(both).await), "ValidationException");
    assert!(fixture.keys.keys.is_empty());
}

#[tokio::test]
async fn keys_are_listed_by_pages() {
    let fixture = Fixture::new().await;
    let mut created = Vec::new();
    for _ in 0..7 {
        created.push(fixture.key().await);
    }
    created.sort();
    let (mut listed, mut marker, mut pages) = (Vec::new(), None, 0);
    loop {
        let input = ListKeysRequest { limit: Some(3), marker, ..Default::default() };
        let page = crate::keys::list_keys(&fixture.keys, &fixture.caller, input).await.unwrap();
        listed.extend(page.keys.unwrap().into_iter().map(|key| key.key_id.unwrap()));
        assert_eq!(page.truncated, Some(page.next_marker.is_some()));
        pages += 1;
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!((listed, pages), (created, 3));
    let input = ListKeysRequest { marker: Some("nonsense".into()), ..Default::default() };
    assert_eq!(code(crate::keys::list_keys(&fixture.keys, &fixture.caller, input).await), "InvalidMarkerException");
    let input = ListKeysRequest { resource_owners: Some(vec!["OTHER_ACCOUNTS_VIA_RAM".into()]), ..Default::default() };
    let others = crate::keys::list_keys(&fixture.keys, &fixture.caller, input).await.unwrap();
    assert!(others.keys.unwrap().is_empty());
}

#[tokio::test]
async fn a_region_has_keys_of_its_own() {
    let mut fixture = Fixture::new().await;
    let id = fixture.key().await;
    let blob = fixture.encrypt(&id, "x").await.unwrap();
    fixture.caller.region = "eu-west-1".parse().unwrap();
    assert_eq!(
        error(fixture.describe(&id).await),
        format!("NotFoundException: Key 'arn:aws:kms:eu-west-1:000000000000:key/{id}' does not exist")
    );
    assert_eq!(code(fixture.decrypt(&blob).await), "InvalidCiphertextException");
    let list = crate::keys::list_keys(&fixture.keys, &fixture.caller, ListKeysRequest::default()).await.unwrap();
    assert!(list.keys.unwrap().is_empty());
}

#[tokio::test]
async fn descriptions_change() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let input = UpdateKeyDescriptionRequest { key_id: key_id.clone(), description: "new".into() };
    crate::keys::update_key_description(&fixture.keys, &fixture.caller, input).await.unwrap();
    assert_eq!(fixture.describe(&key_id).await.unwrap().description.as_deref(), Some("new"));
}

/// Calls that change one key at once: none is lost.
#[tokio::test]
async fn changes_at_the_same_time_all_happen() {
    let fixture = Fixture::new().await;
    let id = fixture.key().await;
    let found = fixture.keys.of_id(&(&fixture.caller).into(), &id).unwrap();
    let changes = (0..8).map(|number| {
        let (keys, found) = (fixture.keys.clone(), found.clone());
        tokio::spawn(async move {
            let changed = keys.change(&found, |key| {
                key.tags.insert(format!("tag {number}"), String::new());
                Ok(())
            });
            changed.await.unwrap();
        })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap();
    }
    assert_eq!(fixture.keys.of_id(&(&fixture.caller).into(), &id).unwrap().tags.len(), 8);
}
