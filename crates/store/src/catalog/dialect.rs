//! The few places where SQLite and PostgreSQL differ. All other SQL is one text.

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Fills the dialect's words into the text of a migration.
    pub(super) fn fill(self, text: &str) -> String {
        let words = match self {
            Dialect::Sqlite => [
                ("{bytes}", "blob"),
                ("{boolean}", "bigint"),
                ("{uuid}", "varchar"),
                ("{snapshot_time}", "at_text"),
                ("{by_key}", "without rowid"),
            ],
            Dialect::Postgres => [
                ("{bytes}", "bytea"),
                ("{boolean}", "boolean"),
                ("{uuid}", "uuid"),
                ("{snapshot_time}", "to_timestamp(at / 1000.0)"),
                ("{by_key}", ""),
            ],
        };
        words.iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning))
    }

    /// Begins a transaction that writes: at once in SQLite, which cannot turn a reader into a writer behind another's back.
    pub(super) fn begin_to_write(self) -> &'static str {
        match self {
            Dialect::Sqlite => "begin immediate",
            Dialect::Postgres => "begin",
        }
    }

    /// Keeps two processes from migrating at the same time, until the transaction ends. SQLite has but one writer anyway.
    pub(super) fn migration_lock(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some("select pg_advisory_xact_lock(8386664410)"),
        }
    }

    /// Keeps what a node does in [`Dialect::work_lock`] apart from its opening, until the transaction ends: whoever opens the
    /// node finds all that was done before, and nothing is done afterwards that he does not know of.
    pub(super) fn opening_lock(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some("select pg_advisory_xact_lock(8386664411)"),
        }
    }

    /// Keeps a node from being opened elsewhere until the transaction ends, beside others that do.
    pub(super) fn work_lock(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some("select pg_advisory_xact_lock_shared(8386664411)"),
        }
    }

    /// Asks for the database's time in milliseconds since the epoch, by which several machines agree on leases. SQLite has one
    /// machine and takes that one's clock.
    pub(super) fn now(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => None,
            Dialect::Postgres => Some("select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"),
        }
    }

    /// Answers with a row if there is a table `schema_version`.
    pub(super) fn has_schema_version(self) -> &'static str {
        match self {
            Dialect::Sqlite => "select name from sqlite_master where type = 'table' and name = 'schema_version'",
            Dialect::Postgres => {
                "select cast('schema_version' as text) where to_regclass('schema_version') is not null"
            }
        }
    }

    /// Says `ok`, or what is wrong with the database's files.
    pub(super) fn integrity_check(self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite => Some("pragma integrity_check(10)"),
            Dialect::Postgres => None,
        }
    }
}
