//! The tables of what is to be delivered, and of what became of it.
//!
//! A message is one row, with the numbers of the subscriptions that get it. A subscription that got it, or never will, is noted in
//! the other table, as is when it is tried next. Rows of both have the time of the message, so that they lie in the same windows, and
//! its hour, by which they go when all is settled.

use watchkeep_store::{Column, ColumnKind, Table};

use super::limits::HOUR_MS;

/// How many low bits of a row's `seq` number it within its append.
pub(crate) const SEQ_ROW_BITS: u32 = watchkeep_store::SEQ_ROW_BITS;

/// The hour of the message's time, counted from the epoch.
pub(crate) const HOUR: usize = 0;
/// When the message was published.
pub(crate) const TIME: usize = 1;
/// The number of its topic.
pub(crate) const TOPIC: usize = 2;
/// The key that no other message of the topic may have for a while.
pub(crate) const KEY: usize = 3;
/// The numbers of the subscriptions that get it, eight bytes each, little-endian.
pub(crate) const TARGETS: usize = 4;
/// Its id.
pub(crate) const MESSAGE_ID: usize = 5;
/// The message, as JSON; of one that is encrypted only what is in clear.
pub(crate) const MESSAGE: usize = 6;
/// The number of the data key that it is encrypted under.
pub(crate) const DATA_KEY: usize = 7;
/// The message, as JSON, encrypted.
pub(crate) const SEALED: usize = 8;

/// Messages.
pub static TOPIC_MESSAGES: Table = Table {
    name: "topic_messages",
    id: 40,
    columns: &[
        Column::new("hour", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("topic_id", ColumnKind::U64),
        Column::nullable("key", ColumnKind::Text),
        Column::new("targets", ColumnKind::Bytes),
        Column::new("message_id", ColumnKind::Text),
        Column::new("message", ColumnKind::Text),
        Column::nullable("data_key", ColumnKind::U64),
        Column::nullable("sealed", ColumnKind::Bytes),
    ],
    time: TIME,
    sort: &[HOUR, TIME],
    retention_key: &[HOUR],
    text: None,
    bloom: &[],
    window_ms: HOUR_MS,
    labels: &[],
};

/// The `seq` of the message.
pub(crate) const NOTE_MESSAGE: usize = 2;
/// The number of the subscription.
pub(crate) const NOTE_SUBSCRIPTION: usize = 3;
/// What became of it: [`SETTLED`] or another.
pub(crate) const NOTE_STATE: usize = 4;
/// How many tries have failed.
pub(crate) const NOTE_FAILED: usize = 5;
/// When it is tried next.
pub(crate) const NOTE_DUE: usize = 6;

/// It is settled.
pub(crate) const SETTLED: u64 = 0;
/// It is to be delivered.
pub(crate) const DELIVERING: u64 = 1;
/// It is to go to the dead-letter queue.
pub(crate) const DEAD_LETTERING: u64 = 2;

/// What became of messages.
pub static TOPIC_DELIVERIES: Table = Table {
    name: "topic_deliveries",
    id: 41,
    columns: &[
        Column::new("hour", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("message_seq", ColumnKind::U64),
        Column::new("subscription_id", ColumnKind::U64),
        Column::new("state", ColumnKind::U64),
        Column::new("failed", ColumnKind::U64),
        Column::new("due", ColumnKind::I64),
    ],
    time: TIME,
    sort: &[HOUR, TIME],
    retention_key: &[HOUR],
    text: None,
    bloom: &[],
    window_ms: HOUR_MS,
    labels: &[],
};

/// The hour that a time lies in.
pub(crate) fn hour(time_ms: i64) -> u64 {
    time_ms.div_euclid(HOUR_MS).max(0).unsigned_abs()
}
