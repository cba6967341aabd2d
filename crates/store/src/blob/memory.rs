//! Blobs in memory, for tests and for a server that shall leave nothing behind.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;

use super::{BlobError, BlobStore, ReadBlobs, check_path, check_prefix};

/// Blobs that live as long as this value.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    blobs: RwLock<BTreeMap<String, Bytes>>,
}

impl MemoryBlobs {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn find(&self, path: &str) -> Result<Bytes, BlobError> {
        check_path(path)?;
        let blobs = self.blobs.read().unwrap_or_else(PoisonError::into_inner);
        blobs.get(path).cloned().ok_or_else(|| BlobError::NotFound { path: path.to_owned() })
    }
}

impl ReadBlobs for MemoryBlobs {
    fn read(&self, path: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let blob = self.find(path)?;
        if range.start > range.end || range.end > blob.len() as u64 {
            return Err(BlobError::Range { path: path.to_owned(), range });
        }
        Ok(blob.slice(range.start as usize..range.end as usize))
    }
}

impl BlobStore for MemoryBlobs {
    fn put(&self, path: &str, bytes: Bytes) -> Result<(), BlobError> {
        check_path(path)?;
        self.blobs.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), bytes);
        Ok(())
    }

    fn size(&self, path: &str) -> Result<u64, BlobError> {
        Ok(self.find(path)?.len() as u64)
    }

    fn delete(&self, path: &str) -> Result<(), BlobError> {
        check_path(path)?;
        self.blobs.write().unwrap_or_else(PoisonError::into_inner).remove(path);
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, BlobError> {
        let prefix = check_prefix(prefix)?;
        let below =
            |path: &str| prefix.is_empty() || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        let blobs = self.blobs.read().unwrap_or_else(PoisonError::into_inner);
        Ok(blobs.keys().filter(|path| below(path)).cloned().collect())
    }
}
