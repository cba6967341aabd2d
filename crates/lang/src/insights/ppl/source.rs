//! ``source = [lg:`/aws/lambda/f`]``, ``source = [`aws:fieldIndex`="region", `region` = "us-west-2"]``.

use std::sync::Arc;

use super::Parser;
use crate::insights::cursor::Cursor;
use crate::insights::error::QueryError;
use crate::insights::lexer::Kind;
use crate::insights::parser::Walk;
use crate::insights::plan::{Comparison, Expr, ExprKind, Field, Selection, Source, Step};
use crate::insights::syntax::Expressions;
use crate::insights::value::Value;

/// The name under which the indexed fields are listed.
const FIELD_INDEX: &str = "aws:fieldIndex";

pub(super) fn source(parser: &mut Parser<'_>) -> Result<(), QueryError> {
    parser.cursor.advance()?;
    parser.cursor.symbol("=")?;
    if !parser.cursor.eat_symbol("[")? {
        parser.builder.source = Some(Source::Named(parser.cursor.list(Cursor::name_or_quoted)?));
        return Ok(());
    }
    let start = parser.cursor.span().start;
    let (mut groups, mut data_sources, mut indexed, mut conditions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    loop {
        let prefix = match (parser.cursor.peek(), parser.cursor.peek_second()) {
            (Kind::Name { text, plain: true }, Some(Kind::Symbol(":"))) => Some(text.to_ascii_lowercase()),
            _ => None,
        };
        if let Some(prefix) = prefix {
            match prefix.as_str() {
                "lg" => {
                    parser.cursor.advance()?;
                    parser.cursor.symbol(":")?;
                    groups.push(parser.cursor.name_or_quoted()?);
                }
                "ds" => {
                    parser.cursor.advance()?;
                    parser.cursor.symbol(":")?;
                    data_sources.push(parser.cursor.name_or_quoted()?);
                }
                _ => return Err(parser.cursor.expected("lg:, ds:")),
            }
        } else {
            match member(parser)? {
                Member::Group(name) => groups.push(name),
                Member::Indexed(names) => indexed.extend(names),
                Member::Condition(condition) => conditions.push(condition),
            }
        }
        if !parser.cursor.eat_symbol(",")? {
            break;
        }
    }
    parser.cursor.symbol("]")?;
    let span = parser.cursor.since(start);
    match (groups.is_empty(), data_sources.is_empty()) {
        (false, true) => parser.builder.source = Some(Source::Named(groups)),
        (true, false) => {
            let selection = Selection { data_sources, ..Selection::default() };
            parser.builder.source = Some(Source::Selections(vec![selection]));
        }
        (false, false) => return Err(QueryError::new(span, "a source has log groups or data sources, not both")),
        (true, true) => {}
    }
    if indexed.is_empty() && conditions.is_empty() {
        return Ok(());
    }
    let fields: Vec<Field> = indexed.iter().map(|name| parser.builder.event_field(name)).collect();
    let condition = Expr { span, kind: ExprKind::And(conditions) };
    parser.builder.step(Step::FilterIndex { condition, fields }, span)
}

enum Member {
    Group(String),
    Indexed(Vec<String>),
    Condition(Expr),
}

/// A field with `=` or `IN`, or a group.
fn member(parser: &mut Parser<'_>) -> Result<Member, QueryError> {
    if matches!(parser.cursor.peek(), Kind::Text(_)) {
        return Ok(Member::Group(parser.cursor.quoted()?));
    }
    let (name, span) = parser.cursor.name()?;
    let values: Vec<Value<'static>> = if parser.cursor.eat_symbol("=")? {
        vec![parser.expressions(|expressions| expressions.literal())?]
    } else if parser.cursor.eat_word("in")? {
        parser.cursor.symbol("(")?;
        let values = parser.expressions(|expressions| expressions.list(Expressions::literal))?;
        parser.cursor.symbol(")")?;
        values
    } else {
        return Ok(Member::Group(name));
    };
    if name == FIELD_INDEX {
        return Ok(Member::Indexed(values.iter().filter_map(|value| Some(value.as_text()?.into_owned())).collect()));
    }
    let operand = Box::new(Expr { span, kind: ExprKind::Field(parser.builder.event_field(&name)) });
    let kind = match <[Value<'static>; 1]>::try_from(values) {
        Ok([value]) => {
            ExprKind::Compare(Comparison::Equal, operand, Box::new(Expr { span, kind: ExprKind::Literal(value) }))
        }
        Err(values) => ExprKind::In { operand, list: Arc::new(values.into_iter().collect()), negated: false },
    };
    Ok(Member::Condition(Expr { span: parser.cursor.since(span.start), kind }))
}
