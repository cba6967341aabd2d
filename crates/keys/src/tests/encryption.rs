//! Encrypting and decrypting.

use watchkeep_model::kms::{
    DecryptRequest, DisableKeyRequest, EncryptRequest, GenerateDataKeyRequest, GenerateDataKeyResponse,
    GenerateDataKeyWithoutPlaintextRequest, GenerateRandomRequest, ReEncryptRequest, RecipientInfo,
};

use super::{Fixture, arn, code, context, error};

#[tokio::test]
async fn what_was_encrypted_is_decrypted() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let one = fixture.encrypt_in(&key_id, "secret", &[("a", "b"), ("c", "d")]).await.unwrap();
    let two = fixture.encrypt_in(&key_id, "secret", &[("a", "b"), ("c", "d")]).await.unwrap();
    assert_ne!(one, two, "another each time");
    let input = |pairs| DecryptRequest {
        ciphertext_blob: Some(one.clone()),
        encryption_context: Some(context(pairs)),
        ..Default::default()
    };
    let answer = crate::encrypt::decrypt(&fixture.keys, &fixture.caller, input(&[("c", "d"), ("a", "b")])).await;
    let answer = answer.unwrap();
    assert_eq!(answer.plaintext.as_deref(), Some(&b"secret"[..]));
    assert_eq!(answer.key_id, Some(arn(&key_id)));
    assert_eq!(answer.key_material_id, fixture.describe(&key_id).await.unwrap().current_key_material_id);
    for pairs in [&[][..], &[("a", "b")], &[("a", "b"), ("c", "D")], &[("a", "b"), ("c", "d"), ("e", "f")]] {
        assert_eq!(error(fixture.decrypt_with(input(pairs)).await), "InvalidCiphertextException: ", "{pairs:?}");
    }
    assert_eq!(error(fixture.decrypt(&one).await), "InvalidCiphertextException: ");
}

#[tokio::test]
async fn a_ciphertext_that_was_changed_anywhere_is_invalid() {
    let fixture = Fixture::new().await;
    let blob = fixture.encrypt(&fixture.key().await, "secret").await.unwrap();
    for byte in 0..blob.len() {
        let mut changed = blob.clone();
        changed[byte] ^= 1;
        assert_eq!(code(fixture.decrypt(&changed).await), "InvalidCiphertextException", "byte {byte}");
        assert_eq!(code(fixture.decrypt(&blob[..byte]).await), "InvalidCiphertextException", "cut at {byte}");
    }
    // Of a material that the key does not have.
    let mut other = blob.clone();
    other[24] = 9;
    assert_eq!(code(fixture.decrypt(&other).await), "InvalidCiphertextException");
}

#[tokio::test]
async fn a_key_that_is_named_must_be_the_one() {
    let fixture = Fixture::new().await;
    let (key_id, other) = (fixture.key().await, fixture.key().await);
    fixture.alias("alias/a", &key_id).await.unwrap();
    let blob = fixture.encrypt(&key_id, "x").await.unwrap();
    let input = |key_id: &str| DecryptRequest {
        ciphertext_blob: Some(blob.clone()),
        key_id: Some(key_id.into()),
        ..Default::default()
    };
    for name in [&*key_id, &*arn(&key_id), "alias/a"] {
        assert_eq!(fixture.decrypt_with(input(name)).await.unwrap(), "x");
    }
    assert_eq!(
        error(fixture.decrypt_with(input(&other)).await),
        "IncorrectKeyException: The key ID in the request does not identify a CMK that can perform this operation."
    );
    assert_eq!(code(fixture.decrypt_with(input("alias/none")).await), "NotFoundException");
    // A key that may not be used does not betray whether the ciphertext would open.
    let disable = DisableKeyRequest { key_id: key_id.clone() };
    crate::keys::disable_key(&fixture.keys, &fixture.caller, disable).await.unwrap();
    let mut changed = blob.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(code(fixture.decrypt(&changed).await), "DisabledException");
}

