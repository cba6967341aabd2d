//! Published segments and the journal's watermarks, which change together or not at all (C-1).

use std::collections::HashMap;

use watchkeep_core::TimestampMs;

use super::error::CatalogError;
use super::sql::{Param, Row, Tx};
use super::{Catalog, Lease};
use crate::journal::Lsn;

/// A published segment: one immutable file of rows of one table. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// From [`Catalog::next_id`]; below 2^31.
    pub id: u64,
    /// The table's name.
    pub table: String,
    /// 0 as sealed; higher ones come out of compaction.
    pub level: u8,
    /// Where its time window begins.
    pub window_start: i64,
    /// How long its time window is.
    pub window_ms: i64,
    /// The time of its oldest row.
    pub min_time: i64,
    /// The time of its newest row.
    pub max_time: i64,
    /// How many rows it has.
    pub rows: u64,
    /// The length of its file.
    pub bytes: u64,
    /// The bytes of its rows before they were encoded.
    pub raw_bytes: u64,
    /// The length of its Parquet footer, without the eight bytes after it.
    pub footer_bytes: u64,
    /// Where its file is, below the blob store's root.
    pub path: String,
    /// The least value of the first U64 column of its sort key; 0 if there is no such column.
    pub min_key: u64,
    /// The greatest value of that column; `u64::MAX` if there is no such column.
    pub max_key: u64,
    /// What readers of the open files know of its columns: a JSON list of [`super::ColumnStats`].
    pub columns: String,
    /// The number of the data key that its file is encrypted under.
    pub data_key: Option<u64>,
}

/// A change of what is published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publish {
    /// Segments that appear.
    pub add: Vec<SegmentRow>,
    /// Live segments that disappear.
    pub end: Vec<u64>,
    /// For each table named, the journal frame below which all its rows are now in published segments.
    pub watermarks: Vec<(u16, Lsn)>,
}

/// The number of a publish; numbers are in the order of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub u64);

impl Catalog {
    /// Makes the change in one transaction. Nothing of it happens if it fails, except that it is unknown after
    /// [`CatalogError::Database`].
    pub async fn publish(&self, publish: Publish) -> Result<TxId, CatalogError> {
        self.publish_if_held(publish, None).await
    }

    /// [`Catalog::publish`], unless the lease is lost ([`CatalogError::LeaseLost`]).
    pub async fn publish_under(&self, lease: &Lease, publish: Publish) -> Result<TxId, CatalogError> {
        self.publish_if_held(publish, Some(lease)).await
    }

    async fn publish_if_held(&self, publish: Publish, lease: Option<&Lease>) -> Result<TxId, CatalogError> {
        let mut tx = self.begin_as_node().await?;
        if let Some(lease) = lease {
            self.expect_held(&mut tx, lease).await?;
        }
        let (snapshot, now) = self.next_snapshot(&mut tx).await?;
        for segment in &publish.add {
            add_segment(&mut tx, segment, snapshot).await?;
        }
        self.add_column_stats(&mut tx, &publish.add).await?;
        for id in &publish.end {
            let sql = "update segment set end_snapshot = $1, ended_at = $2 where id = $3 and end_snapshot is null";
            match tx.run(sql, &[Param::Int(snapshot), Param::Int(now.0), Param::Int(id.cast_signed())]).await? {
                1 => {}
                _ => return Err(CatalogError::NotLive { id: *id }),
            }
        }
        for (table, lsn) in &publish.watermarks {
            self.move_watermark(&mut tx, *table, *lsn).await?;
        }
        tx.commit().await?;
        Ok(TxId(snapshot.cast_unsigned()))
    }

    /// All segments that are published and not ended, by table, window and id.
    pub async fn live_segments(&self) -> Result<Vec<SegmentRow>, CatalogError> {
        let sql =
            "select id, table_name, level, window_start, window_ms, min_time, max_time, row_count, bytes, raw_bytes,
                          footer_bytes, path, min_key, max_key, column_stats, data_key
                   from segment where end_snapshot is null order by table_name, window_start, id";
        self.shared.database.rows(sql, &[]).await?.into_iter().map(segment_row).collect()
    }

    /// The segments that were ended before `before`, whose files can go once no reader is that old.
    pub async fn ended_segments(&self, before: TimestampMs) -> Result<Vec<SegmentRow>, CatalogError> {
        let sql =
            "select id, table_name, level, window_start, window_ms, min_time, max_time, row_count, bytes, raw_bytes,
                          footer_bytes, path, min_key, max_key, column_stats, data_key
                   from segment where ended_at < $1 order by id";
        self.shared.database.rows(sql, &[Param::Int(before.0)]).await?.into_iter().map(segment_row).collect()
    }

