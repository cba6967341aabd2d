//! `pattern`, and `diff` and `anomaly` that go with it.

use super::Parser;
use crate::insights::error::QueryError;
use crate::insights::plan::{
    ANOMALY_COLUMNS, DIFF_COLUMNS, Expr, Name, PATTERN_COLUMNS, Patterns, Shift, Span, Step, System,
};

/// `pattern @message`.
pub(super) fn pattern(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let node = parser.node()?;
    let input = parser.builder.resolve(&node)?;
    add(parser, input, span)
}

/// `diff`, `diff previousDay`.
pub(super) fn diff(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let shifts = [("previousday", Shift::Day), ("previousweek", Shift::Week), ("previousmonth", Shift::Month)];
    let mut shift = Shift::Previous;
    for (word, of_word) in shifts {
        if parser.cursor.eat_word(word)? {
            shift = of_word;
            break;
        }
    }
    if !matches!(parser.builder.steps.last(), Some(Step::Pattern(_))) {
        let input = parser.builder.resolve_name(System::Message.name(), span)?;
        add(parser, input, span)?;
    }
    let of_diff = columns(parser, DIFF_COLUMNS);
    extend(parser, of_diff, |patterns| patterns.diff = Some(shift));
    Ok(())
}

/// `anomaly`, after `pattern`.
pub(super) fn anomaly(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    if !matches!(parser.builder.steps.last(), Some(Step::Pattern(_))) {
        return Err(QueryError::new(span, "anomaly must follow pattern"));
    }
    let of_anomaly = columns(parser, ANOMALY_COLUMNS);
    extend(parser, of_anomaly, |patterns| patterns.anomaly = true);
    Ok(())
}

fn columns(parser: &mut Parser<'_>, names: &[&str]) -> Vec<Name> {
    names.iter().map(|name| parser.builder.intern(name)).collect()
}

fn add(parser: &mut Parser<'_>, input: Expr, span: Span) -> Result<(), QueryError> {
    let columns = columns(parser, PATTERN_COLUMNS);
    let step = Patterns { input, diff: None, anomaly: false, columns: columns.clone() };
    parser.builder.step(Step::Pattern(step), span)?;
    parser.builder.replace_scope(columns);
    Ok(())
}

/// Adds columns to the last step, which is of patterns.
fn extend(parser: &mut Parser<'_>, columns: Vec<Name>, change: impl FnOnce(&mut Patterns)) {
    let Some(Step::Pattern(patterns)) = parser.builder.steps.last_mut() else { return };
    change(patterns);
    for column in columns {
        if !patterns.columns.contains(&column) {
            patterns.columns.push(column);
        }
    }
    let columns = patterns.columns.clone();
    parser.builder.replace_scope(columns);
}
