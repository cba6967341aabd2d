//! Secret bytes in memory.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes that nobody but their user may see: they are wiped when they are dropped, and printing them shows only how many there
/// are.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The bytes themselves. Copies that are made of them are the caller's to wipe.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        SecretBytes(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_shows_nothing() {
        let secret = SecretBytes::from(b"hush".to_vec());
        assert_eq!(format!("{secret:?}"), "SecretBytes(4 bytes)");
        assert_eq!(secret.expose(), b"hush");
    }
}
