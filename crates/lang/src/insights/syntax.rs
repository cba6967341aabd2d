//! Expressions as they are written, of both languages: names are not resolved, functions not looked up.

use super::cursor::{Cursor, is_reserved, is_word};
use super::error::QueryError;
use super::lexer::Kind;
use super::limits::DEPTH_MAX;
use super::parser::Walk;
use super::plan::{Arithmetic, Comparison, Language, Plan, Span};
use super::text_pattern;
use super::value::{EXACT_DIGITS, Value};

/// An expression as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) span: Span,
    /// How many nodes lie within each other.
    pub(super) depth: usize,
    pub(super) kind: NodeKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum NodeKind {
    Literal(Value<'static>),
    /// A field, or a column.
    Name(String),
    /// A part of a map or a list.
    Part(Box<Node>, String),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Like {
        operand: Box<Node>,
        pattern: super::plan::Pattern,
        negated: bool,
    },
    In {
        operand: Box<Node>,
        list: Vec<Value<'static>>,
        negated: bool,
    },
    InQuery {
        operand: Box<Node>,
        query: Box<Plan>,
        negated: bool,
    },
    Call(Call),
    /// `5m`
    Period(i64, String),
}

/// A function's call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// In lower case.
    pub(super) name: String,
    pub(super) name_span: Span,
    pub(super) arguments: Vec<Node>,
    /// `(*)`
    pub(super) star: bool,
    /// PPL's `case(.. else value)`, and the type of `cast(v as type)`.
    pub(super) last: Option<Box<Node>>,
}

/// Parses a query in parentheses or brackets, from behind its opening to before its closing.
pub(super) type Nested = fn(&mut Cursor) -> Result<Plan, QueryError>;

/// Parses expressions.
pub(super) struct Expressions<'c> {
    pub(super) cursor: &'c mut Cursor,
    pub(super) nested: Nested,
}

impl Node {
    fn new(span: Span, kind: NodeKind) -> Node {
        let depth = 1 + match &kind {
            NodeKind::Literal(_) | NodeKind::Name(_) | NodeKind::Period(..) => 0,
            NodeKind::Part(one, _) | NodeKind::Not(one) | NodeKind::Negate(one) => one.depth,
            NodeKind::And(all) | NodeKind::Or(all) => deepest(all),
            NodeKind::Compare(_, one, other) | NodeKind::Arithmetic(_, one, other) => one.depth.max(other.depth),
            NodeKind::Like { operand, .. } | NodeKind::In { operand, .. } | NodeKind::InQuery { operand, .. } => {
                operand.depth
            }
            NodeKind::Call(call) => deepest(&call.arguments).max(call.last.as_ref().map_or(0, |last| last.depth)),
        };
        Node { span, depth, kind }
    }

    /// The node of a name.
    pub(super) fn of_name(name: &str, span: Span) -> Node {
        Node::new(span, NodeKind::Name(name.to_owned()))
    }
}

fn deepest(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| node.depth).max().unwrap_or(0)
}

