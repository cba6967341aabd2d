//! Which operation a key allows in which state: the developer guide's table "Key states of AWS KMS keys".

use watchkeep_model::ServiceError;
use watchkeep_model::kms::{
    CancelKeyDeletionRequest, CreateGrantRequest, DecryptRequest, DisableKeyRequest, DisableKeyRotationRequest,
    EnableKeyRequest, EnableKeyRotationRequest, EncryptRequest, GenerateDataKeyRequest,
    GenerateDataKeyWithoutPlaintextRequest, GetKeyPolicyRequest, GetKeyRotationStatusRequest, ListAliasesRequest,
    ListGrantsRequest, ListKeyPoliciesRequest, ListKeyRotationsRequest, ListResourceTagsRequest, PutKeyPolicyRequest,
    ReEncryptRequest, RotateKeyOnDemandRequest, ScheduleKeyDeletionRequest, Tag, TagResourceRequest,
    UntagResourceRequest, UpdateKeyDescriptionRequest,
};

use super::{Fixture, arn, code};

const ALWAYS: [&str; 3] = ["", "", ""];
const IF_KEPT: [&str; 3] = ["", "", "KMSInvalidStateException"];
const IF_ENABLED: [&str; 3] = ["", "DisabledException", "KMSInvalidStateException"];
const IF_PENDING: [&str; 3] = ["KMSInvalidStateException", "KMSInvalidStateException", ""];

/// What each operation answers for a key that is enabled, disabled, pending deletion.
const TABLE: &[(&str, [&str; 3])] = &[
    ("CancelKeyDeletion", IF_PENDING),
    ("CreateAlias", IF_KEPT),
    ("CreateGrant", IF_ENABLED),
    ("Decrypt", IF_ENABLED),
    ("DescribeKey", ALWAYS),
    ("DisableKey", IF_KEPT),
    ("DisableKeyRotation", IF_ENABLED),
    ("EnableKey", IF_KEPT),
    ("EnableKeyRotation", IF_ENABLED),
    ("Encrypt", IF_ENABLED),
    ("GenerateDataKey", IF_ENABLED),
    ("GenerateDataKeyWithoutPlaintext", IF_ENABLED),
    ("GetKeyPolicy", ALWAYS),
    ("GetKeyRotationStatus", ALWAYS),
    ("ListAliases", ALWAYS),
    ("ListGrants", ALWAYS),
    ("ListKeyPolicies", ALWAYS),
    ("ListKeyRotations", ALWAYS),
    ("ListResourceTags", ALWAYS),
    ("PutKeyPolicy", ALWAYS),
    ("ReEncrypt", IF_ENABLED),
    ("RotateKeyOnDemand", IF_ENABLED),
    ("ScheduleKeyDeletion", IF_KEPT),
    ("TagResource", IF_KEPT),
    ("UntagResource", IF_KEPT),
    ("UpdateKeyDescription", IF_KEPT),
];

