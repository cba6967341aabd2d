//! Data keys: how data at rest is encrypted under a KMS key. The store and the services ask for a data key, encrypt with it
//! themselves, and keep only the wrapped form of it beside the data.

use std::collections::BTreeMap;

use crate::{AccountId, BoxFuture, Region, SecretBytes};

/// The encryption context: what the data is, in pairs that are no secret. Exactly these pairs are needed to unwrap the key
/// again, as `aws:logs:arn` and a log group's ARN.
pub type EncryptionContext = BTreeMap<String, String>;

/// Bytes of a data key: it is for AES-256.
pub const DATA_KEY_BYTES: usize = 32;

/// A new data key.
#[derive(Debug, Clone)]
pub struct DataKey {
    /// The key itself, [`DATA_KEY_BYTES`] of it: to encrypt with, and never to be kept.
    pub plaintext: SecretBytes,
    /// The same, encrypted under the KMS key: what is kept beside the data. At most some hundred bytes.
    pub wrapped: Vec<u8>,
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataKeyError {
    /// There is no such key, or no more: what was encrypted under it is lost.
    #[error("the KMS key does not exist: {0}")]
    NotFound(String),
    /// The key is disabled; it may be enabled again.
    #[error("the KMS key is disabled: {0}")]
    Disabled(String),
    /// The key is about to be deleted; that may be cancelled.
    #[error("the KMS key is pending deletion: {0}")]
    PendingDeletion(String),
    /// The key is not a symmetric encryption key.
    #[error("the KMS key is not one for symmetric encryption: {0}")]
    WrongKind(String),
    /// The key may not be used by whom it was asked for.
    #[error("the KMS key may not be used: {0}")]
    AccessDenied(String),
    /// What is to be unwrapped was not wrapped by this key, or in another encryption context, or it is damaged.
    #[error("the wrapped data key does not open under this KMS key and encryption context")]
    Unopenable,
    /// The same call may succeed a little later.
    #[error("the KMS key cannot be used just now: {0}")]
    Unavailable(String),
}

/// Encrypts and decrypts data keys under KMS keys. KMS's side of encryption at rest; the keys may be embedded or another
/// server's.
pub trait DataKeys: Send + Sync {
    /// The ARN of the key that `key` names (a key id or ARN, an alias's name or ARN, as seen from this account and Region) if it
    /// can encrypt data at this moment: what a service asks when a resource is associated with a key.
    fn find<'a>(&'a self, place: (AccountId, &'a Region), key: &'a str) -> BoxFuture<'a, Result<String, DataKeyError>>;

    /// A new data key under the key of this ARN.
    fn generate<'a>(
        &'a self,
        key_arn: &'a str,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<DataKey, DataKeyError>>;

    /// The data key that [`DataKeys::generate`] wrapped under the key of this ARN and in this context.
    fn unwrap<'a>(
        &'a self,
        key_arn: &'a str,
        context: &'a EncryptionContext,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretBytes, DataKeyError>>;
}
