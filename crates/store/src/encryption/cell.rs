//! Single values under a data key, for who keeps an index of rows without their keys: the value is encrypted before it becomes part of a
//! row, and everything else of the row is in clear. A cell is then
//!
//! ```text
//! version 1                                        1 byte
//! salt                                            16
//! the value, encrypted with AES-256-GCM under a key that is derived from the data key with the salt; the tag
//! ```
//!
//! Each derived key encrypts once, so that its nonce is zero. What the cell is bound to is authenticated with it: a cell that is put
//! elsewhere does not open.

use ring::aead::{Aad, Nonce};
use watchkeep_core::Random;

use super::{EncryptionKey, TAG_BYTES};

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 17;
const PURPOSE: &str = "watchkeep cell";

impl EncryptionKey {
    /// Encrypts a value that belongs to `place`, and to nothing else. `None` if that cannot be done.
    pub fn seal(&self, place: &[u8], value: &[u8], random: &dyn Random) -> Option<Vec<u8>> {
        let mut cell = vec![VERSION; HEAD_BYTES];
        let (_, salt) = cell.split_at_mut(1);
        random.fill(salt);
        let cipher = self.derive(salt, PURPOSE)?;
        cell.reserve_exact(value.len() + TAG_BYTES);
        cell.extend_from_slice(value);
        let (_, sealed) = cell.split_at_mut(HEAD_BYTES);
        let tag = cipher.seal_in_place_separate_tag(nonce(), Aad::from(place), sealed).ok()?;
        cell.extend_from_slice(tag.as_ref());
        Some(cell)
    }

    /// What [`EncryptionKey::seal`] encrypted for this place; `None` if it did not, or the cell was changed.
    pub fn open(&self, place: &[u8], cell: &[u8]) -> Option<Vec<u8>> {
        let (head, sealed) = cell.split_at_checked(HEAD_BYTES)?;
        let (version, salt) = head.split_first()?;
        if *version != VERSION {
            return None;
        }
        let cipher = self.derive(salt, PURPOSE)?;
        let mut value = sealed.to_vec();
        let length = cipher.open_in_place(nonce(), Aad::from(place), &mut value).ok()?.len();
        value.truncate(length);
        Some(value)
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchkeep_core::SeededRandom;

    use super::super::test_key;

    proptest! {
        #[test]
        fn a_cell_opens_in_its_place_with_its_key_only(
            value in proptest::collection::vec(any::<u8>(), 0..300),
            place in proptest::collection::vec(any::<u8>(), 0..20),
            seed in any::<u64>(),
        ) {
            let (key, other) = (test_key(7), test_key(8));
            let cell = key.seal(&place, &value, &SeededRandom::new(seed)).unwrap();
            prop_assert_eq!(key.open(&place, &cell), Some(value.clone()));
            prop_assert_eq!(other.open(&place, &cell), None);
            prop_assert_eq!(key.open(&[&place[..], b"x"].concat(), &cell), None);
            prop_assert!(value.len() < 8 || !cell.windows(value.len()).any(|window| window == value));
        }

        #[test]
        fn a_changed_cell_never_opens(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
            let key = test_key(7);
            let mut cell = key.seal(b"place", b"value", &SeededRandom::new(1)).unwrap();
            let at = at.index(cell.len());
            if cut { cell.truncate(at) } else { cell[at] ^= 1 << bit }
            prop_assert_eq!(key.open(b"place", &cell), None);
        }
    }
}
