//! `stats count(*) as n by level`.

use super::Parser;
use crate::insights::error::QueryError;
use crate::insights::plan::Span;

pub(super) fn stats(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let aggregates = parser.all_named()?;
    let groups = if parser.cursor.eat_word("by")? { parser.all_named()? } else { Vec::new() };
    let stats = parser.builder.resolve_stats(&aggregates, &groups)?;
    parser.builder.add_stats(stats, span)
}
