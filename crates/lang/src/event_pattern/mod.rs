//! Event patterns: which events a rule is for. A pattern is a JSON object of fields with lists of values and matchers; an event matches
//! if every field has a leaf for which one of its list holds ("Amazon EventBridge event patterns"). The matchers of single values are
//! those of SNS's filter policies ([`crate::filter_policy::leaf`]), which have them from here.
//!
//! A pattern is taken apart into **combinations**, one for each way through its `$or` lists, and a combination into **terms**, each a
//! path and a list of alternatives. An event is walked once, for one pattern ([`EventPattern`]) as for all those of a bus
//! ([`EventMatcher`]), and only its leaves at paths of terms are looked at; texts that are equal to a pattern's are found by hash. What
//! chosen leaves must have in common beyond that, elements of arrays, is looked at last (`arrays`).
//!
//! ```
//! use watchkeep_lang::event_pattern::EventPattern;
//!
//! let pattern = EventPattern::parse(r#"{"source": ["shop"], "detail": {"total": [{"numeric": [">", 10]}]}}"#)?;
//! assert!(pattern.matches(br#"{"source": "shop", "detail": {"total": 12.5, "store": "berlin"}}"#));
//! assert!(!pattern.matches(br#"{"source": "shop", "detail": {"total": 3}}"#));
//! # Ok::<(), watchkeep_lang::event_pattern::EventPatternError>(())
//! ```

mod arrays;
mod complexity;
pub mod limits;
mod matcher;
mod parse;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use crate::filter_policy::leaf::{Leaf, Matcher};
use matcher::Program;

pub use matcher::EventMatcher;

/// Why a text is no event pattern: the sentence behind `Event pattern is not valid. Reason: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EventPatternError(String);

/// A pattern, compiled. Cheap to copy, safe to share between threads.
#[derive(Debug, Clone)]
pub struct EventPattern {
    combinations: Arc<[Combination]>,
    program: Arc<Program>,
}

impl EventPattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// [`EventPatternError`], if it is none.
    pub fn parse(text: &str) -> Result<EventPattern, EventPatternError> {
        let combinations: Arc<[Combination]> = parse::parse(text)?.into();
        let program = Arc::new(Program::new([(0, &*combinations)]));
        Ok(EventPattern { combinations, program })
    }

    /// Whether an event matches: a JSON object as text. What is no JSON object does not.
    pub fn matches(&self, event: &[u8]) -> bool {
        !self.program.matching(event).is_empty()
    }
}

/// Fields that must all have a leaf that is right, by path: names joined with dots, which is how EventBridge joins them, too.
type Combination = Vec<(Arc<str>, Arc<Alternatives>)>;

/// The list of a field.
#[derive(Debug, Clone, PartialEq, Default)]
struct Alternatives {
    /// What a leaf may be like.
    matchers: Vec<Test>,
    /// Whether there may be no leaf.
    may_be_absent: bool,
}

/// What a leaf may be like.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    /// Like anything.
    Anything,
    /// Like this.
    Like(Matcher),
}

impl Test {
    fn holds(&self, leaf: Leaf<'_>) -> bool {
        match self {
            Test::Anything => true,
            Test::Like(matcher) => matcher.holds(leaf),
        }
    }
}
