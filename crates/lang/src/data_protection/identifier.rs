//! What a data identifier is.

use std::ops::Range;

use super::identifiers;

/// Sensitive data of one sort: a managed data identifier, by its name, or a custom one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A managed one, as `Ssn-US`.
    Managed(&'static str),
    /// One that the policy defines.
    Custom {
        /// Its name.
        name: String,
        /// The regular expression that finds its values.
        regex: String,
    },
}

impl Identifier {
    /// The name, as findings have it.
    pub fn name(&self) -> &str {
        match self {
            Identifier::Managed(name) => name,
            Identifier::Custom { name, .. } => name,
        }
    }

    /// The managed identifier of this name.
    pub(super) fn managed(name: &str) -> Option<Identifier> {
        row(name).map(|row| Identifier::Managed(row.name))
    }
}

/// Whether there is a managed identifier of this name.
pub fn is_managed(name: &str) -> bool {
    row(name).is_some()
}

/// The names of all managed identifiers.
pub fn managed_names() -> impl Iterator<Item = &'static str> {
    identifiers::all().map(|row| row.name)
}

/// The row of a managed identifier.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    identifiers::all().find(|row| row.name == name)
}

/// A managed data identifier.
#[derive(Debug)]
pub(super) struct Row {
    /// Its name, with its country where it has one.
    pub(super) name: &'static str,
    /// Lists of keywords; if there are any, one of them must be near a value.
    pub(super) keywords: &'static [&'static [&'static str]],
    /// What values look like.
    pub(super) forms: &'static [Form],
}

/// What values of an identifier look like, or some of them.
#[derive(Debug)]
pub(super) struct Form {
    /// A regular expression over ASCII, as the crate `regex` writes it. No letter or digit may stand before or behind a value.
    pub(super) pattern: &'static str,
    /// What a value must satisfy besides.
    pub(super) check: fn(&Candidate<'_>) -> bool,
    /// Whether a value counts though no keyword is near.
    pub(super) alone: Alone,
}

/// Whether a value counts though no keyword is near.
#[derive(Debug, Clone, Copy)]
pub(super) enum Alone {
    /// It does not.
    No,
    /// It does. A text for which this test is false holds none: that is quicker to find out.
    If(fn(&[u8]) -> bool),
}

/// A value that looks right.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'t> {
    /// The text that it is in.
    pub(super) text: &'t str,
    /// Where in the text.
    pub(super) at: Range<usize>,
}

impl Candidate<'_> {
    /// The value.
    pub(super) fn value(&self) -> &str {
        self.text.get(self.at.clone()).unwrap_or_default()
    }

    /// The byte before it.
    pub(super) fn before(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at.start.checked_sub(1)?).copied()
    }

    /// The bytes behind it.
    pub(super) fn behind(&self) -> &[u8] {
        self.text.as_bytes().get(self.at.end..).unwrap_or_default()
    }

    /// The letters and digits of it, letters in upper case.
    pub(super) fn compact(&self) -> Vec<u8> {
        let bytes = self.value().bytes().filter(u8::is_ascii_alphanumeric);
        bytes.map(|byte| byte.to_ascii_uppercase()).collect()
    }

    /// The digits of it.
    pub(super) fn digits(&self) -> Vec<u32> {
        self.value().bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0')).collect()
    }

    /// Whether it stands for itself: no letter or digit is before or behind it.
    pub(super) fn stands_alone(&self) -> bool {
        let is_inner = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        !is_inner(self.before()) && !is_inner(self.behind().first().copied())
    }
}

/// A form whose values need a keyword.
pub(super) const fn form(pattern: &'static str) -> Form {
    Form { pattern, check: super::checks::any, alone: Alone::No }
}

/// A form whose values need a keyword and satisfy a check.
pub(super) const fn checked(pattern: &'static str, check: fn(&Candidate<'_>) -> bool) -> Form {
    Form { pattern, check, alone: Alone::No }
}

/// A form whose values need no keyword, in texts that pass a test.
pub(super) const fn alone(pattern: &'static str, check: fn(&Candidate<'_>) -> bool, hint: fn(&[u8]) -> bool) -> Form {
    Form { pattern, check, alone: Alone::If(hint) }
}
