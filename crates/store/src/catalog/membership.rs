//! Who is in a cluster, and which of its processes works. This needs no open node: a process is a member before it works.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use watchkeep_core::{Clock, TimestampMs};

use super::address::CatalogUrl;
use super::error::CatalogError;
use super::sql::{Access, Database, Param, Row, Tx};
use super::{leases, limits, migrations, now};

/// The lease of the one that works.
const WORK: &str = "work";

/// A process's place in a cluster.
pub struct Membership {
    database: Database,
    address: String,
    run: i64,
    /// Whether this run was told of.
    is_known: AtomicBool,
    clock: Arc<dyn Clock>,
}

/// A process of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where the others reach it.
    pub address: String,
    /// When it was last heard of, by the database's clock.
    pub beat_at: TimestampMs,
}

/// How things stand in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The address of the one that works.
    pub works: Option<String>,
    /// Whether that is this process.
    pub is_ours: bool,
    /// Whether another process that is alive says that it is at this one's address.
    pub is_doubled: bool,
    /// Those that were heard of lately, by their addresses.
    pub members: Vec<Member>,
}

impl Membership {
    /// Joins the cluster of a catalog, whose tables are created or upgraded if need be. `address` is where the others reach this
    /// process, and tells it from them; `run` tells this run of it from earlier ones.
    ///
    /// # Errors
    ///
    /// What opening the database can meet.
    pub async fn join(
        url: &CatalogUrl,
        address: String,
        run: i64,
        clock: Arc<dyn Clock>,
    ) -> Result<Membership, CatalogError> {
        let database = Database::open(url, Access::Write).await?;
        migrations::upgrade(&database).await?;
        Ok(Membership { database, address, run, is_known: AtomicBool::new(false), clock })
    }

    /// Says that this process is alive, and asks how things stand. One that `wants` to work takes the lease, or renews it, for
    /// `for_` from now: it may work until then, measured from before the call.
    ///
    /// # Errors
    ///
    /// What the database can meet. A lease may have been taken all the same.
    pub async fn beat(&self, wants: bool, for_: Duration) -> Result<Standing, CatalogError> {
        let mut tx = self.database.begin().await?;
        let now = now(&self.database, &mut tx, &*self.clock).await?;
        let known = tx.rows("select run from member where address = $1", &[Param::Text(&self.address)]).await?;
        let other = known.first().map(|row| row.int(0)).transpose()?.is_some_and(|run| run != self.run);
        let sql = "insert into member (address, run, beat_at) values ($1, $2, $3)
                   on conflict (address) do update set run = excluded.run, beat_at = excluded.beat_at";
        tx.run(sql, &[Param::Text(&self.address), Param::Int(self.run), Param::Int(now.0)]).await?;
        let old = now.plus_ms(-limits::MEMBER_FORGOTTEN_MS);
        tx.run("delete from member where beat_at < $1", &[Param::Int(old.0)]).await?;
        if wants {
            leases::take(&mut tx, WORK, (&self.address, self.run), now, for_).await?;
        }
        let standing = self.standing(&mut tx, now).await?;
        tx.commit().await?;
        // What was there before the first time is an earlier run.
        let is_doubled = self.is_known.swap(true, Ordering::AcqRel) && other;
        Ok(Standing { is_doubled, ..standing })
    }

    /// Leaves: another may work at once.
    ///
    /// # Errors
    ///
    /// What the database can meet; the lease then ends by itself.
    pub async fn leave(&self) -> Result<(), CatalogError> {
        let mut tx = self.database.begin().await?;
        let (address, run, work) = (Param::Text(&self.address), Param::Int(self.run), Param::Text(WORK));
        let sql = "update lease set expires_at = 0 where owner = $1 and owner_epoch = $2 and name = $3";
        tx.run(sql, &[address, run, work]).await?;
        tx.run("delete from member where address = $1 and run = $2", &[address, run]).await?;
        tx.commit().await?;
        self.database.close().await;
        Ok(())
    }

    /// The proof of the cluster's master key: `new`, if there is none yet.
    ///
    /// # Errors
    ///
    /// What the database can meet.
    pub async fn proof(&self, new: &str) -> Result<String, CatalogError> {
        let mut tx = self.database.begin().await?;
        let sql = "insert into member_proof (one, proof) values (1, $1) on conflict do nothing";
        tx.run(sql, &[Param::Text(new)]).await?;
        let found = match tx.rows("select proof from member_proof", &[]).await?.first_mut() {
            Some(row) => row.text(0)?,
            None => return Err(CatalogError::Damaged("the members have no proof".to_owned())),
        };
        tx.commit().await?;
        Ok(found)
    }

    async fn standing(&self, tx: &mut Tx, now: TimestampMs) -> Result<Standing, CatalogError> {
        let sql = "select owner, owner_epoch from lease where name = $1 and expires_at > $2";
        let mut holders = tx.rows(sql, &[Param::Text(WORK), Param::Int(now.0)]).await?;
        let holder = holders.first_mut().map(|row| Ok::<_, CatalogError>((row.text(0)?, row.int(1)?))).transpose()?;
        let is_ours = holder.as_ref().is_some_and(|(owner, run)| *owner == self.address && *run == self.run);
        let member = |mut row: Row| Ok(Member { address: row.text(0)?, beat_at: TimestampMs(row.int(1)?) });
        let since = now.plus_ms(-limits::MEMBER_SILENT_MS);
        let sql = "select address, beat_at from member where beat_at >= $1 order by address";
        let members = tx.rows(sql, &[Param::Int(since.0)]).await?.into_iter().map(member);
        Ok(Standing {
            works: holder.map(|(owner, _)| owner),
            is_ours,
            is_doubled: false,
            members: members.collect::<Result<_, CatalogError>>()?,
        })
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").field("address", &self.address).finish_non_exhaustive()
    }
}
