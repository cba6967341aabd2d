//! Text to a search.

use super::limits::{DEPTH_MAX, SEARCH_CHARS_MAX};
use super::{Condition, Needle, Problem, Property, Schema, Search, SearchError, tokens};
use crate::lexemes::single_or;

/// How a search names the account that asks.
const LOCAL_ACCOUNT: &str = "LOCAL";

/// Parses a search.
pub(super) fn parse(text: &str) -> Result<Search, SearchError> {
    let chars: Vec<char> = text.chars().take(SEARCH_CHARS_MAX + 1).collect();
    if chars.len() > SEARCH_CHARS_MAX {
        return Err(SearchError { position: SEARCH_CHARS_MAX + 1, problem: Problem::TooLong });
    }
    let mut scanner = Scanner { chars: &chars, at: 0 };
    let schema = scanner.schema()?;
    let mut parser = Parser { lexemes: scanner.lexemes()?, at: 0, end: chars.len() + 1 };
    if parser.peek().is_none() {
        if schema.is_none() {
            return Err(SearchError { position: parser.end, problem: Problem::Empty });
        }
        return Ok(Search { schema, condition: None });
    }
    let condition = parser.any(&Property::Any, 0)?;
    match parser.next() {
        Some(left) => Err(left.unexpected()),
        None => Ok(Search { schema, condition: Some(condition) }),
    }
}

/// A part of the text behind the schema.
#[derive(Debug, Clone)]
struct Lexeme {
    /// In characters, from 1.
    position: usize,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Open,
    Close,
    Equals,
    And,
    Or,
    Not,
    Quoted(String),
    Bare(String),
}

impl Lexeme {
    fn unexpected(self) -> SearchError {
        let text = match self.kind {
            Kind::Open => "(".to_owned(),
            Kind::Close => ")".to_owned(),
            Kind::Equals => "=".to_owned(),
            Kind::And => "AND".to_owned(),
            Kind::Or => "OR".to_owned(),
            Kind::Not => "NOT".to_owned(),
            Kind::Quoted(text) | Kind::Bare(text) => text,
        };
        SearchError { position: self.position, problem: Problem::Unexpected(text) }
    }
}

/// Characters to lexemes.
struct Scanner<'t> {
    chars: &'t [char],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn skip_blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let taken: String = rest.iter().copied().take_while(|c| wanted(*c)).collect();
        self.at += taken.chars().count();
        taken
    }

    fn error<T>(&self, at: usize, problem: Problem) -> Result<T, SearchError> {
        Err(SearchError { position: at + 1, problem })
    }

    /// The schema and the comma behind it, if the text begins with one.
    fn schema(&mut self) -> Result<Option<Schema>, SearchError> {
        self.skip_blanks();
        let open = self.at;
        if !self.eat('{') {
            return Ok(None);
        }
        let mut names = Vec::new();
        loop {
            self.skip_blanks();
            names.push(self.schema_name()?);
            self.skip_blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                Some('}') => break,
                Some(_) => return self.error(self.at, Problem::CommaExpected),
                None => return self.error(open, Problem::Unclosed('{')),
            }
        }
        self.at += 1;
        self.skip_blanks();
        self.eat(',');
        let mut names = names.into_iter();
        let namespace = names.next().unwrap_or_default();
        let mut dimension_names: Vec<String> = names.collect();
        dimension_names.sort_unstable();
        dimension_names.dedup();
        Ok(Some(Schema { namespace, dimension_names }))
    }

    fn schema_name(&mut self) -> Result<String, SearchError> {
        let start = self.at;
        let name = match self.peek() {
            Some('"') => self.quoted('"')?,
            _ => self.take_while(|c| !(c.is_whitespace() || matches!(c, ',' | '{' | '}' | '"'))),
        };
        if name.is_empty() { self.error(start, Problem::NameExpected) } else { Ok(name) }
    }

    /// A quoted text. A backslash makes a quote, a backslash or a parenthesis plain; before others it is itself.
    fn quoted(&mut self, quote: char) -> Result<String, SearchError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match (c, self.peek()) {
                ('\\', Some(escaped)) if escaped == quote || matches!(escaped, '\\' | '(' | ')') => {
                    text.push(escaped);
                    self.at += 1;
                }
                (c, _) if c == quote => return Ok(text),
                (c, _) => text.push(c),
            }
        }
        self.error(start, Problem::Unclosed(quote))
    }

    fn lexemes(&mut self) -> Result<Vec<Lexeme>, SearchError> {
        let mut lexemes = Vec::new();
        loop {
            self.skip_blanks();
            let position = self.at + 1;
            let Some(c) = self.peek() else { return Ok(lexemes) };
            let single = match c {
                '(' => Some(Kind::Open),
                ')' => Some(Kind::Close),
                '=' => Some(Kind::Equals),
                '{' | '}' => return self.error(self.at, Problem::Unexpected(c.to_string())),
                _ => None,
            };
            self.at += usize::from(single.is_some());
            let kind = match (single, c) {
                (Some(kind), _) => kind,
                (None, '"' | '\'') => Kind::Quoted(self.quoted(c)?),
                (None, _) => {
                    let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '=' | '"' | '{' | '}');
                    match self.take_while(|c| !ends(c)) {
                        word if word == "AND" => Kind::And,
                        word if word == "OR" => Kind::Or,
                        word if word == "NOT" => Kind::Not,
                        word => Kind::Bare(word),
                    }
                }
            };
            lexemes.push(Lexeme { position, kind });
        }
    }
}

