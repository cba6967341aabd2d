//! `join type=inner left=a right=b where a.k = b.k (SOURCE 'other' | fields k)`.

use super::{Nesting, Parser, pipeline};
use crate::insights::builder::{Builder, JoinScope, Shown, ShownBy};
use crate::insights::error::QueryError;
use crate::insights::plan::{ExprKind, Field, Join, JoinKind, JoinSide, Span, Step};

pub(super) fn join(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    if parser.builder.is_nested {
        return Err(QueryError::new(span, "join is not supported in a subquery"));
    }
    if parser.builder.join.is_some() {
        return Err(QueryError::new(span, "a query can have at most one join"));
    }
    let (mut kind, mut left, mut right) = (JoinKind::Inner, None, None);
    while !parser.cursor.is_word("where") {
        let word_span = parser.cursor.span();
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
            return Err(QueryError { span: word_span, ..parser.cursor.expected("type=, left=, right=, where") });
        }
        parser.cursor.eat_symbol(",")?;
    }
    let (Some(left), Some(right)) = (left, right) else {
        return Err(QueryError::new(span, "join needs left= and right="));
    };
    if left == right {
        return Err(QueryError::new(span, "left and right of a join must have different names"));
    }
    parser.cursor.word("where")?;
    let mut conditions = vec![condition(parser)?];
    while parser.cursor.eat_word("and")? {
        conditions.push(condition(parser)?);
    }
    parser.cursor.symbol("(")?;
    let inner = pipeline(parser.cursor, Nesting::Inner)?;
    parser.cursor.symbol(")")?;
    add(parser, kind, (left, right), inner, &conditions, span)
}

/// A condition: two fields, each of one side, and where it stands.
type Condition = ((String, Span), (String, Span));

fn condition(parser: &mut Parser<'_>) -> Result<Condition, QueryError> {
    let one = parser.cursor.name()?;
    parser.cursor.symbol("=")?;
    Ok((one, parser.cursor.name()?))
}

fn add(
    parser: &mut Parser<'_>,
    kind: JoinKind,
    (left, right): (String, String),
    mut inner: Builder,
    conditions: &[Condition],
    span: Span,
) -> Result<(), QueryError> {
    let of =
        |side: &str, name: &str| name.strip_prefix(side).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
    let (mut left_keys, mut right_keys) = (Vec::new(), Vec::new());
    for ((one, one_span), (other, other_span)) in conditions {
        let (own, its) = match (of(&left, one), of(&right, other), of(&right, one), of(&left, other)) {
            (Some(own), Some(its), ..) => ((own, *one_span), (its, *other_span)),
            (.., Some(its), Some(own)) => ((own, *other_span), (its, *one_span)),
            _ => {
                let message = format!("the condition of a join compares a field of {left} with one of {right}");
                return Err(QueryError::new(Span { start: one_span.start, end: other_span.end }, message));
            }
        };
        left_keys.push(key(&mut parser.builder, own)?);
        right_keys.push(key(&mut inner, its)?);
    }
    let step = parser.builder.steps.len();
    let side = |keys| JoinSide { keys, columns: Vec::new() };
    // The other side's plan is put in when the query is parsed to its end: only then it is known which of its fields are used.
    let query = Builder::new(parser.cursor, true).finish()?;
    let join = Join { kind, left: side(left_keys), right: side(right_keys), query };
    parser.builder.step(Step::Join(Box::new(join)), span)?;
    let left_shown = parser.builder.shown_columns()?.into_iter().map(|column| column.name).collect();
    let scope = std::mem::take(&mut parser.builder.scope);
    let (left, right) = ((left, scope), (right, Box::new(inner)));
    parser.builder.join = Some(JoinScope { step, left, right, left_shown, is_open: true });
    parser.builder.shown = Shown { columns: Vec::new(), by: ShownBy::Nobody };
    Ok(())
}

fn key(builder: &mut Builder, (name, span): (String, Span)) -> Result<Field, QueryError> {
    match builder.resolve_name(&name, span)?.kind {
        ExprKind::Field(field) => Ok(field),
        _ => Err(QueryError::new(span, "a join compares fields")),
    }
}
