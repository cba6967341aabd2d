//! What the traces service keeps in the store.

use std::time::Duration;

use watchkeep_store::{Column, ColumnKind, Keep, Table, TableOwner};

use crate::limits::KEEP_DAYS;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// One accepted document a row, subsegments that were sent on their own included. `time` is when it was received; `trace_high` and
/// `trace_low` are the halves of the trace's 128-bit id, so that sorting by them is sorting by the time in the id.
pub static TRACE_SEGMENTS: Table = Table {
    name: "trace_segments",
    id: 4,
    columns: &[
        Column::new("trace_high", ColumnKind::U64),
        Column::new("trace_low", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("account", ColumnKind::Text),
        Column::new("region", ColumnKind::Text),
        Column::new("segment", ColumnKind::U64),
        Column::nullable("parent", ColumnKind::U64),
        Column::new("name", ColumnKind::Text),
        Column::new("start_ms", ColumnKind::I64),
        Column::nullable("end_ms", ColumnKind::I64),
        Column::new("document", ColumnKind::Text),
    ],
    time: 2,
    sort: &[0, 1, 2],
    retention_key: &[],
    text: Some(10),
    bloom: &[1],
    window_ms: DAY_MS,
    labels: &[],
};

/// The columns of [`TRACE_SEGMENTS`] that are read.
pub mod columns {
    #![allow(missing_docs, reason = "named as the columns are")]
    pub const TRACE_HIGH: usize = 0;
    pub const TRACE_LOW: usize = 1;
    pub const ACCOUNT: usize = 3;
    pub const REGION: usize = 4;
    pub const DOCUMENT: usize = 10;
}

/// Says how long documents are kept.
pub(crate) struct SegmentsOwner;

impl TableOwner for SegmentsOwner {
    fn keep(&self, _: &[u64]) -> Keep {
        Keep::For(Duration::from_secs(KEEP_DAYS * 24 * 3600))
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}
