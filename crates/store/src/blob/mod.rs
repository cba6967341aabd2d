//! Where finished files live: a directory, or an S3-compatible bucket. A blob is written once, whole, and never changes.

mod limits;
mod local;
mod memory;
mod s3;

use std::ops::Range;

use bytes::Bytes;

pub use local::LocalBlobs;
pub(crate) use local::create_dirs;
pub use memory::MemoryBlobs;
pub use s3::{S3Blobs, S3Config, S3Credentials};

/// A place where immutable files are read. Calls block: make them from threads that may wait.
pub trait ReadBlobs: Send + Sync {
    /// The bytes `range` of a blob, all of them: a range that reaches past its end is [`BlobError::Range`].
    fn read(&self, path: &str, range: Range<u64>) -> Result<Bytes, BlobError>;
}

/// A place for immutable files.
///
/// Paths are relative, of parts separated by `/`; a part is made of ASCII letters, digits and `._-=` and does not begin with
/// a dot, so that a path means the same in every store and leads nowhere else.
pub trait BlobStore: ReadBlobs {
    /// Writes a blob. It is durable, and visible as a whole, when this returns; a blob of that path is replaced.
    fn put(&self, path: &str, bytes: Bytes) -> Result<(), BlobError>;

    /// The length of a blob in bytes.
    fn size(&self, path: &str) -> Result<u64, BlobError>;

    /// Removes a blob; one that is not there is fine.
    fn delete(&self, path: &str) -> Result<(), BlobError>;

    /// The paths of all blobs below the directory `prefix` (`""`: of all), in byte order.
    fn list(&self, prefix: &str) -> Result<Vec<String>, BlobError>;
}

/// What can go wrong with a blob.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no blob of this path.
    #[error("no such file: {path}")]
    NotFound {
        /// The path asked for.
        path: String,
    },
    /// The path breaks the rules of [`BlobStore`]. A fault of the caller.
    #[error("not a valid path for a file: {path:?}")]
    BadPath {
        /// The path given.
        path: String,
    },
    /// The blob is shorter than the range asked for: it is damaged, or the caller is mistaken.
    #[error("{path} has no bytes {}..{}", range.start, range.end)]
    Range {
        /// The path asked for.
        path: String,
        /// The bytes asked for.
        range: Range<u64>,
    },
    /// The blob is encrypted, and does not open with its key: it is damaged.
    #[error("{path} does not open with its data key")]
    Unopenable {
        /// The path asked for.
        path: String,
    },
    /// The file system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried, as "write".
        action: &'static str,
        /// The file or directory concerned.
        path: String,
        /// The file system's answer.
        source: std::io::Error,
    },
    /// The bucket does not exist.
    #[error("bucket {bucket} does not exist at {endpoint}")]
    NoBucket {
        /// The bucket's name.
        bucket: String,
        /// The server asked.
        endpoint: String,
    },
    /// The server knows us not, or does not let us do this.
    #[error("{endpoint} refuses access to bucket {bucket}: {message}")]
    Denied {
        /// The bucket's name.
        bucket: String,
        /// The server asked.
        endpoint: String,
        /// Its answer.
        message: String,
    },
    /// The server could not be reached or failed, and went on failing while we retried. Later it may work.
    #[error("{endpoint} fails: {message}")]
    Unavailable {
        /// The server asked.
        endpoint: String,
        /// Its answer, or why there was none.
        message: String,
    },
    /// The settings cannot be meant: which, and why.
    #[error("object storage settings: {0}")]
    Settings(String),
}

/// Checks a blob's path by the rules of [`BlobStore`].
fn check_path(path: &str) -> Result<(), BlobError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'=');
    let good = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain);
    if path.len() <= limits::PATH_BYTES_MAX && path.split('/').all(good) {
        Ok(())
    } else {
        Err(BlobError::BadPath { path: path.to_owned() })
    }
}

/// Checks the prefix of a listing, which may be empty and may end in `/`; returns it without that.
fn check_prefix(prefix: &str) -> Result<&str, BlobError> {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if !prefix.is_empty() {
        check_path(prefix)?;
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_nowhere_else() {
        for good in ["a", "a/b.parquet", "segments/log_events/2026-11-22/00000001-L0.parquet", "k=v/x"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        let long = "x".repeat(limits::PATH_BYTES_MAX + 1);
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", ".hidden", "a\\b", "a b", "a\0", "ä", "a%2fb",
            &long,
        ] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        assert_eq!(check_prefix("a/b/").unwrap(), "a/b");
        assert_eq!(check_prefix("").unwrap(), "");
        assert!(check_prefix("a/../").is_err());
    }
}
