//! The table of events.

use watchkeep_store::{Column, ColumnKind, Label, Table};

/// How many low bits of a row's `seq` number it within its append.
pub(crate) const SEQ_ROW_BITS: u32 = 20;

/// The number of the group.
pub(crate) const GROUP: usize = 0;
/// The number of the stream.
pub(crate) const STREAM: usize = 1;
/// The event's own time.
pub(crate) const TIME: usize = 2;
/// When the event was received.
pub(crate) const INGESTED: usize = 3;
/// The bytes of the message, so that usage is counted without reading messages.
pub(crate) const BYTES: usize = 4;
/// The message, byte for byte (S-3) but for what data protection masked.
pub(crate) const MESSAGE: usize = 5;
/// The event as its group's transformer made it, JSON; absent if it has none.
pub(crate) const TRANSFORMED: usize = 6;
/// What data protection masked of the message; absent if it is nothing.
pub(crate) const MASKS: usize = 7;
/// The entity that the event came from, JSON as PutLogEvents has it; absent if none was named.
pub(crate) const ENTITY: usize = 8;

/// The events of all log groups; times are milliseconds since the epoch.
pub static LOG_EVENTS: Table = Table {
    name: "log_events",
    id: 1,
    columns: &[
        Column::new("group_id", ColumnKind::U64),
        Column::new("stream_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("ingested", ColumnKind::I64),
        Column::new("bytes", ColumnKind::U64),
        Column::new("message", ColumnKind::Text),
        Column::nullable("transformed", ColumnKind::Text),
        Column::nullable("masks", ColumnKind::Bytes),
        Column::nullable("entity", ColumnKind::Text),
    ],
    time: TIME,
    sort: &[GROUP, STREAM, TIME],
    retention_key: &[GROUP, STREAM],
    text: Some(MESSAGE),
    bloom: &[],
    window_ms: crate::limits::DAY_MS,
    labels: &[
        Label { name: LABEL_ACCOUNT, of: GROUP },
        Label { name: LABEL_REGION, of: GROUP },
        Label { name: LABEL_GROUP, of: GROUP },
        Label { name: LABEL_STREAM, of: STREAM },
    ],
};

/// The columns of [`LOG_OBJECTS`] behind group, stream and time, which stand as in [`LOG_EVENTS`].
pub(crate) mod objects {
    /// The object's number, a random one.
    pub(crate) const NUMBER: usize = 3;
    /// Its text, but for what data protection masked.
    pub(crate) const TEXT: usize = 4;
    /// What data protection masked of it; absent if it is nothing.
    pub(crate) const MASKS: usize = 5;
}

/// What was cut off large events; times are those of the events, in milliseconds since the epoch.
pub static LOG_OBJECTS: Table = Table {
    name: "log_objects",
    id: 65,
    columns: &[
        Column::new("group_id", ColumnKind::U64),
        Column::new("stream_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("number", ColumnKind::U64),
        Column::new("text", ColumnKind::Text),
        Column::nullable("masks", ColumnKind::Bytes),
    ],
    time: TIME,
    sort: &[GROUP, STREAM, TIME],
    retention_key: &[GROUP, STREAM],
    text: None,
    bloom: &[],
    window_ms: crate::limits::DAY_MS,
    labels: &[],
};

/// The columns of [`LOG_FINDINGS`].
pub(crate) mod findings {
    /// Where the report goes: account, Region, kind and name.
    pub(crate) const DESTINATION: usize = 1;
    /// The name of the group where something was found.
    pub(crate) const LOG_GROUP: usize = 2;
    /// The report, JSON.
    pub(crate) const REPORT: usize = 3;
}

/// Findings of data protection on their way to buckets and delivery streams, a report an event.
pub static LOG_FINDINGS: Table = Table {
    name: "log_findings",
    id: 70,
    columns: &[
        Column::new("time", ColumnKind::I64),
        Column::new("destination", ColumnKind::Text),
        Column::new("log_group", ColumnKind::Text),
        Column::new("report", ColumnKind::Text),
    ],
    time: 0,
    sort: &[findings::DESTINATION, 0],
    retention_key: &[],
    text: None,
    bloom: &[],
    window_ms: crate::limits::DAY_MS,
    labels: &[],
};

/// The columns of [`VENDED_LOGS`].
pub(crate) mod vended {
    /// The number of the delivery.
    pub(crate) const DELIVERY: usize = 0;
    /// When the record was received.
    pub(crate) const TIME: usize = 1;
    /// When what it tells of happened.
    pub(crate) const AT: usize = 2;
    /// The record, a JSON object with all its fields.
    pub(crate) const RECORD: usize = 3;
}

/// Records of vended logs on their way, once for each delivery; times are milliseconds since the epoch.
pub static VENDED_LOGS: Table = Table {
    name: "vended_logs",
    id: 64,
    columns: &[
        Column::new("delivery", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("at", ColumnKind::I64),
        Column::new("record", ColumnKind::Text),
    ],
    time: vended::TIME,
    sort: &[vended::DELIVERY, vended::TIME],
    retention_key: &[vended::DELIVERY],
    text: None,
    bloom: &[],
    window_ms: crate::limits::DAY_MS,
    labels: &[],
};

pub(crate) const LABEL_ACCOUNT: &str = "account";
pub(crate) const LABEL_REGION: &str = "region";
pub(crate) const LABEL_GROUP: &str = "log_group";
pub(crate) const LABEL_STREAM: &str = "log_stream";

/// The number of the query.
pub(crate) const RESULT_QUERY: usize = 0;
/// When the query ended.
pub(crate) const RESULT_TIME: usize = 1;
/// Rows of its result, as a JSON array; in the order of their `seq` they are the whole.
pub(crate) const RESULT_ROWS: usize = 2;

/// The number of the alarm.
pub(crate) const ALARM_RESULT_ALARM: usize = 0;
/// When the run was due.
pub(crate) const ALARM_RESULT_TIME: usize = 1;
/// What it came to, JSON.
pub(crate) const ALARM_RESULT: usize = 2;

/// What runs of log alarms' queries came to, a run a row; times are milliseconds since the epoch.
pub static ALARM_QUERY_RESULTS: Table = Table {
    name: "alarm_query_results",
    id: 63,
    columns: &[
        Column::new("alarm_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("result", ColumnKind::Bytes),
    ],
    time: ALARM_RESULT_TIME,
    sort: &[ALARM_RESULT_ALARM, ALARM_RESULT_TIME],
    retention_key: &[ALARM_RESULT_ALARM],
    text: None,
    bloom: &[],
    window_ms: crate::limits::DAY_MS,
    labels: &[],
};

/// The results of queries; times are milliseconds since the epoch.
pub static QUERY_RESULTS: Table = Table {
    name: "query_results",
    id: 62,
    columns: &[
        Column::new("query_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("rows", ColumnKind::Bytes),
    ],
    time: RESULT_TIME,
    sort: &[RESULT_QUERY, RESULT_TIME],
    retention_key: &[RESULT_QUERY],
    text: None,
    bloom: &[],
    window_ms: crate::limits::DAY_MS,
    labels: &[],
};
