//! A connection to either database, with the few types that the catalog's SQL uses. All drivers' generics end here.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Executor, Postgres, Row as _, Sqlite, Transaction, TypeInfo, ValueRef,
};

use super::address::CatalogUrl;
use super::dialect::Dialect;
use super::error::CatalogError;
use super::limits;

/// What a statement is given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Param<'a> {
    Int(i64),
    OptText(Option<&'a str>),
    OptInt(Option<i64>),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A row of an answer.
pub(super) struct Row(Vec<Value>);

enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Row {
    pub(super) fn int(&self, column: usize) -> Result<i64, CatalogError> {
        match self.0.get(column) {
            Some(Value::Int(value)) => Ok(*value),
            _ => Err(unexpected(column)),
        }
    }

    pub(super) fn opt_int(&self, column: usize) -> Result<Option<i64>, CatalogError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.int(column).map(Some),
        }
    }

    /// A text or bytes, as bytes.
    pub(super) fn bytes(&self, column: usize) -> Result<Vec<u8>, CatalogError> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(value.as_bytes().to_vec()),
            Some(Value::Bytes(value)) => Ok(value.clone()),
            _ => Err(unexpected(column)),
        }
    }

    pub(super) fn text(&mut self, column: usize) -> Result<String, CatalogError> {
        match self.0.get_mut(column) {
            Some(Value::Text(value)) => Ok(std::mem::take(value)),
            _ => Err(unexpected(column)),
        }
    }

    /// Bytes that are UTF-8.
    pub(super) fn name(&mut self, column: usize) -> Result<String, CatalogError> {
        match self.0.get_mut(column) {
            Some(Value::Bytes(value)) => String::from_utf8(std::mem::take(value)).map_err(|_| unexpected(column)),
            _ => Err(unexpected(column)),
        }
    }
}

fn unexpected(column: usize) -> CatalogError {
    CatalogError::Damaged(format!("column {column} of an answer is not what it should be"))
}

/// An open database.
pub(super) enum Database {
    /// One connection that writes, unless opened for reading only, and some that read.
    Sqlite {
        writer: Option<SqlitePool>,
        readers: SqlitePool,
        path: String,
    },
    Postgres {
        pool: PgPool,
        read_only: bool,
    },
}

/// Whether a database is opened to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Read,
}