#[tokio::test]
async fn limits_usages_and_algorithms_are_checked() {
    let fixture = Fixture::new().await;
    let (key_id, hmac) = (fixture.key().await, fixture.hmac_key("HMAC_256").await);
    assert!(fixture.encrypt(&key_id, &"x".repeat(4096)).await.is_ok());
    assert_eq!(code(fixture.encrypt(&key_id, &"x".repeat(4097)).await), "ValidationException");
    let long = "x".repeat(8191);
    assert!(fixture.encrypt_in(&key_id, "x", &[("a", &long)]).await.is_ok());
    assert_eq!(code(fixture.encrypt_in(&key_id, "x", &[("ab", &long)]).await), "ValidationException");
    assert_eq!(
        error(fixture.encrypt(&hmac, "x").await),
        format!(
            "InvalidKeyUsageException: {} key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt.",
            arn(&hmac)
        )
    );
    let input = EncryptRequest {
        key_id,
        plaintext: b"x".to_vec(),
        encryption_algorithm: Some("RSAES_OAEP_SHA_256".into()),
        ..Default::default()
    };
    assert_eq!(
        error(crate::encrypt::encrypt(&fixture.keys, &fixture.caller, input).await),
        "InvalidKeyUsageException: Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."
    );
    let recipient = Some(RecipientInfo::default());
    let input = DecryptRequest { ciphertext_blob: Some(vec![1]), recipient, ..Default::default() };
    assert_eq!(code(fixture.decrypt_with(input).await), "UnsupportedOperationException");
    assert_eq!(code(fixture.decrypt_with(DecryptRequest::default()).await), "ValidationException");
}

#[tokio::test]
async fn a_ciphertext_moves_to_another_key_and_context() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.key().await, fixture.key().await);
    let blob = fixture.encrypt_in(&one, "x", &[("a", "1")]).await.unwrap();
    let input = |pairs: &[(&str, &str)], source: Option<&str>| ReEncryptRequest {
        ciphertext_blob: Some(blob.clone()),
        source_encryption_context: Some(context(pairs)),
        source_key_id: source.map(str::to_owned),
        destination_key_id: two.clone(),
        destination_encryption_context: Some(context(&[("b", "2")])),
        ..Default::default()
    };
    let re_encrypt = |input| crate::encrypt::re_encrypt(&fixture.keys, &fixture.caller, input);
    let moved = re_encrypt(input(&[("a", "1")], Some(&one))).await.unwrap();
    assert_eq!((moved.source_key_id, moved.key_id), (Some(arn(&one)), Some(arn(&two))));
    let decrypt = DecryptRequest {
        ciphertext_blob: moved.ciphertext_blob,
        encryption_context: Some(context(&[("b", "2")])),
        key_id: Some(two.clone()),
        ..Default::default()
    };
    assert_eq!(fixture.decrypt_with(decrypt).await.unwrap(), "x");
    assert_eq!(code(re_encrypt(input(&[], None)).await), "InvalidCiphertextException");
    assert_eq!(code(re_encrypt(input(&[("a", "1")], Some(&two))).await), "IncorrectKeyException");
}

#[tokio::test]
async fn data_keys_come_plain_and_wrapped() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let generate = |key_spec: Option<&str>, number_of_bytes| {
        let input = GenerateDataKeyRequest {
            key_id: key_id.clone(),
            key_spec: key_spec.map(str::to_owned),
            number_of_bytes,
            encryption_context: Some(context(&[("for", "data")])),
            ..Default::default()
        };
        crate::generate::generate_data_key(&fixture.keys, &fixture.caller, input)
    };
    for (spec, number, bytes) in [(Some("AES_256"), None, 32), (Some("AES_128"), None, 16), (None, Some(1024), 1024)] {
        let GenerateDataKeyResponse { plaintext, ciphertext_blob, .. } = generate(spec, number).await.unwrap();
        let input = DecryptRequest {
            ciphertext_blob,
            encryption_context: Some(context(&[("for", "data")])),
            ..Default::default()
        };
        let opened = crate::encrypt::decrypt(&fixture.keys, &fixture.caller, input).await.unwrap();
        assert_eq!(opened.plaintext, plaintext);
        assert_eq!(plaintext.unwrap().len(), bytes);
    }
    for (spec, number) in [(None, None), (Some("AES_256"), Some(32)), (None, Some(1025)), (None, Some(0))] {
        assert_eq!(code(generate(spec, number).await), "ValidationException", "{spec:?} {number:?}");
    }
    let input = GenerateDataKeyWithoutPlaintextRequest {
        key_id: key_id.clone(),
        key_spec: Some("AES_256".into()),
        ..Default::default()
    };
    let wrapped = crate::generate::generate_data_key_without_plaintext(&fixture.keys, &fixture.caller, input).await;
    let input = DecryptRequest { ciphertext_blob: wrapped.unwrap().ciphertext_blob, ..Default::default() };
    let opened = crate::encrypt::decrypt(&fixture.keys, &fixture.caller, input).await.unwrap();
    assert_eq!(opened.plaintext.map(|plaintext| plaintext.len()), Some(32));
}

