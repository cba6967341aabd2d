//! The segments as a DuckLake catalog, for DuckDB and others to read. `migrations/0002_ducklake.sql` has the views.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::error::CatalogError;
use super::sql::{Param, Tx};
use super::{Catalog, SegmentRow};

/// The type of a column, for DuckDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuckType {
    /// UBIGINT.
    U64,
    /// BIGINT.
    I64,
    /// DOUBLE.
    F64,
    /// VARCHAR.
    Text,
    /// BLOB.
    Bytes,
}

impl DuckType {
    /// DuckLake's word for it.
    fn name(self) -> &'static str {
        match self {
            DuckType::U64 => "uint64",
            DuckType::I64 => "int64",
            DuckType::F64 => "float64",
            DuckType::Text => "varchar",
            DuckType::Bytes => "blob",
        }
    }
}

/// What is known of one column of one segment: by it DuckDB skips files. What is not known for sure must be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ColumnStats {
    /// The column's name.
    pub name: String,
    /// How many of its values are null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<u64>,
    /// The least value that is not null: numbers in decimal, text as it is and never shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The greatest value that is not null, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

impl Catalog {
    /// Shows the segments of a table as a DuckLake table of these columns: see [`Catalog::register_tables`].
    pub async fn register_table(&self, name: &str, columns: &[(String, DuckType)]) -> Result<(), CatalogError> {
        self.register_tables(&[(name, columns.to_vec())]).await
    }

    /// Shows the segments of each table as a DuckLake table of these columns, found in the files by their names; other columns of
    /// the files stay hidden. Columns that were shown before and are not named any more, or have another type now, vanish. All in
    /// one transaction: a first start does not wait for one sync a table.
    pub async fn register_tables(&self, tables: &[(&str, Vec<(String, DuckType)>)]) -> Result<(), CatalogError> {
        let mut tx = self.begin_as_node().await?;
        let mut has_changed = false;
        for (name, columns) in tables {
            has_changed |= self.register(&mut tx, name, columns).await?;
        }
        if has_changed { tx.commit().await } else { Ok(()) }
    }

    /// Whether that changed anything.
    async fn register(&self, tx: &mut Tx, name: &str, columns: &[(String, DuckType)]) -> Result<bool, CatalogError> {
        let known = tx.rows("select id from lake_table where name = $1", &[Param::Text(name)]).await?;
        let known = known.first().map(|row| row.int(0)).transpose()?;
        let shown = match known {
            Some(table) => shown_columns(tx, table).await?,
            None => Vec::new(),
        };
        let unchanged = |(column, (name, kind)): (&LakeColumn, &(String, DuckType))| {
            column.name == *name && column.kind == kind.name()
        };
        if known.is_some() && shown.len() == columns.len() && shown.iter().zip(columns).all(unchanged) {
            return Ok(false);
        }
        let schema =
            tx.number("update counter set value = value + 1 where name = 'lake_schema' returning value", &[]).await?;
        let (snapshot, _) = self.next_snapshot(tx).await?;
        let table = match known {
            Some(table) => table,
            None => add_table(tx, name, snapshot, schema).await?,
        };
        change_columns(tx, table, shown, columns, snapshot).await?;
        Ok(true)
    }

    /// Says where the segments' paths begin, as `/var/lib/watchkeep/` or `s3://bucket/prefix/`, for readers who are not told
    /// otherwise.
    pub async fn set_data_path(&self, root: &str) -> Result<(), CatalogError> {
        let mut tx = self.begin_as_node().await?;
        tx.run("update lake_option set value = $1 where name = 'data_path'", &[Param::Text(root)]).await?;
        tx.commit().await
    }

    /// Adds the column statistics of new segments, as far as their columns are shown.
    pub(super) async fn add_column_stats(&self, tx: &mut Tx, segments: &[SegmentRow]) -> Result<(), CatalogError> {
        let mut tables: HashMap<&str, Option<(i64, Vec<LakeColumn>)>> = HashMap::new();
        for segment in segments {
            let bad = |e: serde_json::Error| CatalogError::ColumnStats { id: segment.id, message: e.to_string() };
            let stats: Vec<ColumnStats> = serde_json::from_str(&segment.columns).map_err(bad)?;
            if !tables.contains_key(segment.table.as_str()) {
                let known =
                    tx.rows("select id from lake_table where name = $1", &[Param::Text(&segment.table)]).await?;
                let table = match known.first() {
                    Some(row) => Some((row.int(0)?, shown_columns(tx, row.int(0)?).await?)),
                    None => None,
                };
                tables.insert(&segment.table, table);
            }
            let Some(Some((table, columns))) = tables.get(segment.table.as_str()) else { continue };
            for stats in stats {
                let Some(column) = columns.iter().find(|column| column.name == stats.name) else { continue };
                add_stats(tx, segment, *table, column.id, &stats).await?;
            }
        }
        Ok(())
    }
}

