//! Text to tokens, one at a time: only the parser knows whether a `/` divides or begins a regular expression.

use super::error::QueryError;
use super::limits::QUERY_CHARS_MAX;
use super::plan::Span;

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) span: Span,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A field, a keyword or a function: parts with dots between them.
    Name {
        /// Without backticks.
        text: String,
        /// Whether none of it stood in backticks: it may be a keyword.
        plain: bool,
    },
    /// What stood in quotes.
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// A number and a unit: `5m`.
    Period(i64, String),
    /// One of [`SYMBOLS`].
    Symbol(&'static str),
    /// The query is over.
    End,
}

/// What is neither a name nor a literal; longer ones first.
const SYMBOLS: &[&str] = &[
    "!=", "<=", ">=", "=~", "<>", "==", "(", ")", "[", "]", "{", "}", ",", "|", "=", "<", ">", "+", "-", "*", "/", "%",
    "^", ":", ".", "!", ";",
];

/// Reads tokens off a text.
#[derive(Debug, Clone)]
pub(super) struct Lexer {
    chars: std::sync::Arc<[char]>,
    /// The next character.
    at: usize,
}

impl Lexer {
    pub(super) fn new(text: &str) -> Result<Lexer, QueryError> {
        let chars: Vec<char> = text.chars().take(QUERY_CHARS_MAX + 1).collect();
        if chars.len() > QUERY_CHARS_MAX {
            let span = Span { start: QUERY_CHARS_MAX, end: QUERY_CHARS_MAX + 1 };
            return Err(QueryError::new(span, format!("the query is longer than {QUERY_CHARS_MAX} characters")));
        }
        Ok(Lexer { chars: chars.into(), at: 0 })
    }

    /// What is written there.
    pub(super) fn text(&self, span: Span) -> String {
        self.chars.get(span.start..span.end).unwrap_or_default().iter().collect()
    }

    /// Goes back, or on, to a character.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token, QueryError> {
        self.skip_blanks();
        let start = self.at;
        let token = |kind, end| Token { span: Span { start, end }, kind };
        let Some(first) = self.peek(0) else { return Ok(token(Kind::End, start)) };
        let kind = match first {
            '"' | '\'' => Kind::Text(self.quoted(first)?),
            '0'..='9' => self.number()?,
            c if is_name_start(c) || c == '`' => self.name()?,
            _ => self.symbol()?,
        };
        Ok(token(kind, self.at))
    }

    /// The regular expression that begins at the next character, between slashes; none if no slash is there.
    pub(super) fn regex(&mut self) -> Result<Option<Token>, QueryError> {
        self.skip_blanks();
        let start = self.at;
        if self.peek(0) != Some('/') {
            return Ok(None);
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek(0) {
                None => {
                    let span = Span { start, end: self.chars.len() };
                    return Err(QueryError::new(span, "the regular expression is not terminated"));
                }
                Some('/') => break,
                Some('\\') if self.peek(1) == Some('/') => {
                    text.push('/');
                    self.at += 2;
                }
                Some('\\') => {
                    text.push('\\');
                    text.extend(self.peek(1));
                    self.at += 2;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(Some(Token { span: Span { start, end: self.at }, kind: Kind::Text(text) }))
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// White space, and comments: from `#` to the end of the line.
    fn skip_blanks(&mut self) {
        while let Some(c) = self.peek(0) {
            match c {
                '#' => {
                    let rest = self.chars.get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
                }
                c if c.is_whitespace() || c == '\u{feff}' => self.at += 1,
                _ => return,
            }
        }
    }

    /// A quoted text. A backslash makes quotes and itself plain; before others it is itself.
    fn quoted(&mut self, quote: char) -> Result<String, QueryError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => {
                    let span = Span { start, end: self.chars.len() };
                    return Err(QueryError::new(span, format!("the text after {quote} is not terminated")));
                }
                (Some('\\'), Some(escaped @ ('\\' | '"' | '\'' | '`'))) => {
                    text.push(escaped);
                    self.at += 2;
                }
                (Some(c), _) if c == quote => {
                    self.at += 1;
                    return Ok(text);
                }
                (Some(c), _) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn name(&mut self) -> Result<Kind, QueryError> {
        let mut text = String::new();
        let mut plain = true;
        loop {
            match self.peek(0) {
                Some('`') => {
                    plain = false;
                    let start = self.at;
                    let quoted = self.quoted('`')?;
                    if quoted.is_empty() {
                        return Err(QueryError::new(Span { start, end: self.at }, "a name between backticks is empty"));
                    }
                    text += &quoted;
                }
                Some(c) if is_name(c) => {
                    text.push(c);
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            // A dot joins parts, if a part follows.
            match (self.peek(0), self.peek(1)) {
                (Some('.'), Some(next)) if is_name(next) || next == '`' => {
                    text.push('.');
                    self.at += 1;
                }
                _ => return Ok(Kind::Name { text, plain }),
            }
        }
    }

    /// A number, or a period.
    fn number(&mut self) -> Result<Kind, QueryError> {
        let start = self.at;
        let digits = |lexer: &mut Lexer| {
            while lexer.peek(0).is_some_and(|c| c.is_ascii_digit()) {
                lexer.at += 1;
            }
        };
        digits(self);
        let whole = self.text(Span { start, end: self.at });
        if self.peek(0) == Some('.') && self.peek(1).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            digits(self);
        }
        let signed = usize::from(matches!(self.peek(1), Some('+' | '-')));
        if matches!(self.peek(0), Some('e' | 'E')) && self.peek(1 + signed).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1 + signed;
            digits(self);
        }
        let number = self.text(Span { start, end: self.at });
        let unit_start = self.at;
        while self.peek(0).is_some_and(is_name) {
            self.at += 1;
        }
        let unit = self.text(Span { start: unit_start, end: self.at });
        let span = Span { start, end: self.at };
        match (unit.is_empty(), whole.parse()) {
            (true, _) if number.parse::<f64>().is_ok_and(f64::is_finite) => Ok(Kind::Number(number)),
            (false, Ok(whole)) if unit_start - start == self.count_digits(start) => Ok(Kind::Period(whole, unit)),
            _ => Err(QueryError::new(span, format!("unexpected symbol found {}", self.text(span)))),
        }
    }

    fn count_digits(&self, start: usize) -> usize {
        let rest = self.chars.get(start..).unwrap_or_default();
        rest.iter().take_while(|c| c.is_ascii_digit()).count()
    }

    fn symbol(&mut self) -> Result<Kind, QueryError> {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let starts = |symbol: &&&str| symbol.chars().enumerate().all(|(at, c)| rest.get(at) == Some(&c));
        match SYMBOLS.iter().find(starts) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Kind::Symbol(symbol))
            }
            None => {
                let span = Span { start: self.at, end: self.at + 1 };
                Err(QueryError::new(span, format!("unexpected symbol found {}", self.text(span))))
            }
        }
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '@'
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '@'
}
