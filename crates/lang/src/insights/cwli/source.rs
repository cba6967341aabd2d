//! `SOURCE logGroups(namePrefix: ['/aws/lambda'], class: ['STANDARD'])`, `SOURCE 'group'`.

use super::Nesting;
use crate::insights::cursor::Cursor;
use crate::insights::error::QueryError;
use crate::insights::lexer::Kind;
use crate::insights::limits::{SOURCE_ACCOUNTS_MAX, SOURCE_DATA_SOURCES_MAX, SOURCE_PREFIXES_MAX};
use crate::insights::parser::Walk;
use crate::insights::plan::{Selection, Source};

/// The classes of log groups.
const CLASSES: &[&str] = &["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"];

pub(super) fn source(cursor: &mut Cursor, nesting: Nesting) -> Result<Source, QueryError> {
    cursor.word("source")?;
    if matches!(cursor.peek(), Kind::Text(_) | Kind::Name { plain: false, .. }) {
        return Ok(Source::Named(cursor.list(Cursor::name_or_quoted)?));
    }
    let mut selections = Vec::new();
    loop {
        if cursor.is_word("loggroups") {
            selections.push(log_groups(cursor)?);
        } else if cursor.is_word("datasource") {
            selections.push(data_sources(cursor)?);
        } else if !selections.is_empty() {
            return Ok(Source::Selections(selections));
        } else {
            let expected = match nesting {
                Nesting::Outer => "logGroups, dataSource",
                Nesting::Inner => "a log group in quotes, logGroups, dataSource",
            };
            return Err(cursor.expected(expected));
        }
        cursor.eat_symbol(",")?;
    }
}

fn log_groups(cursor: &mut Cursor) -> Result<Selection, QueryError> {
    cursor.advance()?;
    cursor.symbol("(")?;
    let mut selection = Selection::default();
    while !cursor.is_symbol(")") {
        let span = cursor.span();
        let (name, _) = cursor.name()?;
        cursor.symbol(":")?;
        let values = list(cursor)?;
        let limit = |limit: usize| match values.len() {
            found if found <= limit => Ok(()),
            found => Err(QueryError::new(span, format!("{name} takes at most {limit} values, but has {found}"))),
        };
        match name.to_ascii_lowercase().as_str() {
            "nameprefix" => {
                limit(SOURCE_PREFIXES_MAX)?;
                selection.name_prefixes = values;
            }
            "accountidentifiers" | "accountidentifier" => {
                limit(SOURCE_ACCOUNTS_MAX)?;
                selection.accounts = values;
            }
            "class" | "loggroupclass" => {
                limit(1)?;
                let class = values.into_iter().next().unwrap_or_default();
                if !CLASSES.contains(&class.as_str()) {
                    return Err(QueryError::new(span, format!("{class} is not a log group class")));
                }
                selection.class = Some(class);
            }
            _ => return Err(QueryError::new(span, format!("unknown parameter of logGroups: {name}"))),
        }
        if !cursor.eat_symbol(",")? {
            break;
        }
    }
    cursor.symbol(")")?;
    Ok(selection)
}

fn data_sources(cursor: &mut Cursor) -> Result<Selection, QueryError> {
    let span = cursor.span();
    cursor.advance()?;
    cursor.symbol("(")?;
    let data_sources = list(cursor)?;
    cursor.symbol(")")?;
    if data_sources.len() > SOURCE_DATA_SOURCES_MAX {
        let message = format!("dataSource takes at most {SOURCE_DATA_SOURCES_MAX} values");
        return Err(QueryError::new(span, message));
    }
    Ok(Selection { data_sources, ..Selection::default() })
}

/// Texts in brackets.
fn list(cursor: &mut Cursor) -> Result<Vec<String>, QueryError> {
    cursor.symbol("[")?;
    let values = cursor.list(Cursor::quoted)?;
    cursor.symbol("]")?;
    Ok(values)
}
