//! The tables of what is to be delivered, and of what became of it.
//!
//! An event that some rule matches is one row, with the numbers of the targets that get it: the outbox keeps both tables
//! ([`OutboxStore`](watchkeep_delivery::outbox::OutboxStore)).

use watchkeep_delivery::outbox::{HOUR, OutboxTables};
use watchkeep_store::{Column, ColumnKind, Table};

use crate::limits::HOUR_MS;

pub(crate) use watchkeep_delivery::outbox::TIME;

/// How many low bits of a row's `seq` number it within its append.
pub(crate) const SEQ_ROW_BITS: u32 = watchkeep_store::SEQ_ROW_BITS;

// Account, Region and name of the bus follow, for who opens the files.
/// Its id.
pub(crate) const EVENT_ID: usize = 5;
/// The numbers of the targets that get it, eight bytes each, little-endian.
const TARGETS: usize = 6;
/// The number of the rule whose schedule made it.
pub(crate) const SCHEDULE: usize = 7;
/// The time that the schedule planned it for.
pub(crate) const PLANNED: usize = 8;
/// X-Ray's trace header.
pub(crate) const TRACE: usize = 9;
/// The numbers of the rules that sent it here from other buses, eight bytes each, little-endian.
pub(crate) const PATH: usize = 10;
/// What it crossed on its way here: [`CROSSED_ACCOUNT`] and [`CROSSED_REGION`], added.
pub(crate) const CROSSED: usize = 11;
/// The event, as JSON.
pub(crate) const EVENT: usize = 12;

/// It came from a bus of another account.
pub(crate) const CROSSED_ACCOUNT: u64 = 1;
/// It came from a bus of another Region.
pub(crate) const CROSSED_REGION: u64 = 2;

/// Events.
pub static BUS_EVENTS: Table = Table {
    name: "bus_events",
    id: 90,
    columns: &[
        Column::new("hour", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("account", ColumnKind::Text),
        Column::new("region", ColumnKind::Text),
        Column::new("bus", ColumnKind::Text),
        Column::new("event_id", ColumnKind::Text),
        Column::new("targets", ColumnKind::Bytes),
        Column::nullable("schedule_rule_id", ColumnKind::U64),
        Column::nullable("planned", ColumnKind::I64),
        Column::nullable("trace", ColumnKind::Text),
        Column::new("path", ColumnKind::Bytes),
        Column::new("crossed", ColumnKind::U64),
        Column::new("event", ColumnKind::Text),
    ],
    time: TIME,
    sort: &[HOUR, TIME],
    retention_key: &[HOUR],
    text: None,
    bloom: &[],
    window_ms: HOUR_MS,
    labels: &[],
};

/// Of one that was given up: the code of the last failure.
pub(crate) const NOTE_CODE: usize = 7;
/// Its text.
pub(crate) const NOTE_MESSAGE: usize = 8;
/// How many retries there were.
pub(crate) const NOTE_RETRIES: usize = 9;
/// What ran out, if anything did.
pub(crate) const NOTE_EXHAUSTED: usize = 10;

/// What became of events.
pub static EVENT_DELIVERIES: Table = Table {
    name: "event_deliveries",
    id: 91,
    columns: &[
        Column::new("hour", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::new("event_seq", ColumnKind::U64),
        Column::new("target_id", ColumnKind::U64),
        Column::new("state", ColumnKind::U64),
        Column::new("failed", ColumnKind::U64),
        Column::new("due", ColumnKind::I64),
        Column::nullable("error_code", ColumnKind::Text),
        Column::nullable("error_message", ColumnKind::Text),
        Column::nullable("retries", ColumnKind::U64),
        Column::nullable("exhausted", ColumnKind::Text),
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
pub(crate) enum EventTables {}

impl OutboxTables for EventTables {
    const CONTENTS: &'static Table = &BUS_EVENTS;
    const TARGETS: usize = TARGETS;
    const NOTES: &'static Table = &EVENT_DELIVERIES;
    const WATERMARK: &'static str = "event_watermark";
}
