//! `parse f "(?<user>\w+)@.*"`, `grok f "%{IP:client} %{WORD:method}"`.

use std::sync::Arc;

use regex::Regex;

use super::Parser;
use crate::insights::error::QueryError;
use crate::insights::grok;
use crate::insights::plan::{Matcher, Parse, Span, Step};
use crate::insights::text_pattern;

pub(super) fn parse(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let (name, name_span) = parser.cursor.name()?;
    let pattern_span = parser.cursor.span();
    let text = parser.cursor.quoted()?;
    let regex = text_pattern::compile(&text, pattern_span)?;
    add(parser, (name, name_span), regex, pattern_span, span)
}

pub(super) fn grok(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let (name, name_span) = parser.cursor.name()?;
    let pattern_span = parser.cursor.span();
    let text = parser.cursor.quoted()?;
    let expanded = grok::expand(&text).map_err(|message| QueryError::new(pattern_span, message))?;
    let regex = text_pattern::compile(&expanded, pattern_span)?;
    add(parser, (name, name_span), regex, pattern_span, span)
}

fn add(
    parser: &mut Parser<'_>,
    (name, name_span): (String, Span),
    regex: Regex,
    pattern_span: Span,
    span: Span,
) -> Result<(), QueryError> {
    let input = parser.builder.resolve_name(&name, name_span)?;
    let (mut groups, mut columns) = (Vec::new(), Vec::new());
    for (group, name) in regex.capture_names().enumerate() {
        let Some(name) = name else { continue };
        groups.push(group);
        columns.push(parser.builder.intern(name));
    }
    if columns.is_empty() {
        return Err(QueryError::new(pattern_span, "the pattern has no named group"));
    }
    let by = Matcher::Regex(Arc::new(regex), groups);
    parser.builder.step(Step::Parse(Parse { input, by, columns: columns.clone() }), span)?;
    columns.iter().for_each(|column| parser.add_column(column));
    Ok(())
}
