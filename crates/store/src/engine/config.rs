//! The store's settings.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::ports::SecretSealing;

use crate::blob::{BlobStore, S3Config};
use crate::journal::Durability;

/// Where segments live.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a process has one")]
pub enum BlobConfig {
    /// In the data directory.
    Local,
    /// In another directory, which several machines may share.
    Directory(PathBuf),
    /// In a bucket of an S3-compatible server.
    S3(S3Config),
    /// Wherever this puts them: in memory ([`crate::MemoryBlobs`]), for a server that leaves nothing behind, and for tests.
    Given(Arc<dyn BlobStore>),
}

impl fmt::Debug for BlobConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobConfig::Local => f.write_str("Local"),
            BlobConfig::Directory(path) => f.debug_tuple("Directory").field(path).finish(),
            BlobConfig::S3(s3) => f.debug_tuple("S3").field(s3).finish(),
            BlobConfig::Given(_) => f.write_str("Given"),
        }
    }
}

/// Where the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalPlace {
    /// In files of the data directory.
    Directory,
    /// In the catalog: durable as its database is, and there for whoever opens the store next, from any directory. One that has it
    /// open is fenced off by the next: its appends fail, and so does the process ([`crate::JournalError::Log`]).
    Catalog,
}

/// Where the catalog lives.
#[derive(Debug, Clone)]
pub enum CatalogConfig {
    /// In a SQLite file in the data directory.
    Sqlite,
    /// In a PostgreSQL database, named by a `postgres://` URL.
    Postgres(String),
}

/// What seals secrets with the server's master key, if there is one.
#[derive(Clone, Default)]
pub struct MasterKey(pub Option<Arc<dyn SecretSealing>>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "MasterKey" } else { "no master key" })
    }
}

/// The store's settings. [`StoreConfig::new`] gives the usual ones.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The directory that holds the journal, and catalog and segments unless they live elsewhere. Made if absent.
    pub data_dir: PathBuf,
    /// When an append counts as durable.
    pub durability: Durability,
    /// Start even if durable frames of the journal cannot be read.
    pub accept_journal_loss: bool,
    /// The bytes of one file of the journal.
    pub journal_segment_bytes: u64,
    /// Journal files kept ready, filled with zeros.
    pub journal_pool: usize,
    /// The bytes of appends that may wait for the journal's writer.
    pub journal_queue_bytes_max: u64,
    /// Free space on the disk, in bytes, below which the journal takes no new file, and appends are refused once the ready
    /// ones are used up.
    pub disk_free_min_bytes: u64,
    /// Where segments live.
    pub blobs: BlobConfig,
    /// Where the catalog lives.
    pub catalog: CatalogConfig,
    /// Where the journal is.
    pub journal: JournalPlace,
    /// What seals the data keys of encrypted rows as long as these are in the journal. Without it nothing can be encrypted.
    pub master_key: MasterKey,
    /// This process's name among those that share a catalog.
    pub node: String,
    /// The bytes of one table's rows in memory at which they are sealed.
    pub memtable_bytes: usize,
    /// The bytes of all tables' rows in memory at which appends must wait.
    pub memory_bytes_max: usize,
    /// How long a row stays in memory at most before it is sealed.
    pub seal_after: Duration,
    /// The small segments of one window that are worth compacting while the window is open.
    pub compact_files: usize,
    /// How long after its end a window counts as closed.
    pub compact_after: Duration,
    /// The raw bytes of rows that one compaction brings together; a segment with more than half of them is left alone.
    pub compact_raw_bytes_max: u64,
    /// How long the file of a segment that was replaced stays: longer than any scan takes.
    pub delete_grace: Duration,
    /// How old a file that belongs to no segment must be before it is removed.
    pub orphan_age: Duration,
    /// How often a segment is looked at for rows that are no longer kept.
    pub retention_interval: Duration,
    /// The bytes of rows that an ordered scan gathers at once; for the rows of one millisecond it takes up to 16 times as many.
    pub scan_sort_bytes_max: usize,
    /// The rows of segments from which on a scan decodes them with several threads.
    pub scan_threads_from_rows: u64,
    /// The bytes of parsed footers and filters of segments that are kept in memory.
    pub footer_cache_bytes: usize,
}

impl StoreConfig {
    /// The usual settings: everything in `data_dir`, every append synced.
    pub fn new(data_dir: impl Into<PathBuf>) -> StoreConfig {
        StoreConfig {
            data_dir: data_dir.into(),
            durability: Durability::Fsync,
            accept_journal_loss: false,
            journal_segment_bytes: 64 << 20,
            journal_pool: 4,
            journal_queue_bytes_max: 64 << 20,
            disk_free_min_bytes: 2 << 30,
            blobs: BlobConfig::Local,
            catalog: CatalogConfig::Sqlite,
            journal: JournalPlace::Directory,
            master_key: MasterKey::default(),
            node: "local".to_owned(),
            memtable_bytes: 128 << 20,
            memory_bytes_max: 512 << 20,
            seal_after: Duration::from_secs(60),
            compact_files: 8,
            compact_after: Duration::from_secs(600),
            compact_raw_bytes_max: 256 << 20,
            delete_grace: Duration::from_secs(900),
            orphan_age: Duration::from_secs(24 * 3600),
            retention_interval: Duration::from_secs(6 * 3600),
            scan_sort_bytes_max: 64 << 20,
            scan_threads_from_rows: 64 << 10,
            footer_cache_bytes: 64 << 20,
        }
    }

    /// Settings for tests and other short lives: the same, but with a small journal, no demand for free disk space, and several
    /// threads for every scan.
    pub fn small(data_dir: impl Into<PathBuf>) -> StoreConfig {
        StoreConfig {
            journal_segment_bytes: 4 << 20,
            journal_pool: 1,
            disk_free_min_bytes: 0,
            scan_threads_from_rows: 0,
            ..StoreConfig::new(data_dir)
        }
    }
}
