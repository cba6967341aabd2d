//! Secrets, as services keep them: sealed with the server's master key, so that a copy of the catalog alone gives none away.

/// A secret that could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SealError(pub String);

/// Seals secrets.
pub trait Seal: Send + Sync {
    /// The secret, sealed, as text. `name` is bound to it: it opens only under the same name.
    ///
    /// # Errors
    ///
    /// What sealing meets.
    fn seal(&self, name: &str, secret: &str) -> Result<String, SealError>;

    /// What [`Seal::seal`] sealed under this name.
    ///
    /// # Errors
    ///
    /// It was sealed with another key or under another name, or it is damaged.
    fn unseal(&self, name: &str, sealed: &str) -> Result<String, SealError>;
}