impl Database {
    pub(super) async fn open(url: &CatalogUrl, access: Access) -> Result<Database, CatalogError> {
        match url {
            CatalogUrl::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .foreign_keys(true)
                    .busy_timeout(limits::BUSY_TIMEOUT)
                    .disable_statement_logging();
                let cannot = |e: sqlx::Error| match CatalogError::from(e) {
                    CatalogError::Database(e) => {
                        CatalogError::File { path: path.display().to_string(), message: e.to_string() }
                    }
                    damaged => damaged,
                };
                let writer = match access {
                    Access::Write => {
                        let options = options
                            .clone()
                            .create_if_missing(true)
                            .journal_mode(SqliteJournalMode::Wal)
                            .synchronous(SqliteSynchronous::Full);
                        Some(sqlite_pool(options, 1).await.map_err(cannot)?)
                    }
                    Access::Read => None,
                };
                let readers = sqlite_pool(options.read_only(true), limits::SQLITE_READERS).await.map_err(cannot)?;
                Ok(Database::Sqlite { writer, readers, path: path.display().to_string() })
            }
            CatalogUrl::Postgres(text) => {
                let unreachable =
                    |e: sqlx::Error| CatalogError::Unreachable { url: url.to_string(), message: e.to_string() };
                let options: PgConnectOptions = text.parse().map_err(unreachable)?;
                let options = options.application_name("watchkeep").disable_statement_logging();
                let pool = PgPoolOptions::new()
                    .max_connections(limits::POSTGRES_CONNECTIONS)
                    .acquire_timeout(limits::CONNECT_TIMEOUT)
                    .connect_with(options)
                    .await
                    .map_err(unreachable)?;
                Ok(Database::Postgres { pool, read_only: access == Access::Read })
            }
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Database::Sqlite { .. } => Dialect::Sqlite,
            Database::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// Begins a transaction that writes. Dropped before its commit, it changes nothing.
    pub(super) async fn begin(&self) -> Result<Tx, CatalogError> {
        let begin = self.dialect().begin_to_write();
        match self {
            Database::Sqlite { writer: None, .. } | Database::Postgres { read_only: true, .. } => {
                Err(CatalogError::ReadOnly)
            }
            Database::Sqlite { writer: Some(writer), path, .. } => match writer.begin_with(begin).await {
                Ok(tx) => Ok(Tx::Sqlite(tx)),
                Err(e) => Err(not_writable(e, path)),
            },
            Database::Postgres { pool, .. } => Ok(Tx::Postgres(pool.begin_with(begin).await?)),
        }
    }

    /// Reads outside a transaction.
    pub(super) async fn rows(&self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, CatalogError> {
        match self {
            Database::Sqlite { readers, .. } => {
                sqlite(sql, params).fetch_all(readers).await?.iter().map(sqlite_row).collect()
            }
            Database::Postgres { pool, .. } => {
                postgres(sql, params).fetch_all(pool).await?.iter().map(postgres_row).collect()
            }
        }
    }

    /// Closes all connections; SQLite's last one folds the write-ahead log into the file.
    pub(super) async fn close(&self) {
        match self {
            Database::Sqlite { writer, readers, .. } => {
                readers.close().await;
                if let Some(writer) = writer {
                    writer.close().await;
                }
            }
            Database::Postgres { pool, .. } => pool.close().await,
        }
    }
}

/// A transaction that writes.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Runs a statement; returns how many rows it touched.
    pub(super) async fn run(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, CatalogError> {
        match self {
            Tx::Sqlite(tx) => Ok(sqlite(sql, params).execute(&mut **tx).await?.rows_affected()),
            Tx::Postgres(tx) => Ok(postgres(sql, params).execute(&mut **tx).await?.rows_affected()),
        }
    }

    /// Runs a statement that answers.
    pub(super) async fn rows(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, CatalogError> {
        match self {
            Tx::Sqlite(tx) => sqlite(sql, params).fetch_all(&mut **tx).await?.iter().map(sqlite_row).collect(),
            Tx::Postgres(tx) => postgres(sql, params).fetch_all(&mut **tx).await?.iter().map(postgres_row).collect(),
        }
    }

    /// Runs a statement that answers with one number.
    pub(super) async fn number(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<i64, CatalogError> {
        match self.rows(sql, params).await?.first() {
            Some(row) => row.int(0),
            None => Err(CatalogError::Damaged(format!("no answer to: {sql}"))),
        }
    }

    /// Runs the statements of a migration, whose text is the program's own.
    pub(super) async fn script(&mut self, text: String) -> Result<(), CatalogError> {
        let script = sqlx::raw_sql(AssertSqlSafe(text));
        match self {
            Tx::Sqlite(tx) => tx.execute(script).await.map(drop)?,
            Tx::Postgres(tx) => tx.execute(script).await.map(drop)?,
        }
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), CatalogError> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await?,
            Tx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

async fn sqlite_pool(options: SqliteConnectOptions, connections: u32) -> Result<SqlitePool, sqlx::Error> {
    // Connections to a file do not go stale: none is ever replaced, and none tested before use.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(limits::ACQUIRE_TIMEOUT)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

/// Tells a file that may not be written (SQLITE_READONLY, SQLITE_CANTOPEN) or a full disk (SQLITE_FULL) from other faults.
fn not_writable(error: sqlx::Error, path: &str) -> CatalogError {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(8 | 13 | 14) => CatalogError::File { path: path.to_owned(), message: error.to_string() },
        _ => error.into(),
    }
}

type SqliteQuery<'q> = sqlx::query::Query<'q, Sqlite, <Sqlite as sqlx::Database>::Arguments>;
type PostgresQuery<'q> = sqlx::query::Query<'q, Postgres, <Postgres as sqlx::Database>::Arguments>;

fn sqlite<'q>(sql: &'static str, params: &[Param<'q>]) -> SqliteQuery<'q> {
    params.iter().fold(sqlx::query(sql), |query, param| match *param {
        Param::Int(value) => query.bind(value),
        Param::OptInt(value) => query.bind(value),
        Param::Text(value) => query.bind(value),
        Param::OptText(value) => query.bind(value),
        Param::Bytes(value) => query.bind(value),
    })
}

fn postgres<'q>(sql: &'static str, params: &[Param<'q>]) -> PostgresQuery<'q> {
    params.iter().fold(sqlx::query(sql), |query, param| match *param {
        Param::Int(value) => query.bind(value),
        Param::OptInt(value) => query.bind(value),
        Param::Text(value) => query.bind(value),
        Param::OptText(value) => query.bind(value),
        Param::Bytes(value) => query.bind(value),
    })
}

fn sqlite_row(row: &SqliteRow) -> Result<Row, CatalogError> {
    let mut values = Vec::with_capacity(row.len());
    for index in 0..row.len() {
        let value = row.try_get_raw(index)?;
        // The type of the value, not of the column: SQLite has both, and only the first is always there.
        let kind = value.type_info().name().to_owned();
        values.push(match kind.as_str() {
            _ if value.is_null() => Value::Null,
            "INTEGER" => Value::Int(row.try_get_unchecked(index)?),
            "TEXT" => Value::Text(row.try_get_unchecked(index)?),
            "BLOB" => Value::Bytes(row.try_get_unchecked(index)?),
            other => return Err(CatalogError::Damaged(format!("a value of type {other}"))),
        });
    }
    Ok(Row(values))
}

fn postgres_row(row: &PgRow) -> Result<Row, CatalogError> {
    let mut values = Vec::with_capacity(row.len());
    for (index, column) in row.columns().iter().enumerate() {
        values.push(match column.type_info().name() {
            _ if row.try_get_raw(index)?.is_null() => Value::Null,
            "INT8" => Value::Int(row.try_get(index)?),
            "TEXT" | "VARCHAR" => Value::Text(row.try_get(index)?),
            "BYTEA" => Value::Bytes(row.try_get(index)?),
            // What `select pg_advisory_xact_lock(...)` answers with.
            "VOID" => Value::Null,
            other => return Err(CatalogError::Damaged(format!("a value of type {other}"))),
        });
    }
    Ok(Row(values))
}
