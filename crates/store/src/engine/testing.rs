//! A table and a store for the engine's own tests.

use crate::table::{Column, ColumnKind, Label, Table};

/// Events of groups and streams, as the log service keeps them.
pub(super) static EVENTS: Table = Table {
    name: "events",
    id: 1,
    columns: &[
        Column::new("group_id", ColumnKind::U64),
        Column::new("stream_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("message", ColumnKind::Bytes),
    ],
    time: 2,
    sort: &[0, 1, 2],
    retention_key: &[0, 1],
    text: Some(3),
    bloom: &[],
    window_ms: 3_600_000,
    labels: &[Label { name: "group", of: 0 }],
};
