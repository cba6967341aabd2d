//! Commands that aggregate.

use super::Parser;
use super::columns::plain;
use super::rows::sort_key;
use crate::insights::builder::{Shown, ShownBy};
use crate::insights::error::QueryError;
use crate::insights::parser::Walk;
use crate::insights::plan::{
    Aggregate, AggregateCall, Column, Dedup, Definition, Expr, ExprKind, FIELD_SUMMARY_COLUMNS, Field, Name, SortKey,
    Span, Stats, Step, Trend,
};

/// How many values `top` and `rare` have, if they do not say.
const TOP_VALUES: usize = 10;

/// What `top` and `rare` call the number of a value.
const COUNT: &str = "count";

/// The rows that a moving average may be over.
const TREND_ROWS_MAX: usize = 10_000;

/// `stats count(), avg(x) as y by f, span(@timestamp, 5m) as t`: the aggregates come first in the result.
pub(super) fn stats(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let stats = parser.stats()?;
    let columns = stats.outputs.iter().chain(&stats.keys).map(|definition| Column::of(&definition.name)).collect();
    parser.builder.add_stats(stats, span)?;
    parser.builder.shown = Shown { columns, by: ShownBy::Step };
    Ok(())
}

/// `eventstats avg(x) as y by f`.
pub(super) fn event_stats(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let mut stats = parser.stats()?;
    let outputs: Vec<Name> = stats.outputs.iter().map(|output| output.name.clone()).collect();
    // The rows keep their own fields: what they are grouped by gets no column.
    for key in &mut stats.keys {
        key.name = parser.builder.intern(&format!("by {}", key.name.name));
    }
    parser.builder.step(Step::EventStats(stats), span)?;
    outputs.iter().for_each(|output| parser.add_column(output));
    Ok(())
}

/// `top 3 f by g`.
pub(super) fn top(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    frequent(parser, span, true)
}

/// `rare f by g`.
pub(super) fn rare(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    frequent(parser, span, false)
}

/// Counts values, sorts them by how many there are, and keeps the first of each group.
fn frequent(parser: &mut Parser<'_>, span: Span, most: bool) -> Result<(), QueryError> {
    let values = parser.cursor.integer_or(TOP_VALUES)?;
    let fields = parser.cursor.names()?;
    let groups = if parser.cursor.eat_word("by")? { parser.cursor.names()? } else { Vec::new() };
    let mut keys = Vec::new();
    for (name, name_span) in groups.iter().chain(&fields) {
        let value = parser.builder.resolve_name(name, *name_span)?;
        keys.push(Definition { name: parser.builder.intern(name), value });
    }
    let count = parser.builder.intern(COUNT);
    let expr = |kind| Expr { span, kind };
    let stats = Stats {
        keys: keys.clone(),
        calls: vec![AggregateCall { function: Aggregate::Count, argument: None }],
        outputs: vec![Definition { name: count.clone(), value: expr(ExprKind::Aggregate(0)) }],
    };
    parser.builder.add_stats(stats, span)?;
    let column = |name: &Name| expr(ExprKind::Field(Field::Column(name.clone())));
    let group_columns: Vec<Expr> = keys.iter().take(groups.len()).map(|key| column(&key.name)).collect();
    let mut order = vec![SortKey { value: column(&count), descending: most }];
    order.extend(keys.iter().map(|key| SortKey { value: column(&key.name), descending: false }));
    parser.builder.step(Step::Sort(order), span)?;
    let first = match group_columns.is_empty() {
        true => Step::Limit { skip: 0, rows: values },
        false => Step::Dedup(Dedup { keys: group_columns, allowed: values, keeps_null: true, consecutive: false }),
    };
    parser.builder.step(first, span)
}

/// `trendline sort - t sma(3, f) as m wma(5, g)`.
pub(super) fn trendline(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    if parser.cursor.eat_word("sort")? {
        let keys = parser.list(sort_key)?;
        parser.builder.step(Step::Sort(keys), span)?;
    }
    let mut trends = Vec::new();
    loop {
        let weighted = if parser.cursor.eat_word("sma")? {
            false
        } else if parser.cursor.eat_word("wma")? {
            true
        } else {
            return Err(parser.cursor.expected("SMA, WMA"));
        };
        parser.cursor.symbol("(")?;
        let rows_span = parser.cursor.span();
        let rows = parser.cursor.integer()?;
        if !(1..=TREND_ROWS_MAX).contains(&rows) {
            return Err(QueryError::new(rows_span, format!("a moving average is over 1 to {TREND_ROWS_MAX} rows")));
        }
        parser.cursor.symbol(",")?;
        let (name, name_span) = parser.cursor.name()?;
        parser.cursor.symbol(")")?;
        let value = parser.builder.resolve_name(&name, name_span)?;
        let alias = parser.alias()?.map_or_else(|| format!("{name}_trendline"), |(alias, _)| alias);
        trends.push(Trend { weighted, rows, value, name: parser.builder.intern(&alias) });
        parser.cursor.eat_symbol(",")?;
        if !parser.cursor.is_word("sma") && !parser.cursor.is_word("wma") {
            break;
        }
    }
    let names: Vec<Name> = trends.iter().map(|trend| trend.name.clone()).collect();
    parser.builder.step(Step::Trendline(trends), span)?;
    names.iter().for_each(|name| parser.add_column(name));
    Ok(())
}

/// `fieldsummary includefields=a, b nulls=true`.
pub(super) fn field_summary(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let mut fields = Vec::new();
    loop {
        if parser.cursor.eat_word("includefields")? {
            parser.cursor.symbol("=")?;
            for (name, name_span) in parser.cursor.names()? {
                fields.push(plain(parser, &name, name_span)?);
            }
        } else if parser.cursor.eat_word("nulls")? {
            parser.cursor.symbol("=")?;
            parser.cursor.truth()?;
        } else {
            break;
        }
    }
    if fields.is_empty() {
        fields = parser.builder.shown_columns()?;
    }
    let columns: Vec<Name> = FIELD_SUMMARY_COLUMNS.iter().map(|name| parser.builder.intern(name)).collect();
    parser.builder.step(Step::FieldSummary { fields, columns: columns.clone() }, span)?;
    parser.builder.replace_scope(columns);
    Ok(())
}
