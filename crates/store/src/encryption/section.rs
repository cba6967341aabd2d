//! Encrypted rows in the journal. A section's payload is then, little-endian:
//!
//! ```text
//! magic   "WKX1"                                   4 bytes
//! sealed  u32, of the sealed data key              4
//! key     u64, the data key's number               8
//! salt                                            16
//! the sealed data key, text
//! the block, encrypted with AES-256-GCM under a key that is derived from the data key with the salt; the tag
//! ```
//!
//! Each derived key encrypts once, so that its nonce is zero. Everything before the block is authenticated with it.

use std::sync::Arc;

use bytes::Bytes;
use ring::aead::{Aad, Nonce};
use watchkeep_core::Random;

use super::{EncryptionKey, TAG_BYTES};

const MAGIC: &[u8; 4] = b"WKX1";
const SALT_BYTES: usize = 16;
const HEAD_BYTES: usize = 32;
const PURPOSE: &str = "watchkeep journal section";

/// Why an encrypted section cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// It is not one.
    #[error("it is no encrypted section")]
    Malformed,
    /// Nobody has its key.
    #[error("its data key cannot be opened: the master key is another one than when it was written")]
    NoKey,
    /// It was changed, or is under another key.
    #[error("it does not open with its data key")]
    Unopenable,
}

/// Whether the payload is an encrypted block.
pub(crate) fn is_encrypted(payload: &[u8]) -> bool {
    payload.starts_with(MAGIC)
}

/// The payload of a section for this block. `None` if it cannot be encrypted.
pub(crate) fn encrypt_section(block: &[u8], key: &EncryptionKey, random: &dyn Random) -> Option<Bytes> {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt);
    let mut payload = Vec::with_capacity(HEAD_BYTES + key.sealed.len() + block.len() + TAG_BYTES);
    payload.extend_from_slice(MAGIC);
    payload.extend_from_slice(&u32::try_from(key.sealed.len()).ok()?.to_le_bytes());
    payload.extend_from_slice(&key.id.to_le_bytes());
    payload.extend_from_slice(&salt);
    payload.extend_from_slice(key.sealed.as_bytes());
    let head = payload.len();
    payload.extend_from_slice(block);
    let (before, block) = payload.split_at_mut(head);
    let cipher = key.derive(&salt, PURPOSE)?;
    let tag = cipher.seal_in_place_separate_tag(nonce(), Aad::from(&*before), block).ok()?;
    payload.extend_from_slice(tag.as_ref());
    Some(payload.into())
}

/// The block of an encrypted section, and the key that `find` has by its number and its sealed form.
pub(crate) fn decrypt_section(
    payload: &[u8],
    find: impl FnOnce(u64, &str) -> Option<Arc<EncryptionKey>>,
) -> Result<(Bytes, Arc<EncryptionKey>), SectionError> {
    let head = payload.first_chunk::<HEAD_BYTES>().filter(|head| head.starts_with(MAGIC));
    let head = head.ok_or(SectionError::Malformed)?;
    let [_, _, _, _, s0, s1, s2, s3, id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = head;
    let sealed_bytes = u32::from_le_bytes([*s0, *s1, *s2, *s3]) as usize;
    let before = HEAD_BYTES.checked_add(sealed_bytes).ok_or(SectionError::Malformed)?;
    let (before, block) = payload.split_at_checked(before).ok_or(SectionError::Malformed)?;
    let sealed = before.get(HEAD_BYTES..).and_then(|sealed| std::str::from_utf8(sealed).ok());
    let sealed = sealed.ok_or(SectionError::Malformed)?;
    let salt = before.get(HEAD_BYTES - SALT_BYTES..HEAD_BYTES).ok_or(SectionError::Malformed)?;
    let key = find(u64::from_le_bytes(*id), sealed).ok_or(SectionError::NoKey)?;
    let cipher = key.derive(salt, PURPOSE).ok_or(SectionError::Unopenable)?;
    let mut block = block.to_vec();
    let opened = cipher.open_in_place(nonce(), Aad::from(before), &mut block).map_err(|_| SectionError::Unopenable)?;
    let length = opened.len();
    block.truncate(length);
    Ok((block.into(), key))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchkeep_core::SeededRandom;

    use super::super::test_key;
    use super::*;

    proptest! {
        #[test]
        fn a_section_gives_back_its_block_with_its_key_only(
            block in proptest::collection::vec(any::<u8>(), 0..300),
            seed in any::<u64>(),
        ) {
            let (key, other) = (test_key(7), test_key(8));
            let payload = encrypt_section(&block, &key, &SeededRandom::new(seed)).unwrap();
            prop_assert!(is_encrypted(&payload));
            let find = |id: u64, sealed: &str| (id == 7 && sealed == "sealed 7").then(|| key.clone());
            let (opened, found) = decrypt_section(&payload, find).unwrap();
            prop_assert_eq!((&opened[..], found.id()), (&block[..], 7));
            let none = decrypt_section(&payload, |_, _| None);
            prop_assert_eq!(none.map(drop), Err(SectionError::NoKey));
            let wrong = decrypt_section(&payload, |_, _| Some(other.clone()));
            prop_assert_eq!(wrong.map(drop), Err(SectionError::Unopenable));
        }

        #[test]
        fn a_changed_section_never_opens(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
            let key = test_key(7);
            let payload = encrypt_section(b"some rows", &key, &SeededRandom::new(1)).unwrap();
            let mut changed = payload.to_vec();
            let at = at.index(changed.len());
            if cut {
                changed.truncate(at);
            } else {
                changed[at] ^= 1 << bit;
            }
            prop_assert!(decrypt_section(&changed, |_, _| Some(key.clone())).is_err());
        }
    }
}
