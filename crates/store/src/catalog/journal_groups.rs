//! The journal of a cluster, as rows of the catalog: durable as the database is, and there for whoever works next.

use bytes::Bytes;

use super::Catalog;
use super::error::CatalogError;
use super::limits;
use super::sql::{Param, Row};
use crate::journal::Lsn;

/// Frames that were committed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JournalGroup {
    /// The number of the first.
    pub(crate) first: Lsn,
    /// The number after the last.
    pub(crate) next: Lsn,
    /// The frames as in a file of the journal, one after the other.
    pub(crate) frames: Bytes,
}

impl Catalog {
    /// Adds frames to the journal, unless the node was opened elsewhere ([`CatalogError::Fenced`]): then nothing is added any
    /// more, and whoever opened it has read all that was (C-2). To add the same again is fine, for one who does not know whether
    /// it was added.
    pub(crate) async fn append_journal(&self, group: &JournalGroup) -> Result<(), CatalogError> {
        let mut tx = self.shared.database.begin().await?;
        self.begin_work(&mut tx).await?;
        let (node, epoch) = (Param::Text(self.shared.node.as_str()), Param::Int(self.shared.epoch));
        let (first, next) = (Param::Int(group.first.0.cast_signed()), Param::Int(group.next.0.cast_signed()));
        let sql = "insert into journal_group (node, first_lsn, next_lsn, frames)
                   select name, cast($3 as bigint), cast($4 as bigint), $5 from node where name = $1 and epoch = $2
                   on conflict (node, first_lsn) do nothing";
        if tx.run(sql, &[node, epoch, first, next, Param::Bytes(&group.frames)]).await? == 0 {
            self.expect_current(&mut tx).await?;
        }
        tx.commit().await
    }

    /// Some groups with frames from `from` on, in their order; none if there are no more.
    pub(crate) async fn journal_from(&self, from: Lsn) -> Result<Vec<JournalGroup>, CatalogError> {
        let sql = "select first_lsn, next_lsn, frames from journal_group where node = $1 and next_lsn > $2
                   order by first_lsn limit $3";
        let node = Param::Text(self.shared.node.as_str());
        let params = [node, Param::Int(from.0.cast_signed()), Param::Int(limits::JOURNAL_GROUPS_READ)];
        let group = |row: Row| {
            let lsn = |column| row.int(column).map(|lsn| Lsn(lsn.cast_unsigned()));
            Ok(JournalGroup { first: lsn(0)?, next: lsn(1)?, frames: row.bytes(2)?.into() })
        };
        self.shared.database.rows(sql, &params).await?.into_iter().map(group).collect()
    }

    /// Forgets the groups whose frames are all below `below`.
    pub(crate) async fn release_journal(&self, below: Lsn) -> Result<(), CatalogError> {
        let mut tx = self.shared.database.begin().await?;
        self.begin_work(&mut tx).await?;
        self.expect_current(&mut tx).await?;
        let sql = "delete from journal_group where node = $1 and next_lsn <= $2";
        tx.run(sql, &[Param::Text(self.shared.node.as_str()), Param::Int(below.0.cast_signed())]).await?;
        tx.commit().await
    }
}
