//! Commands that keep, order and cut rows.

use super::Parser;
use crate::insights::error::QueryError;
use crate::insights::parser::Walk;
use crate::insights::plan::{Comparison, Dedup, Expr, ExprKind, Span, Step};
use crate::insights::syntax::Expressions;

/// `filterIndex a = "x", b in ["y"]`.
pub(super) fn filter_index(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let mut all = Vec::new();
    let mut fields = Vec::new();
    loop {
        let (name, name_span) = parser.cursor.name()?;
        if !parser.builder.scope.has_event || parser.builder.join.is_some() {
            return Err(QueryError::new(name_span, format!("{name} is not an indexed field")));
        }
        let field = parser.builder.event_field(&name);
        fields.push(field.clone());
        let operand = Expr { span: name_span, kind: ExprKind::Field(field) };
        let kind = if parser.cursor.eat_word("in")? {
            parser.cursor.symbol("[")?;
            let list = parser.expressions(|expressions| expressions.list(Expressions::literal))?;
            parser.cursor.symbol("]")?;
            let list = std::sync::Arc::new(list.into_iter().collect());
            ExprKind::In { operand: Box::new(operand), list, negated: false }
        } else {
            parser.cursor.symbol("=")?;
            let start = parser.cursor.span().start;
            let value = parser.expressions(|expressions| expressions.literal())?;
            let value = Expr { span: parser.cursor.since(start), kind: ExprKind::Literal(value) };
            ExprKind::Compare(Comparison::Equal, Box::new(operand), Box::new(value))
        };
        all.push(Expr { span: parser.cursor.since(name_span.start), kind });
        if !parser.cursor.eat_symbol(",")? && !parser.cursor.eat_word("and")? {
            break;
        }
    }
    let condition = Expr { span: parser.cursor.since(span.start), kind: ExprKind::And(all) };
    parser.builder.step(Step::FilterIndex { condition, fields }, span)
}

/// `sort a desc, b`.
pub(super) fn sort(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let keys = parser.list(Parser::sort_key)?;
    parser.builder.said.sort = true;
    parser.builder.said.sort_or_limit = Some("sort");
    parser.builder.step(Step::Sort(keys), span)
}

/// `order by a`, or without `by`.
pub(super) fn order(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    parser.cursor.eat_word("by")?;
    sort(parser, span)
}

/// `limit 10`.
pub(super) fn limit(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let number_span = parser.cursor.span();
    let rows = parser.cursor.integer()?;
    if rows == 0 {
        return Err(QueryError::new(number_span, "limit must be greater than 0"));
    }
    parser.builder.said.sort_or_limit.get_or_insert("limit");
    parser.builder.step(Step::Limit { skip: 0, rows }, span)
}

/// `dedup a, b`.
pub(super) fn dedup(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let mut keys = Vec::new();
    for (name, name_span) in parser.cursor.names()? {
        keys.push(parser.builder.resolve_name(&name, name_span)?);
    }
    parser.builder.said.dedup = true;
    parser.builder.step(Step::Dedup(Dedup { keys, allowed: 1, keeps_null: true, consecutive: false }), span)
}
