//! `parse @message "user=*" as user`, `parse @message /user=(?<user>\w+)/`.

use std::sync::Arc;

use super::Parser;
use super::columns::check_new;
use crate::insights::error::QueryError;
use crate::insights::glob::Glob;
use crate::insights::lexer::Kind;
use crate::insights::plan::{Matcher, Name, Parse, Span, Step, System};
use crate::insights::syntax::Node;
use crate::insights::text_pattern;

pub(super) fn parse(parser: &mut Parser<'_>, span: Span) -> Result<(), QueryError> {
    let input = operand(parser, span)?;
    let input = parser.builder.resolve(&input)?;
    let (by, columns) = match parser.cursor.regex()? {
        Some((text, regex_span)) => of_regex(parser, &text, regex_span)?,
        None => of_glob(parser)?,
    };
    parser.builder.step(Step::Parse(Parse { input, by, columns: columns.clone() }), span)?;
    columns.iter().for_each(|column| parser.builder.define(column));
    Ok(())
}

/// What is taken apart: `@message`, if it is not said.
fn operand(parser: &mut Parser<'_>, span: Span) -> Result<Node, QueryError> {
    let is_pattern = parser.cursor.is_symbol("/")
        || matches!(parser.cursor.peek(), Kind::Text(_)) && !matches!(parser.cursor.peek_second(), Some(Kind::Text(_)));
    match is_pattern {
        true => Ok(Node::of_name(System::Message.name(), span)),
        false => parser.expressions(|expressions| expressions.part()),
    }
}

fn of_glob(parser: &mut Parser<'_>) -> Result<(Matcher, Vec<Name>), QueryError> {
    let span = parser.cursor.span();
    let Kind::Text(text) = parser.cursor.peek().clone() else {
        return Err(parser.cursor.expected("a text in quotes, a regular expression"));
    };
    parser.cursor.advance()?;
    let glob = Glob::new(&text);
    parser.cursor.word("as")?;
    let columns = new_names(parser)?;
    if glob.captures_len() != columns.len() {
        let (stars, names) = (glob.captures_len(), columns.len());
        return Err(QueryError::new(
            parser.cursor.since(span.start),
            format!("the parse pattern has {stars} wildcards, but {names} fields are named"),
        ));
    }
    Ok((Matcher::Glob(Arc::new(glob)), columns))
}

fn of_regex(parser: &mut Parser<'_>, text: &str, span: Span) -> Result<(Matcher, Vec<Name>), QueryError> {
    let regex = text_pattern::compile(text, span)?;
    let named: Vec<(usize, &str)> =
        regex.capture_names().enumerate().filter_map(|(group, name)| Some((group, name?))).collect();
    let (groups, columns) = if parser.cursor.eat_word("as")? {
        let columns = new_names(parser)?;
        let unnamed = regex.captures_len() - 1;
        if unnamed != columns.len() {
            let names = columns.len();
            return Err(QueryError::new(
                parser.cursor.since(span.start),
                format!("the parse pattern has {unnamed} groups, but {names} fields are named"),
            ));
        }
        ((1..=unnamed).collect(), columns)
    } else {
        let mut columns = Vec::new();
        for (_, name) in &named {
            check_new(parser, name, span)?;
            columns.push(parser.builder.intern(name));
        }
        (named.iter().map(|(group, _)| *group).collect(), columns)
    };
    if columns.is_empty() {
        return Err(QueryError::new(span, "the regular expression of parse has no named group"));
    }
    Ok((Matcher::Regex(Arc::new(regex), groups), columns))
}

fn new_names(parser: &mut Parser<'_>) -> Result<Vec<Name>, QueryError> {
    let mut columns: Vec<Name> = Vec::new();
    for (name, span) in parser.cursor.names()? {
        check_new(parser, &name, span)?;
        if columns.iter().any(|known| known.name.as_ref() == name) {
            return Err(QueryError::new(span, format!("Ephemeral field is already defined: {name}")));
        }
        columns.push(parser.builder.intern(&name));
    }
    Ok(columns)
}
