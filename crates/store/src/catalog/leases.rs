//! Leases: which node does a piece of timed work. A lease ends by itself; who held it then can publish nothing under it (C-2).

use std::time::Duration;

use watchkeep_core::TimestampMs;

use super::Catalog;
use super::error::CatalogError;
use super::sql::{Param, Tx};

/// The right to do a piece of work, until it ends or is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is the right to do.
    pub name: String,
    /// Grows with every change of hands; the same while its holder renews it.
    pub epoch: u64,
    /// When it ends unless renewed, by the clock that the catalog's machines agree on.
    pub expires_at: TimestampMs,
}

impl Catalog {
    /// Takes the lease, or renews it if this node holds it, for `for_` from now. None if another node holds it, or an earlier
    /// run of this node whose time is not up yet.
    pub async fn lease(&self, name: &str, for_: Duration) -> Result<Option<Lease>, CatalogError> {
        let mut tx = self.begin_as_node().await?;
        let now = self.now(&mut tx).await?;
        let taken = take(&mut tx, name, (self.shared.node.as_str(), self.shared.epoch), now, for_).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Gives the lease back, so that another may take it at once. One that is lost already is fine.
    pub async fn release(&self, lease: &Lease) -> Result<(), CatalogError> {
        let mut tx = self.shared.database.begin().await?;
        let sql = "update lease set expires_at = 0 where name = $1 and owner = $2 and owner_epoch = $3 and epoch = $4";
        tx.run(sql, &self.holder(lease)).await?;
        tx.commit().await
    }

    /// Fails if the lease is lost, and keeps it from being so until the transaction ends.
    pub(super) async fn expect_held(&self, tx: &mut Tx, lease: &Lease) -> Result<(), CatalogError> {
        let now = self.now(tx).await?;
        let sql = "update lease set expires_at = expires_at
                   where name = $1 and owner = $2 and owner_epoch = $3 and epoch = $4 and expires_at > $5";
        let [name, owner, owner_epoch, epoch] = self.holder(lease);
        match tx.run(sql, &[name, owner, owner_epoch, epoch, Param::Int(now.0)]).await? {
            1 => Ok(()),
            _ => Err(CatalogError::LeaseLost { name: lease.name.clone() }),
        }
    }

    fn holder<'a>(&'a self, lease: &'a Lease) -> [Param<'a>; 4] {
        [
            Param::Text(&lease.name),
            Param::Text(self.shared.node.as_str()),
            Param::Int(self.shared.epoch),
            Param::Int(lease.epoch.cast_signed()),
        ]
    }
}

/// Takes or renews a lease for `owner`, by its name and the number of its run.
pub(super) async fn take(
    tx: &mut Tx,
    name: &str,
    (owner, run): (&str, i64),
    now: TimestampMs,
    for_: Duration,
) -> Result<Option<Lease>, CatalogError> {
    let expires_at = now.plus_ms(i64::try_from(for_.as_millis()).unwrap_or(i64::MAX));
    let taken = tx
        .rows(
            "insert into lease (name, owner, owner_epoch, epoch, expires_at) values ($1, $2, $3, 1, $4)
             on conflict (name) do update set
                 owner = excluded.owner, owner_epoch = excluded.owner_epoch, expires_at = excluded.expires_at,
                 epoch = lease.epoch + case
                     when lease.owner = excluded.owner and lease.owner_epoch = excluded.owner_epoch and lease.expires_at > $5
                     then 0 else 1 end
             where lease.expires_at <= $5
                 or (lease.owner = excluded.owner and lease.owner_epoch = excluded.owner_epoch)
             returning epoch",
            &[Param::Text(name), Param::Text(owner), Param::Int(run), Param::Int(expires_at.0), Param::Int(now.0)],
        )
        .await?;
    let Some(row) = taken.first() else { return Ok(None) };
    Ok(Some(Lease { name: name.to_owned(), epoch: row.int(0)?.cast_unsigned(), expires_at }))
}