impl Expressions<'_> {
    /// An expression.
    pub(super) fn expression(&mut self) -> Result<Node, QueryError> {
        self.or()
    }

    fn node(&self, start: usize, kind: NodeKind) -> Result<Node, QueryError> {
        let node = Node::new(self.cursor.since(start), kind);
        match node.depth {
            depth if depth <= DEPTH_MAX => Ok(node),
            _ => Err(QueryError::new(node.span, "the expression is nested too deeply")),
        }
    }

    fn or(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        let first = self.and()?;
        if !self.cursor.is_word("or") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.cursor.eat_word("or")? {
            all.push(self.and()?);
        }
        self.node(start, NodeKind::Or(all))
    }

    fn and(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        let first = self.not()?;
        if !self.cursor.is_word("and") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.cursor.eat_word("and")? {
            all.push(self.not()?);
        }
        self.node(start, NodeKind::And(all))
    }

    fn not(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        if !self.cursor.eat_word("not")? {
            return self.comparison();
        }
        let operand = self.deeper(Self::not)?;
        self.node(start, NodeKind::Not(Box::new(operand)))
    }

    fn deeper(&mut self, inner: fn(&mut Self) -> Result<Node, QueryError>) -> Result<Node, QueryError> {
        self.cursor.enter()?;
        let node = inner(self);
        self.cursor.leave();
        node
    }

    fn comparison(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        let operand = self.sum()?;
        let comparison = match self.cursor.peek() {
            Kind::Symbol("=" | "==") => Comparison::Equal,
            Kind::Symbol("!=") => Comparison::NotEqual,
            Kind::Symbol("<>") if self.is_ppl() => Comparison::NotEqual,
            Kind::Symbol("<") => Comparison::Less,
            Kind::Symbol("<=") => Comparison::LessOrEqual,
            Kind::Symbol(">") => Comparison::Greater,
            Kind::Symbol(">=") => Comparison::GreaterOrEqual,
            _ => return self.membership(start, operand),
        };
        self.cursor.advance()?;
        let other = self.sum()?;
        self.node(start, NodeKind::Compare(comparison, Box::new(operand), Box::new(other)))
    }

    /// `like`, `=~`, `in`, `between`, or the operand alone.
    fn membership(&mut self, start: usize, operand: Node) -> Result<Node, QueryError> {
        if self.cursor.eat_symbol("=~")? {
            let pattern = self.regex()?;
            return self.node(start, NodeKind::Like { operand: Box::new(operand), pattern, negated: false });
        }
        let negated = self.cursor.is_word("not")
            && self
                .cursor
                .peek_second()
                .is_some_and(|second| ["like", "in", "between"].iter().any(|word| is_word(&second, word)));
        if negated {
            self.cursor.advance()?;
        }
        if self.cursor.eat_word("like")? {
            let pattern = self.pattern()?;
            return self.node(start, NodeKind::Like { operand: Box::new(operand), pattern, negated });
        }
        if self.cursor.eat_word("in")? {
            return self.in_list(start, operand, negated);
        }
        if self.is_ppl() && self.cursor.eat_word("between")? {
            let low = self.sum()?;
            self.cursor.word("and")?;
            let high = self.sum()?;
            let from = NodeKind::Compare(Comparison::GreaterOrEqual, Box::new(operand.clone()), Box::new(low));
            let to = NodeKind::Compare(Comparison::LessOrEqual, Box::new(operand), Box::new(high));
            let both = NodeKind::And(vec![self.node(start, from)?, self.node(start, to)?]);
            let both = self.node(start, both)?;
            return if negated { self.node(start, NodeKind::Not(Box::new(both))) } else { Ok(both) };
        }
        Ok(operand)
    }

    /// What follows `like`.
    fn pattern(&mut self) -> Result<super::plan::Pattern, QueryError> {
        if self.is_ppl() {
            let span = self.cursor.span();
            return text_pattern::wildcards(&self.cursor.quoted()?, span);
        }
        match self.cursor.peek() {
            Kind::Text(text) => {
                let pattern = text_pattern::contains(text);
                self.cursor.advance()?;
                Ok(pattern)
            }
            _ => self.regex(),
        }
    }

    fn regex(&mut self) -> Result<super::plan::Pattern, QueryError> {
        match self.cursor.regex()? {
            Some((text, span)) => text_pattern::regex(&text, span),
            None => Err(self.cursor.expected("a text in quotes, a regular expression")),
        }
    }

    /// What follows `in`: a list, or a query.
    fn in_list(&mut self, start: usize, operand: Node, negated: bool) -> Result<Node, QueryError> {
        let (open, close) = match self.cursor.peek() {
            Kind::Symbol("[") => ("[", "]"),
            Kind::Symbol("(") => ("(", ")"),
            _ => return Err(self.cursor.expected("'[', '('")),
        };
        let second = self.cursor.peek_second();
        let is_query = second.is_some_and(|second| {
            is_word(&second, "source") || is_word(&second, "search") || is_word(&second, "index")
        });
        self.cursor.symbol(open)?;
        if is_query {
            self.cursor.enter()?;
            let query = Box::new((self.nested)(self.cursor)?);
            self.cursor.leave();
            self.cursor.symbol(close)?;
            return self.node(start, NodeKind::InQuery { operand: Box::new(operand), query, negated });
        }
        if open == "(" && !self.is_ppl() {
            return Err(self.cursor.expected("K_SOURCE"));
        }
        let list = self.list(Self::literal)?;
        self.cursor.symbol(close)?;
        self.node(start, NodeKind::In { operand: Box::new(operand), list, negated })
    }

    /// A text, a number, `true` or `false`.
    pub(super) fn literal(&mut self) -> Result<Value<'static>, QueryError> {
        let negative = self.cursor.eat_symbol("-")?;
        let value = match self.cursor.peek().clone() {
            Kind::Text(text) if !negative => Value::text(text),
            Kind::Number(number) if negative => number_literal(&format!("-{number}")),
            Kind::Number(number) => number_literal(&number),
            Kind::Name { .. } if !negative => return self.cursor.truth().map(Value::Bool),
            _ => return Err(self.cursor.expected("a text in quotes, a number")),
        };
        self.cursor.advance()?;
        Ok(value)
    }

    fn sum(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        let mut left = self.product()?;
        loop {
            let operator = match self.cursor.peek() {
                Kind::Symbol("+") => Arithmetic::Add,
                Kind::Symbol("-") => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            self.cursor.advance()?;
            let right = self.product()?;
            left = self.node(start, NodeKind::Arithmetic(operator, Box::new(left), Box::new(right)))?;
        }
    }

    fn product(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        let mut left = self.power()?;
        loop {
            let operator = match self.cursor.peek() {
                Kind::Symbol("*") => Arithmetic::Multiply,
                Kind::Symbol("/") => Arithmetic::Divide,
                Kind::Symbol("%") => Arithmetic::Remainder,
                _ => return Ok(left),
            };
            self.cursor.advance()?;
            let right = self.power()?;
            left = self.node(start, NodeKind::Arithmetic(operator, Box::new(left), Box::new(right)))?;
        }
    }

    fn power(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        let base = self.unary()?;
        if !self.cursor.eat_symbol("^")? {
            return Ok(base);
        }
        let exponent = self.deeper(Self::power)?;
        self.node(start, NodeKind::Arithmetic(Arithmetic::Power, Box::new(base), Box::new(exponent)))
    }

    fn unary(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        if !self.cursor.eat_symbol("-")? {
            return self.part();
        }
        if let Kind::Number(number) = self.cursor.peek() {
            let literal = number_literal(&format!("-{number}"));
            self.cursor.advance()?;
            return self.node(start, NodeKind::Literal(literal));
        }
        let operand = self.deeper(Self::unary)?;
        self.node(start, NodeKind::Negate(Box::new(operand)))
    }

    /// Something, and parts of it.
    pub(super) fn part(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        let mut node = self.primary()?;
        loop {
            let part = if self.cursor.eat_symbol("[")? {
                let part = match self.cursor.peek().clone() {
                    Kind::Text(key) => {
                        self.cursor.advance()?;
                        key
                    }
                    _ => self.cursor.integer()?.to_string(),
                };
                self.cursor.symbol("]")?;
                part
            } else if self.cursor.is_symbol(".") {
                self.cursor.advance()?;
                match self.cursor.peek().clone() {
                    Kind::Name { text, .. } => {
                        self.cursor.advance()?;
                        text
                    }
                    _ => self.cursor.integer()?.to_string(),
                }
            } else {
                return Ok(node);
            };
            node = self.node(start, NodeKind::Part(Box::new(node), part))?;
        }
    }

    fn primary(&mut self) -> Result<Node, QueryError> {
        let start = self.cursor.span().start;
        let kind = match self.cursor.peek().clone() {
            Kind::Text(text) => NodeKind::Literal(Value::text(text)),
            Kind::Number(number) => NodeKind::Literal(number_literal(&number)),
            Kind::Period(number, unit) => NodeKind::Period(number, unit),
            Kind::Symbol("(") => {
                self.cursor.advance()?;
                let inner = self.deeper(Self::expression)?;
                self.cursor.symbol(")")?;
                return self.node(start, inner.kind);
            }
            Kind::Name { text, plain: true } if is_reserved(&text) && !self.is_like_call() => {
                return Err(self.cursor.expected("an expression"));
            }
            Kind::Name { text, plain: true } if matches!(self.cursor.peek_second(), Some(Kind::Symbol("("))) => {
                return self.call(text);
            }
            Kind::Name { text, plain: true } if text.eq_ignore_ascii_case("true") => {
                NodeKind::Literal(Value::Bool(true))
            }
            Kind::Name { text, plain: true } if text.eq_ignore_ascii_case("false") => {
                NodeKind::Literal(Value::Bool(false))
            }
            Kind::Name { text, .. } => NodeKind::Name(text),
            _ => return Err(self.cursor.expected("an expression")),
        };
        self.cursor.advance()?;
        self.node(start, kind)
    }

    fn call(&mut self, name: String) -> Result<Node, QueryError> {
        let name_span = self.cursor.span();
        self.cursor.advance()?;
        self.cursor.symbol("(")?;
        let mut call =
            Call { name: name.to_ascii_lowercase(), name_span, arguments: Vec::new(), star: false, last: None };
        if self.cursor.eat_symbol("*")? {
            call.star = true;
        } else if !self.cursor.is_symbol(")") {
            call.arguments = self.list(|expressions| expressions.deeper(Self::expression))?;
            let has_last = self.is_ppl()
                && (call.name == "case" && self.cursor.is_word("else")
                    || call.name == "cast" && self.cursor.is_word("as"));
            if has_last {
                self.cursor.advance()?;
                call.last = Some(Box::new(self.deeper(Self::expression)?));
            }
        }
        self.cursor.symbol(")")?;
        self.node(name_span.start, NodeKind::Call(call))
    }

    /// PPL has `like(f, '%x%')`, too.
    fn is_like_call(&self) -> bool {
        self.is_ppl() && self.cursor.is_word("like") && self.cursor.peek_second() == Some(Kind::Symbol("("))
    }

    fn is_ppl(&self) -> bool {
        self.cursor.language == Language::Ppl
    }
}

/// A number as it is written; long whole ones keep their digits.
fn number_literal(number: &str) -> Value<'static> {
    match number.parse::<f64>() {
        Ok(parsed) if number.len() <= EXACT_DIGITS || number.contains(['.', 'e', 'E']) => Value::number(parsed),
        _ => Value::text(number),
    }
}
