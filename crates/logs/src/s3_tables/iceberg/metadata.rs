//! The metadata file of a table, and its columns.

use serde_json::{Value, json};
use watchkeep_store::{OpenColumn, OpenValues};

use crate::s3_tables::read::Row;
use crate::s3_tables::resources::{Snapshot, TableDocument};

/// The number of the column of events' times.
pub(super) const TIMESTAMP: i32 = 1;
const INGESTION_TIME: i32 = 2;
const MESSAGE: i32 = 3;
/// The number of the column of groups' names.
pub(super) const LOG_GROUP: i32 = 4;
const LOG_STREAM: i32 = 5;
const TRANSFORMED: i32 = 6;

/// The columns: number, name, type, and whether every row has a value.
const COLUMNS: &[(i32, &str, &str, bool)] = &[
    (TIMESTAMP, "timestamp", "timestamptz", true),
    (INGESTION_TIME, "ingestion_time", "timestamptz", true),
    (MESSAGE, "message", "string", false),
    (LOG_GROUP, "log_group", "string", false),
    (LOG_STREAM, "log_stream", "string", false),
    (TRANSFORMED, "transformed", "string", false),
];

/// The schema of all tables.
pub(super) fn schema() -> Value {
    let field = |(id, name, kind, required): &(i32, &str, &str, bool)| json!({"id": id, "name": name, "type": kind, "required": required});
    json!({
        "type": "struct",
        "schema-id": 0,
        "identifier-field-ids": [],
        "fields": COLUMNS.iter().map(field).collect::<Vec<_>>(),
    })
}

/// The columns of a file with these events of a group.
pub(crate) fn columns(group_name: &str, rows: Vec<Row>) -> Vec<OpenColumn> {
    let named = |field_id: i32, values| {
        let name = COLUMNS.iter().find(|column| column.0 == field_id).map_or("", |column| column.1);
        OpenColumn { name, field_id, values }
    };
    let times = |time: fn(&Row) -> i64| OpenValues::TimesMs(rows.iter().map(time).collect());
    let (timestamps, ingested) = (times(|row| row.time_ms), times(|row| row.ingested_ms));
    let groups = rows.iter().map(|_| Some(group_name.to_owned())).collect();
    let (mut messages, mut streams, mut transformed) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        messages.push(Some(row.message));
        streams.push(row.stream.map(|name| name.to_string()));
        transformed.push(row.transformed);
    }
    vec![
        named(TIMESTAMP, timestamps),
        named(INGESTION_TIME, ingested),
        named(MESSAGE, OpenValues::Texts(messages)),
        named(LOG_GROUP, OpenValues::Texts(groups)),
        named(LOG_STREAM, OpenValues::Texts(streams)),
        named(TRANSFORMED, OpenValues::Texts(transformed)),
    ]
}

/// The metadata of a table.
pub(crate) fn metadata(table: &TableDocument) -> Value {
    let snapshot = |snapshot: &Snapshot| {
        let mut described = json!({
            "snapshot-id": snapshot.id,
            "sequence-number": snapshot.sequence,
            "timestamp-ms": snapshot.time_ms,
            "manifest-list": table.location(&snapshot.list_key),
            "schema-id": 0,
            "summary": {
                "operation": snapshot.operation,
                "added-data-files": snapshot.added_files.to_string(),
                "deleted-data-files": snapshot.removed_files.to_string(),
                "added-records": snapshot.added_rows.to_string(),
                "deleted-records": snapshot.removed_rows.to_string(),
                "total-data-files": snapshot.total_files.to_string(),
                "total-records": snapshot.total_rows.to_string(),
            },
        });
        // A parent that has expired is not named: some readers look for it.
        let parent = snapshot.parent.filter(|parent| table.snapshots.iter().any(|other| other.id == *parent));
        if let (Some(parent), Some(described)) = (parent, described.as_object_mut()) {
            described.insert("parent-snapshot-id".to_owned(), json!(parent));
        }
        described
    };
    let current = table.snapshots.last();
    let log = |snapshot: &Snapshot| json!({"snapshot-id": snapshot.id, "timestamp-ms": snapshot.time_ms});
    let mut metadata = json!({
        "format-version": 2,
        "table-uuid": table.uuid,
        "location": table.location(&table.prefix),
        "last-sequence-number": table.sequence,
        "last-updated-ms": table.updated_ms,
        "last-column-id": COLUMNS.len(),
        "current-schema-id": 0,
        "schemas": [schema()],
        "default-spec-id": 0,
        "partition-specs": [{"spec-id": 0, "fields": []}],
        "last-partition-id": 999,
        "default-sort-order-id": 0,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": {"write.parquet.compression-codec": "zstd"},
        "current-snapshot-id": current.map_or(-1, |snapshot| snapshot.id),
        "snapshots": table.snapshots.iter().map(snapshot).collect::<Vec<_>>(),
        "snapshot-log": table.snapshots.iter().map(log).collect::<Vec<_>>(),
        "metadata-log": [],
        "refs": {},
    });
    if let Some(current) = current {
        metadata["refs"] = json!({"main": {"snapshot-id": current.id, "type": "branch"}});
    }
    metadata
}
