//! Message authentication codes.

use watchkeep_model::kms::{GenerateMacRequest, VerifyMacRequest};

use super::{Fixture, arn, code, error};

#[tokio::test]
async fn codes_are_verified_by_their_key_only() {
    let fixture = Fixture::new().await;
    let generate = |key_id: &str, mac_algorithm: &str, dry_run| {
        let input = GenerateMacRequest {
            key_id: key_id.into(),
            message: b"message".to_vec(),
            mac_algorithm: mac_algorithm.into(),
            dry_run,
            ..Default::default()
        };
        crate::mac::generate_mac(&fixture.keys, &fixture.caller, input)
    };
    let verify = |key_id: &str, mac_algorithm: &str, message: &str, mac: &[u8], dry_run| {
        let input = VerifyMacRequest {
            key_id: key_id.into(),
            message: message.into(),
            mac_algorithm: mac_algorithm.into(),
            mac: mac.to_vec(),
            dry_run,
            ..Default::default()
        };
        crate::mac::verify_mac(&fixture.keys, &fixture.caller, input)
    };
    for (spec, algorithm, bytes) in [
        ("HMAC_224", "HMAC_SHA_224", 28),
        ("HMAC_256", "HMAC_SHA_256", 32),
        ("HMAC_384", "HMAC_SHA_384", 48),
        ("HMAC_512", "HMAC_SHA_512", 64),
    ] {
        let (key_id, other) = (fixture.hmac_key(spec).await, fixture.hmac_key(spec).await);
        let made = generate(&key_id, algorithm, None).await.unwrap();
        assert_eq!(made.key_id, Some(arn(&key_id)));
        let mac = made.mac.unwrap();
        assert_eq!(mac.len(), bytes);
        assert_eq!(verify(&key_id, algorithm, "message", &mac, None).await.unwrap().mac_valid, Some(true));
        let wrong = [
            verify(&other, algorithm, "message", &mac, None).await,
            verify(&key_id, algorithm, "massage", &mac, None).await,
            verify(&key_id, algorithm, "message", &mac[1..], Some(true)).await,
        ];
        for outcome in wrong {
            assert_eq!(code(outcome), "KMSInvalidMacException", "{spec}");
        }
        assert_eq!(code(generate(&key_id, algorithm, Some(true)).await), "DryRunOperationException");
        assert_eq!(code(verify(&key_id, algorithm, "message", &mac, Some(true)).await), "DryRunOperationException");
        let unfit = if spec == "HMAC_512" { "HMAC_SHA_256" } else { "HMAC_SHA_512" };
        assert_eq!(
            error(generate(&key_id, unfit, None).await),
            format!("InvalidKeyUsageException: Algorithm {unfit} is incompatible with key spec {spec}.")
        );
    }
    let key_id = fixture.key().await;
    assert_eq!(code(generate(&key_id, "HMAC_SHA_256", None).await), "InvalidKeyUsageException");
}
