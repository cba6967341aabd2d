//! The four ways to name a key, and what is said of everything else.

use watchkeep_model::kms::EnableKeyRequest;

use super::{Fixture, arn, error};

const OTHER: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn keys_are_named_in_four_ways() {
    let fixture = Fixture::new().await;
    let id = fixture.key().await;
    fixture.alias("alias/app", &id).await.unwrap();
    let alias_arn = "arn:aws:kms:us-east-1:000000000000:alias/app";
    for name in [&*id, &*arn(&id), "alias/app", alias_arn] {
        assert_eq!(fixture.describe(name).await.unwrap().key_id, id, "{name}");
        assert!(fixture.encrypt(name, "x").await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn other_names_are_refused() {
    let fixture = Fixture::new().await;
    let id = fixture.key().await;
    fixture.alias("alias/app", &id).await.unwrap();
    let (missing, elsewhere) = (arn(OTHER), arn(&id).replace("us-east-1", "eu-west-1"));
    let foreign = arn(&id).replace("000000000000", "111111111111");
    let (not_kms, wrong_kind) = (arn(&id).replace(":kms:", ":s3:"), arn(&id).replace("key/", "lock/"));
    let alias_arn = "arn:aws:kms:us-east-1:000000000000:alias/app";
    let denied = "AccessDeniedException: The caller is not authorized";
    let no_key = format!("NotFoundException: Key '{missing}' does not exist");
    // What DescribeKey, Encrypt and EnableKey say.
    let cases = [
        ("nonsense", ["NotFoundException: Invalid keyId 'nonsense'"; 3]),
        ("key/x", ["NotFoundException: Invalid keyId 'key/x'"; 3]),
        (OTHER, [&*no_key; 3]),
        (&*missing, [&*no_key; 3]),
        (
            "alias/none",
            [
                "NotFoundException: Alias arn:aws:kms:us-east-1:000000000000:alias/none is not found.",
                "NotFoundException: Alias arn:aws:kms:us-east-1:000000000000:alias/none is not found.",
                "NotFoundException: Invalid keyId 'alias/none'",
            ],
        ),
        ("alias/app", ["", "", "NotFoundException: Invalid keyId 'alias/app'"]),
        (alias_arn, ["", "", "InvalidArnException: Invalid arn arn:aws:kms:us-east-1:000000000000:alias/app"]),
        ("arn:x", ["InvalidArnException: Invalid arn arn:x", "NotFoundException: Invalid arn arn:x", "InvalidArn"]),
        (&not_kms, ["InvalidArnException", "NotFoundException: Invalid arn", "InvalidArnException"]),
        (&wrong_kind, ["InvalidArnException", "NotFoundException: Invalid arn", "InvalidArnException"]),
        (
            &elsewhere,
            [
                "InvalidArnException: Invalid arn eu-west-1",
                "NotFoundException: Invalid arn eu-west-1",
                "InvalidArnException: Invalid arn eu-west-1",
            ],
        ),
        (&foreign, [denied; 3]),
    ];
    for (name, expected) in cases {
        let enable = EnableKeyRequest { key_id: name.into() };
        let said = [
            error(fixture.describe(name).await),
            error(fixture.encrypt(name, "x").await),
            error(crate::keys::enable_key(&fixture.keys, &fixture.caller, enable).await),
        ];
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected) && said.is_empty() == expected.is_empty(), "{name}: {said}");
        }
    }
}
