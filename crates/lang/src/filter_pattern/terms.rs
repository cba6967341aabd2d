//! Terms, compiled: which must occur, of which one must, which must not.

use memchr::memmem;

use super::regular::Regular;

/// The terms of a pattern. Without any, everything matches.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// All of these occur.
    pub(super) all: Vec<Needle>,
    /// At least one of these occurs, if there are any and no term of another kind: mixed with others they are ignored.
    pub(super) any: Vec<Needle>,
    /// None of these occurs.
    pub(super) none: Vec<Needle>,
}

/// What is searched in a message.
#[derive(Debug, Clone)]
pub(super) enum Needle {
    /// These bytes, anywhere.
    Literal(Box<memmem::Finder<'static>>),
    /// A match of this expression.
    Regex(Regular),
}

impl Terms {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty() && self.none.is_empty()
    }

    pub(super) fn matches(&self, message: &[u8]) -> bool {
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.is_empty() || self.any.iter().any(|needle| needle.occurs(message));
        }
        self.all.iter().all(|needle| needle.occurs(message)) && !self.none.iter().any(|needle| needle.occurs(message))
    }

    pub(super) fn required_words(&self) -> Vec<String> {
        let literals = self.required_literals().filter_map(|literal| std::str::from_utf8(literal).ok());
        let mut words: Vec<String> = literals.flat_map(inner_words).map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        words
    }

    pub(super) fn required_literals(&self) -> impl Iterator<Item = &[u8]> {
        let sole = match self.any.as_slice() {
            [only] if self.all.is_empty() && self.none.is_empty() => Some(only),
            _ => None,
        };
        self.all.iter().chain(sole).filter_map(|needle| match needle {
            Needle::Literal(finder) => Some(finder.needle()),
            Needle::Regex(regex) => regex.literal(),
        })
    }
}

impl Needle {
    pub(super) fn literal(text: &str) -> Needle {
        Needle::Literal(Box::new(memmem::Finder::new(text.as_bytes()).into_owned()))
    }

    fn occurs(&self, message: &[u8]) -> bool {
        match self {
            Needle::Literal(finder) => finder.find(message).is_some(),
            Needle::Regex(regex) => regex.is_match(message),
        }
    }
}

/// The words of a literal that do not touch its ends, where a message's own words may go on.
pub(super) fn inner_words(literal: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_ascii() && !(c.is_ascii_alphanumeric() || c == '_');
    let inner = literal.find(between).zip(literal.rfind(between)).and_then(|(first, last)| literal.get(first..=last));
    inner.unwrap_or_default().split(between).filter(|word| !word.is_empty())
}
