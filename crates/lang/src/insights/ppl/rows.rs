//! Commands that keep, order and cut rows.

use super::Parser;
use crate::insights::error::QueryError;
use crate::insights::parser::Walk;
use crate::insights::plan::{Dedup, SortKey, Span, Step};

/// How many rows `head` keeps, if it does not say.
const HEAD_ROWS: usize = 10;

/// `sort - a, + b, c desc`.
pub(super) fn sort(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let keys = parser.list(sort_key)?;
    parser.builder.step(Step::Sort(keys), span)
}

/// `- a`, `+ a`, `a desc`.
pub(super) fn sort_key(parser: &mut Parser<'_>) -> Result<SortKey, QueryError> {
    let minus = parser.cursor.eat_symbol("-")?;
    if !minus {
        parser.cursor.eat_symbol("+")?;
    }
    let key = parser.sort_key()?;
    Ok(SortKey { descending: minus || key.descending, ..key })
}

/// `head`, `head 5`, `head 5 from 10`.
pub(super) fn head(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let rows = parser.cursor.integer_or(HEAD_ROWS)?;
    let skip = if parser.cursor.eat_word("from")? { parser.cursor.integer()? } else { 0 };
    parser.builder.step(Step::Limit { skip, rows }, span)
}

/// `dedup 2 a, b keepempty=true consecutive=true`.
pub(super) fn dedup(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let number_span = parser.cursor.span();
    let allowed = parser.cursor.integer_or(1)?;
    if allowed == 0 {
        return Err(QueryError::new(number_span, "dedup keeps one row or more"));
    }
    let keys = parser.list(|parser| {
        let (name, name_span) = parser.cursor.name()?;
        parser.builder.resolve_name(&name, name_span)
    })?;
    let (mut keeps_null, mut consecutive) = (false, false);
    loop {
        let option = if parser.cursor.eat_word("keepempty")? {
            &mut keeps_null
        } else if parser.cursor.eat_word("consecutive")? {
            &mut consecutive
        } else {
            break;
        };
        parser.cursor.symbol("=")?;
        *option = parser.cursor.truth()?;
    }
    parser.builder.step(Step::Dedup(Dedup { keys, allowed, keeps_null, consecutive }), span)
}