async fn call(fixture: &Fixture, operation: &str, key_id: &str, blob: &[u8]) -> Result<(), ServiceError> {
    let (keys, caller, key_id) = (&fixture.keys, &fixture.caller, key_id.to_owned());
    macro_rules! call {
        ($function:path, $input:expr) => {
            $function(keys, caller, $input).await.map(drop)
        };
    }
    match operation {
        "CancelKeyDeletion" => call!(crate::deletion::cancel_key_deletion, CancelKeyDeletionRequest { key_id }),
        "CreateAlias" => fixture.alias(&format!("alias/{key_id}"), &key_id).await,
        "CreateGrant" => call!(
            crate::grants::create_grant,
            CreateGrantRequest {
                key_id,
                grantee_principal: Some("arn:aws:iam::000000000000:root".into()),
                operations: vec!["Encrypt".into()],
                ..Default::default()
            }
        ),
        "Decrypt" => fixture
            .decrypt_with(DecryptRequest { ciphertext_blob: Some(blob.to_vec()), ..Default::default() })
            .await
            .map(drop),
        "DescribeKey" => fixture.describe(&key_id).await.map(drop),
        "DisableKey" => call!(crate::keys::disable_key, DisableKeyRequest { key_id }),
        "DisableKeyRotation" => call!(crate::rotation::disable_key_rotation, DisableKeyRotationRequest { key_id }),
        "EnableKey" => call!(crate::keys::enable_key, EnableKeyRequest { key_id }),
        "EnableKeyRotation" => call!(
            crate::rotation::enable_key_rotation,
            EnableKeyRotationRequest { key_id, rotation_period_in_days: None }
        ),
        "Encrypt" => {
            call!(crate::encrypt::encrypt, EncryptRequest { key_id, plaintext: b"x".to_vec(), ..Default::default() })
        }
        "GenerateDataKey" => call!(
            crate::generate::generate_data_key,
            GenerateDataKeyRequest { key_id, key_spec: Some("AES_256".into()), ..Default::default() }
        ),
        "GenerateDataKeyWithoutPlaintext" => call!(
            crate::generate::generate_data_key_without_plaintext,
            GenerateDataKeyWithoutPlaintextRequest { key_id, number_of_bytes: Some(7), ..Default::default() }
        ),
        "GetKeyPolicy" => {
            call!(crate::policies::get_key_policy, GetKeyPolicyRequest { key_id, ..Default::default() })
        }
        "GetKeyRotationStatus" => {
            call!(crate::rotation::get_key_rotation_status, GetKeyRotationStatusRequest { key_id })
        }
        "ListAliases" => {
            call!(crate::aliases::list_aliases, ListAliasesRequest { key_id: Some(key_id), ..Default::default() })
        }
        "ListGrants" => call!(crate::grants::list_grants, ListGrantsRequest { key_id, ..Default::default() }),
        "ListKeyPolicies" => {
            call!(crate::policies::list_key_policies, ListKeyPoliciesRequest { key_id, ..Default::default() })
        }
        "ListKeyRotations" => {
            call!(crate::rotation::list_key_rotations, ListKeyRotationsRequest { key_id, ..Default::default() })
        }
        "ListResourceTags" => {
            call!(crate::tags::list_resource_tags, ListResourceTagsRequest { key_id, ..Default::default() })
        }
        "PutKeyPolicy" => call!(
            crate::policies::put_key_policy,
            PutKeyPolicyRequest { key_id, policy: crate::policies::default_policy(caller), ..Default::default() }
        ),
        "ReEncrypt" => call!(
            crate::encrypt::re_encrypt,
            ReEncryptRequest { ciphertext_blob: Some(blob.to_vec()), destination_key_id: key_id, ..Default::default() }
        ),
        "RotateKeyOnDemand" => call!(crate::rotation::rotate_key_on_demand, RotateKeyOnDemandRequest { key_id }),
        "ScheduleKeyDeletion" => call!(
            crate::deletion::schedule_key_deletion,
            ScheduleKeyDeletionRequest { key_id, pending_window_in_days: Some(7) }
        ),
        "TagResource" => call!(
            crate::tags::tag_resource,
            TagResourceRequest { key_id, tags: vec![Tag { tag_key: "a".into(), tag_value: "b".into() }] }
        ),
        "UntagResource" => {
            call!(crate::tags::untag_resource, UntagResourceRequest { key_id, tag_keys: vec!["a".into()] })
        }
        "UpdateKeyDescription" => {
            call!(crate::keys::update_key_description, UpdateKeyDescriptionRequest { key_id, description: "d".into() })
        }
        _ => panic!("{operation}"),
    }
}

#[tokio::test]
async fn operations_need_a_key_in_the_right_state() {
    let fixture = Fixture::new().await;
    for (operation, expected) in TABLE {
        for (state, expected) in ["Enabled", "Disabled", "PendingDeletion"].into_iter().zip(expected) {
            let key_id = fixture.key().await;
            let blob = fixture.encrypt(&key_id, "x").await.unwrap();
            match state {
                "Disabled" => call(&fixture, "DisableKey", &key_id, &blob).await.unwrap(),
                "PendingDeletion" => call(&fixture, "ScheduleKeyDeletion", &key_id, &blob).await.unwrap(),
                _ => {}
            }
            assert_eq!(fixture.describe(&key_id).await.unwrap().key_state.as_deref(), Some(state));
            let outcome = call(&fixture, operation, &key_id, &blob).await;
            if let Err(error) = &outcome {
                assert!(error.message.starts_with(&arn(&key_id)), "{operation}: {error}");
            }
            assert_eq!(code(outcome), *expected, "{operation} of a key that is {state}");
        }
    }
}
