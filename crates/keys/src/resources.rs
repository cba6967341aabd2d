//! What the service keeps in the catalog.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchkeep_core::TimestampMs;
use watchkeep_store::{Resource, Versioned};

/// A KMS key; its resource key's name is the key id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// What its owner says of it.
    pub description: String,
    /// When it was created.
    pub created: TimestampMs,
    /// Which kind of key it is, which never changes.
    pub spec: KeySpec,
    /// Whether it can be used.
    pub state: KeyState,
    /// Who manages it.
    #[serde(default, skip_serializing_if = "Manager::is_customer")]
    pub manager: Manager,
    /// Its key policy, as it was put.
    pub policy: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// When it is rotated by itself, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationPlan>,
    /// Its material, the oldest first. The last encrypts, each decrypts what it encrypted (K-3).
    pub materials: Vec<Material>,
}

impl Resource for Key {
    const KIND: &'static str = "kms_key";
}

/// A key as the catalog had it at one time.
pub(crate) type FoundKey = Arc<Versioned<Key>>;

impl Key {
    /// Whether its deletion date has passed (K-2).
    pub(crate) fn is_gone(&self, now: TimestampMs) -> bool {
        matches!(self.state, KeyState::PendingDeletion { delete_at } if delete_at <= now)
    }

    /// Whether it is to be rotated by itself at this time: keys that cannot be used wait until they can.
    pub(crate) fn is_rotation_due(&self, now: TimestampMs) -> bool {
        self.state == KeyState::Enabled && self.rotation.is_some_and(|plan| plan.next <= now)
    }
}

/// Who manages a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Manager {
    /// Whoever created it.
    #[default]
    Customer,
    /// The service that it was made for ("AWS managed keys"): it can be seen, and is changed and used through that service only.
    Aws,
}

impl Manager {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Manager::Customer => "CUSTOMER",
            Manager::Aws => "AWS",
        }
    }

    fn is_customer(&self) -> bool {
        *self == Manager::Customer
    }
}

/// The kinds of key that there are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeySpec {
    /// AES-256-GCM.
    #[serde(rename = "SYMMETRIC_DEFAULT")]
    SymmetricDefault,
    /// HMAC with SHA-224.
    #[serde(rename = "HMAC_224")]
    Hmac224,
    /// HMAC with SHA-256.
    #[serde(rename = "HMAC_256")]
    Hmac256,
    /// HMAC with SHA-384.
    #[serde(rename = "HMAC_384")]
    Hmac384,
    /// HMAC with SHA-512.
    #[serde(rename = "HMAC_512")]
    Hmac512,
}

impl KeySpec {
    /// Every one of them.
    pub(crate) const ALL: [KeySpec; 5] =
        [KeySpec::SymmetricDefault, KeySpec::Hmac224, KeySpec::Hmac256, KeySpec::Hmac384, KeySpec::Hmac512];

    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            KeySpec::SymmetricDefault => "SYMMETRIC_DEFAULT",
            KeySpec::Hmac224 => "HMAC_224",
            KeySpec::Hmac256 => "HMAC_256",
            KeySpec::Hmac384 => "HMAC_384",
            KeySpec::Hmac512 => "HMAC_512",
        }
    }

    /// What such a key is used for.
    pub(crate) fn usage(self) -> KeyUsage {
        match self {
            KeySpec::SymmetricDefault => KeyUsage::EncryptDecrypt,
            _ => KeyUsage::GenerateVerifyMac,
        }
    }

    /// The MAC algorithm of such a key, in the API's words.
    pub(crate) fn mac_algorithm(self) -> Option<&'static str> {
        match self {
            KeySpec::SymmetricDefault => None,
            KeySpec::Hmac224 => Some("HMAC_SHA_224"),
            KeySpec::Hmac256 => Some("HMAC_SHA_256"),
            KeySpec::Hmac384 => Some("HMAC_SHA_384"),
            KeySpec::Hmac512 => Some("HMAC_SHA_512"),
        }
    }

    /// The bytes of such a key's material: for HMAC the length of the digest (RFC 2104).
    pub(crate) fn material_bytes(self) -> usize {
        match self {
            KeySpec::SymmetricDefault | KeySpec::Hmac256 => 32,
            KeySpec::Hmac224 => 28,
            KeySpec::Hmac384 => 48,
            KeySpec::Hmac512 => 64,
        }
    }
}

