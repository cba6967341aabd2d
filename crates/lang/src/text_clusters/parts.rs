//! The parts of texts that are alike.

use serde::{Deserialize, Serialize};

use super::tokens::{Kind, SOMETHING, Sort, Token};

/// A part of texts that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part<D> {
    /// What lies between words.
    Between(String),
    /// A word that all texts have.
    Word(String),
    /// Words that differ.
    Dynamic(D),
}

/// How much a text is like others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Likeness {
    /// The places that are a word in it or in the others.
    pub words: usize,
    /// In how many of them it has the word that all others have.
    pub equal: usize,
    /// Whether it begins with the others' first word, if they have one.
    pub begins: bool,
}

/// The parts of a first text.
pub(crate) fn parts<D>(tokens: &[Token<'_>], mut dynamic: impl FnMut(Sort) -> D) -> Vec<Part<D>> {
    let part = |token: &Token<'_>| match token.kind {
        Kind::Between => Part::Between(token.text.to_owned()),
        Kind::Word => Part::Word(token.text.to_owned()),
        Kind::Dynamic(sort) => Part::Dynamic(dynamic(sort)),
    };
    tokens.iter().map(part).collect()
}

/// How much a text is like others with the same skeleton; none if something else lies between its words.
pub(super) fn likeness<D>(parts: &[Part<D>], tokens: &[Token<'_>]) -> Option<Likeness> {
    if parts.len() != tokens.len() {
        return None;
    }
    let mut likeness = Likeness { words: 0, equal: 0, begins: true };
    let mut is_first = true;
    for (part, token) in parts.iter().zip(tokens) {
        let is_equal = match (part, token.kind) {
            (Part::Between(own), Kind::Between) if own == token.text => continue,
            (Part::Between(_), _) | (_, Kind::Between) => return None,
            (Part::Word(own), _) => Some(own == token.text),
            (Part::Dynamic(_), Kind::Word) => Some(false),
            (Part::Dynamic(_), Kind::Dynamic(_)) => None,
        };
        if let Some(is_equal) = is_equal {
            likeness.words += 1;
            likeness.equal += usize::from(is_equal);
        }
        if is_first && matches!(part, Part::Word(_)) {
            likeness.begins = is_equal == Some(true);
        }
        is_first = false;
    }
    Some(likeness)
}

/// What lies between the words: texts that are alike have it in common.
pub(super) fn skeleton<D>(parts: &[Part<D>]) -> String {
    let mut skeleton = String::new();
    for part in parts {
        skeleton += if let Part::Between(text) = part { text } else { SOMETHING };
    }
    skeleton
}
