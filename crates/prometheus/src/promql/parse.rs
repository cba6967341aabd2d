//! Reads PromQL: precedence climbing over the words, types checked on the way up. Depth, length and number of selectors are
//! bounded, so that nothing that walks an expression needs a limit of its own.

mod operators;
mod postfix;
mod selectors;

use super::ast::{Aggregate, Aggregator, Binary, BinaryOperator, Call, Expr, ExprKind, Grouping, Selector, Type};
use super::functions;
use super::lex::{Token, tokens};
use crate::limits::{DEPTH_MAX, QUERY_BYTES_MAX};
use operators::binary;

/// Why a text is no PromQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Where, in bytes.
    pub position: usize,
    /// Why.
    pub reason: String,
}

impl ParseError {
    /// As Prometheus says it: line and column, then the reason.
    pub fn message(&self, text: &str) -> String {
        let before = text.get(..self.position.min(text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{line}:{column}: parse error: {}", self.reason)
    }
}

/// How strongly a sign in front binds: as `*`, weaker than `^`.
const UNARY_PRECEDENCE: u8 = 6;

type Parsed<T> = Result<T, ParseError>;

/// Reads an expression.
///
/// # Errors
/// Where and why it is none.
pub fn parse(text: &str) -> Parsed<Expr> {
    let mut parser = Parser::new(text)?;
    if *parser.peek() == Token::End {
        return parser.fail("no expression found in input");
    }
    let expr = parser.expression(1, 0)?;
    parser.expect_end()?;
    Ok(expr)
}

/// Reads a series selector, as `match[]` holds one.
///
/// # Errors
/// Where and why it is none.
pub fn parse_selector(text: &str) -> Parsed<Selector> {
    let mut parser = Parser::new(text)?;
    let position = parser.position();
    let selector = match parser.peek().clone() {
        Token::Word(name) => {
            parser.next();
            parser.selector(Some(name), position)?
        }
        _ => parser.selector(None, position)?,
    };
    parser.expect_end()?;
    Ok(selector)
}

struct Parser {
    tokens: Vec<(Token, usize)>,
    place: usize,
    selectors: usize,
}

impl Parser {
    fn new(text: &str) -> Parsed<Parser> {
        if text.len() > QUERY_BYTES_MAX {
            let reason = format!("the query has more than {QUERY_BYTES_MAX} bytes");
            return Err(ParseError { position: 0, reason });
        }
        Ok(Parser { tokens: tokens(text)?, place: 0, selectors: 0 })
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.place).map_or(&Token::End, |(token, _)| token)
    }

    fn after(&self) -> &Token {
        self.tokens.get(self.place + 1).map_or(&Token::End, |(token, _)| token)
    }

    fn position(&self) -> usize {
        let last = self.tokens.last().map_or(0, |(_, position)| *position);
        self.tokens.get(self.place).map_or(last, |(_, position)| *position)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.place += 1;
        token
    }

    fn fail<T>(&self, reason: impl Into<String>) -> Parsed<T> {
        fail_at(self.position(), reason)
    }

    fn unexpected<T>(&self, context: &str) -> Parsed<T> {
        self.fail(format!("unexpected {} in {context}", self.peek().described()))
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Sign(own) if *own == sign);
        if is_it {
            self.place += 1;
        }
        is_it
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        if is_it {
            self.place += 1;
        }
        is_it
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(own) if own.eq_ignore_ascii_case(word))
    }

    fn expect(&mut self, sign: &str, context: &str) -> Parsed<()> {
        if self.takes(sign) { Ok(()) } else { self.unexpected(context) }
    }

    fn expect_end(&mut self) -> Parsed<()> {
        if *self.peek() == Token::End { Ok(()) } else { self.fail(format!("unexpected {}", self.peek().described())) }
    }

    /// An expression of operators that bind at least as strongly as `precedence`.
    fn expression(&mut self, precedence: u8, depth: usize) -> Parsed<Expr> {
        if depth >= DEPTH_MAX {
            return self.fail(format!("the expression is nested more than {DEPTH_MAX} deep"));
        }
        let mut left = self.unary(depth)?;
        while let Some((operator, own)) = self.operator().filter(|(_, own)| *own >= precedence) {
            let position = self.position();
            self.next();
            let (is_bool, matching) = self.modifiers(operator)?;
            // `^` groups from the right, all others from the left.
            let next = if operator == BinaryOperator::Power { own } else { own + 1 };
            let right = self.expression(next, depth + 1)?;
            left = binary(Binary { operator, left, right, is_bool, matching }, position)?;
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(BinaryOperator, u8)> {
        let word = match self.peek() {
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Word(word) => word.to_ascii_lowercase(),
            _ => return None,
        };
        BinaryOperator::ALL.iter().find(|(_, text, _)| *text == word).map(|(operator, _, own)| (*operator, *own))
    }

    fn unary(&mut self, depth: usize) -> Parsed<Expr> {
        let position = self.position();
        let is_negative = self.takes("-");
        if !is_negative && !self.takes("+") {
            let primary = self.primary(depth)?;
            return self.postfix(primary);
        }
        let operand = self.expression(UNARY_PRECEDENCE, depth + 1)?;
        let r#type = operand.r#type();
        if !matches!(r#type, Type::Scalar | Type::Vector) {
            let reason = format!(
                "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                r#type.text()
            );
            return fail_at(position, reason);
        }
        match operand.kind {
            _ if !is_negative => Ok(operand),
            ExprKind::Number(number) => node(position, ExprKind::Number(-number)),
            _ => node(position, ExprKind::Negation(Box::new(operand))),
        }
    }

    fn primary(&mut self, depth: usize) -> Parsed<Expr> {
        let position = self.position();
        match self.peek().clone() {
            Token::Number(number) => {
                self.next();
                node(position, ExprKind::Number(number))
            }
            // A duration is its seconds.
            Token::Duration(ms) => {
                self.next();
                node(position, ExprKind::Number(ms as f64 / 1000.0))
            }
            Token::Text(text) => {
                self.next();
                node(position, ExprKind::String(text))
            }
            Token::Sign("(") => {
                self.next();
                let inner = self.expression(1, depth + 1)?;
                self.expect(")", "paren expression, expected \")\"")?;
                node(position, ExprKind::Paren(Box::new(inner)))
            }
            Token::Sign("{") => {
                let selector = self.selector(None, position)?;
                node(position, ExprKind::Selector(selector))
            }
            Token::Word(word) => self.word(word, position, depth),
            _ => self.fail(format!("unexpected {}", self.peek().described())),
        }
    }

    /// What begins with a word: an aggregation, a call or a selector.
    fn word(&mut self, word: String, position: usize, depth: usize) -> Parsed<Expr> {
        let lower = word.to_ascii_lowercase();
        let opens = matches!(self.after(), Token::Sign("("));
        let groups = matches!(self.after(), Token::Word(next) if is_any_of(next, &["by", "without"]));
        if let Some((aggregator, _)) = Aggregator::ALL.iter().find(|(_, text)| *text == lower)
            && (opens || groups)
        {
            self.next();
            return self.aggregate(*aggregator, position, depth);
        }
        if opens {
            let Some(function) = functions::find(&word) else {
                return self.fail(format!("unknown function with name {word:?}"));
            };
            self.next();
            let arguments = self.arguments(depth)?;
            return functions::call(Call { function, arguments }, position)
                .and_then(|call| node(position, ExprKind::Call(call)));
        }
        if is_any_of(&lower, &["bool", "on", "ignoring", "group_left", "group_right"]) {
            return self.fail(format!("unexpected <{lower}>"));
        }
        self.next();
        let selector = self.selector(Some(word), position)?;
        node(position, ExprKind::Selector(selector))
    }

    fn arguments(&mut self, depth: usize) -> Parsed<Vec<Expr>> {
        self.expect("(", "function call, expected \"(\"")?;
        let mut arguments = Vec::new();
        if self.takes(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression(1, depth + 1)?);
            if self.takes(")") {
                return Ok(arguments);
            }
            if !self.takes(",") {
                return self.unexpected("function call, expected \",\" or \")\"");
            }
            if matches!(self.peek(), Token::Sign(")")) {
                return self.fail("trailing commas not allowed in function call args");
            }
        }
    }

    fn aggregate(&mut self, aggregator: Aggregator, position: usize, depth: usize) -> Parsed<Expr> {
        let before = self.grouping()?;
        let arguments = self.arguments(depth)?;
        let grouping = match before {
            Some(grouping) => grouping,
            None => self.grouping()?.unwrap_or(Grouping::By(Vec::new())),
        };
        let expected = 1 + usize::from(aggregator.parameter().is_some());
        if arguments.len() != expected {
            let given = arguments.len();
            return fail_at(
                position,
                format!(
                    "wrong number of arguments for aggregate expression provided, expected {expected}, got {given}"
                ),
            );
        }
        let mut arguments = arguments.into_iter();
        let parameter = match aggregator.parameter() {
            Some(r#type) => {
                let parameter = arguments.next();
                parameter.iter().try_for_each(|parameter| check_type(parameter, r#type, "aggregation parameter"))?;
                parameter
            }
            None => None,
        };
        let Some(expr) = arguments.next() else {
            return fail_at(position, "no arguments for aggregate expression provided");
        };
        check_type(&expr, Type::Vector, "aggregation expression")?;
        node(position, ExprKind::Aggregate(Box::new(Aggregate { aggregator, expr, parameter, grouping })))
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        if self.takes_word("by") {
            return Ok(Some(Grouping::By(self.label_names()?)));
        }
        if self.takes_word("without") {
            return Ok(Some(Grouping::Without(self.label_names()?)));
        }
        Ok(None)
    }
}

fn is_any_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

fn fail_at<T>(position: usize, reason: impl Into<String>) -> Parsed<T> {
    Err(ParseError { position, reason: reason.into() })
}

fn node(position: usize, kind: ExprKind) -> Parsed<Expr> {
    let mut expr = Expr { position, depth: 0, kind };
    expr.depth = 1 + expr.parts().iter().map(|part| part.depth).max().unwrap_or(0);
    if expr.depth > DEPTH_MAX {
        return fail_at(position, format!("the expression is nested more than {DEPTH_MAX} deep"));
    }
    Ok(expr)
}

pub(super) fn check_type(expr: &Expr, expected: Type, context: &str) -> Parsed<()> {
    let found = expr.r#type();
    if found == expected {
        return Ok(());
    }
    let reason = format!("expected type {} in {context}, got {}", expected.text(), found.text());
    fail_at(expr.position, reason)
}
