//! Sealing: how a service keeps a secret in the catalog without the catalog giving it away.

use crate::SecretBytes;

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// It was sealed with another master key, for another purpose, or it is damaged: the same text will never open.
    #[error(
        "a sealed secret cannot be opened: it is damaged, or the master key is another one than it was sealed with"
    )]
    Unopenable,
    /// It could not be sealed.
    #[error("a secret could not be sealed")]
    Failed,
}

/// Seals secrets with the server's master key. Whoever has the catalog alone, without the master key, learns nothing but the
/// secrets' lengths.
pub trait SecretSealing: Send + Sync {
    /// Seals `secret` for `purpose`, which says whose it is and is bound to it (`kms:key:<id>:1`): a sealed secret that is moved
    /// elsewhere does not open. The answer is text, fit for a document, and another each time.
    ///
    /// # Errors
    ///
    /// [`SealingError::Failed`].
    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<String, SealingError>;

    /// What [`SecretSealing::seal`] sealed for the same purpose.
    ///
    /// # Errors
    ///
    /// [`SealingError::Unopenable`].
    fn open(&self, purpose: &str, sealed: &str) -> Result<SecretBytes, SealingError>;
}
