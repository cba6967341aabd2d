//! The limits of the catalog, a sentence each.

use std::time::Duration;

/// The longest name of a resource, in bytes: AWS's longest names are ARNs of up to 2,048 characters.
pub(super) const NAME_BYTES_MAX: usize = 4_096;

/// The biggest document of a resource, in bytes: well above AWS's biggest, a dashboard body of 1 MB.
pub(super) const DOCUMENT_BYTES_MAX: usize = 8 << 20;

/// How many rows a collection reads from the database at a time.
pub(super) const PAGE_ROWS: i64 = 10_000;

/// How many damaged resources a check names.
pub(super) const DAMAGE_MAX: usize = 10;

/// How many numbers of a counter are reserved by one write; what is left of them at a restart is never handed out.
pub(super) const COUNTER_BLOCK: i64 = 64;

/// Connections that read SQLite side by side.
pub(super) const SQLITE_READERS: u32 = 4;

/// Connections to PostgreSQL.
pub(super) const POSTGRES_CONNECTIONS: u32 = 8;

/// How long a write waits for another process's lock on the SQLite file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a call waits for a free connection.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long opening PostgreSQL may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest name of a node, in bytes.
pub(super) const NODE_NAME_BYTES_MAX: usize = 64;

/// The longest key of an entry, in bytes: an object's, with what stands before it.
pub(super) const ENTRY_KEY_BYTES_MAX: usize = 2_048;

/// The biggest value of an entry, in bytes: the list of an object's 10,000 parts.
pub(super) const ENTRY_BYTES_MAX: usize = 4 << 20;

/// How many entries one reading returns.
pub(super) const ENTRIES_READ_MAX: usize = 10_000;

/// How many commits of entries share one transaction.
pub(super) const ENTRY_COMMITS_SHARED: usize = 64;

/// How many groups of the journal's frames are read at a time; each has 16 MiB at most.
pub(super) const JOURNAL_GROUPS_READ: i64 = 8;

/// A member of a cluster that was not heard of for longer is not told of.
pub(super) const MEMBER_SILENT_MS: i64 = 10_000;

/// A member of a cluster that was not heard of for longer is forgotten.
pub(super) const MEMBER_FORGOTTEN_MS: i64 = 24 * 3600 * 1000;
