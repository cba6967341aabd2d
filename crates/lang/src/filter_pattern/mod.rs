//! Filter patterns: what FilterLogEvents, metric filters, subscription filters and Live Tail select events by.
//!
//! This is the part of the language for unstructured events ("Filter pattern syntax for metric filters, subscription
//! filters, filter log events, and Live Tail"): terms and phrases that must occur, `?` terms of which one must, `-` terms
//! that must not, and regular expressions between `%`. Patterns of JSON (`{ ... }`) and of space-delimited events (`[ ... ]`)
//! are recognized and refused.
//!
//! ```
//! use watchkeep_lang::filter_pattern::FilterPattern;
//!
//! let pattern = FilterPattern::parse(r#"ERROR -"timed out""#)?;
//! assert!(pattern.matches(b"[ERROR 400] BAD REQUEST"));
//! assert!(!pattern.matches(b"[ERROR 504] timed out"));
//! # Ok::<(), watchkeep_lang::filter_pattern::PatternError>(())
//! ```

mod limits;
mod parse;
mod regular;
mod terms;
#[cfg(test)]
mod tests;

use terms::Terms;

/// A pattern, compiled. Cheap to ask, safe to share between threads.
#[derive(Debug, Clone)]
pub struct FilterPattern {
    terms: Terms,
}

/// Why a text is not a filter pattern. The texts are those that CloudWatch Logs answers with, where it is specific.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The pattern is longer than 1,024 characters.
    #[error("Invalid filter pattern: it has more than {} characters", limits::PATTERN_CHARS_MAX)]
    TooLong,
    /// A term has characters that must stand in quotes.
    #[error("Invalid character(s) in term '{term}'")]
    Characters {
        /// The term, as written.
        term: String,
    },
    /// A quote, or the `%` of a regular expression, is opened and not closed.
    #[error("Invalid filter pattern: missing closing {delimiter}")]
    Unclosed {
        /// What is missing.
        delimiter: char,
    },
    /// A pattern that begins with `{` or `[` does not end with its counterpart.
    #[error("If a filter pattern starts with '{open}' it must end with '{close}'")]
    Unbalanced {
        /// What it begins with.
        open: char,
        /// What it must end with.
        close: char,
    },
    /// A regular expression uses what the language does not have, or is not well formed.
    #[error("Invalid filter pattern: invalid regular expression '{expression}': {reason}")]
    Regex {
        /// The expression, as written.
        expression: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There are more than two regular expressions.
    #[error("Invalid filter pattern: more than {} regular expressions", limits::REGEXES_MAX)]
    TooManyRegexes,
    /// The pattern is of a part of the language that this version does not have.
    #[error(
        "Invalid filter pattern: patterns for {events} events are not supported by this version; use terms, phrases and %regular expressions%"
    )]
    Unsupported {
        /// "JSON" or "space-delimited".
        events: &'static str,
    },
}

impl FilterPattern {
    /// Compiles a pattern. An empty one, or one of blanks only, matches everything.
    ///
    /// # Errors
    ///
    /// [`PatternError`], whose text is for the caller of the API (`InvalidParameterException`).
    pub fn parse(text: &str) -> Result<FilterPattern, PatternError> {
        parse::parse(text).map(|terms| FilterPattern { terms })
    }

    /// Whether an event's message matches.
    pub fn matches(&self, message: &[u8]) -> bool {
        self.terms.matches(message)
    }

    /// Whether every message matches.
    pub fn matches_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// Words that every matching message has as a whole: longest runs of ASCII letters, digits, `_` and bytes above 127.
    /// Word filters on stored events use them to skip what cannot match. A term is searched as a substring, so that only
    /// words inside a phrase, between characters that are no part of words, are certain.
    pub fn required_words(&self) -> Vec<String> {
        self.terms.required_words()
    }

    /// Literals that every matching message contains somewhere. Filters of pieces of stored events use them to skip what cannot
    /// match.
    pub fn required_literals(&self) -> Vec<Vec<u8>> {
        self.terms.required_literals().map(<[u8]>::to_vec).collect()
    }
}
