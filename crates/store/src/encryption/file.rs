//! An encrypted segment as a file. Its bytes, as `segment` makes and reads them, are encrypted in parts, so that any range can be
//! read without the rest:
//!
//! ```text
//! parts of 65,536 bytes (the last may be shorter, and is never empty), each:
//!     encrypted with AES-256-GCM under a key derived from the data key, with the file's path as salt; then the tag, 16 bytes
//!     nonce: the part's number u64, little-endian; 1 for the last part and else 0; three zero bytes
//! the data key's number   u64, little-endian      8 bytes
//! CRC32C of all before    u32, little-endian      4
//! magic "WKE1"                                    4
//! ```
//!
//! A path is never used twice, so that no derived key meets a nonce twice. The checksum lets `check` find damage without any key.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ring::aead::{Aad, LessSafeKey, Nonce};

use super::{EncryptionKey, TAG_BYTES};
use crate::blob::{BlobError, BlobStore, ReadBlobs};

const MAGIC: &[u8; 4] = b"WKE1";
const PART_BYTES: u64 = 64 << 10;
const SEALED_PART_BYTES: u64 = PART_BYTES + TAG_BYTES as u64;
const TRAILER_BYTES: u64 = 16;
const PURPOSE: &str = "watchkeep segment";

/// The bytes of the file at `path` for a segment of these bytes. `None` if they cannot be encrypted.
pub(crate) fn encrypt_file(path: &str, bytes: &[u8], key: &EncryptionKey) -> Option<Bytes> {
    let cipher = key.derive(path.as_bytes(), PURPOSE)?;
    let parts = bytes.len().div_ceil(PART_BYTES as usize);
    let mut file = BytesMut::with_capacity(bytes.len() + parts * TAG_BYTES + TRAILER_BYTES as usize);
    for (number, part) in (0..).zip(bytes.chunks(PART_BYTES as usize)) {
        let from = file.len();
        file.extend_from_slice(part);
        let nonce = nonce(number, number + 1 == parts as u64);
        let tag = cipher.seal_in_place_separate_tag(nonce, Aad::empty(), file.get_mut(from..)?).ok()?;
        file.extend_from_slice(tag.as_ref());
    }
    file.extend_from_slice(&key.id.to_le_bytes());
    let checksum = crc32c::crc32c(&file);
    file.extend_from_slice(&checksum.to_le_bytes());
    file.extend_from_slice(MAGIC);
    Some(file.freeze())
}

/// What is wrong with the file of an encrypted segment, as far as that can be said without its key.
pub(crate) fn verify_file(blobs: &dyn BlobStore, path: &str, key: u64) -> Result<Result<(), String>, BlobError> {
    let size = blobs.size(path)?;
    if segment_bytes(size).is_none() {
        return Ok(Err(format!("{size} bytes are no encrypted segment")));
    }
    let file = blobs.read(path, 0..size)?;
    let Some((body, [c0, c1, c2, c3, magic @ ..])) = file.split_last_chunk::<8>() else {
        return Ok(Err("it is too short".to_owned()));
    };
    let is_of_key = body.last_chunk().is_some_and(|id| u64::from_le_bytes(*id) == key);
    Ok(match () {
        () if magic != MAGIC => Err("it does not end as an encrypted segment".to_owned()),
        () if crc32c::crc32c(body) != u32::from_le_bytes([*c0, *c1, *c2, *c3]) => {
            Err("its checksum does not fit".to_owned())
        }
        () if !is_of_key => Err("it is not encrypted under the key that was published".to_owned()),
        () => Ok(()),
    })
}

/// The bytes of the segment in a file of so many bytes.
fn segment_bytes(file_bytes: u64) -> Option<u64> {
    let parts = file_bytes.checked_sub(TRAILER_BYTES)?;
    let (whole, rest) = (parts / SEALED_PART_BYTES, parts % SEALED_PART_BYTES);
    match rest {
        0 if whole == 0 => None,
        0 => Some(whole * PART_BYTES),
        rest => rest.checked_sub(TAG_BYTES as u64).filter(|rest| *rest > 0).map(|rest| whole * PART_BYTES + rest),
    }
}

/// The file of an encrypted segment, as if it were not encrypted.
pub(crate) struct EncryptedFile {
    blobs: Arc<dyn BlobStore>,
    key: Arc<EncryptionKey>,
    file_bytes: u64,
}

impl EncryptedFile {
    /// A file of `file_bytes` bytes.
    pub(crate) fn new(blobs: Arc<dyn BlobStore>, key: Arc<EncryptionKey>, file_bytes: u64) -> EncryptedFile {
        EncryptedFile { blobs, key, file_bytes }
    }

    /// The bytes of the segment.
    pub(crate) fn segment_bytes(&self) -> u64 {
        segment_bytes(self.file_bytes).unwrap_or(0)
    }
}