/// A column that DuckDB sees.
struct LakeColumn {
    id: i64,
    name: String,
    kind: String,
}

async fn shown_columns(tx: &mut Tx, table: i64) -> Result<Vec<LakeColumn>, CatalogError> {
    let sql = "select id, name, type from lake_column where table_id = $1 and end_snapshot is null order by position";
    let mut columns = Vec::new();
    for mut row in tx.rows(sql, &[Param::Int(table)]).await? {
        columns.push(LakeColumn { id: row.int(0)?, name: row.text(1)?, kind: row.text(2)? });
    }
    Ok(columns)
}

async fn add_table(tx: &mut Tx, name: &str, snapshot: i64, schema: i64) -> Result<i64, CatalogError> {
    let id = tx.number("select coalesce(max(id), 0) + 1 from lake_table", &[]).await?;
    // DuckLake wants a UUID that stays; one made of the table's number does.
    let uuid = format!("00000000-0000-4000-8000-{id:012x}");
    let sql = "insert into lake_table (id, name, uuid, begin_snapshot, schema_version) values ($1, $2, $3, $4, $5)";
    let values = [Param::Int(id), Param::Text(name), Param::Text(&uuid), Param::Int(snapshot), Param::Int(schema)];
    tx.run(sql, &values).await?;
    Ok(id)
}

async fn change_columns(
    tx: &mut Tx,
    table: i64,
    mut shown: Vec<LakeColumn>,
    columns: &[(String, DuckType)],
    snapshot: i64,
) -> Result<(), CatalogError> {
    let mut next =
        tx.number("select coalesce(max(id), 0) + 1 from lake_column where table_id = $1", &[Param::Int(table)]).await?;
    for ((name, kind), position) in columns.iter().zip(1..) {
        let kept = shown.iter().position(|column| column.name == *name && column.kind == kind.name());
        match kept.map(|index| shown.swap_remove(index)) {
            Some(column) => {
                let sql = "update lake_column set position = $1 where table_id = $2 and id = $3";
                tx.run(sql, &[Param::Int(position), Param::Int(table), Param::Int(column.id)]).await?;
            }
            None => {
                let sql = "insert into lake_column (table_id, id, position, name, type, begin_snapshot)
                           values ($1, $2, $3, $4, $5, $6)";
                let (id, name, kind) = (Param::Int(next), Param::Text(name), Param::Text(kind.name()));
                tx.run(sql, &[Param::Int(table), id, Param::Int(position), name, kind, Param::Int(snapshot)]).await?;
                next += 1;
            }
        }
    }
    for gone in shown {
        let sql = "update lake_column set end_snapshot = $1 where table_id = $2 and id = $3";
        tx.run(sql, &[Param::Int(snapshot), Param::Int(table), Param::Int(gone.id)]).await?;
    }
    Ok(())
}

async fn add_stats(
    tx: &mut Tx,
    segment: &SegmentRow,
    table: i64,
    column: i64,
    stats: &ColumnStats,
) -> Result<(), CatalogError> {
    let sql =
        "insert into segment_column (segment_id, table_id, column_id, value_count, null_count, min_value, max_value)
               values ($1, $2, $3, $4, $5, $6, $7)";
    // PostgreSQL's text holds no NUL, and statistics may be left out.
    let min = stats.min.as_deref().filter(|text| !text.contains('\0'));
    let max = stats.max.as_deref().filter(|text| !text.contains('\0'));
    let values = [
        Param::Int(segment.id.cast_signed()),
        Param::Int(table),
        Param::Int(column),
        Param::Int(segment.rows.cast_signed()),
        Param::OptInt(stats.nulls.map(u64::cast_signed)),
        Param::OptText(min),
        Param::OptText(max),
    ];
    tx.run(sql, &values).await.map(drop)
}