    /// Forgets ended segments, and the snapshots that showed them. Live and unknown ones are left alone.
    pub async fn forget_segments(&self, ids: &[u64]) -> Result<(), CatalogError> {
        let mut tx = self.begin_as_node().await?;
        let mut shown_until = 0;
        for id in ids {
            // Their column statistics go with them.
            let sql = "delete from segment where id = $1 and end_snapshot is not null returning end_snapshot";
            if let Some(row) = tx.rows(sql, &[Param::Int(id.cast_signed())]).await?.first() {
                shown_until = shown_until.max(row.int(0)?);
            }
        }
        tx.run("delete from snapshot where id < $1", &[Param::Int(shown_until)]).await?;
        tx.commit().await
    }

    /// The watermark of each table, of this node's journal.
    pub async fn watermarks(&self) -> Result<HashMap<u16, Lsn>, CatalogError> {
        let sql = "select table_id, lsn from watermark where node = $1";
        let rows = self.shared.database.rows(sql, &[Param::Text(self.shared.node.as_str())]).await?;
        let pair = |row: Row| {
            let table = u16::try_from(row.int(0)?).map_err(|_| CatalogError::Damaged("a table's number".to_owned()))?;
            Ok((table, Lsn(row.int(1)?.cast_unsigned())))
        };
        rows.into_iter().map(pair).collect()
    }

    /// Takes the next snapshot's number. The counter's row is locked until the transaction ends: numbers are in commit order.
    pub(super) async fn next_snapshot(&self, tx: &mut Tx) -> Result<(i64, TimestampMs), CatalogError> {
        let snapshot =
            tx.number("update counter set value = value + 1 where name = 'snapshot' returning value", &[]).await?;
        let schema = tx.number("select value from counter where name = 'lake_schema'", &[]).await?;
        let now = self.now(tx).await?;
        let text = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default().to_string();
        let node = Param::Text(self.shared.node.as_str());
        let sql = "insert into snapshot (id, at, at_text, node, schema_version) values ($1, $2, $3, $4, $5)";
        tx.run(sql, &[Param::Int(snapshot), Param::Int(now.0), Param::Text(&text), node, Param::Int(schema)]).await?;
        Ok((snapshot, now))
    }

    async fn move_watermark(&self, tx: &mut Tx, table: u16, lsn: Lsn) -> Result<(), CatalogError> {
        let sql = "insert into watermark (node, table_id, lsn) values ($1, $2, $3)
                   on conflict (node, table_id) do update set lsn = excluded.lsn where excluded.lsn >= watermark.lsn";
        let node = Param::Text(self.shared.node.as_str());
        match tx.run(sql, &[node, Param::Int(table.into()), Param::Int(lsn.0.cast_signed())]).await? {
            1 => Ok(()),
            _ => Err(CatalogError::WatermarkBackwards { table, lsn: lsn.0 }),
        }
    }
}

async fn add_segment(tx: &mut Tx, segment: &SegmentRow, snapshot: i64) -> Result<(), CatalogError> {
    let number = |value: u64| Param::Int(value.cast_signed());
    let values = [
        number(segment.id),
        Param::Text(&segment.table),
        Param::Int(segment.level.into()),
        Param::Int(segment.window_start),
        Param::Int(segment.window_ms),
        Param::Int(segment.min_time),
        Param::Int(segment.max_time),
        number(segment.rows),
        number(segment.bytes),
        number(segment.raw_bytes),
        number(segment.footer_bytes),
        Param::Text(&segment.path),
        number(segment.min_key),
        number(segment.max_key),
        Param::Text(&segment.columns),
        Param::Int(snapshot),
        Param::OptInt(segment.data_key.map(u64::cast_signed)),
    ];
    let sql = "insert into segment (id, table_name, level, window_start, window_ms, min_time, max_time, row_count, bytes, raw_bytes,
                                    footer_bytes, path, min_key, max_key, column_stats, begin_snapshot, data_key)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    tx.run(sql, &values).await.map(drop)
}

fn segment_row(mut row: Row) -> Result<SegmentRow, CatalogError> {
    let level = u8::try_from(row.int(2)?).map_err(|_| CatalogError::Damaged("a segment's level".to_owned()))?;
    let number = |column| row.int(column).map(i64::cast_unsigned);
    let (id, rows, bytes, raw_bytes, footer_bytes) = (number(0)?, number(7)?, number(8)?, number(9)?, number(10)?);
    let (min_key, max_key, data_key) = (number(12)?, number(13)?, row.opt_int(15)?.map(i64::cast_unsigned));
    Ok(SegmentRow {
        id,
        level,
        window_start: row.int(3)?,
        window_ms: row.int(4)?,
        min_time: row.int(5)?,
        max_time: row.int(6)?,
        rows,
        bytes,
        raw_bytes,
        footer_bytes,
        min_key,
        max_key,
        table: row.text(1)?,
        path: row.text(11)?,
        columns: row.text(14)?,
        data_key,
    })
}