/// Lexemes to a condition. Each level takes where its terms are looked for, and how deep it is nested.
struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
    /// The position behind the text.
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Kind> {
        self.lexemes.get(self.at).map(|lexeme| &lexeme.kind)
    }

    fn next(&mut self) -> Option<Lexeme> {
        let next = self.lexemes.get(self.at).cloned();
        self.at += usize::from(next.is_some());
        next
    }

    fn eat(&mut self, kind: &Kind) -> bool {
        let found = self.peek() == Some(kind);
        self.at += usize::from(found);
        found
    }

    /// Where the next lexeme is.
    fn position(&self) -> usize {
        self.lexemes.get(self.at).map_or(self.end, |lexeme| lexeme.position)
    }

    fn any(&mut self, property: &Property, depth: usize) -> Result<Condition, SearchError> {
        let mut parts = vec![self.all(property, depth)?];
        while self.eat(&Kind::Or) {
            parts.push(self.all(property, depth)?);
        }
        Ok(single_or(parts, Condition::Any))
    }

    fn all(&mut self, property: &Property, depth: usize) -> Result<Condition, SearchError> {
        let mut parts = vec![self.not(property, depth)?];
        loop {
            let joined = self.eat(&Kind::And);
            let adjacent = matches!(self.peek(), Some(Kind::Open | Kind::Not | Kind::Quoted(_) | Kind::Bare(_)));
            if !joined && !adjacent {
                return Ok(single_or(parts, Condition::All));
            }
            parts.push(self.not(property, depth)?);
        }
    }

    fn not(&mut self, property: &Property, depth: usize) -> Result<Condition, SearchError> {
        if depth > DEPTH_MAX {
            return Err(SearchError { position: self.position(), problem: Problem::TooDeep });
        }
        if self.eat(&Kind::Not) {
            return Ok(Condition::Not(Box::new(self.not(property, depth + 1)?)));
        }
        if self.lexemes.get(self.at + 1).is_some_and(|lexeme| lexeme.kind == Kind::Equals)
            && let Some(Kind::Quoted(name) | Kind::Bare(name)) = self.peek()
        {
            let designated = designated(name);
            self.at += 2;
            return self.operand(&designated, depth);
        }
        self.operand(property, depth)
    }

    /// A group or a term.
    fn operand(&mut self, property: &Property, depth: usize) -> Result<Condition, SearchError> {
        let position = self.position();
        let needle = match self.next() {
            Some(Lexeme { kind: Kind::Open, .. }) => {
                let group = self.any(property, depth + 1)?;
                return match self.next() {
                    Some(Lexeme { kind: Kind::Close, .. }) => Ok(group),
                    Some(other) => Err(other.unexpected()),
                    None => Err(SearchError { position, problem: Problem::Unclosed('(') }),
                };
            }
            Some(Lexeme { kind: Kind::Quoted(text) | Kind::Bare(text), .. }) if *property == Property::Account => {
                if text == LOCAL_ACCOUNT {
                    Needle::LocalAccount
                } else {
                    Needle::Exact(text)
                }
            }
            Some(Lexeme { kind: Kind::Quoted(text), .. }) => Needle::Exact(text),
            Some(Lexeme { kind: Kind::Bare(text), .. }) => {
                let row: Vec<String> = tokens::tokens(&text).map(tokens::lower).collect();
                if row.is_empty() {
                    return Err(SearchError { position, problem: Problem::NoToken(text) });
                }
                Needle::Tokens { whole: row.concat(), row }
            }
            _ => return Err(SearchError { position, problem: Problem::TermExpected }),
        };
        Ok(Condition::Term(property.clone(), needle))
    }
}

fn designated(name: &str) -> Property {
    match name {
        "MetricName" => Property::MetricName,
        "Namespace" => Property::Namespace,
        ":aws.AccountId" => Property::Account,
        _ => Property::Dimension(name.to_owned()),
    }
}
