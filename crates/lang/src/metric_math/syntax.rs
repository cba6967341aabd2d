//! The tree of an expression, and its text again.

use super::functions::Function;
use std::fmt;

/// A node and the byte of the text where it begins. Nodes are equal wherever they stand.
#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub at: usize,
    pub kind: Kind,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Expr) -> bool {
        self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Not negative, finite.
    Number(f64),
    /// Only as an argument, or in an array that is one.
    Text(String),
    /// Only as an argument.
    Keyword(String),
    Id(String),
    Negate(Box<Expr>),
    /// A base and its exponent.
    Power(Box<Expr>, Box<Expr>),
    /// Operators of one level of precedence, from left to right. It is flat, because a sum of hundreds of ids is common and
    /// must not make the tree deep.
    Chain(Box<Expr>, Vec<Link>),
    Array(Vec<Expr>),
    Call(&'static Function, Vec<Expr>),
}

/// An operator, where it stands, and what is to its right.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub operator: Operator,
    pub at: usize,
    pub operand: Expr,
}

impl PartialEq for Link {
    fn eq(&self, other: &Link) -> bool {
        self.operator == other.operator && self.operand == other.operand
    }
}

/// What stands between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// The operators of a chain by their precedence, the loosest first.
pub(super) const LEVELS: &[&[(&str, Operator)]] = &[
    &[("OR", Operator::Or), ("||", Operator::Or)],
    &[("AND", Operator::And), ("&&", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

/// The level of comparisons, which do not follow one another.
pub(super) const COMPARISONS: usize = 2;

/// The levels that bind tighter than every chain.
const UNARY: usize = 5;
const POWER: usize = 6;
const ATOM: usize = 7;

impl Operator {
    pub(super) fn symbol(self) -> &'static str {
        let mut all = LEVELS.iter().copied().flatten();
        all.find(|(_, operator)| *operator == self).map_or("^", |(symbol, _)| symbol)
    }

    fn level(self) -> usize {
        let has = |level: &&[(&str, Operator)]| level.iter().any(|(_, operator)| *operator == self);
        LEVELS.iter().position(has).unwrap_or(POWER)
    }
}

impl Kind {
    fn level(&self) -> usize {
        match self {
            Kind::Chain(_, links) => links.first().map_or(ATOM, |link| link.operator.level()),
            Kind::Negate(_) => UNARY,
            Kind::Power(..) => POWER,
            _ => ATOM,
        }
    }
}

impl Expr {
    /// Hands this node and all below it to `visit`, from left to right.
    pub(super) fn visit<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        visit(self);
        match &self.kind {
            Kind::Number(_) | Kind::Text(_) | Kind::Keyword(_) | Kind::Id(_) => {}
            Kind::Negate(operand) => operand.visit(visit),
            Kind::Power(base, exponent) => {
                base.visit(visit);
                exponent.visit(visit);
            }
            Kind::Chain(first, links) => {
                first.visit(visit);
                links.iter().for_each(|link| link.operand.visit(visit));
            }
            Kind::Array(members) => members.iter().for_each(|member| member.visit(visit)),
            Kind::Call(_, arguments) => arguments.iter().for_each(|argument| argument.visit(visit)),
        }
    }

    /// Replaces each id.
    pub(super) fn rename(&mut self, name: &dyn Fn(&str) -> String) {
        match &mut self.kind {
            Kind::Id(id) => *id = name(id),
            Kind::Number(_) | Kind::Text(_) | Kind::Keyword(_) => {}
            Kind::Negate(operand) => operand.rename(name),
            Kind::Power(base, exponent) => {
                base.rename(name);
                exponent.rename(name);
            }
            Kind::Chain(first, links) => {
                first.rename(name);
                links.iter_mut().for_each(|link| link.operand.rename(name));
            }
            Kind::Array(members) => members.iter_mut().for_each(|member| member.rename(name)),
            Kind::Call(_, arguments) => arguments.iter_mut().for_each(|argument| argument.rename(name)),
        }
    }

    /// Writes the node, in parentheses if it binds looser than `level`.
    fn write(&self, f: &mut fmt::Formatter<'_>, level: usize) -> fmt::Result {
        if self.kind.level() < level {
            return write!(f, "({self})");
        }
        match &self.kind {
            Kind::Number(number) => write_number(f, *number),
            Kind::Text(text) => match text.contains('\'') {
                true => write!(f, "\"{text}\""),
                false => write!(f, "'{text}'"),
            },
            Kind::Keyword(word) | Kind::Id(word) => f.write_str(word),
            Kind::Negate(operand) => {
                f.write_str("-")?;
                operand.write(f, UNARY)
            }
            Kind::Power(base, exponent) => {
                base.write(f, ATOM)?;
                f.write_str("^")?;
                exponent.write(f, UNARY)
            }
            Kind::Chain(first, links) => {
                let tighter = self.kind.level() + 1;
                first.write(f, tighter)?;
                for link in links {
                    write!(f, " {} ", link.operator.symbol())?;
                    link.operand.write(f, tighter)?;
                }
                Ok(())
            }
            Kind::Array(members) => write_list(f, "[", members, "]"),
            Kind::Call(function, arguments) => {
                f.write_str(function.name())?;
                write_list(f, "(", arguments, ")")
            }
        }
    }
}

/// The canonical text, which parses to an equal node.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// Plain digits, or an exponent where these would be many.
fn write_number(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    let plain = number.to_string();
    if plain.len() <= 20 { f.write_str(&plain) } else { write!(f, "{number:e}") }
}

fn write_list(f: &mut fmt::Formatter<'_>, open: &str, list: &[Expr], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (index, item) in list.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(close)
}
