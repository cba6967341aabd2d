//! What a query found.

use std::sync::Arc;

/// The result of a query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// What was read for it.
    pub statistics: Statistics,
}

/// A row of a result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// Columns and their values as text, in the order of the query's columns. What is nothing in this row is left out.
    pub fields: Vec<(Arc<str>, String)>,
    /// The event that the row is, if it is one and the query shows events.
    pub pointer: Option<Pointer>,
}

/// Where an event is: what `@ptr` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer {
    /// The number of its group.
    pub group: u64,
    /// The number of its stream.
    pub stream: u64,
    /// Its time, in milliseconds since the epoch.
    pub time_ms: i64,
    /// Its place among all events.
    pub seq: u64,
}

/// What was read (`queryStatistics`).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Statistics {
    /// Events that passed the query's filters, before aggregation and limit.
    pub records_matched: f64,
    /// Events that were looked at: of the groups and times asked for, those that no index ruled out.
    pub records_scanned: f64,
    /// The bytes of their messages.
    pub bytes_scanned: f64,
    /// Groups that were read.
    pub groups_scanned: f64,
    /// Events that could not be read, because a file is damaged or a key cannot be used now, may be missing from the answer.
    pub is_incomplete: bool,
}

/// What a query found so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Partial {
    /// Rows that will most likely be in the answer; none before a query that aggregates is done.
    pub rows: Vec<Row>,
    /// What was read so far.
    pub statistics: Statistics,
}
