//! Joins, of both languages, from their parts.

use super::builder::{Builder, JoinScope, Shown, ShownBy};
use super::cursor::Cursor;
use super::error::QueryError;
use super::plan::{ExprKind, Field, Join, JoinKind, JoinSide, Span, Step};

/// A condition: two fields, each of one side, and where they stand.
pub(super) type Condition = ((String, Span), (String, Span));

/// A join as it is written.
pub(super) struct Written {
    pub(super) kind: JoinKind,
    /// What the sides are called.
    pub(super) left: String,
    pub(super) right: String,
    /// What must hold, all of it.
    pub(super) conditions: Vec<Condition>,
    /// The other side.
    pub(super) inner: Builder,
    pub(super) span: Span,
}

/// `a.k = b.k and ..`
pub(super) fn conditions(cursor: &mut Cursor) -> Result<Vec<Condition>, QueryError> {
    let mut conditions = Vec::new();
    loop {
        let one = cursor.name()?;
        cursor.symbol("=")?;
        conditions.push((one, cursor.name()?));
        if !cursor.eat_word("and")? {
            return Ok(conditions);
        }
    }
}

/// Refuses a join where there can be none.
pub(super) fn check(builder: &Builder, span: Span) -> Result<(), QueryError> {
    if builder.is_nested {
        return Err(QueryError::new(span, "join is not supported in a subquery"));
    }
    if builder.join.is_some() {
        return Err(QueryError::new(span, "a query can have at most one join"));
    }
    Ok(())
}

/// Adds a join.
pub(super) fn add(builder: &mut Builder, cursor: &Cursor, written: Written) -> Result<(), QueryError> {
    let Written { kind, left, right, conditions, mut inner, span } = written;
    if left == right {
        return Err(QueryError::new(span, "left and right of a join must have different names"));
    }
    let of =
        |side: &str, name: &str| name.strip_prefix(side).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
    let (mut left_keys, mut right_keys) = (Vec::new(), Vec::new());
    for ((one, one_span), (other, other_span)) in conditions {
        let (own, its) = match (of(&left, &one), of(&right, &other), of(&right, &one), of(&left, &other)) {
            (Some(own), Some(its), ..) => ((own, one_span), (its, other_span)),
            (.., Some(its), Some(own)) => ((own, other_span), (its, one_span)),
            _ => {
                let message = format!("the condition of a join compares a field of {left} with one of {right}");
                return Err(QueryError::new(Span { start: one_span.start, end: other_span.end }, message));
            }
        };
        left_keys.push(key(builder, own)?);
        right_keys.push(key(&mut inner, its)?);
    }
    let step = builder.steps.len();
    let side = |keys| JoinSide { keys, columns: Vec::new() };
    // The other side's plan is put in when the query is parsed to its end: only then it is known which of its fields are used.
    let query = Builder::new(cursor, true).finish()?;
    let join = Join { kind, left: side(left_keys), right: side(right_keys), query };
    let left_shown = builder.shown_columns()?.into_iter().map(|column| column.name).collect();
    builder.step(Step::Join(Box::new(join)), span)?;
    let scope = std::mem::take(&mut builder.scope);
    let (left, right) = ((left, scope), (right, Box::new(inner)));
    builder.join = Some(JoinScope { step, left, right, left_shown, is_open: true });
    builder.shown = Shown { columns: Vec::new(), by: ShownBy::Nobody };
    Ok(())
}

fn key(builder: &mut Builder, (name, span): (String, Span)) -> Result<Field, QueryError> {
    match builder.resolve_name(&name, span)?.kind {
        ExprKind::Field(field) => Ok(field),
        _ => Err(QueryError::new(span, "a join compares fields")),
    }
}
