//! What can go wrong with a segment.

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use crate::blob::BlobError;

/// Why a segment could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The rows handed over break a rule of their table: a bug of the caller, nothing was written.
    #[error("rows of {table} cannot be written as a segment: {reason}")]
    Refused {
        /// The table's name.
        table: &'static str,
        /// The rule that they break.
        reason: String,
    },
    /// A filter does not fit the table: a bug of the caller.
    #[error("scan does not fit table {table}: {reason}")]
    Scan {
        /// The table's name.
        table: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The bytes are not those that were written: the segment should be quarantined.
    #[error("segment {path} is damaged: {reason}")]
    Damaged {
        /// The segment's path in the blob store.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The segment was written by a later version in a format that this one does not know.
    #[error("segment {path} has format {format}, which this version does not read")]
    Format {
        /// The segment's path in the blob store.
        path: String,
        /// The format it states.
        format: String,
    },
    /// The segment could not be fetched; trying again may help.
    #[error("cannot read segment {path}: {source}")]
    Blob {
        /// The segment's path in the blob store.
        path: String,
        /// What the blob store said.
        source: BlobError,
    },
    /// Encoding failed.
    #[error("cannot encode a segment: {0}")]
    Encode(#[from] ParquetError),
    /// Combining columns failed.
    #[error("cannot combine columns: {0}")]
    Arrow(#[from] ArrowError),
}

impl SegmentError {
    /// Damage of the segment at `path`.
    pub(super) fn damaged(path: &str, reason: impl ToString) -> SegmentError {
        SegmentError::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }

    /// Whether the bytes in the blob store are wrong, so that trying again cannot help.
    pub fn is_damage(&self) -> bool {
        matches!(self, SegmentError::Damaged { .. })
    }
}
