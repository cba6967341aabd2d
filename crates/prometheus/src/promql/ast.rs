//! Expressions of PromQL, as they were read.

use std::sync::Arc;

use super::functions::FunctionSpec;
use super::labels::METRIC_NAME;
use super::matcher::{MatchOperator, Matcher};

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A number at each time.
    Scalar,
    /// A text.
    String,
    /// Series with a value at each time.
    Vector,
    /// Series with the samples of a range before each time.
    Matrix,
}

impl Type {
    /// As messages name it.
    pub fn text(self) -> &'static str {
        match self {
            Type::Scalar => "scalar",
            Type::String => "string",
            Type::Vector => "instant vector",
            Type::Matrix => "range vector",
        }
    }
}

/// An expression with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Where it begins, in bytes.
    pub position: usize,
    /// How deep it is nested, itself included.
    pub depth: usize,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number.
    Number(f64),
    /// A text.
    String(String),
    /// An instant vector selector.
    Selector(Selector),
    /// A range vector selector.
    Range {
        /// Of which series.
        selector: Selector,
        /// How long.
        range_ms: i64,
    },
    /// An instant query over a range.
    Subquery(Box<Subquery>),
    /// What is negated.
    Negation(Box<Expr>),
    /// What stands in parentheses.
    Paren(Box<Expr>),
    /// A binary operation.
    Binary(Box<Binary>),
    /// An aggregation.
    Aggregate(Box<Aggregate>),
    /// A function call.
    Call(Call),
}

/// Which series.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// Its number among the selectors of its expression.
    pub id: usize,
    /// What the labels must be; the metric's name among them.
    pub matchers: Vec<Matcher>,
    /// At which time.
    pub when: When,
    /// The statistic of CloudWatch's metrics that a function around the selector asks for.
    pub statistic: Option<&'static str>,
}

impl Selector {
    /// The metric's name, if one is demanded.
    pub fn metric_name(&self) -> Option<&str> {
        let is_name = |matcher: &&Matcher| matcher.name == METRIC_NAME && matcher.operator == MatchOperator::Equal;
        self.matchers.iter().find(is_name).map(|matcher| matcher.value.as_str())
    }
}

/// The time that a selector or subquery looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct When {
    /// Fixed by `@`.
    pub at: Option<At>,
    /// Moved into the past by `offset`.
    pub offset_ms: Option<i64>,
}

/// The time of an `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// This time.
    Time(i64),
    /// The query's start.
    Start,
    /// The query's end.
    End,
}

/// An instant query over a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is asked.
    pub expr: Expr,
    /// Over how long.
    pub range_ms: i64,
    /// How often; the default is the engine's.
    pub step_ms: Option<i64>,
    /// At which time.
    pub when: When,
}

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    And,
    Or,
    Unless,
}

impl BinaryOperator {
    /// All of them: as PromQL writes them, and how strongly they bind.
    pub const ALL: &[(BinaryOperator, &str, u8)] = &[
        (BinaryOperator::Or, "or", 1),
        (BinaryOperator::And, "and", 2),
        (BinaryOperator::Unless, "unless", 2),
        (BinaryOperator::Equal, "==", 3),
        (BinaryOperator::NotEqual, "!=", 3),
        (BinaryOperator::Greater, ">", 3),
        (BinaryOperator::Less, "<", 3),
        (BinaryOperator::GreaterOrEqual, ">=", 3),
        (BinaryOperator::LessOrEqual, "<=", 3),
        (BinaryOperator::Add, "+", 4),
        (BinaryOperator::Subtract, "-", 4),
        (BinaryOperator::Multiply, "*", 5),
        (BinaryOperator::Divide, "/", 5),
        (BinaryOperator::Modulo, "%", 5),
        (BinaryOperator::Atan2, "atan2", 5),
        (BinaryOperator::Power, "^", 6),
    ];

    /// As PromQL writes it.
    pub fn text(self) -> &'static str {
        Self::ALL.iter().find(|(operator, ..)| *operator == self).map_or("", |(_, text, _)| text)
    }

    /// How strongly it binds.
    pub fn precedence(self) -> u8 {
        Self::ALL.iter().find(|(operator, ..)| *operator == self).map_or(0, |(.., precedence)| *precedence)
    }

    /// Whether it compares.
    pub fn is_comparison(self) -> bool {
        self.precedence() == 3
    }

    /// Whether it is `and`, `or` or `unless`.
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Unless)
    }
}

