//! Commands that make and choose columns.

use super::Parser;
use crate::insights::builder::{Shown, ShownBy};
use crate::insights::error::QueryError;
use crate::insights::parser::Walk;
use crate::insights::plan::{Column, Definition, Expr, ExprKind, Function, Span, Step};

/// `fields a, b`, `fields + a`, `fields - a`.
pub(super) fn fields(parser: &mut Parser<'_>, _: Span) -> Result<(), QueryError> {
    let minus = parser.cursor.eat_symbol("-")?;
    if !minus {
        parser.cursor.eat_symbol("+")?;
    }
    let named = parser.list(|parser| {
        // `count()` is the name of a column here.
        let node = parser.node()?;
        let name = parser.builder.name_of(&(node.clone(), None));
        let span = node.span;
        let ExprKind::Field(field) = parser.builder.resolve(&node)?.kind else {
            return Err(QueryError::new(span, "fields takes fields; eval computes new ones"));
        };
        Ok(Column { name: name.into(), field })
    })?;
    let columns = match minus {
        false => named,
        true => {
            let mut columns = parser.builder.shown_columns()?;
            columns.retain(|column| named.iter().all(|excluded| excluded.name != column.name));
            columns
        }
    };
    parser.builder.shown = Shown { columns, by: ShownBy::Fields };
    Ok(())
}

/// `rename a as b, c as d`.
pub(super) fn rename(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let mut shown = parser.builder.shown_columns()?;
    let mut definitions = Vec::new();
    for (node, alias) in parser.all_named()? {
        let Some((alias, _)) = alias else { return Err(parser.cursor.expected("AS")) };
        let value = parser.builder.resolve(&node)?;
        let old = parser.builder.name_of(&(node, None));
        let new = parser.builder.intern(&alias);
        parser.builder.scope.columns.retain(|column| column.name.as_ref() != old);
        parser.builder.define(&new);
        shown.retain(|column| column.name != new.name);
        match shown.iter_mut().find(|column| column.name.as_ref() == old) {
            Some(column) => *column = Column::of(&new),
            None => shown.push(Column::of(&new)),
        }
        definitions.push(Definition { name: new, value });
    }
    parser.builder.shown = Shown { columns: shown, by: ShownBy::Fields };
    parser.builder.step(Step::Define(definitions), span)
}

/// `eval a = b * 2, c = a + 1`.
pub(super) fn eval(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let definitions = parser.list(|parser| {
        let (name, _) = parser.cursor.name()?;
        parser.cursor.symbol("=")?;
        let node = parser.node()?;
        let value = parser.builder.resolve(&node)?;
        let column = parser.builder.intern(&name);
        parser.add_column(&column);
        Ok(Definition { name: column, value })
    })?;
    parser.builder.step(Step::Define(definitions), span)
}

/// `fillnull using a = 0, b = "none"`, `fillnull with 0 in a, b`.
pub(super) fn fill_null(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let filled: Vec<(String, Span, Expr)> = if parser.cursor.eat_word("using")? {
        parser.list(|parser| {
            let (name, name_span) = parser.cursor.name()?;
            parser.cursor.symbol("=")?;
            let node = parser.node()?;
            Ok((name, name_span, parser.builder.resolve(&node)?))
        })?
    } else {
        parser.cursor.word("with")?;
        let node = parser.expressions(|expressions| expressions.part())?;
        let value = parser.builder.resolve(&node)?;
        parser.cursor.word("in")?;
        parser.cursor.names()?.into_iter().map(|(name, name_span)| (name, name_span, value.clone())).collect()
    };
    let mut definitions = Vec::new();
    for (name, name_span, value) in filled {
        let own = parser.builder.resolve_name(&name, name_span)?;
        let filled = Expr { span: name_span, kind: ExprKind::Call(Function::Coalesce, vec![own, value]) };
        let column = parser.builder.intern(&name);
        parser.add_column(&column);
        definitions.push(Definition { name: column, value: filled });
    }
    parser.builder.step(Step::Define(definitions), span)
}

/// `flatten f`.
pub(super) fn flatten(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let (name, name_span) = parser.cursor.name()?;
    let whole = parser.builder.resolve_name(&name, name_span)?;
    parser.builder.step(Step::Flatten(whole), span)
}

/// `expand f`, `expand f as x`.
pub(super) fn expand(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let (name, name_span) = parser.cursor.name()?;
    let list = parser.builder.resolve_name(&name, name_span)?;
    let into = parser.alias()?.map_or(name, |(alias, _)| alias);
    let into = parser.builder.intern(&into);
    parser.add_column(&into);
    parser.builder.step(Step::Unnest { list, into }, span)
}

/// The column of a field that is plain.
pub(super) fn plain(parser: &mut Parser<'_>, name: &str, span: Span) -> Result<Column, QueryError> {
    match parser.builder.resolve_name(name, span)?.kind {
        ExprKind::Field(field) => Ok(Column { name: name.into(), field }),
        _ => Err(QueryError::new(span, format!("{name} is not a field"))),
    }
}
