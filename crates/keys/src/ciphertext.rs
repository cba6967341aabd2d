//! What Encrypt answers and Decrypt takes: a blob that says itself which key and which material open it.
//!
//! # The format, version 1
//!
//! | offset | bytes | what |
//! | ---: | ---: | --- |
//! | 0 | 4 | `57 4B 4D 53`, the letters `WKMS` |
//! | 4 | 1 | the version of the format, `01` |
//! | 5 | 16 | the key id, a UUID in the order in which it is written |
//! | 21 | 4 | the number of the key's material, from 1, big-endian |
//! | 25 | 16 | the salt, random |
//! | 41 | 12 | the nonce, random |
//! | 53 | n | the plaintext encrypted, as long as the plaintext (1 to 4,096) |
//! | 53 + n | 16 | the tag |
//!
//! The plaintext is encrypted with AES-256-GCM. Its key is derived from the material for this one blob, by HKDF with SHA-256
//! (RFC 5869): the material is the input, the salt the salt, and `watchkeep kms 1 encrypt` the info. So random nonces are never
//! used up, however much is encrypted under one material.
//!
//! The additional data are the first 41 bytes of the blob (all before the nonce, which GCM itself protects), and after them the
//! **encryption context** in one canonical form: the number of its pairs in 4 bytes, and for each pair, in the order of the keys'
//! UTF-8 bytes, the length of the key in 4 bytes, the key, the length of the value in 4 bytes, the value; numbers are big-endian.
//! No two contexts have the same form, and none is left out: no context is four zero bytes.
//!
//! A blob that is changed anywhere does not open: nothing in it is ignored, and nothing may follow.

use std::collections::BTreeMap;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use uuid::Uuid;
use watchkeep_core::{Random, SecretBytes};

const MAGIC: &[u8; 4] = b"WKMS";
const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 16;

/// The bytes before the nonce.
const HEAD_BYTES: usize = 41;

/// The bytes of a blob beside those of its plaintext.
pub(crate) const OVERHEAD_BYTES: usize = HEAD_BYTES + NONCE_LEN + TAG_BYTES;

/// What a message key is derived for.
const INFO: &[u8] = b"watchkeep kms 1 encrypt";

/// The encryption context.
pub(crate) type Context = BTreeMap<String, String>;

/// A blob whose parts have been found, and that has not been opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blob<'a> {
    /// The id of the key.
    pub key_id: Uuid,
    /// The number of the key's material.
    pub material_version: u32,
    head: &'a [u8],
    nonce: [u8; NONCE_LEN],
    sealed: &'a [u8],
}

/// Encrypts under a key's material. `None` if the cipher refuses, which it does for no plaintext of less than gigabytes.
pub(crate) fn seal(
    (key_id, material_version): (Uuid, u32),
    material: &SecretBytes,
    context: &Context,
    plaintext: &[u8],
    random: &dyn Random,
) -> Option<Vec<u8>> {
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_LEN]);
    random.fill(&mut salt);
    random.fill(&mut nonce);
    let mut blob = Vec::with_capacity(OVERHEAD_BYTES + plaintext.len());
    blob.extend(MAGIC);
    blob.push(VERSION);
    blob.extend(key_id.as_bytes());
    blob.extend(material_version.to_be_bytes());
    blob.extend(salt);
    let key = message_key(material, &salt)?;
    let additional = additional_data(&blob, context);
    blob.extend(nonce);
    let from = blob.len();
    blob.extend(plaintext);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(additional), blob.get_mut(from..)?).ok()?;
    blob.extend(tag.as_ref());
    Some(blob)
}

impl<'a> Blob<'a> {
    /// The parts of a blob; `None` for what is none.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Blob<'a>> {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let named = head.strip_prefix(MAGIC)?.strip_prefix(&[VERSION])?;
        let (key_id, named) = named.split_first_chunk::<16>()?;
        let (version, _salt) = named.split_first_chunk::<4>()?;
        let material_version = u32::from_be_bytes(*version);
        (sealed.len() > TAG_BYTES).then(|| Blob {
            key_id: Uuid::from_bytes(*key_id),
            material_version,
            head,
            nonce: *nonce,
            sealed,
        })
    }

    /// The plaintext; `None` if the blob was changed, or is of another material or context.
    pub(crate) fn open(&self, material: &SecretBytes, context: &Context) -> Option<SecretBytes> {
        let salt = self.head.last_chunk::<SALT_BYTES>()?;
        let key = message_key(material, salt)?;
        let additional = additional_data(self.head, context);
        let mut opened = self.sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let length = key.open_in_place(nonce, Aad::from(additional), &mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened.into())
    }
}

/// The key of one blob.
fn message_key(material: &SecretBytes, salt: &[u8; SALT_BYTES]) -> Option<LessSafeKey> {
    let derived = Salt::new(HKDF_SHA256, salt).extract(material.expose());
    let key: UnboundKey = derived.expand(&[INFO], &AES_256_GCM).ok()?.into();
    Some(LessSafeKey::new(key))
}

