//! Text to lexemes.

use super::limits::QUERY_CHARS_MAX;
use super::{Problem, QueryError};
use crate::lexemes::{self, quoted};

/// A piece of a query.
pub(super) type Lexeme = lexemes::Lexeme<Kind>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, a function, a name or a number.
    Word(String),
    /// What stands in double quotes.
    Name(String),
    /// What stands in single quotes.
    Text(String),
    Open,
    Close,
    Comma,
    Dot,
    Equal,
    NotEqual,
}

impl Kind {
    /// How it is written, for errors.
    pub(super) fn written(&self) -> String {
        match self {
            Kind::Word(word) => word.clone(),
            Kind::Name(name) => format!("\"{name}\""),
            Kind::Text(text) => format!("'{text}'"),
            Kind::Open => "(".to_owned(),
            Kind::Close => ")".to_owned(),
            Kind::Comma => ",".to_owned(),
            Kind::Dot => ".".to_owned(),
            Kind::Equal => "=".to_owned(),
            Kind::NotEqual => "!=".to_owned(),
        }
    }
}

/// The lexemes of a query, and the position behind it.
pub(super) fn scan(text: &str) -> Result<(Vec<Lexeme>, usize), QueryError> {
    let chars: Vec<char> = text.chars().take(QUERY_CHARS_MAX + 1).collect();
    if chars.len() > QUERY_CHARS_MAX {
        return Err(QueryError { position: QUERY_CHARS_MAX + 1, problem: Problem::TooLong });
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
            '.' => (Kind::Dot, 1),
            '=' => (Kind::Equal, 1),
            '!' if rest.get(1) == Some(&'=') => (Kind::NotEqual, 2),
            '"' | '\'' => {
                let unclosed = QueryError { position, problem: Problem::Unclosed(c) };
                let (text, length) = quoted(rest, c, &['"', '\'', '\\']).ok_or(unclosed)?;
                (if c == '"' { Kind::Name(text) } else { Kind::Text(text) }, length)
            }
            c if is_word(c) => {
                let word: String = rest.iter().take_while(|c| is_word(**c)).collect();
                let length = word.len();
                (Kind::Word(word), length)
            }
            c => return Err(QueryError { position, problem: Problem::Character(c) }),
        };
        lexemes.push(Lexeme { position, kind });
        at += length;
    }
    Ok((lexemes, chars.len() + 1))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
