//! Why a query is not one (`MalformedQueryException`).

use super::plan::Span;

/// What is wrong with a query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// Where, in characters from 0 (`queryCompileError.location`).
    pub span: Span,
    /// What is wrong.
    pub message: String,
}

impl QueryError {
    pub(super) fn new(span: Span, message: impl Into<String>) -> QueryError {
        QueryError { span, message: message.into() }
    }
}
