//! The tables of audit records: the event history, and the events of event data stores.

use watchkeep_store::{Column, ColumnKind, Keep, Label, Table, TableOwner};

use crate::limits;

/// `time`: when the call was answered.
pub const TIME: usize = 0;
/// `account`: the account that the record belongs to.
pub const ACCOUNT: usize = 1;
/// `region`: the Region that the record belongs to, which for global services is us-east-1.
pub const REGION: usize = 2;
/// `category`: `Management` or `Data`.
pub const CATEGORY: usize = 3;
/// `event_id`: a UUID.
pub const EVENT_ID: usize = 4;
/// `event_name`: the operation.
pub const EVENT_NAME: usize = 5;
/// `event_source`: the service, as `logs.amazonaws.com`.
pub const EVENT_SOURCE: usize = 6;
/// `username`: who called, by the name that LookupEvents shows.
pub const USERNAME: usize = 7;
/// `access_key`: the access key that signed.
pub const ACCESS_KEY: usize = 8;
/// `read_only`: `true` or `false`.
pub const READ_ONLY: usize = 9;
/// `resources`: what the call was about, see [`crate::named`].
pub const RESOURCES: usize = 10;
/// `record`: the whole record, JSON.
pub const RECORD: usize = 11;

/// Audit records, in the order of time.
pub static AUDIT_EVENTS: Table = Table {
    name: "audit_events",
    id: 5,
    columns: &[
        Column::new("time", ColumnKind::I64),
        Column::new("account", ColumnKind::Text),
        Column::new("region", ColumnKind::Text),
        Column::new("category", ColumnKind::Text),
        Column::new("event_id", ColumnKind::Text),
        Column::new("event_name", ColumnKind::Text),
        Column::new("event_source", ColumnKind::Text),
        Column::nullable("username", ColumnKind::Text),
        Column::nullable("access_key", ColumnKind::Text),
        Column::new("read_only", ColumnKind::Text),
        Column::nullable("resources", ColumnKind::Text),
        Column::new("record", ColumnKind::Text),
    ],
    time: TIME,
    sort: &[TIME],
    retention_key: &[],
    text: Some(RESOURCES),
    bloom: &[EVENT_ID, EVENT_NAME, EVENT_SOURCE, USERNAME, ACCESS_KEY],
    window_ms: 24 * 3600 * 1000,
    labels: &[],
};

/// The columns of [`STORED_EVENTS`].
pub(crate) mod stored {
    /// The number of the event data store.
    pub(crate) const STORE: usize = 0;
    /// When the call was answered (`eventTime`, with its milliseconds).
    pub(crate) const TIME: usize = 1;
    /// The whole record, JSON.
    pub(crate) const RECORD: usize = 5;
}

/// The events of all event data stores, each with a row of its own in every store that collects it: so a store keeps its events as
/// long as it likes, under its own key, and goes as a whole.
pub static STORED_EVENTS: Table = Table {
    name: "event_data_store_events",
    id: 66,
    columns: &[
        Column::new("store_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("event_id", ColumnKind::Text),
        Column::new("event_name", ColumnKind::Text),
        Column::new("event_source", ColumnKind::Text),
        Column::new("record", ColumnKind::Text),
    ],
    time: stored::TIME,
    sort: &[stored::STORE, stored::TIME],
    retention_key: &[stored::STORE],
    text: Some(stored::RECORD),
    bloom: &[],
    window_ms: limits::DAY_MS,
    labels: &[
        Label { name: LABEL_ACCOUNT, of: stored::STORE },
        Label { name: LABEL_REGION, of: stored::STORE },
        Label { name: LABEL_STORE, of: stored::STORE },
    ],
};

pub(crate) const LABEL_ACCOUNT: &str = "account";
pub(crate) const LABEL_REGION: &str = "region";
pub(crate) const LABEL_STORE: &str = "event_data_store";

/// All tables of trails.
pub static TABLES: &[&Table] = &[&AUDIT_EVENTS, &STORED_EVENTS];

/// Says how long audit records live.
#[derive(Debug)]
pub struct EventHistory;

impl TableOwner for EventHistory {
    fn keep(&self, _key: &[u64]) -> Keep {
        Keep::For(limits::HISTORY)
    }

    fn label(&self, _label: &str, _id: u64) -> Option<String> {
        None
    }
}
