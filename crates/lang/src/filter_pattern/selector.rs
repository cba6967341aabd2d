//! Selectors of JSON patterns: `$.a.b[0]`, `$.*`, `$.a[*].['a name']`.

use super::PatternError;
use super::cursor::Cursor;
use super::limits::{SELECTOR_STEPS_MAX, SELECTOR_WILDCARDS_MAX};
use crate::json::{Path, Step};

/// A selector, and how it is written.
pub(super) struct Selector<'t> {
    pub(super) path: Path,
    pub(super) text: &'t str,
    /// Whether it has a wildcard.
    pub(super) is_wild: bool,
}

/// Reads a selector.
pub(super) fn selector<'t>(cursor: &mut Cursor<'t>) -> Result<Selector<'t>, PatternError> {
    cursor.blanks();
    let written = cursor.rest;
    let Some(rest) = written.strip_prefix('$') else { return Err(cursor.unexpected("a selector")) };
    cursor.rest = rest;
    let mut steps = Vec::new();
    while let Some(step) = step(cursor)? {
        if steps.len() == SELECTOR_STEPS_MAX {
            return Err(PatternError::SelectorTooLong);
        }
        steps.push(step);
    }
    if steps.is_empty() {
        return Err(cursor.unexpected("a property"));
    }
    let wildcards = steps.iter().filter(|step| matches!(step, Step::AnyMember | Step::AnyElement)).count();
    if wildcards > SELECTOR_WILDCARDS_MAX {
        return Err(PatternError::TooManyWildcards);
    }
    let text = written.get(..written.len() - cursor.rest.len()).unwrap_or_default();
    Ok(Selector { path: steps.into(), text, is_wild: wildcards > 0 })
}

/// The selector that a whole text is.
pub(super) fn whole(text: &str) -> Result<Selector<'_>, PatternError> {
    let mut cursor = Cursor::new(text.trim());
    let selector = selector(&mut cursor)?;
    if cursor.rest.is_empty() { Ok(selector) } else { Err(cursor.unexpected("a property")) }
}

/// Reads a step, if one comes next.
fn step(cursor: &mut Cursor<'_>) -> Result<Option<Step>, PatternError> {
    let Some(next) = cursor.rest.chars().next() else { return Ok(None) };
    match next {
        '.' => {
            cursor.rest = cursor.rest.get(1..).unwrap_or_default();
            if cursor.rest.starts_with('[') {
                return in_brackets(cursor).map(Some);
            }
            if cursor.rest.starts_with('*') {
                cursor.rest = cursor.rest.get(1..).unwrap_or_default();
                return Ok(Some(Step::AnyMember));
            }
            let key = cursor.take(|c| c.is_alphanumeric() || c == '_' || c == '-');
            if key.is_empty() { Err(cursor.unexpected("a property")) } else { Ok(Some(Step::Member(key.into()))) }
        }
        '[' => in_brackets(cursor).map(Some),
        _ => Ok(None),
    }
}

/// Reads `[0]`, `[*]` or `['name']`.
fn in_brackets(cursor: &mut Cursor<'_>) -> Result<Step, PatternError> {
    let inner = cursor.rest.get(1..).unwrap_or_default();
    let (step, after) = match inner.strip_prefix('\'') {
        Some(quoted) => {
            let (name, after) = quoted.split_once('\'').ok_or(PatternError::Unclosed { delimiter: '\'' })?;
            (Step::Member(name.into()), after)
        }
        None => {
            let end = inner.find(']').ok_or(PatternError::Unclosed { delimiter: ']' })?;
            let (index, after) = inner.split_at_checked(end).unwrap_or_default();
            let is_number = index.bytes().all(|byte| byte.is_ascii_digit());
            match (index, index.parse()) {
                ("*", _) => (Step::AnyElement, after),
                (_, Ok(index)) if is_number => (Step::Element(index), after),
                _ => return Err(cursor.unexpected("the index of an element")),
            }
        }
    };
    cursor.rest = after.strip_prefix(']').ok_or(PatternError::Unclosed { delimiter: ']' })?;
    Ok(step)
}
