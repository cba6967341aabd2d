//! Text to terms.

use super::limits::{PATTERN_CHARS_MAX, REGEXES_MAX};
use super::terms::{Needle, Terms};
use super::{PatternError, regular};

/// Parses a pattern.
pub(super) fn parse(text: &str) -> Result<Terms, PatternError> {
    if text.chars().nth(PATTERN_CHARS_MAX).is_some() {
        return Err(PatternError::TooLong);
    }
    let text = text.trim();
    refuse_structured(text)?;
    let mut terms = Terms::default();
    if is_blank_phrase(text) {
        return Ok(terms);
    }
    let mut regexes = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (kind, body) = match rest.as_bytes().first() {
            Some(b'-') => (&mut terms.none, rest.get(1..).unwrap_or_default()),
            Some(b'?') => (&mut terms.any, rest.get(1..).unwrap_or_default()),
            _ => (&mut terms.all, rest),
        };
        let (needle, after) = match body.as_bytes().first() {
            Some(b'"') => phrase(body)?,
            Some(b'%') => {
                regexes += 1;
                regex(body)?
            }
            _ => word(rest, body)?,
        };
        if regexes > REGEXES_MAX {
            return Err(PatternError::TooManyRegexes);
        }
        // Whatever follows a term without a blank belongs to it, and cannot stand there.
        if after.chars().next().is_some_and(|c| !c.is_whitespace()) {
            return Err(PatternError::Characters { term: written(rest) });
        }
        kind.push(needle);
        rest = after.trim_start();
    }
    Ok(terms)
}

fn refuse_structured(text: &str) -> Result<(), PatternError> {
    for (open, close, events) in [('{', '}', "JSON"), ('[', ']', "space-delimited")] {
        if text.starts_with(open) {
            return Err(match text.ends_with(close) {
                true => PatternError::Unsupported { events },
                false => PatternError::Unbalanced { open, close },
            });
        }
    }
    Ok(())
}

/// Whether the pattern is one phrase of blanks, which matches everything.
fn is_blank_phrase(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.is_some_and(|inner| inner.trim().is_empty())
}

/// A phrase and what follows it. Within, only the quote can be escaped.
fn phrase(text: &str) -> Result<(Needle, &str), PatternError> {
    let inner = text.get(1..).unwrap_or_default();
    let mut literal = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Needle::literal(&literal), inner.get(at + 1..).unwrap_or_default())),
            '\\' if chars.next_if(|&(_, next)| next == '"').is_some() => literal.push('"'),
            c => literal.push(c),
        }
    }
    Err(PatternError::Unclosed { delimiter: '"' })
}

/// A regular expression and what follows it.
fn regex(text: &str) -> Result<(Needle, &str), PatternError> {
    let inner = text.get(1..).unwrap_or_default();
    let (expression, after) = inner.split_once('%').ok_or(PatternError::Unclosed { delimiter: '%' })?;
    Ok((Needle::Regex(regular::compile(expression)?), after))
}

/// A word and what follows it. `term` is the same with its sign, for the error.
fn word<'t>(term: &str, text: &'t str) -> Result<(Needle, &'t str), PatternError> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    match text.split_at_checked(end) {
        Some((word, after)) if !word.is_empty() => Ok((Needle::literal(word), after)),
        _ => Err(PatternError::Characters { term: written(term) }),
    }
}

/// A term as it was written: up to the next blank.
fn written(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_owned()
}
