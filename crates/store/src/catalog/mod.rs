//! The catalog: everything that Watchkeep knows besides rows, in a SQL database (SQLite or PostgreSQL).
//!
//! It keeps the control plane's resources as versioned documents, the list of published segments with the journal's watermarks,
//! leases, and counters; and it presents the segments as a DuckLake catalog, so that DuckDB reads a running Watchkeep's tables.

mod address;
mod counters;
mod data_keys;
mod dialect;
mod documents;
mod ducklake;
mod entries;
mod error;
mod journal_groups;
mod leases;
mod limits;
mod membership;
mod migrations;
mod resources;
mod segments;
mod sql;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Mutex;
use watchkeep_core::{Clock, TimestampMs};

pub use address::{CatalogUrl, NodeName};
pub use ducklake::{ColumnStats, DuckType};
pub use entries::{Entries, Entry, EntryChange};
pub use error::CatalogError;
pub(crate) use journal_groups::JournalGroup;
pub use leases::Lease;
pub use membership::{Member, Membership, Standing};
pub use resources::{Collection, Resource, ResourceKey, Versioned};
pub use segments::{Publish, SegmentRow, TxId};

use resources::Cached;
use sql::{Access, Database, Param, Tx};

/// Where a node's journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHome {
    /// The directory's identity.
    pub id: String,
    /// Whether the node may have been opened from another directory, which is gone with all that only its journal had.
    pub other_is_lost: bool,
}

impl NodeHome {
    /// What stands for a directory where the journal is in the catalog itself, and any process may go on with it.
    const CATALOG: &str = "catalog";

    /// No directory: the journal is in the catalog itself.
    pub fn catalog() -> NodeHome {
        NodeHome { id: NodeHome::CATALOG.to_owned(), other_is_lost: false }
    }
}

/// An open catalog. Clones share it.
#[derive(Clone)]
pub struct Catalog {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    node: NodeName,
    /// Of this opening of the node; 0 when opened to read.
    epoch: i64,
    /// Whether another process may open the node at any time: then a change of a resource, too, fails once it has.
    is_taken_over: bool,
    clock: Arc<dyn Clock>,
    /// The reserved numbers of each counter that are still to be handed out.
    blocks: Mutex<HashMap<String, Range<i64>>>,
    /// The cache of each kind of resource.
    collections: Mutex<HashMap<&'static str, Arc<dyn Cached>>>,
    /// Changes of entries that wait to be committed.
    entries: entries::Queue,
}

impl Catalog {
    /// Opens the catalog as `node`, which must run once only: whoever opened it as the same node before is fenced off and can
    /// publish nothing more. Creates or upgrades the tables if need be.
    ///
    /// `clock` tells the time of everything that is written, except for leases in PostgreSQL, which follow the server's.
    pub async fn open(url: &CatalogUrl, node: NodeName, clock: Arc<dyn Clock>) -> Result<Catalog, CatalogError> {
        Catalog::open_from(url, node, None, clock).await
    }

    /// The same, from `home`: the identity of the directory that has the node's journal. A node that was opened from another
    /// one is left alone ([`CatalogError::NodeTaken`]), unless that one is said to be lost.
    pub async fn open_from(
        url: &CatalogUrl,
        node: NodeName,
        home: Option<NodeHome>,
        clock: Arc<dyn Clock>,
    ) -> Result<Catalog, CatalogError> {
        let database = Database::open(url, Access::Write).await?;
        migrations::upgrade(&database).await?;
        let mut tx = database.begin().await?;
        if let Some(lock) = database.dialect().opening_lock() {
            tx.rows(lock, &[]).await?;
        }
        let moved = home.as_ref().is_some_and(|home| home.other_is_lost);
        let values = [
            Param::Text(node.as_str()),
            Param::Int(clock.now().0),
            Param::OptText(home.as_ref().map(|home| home.id.as_str())),
            Param::Int(moved.into()),
        ];
        let opened = tx
            .rows(
                "insert into node (name, epoch, opened_at, home) values ($1, 1, $2, $3)
                 on conflict (name) do update set
                     epoch = node.epoch + 1, opened_at = excluded.opened_at, home = coalesce(excluded.home, node.home)
                 where node.home is null or excluded.home is null or node.home = excluded.home or $4 = 1
                 returning epoch",
                &values,
            )
            .await?;
        let epoch = match opened.first() {
            Some(row) => row.int(0)?,
            None => return Err(CatalogError::NodeTaken { node: node.to_string() }),
        };
        tx.commit().await?;
        let is_taken_over = home.is_some_and(|home| home.id == NodeHome::CATALOG);
        Ok(Catalog::new(database, node, epoch, is_taken_over, clock))
    }

    /// Opens the catalog beside the node that writes it, changing nothing: whatever would write is refused as
    /// [`CatalogError::ReadOnly`].
    pub async fn open_to_read(
        url: &CatalogUrl,
        node: NodeName,
        clock: Arc<dyn Clock>,
    ) -> Result<Catalog, CatalogError> {
        let database = Database::open(url, Access::Read).await?;
        migrations::expect_current(&database).await?;
        Ok(Catalog::new(database, node, 0, false, clock))
    }

    fn new(database: Database, node: NodeName, epoch: i64, is_taken_over: bool, clock: Arc<dyn Clock>) -> Catalog {
        let (blocks, collections, entries) = (Mutex::default(), Mutex::default(), entries::Queue::default());
        Catalog {
            shared: Arc::new(Shared { database, node, epoch, is_taken_over, clock, blocks, collections, entries }),
        }
    }

