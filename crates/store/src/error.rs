//! What can go wrong with the store, by what the caller can do about it.

use crate::blob::BlobError;
use crate::catalog::CatalogError;
use crate::encryption::{LockedKey, SectionError};
use crate::journal::{JournalError, Lsn};
use crate::memtable::InvalidBlock;
use crate::rows::RowsError;
use crate::segment::SegmentError;

/// Why the store could not do what was asked. [`StoreError::is_retryable`] says whether the same call may succeed later;
/// [`StoreError::is_damage`] whether bytes on disk are not what was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Rows wait to be written out faster than that goes. Nothing was appended: retry a little later.
    #[error("the store is busy: {bytes} bytes of rows wait to be written out")]
    Busy {
        /// The bytes that wait.
        bytes: u64,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The declaration of a table breaks a rule.
    #[error("table {table}: {rule}")]
    Table {
        /// The table's name.
        table: &'static str,
        /// What it breaks.
        rule: &'static str,
    },
    /// The table was not among those that the store was opened with.
    #[error("the store was not opened with table {table}")]
    UnknownTable {
        /// The table's name.
        table: &'static str,
    },
    /// A scan names a column that its table does not have, or of another kind than the filter.
    #[error("a scan of table {table} does not fit it: {rule}")]
    Scan {
        /// The table's name.
        table: &'static str,
        /// What does not fit.
        rule: &'static str,
    },
    /// More rows lie at one moment than an ordered scan can sort.
    #[error("more than {bytes_max} bytes of rows of table {table} lie at one millisecond")]
    TooManyAtOnce {
        /// The table's name.
        table: &'static str,
        /// The most that can be sorted.
        bytes_max: usize,
    },
    /// The rows to append are not well formed: a mistake of the calling code.
    #[error("rows for table {table}: {source}")]
    Rows {
        /// The table's name.
        table: &'static str,
        /// What is wrong with them.
        source: RowsError,
    },
    /// The journal holds a frame that this version cannot read: it is damaged, or was written by a newer version.
    #[error("frame {lsn} of the journal cannot be read: {source}")]
    Frame {
        /// The frame.
        lsn: Lsn,
        /// What is wrong with it.
        source: InvalidBlock,
    },
    /// The journal holds encrypted rows that do not open: the master key is another one than when they were written, or they are
    /// damaged.
    #[error("frame {lsn} of the journal cannot be read: {source}")]
    Encrypted {
        /// The frame.
        lsn: Lsn,
        /// Why not.
        source: SectionError,
    },
    /// Rows are encrypted under a key that cannot be used now.
    #[error(transparent)]
    Locked(#[from] LockedKey),
    /// The journal holds rows of a table that this version does not know.
    #[error("frame {lsn} of the journal holds rows of table number {table}, which this version does not know")]
    UnknownRows {
        /// The frame.
        lsn: Lsn,
        /// The table's number.
        table: u16,
    },
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The place of segments failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A segment could not be written or read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// Rows could not be combined: a bug.
    #[error("rows of table {table} could not be combined: {reason}")]
    Combine {
        /// The table's name.
        table: &'static str,
        /// What Arrow says.
        reason: String,
    },
    /// A task of the store ended before its time: the program is shutting down, or there is a bug.
    #[error("a task of the store was stopped")]
    Stopped,
    /// The place of segments belongs to another catalog, whose segments this one would take for leftovers.
    #[error(
        "the segments belong to the catalog {theirs}, and this one is {ours}: open them with their own catalog, or give this \
         one a bucket, prefix or directory of its own"
    )]
    ForeignSegments {
        /// The identity of the catalog that was opened.
        ours: String,
        /// The identity of the catalog that the segments belong to.
        theirs: String,
    },
    /// Another process has the data directory open.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: std::path::PathBuf,
    },
    /// The data directory could not be made.
    #[error("cannot create {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: std::path::PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed a little later. Services answer these with their throttling or unavailable error.
    pub fn is_retryable(&self) -> bool {
        match self {
            StoreError::Busy { .. } => true,
            StoreError::Journal(error) => matches!(error, JournalError::QueueFull | JournalError::Full),
            StoreError::Blob(error) | StoreError::Segment(SegmentError::Blob { source: error, .. }) => {
                matches!(error, BlobError::Unavailable { .. } | BlobError::Io { .. })
            }
            _ => false,
        }
    }

    /// Whether bytes on disk are not those that were written.
    pub fn is_damage(&self) -> bool {
        match self {
            StoreError::Segment(error) => error.is_damage() || error.is_missing(),
            StoreError::Journal(error) => {
                matches!(
                    error,
                    JournalError::Corrupt { .. } | JournalError::CorruptHeader { .. } | JournalError::Missing { .. }
                )
            }
            StoreError::Frame { .. } => true,
            _ => false,
        }
    }
}

impl SegmentError {
    /// Whether the segment's file is gone, shorter, or another than the catalog says.
    fn is_missing(&self) -> bool {
        matches!(
            self,
            SegmentError::Blob {
                source: BlobError::NotFound { .. } | BlobError::Range { .. } | BlobError::Unopenable { .. },
                ..
            }
        )
    }
}
