//! Entries: small values under sorted keys, for what there may be a million of. Unlike resources they are not held in memory:
//! a read asks the database, whose B-tree is the index, and a start reads nothing.
//!
//! Changes that belong together are committed together. Commits that wait while another is under way share the next
//! transaction, and so its sync.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::error::CatalogError;
use super::sql::{Param, Tx};
use super::{Catalog, limits};

/// An entry, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// A change of an entry; `kind` is the word for entries of its sort in the database, which must never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryChange {
    /// Creates or replaces an entry.
    Put {
        /// The kind.
        kind: &'static str,
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// Deletes an entry; one that is not there is fine.
    Delete {
        /// The kind.
        kind: &'static str,
        /// The key.
        key: Vec<u8>,
    },
    /// Deletes all entries from one key up to another, which is not included.
    DeleteRange {
        /// The kind.
        kind: &'static str,
        /// The first key.
        from: Vec<u8>,
        /// The key that ends the range.
        to: Vec<u8>,
    },
}

/// The entries of a catalog.
#[derive(Clone)]
pub struct Entries {
    catalog: Catalog,
}

impl Catalog {
    /// The entries.
    pub fn entries(&self) -> Entries {
        Entries { catalog: self.clone() }
    }
}

impl Entries {
    /// The value of a key.
    pub async fn get(&self, kind: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, CatalogError> {
        let sql = "select value, crc from entry where kind = $1 and key = $2";
        let rows = self.catalog.shared.database.rows(sql, &[Param::Text(kind), Param::Bytes(key)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let value = row.bytes(0)?;
        check(kind, key, &value, row.int(1)?)?;
        Ok(Some(value))
    }

    /// The entries from the key `from` up to `to`, which is not included, in the order of their keys' bytes: at most `limit` of
    /// them, and never more than 10,000.
    pub async fn range(
        &self,
        kind: &'static str,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, CatalogError> {
        let limit = limit.min(limits::ENTRIES_READ_MAX) as i64;
        let sql = "select key, value, crc from entry where kind = $1 and key >= $2 and key < $3 order by key limit $4";
        let params = [Param::Text(kind), Param::Bytes(from), Param::Bytes(to), Param::Int(limit)];
        let rows = self.catalog.shared.database.rows(sql, &params).await?;
        let entry = |row: &super::sql::Row| {
            let entry = Entry { key: row.bytes(0)?, value: row.bytes(1)? };
            check(kind, &entry.key, &entry.value, row.int(2)?)?;
            Ok(entry)
        };
        rows.iter().map(entry).collect()
    }

    /// Makes the changes, all or none; they are durable when this returns, and are made even if the caller stops waiting.
    ///
    /// # Errors
    /// [`CatalogError::TooLarge`], and what the database can meet.
    pub async fn commit(&self, changes: Vec<EntryChange>) -> Result<(), CatalogError> {
        changes.iter().try_for_each(check_size)?;
        let (done, outcome) = oneshot::channel();
        self.catalog.shared.entries.push(Waiting { changes, done });
        let catalog = self.catalog.clone();
        tokio::spawn(async move { commit_waiting(&catalog).await });
        // It was cut short by the end of the runtime.
        outcome.await.unwrap_or_else(|_| Err(CatalogError::Database(sqlx::Error::WorkerCrashed)))
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").finish_non_exhaustive()
    }
}

/// Changes that wait to be committed.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    /// Held while some are being committed.
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    changes: Vec<EntryChange>,
    done: oneshot::Sender<Result<(), CatalogError>>,
}

impl Queue {
    fn push(&self, waiting: Waiting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(waiting);
    }

    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(limits::ENTRY_COMMITS_SHARED);
        waiting.drain(..count).collect()
    }
}

/// Commits what waits; each caller does this once, so that nothing is left behind.
async fn commit_waiting(catalog: &Catalog) {
    let _turn = catalog.shared.entries.turn.lock().await;
    let batch = catalog.shared.entries.take();
    if batch.len() > 1 && write(catalog, &batch).await.is_ok() {
        for waiting in batch {
            let _ = waiting.done.send(Ok(()));
        }
        return;
    }
    // Alone, so that one that fails is told its own error and the others are not.
    for waiting in batch {
        let outcome = write(catalog, std::slice::from_ref(&waiting)).await;
        let _ = waiting.done.send(outcome);
    }
}

async fn write(catalog: &Catalog, batch: &[Waiting]) -> Result<(), CatalogError> {
    let mut tx = catalog.begin_as_node().await?;
    for change in batch.iter().flat_map(|waiting| &waiting.changes) {
        apply(&mut tx, change).await?;
    }
    tx.commit().await
}

pub(super) async fn apply(tx: &mut Tx, change: &EntryChange) -> Result<(), CatalogError> {
    match change {
        EntryChange::Put { kind, key, value } => {
            let crc = Param::Int(checksum(kind, key, value));
            let sql = "insert into entry (kind, key, value, crc) values ($1, $2, $3, $4)
                       on conflict (kind, key) do update set value = excluded.value, crc = excluded.crc";
            tx.run(sql, &[Param::Text(kind), Param::Bytes(key), Param::Bytes(value), crc]).await?;
        }
        EntryChange::Delete { kind, key } => {
            tx.run("delete from entry where kind = $1 and key = $2", &[Param::Text(kind), Param::Bytes(key)]).await?;
        }
        EntryChange::DeleteRange { kind, from, to } => {
            let sql = "delete from entry where kind = $1 and key >= $2 and key < $3";
            tx.run(sql, &[Param::Text(kind), Param::Bytes(from), Param::Bytes(to)]).await?;
        }
    }
    Ok(())
}

/// What is wrong with the entries of all kinds, of some of them if it is many.
pub(super) async fn damage(catalog: &Catalog) -> Result<Vec<String>, CatalogError> {
    let mut damage = Vec::new();
    for mut row in catalog.shared.database.rows("select distinct kind from entry order by kind", &[]).await? {
        let kind = row.text(0)?;
        let mut after = Vec::new();
        loop {
            let sql = "select key, value, crc from entry where kind = $1 and key > $2 order by key limit $3";
            let page = [Param::Text(&kind), Param::Bytes(&after), Param::Int(limits::PAGE_ROWS)];
            let rows = catalog.shared.database.rows(sql, &page).await?;
            for row in &rows {
                after = row.bytes(0)?;
                if let Err(error) = check(&kind, &after, &row.bytes(1)?, row.int(2)?) {
                    damage.push(error.to_string());
                }
            }
            damage.truncate(limits::DAMAGE_MAX);
            if rows.is_empty() {
                break;
            }
        }
    }
    Ok(damage)
}

fn check(kind: &str, key: &[u8], value: &[u8], crc: i64) -> Result<(), CatalogError> {
    match checksum(kind, key, value) == crc {
        true => Ok(()),
        false => Err(CatalogError::Damaged(format!(
            "{kind} {:?}: its checksum does not fit",
            key.escape_ascii().to_string()
        ))),
    }
}

/// The checksum over an entry. Lengths part its pieces, so that none can move into its neighbour.
fn checksum(kind: &str, key: &[u8], value: &[u8]) -> i64 {
    let crc = [kind.as_bytes(), key, value]
        .iter()
        .fold(0, |crc, part| crc32c::crc32c_append(crc32c::crc32c_append(crc, &part.len().to_le_bytes()), part));
    i64::from(crc)
}

pub(super) fn check_size(change: &EntryChange) -> Result<(), CatalogError> {
    let EntryChange::Put { kind, key, value } = change else { return Ok(()) };
    let too_large = |what, bytes, limit| {
        let name = key.iter().take(100).copied().collect::<Vec<u8>>().escape_ascii().to_string();
        Err(CatalogError::TooLarge { kind, name, what, bytes, limit })
    };
    match (key.len(), value.len()) {
        (bytes, _) if bytes > limits::ENTRY_KEY_BYTES_MAX => too_large("its key", bytes, limits::ENTRY_KEY_BYTES_MAX),
        (_, bytes) if bytes > limits::ENTRY_BYTES_MAX => too_large("its value", bytes, limits::ENTRY_BYTES_MAX),
        _ => Ok(()),
    }
}