    /// Who this catalog is among all there are: `new`, if it has no identity yet.
    pub async fn identity(&self, new: &str) -> Result<String, CatalogError> {
        let mut tx = self.begin_as_node().await?;
        tx.run("insert into identity (one, id) values (1, $1) on conflict do nothing", &[Param::Text(new)]).await?;
        let found = match tx.rows("select id from identity", &[]).await?.first_mut() {
            Some(row) => row.text(0)?,
            None => return Err(CatalogError::Damaged("it has no identity".to_owned())),
        };
        tx.commit().await?;
        Ok(found)
    }

    /// Removes all resources, entries, segments, data keys and leases. Counters go on, so that no number is handed out twice; watermarks, and the
    /// tables registered for DuckLake, stay. The segments' files are the caller's to remove.
    pub async fn reset(&self) -> Result<(), CatalogError> {
        let catalog = self.clone();
        finish(async move {
            let collections = catalog.shared.collections.lock().await;
            let mut quiet = Vec::new();
            for collection in collections.values() {
                quiet.push(collection.hold_writes().await);
            }
            let mut tx = catalog.begin_as_node().await?;
            for statement in [
                "delete from segment_column",
                "delete from segment",
                "delete from data_key",
                "delete from resource",
                "delete from entry",
                "delete from lease",
            ] {
                tx.run(statement, &[]).await?;
            }
            tx.commit().await?;
            collections.values().for_each(|collection| collection.clear());
            Ok(())
        })
        .await
    }

    /// Reads all of the database's files, every resource and every entry, and looks for damage ([`CatalogError::Damaged`]). PostgreSQL looks
    /// after its own files.
    pub async fn check(&self) -> Result<(), CatalogError> {
        let mut damage = Vec::new();
        if let Some(check) = self.shared.database.dialect().integrity_check() {
            for mut row in self.shared.database.rows(check, &[]).await? {
                damage.push(row.text(0)?);
            }
            damage.retain(|answer| answer != "ok");
        }
        if damage.is_empty() {
            damage = documents::damage(self).await?;
        }
        if damage.is_empty() {
            damage = entries::damage(self).await?;
        }
        if damage.is_empty() { Ok(()) } else { Err(CatalogError::Damaged(damage.join("; "))) }
    }

    /// Closes the connections once they are idle. Nothing can be read or written afterwards but what collections hold.
    pub async fn close(&self) {
        self.shared.database.close().await;
    }

    /// Begins a transaction that fails if this node was opened again elsewhere, and keeps it from being so until it ends (C-2).
    async fn begin_as_node(&self) -> Result<Tx, CatalogError> {
        let Shared { database, node, epoch, .. } = &*self.shared;
        let mut tx = database.begin().await?;
        // An update that changes nothing locks the row in both dialects.
        let sql = "update node set epoch = epoch where name = $1 and epoch = $2";
        match tx.run(sql, &[Param::Text(node.as_str()), Param::Int(*epoch)]).await? {
            1 => Ok(tx),
            _ => Err(CatalogError::Fenced { node: node.to_string() }),
        }
    }

    /// Begins a transaction that changes resources. Where another process may take over the node, it fails once one has (C-2):
    /// that one has read them by then.
    async fn begin_to_change(&self) -> Result<Tx, CatalogError> {
        let mut tx = self.shared.database.begin().await?;
        if self.shared.is_taken_over {
            self.begin_work(&mut tx).await?;
            self.expect_current(&mut tx).await?;
        }
        Ok(tx)
    }

    /// Keeps the node from being opened elsewhere until the transaction ends; others may do the same meanwhile.
    async fn begin_work(&self, tx: &mut Tx) -> Result<(), CatalogError> {
        match self.shared.database.dialect().work_lock() {
            Some(lock) => tx.rows(lock, &[]).await.map(drop),
            None => Ok(()),
        }
    }

    /// Fails if the node was opened elsewhere.
    async fn expect_current(&self, tx: &mut Tx) -> Result<(), CatalogError> {
        let Shared { node, epoch, .. } = &*self.shared;
        let sql = "select epoch from node where name = $1 and epoch = $2";
        match tx.rows(sql, &[Param::Text(node.as_str()), Param::Int(*epoch)]).await?.is_empty() {
            false => Ok(()),
            true => Err(CatalogError::Fenced { node: node.to_string() }),
        }
    }

    /// The time by which machines agree.
    async fn now(&self, tx: &mut Tx) -> Result<TimestampMs, CatalogError> {
        now(&self.shared.database, tx, &*self.shared.clock).await
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("node", &self.shared.node)
            .field("epoch", &self.shared.epoch)
            .finish_non_exhaustive()
    }
}

/// The time by which machines agree: the database's own, or without a server this machine's.
async fn now(database: &Database, tx: &mut Tx, clock: &dyn Clock) -> Result<TimestampMs, CatalogError> {
    match database.dialect().now() {
        Some(sql) => tx.number(sql, &[]).await.map(TimestampMs),
        None => Ok(clock.now()),
    }
}

/// Runs `work` to its end even if the caller stops waiting: what is in memory must follow what was committed.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, CatalogError>> + Send + 'static,
) -> Result<T, CatalogError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        // It was cut short by the end of the runtime.
        Err(_) => Err(CatalogError::Database(sqlx::Error::WorkerCrashed)),
    }
}
