//! Tokens to a tree, by recursive descent.

use super::ExpressionError;
use super::functions;
use super::lexer::{self, Token};
use super::limits::{DEPTH_MAX, EXPRESSION_CHARS_MAX};
use super::syntax::{COMPARISONS, Expr, Kind, LEVELS, Link, Operator};

/// Parses an expression.
pub(super) fn parse(text: &str) -> Result<Expr, ExpressionError> {
    if text.chars().nth(EXPRESSION_CHARS_MAX).is_some() {
        let message = format!("The expression has more than {EXPRESSION_CHARS_MAX} characters");
        return Err(ExpressionError::new(0, message));
    }
    let mut parser = Parser { text, tokens: lexer::tokens(text)?, next: 0, depth: 0 };
    let root = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(root),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<(Token<'t>, usize)>,
    /// The index of the next token.
    next: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn token(&self, index: usize) -> (Token<'t>, usize) {
        self.tokens.get(index).copied().unwrap_or((Token::End, self.text.len()))
    }

    fn peek(&self) -> Token<'t> {
        self.token(self.next).0
    }

    fn at(&self) -> usize {
        self.token(self.next).1
    }

    fn take(&mut self, symbol: &str) -> bool {
        let is_next = matches!(self.peek(), Token::Symbol(next) if next == symbol);
        self.next += usize::from(is_next);
        is_next
    }

    fn unexpected(&self) -> ExpressionError {
        let (token, at) = self.token(self.next);
        let problem = match token {
            Token::Number(number) => format!("unexpected number {number}"),
            Token::Word(word) => format!("unexpected '{word}'"),
            Token::Text(text) => format!("unexpected text '{text}'"),
            Token::Symbol(symbol) => format!("unexpected '{symbol}'"),
            Token::End => "unexpected end of the expression".to_owned(),
        };
        ExpressionError::syntax(self.text, at, &problem)
    }

    fn expression(&mut self) -> Result<Expr, ExpressionError> {
        self.chain(0)
    }

    /// Operands of the levels above `level`, with operators of it between them.
    fn chain(&mut self, level: usize) -> Result<Expr, ExpressionError> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let at = self.at();
        let first = self.chain(level + 1)?;
        let mut links = Vec::new();
        while let Some(operator) = self.operator(operators) {
            if level == COMPARISONS && !links.is_empty() {
                return Err(self.unexpected());
            }
            let at = self.at();
            self.next += 1;
            links.push(Link { operator, at, operand: self.chain(level + 1)? });
        }
        if links.is_empty() {
            return Ok(first);
        }
        Ok(Expr { at, kind: Kind::Chain(Box::new(first), links) })
    }

    fn operator(&self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let text = match self.peek() {
            Token::Symbol(symbol) => symbol,
            Token::Word(word) => word,
            _ => return None,
        };
        operators.iter().find(|(symbol, _)| *symbol == text).map(|(_, operator)| *operator)
    }

    /// Everything that nests passes here, so that the depth is counted here.
    fn unary(&mut self) -> Result<Expr, ExpressionError> {
        if self.depth >= DEPTH_MAX {
            let problem = format!("the expression is nested deeper than {DEPTH_MAX} levels");
            return Err(ExpressionError::syntax(self.text, self.at(), &problem));
        }
        self.depth += 1;
        let at = self.at();
        let kind = if self.take("-") { Kind::Negate(Box::new(self.unary()?)) } else { self.power()?.kind };
        self.depth -= 1;
        Ok(Expr { at, kind })
    }

    fn power(&mut self) -> Result<Expr, ExpressionError> {
        let base = self.atom()?;
        if !self.take("^") {
            return Ok(base);
        }
        let exponent = self.unary()?;
        Ok(Expr { at: base.at, kind: Kind::Power(Box::new(base), Box::new(exponent)) })
    }

    fn atom(&mut self) -> Result<Expr, ExpressionError> {
        let (token, at) = self.token(self.next);
        let kind = match token {
            Token::Number(number) => {
                self.next += 1;
                Kind::Number(number)
            }
            Token::Word(word) => self.word(word)?,
            Token::Symbol("(") => {
                self.next += 1;
                let inner = self.expression()?;
                self.close(")")?;
                inner.kind
            }
            Token::Symbol("[") => {
                self.next += 1;
                Kind::Array(self.list("]", Parser::member)?)
            }
            _ => return Err(self.unexpected()),
        };
        Ok(Expr { at, kind })
    }

    /// An id, or a call. Ids begin with a lower-case letter, functions and keywords have upper-case letters only.
    fn word(&mut self, word: &str) -> Result<Kind, ExpressionError> {
        let at = self.at();
        let is_called = self.token(self.next + 1).0 == Token::Symbol("(");
        let function = functions::find(word);
        if is_called && !is_operator(word) {
            let function = function.ok_or_else(|| ExpressionError::new(at, format!("Function '{word}' not found")))?;
            self.next += 2;
            let item = if word == "LAMBDA" { Parser::literal } else { Parser::argument };
            let arguments = if self.take(")") { Vec::new() } else { self.list(")", item)? };
            return Ok(Kind::Call(function, arguments));
        }
        if function.is_some() {
            let problem = format!("function '{word}' needs parentheses");
            return Err(ExpressionError::syntax(self.text, at, &problem));
        }
        if !word.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(self.unexpected());
        }
        self.next += 1;
        Ok(Kind::Id(word.to_owned()))
    }

    fn close(&mut self, symbol: &str) -> Result<(), ExpressionError> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Items between commas, and what closes them.
    fn list(
        &mut self,
        close: &str,
        item: fn(&mut Self) -> Result<Expr, ExpressionError>,
    ) -> Result<Vec<Expr>, ExpressionError> {
        let mut items = vec![item(self)?];
        while self.take(",") {
            items.push(item(self)?);
        }
        self.close(close)?;
        Ok(items)
    }

    fn member(&mut self) -> Result<Expr, ExpressionError> {
        let (token, at) = self.token(self.next);
        let Token::Text(text) = token else { return self.expression() };
        self.next += 1;
        Ok(Expr { at, kind: Kind::Text(text.to_owned()) })
    }

    /// An argument, or one of the words that stand for a boolean.
    fn literal(&mut self) -> Result<Expr, ExpressionError> {
        let (token, at) = self.token(self.next);
        match token {
            Token::Word(word @ ("true" | "false")) => {
                self.next += 1;
                Ok(Expr { at, kind: Kind::Keyword(word.to_owned()) })
            }
            _ => self.argument(),
        }
    }

    /// A member, or a keyword that stands alone. Which keywords a function has is the checker's to know.
    fn argument(&mut self) -> Result<Expr, ExpressionError> {
        let (token, at) = self.token(self.next);
        let is_alone = matches!(self.token(self.next + 1).0, Token::Symbol("," | ")"));
        match token {
            Token::Word(word) if is_alone && is_keyword(word) => {
                self.next += 1;
                Ok(Expr { at, kind: Kind::Keyword(word.to_owned()) })
            }
            _ => self.member(),
        }
    }
}

fn is_keyword(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase()) && !is_operator(word)
}

fn is_operator(word: &str) -> bool {
    LEVELS.iter().copied().flatten().any(|(symbol, _)| *symbol == word)
}
