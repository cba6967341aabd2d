//! The catalog's tables, and how older ones become today's.

use super::error::CatalogError;
use super::sql::{Database, Param};

/// What leads from each schema version to the next; the first starts from nothing. A released one never changes.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_catalog.sql"),
    include_str!("migrations/0002_ducklake.sql"),
    include_str!("migrations/0003_identity.sql"),
    include_str!("migrations/0004_guards.sql"),
    include_str!("migrations/0005_encryption.sql"),
    include_str!("migrations/0006_entries.sql"),
    include_str!("migrations/0007_cluster.sql"),
];

/// The schema version of this program.
const KNOWN: i64 = STEPS.len() as i64;

/// Brings the tables up to date in one transaction.
pub(super) async fn upgrade(database: &Database) -> Result<(), CatalogError> {
    let mut tx = database.begin().await?;
    if let Some(lock) = database.dialect().migration_lock() {
        tx.rows(lock, &[]).await?;
    }
    tx.run("create table if not exists schema_version (version bigint not null)", &[]).await?;
    let found = tx.number("select coalesce(max(version), 0) from schema_version", &[]).await?;
    if found == KNOWN {
        return Ok(());
    }
    if found > KNOWN {
        return Err(CatalogError::NewerSchema { found, known: KNOWN });
    }
    for (step, version) in STEPS.iter().zip(1..).filter(|(_, version)| *version > found) {
        tx.script(database.dialect().fill(step)).await?;
        tx.run("insert into schema_version (version) values ($1)", &[Param::Int(version)]).await?;
    }
    tx.commit().await?;
    tracing::info!(from = found, to = KNOWN, "catalog upgraded");
    Ok(())
}

/// Checks that the tables are today's.
pub(super) async fn expect_current(database: &Database) -> Result<(), CatalogError> {
    let exists = database.dialect().has_schema_version();
    let found = match database.rows(exists, &[]).await?.is_empty() {
        true => 0,
        false => {
            let rows = database.rows("select coalesce(max(version), 0) from schema_version", &[]).await?;
            rows.first().map_or(Ok(0), |row| row.int(0))?
        }
    };
    match found {
        KNOWN => Ok(()),
        found if found > KNOWN => Err(CatalogError::NewerSchema { found, known: KNOWN }),
        found => Err(CatalogError::OlderSchema { found, known: KNOWN }),
    }
}
