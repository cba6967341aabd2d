//! Filter patterns: what FilterLogEvents, metric filters, subscription filters and Live Tail select events by.
//!
//! A pattern is of one of three kinds ("Filter pattern syntax for metric filters, subscription filters, filter log events, and
//! Live Tail"): **terms** and phrases that must occur, `?` terms of which one must, `-` terms that must not; **JSON** patterns
//! (`{ $.user.id = 1 && $.error IS TRUE }`) of messages that are JSON objects; **space-delimited** patterns
//! (`[ip, user, ..., status = 4*]`) of lines of fields. Regular expressions stand between `%`. JSON is read in one pass that
//! looks only at what the pattern selects; no tree is built.
//!
//! ```
//! use watchkeep_lang::filter_pattern::FilterPattern;
//!
//! let pattern = FilterPattern::parse(r#"ERROR -"timed out""#)?;
//! assert!(pattern.matches(b"[ERROR 400] BAD REQUEST"));
//! assert!(!pattern.matches(b"[ERROR 504] timed out"));
//! let pattern = FilterPattern::parse("{ $.code = 4* }")?;
//! let latency = pattern.reader(&["$.latency"])?;
//! assert_eq!(latency.read(br#"{"code": 404, "latency": 12.5}"#), Some(vec![Some("12.5".into())]));
//! # Ok::<(), watchkeep_lang::filter_pattern::PatternError>(())
//! ```

mod comparison;
mod cursor;
mod delimited;
mod expression;
mod json;
pub mod limits;
mod parse;
mod reader;
mod regular;
mod selector;
mod terms;
#[cfg(test)]
mod tests;

use delimited::DelimitedPattern;
use json::JsonPattern;
use terms::Terms;

pub use reader::FieldReader;

/// A pattern, compiled. Cheap to ask, safe to share between threads.
#[derive(Debug, Clone)]
pub struct FilterPattern {
    kind: Kind,
    regexes: usize,
}

#[derive(Debug, Clone)]
enum Kind {
    Terms(Terms),
    Json(JsonPattern),
    Delimited(DelimitedPattern),
}

/// What events a pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternKind {
    /// Any text; there is nothing to extract.
    Terms,
    /// JSON objects.
    Json,
    /// Lines of fields.
    Delimited,
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
    /// Something else stands where this is expected.
    #[error("Invalid filter pattern: expected {expected} at '{found}'")]
    Syntax {
        /// What is expected.
        expected: &'static str,
        /// What stands there, up to some characters.
        found: String,
    },
    /// `<`, `<=`, `>` and `>=` compare numbers only.
    #[error("Invalid filter pattern: <, <=, > and >= need a number")]
    NotANumber,
    /// Parentheses stand too deep in one another.
    #[error("Invalid filter pattern: parentheses are nested more than {} deep", limits::PARENTHESES_DEPTH_MAX)]
    TooDeep,
    /// There are too many conditions.
    #[error("Invalid filter pattern: more than {} conditions", limits::CONDITIONS_MAX)]
    TooManyConditions,
    /// A selector has too many steps.
    #[error("Invalid filter pattern: a selector has more than {} steps", limits::SELECTOR_STEPS_MAX)]
    SelectorTooLong,
    /// A selector has two wildcards, or there are more than three selectors with one.
    #[error(
        "Invalid filter pattern: a selector can have {} wildcard, and a pattern {} selectors with one",
        limits::SELECTOR_WILDCARDS_MAX,
        limits::PATTERN_WILDCARDS_MAX
    )]
    TooManyWildcards,
    /// `...` occurs twice.
    #[error("Invalid filter pattern: more than one ellipsis")]
    TooManyEllipses,
    /// There are too many fields.
    #[error("Invalid filter pattern: more than {} fields", limits::FIELDS_MAX)]
    TooManyFields,
    /// The conditions of one field name two.
    #[error("Invalid filter pattern: conditions of one field name another, '{field}'")]
    TwoNames {
        /// The other.
        field: String,
    },
    /// A value is wanted that the pattern's events do not have.
    #[error("Invalid filter pattern: '{field}' is not a field of it")]
    UnknownField {
        /// What is wanted.
        field: String,
    },
}