impl ReadBlobs for EncryptedFile {
    fn read(&self, path: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let outside = || BlobError::Range { path: path.to_owned(), range: range.clone() };
        let size = self.segment_bytes();
        if range.start > range.end || range.end > size {
            return Err(outside());
        }
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let (first, last) = (range.start / PART_BYTES, (range.end - 1) / PART_BYTES);
        let last_of_all = (size - 1) / PART_BYTES;
        let until = ((last + 1) * SEALED_PART_BYTES).min(self.file_bytes - TRAILER_BYTES);
        let mut sealed = BytesMut::from(self.blobs.read(path, first * SEALED_PART_BYTES..until)?);
        let unopenable = || BlobError::Unopenable { path: path.to_owned() };
        let cipher = self.key.derive(path.as_bytes(), PURPOSE).ok_or_else(unopenable)?;
        let mut opened = BytesMut::with_capacity(sealed.len());
        for number in first..=last {
            let mut part = sealed.split_to(sealed.len().min(SEALED_PART_BYTES as usize));
            let is_last = number == last_of_all;
            opened.extend_from_slice(open_part(&cipher, number, is_last, &mut part).ok_or_else(unopenable)?);
        }
        let (from, length) = ((range.start - first * PART_BYTES) as usize, (range.end - range.start) as usize);
        opened.freeze().get(from..from + length).map(Bytes::copy_from_slice).ok_or_else(outside)
    }
}

fn open_part<'p>(cipher: &LessSafeKey, number: u64, is_last: bool, part: &'p mut BytesMut) -> Option<&'p [u8]> {
    cipher.open_in_place(nonce(number, is_last), Aad::empty(), part).ok().map(|opened| &*opened)
}

fn nonce(part: u64, is_last: bool) -> Nonce {
    let [n0, n1, n2, n3, n4, n5, n6, n7] = part.to_le_bytes();
    Nonce::assume_unique_for_key([n0, n1, n2, n3, n4, n5, n6, n7, u8::from(is_last), 0, 0, 0])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::test_key;
    use super::*;
    use crate::blob::MemoryBlobs;

    const PATH: &str = "segments/t/x.encrypted";

    fn some_bytes(length: usize) -> Bytes {
        (0..length).map(|at| (at * 31 % 251) as u8).collect::<Vec<u8>>().into()
    }

    /// These bytes as a file, and the file as it is read with this key.
    fn file(bytes: &[u8], key: u64) -> (Arc<MemoryBlobs>, EncryptedFile) {
        let blobs = Arc::new(MemoryBlobs::default());
        blobs.put(PATH, encrypt_file(PATH, bytes, &test_key(1)).unwrap()).unwrap();
        let size = blobs.size(PATH).unwrap();
        (blobs.clone(), EncryptedFile::new(blobs, test_key(key), size))
    }

    #[test]
    fn files_of_every_length_come_back() {
        let part = PART_BYTES as usize;
        for length in [1, 2, part - 1, part, part + 1, 2 * part, 2 * part + 17] {
            let bytes = some_bytes(length);
            let (_, file) = file(&bytes, 1);
            assert_eq!(file.segment_bytes(), length as u64);
            assert_eq!(file.read(PATH, 0..length as u64).unwrap(), bytes);
            assert!(matches!(file.read(PATH, 0..length as u64 + 1), Err(BlobError::Range { .. })));
        }
    }

    proptest! {
        #[test]
        fn any_range_is_that_of_the_segment(
            length in 1usize..200_000,
            a in any::<prop::sample::Index>(),
            b in any::<prop::sample::Index>(),
        ) {
            let bytes = some_bytes(length);
            let (_, file) = file(&bytes, 1);
            let (a, b) = (a.index(length + 1), b.index(length + 1));
            let (from, to) = (a.min(b), a.max(b));
            prop_assert_eq!(file.read(PATH, from as u64..to as u64).unwrap(), bytes.slice(from..to));
        }

        #[test]
        fn a_changed_or_shortened_file_is_never_read_as_something_else(
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
            cut in any::<bool>(),
        ) {
            let bytes = some_bytes(150_000);
            let (blobs, before) = file(&bytes, 1);
            let mut changed = blobs.read(PATH, 0..before.file_bytes).unwrap().to_vec();
            let at = at.index(changed.len());
            if cut {
                changed.truncate(at);
            } else {
                changed[at] ^= 1 << bit;
            }
            blobs.put(PATH, changed.into()).unwrap();
            prop_assert!(verify_file(&*blobs, PATH, 1).unwrap().is_err());
            let after = EncryptedFile::new(blobs.clone(), test_key(1), blobs.size(PATH).unwrap());
            for file in [before, after] {
                let read = file.read(PATH, 0..file.segment_bytes());
                prop_assert!(read.is_err() || read.is_ok_and(|read| read.is_empty() || read == bytes));
            }
        }
    }

    #[test]
    fn another_key_or_path_opens_nothing() {
        let (blobs, right) = file(&some_bytes(10), 1);
        assert_eq!(verify_file(&*blobs, PATH, 1).unwrap(), Ok(()));
        assert!(verify_file(&*blobs, PATH, 2).unwrap().is_err());
        let (_, wrong) = file(&some_bytes(10), 2);
        assert!(matches!(wrong.read(PATH, 0..10), Err(BlobError::Unopenable { .. })));
        const OTHER: &str = "segments/t/y.encrypted";
        blobs.put(OTHER, blobs.read(PATH, 0..right.file_bytes).unwrap()).unwrap();
        assert!(matches!(right.read(OTHER, 0..10), Err(BlobError::Unopenable { .. })));
    }
}