#[tokio::test]
async fn random_bytes_are_as_many_as_asked() {
    let fixture = Fixture::new().await;
    let random = |number_of_bytes| {
        let input = GenerateRandomRequest { number_of_bytes, ..Default::default() };
        crate::generate::generate_random(&fixture.keys, &fixture.caller, input)
    };
    let (one, two) = (random(Some(64)).await.unwrap(), random(Some(64)).await.unwrap());
    assert_eq!(one.plaintext.as_ref().map(Vec::len), Some(64));
    assert_ne!(one.plaintext, two.plaintext);
    assert_eq!(code(random(None).await), "ValidationException");
}

#[tokio::test]
async fn a_dry_run_does_nothing_but_says_what_would_be() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let blob = fixture.encrypt(&key_id, "x").await.unwrap();
    let encrypt = |key_id: &str| {
        let input = EncryptRequest {
            key_id: key_id.into(),
            plaintext: b"x".to_vec(),
            dry_run: Some(true),
            ..Default::default()
        };
        crate::encrypt::encrypt(&fixture.keys, &fixture.caller, input)
    };
    assert_eq!(
        error(encrypt(&key_id).await),
        "DryRunOperationException: The request would have succeeded, but the DryRun option is set."
    );
    assert_eq!(code(encrypt("alias/none").await), "NotFoundException");
    let decrypt = |blob: Option<&[u8]>, modifiers: &[&str], key_id: Option<&str>| DecryptRequest {
        ciphertext_blob: blob.map(<[u8]>::to_vec),
        dry_run: Some(true),
        dry_run_modifiers: Some(modifiers.iter().map(|modifier| (*modifier).to_owned()).collect()),
        key_id: key_id.map(str::to_owned),
        ..Default::default()
    };
    let ignoring = &["IGNORE_CIPHERTEXT"];
    let cases = [
        (decrypt(Some(&blob), &[], None), "DryRunOperationException"),
        (decrypt(Some(b"x"), &[], None), "InvalidCiphertextException"),
        (decrypt(Some(b"x"), ignoring, Some(&key_id)), "DryRunOperationException"),
        (decrypt(None, ignoring, Some(&key_id)), "DryRunOperationException"),
        (decrypt(None, ignoring, None), "ValidationException"),
        (decrypt(None, &[], Some(&key_id)), "ValidationException"),
    ];
    for (input, expected) in cases {
        let described = format!("{input:?}");
        assert_eq!(code(fixture.decrypt_with(input).await), expected, "{described}");
    }
}

/// With another master key nothing opens, and nothing is answered as if it did.
#[tokio::test]
async fn material_that_does_not_open_is_an_internal_error() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let blob = fixture.encrypt(&key_id, "x").await.unwrap();
    let found = fixture.keys.of_id(&(&fixture.caller).into(), &key_id).unwrap();
    let sealed_elsewhere = fixture.keys.change(&found, |key| {
        key.materials[0].sealed = "kms:key:another:1=00".to_owned();
        Ok(())
    });
    sealed_elsewhere.await.unwrap();
    for outcome in [fixture.encrypt(&key_id, "x").await.map(drop), fixture.decrypt(&blob).await.map(drop)] {
        let error = outcome.unwrap_err();
        assert_eq!((&*error.code, error.status), ("KMSInternalException", 500));
    }
}

/// What the model marks as sensitive is not printed: log lines print inputs and outputs so.
#[tokio::test]
async fn printing_shows_no_secret() {
    let fixture = Fixture::new().await;
    let key_id = fixture.key().await;
    let input = EncryptRequest { key_id: key_id.clone(), plaintext: b"hush hush".to_vec(), ..Default::default() };
    let spelled = format!("{:?}", b"hush hush");
    let hides = |text: String| assert!(!text.contains("hush") && !text.contains(&spelled[1..20]), "{text}");
    hides(format!("{input:?}"));
    let blob = fixture.encrypt(&key_id, "hush hush").await.unwrap();
    let input = DecryptRequest { ciphertext_blob: Some(blob), ..Default::default() };
    hides(format!("{:?}", crate::encrypt::decrypt(&fixture.keys, &fixture.caller, input).await.unwrap()));
    hides(format!("{:?}", fixture.keys));
}
