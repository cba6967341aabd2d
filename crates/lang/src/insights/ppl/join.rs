//! ``LEFT JOIN left=l, right=r on l.id = r.id `other` ``.

use super::{Nesting, Parser};
use crate::insights::builder::Builder;
use crate::insights::error::QueryError;
use crate::insights::joining::{self, Written};
use crate::insights::parser::pipeline;
use crate::insights::plan::{JoinKind, Source, Span};

/// `join ..`
pub(super) fn inner(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    join(parser, JoinKind::Inner, span)
}

/// `inner join ..`
pub(super) fn inner_join(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    parser.cursor.word("join")?;
    join(parser, JoinKind::Inner, span)
}

/// `left join ..`, `left outer join ..`
pub(super) fn left_join(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    parser.cursor.eat_word("outer")?;
    parser.cursor.word("join")?;
    join(parser, JoinKind::Left, span)
}

fn join(parser: &mut Parser<'_>, kind: JoinKind, span: Span) -> Result<(), QueryError> {
    joining::check(&parser.builder, span)?;
    let (mut left, mut right) = (None, None);
    while !parser.cursor.is_word("on") && !parser.cursor.is_word("where") {
        let side = if parser.cursor.eat_word("left")? {
            &mut left
        } else if parser.cursor.eat_word("right")? {
            &mut right
        } else {
            return Err(parser.cursor.expected("LEFT=, RIGHT=, ON"));
        };
        parser.cursor.symbol("=")?;
        *side = Some(parser.cursor.name()?.0);
        parser.cursor.eat_symbol(",")?;
    }
    let (Some(left), Some(right)) = (left, right) else {
        return Err(QueryError::new(span, "join needs left= and right="));
    };
    parser.cursor.advance()?;
    let conditions = joining::conditions(parser.cursor)?;
    let inner = if parser.cursor.eat_symbol("[")? {
        let inner = pipeline(parser.cursor, Nesting::Inner)?;
        parser.cursor.symbol("]")?;
        inner
    } else {
        let name = parser.cursor.name_or_quoted()?;
        let mut inner = Builder::new(parser.cursor, true);
        inner.source = Some(Source::Named(vec![name]));
        inner
    };
    let written = Written { kind, left, right, conditions, inner, span };
    joining::add(&mut parser.builder, parser.cursor, written)
}
