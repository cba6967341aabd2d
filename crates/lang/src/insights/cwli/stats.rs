//! `stats count(*) as n by level`.

use super::Parser;
use crate::insights::error::QueryError;
use crate::insights::plan::Span;

pub(super) fn stats(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let stats = parser.stats()?;
    parser.builder.add_stats(stats, span)
}
