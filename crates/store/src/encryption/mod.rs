//! Encryption at rest: rows whose owner has a key of his own are encrypted under a data key of it wherever they lie on disk.
//!
//! [`EncryptionKey`] is such a data key while it is in memory; the [`Keyring`] gets it, from the one who keeps the owner's keys
//! ([`DataKeys`](watchkeep_core::ports::DataKeys)), and asks him again every minute, so that a key that was disabled opens nothing
//! any more. `section` is how rows lie in the journal, `file` how a segment lies in the blob store: segments hold the rows of one
//! key only. The catalog keeps the wrapped data keys, and of a segment its times and its least and greatest key, in clear.
//!
//! Rows wait for their segment in the journal and in memory, for a minute about. There they are encrypted too, but the data key
//! lies beside them, sealed with the server's master key: else a crash while the owner's key is disabled would leave rows that can
//! neither be read nor be moved. From the moment they are in a segment, nothing opens them without the owner's key.

mod cell;
mod file;
mod keyring;
mod section;

use std::fmt;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use watchkeep_core::SecretBytes;

pub(crate) use file::{EncryptedFile, encrypt_file, verify_file};
pub(crate) use keyring::{KeyDocument, Keyring};
pub use keyring::{LockedKey, MASTER_KEY};
pub use section::SectionError;
pub(crate) use section::{decrypt_section, encrypt_section, is_encrypted};

/// The bytes that the tag of AES-GCM adds.
const TAG_BYTES: usize = 16;

/// A data key under which rows are encrypted. It opens what was encrypted under it as long as it is held.
pub struct EncryptionKey {
    id: u64,
    secret: SecretBytes,
    /// The same, sealed with the master key: for the journal.
    sealed: String,
}

impl EncryptionKey {
    /// Its number in the catalog: what [`Store::data_key`](crate::Store::data_key) finds it by.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// A key for one thing only, which `salt` and `purpose` tell from all others.
    fn derive(&self, salt: &[u8], purpose: &str) -> Option<LessSafeKey> {
        let derived = Salt::new(HKDF_SHA256, salt).extract(self.secret.expose());
        let purpose = [purpose.as_bytes()];
        let key = derived.expand(&purpose, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.id)
    }
}

/// The number of a key, if there is one.
pub(crate) fn id_of(key: Option<&Arc<EncryptionKey>>) -> Option<u64> {
    key.map(|key| key.id)
}

#[cfg(test)]
pub(crate) fn test_key(id: u64) -> Arc<EncryptionKey> {
    let secret = SecretBytes::from(vec![id as u8; 32]);
    Arc::new(EncryptionKey { id, secret, sealed: format!("sealed {id}") })
}
