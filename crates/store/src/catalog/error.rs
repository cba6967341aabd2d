//! What can go wrong with the catalog, by what the caller can do about it.

/// An error of the catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A resource of this key exists already.
    #[error("{kind} {name:?} already exists")]
    Exists {
        /// The resource's kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The resource was changed or deleted since it was read: read it again and decide anew.
    #[error("{kind} {name:?} was changed by somebody else")]
    Conflict {
        /// The resource's kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The resource's name or document is longer than the catalog takes.
    #[error("{kind} {name:?}: {what} has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// The resource's kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// "its name" or "its document".
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A resource's document cannot be written or read as what it should be.
    #[error("{kind} {name:?}: {message}")]
    Document {
        /// The resource's kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// Two Rust types claim the same kind of resource. A fault of the program.
    #[error("two types of resource claim the kind {kind}")]
    KindTaken {
        /// The kind.
        kind: &'static str,
    },
    /// A publish ends a segment that is not live: another publish ended it first. Nothing was changed.
    #[error("segment {id} is not live")]
    NotLive {
        /// The segment.
        id: u64,
    },
    /// A watermark would move backwards. Nothing was changed.
    #[error("the watermark of table {table} is already beyond {lsn}")]
    WatermarkBackwards {
        /// The table's number.
        table: u16,
        /// Where it should have gone.
        lsn: u64,
    },
    /// The column statistics of a segment cannot be read. Nothing was changed.
    #[error("column statistics of segment {id}: {message}")]
    ColumnStats {
        /// The segment.
        id: u64,
        /// What is wrong with them.
        message: String,
    },
    /// Another process opened the catalog as this node since: this one must write nothing more (C-2).
    #[error("another process took over as node {node}")]
    Fenced {
        /// The node's name.
        node: String,
    },
    /// The node's journal is in another directory: two processes want to be the same node. Nothing was changed.
    #[error(
        "node {node} of the catalog belongs to another data directory or to a cluster: use a database of its own, join the cluster, \
         or accept the loss of the journal if that directory is gone"
    )]
    NodeTaken {
        /// The node's name.
        node: String,
    },
    /// The lease ran out or went to another (C-2). Nothing was changed.
    #[error("lease {name} is lost")]
    LeaseLost {
        /// The lease's name.
        name: String,
    },
    /// The catalog was written by a newer Watchkeep.
    #[error("the catalog has schema version {found}, this Watchkeep knows versions up to {known}: use a newer one")]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// The catalog was written by an older Watchkeep, or is empty, and was opened for reading only.
    #[error("the catalog has schema version {found}, not {known}: open it once with `watchkeep serve`")]
    OlderSchema {
        /// The version found; 0 if there is none.
        found: i64,
        /// The version wanted.
        known: i64,
    },
    /// The catalog was opened for reading only.
    #[error("the catalog was opened for reading only")]
    ReadOnly,
    /// The catalog's file cannot be opened or written.
    #[error("cannot open or write {path}: {message}")]
    File {
        /// The file.
        path: String,
        /// Why.
        message: String,
    },
    /// The database server cannot be reached, or refuses us.
    #[error("cannot reach {url}: {message}")]
    Unreachable {
        /// The server's address, without password.
        url: String,
        /// Why.
        message: String,
    },
    /// The catalog's address, the node's name, or a table's definition breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// The catalog holds what it cannot hold: it is damaged.
    #[error("the catalog is damaged: {0}")]
    Damaged(String),
    /// The database failed. Whether a write took effect is unknown.
    #[error("the catalog's database failed: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        // SQLite's SQLITE_CORRUPT and SQLITE_NOTADB, with their extended codes.
        let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
        match code.map(|code| code & 0xff) {
            Some(11 | 26) if is_sqlite(&error) => CatalogError::Damaged(error.to_string()),
            _ => CatalogError::Database(error),
        }
    }
}

fn is_sqlite(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|e| e.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some())
}