impl FilterPattern {
    /// Compiles a pattern. An empty one, or one of blanks only, matches everything.
    ///
    /// # Errors
    ///
    /// [`PatternError`], whose text is for the caller of the API (`InvalidParameterException`).
    pub fn parse(text: &str) -> Result<FilterPattern, PatternError> {
        parse::parse(text).map(|(kind, regexes)| FilterPattern { kind, regexes })
    }

    /// What events it is for.
    pub fn kind(&self) -> PatternKind {
        match self.kind {
            Kind::Terms(_) => PatternKind::Terms,
            Kind::Json(_) => PatternKind::Json,
            Kind::Delimited(_) => PatternKind::Delimited,
        }
    }

    /// Whether it has regular expressions, of which a log group's filters can have some only.
    pub fn has_regexes(&self) -> bool {
        self.regexes > 0
    }

    /// Whether an event's message matches.
    pub fn matches(&self, message: &[u8]) -> bool {
        match &self.kind {
            Kind::Terms(terms) => terms.matches(message),
            Kind::Json(pattern) => pattern.matches(message),
            Kind::Delimited(pattern) => pattern.matches(message),
        }
    }

    /// What is extracted of a message that matches: the values of a JSON pattern's selectors, by these, as far as they have
    /// one; all fields of a line, by `$name` or `$3`. Nothing by terms.
    pub fn extract(&self, message: &[u8]) -> Option<Vec<(String, String)>> {
        match &self.kind {
            Kind::Terms(terms) => terms.matches(message).then(Vec::new),
            Kind::Json(pattern) => pattern.extract(message),
            Kind::Delimited(pattern) => pattern.extract(message),
        }
    }

    /// A reader of some values, selectors like `$.latency` or fields like `$size` or `$7`, of the messages that match.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if one of them cannot be a value of the pattern's events.
    pub fn reader(&self, wanted: &[&str]) -> Result<FieldReader, PatternError> {
        FieldReader::new(&self.kind, wanted)
    }

    /// Whether every message matches.
    pub fn matches_everything(&self) -> bool {
        match &self.kind {
            Kind::Terms(terms) => terms.is_empty(),
            Kind::Json(_) => false,
            Kind::Delimited(pattern) => pattern.matches_everything(),
        }
    }

    /// Words that every matching message has as a whole: longest runs of ASCII letters, digits, `_` and bytes above 127.
    /// Word filters on stored events use them to skip what cannot match. A term is searched as a substring, so that only
    /// words inside a phrase, between characters that are no part of words, are certain; words of JSON may be spelled with
    /// escapes.
    pub fn required_words(&self) -> Vec<String> {
        match &self.kind {
            Kind::Terms(terms) => terms.required_words(),
            Kind::Json(_) => Vec::new(),
            Kind::Delimited(pattern) => {
                let mut words = Vec::new();
                pattern.required(&mut |comparison| {
                    let text = comparison.certain_between_blanks().unwrap_or_default();
                    words.extend(terms::inner_words(&text).map(str::to_owned));
                });
                words.sort_unstable();
                words.dedup();
                words
            }
        }
    }

    /// Literals that every matching message contains somewhere, but for those with [`Self::escape`]. Filters of pieces of
    /// stored events use them to skip what cannot match.
    pub fn required_literals(&self) -> Vec<Vec<u8>> {
        match &self.kind {
            Kind::Terms(terms) => terms.required_literals().map(<[u8]>::to_vec).collect(),
            Kind::Json(pattern) => pattern.required_literals(),
            Kind::Delimited(pattern) => {
                let mut literals = Vec::new();
                pattern.required(&mut |comparison| literals.extend(comparison.certain().map(<[u8]>::to_vec)));
                literals.retain(|literal| !literal.is_empty());
                literals
            }
        }
    }

    /// What a message has in it that matches without the required literals: in JSON, any character can be spelled as an escape.
    pub fn escape(&self) -> Option<&'static [u8]> {
        match self.kind {
            Kind::Json(_) => Some(json::ESCAPE),
            Kind::Terms(_) | Kind::Delimited(_) => None,
        }
    }
}
