//! Commands that make and choose columns.

use super::Parser;
use crate::insights::builder::{Shown, ShownBy};
use crate::insights::error::QueryError;
use crate::insights::lexer::Kind;
use crate::insights::parser::Walk;
use crate::insights::plan::{AddTotals, Column, Definition, ExprKind, Field, Lookup, Name, Span, Step};

/// `fields a, b + 1 as c`: adds to what the result shows.
pub(super) fn fields(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let columns = projections(parser, span)?;
    let shown = &mut parser.builder.shown;
    match shown.by {
        ShownBy::Nobody | ShownBy::Step => *shown = Shown { columns: Vec::new(), by: ShownBy::Fields },
        ShownBy::Fields => {}
        ShownBy::Display => return Ok(()),
    }
    for (column, span) in columns {
        if shown.columns.iter().any(|known| known.name == column.name) {
            return Err(QueryError::new(span, format!("field or alias is already defined: {}", column.name)));
        }
        shown.columns.push(column);
    }
    Ok(())
}

/// `display a, b`: the result shows these, whatever was said before.
pub(super) fn display(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let columns = projections(parser, span)?;
    let mut chosen: Vec<Column> = Vec::new();
    for (column, _) in columns {
        if chosen.iter().all(|known| known.name != column.name) {
            chosen.push(column);
        }
    }
    parser.builder.shown = Shown { columns: chosen, by: ShownBy::Display };
    Ok(())
}

/// Columns to be shown; those that are expressions are made.
fn projections(parser: &mut Parser<'_>, span: Span) -> Result<Vec<(Column, Span)>, QueryError> {
    let mut columns = Vec::new();
    let mut definitions = Vec::new();
    for named in parser.all_named()? {
        let node_span = named.0.span;
        let name = parser.builder.name_of(&named);
        if let Some((alias, alias_span)) = &named.1 {
            check_new(parser, alias, *alias_span)?;
        }
        let value = parser.builder.resolve(&named.0)?;
        let field = match (&value.kind, &named.1) {
            (ExprKind::Field(field), None) => field.clone(),
            _ => {
                let column = parser.builder.intern(&name);
                parser.builder.define(&column);
                definitions.push(Definition { name: column.clone(), value });
                Field::Column(column)
            }
        };
        columns.push((Column { name: name.into(), field }, node_span));
    }
    if !definitions.is_empty() {
        parser.builder.step(Step::Define(definitions), span)?;
    }
    Ok(columns)
}

/// Refuses to give a name twice.
pub(super) fn check_new(parser: &Parser<'_>, name: &str, span: Span) -> Result<(), QueryError> {
    match parser.builder.scope.columns.iter().any(|known| known.name.as_ref() == name) {
        true => Err(QueryError::new(span, format!("Ephemeral field is already defined: {name}"))),
        false => Ok(()),
    }
}

/// `unmask`, `unmask @message`.
pub(super) fn unmask(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let is_last = parser.cursor.is_end() || parser.cursor.is_symbol("|") || parser.cursor.is_symbol(")");
    let field = if is_last {
        None
    } else {
        let (name, name_span) = parser.cursor.name()?;
        match parser.builder.resolve_name(&name, name_span)?.kind {
            ExprKind::Field(field) => Some(field),
            _ => return Err(QueryError::new(name_span, "unmask takes a field")),
        }
    };
    parser.builder.step(Step::Unmask(field), span)
}

/// `unnest f into x`.
pub(super) fn unnest(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let node = parser.node()?;
    parser.cursor.word("into")?;
    let (name, name_span) = parser.cursor.name()?;
    let list = parser.builder.resolve(&node)?;
    check_new(parser, &name, name_span)?;
    let into = parser.builder.intern(&name);
    parser.builder.step(Step::Unnest { list, into: into.clone() }, span)?;
    parser.builder.define(&into);
    Ok(())
}

/// `lookup table key as field OUTPUT a, b`.
pub(super) fn lookup(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let table_span = parser.cursor.span();
    let table = parser.cursor.name_or_quoted()?;
    let keys = parser.list(|parser| {
        let (column, column_span) = parser.cursor.name()?;
        let (field, field_span) = parser.alias()?.unwrap_or_else(|| (column.clone(), column_span));
        Ok((column, parser.builder.resolve_name(&field, field_span)?))
    })?;
    parser.cursor.word("output")?;
    let mut outputs: Vec<(String, Name)> = Vec::new();
    for (name, _) in parser.cursor.names()? {
        let column = parser.builder.intern(&name);
        outputs.push((name, column));
    }
    for (_, column) in &outputs {
        parser.builder.define(column);
    }
    let by = parser.builder.shown.by;
    if by != ShownBy::Display && (by != ShownBy::Nobody || !parser.builder.scope.has_event) {
        let shown = &mut parser.builder.shown.columns;
        for (name, column) in &outputs {
            match shown.iter_mut().find(|known| known.name.as_ref() == name) {
                Some(known) => known.field = Field::Column(column.clone()),
                None => shown.push(Column::of(column)),
            }
        }
    }
    parser.builder.step(Step::Lookup(Lookup { table, span: table_span, keys, outputs }), span)
}

/// `addtotals fieldname=Sum row=true col=false a, b`.
pub(super) fn add_totals(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let (mut name, mut row, mut col) = ("Total".to_owned(), true, false);
    loop {
        let is_option = matches!(parser.cursor.peek_second(), Some(Kind::Symbol("=")));
        if is_option && parser.cursor.eat_word("fieldname")? {
            parser.cursor.symbol("=")?;
            name = parser.cursor.name_or_quoted()?;
        } else if is_option && parser.cursor.eat_word("row")? {
            parser.cursor.symbol("=")?;
            row = parser.cursor.truth()?;
        } else if is_option && parser.cursor.eat_word("col")? {
            parser.cursor.symbol("=")?;
            col = parser.cursor.truth()?;
        } else {
            break;
        }
    }
    let is_over = parser.cursor.is_end() || parser.cursor.is_symbol("|") || parser.cursor.is_symbol(")");
    let all = parser.builder.shown_columns()?;
    let columns = if is_over {
        all.clone()
    } else {
        let mut columns = Vec::new();
        for (name, name_span) in parser.cursor.names()? {
            match parser.builder.resolve_name(&name, name_span)?.kind {
                ExprKind::Field(field) => columns.push(Column { name: name.into(), field }),
                _ => return Err(QueryError::new(name_span, "addtotals takes fields")),
            }
        }
        columns
    };
    let mut shown = all;
    let mut sums = Vec::new();
    if col {
        for column in &columns {
            let sum = parser.builder.intern(&column.name);
            parser.builder.define(&sum);
            for known in shown.iter_mut().filter(|known| known.field == column.field) {
                known.field = Field::Column(sum.clone());
            }
            sums.push(sum);
        }
    }
    let row = row.then(|| parser.builder.intern(&name));
    if let Some(total) = &row {
        parser.builder.define(total);
        shown.push(Column::of(total));
    }
    let by = if parser.builder.shown.by == ShownBy::Display { ShownBy::Display } else { ShownBy::Fields };
    parser.builder.shown = Shown { columns: shown, by };
    parser.builder.step(Step::AddTotals(AddTotals { columns, row, col, sums }), span)
}
