//! What can go wrong with a query, by what the caller can do about it.

use std::time::Duration;

use watchkeep_store::StoreError;

/// Why a query gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The query is not well formed, or asks for what there is not. The text is for its author.
    #[error("{message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
        /// The characters of the query that are meant, from 0; the end is not included.
        location: Option<(usize, usize)>,
    },
    /// It was cancelled.
    #[error("the query was cancelled")]
    Cancelled,
    /// It ran as long as a query may.
    #[error("the query ran longer than {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// It needs more memory than a query may have.
    #[error(
        "the query needs more than the {limit_bytes} bytes of memory that a query may hold; narrow the time, the filter or the groups"
    )]
    Memory {
        /// The most that it may hold.
        limit_bytes: usize,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the program broke its own rules.
    #[error("the query could not be carried out: {0}")]
    Failed(String),
}

impl QueryError {
    /// The query is not well formed.
    pub(crate) fn malformed(message: impl Into<String>) -> QueryError {
        QueryError::Malformed { message: message.into(), location: None }
    }
}
