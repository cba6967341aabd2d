//! Commands that keep, order and cut rows.

use super::Parser;
use crate::insights::error::QueryError;
use crate::insights::lexer::Kind;
use crate::insights::plan::{Dedup, SortKey, Span, Step};

/// How many rows `head` keeps, if it does not say.
const HEAD_ROWS: usize = 10;

/// `where a = 1`.
pub(super) fn filter(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let node = parser.node()?;
    let condition = parser.builder.resolve_condition(&node)?;
    parser.builder.step(Step::Filter(condition), span)
}

/// `sort - a, + b, c desc`.
pub(super) fn sort(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let keys = keys(parser)?;
    parser.builder.step(Step::Sort(keys), span)
}

pub(super) fn keys(parser: &mut Parser<'_>) -> Result<Vec<SortKey>, QueryError> {
    let mut keys = Vec::new();
    loop {
        let minus = parser.cursor.eat_symbol("-")?;
        if !minus {
            parser.cursor.eat_symbol("+")?;
        }
        let node = parser.node()?;
        let descending = parser.cursor.eat_word("desc")?;
        if !descending {
            parser.cursor.eat_word("asc")?;
        }
        keys.push(SortKey { value: parser.builder.resolve(&node)?, descending: minus || descending });
        if !parser.cursor.eat_symbol(",")? {
            return Ok(keys);
        }
    }
}

/// `head`, `head 5`, `head 5 from 10`.
pub(super) fn head(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let rows = match parser.cursor.peek() {
        Kind::Number(_) => parser.cursor.integer()?,
        _ => HEAD_ROWS,
    };
    let skip = if parser.cursor.eat_word("from")? { parser.cursor.integer()? } else { 0 };
    parser.builder.step(Step::Limit { skip, rows }, span)
}

/// `dedup 2 a, b keepempty=true consecutive=true`.
pub(super) fn dedup(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let number_span = parser.cursor.span();
    let allowed = match parser.cursor.peek() {
        Kind::Number(_) => parser.cursor.integer()?,
        _ => 1,
    };
    if allowed == 0 {
        return Err(QueryError::new(number_span, "dedup keeps one row or more"));
    }
    let mut keys = Vec::new();
    loop {
        let (name, name_span) = parser.cursor.name()?;
        keys.push(parser.builder.resolve_name(&name, name_span)?);
        if !parser.cursor.eat_symbol(",")? {
            break;
        }
    }
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
