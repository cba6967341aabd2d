//! `join type=inner left=a right=b where a.k = b.k (SOURCE 'other' | fields k)`.

use super::{Nesting, Parser};
use crate::insights::error::QueryError;
use crate::insights::joining::{self, Written};
use crate::insights::parser::pipeline;
use crate::insights::plan::{JoinKind, Span};

pub(super) fn join(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    joining::check(&parser.builder, span)?;
    let (mut kind, mut left, mut right) = (JoinKind::Inner, None, None);
    while !parser.cursor.is_word("where") {
        if parser.cursor.eat_word("type")? {
            parser.cursor.symbol("=")?;
            kind = if parser.cursor.eat_word("inner")? {
                JoinKind::Inner
            } else if parser.cursor.eat_word("left")? {
                JoinKind::Left
            } else {
                return Err(parser.cursor.expected("inner, left"));
            };
        } else if parser.cursor.eat_word("left")? {
            parser.cursor.symbol("=")?;
            left = Some(parser.cursor.name()?.0);
        } else if parser.cursor.eat_word("right")? {
            parser.cursor.symbol("=")?;
            right = Some(parser.cursor.name()?.0);
        } else {
            return Err(parser.cursor.expected("type=, left=, right=, where"));
        }
        parser.cursor.eat_symbol(",")?;
    }
    let (Some(left), Some(right)) = (left, right) else {
        return Err(QueryError::new(span, "join needs left= and right="));
    };
    parser.cursor.word("where")?;
    let conditions = joining::conditions(parser.cursor)?;
    parser.cursor.symbol("(")?;
    let inner = pipeline(parser.cursor, Nesting::Inner)?;
    parser.cursor.symbol(")")?;
    let written = Written { kind, left, right, conditions, inner, span };
    joining::add(&mut parser.builder, parser.cursor, written)
}
