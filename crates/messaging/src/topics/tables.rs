//! The tables of what is to be delivered, and of what became of it.
//!
//! A message is one row, with the numbers of the subscriptions that get it: the outbox keeps both tables
//! ([`OutboxStore`](watchkeep_delivery::outbox::OutboxStore)).

use watchkeep_delivery::outbox::{HOUR, OutboxTables};
use watchkeep_store::{Column, ColumnKind, Table};

use super::limits::HOUR_MS;

pub(crate) use watchkeep_delivery::outbox::TIME;

/// How many low bits of a row's `seq` number it within its append.
pub(crate) const SEQ_ROW_BITS: u32 = watchkeep_store::SEQ_ROW_BITS;

/// The number of its topic.
pub(crate) const TOPIC: usize = 2;
/// The key that no other message of the topic may have for a while.
pub(crate) const KEY: usize = 3;
/// The numbers of the subscriptions that get it, eight bytes each, little-endian.
const TARGETS: usize = 4;
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

/// Both, for the outbox.
pub(crate) enum TopicTables {}

impl OutboxTables for TopicTables {
    const CONTENTS: &'static Table = &TOPIC_MESSAGES;
    const TARGETS: usize = TARGETS;
    const NOTES: &'static Table = &TOPIC_DELIVERIES;
    const WATERMARK: &'static str = "sns_watermark";
}
