//! What a query found.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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

/// The bytes of a pointer before they are written as text.
const POINTER_BYTES: usize = 32;

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [self.group, self.stream, self.time_ms.cast_unsigned(), self.seq];
        f.write_str(&URL_SAFE_NO_PAD.encode(parts.map(u64::to_be_bytes).as_flattened()))
    }
}

/// A text is no pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no pointer to an event")]
pub struct InvalidPointer;

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Pointer, InvalidPointer> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPointer)?;
        let bytes: &[u8; POINTER_BYTES] = bytes.as_slice().try_into().map_err(|_| InvalidPointer)?;
        let [group, stream, time_ms, seq] = bytes.as_chunks().0 else { return Err(InvalidPointer) };
        Ok(Pointer {
            group: u64::from_be_bytes(*group),
            stream: u64::from_be_bytes(*stream),
            time_ms: i64::from_be_bytes(*time_ms),
            seq: u64::from_be_bytes(*seq),
        })
    }
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
    /// Segments and blocks that were passed over because their key cannot be used now.
    pub locked: u64,
    /// Segments and blocks that were passed over because their key does not exist any more.
    pub lost: u64,
}

/// What a query found so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Partial {
    /// Rows that will most likely be in the answer; none before a query that aggregates is done.
    pub rows: Vec<Row>,
    /// What was read so far.
    pub statistics: Statistics,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_as_it_was_written() {
        let pointer = Pointer { group: 1, stream: u64::MAX, time_ms: -5, seq: 1 << 20 };
        assert_eq!(pointer.to_string(), "AAAAAAAAAAH____________________7AAAAAAAQAAA");
        assert_eq!(pointer.to_string().parse(), Ok(pointer));
        for bad in ["", "AAAA", "AAAAAAAAAAH____________________7AAAAAAAQAAAA", "!"] {
            assert_eq!(bad.parse::<Pointer>(), Err(InvalidPointer), "{bad}");
        }
    }
}