/// A binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub operator: BinaryOperator,
    /// What stands left of it.
    pub left: Expr,
    /// What stands right of it.
    pub right: Expr,
    /// Whether a comparison answers 0 or 1.
    pub is_bool: bool,
    /// How the series of two vectors are matched.
    pub matching: Matching,
}

/// How the series of two vectors are matched.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matching {
    /// Whether `labels` are those that count (`on`), and not those that do not (`ignoring`).
    pub is_on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<Arc<str>>,
    /// How many series of one side may match one of the other.
    pub cardinality: Cardinality,
}

/// How many series may match.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cardinality {
    /// One of each side.
    #[default]
    OneToOne,
    /// Many of the left (`group_left`), which are given these labels of the right.
    ManyToOne(Vec<Arc<str>>),
    /// Many of the right (`group_right`), which are given these labels of the left.
    OneToMany(Vec<Arc<str>>),
}

/// Aggregation operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Aggregator {
    Sum,
    Min,
    Max,
    Avg,
    Group,
    Stddev,
    Stdvar,
    Count,
    CountValues,
    Bottomk,
    Topk,
    Quantile,
}

impl Aggregator {
    /// All of them, as PromQL writes them.
    pub const ALL: &[(Aggregator, &str)] = &[
        (Aggregator::Sum, "sum"),
        (Aggregator::Min, "min"),
        (Aggregator::Max, "max"),
        (Aggregator::Avg, "avg"),
        (Aggregator::Group, "group"),
        (Aggregator::Stddev, "stddev"),
        (Aggregator::Stdvar, "stdvar"),
        (Aggregator::Count, "count"),
        (Aggregator::CountValues, "count_values"),
        (Aggregator::Bottomk, "bottomk"),
        (Aggregator::Topk, "topk"),
        (Aggregator::Quantile, "quantile"),
    ];

    /// As PromQL writes it.
    pub fn text(self) -> &'static str {
        Self::ALL.iter().find(|(aggregator, _)| *aggregator == self).map_or("", |(_, text)| text)
    }

    /// The type of its parameter, if it has one.
    pub fn parameter(self) -> Option<Type> {
        match self {
            Aggregator::Bottomk | Aggregator::Topk | Aggregator::Quantile => Some(Type::Scalar),
            Aggregator::CountValues => Some(Type::String),
            _ => None,
        }
    }
}

/// An aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The operator.
    pub aggregator: Aggregator,
    /// What is aggregated.
    pub expr: Expr,
    /// The operator's parameter.
    pub parameter: Option<Expr>,
    /// Which series come together.
    pub grouping: Grouping,
}

/// Which series come together in an aggregation.
#[derive(Debug, Clone, PartialEq)]
pub enum Grouping {
    /// Those with the same values of these labels.
    By(Vec<Arc<str>>),
    /// Those with the same values of all other labels.
    Without(Vec<Arc<str>>),
}

/// A function call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function.
    pub function: &'static FunctionSpec,
    /// Its arguments.
    pub arguments: Vec<Expr>,
}

impl Expr {
    /// Its type.
    pub fn r#type(&self) -> Type {
        match &self.kind {
            ExprKind::Number(_) => Type::Scalar,
            ExprKind::String(_) => Type::String,
            ExprKind::Selector(_) | ExprKind::Aggregate(_) => Type::Vector,
            ExprKind::Range { .. } | ExprKind::Subquery(_) => Type::Matrix,
            ExprKind::Negation(inner) | ExprKind::Paren(inner) => inner.r#type(),
            ExprKind::Binary(binary) => match (binary.left.r#type(), binary.right.r#type()) {
                (Type::Scalar, Type::Scalar) => Type::Scalar,
                _ => Type::Vector,
            },
            ExprKind::Call(call) => call.function.returns,
        }
    }

    /// What stands in its parentheses, if it has some.
    pub fn bare(&self) -> &Expr {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }

    /// The expressions that it is made of.
    pub fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Selector(_) | ExprKind::Range { .. } => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
            ExprKind::Negation(inner) | ExprKind::Paren(inner) => vec![inner],
            ExprKind::Binary(binary) => vec![&binary.left, &binary.right],
            ExprKind::Aggregate(aggregate) => aggregate.parameter.iter().chain([&aggregate.expr]).collect(),
            ExprKind::Call(call) => call.arguments.iter().collect(),
        }
    }
}