/// What a key is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyUsage {
    /// Encrypting and decrypting.
    EncryptDecrypt,
    /// Making and checking message authentication codes.
    GenerateVerifyMac,
}

impl KeyUsage {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            KeyUsage::EncryptDecrypt => "ENCRYPT_DECRYPT",
            KeyUsage::GenerateVerifyMac => "GENERATE_VERIFY_MAC",
        }
    }
}

/// The states of keys ("Key states of AWS KMS keys") that there are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyState {
    /// It can be used.
    Enabled,
    /// It cannot be used until it is enabled.
    Disabled,
    /// It cannot be used, and will be deleted.
    PendingDeletion {
        /// When it is deleted.
        delete_at: TimestampMs,
    },
}

impl KeyState {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingDeletion { .. } => "PendingDeletion",
        }
    }
}

/// When a key is rotated by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RotationPlan {
    /// The days between rotations.
    pub period_days: i32,
    /// The next rotation.
    pub next: TimestampMs,
}

/// What made a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RotationCause {
    /// The plan.
    #[serde(rename = "AUTOMATIC")]
    Automatic,
    /// A call.
    #[serde(rename = "ON_DEMAND")]
    OnDemand,
}

impl RotationCause {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            RotationCause::Automatic => "AUTOMATIC",
            RotationCause::OnDemand => "ON_DEMAND",
        }
    }
}

/// The material of a key between two rotations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Material {
    /// Its number among those of its key, from 1: what ciphertexts name it by.
    pub version: u32,
    /// Its public name, 64 hexadecimal digits.
    pub id: String,
    /// When it became the key's.
    pub created: TimestampMs,
    /// What made it, unless it was there from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<RotationCause>,
    /// Its bytes, sealed with the master key for the purpose that `material` says.
    pub sealed: String,
}

/// An alias; its resource key's name is the alias's, with `alias/` in front.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// The id of the key that it stands for.
    pub target: String,
    /// When it was created.
    pub created: TimestampMs,
    /// When it came to stand for the key that it stands for.
    pub updated: TimestampMs,
}

impl Resource for Alias {
    const KIND: &'static str = "kms_alias";
}

/// A grant; its resource key's name is [`grant_name`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// When it was created.
    pub created: TimestampMs,
    /// The root user's ARN of the account that created it.
    pub issuing_account: String,
    /// What it allows, to whom, and on which conditions.
    #[serde(flatten)]
    pub terms: GrantTerms,
}

impl Resource for Grant {
    const KIND: &'static str = "kms_grant";
}

/// What a grant says: two of one name and the same terms are one grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GrantTerms {
    /// Its friendly name.
    pub name: Option<String>,
    /// Who may use the key.
    pub grantee: Principal,
    /// Who may retire the grant.
    pub retiring: Option<Principal>,
    /// What the grantee may do.
    pub operations: Vec<String>,
    /// The pairs that an encryption context must have.
    pub context_subset: Option<BTreeMap<String, String>>,
    /// The pairs that an encryption context must be.
    pub context_equals: Option<BTreeMap<String, String>>,
    /// The resource on whose behalf the call must be made.
    pub source_arn: Option<String>,
}

/// Who a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Principal {
    /// An account, user, role or session, by its ARN.
    Identity(String),
    /// An AWS service, by its service principal.
    Service(String),
}

/// What the names of all grants of a key begin with.
pub(crate) fn grant_prefix(key_id: &str) -> String {
    format!("{key_id}/")
}

/// The name of a grant in the catalog.
pub(crate) fn grant_name(key_id: &str, grant_id: &str) -> String {
    grant_prefix(key_id) + grant_id
}
