//! Comparisons: what a value must be.

use memchr::memmem;

use super::regular::Regular;

/// An operator and its operand.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) operator: Operator,
    pub(super) operand: Operand,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// What a value is compared with.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// A number, and how it is written.
    Number { value: f64, text: Box<[u8]> },
    /// A text, perhaps with a wildcard at its ends.
    Text(Glob),
    /// A match of this expression.
    Regex(Regular),
}

/// A text with a `*` at its start, its end, or both; elsewhere it stands for itself.
#[derive(Debug, Clone)]
pub(super) enum Glob {
    Anything,
    Exactly(Box<[u8]>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    Contains(Box<memmem::Finder<'static>>),
}

/// Beyond this, numbers are compared by how they are written: not every whole number is a double.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

impl Comparison {
    /// Whether a value is as it must be: its text, and what number it is, if it is one.
    pub(super) fn holds(&self, text: &[u8], number: impl FnOnce() -> Option<f64>) -> bool {
        match &self.operand {
            Operand::Number { value, text: written } => match (self.operator, number()) {
                (Operator::Equal, Some(number)) => equal(number, *value, text, written),
                (Operator::NotEqual, Some(number)) => !equal(number, *value, text, written),
                (Operator::Less, Some(number)) => number < *value,
                (Operator::AtMost, Some(number)) => number <= *value,
                (Operator::Greater, Some(number)) => number > *value,
                (Operator::AtLeast, Some(number)) => number >= *value,
                (Operator::Equal, None) => *text == **written,
                (Operator::NotEqual, None) => *text != **written,
                (_, None) => false,
            },
            Operand::Text(glob) => glob.matches(text) == (self.operator == Operator::Equal),
            Operand::Regex(regex) => regex.is_match(text) == (self.operator == Operator::Equal),
        }
    }

    /// What every value that passes has in it.
    pub(super) fn certain(&self) -> Option<&[u8]> {
        match (&self.operand, self.operator) {
            (Operand::Text(glob), Operator::Equal) => glob.literal(),
            (Operand::Regex(regex), Operator::Equal) => regex.literal(),
            _ => None,
        }
    }
}

impl Comparison {
    /// The text that every value that passes has in it, between blanks where it begins or ends the value.
    pub(super) fn certain_between_blanks(&self) -> Option<String> {
        let text = std::str::from_utf8(self.certain()?).ok()?;
        let Operand::Text(glob) = &self.operand else { return None };
        Some(match glob {
            Glob::Anything | Glob::Contains(_) => text.to_owned(),
            Glob::Exactly(_) => format!(" {text} "),
            Glob::StartsWith(_) => format!(" {text}"),
            Glob::EndsWith(_) => format!("{text} "),
        })
    }
}

fn equal(one: f64, other: f64, text: &[u8], written: &[u8]) -> bool {
    if other.abs() < EXACT_MAX { one == other } else { text == written }
}

impl Glob {
    pub(super) fn new(text: &str) -> Glob {
        let (starts_open, inner) = match text.strip_prefix('*') {
            Some(inner) => (true, inner),
            None => (false, text),
        };
        let (ends_open, inner) = match inner.strip_suffix('*') {
            Some(inner) => (true, inner),
            None => (false, inner),
        };
        let literal = inner.as_bytes();
        match (starts_open, ends_open) {
            (true, _) | (_, true) if inner.is_empty() => Glob::Anything,
            (false, false) => Glob::Exactly(literal.into()),
            (false, true) => Glob::StartsWith(literal.into()),
            (true, false) => Glob::EndsWith(literal.into()),
            (true, true) => Glob::Contains(Box::new(memmem::Finder::new(literal).into_owned())),
        }
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Glob::Anything => true,
            Glob::Exactly(literal) => *text == **literal,
            Glob::StartsWith(literal) => text.starts_with(literal),
            Glob::EndsWith(literal) => text.ends_with(literal),
            Glob::Contains(finder) => finder.find(text).is_some(),
        }
    }

    fn literal(&self) -> Option<&[u8]> {
        match self {
            Glob::Anything => None,
            Glob::Exactly(literal) | Glob::StartsWith(literal) | Glob::EndsWith(literal) => Some(literal),
            Glob::Contains(finder) => Some(finder.needle()),
        }
    }
}
