//! Text to a pattern of one of the three kinds; the terms themselves.

use super::cursor::quoted;
use super::delimited::DelimitedPattern;
use super::json::JsonPattern;
use super::limits::{PATTERN_CHARS_MAX, REGEXES_MAX};
use super::terms::{Needle, Terms};
use super::{Kind, PatternError, regular};

/// Parses a pattern; how many regular expressions it has.
pub(super) fn parse(text: &str) -> Result<(Kind, usize), PatternError> {
    if text.chars().nth(PATTERN_CHARS_MAX).is_some() {
        return Err(PatternError::TooLong);
    }
    let text = text.trim();
    if let Some(inner) = within(text, '{', '}')? {
        return JsonPattern::parse(inner).map(|(pattern, regexes)| (Kind::Json(pattern), regexes));
    }
    if let Some(inner) = within(text, '[', ']')? {
        return DelimitedPattern::parse(inner).map(|(pattern, regexes)| (Kind::Delimited(pattern), regexes));
    }
    terms(text).map(|(terms, regexes)| (Kind::Terms(terms), regexes))
}

/// What stands between an opening and a closing character, if the text begins with the one.
fn within(text: &str, open: char, close: char) -> Result<Option<&str>, PatternError> {
    match text.strip_prefix(open) {
        Some(rest) => rest.strip_suffix(close).map(Some).ok_or(PatternError::Unbalanced { open, close }),
        None => Ok(None),
    }
}

fn terms(text: &str) -> Result<(Terms, usize), PatternError> {
    let mut terms = Terms::default();
    if is_blank_phrase(text) {
        return Ok((terms, 0));
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
    Ok((terms, regexes))
}

/// Whether the pattern is one phrase of blanks, which matches everything.
fn is_blank_phrase(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.is_some_and(|inner| inner.trim().is_empty())
}

/// A phrase and what follows it.
fn phrase(text: &str) -> Result<(Needle, &str), PatternError> {
    quoted(text).map(|(literal, after)| (Needle::literal(&literal), after))
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
