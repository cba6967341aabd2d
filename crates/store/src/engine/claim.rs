//! The place of segments belongs to one catalog, and says to which: in a place that two share, each would take the other's
//! segments for files that belong to nothing, and remove them. So it would with all segments there are if the catalog was lost.

use std::sync::Arc;

use bytes::Bytes;
use watchkeep_core::Random;

use crate::blob::{BlobError, BlobStore};
use crate::error::StoreError;

/// The file with the catalog's identity. It is no segment, and lies outside their folder.
const FILE: &str = "catalog-id";

/// The most that is read of the file.
const BYTES_MAX: u64 = 256;

/// A new identity for a catalog that has none yet.
pub(super) fn new_identity(random: &dyn Random) -> String {
    format!("{:016x}{:016x}", random.next_u64(), random.next_u64())
}

/// Makes the place of segments the catalog's of identity `ours`, or sees that it is. Blocks.
pub(super) fn claim(blobs: &Arc<dyn BlobStore>, ours: &str) -> Result<(), StoreError> {
    match owner(blobs)? {
        Some(theirs) if theirs == ours => Ok(()),
        Some(theirs) => Err(StoreError::ForeignSegments { ours: ours.to_owned(), theirs }),
        None => Ok(blobs.put(FILE, Bytes::copy_from_slice(ours.as_bytes()))?),
    }
}

/// The identity of the catalog that the place of segments belongs to; `None` if it was never claimed.
fn owner(blobs: &Arc<dyn BlobStore>) -> Result<Option<String>, StoreError> {
    let bytes = match blobs.size(FILE) {
        Ok(size) => blobs.read(FILE, 0..size.min(BYTES_MAX))?,
        Err(BlobError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
}
