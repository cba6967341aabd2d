//! Walking over the tokens of a query.

use super::error::QueryError;
use super::lexer::{Kind, Lexer, Token};
use super::limits::NESTING_MAX;
use super::parser::Walk;
use super::plan::{Language, Span};

/// The tokens from one on.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    lexer: Lexer,
    /// What comes next.
    token: Token,
    /// Where the last token ended.
    pub(super) end: usize,
    depth: usize,
    pub(super) language: Language,
}

impl Cursor {
    pub(super) fn new(text: &str, language: Language) -> Result<Cursor, QueryError> {
        let mut lexer = Lexer::new(text)?;
        let token = lexer.next()?;
        Ok(Cursor { lexer, token, end: 0, depth: 0, language })
    }

    /// Where the next token is.
    pub(super) fn span(&self) -> Span {
        self.token.span
    }

    /// From a character to the end of the last token.
    pub(super) fn since(&self, start: usize) -> Span {
        Span { start, end: self.end.max(start) }
    }

    /// What is written there.
    pub(super) fn text(&self, span: Span) -> String {
        self.lexer.text(span)
    }

    /// The next token.
    pub(super) fn peek(&self) -> &Kind {
        &self.token.kind
    }

    /// Takes the next token.
    pub(super) fn advance(&mut self) -> Result<Token, QueryError> {
        let next = self.lexer.next()?;
        self.end = self.token.span.end;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// The token after the next; nothing, if there is none.
    pub(super) fn peek_second(&self) -> Option<Kind> {
        self.lexer.clone().next().ok().map(|token| token.kind)
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.token.kind, Kind::Symbol(found) if found == symbol)
    }

    pub(super) fn eat_symbol(&mut self, symbol: &str) -> Result<bool, QueryError> {
        let found = self.is_symbol(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn symbol(&mut self, symbol: &'static str) -> Result<(), QueryError> {
        if self.eat_symbol(symbol)? { Ok(()) } else { Err(self.expected(&format!("'{symbol}'"))) }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        is_word(&self.token.kind, word)
    }

    /// Eats a keyword, in whatever case.
    pub(super) fn eat_word(&mut self, word: &str) -> Result<bool, QueryError> {
        let found = self.is_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn word(&mut self, word: &'static str) -> Result<(), QueryError> {
        if self.eat_word(word)? { Ok(()) } else { Err(self.expected(&format!("K_{}", word.to_ascii_uppercase()))) }
    }

    /// The name of a field or a column.
    pub(super) fn name(&mut self) -> Result<(String, Span), QueryError> {
        let span = self.span();
        let name = match self.peek() {
            Kind::Name { text, plain } if !*plain || !is_reserved(text) => text.clone(),
            _ => return Err(self.expected("a field name")),
        };
        self.advance()?;
        Ok((name, span))
    }

    /// Names with commas between them.
    pub(super) fn names(&mut self) -> Result<Vec<(String, Span)>, QueryError> {
        self.list(Cursor::name)
    }

    /// A name, or a text in quotes that is one.
    pub(super) fn name_or_quoted(&mut self) -> Result<String, QueryError> {
        match self.peek() {
            Kind::Text(_) => self.quoted(),
            _ => Ok(self.name()?.0),
        }
    }

    /// A text in quotes.
    pub(super) fn quoted(&mut self) -> Result<String, QueryError> {
        let Kind::Text(text) = self.peek().clone() else { return Err(self.expected("a text in quotes")) };
        self.advance()?;
        Ok(text)
    }

    /// A whole number.
    pub(super) fn integer(&mut self) -> Result<usize, QueryError> {
        let number = match self.peek() {
            Kind::Number(number) => number.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.expected("a whole number"))?;
        self.advance()?;
        Ok(number)
    }

    /// The whole number that comes next, if any number does.
    pub(super) fn integer_or(&mut self, default: usize) -> Result<usize, QueryError> {
        if matches!(self.peek(), Kind::Number(_)) { self.integer() } else { Ok(default) }
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self) -> Result<bool, QueryError> {
        if self.eat_word("true")? {
            Ok(true)
        } else if self.eat_word("false")? {
            Ok(false)
        } else {
            Err(self.expected("true or false"))
        }
    }

    /// The regular expression that comes next, if one does, and where it is.
    pub(super) fn regex(&mut self) -> Result<Option<(String, Span)>, QueryError> {
        if !self.is_symbol("/") {
            return Ok(None);
        }
        self.lexer.seek(self.token.span.start);
        let Some(Token { span, kind: Kind::Text(text) }) = self.lexer.regex()? else { return Ok(None) };
        self.token = self.lexer.next()?;
        self.end = span.end;
        Ok(Some((text, span)))
    }

    /// Whether the query is over.
    pub(super) fn is_end(&self) -> bool {
        self.token.kind == Kind::End
    }

    /// Says that something else should be here.
    pub(super) fn expected(&self, expected: &str) -> QueryError {
        let found = match &self.token.kind {
            Kind::End => "<EOF>".to_owned(),
            _ => self.text(self.token.span),
        };
        QueryError::new(self.token.span, format!("mismatched input '{found}' expecting {{{expected}}}"))
    }

    /// Goes one level deeper.
    pub(super) fn enter(&mut self) -> Result<(), QueryError> {
        if self.depth >= NESTING_MAX {
            return Err(QueryError::new(self.span(), "the expression is nested too deeply"));
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back from what was entered.
    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

/// Whether a token is a keyword, in whatever case.
pub(super) fn is_word(kind: &Kind, word: &str) -> bool {
    matches!(kind, Kind::Name { text, plain: true } if text.eq_ignore_ascii_case(word))
}

/// Words that are never fields unless they stand in backticks.
const RESERVED: &[&str] = &["and", "as", "asc", "by", "desc", "in", "like", "not", "or"];

pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved))
}
