//! What `like`, `=~` and `parse` search for, compiled.

use std::sync::Arc;

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};

use super::error::QueryError;
use super::limits::REGEX_BYTES_MAX;
use super::plan::{Pattern, Span};

/// A text, anywhere.
pub(super) fn contains(text: &str) -> Pattern {
    Pattern::Contains(Arc::new(Finder::new(text).into_owned()))
}

/// A regular expression, anywhere.
pub(super) fn regex(text: &str, span: Span) -> Result<Pattern, QueryError> {
    Ok(Pattern::Regex(Arc::new(compile(text, span)?)))
}

/// `%` for any text, `_` for any character, a backslash before either for itself; of the whole text.
pub(super) fn wildcards(text: &str, span: Span) -> Result<Pattern, QueryError> {
    let mut pattern = String::from("(?s)^");
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => pattern += ".*",
            '_' => pattern.push('.'),
            '\\' => pattern += &regex::escape(&chars.next().unwrap_or('\\').to_string()),
            c => pattern += &regex::escape(&c.to_string()),
        }
    }
    pattern.push('$');
    Ok(Pattern::Wildcards(text.into(), Arc::new(compile(&pattern, span)?)))
}

/// Compiles a regular expression.
pub(super) fn compile(text: &str, span: Span) -> Result<Regex, QueryError> {
    RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build().map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        };
        QueryError::new(span, format!("invalid regular expression: {reason}"))
    })
}
