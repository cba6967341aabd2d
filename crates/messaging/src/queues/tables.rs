//! What queues keep in the store. A message is a row; that it was received or deleted is another, a **mark**. Messages are numbered by
//! their rows' `seq`. Both kinds of row belong to a **chunk**, some neighbouring messages of one queue: once none of them is left the
//! chunk is dropped, which is a row in a third table, durable before the store may forget the chunk's rows.

use watchkeep_store::{Column, ColumnKind, Label, Table};

/// How many low bits of a row's `seq` number it within its append.
pub(crate) const SEQ_ROW_BITS: u32 = watchkeep_store::SEQ_ROW_BITS;

/// The number of the chunk, in messages and marks.
pub(crate) const CHUNK: usize = 0;
/// The number of the queue, in messages and marks.
pub(crate) const QUEUE: usize = 1;
/// When the row was written.
pub(crate) const TIME: usize = 2;

/// When the message was sent.
pub(crate) const SENT: usize = 3;
/// Until when it is delayed; 0 if it is not.
pub(crate) const DELAYED: usize = 4;
/// The upper half of the message's id.
pub(crate) const ID_HIGH: usize = 5;
/// The lower half of the message's id.
pub(crate) const ID_LOW: usize = 6;
/// Who sent it: `SenderId`.
pub(crate) const SENDER: usize = 7;
/// The message group.
pub(crate) const GROUP: usize = 8;
/// The deduplication id.
pub(crate) const DEDUPLICATION: usize = 9;
/// How often it was received from the queues that it was in before.
pub(crate) const EARLIER: usize = 10;
/// When it was received there first; 0 if it was not.
pub(crate) const FIRST_RECEIVED: usize = 11;
/// The ARN of the queue that it was moved from, into a dead-letter queue.
pub(crate) const SOURCE: usize = 12;
/// X-Ray's trace header.
pub(crate) const TRACE: usize = 13;
/// The attributes, JSON.
pub(crate) const ATTRIBUTES: usize = 15;
/// The body.
pub(crate) const BODY: usize = 16;
/// The number of the data key that body, attributes and trace header are encrypted under; their columns are then empty.
pub(crate) const DATA_KEY: usize = 17;
/// Body, attributes and trace header, encrypted.
pub(crate) const SEALED: usize = 18;

/// The messages of all queues; times are milliseconds since the epoch.
pub static QUEUE_MESSAGES: Table = Table {
    name: "queue_messages",
    id: 30,
    columns: &[
        Column::new("chunk_id", ColumnKind::U64),
        Column::new("queue_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("sent", ColumnKind::I64),
        Column::new("delayed_until", ColumnKind::I64),
        Column::new("id_high", ColumnKind::U64),
        Column::new("id_low", ColumnKind::U64),
        Column::new("sender", ColumnKind::Text),
        Column::nullable("message_group", ColumnKind::Text),
        Column::nullable("deduplication", ColumnKind::Text),
        Column::new("earlier_receives", ColumnKind::U64),
        Column::new("first_received", ColumnKind::I64),
        Column::nullable("source", ColumnKind::Text),
        Column::nullable("trace", ColumnKind::Text),
        // Of body and attributes: for readers of the open files.
        Column::new("bytes", ColumnKind::U64),
        Column::nullable("attributes", ColumnKind::Text),
        Column::new("body", ColumnKind::Text),
        Column::nullable("data_key", ColumnKind::U64),
        Column::nullable("sealed", ColumnKind::Bytes),
    ],
    time: TIME,
    sort: &[CHUNK, TIME],
    retention_key: &[CHUNK],
    text: None,
    bloom: &[],
    window_ms: DAY_MS,
    labels: &[
        Label { name: LABEL_ACCOUNT, of: QUEUE },
        Label { name: LABEL_REGION, of: QUEUE },
        Label { name: LABEL_QUEUE, of: QUEUE },
    ],
};

/// The message that a mark is of.
pub(crate) const MESSAGE: usize = 3;
/// What the mark says; see [`MarkKind`](super::marks::MarkKind).
pub(crate) const KIND: usize = 4;
/// How often the message was received from this queue.
pub(crate) const RECEIVES: usize = 5;
/// When it was received first.
pub(crate) const MARK_FIRST_RECEIVED: usize = 6;
/// Until when it is invisible.
pub(crate) const UNTIL: usize = 7;

/// What became of messages.
pub static QUEUE_MARKS: Table = Table {
    name: "queue_marks",
    id: 31,
    columns: &[
        Column::new("chunk_id", ColumnKind::U64),
        Column::new("queue_id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("message", ColumnKind::U64),
        Column::new("kind", ColumnKind::U64),
        Column::new("receives", ColumnKind::U64),
        Column::new("first_received", ColumnKind::I64),
        Column::new("invisible_until", ColumnKind::I64),
    ],
    time: TIME,
    sort: &[CHUNK, TIME],
    retention_key: &[CHUNK],
    text: None,
    bloom: &[],
    window_ms: DAY_MS,
    labels: &[],
};

/// The chunk that was dropped.
pub(crate) const DROPPED_CHUNK: usize = 0;

/// The chunks that were dropped.
pub static QUEUE_DROPS: Table = Table {
    name: "queue_drops",
    id: 32,
    columns: &[Column::new("chunk_id", ColumnKind::U64), Column::new("time", ColumnKind::I64)],
    time: 1,
    sort: &[1],
    retention_key: &[],
    text: None,
    bloom: &[],
    window_ms: DAY_MS,
    labels: &[],
};

const DAY_MS: i64 = 86_400_000;

pub(crate) const LABEL_ACCOUNT: &str = "account";
pub(crate) const LABEL_REGION: &str = "region";
pub(crate) const LABEL_QUEUE: &str = "queue";
