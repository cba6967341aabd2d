//! What a query found.

use std::fmt;
use std::str::FromStr;
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

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pointer { group, stream, time_ms, seq } = self;
        write!(f, "{group:x}-{stream:x}-{:x}-{seq:x}", time_ms.cast_unsigned())
    }
}

/// A text is no pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no pointer to an event")]
pub struct InvalidPointer;

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Pointer, InvalidPointer> {
        let numbers = text.split('-').map(|part| match part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => u64::from_str_radix(part, 16).map_err(|_| InvalidPointer),
            false => Err(InvalidPointer),
        });
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
        match numbers.as_slice() {
            &[group, stream, time_ms, seq] => Ok(Pointer { group, stream, time_ms: time_ms.cast_signed(), seq }),
            _ => Err(InvalidPointer),
        }
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
        assert_eq!(pointer.to_string(), "1-ffffffffffffffff-fffffffffffffffb-100000");
        assert_eq!(pointer.to_string().parse(), Ok(pointer));
        for bad in ["", "1-2-3", "1-2-3-4-5", "1-2-3-x", "+1-2-3-4", "1-2-3-10000000000000000"] {
            assert_eq!(bad.parse::<Pointer>(), Err(InvalidPointer), "{bad}");
        }
    }
}
