//! What a query is asked of.

use std::ops::Range;
use std::sync::Arc;

use watchkeep_core::{BoxFuture, TimestampMs};
use watchkeep_lang::insights::event::EventGroup;
use watchkeep_lang::insights::plan::{Plan, Source};
pub use watchkeep_lang::insights::run::LookupTable;
use watchkeep_store::Table;

use crate::answer::Pointer;
use crate::error::QueryError;

/// The table of events, and which of its columns are what.
#[derive(Debug, Clone, Copy)]
pub struct EventTable {
    /// The table; its time is the events' time.
    pub table: &'static Table,
    /// The number of the group, U64.
    pub group: usize,
    /// The number of the stream, U64.
    pub stream: usize,
    /// When an event was received, in milliseconds since the epoch, I64.
    pub ingested: usize,
    /// The bytes of its message, U64.
    pub bytes: usize,
    /// The message, Text: the table's text column.
    pub message: usize,
    /// The event as JSON that a transformer made, Text; absent or empty if there is none.
    pub transformed: Option<usize>,
    /// What is masked in the message, Bytes; absent or empty if nothing is.
    pub masks: Option<usize>,
    /// The entity that it came from, as JSON, Text; absent or empty if there is none.
    pub entity: Option<usize>,
}

/// A log group that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its number in the table.
    pub id: u64,
    /// Its name, account and Region, as its events show them.
    pub shown: EventGroup,
    /// Whether a transformer may have made others of its events: what is in a message then says nothing of the event's fields.
    pub may_be_transformed: bool,
    /// The fields that are indexed, for `filterIndex`, and from when on, in milliseconds since the epoch.
    pub indexed: Arc<[(String, i64)]>,
}

/// A query in Logs Insights QL or PPL.
#[derive(Debug, Clone)]
pub struct InsightsQuery {
    /// What it says.
    pub plan: Arc<Plan>,
    /// The groups that it reads: those of the request, or those that [`Plan::source`] names.
    pub groups: Vec<Group>,
    /// The times of the events, in milliseconds since the epoch; the end is not included.
    pub time: Range<i64>,
    /// When it was asked: `now()`.
    pub started: TimestampMs,
    /// At most how many rows the answer has.
    pub limit: usize,
    /// Whether `unmask` shows what is masked.
    pub masks: Masks,
}

/// Whether the caller may see what is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masks {
    /// It stays masked, whatever the query says.
    Stay,
    /// A query that says `unmask` sees it.
    MayBeLifted,
}

/// What only the owner of the events knows. Asked from many threads; the answers that are no futures come from memory.
pub trait Surroundings: Send + Sync {
    /// The name of a stream; `None` if it was deleted meanwhile.
    fn stream_name(&self, stream: u64) -> Option<Arc<str>>;

    /// The groups that a nested query names, as far as its author may read them.
    ///
    /// # Errors
    ///
    /// [`QueryError::Malformed`] if there is no such group, or it may not be read.
    fn groups(&self, source: &Source) -> Result<Vec<Group>, QueryError>;

    /// A lookup table.
    ///
    /// # Errors
    ///
    /// [`QueryError::Malformed`] if there is none of this name.
    fn lookup_table<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<LookupTable>, QueryError>>;

    /// The message of the event that is there, as it was before it was masked; `None` if it stays masked. The place's
    /// [`Pointer::seq`] need not be known.
    fn unmasked(&self, at: Pointer, message: &str, masks: &[u8]) -> Option<String>;
}