fn additional_data(head: &[u8], context: &Context) -> Vec<u8> {
    // Both are far below four gigabytes: contexts are limited.
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut data = head.to_vec();
    data.extend(length(context.len()));
    for text in context.iter().flat_map(|(key, value)| [key, value]) {
        data.extend(length(text.len()));
        data.extend(text.as_bytes());
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use watchkeep_core::SeededRandom;

    use super::*;

    fn material(byte: u8) -> SecretBytes {
        vec![byte; 32].into()
    }

    fn context(pairs: &[(&str, &str)]) -> Context {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    const KEY_ID: Uuid = Uuid::from_u128(0x1234abcd_12ab_34cd_56ef_1234567890ab);

    fn sealed(plaintext: &[u8], context: &Context, seed: u64) -> Vec<u8> {
        seal((KEY_ID, 3), &material(7), context, plaintext, &SeededRandom::new(seed)).unwrap()
    }

    fn opened(blob: &[u8], byte: u8, context: &Context) -> Option<Vec<u8>> {
        Some(Blob::parse(blob)?.open(&material(byte), context)?.expose().to_vec())
    }

    /// Blobs of version 1 open for ever: made independently of this code (Python's `cryptography`), from the format above.
    #[test]
    fn vectors_of_version_1_open() {
        for (name, pairs, plaintext, blob) in VECTORS {
            let blob = hex::decode(blob).unwrap();
            let parsed = Blob::parse(&blob).unwrap();
            assert_eq!((parsed.key_id, parsed.material_version), (KEY_ID, 3), "{name}");
            assert_eq!(opened(&blob, 7, &context(pairs)).unwrap(), plaintext.as_bytes(), "{name}");
        }
    }

    type Vector = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

    const VECTORS: &[Vector] = &[
        (
            "no context",
            &[],
            "hush",
            "574b4d53011234abcd12ab34cd56ef1234567890ab00000003010101010101010101010101010101011111111111111111111111111fcbab7da144d89a2cf377d3fac3179fb036c395",
        ),
        (
            "a context",
            &[("purpose", "test"), ("aws:logs:arn", "arn:aws:logs:eu-west-1:123456789012:log-group:a")],
            "a data key of some length, 0123456789",
            "574b4d53011234abcd12ab34cd56ef1234567890ab000000030202020202020202020202020202020212121212121212121212121283594deb5b97a2ec574e6cc0ba266c35e32c89d12fe97e33f8a9f15b1ff33b45a35c54b41384a61b288750fe2f8630a4f35e40dbfa",
        ),
        (
            "keys in the order of their bytes",
            &[("ä", "1"), ("Z", "2"), ("a", "3"), ("", "4")],
            "ö",
            "574b4d53011234abcd12ab34cd56ef1234567890ab000000030303030303030303030303030303030313131313131313131313131323a9e4ca41d5573389849181527ad74f5f15",
        ),
    ];

    /// With the vectors: the parts are where the format says.
    #[test]
    fn a_blob_has_its_parts_where_the_format_says() {
        let blob = sealed(b"plain", &context(&[]), 1);
        assert_eq!(blob.len(), 5 + OVERHEAD_BYTES);
        assert_eq!(&blob[..5], b"WKMS\x01");
        assert_eq!(&blob[5..21], KEY_ID.as_bytes());
        assert_eq!(&blob[21..25], [0, 0, 0, 3]);
        assert!(!blob.windows(5).any(|window| window == b"plain"));
    }

    #[test]
    fn contexts_that_read_alike_are_not_the_same() {
        let pairs: [&[(&str, &str)]; 7] = [
            &[],
            &[("", "")],
            &[("a", "bc")],
            &[("ab", "c")],
            &[("a", "b"), ("c", "d")],
            &[("a", "b\0\0\0\u{1}c")],
            &[("A", "bc")],
        ];
        for (at, one) in pairs.iter().enumerate() {
            let blob = sealed(b"x", &context(one), 1);
            for (other_at, other) in pairs.iter().enumerate() {
                assert_eq!(opened(&blob, 7, &context(other)).is_some(), at == other_at, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_blob_that_was_changed_anywhere_does_not_open() {
        let context = context(&[("a", "b")]);
        let blob = sealed(b"secret", &context, 1);
        for bit in 0..blob.len() * 8 {
            let mut changed = blob.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&changed, 7, &context), None, "bit {bit}");
        }
        for length in 0..blob.len() {
            assert_eq!(opened(&blob[..length], 7, &context), None, "cut at {length}");
        }
        assert_eq!(opened(&[&blob[..], &[0]].concat(), 7, &context), None);
        assert_eq!(opened(&blob, 8, &context), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_was_sealed_opens(
            plaintext in prop::collection::vec(any::<u8>(), 1..=4096),
            context in prop::collection::btree_map(".{0,12}", ".{0,12}", 0..4),
            seed in any::<u64>(),
        ) {
            let blob = sealed(&plaintext, &context, seed);
            prop_assert_eq!(blob.len(), plaintext.len() + OVERHEAD_BYTES);
            prop_assert_eq!(opened(&blob, 7, &context), Some(plaintext));
        }

        #[test]
        fn only_the_same_context_opens(
            one in prop::collection::btree_map("[ab]{0,3}", "[ab]{0,3}", 0..3),
            other in prop::collection::btree_map("[ab]{0,3}", "[ab]{0,3}", 0..3),
        ) {
            let blob = sealed(b"x", &one, 1);
            prop_assert_eq!(opened(&blob, 7, &other).is_some(), one == other);
        }

        #[test]
        fn anything_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), context in prop::collection::btree_map(".{0,3}", ".{0,3}", 0..2)) {
            prop_assert_eq!(opened(&bytes, 7, &context), None);
        }
    }
}
