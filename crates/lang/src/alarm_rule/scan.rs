//! Text to lexemes.

use super::limits::RULE_CHARS_MAX;
use super::{Problem, RuleError};
use crate::lexemes::{self, quoted};

/// A piece of a rule.
pub(super) type Lexeme = lexemes::Lexeme<Kind>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, a bare alarm or a number: which, depends on where it stands.
    Word(String),
    /// What stands in double quotes.
    Quoted(String),
    Open,
    Close,
    Comma,
}

impl Kind {
    /// How it is written, for errors.
    pub(super) fn written(&self) -> String {
        match self {
            Kind::Word(word) => word.clone(),
            Kind::Quoted(text) => format!("\"{text}\""),
            Kind::Open => "(".to_owned(),
            Kind::Close => ")".to_owned(),
            Kind::Comma => ",".to_owned(),
        }
    }
}

/// The lexemes of a rule, and the position behind it.
pub(super) fn scan(text: &str) -> Result<(Vec<Lexeme>, usize), RuleError> {
    let chars: Vec<char> = text.chars().take(RULE_CHARS_MAX + 1).collect();
    if chars.len() > RULE_CHARS_MAX {
        return Err(RuleError { position: RULE_CHARS_MAX + 1, problem: Problem::TooLong });
    }
    let mut lexemes = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let position = at + 1;
        let rest = chars.get(at..).unwrap_or_default();
        let (kind, length) = match c {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (Kind::Open, 1),
            ')' => (Kind::Close, 1),
            ',' => (Kind::Comma, 1),
            '"' => {
                let unclosed = RuleError { position, problem: Problem::Unclosed('"') };
                let (text, length) = quoted(rest, '"', &['"', '\\']).ok_or(unclosed)?;
                (Kind::Quoted(text), length)
            }
            _ => {
                let word: Vec<char> = rest.iter().copied().take_while(|c| is_word(*c)).collect();
                (Kind::Word(word.iter().collect()), word.len())
            }
        };
        lexemes.push(Lexeme { position, kind });
        at += length;
    }
    Ok((lexemes, chars.len() + 1))
}

fn is_word(c: char) -> bool {
    !(c.is_whitespace() || matches!(c, '(' | ')' | ',' | '"'))
}
