//! What alarms keep in the store: their history, which is also the record from which actions follow.

use watchkeep_store::{Column, ColumnKind, Keep, Table, TableOwner};

use crate::limits::{DAY_MS, HISTORY};

/// An item of history a row. `uid` tells alarms that had one name one after the other apart, `transition` is the number of a change
/// of state among those of its alarm (0: none), and `detail` what carrying out its actions needs, or which action was carried out.
pub static ALARM_HISTORY: Table = Table {
    name: "alarm_history",
    id: 50,
    columns: &[
        Column::new("time", ColumnKind::I64),
        Column::new("account", ColumnKind::Text),
        Column::new("region", ColumnKind::Text),
        Column::new("alarm", ColumnKind::Text),
        Column::new("alarm_type", ColumnKind::Text),
        Column::new("item", ColumnKind::Text),
        Column::new("summary", ColumnKind::Text),
        Column::new("data", ColumnKind::Text),
        Column::nullable("contributor", ColumnKind::Text),
        Column::nullable("attributes", ColumnKind::Text),
        Column::new("uid", ColumnKind::U64),
        Column::new("transition", ColumnKind::U64),
        Column::nullable("detail", ColumnKind::Text),
    ],
    time: 0,
    sort: &[3, 0],
    retention_key: &[],
    text: None,
    bloom: &[3],
    window_ms: DAY_MS,
    labels: &[],
};

/// The columns of [`ALARM_HISTORY`], but for the time.
pub mod history {
    #![allow(missing_docs, reason = "named as the columns are")]
    pub const ACCOUNT: usize = 1;
    pub const REGION: usize = 2;
    pub const ALARM: usize = 3;
    pub const ALARM_TYPE: usize = 4;
    pub const ITEM: usize = 5;
    pub const SUMMARY: usize = 6;
    pub const DATA: usize = 7;
    pub const CONTRIBUTOR: usize = 8;
    pub const ATTRIBUTES: usize = 9;
    pub const UID: usize = 10;
    pub const TRANSITION: usize = 11;
    pub const DETAIL: usize = 12;
}

/// Says how long history is kept.
#[derive(Debug)]
pub(crate) struct HistoryOwner;

impl TableOwner for HistoryOwner {
    fn keep(&self, _: &[u64]) -> Keep {
        Keep::For(HISTORY)
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}
