//! The types of expressions, checked before anything is evaluated.

use super::ExpressionError;
use super::syntax::{Expr, Kind, Link, Operator};
use std::fmt;

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// S: a number.
    Scalar,
    /// TS: a series.
    Series,
    /// TS[]: an array of series.
    Array,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Scalar => "Scalar",
            Type::Series => "TimeSeries",
            Type::Array => "Array[TimeSeries]",
        })
    }
}

/// What an id stands for in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdType {
    /// A metric query: a series, which also has a `PERIOD`, a `SERVICE_QUOTA` and a place in `METRICS()`.
    Metric,
    /// Another expression, of this type.
    Expression(Type),
}

/// The types of the ids of a request; `None` for an id that there is none of.
pub type Ids<'a> = dyn Fn(&str) -> Option<IdType> + 'a;

/// What is given as an argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Given<'e> {
    Type(Type),
    /// The id of a metric query.
    Metric,
    /// A number as it is written.
    Number(f64),
    Text,
    /// An array of texts.
    Texts,
    Keyword(&'e str),
}

/// The type of a whole expression.
pub(super) fn check(root: &Expr, ids: &Ids<'_>) -> Result<Type, ExpressionError> {
    match type_of(root, ids)? {
        Type::Scalar => {
            let message =
                "The expression must return a time series or an array of time series, but it returns a scalar";
            Err(ExpressionError::new(root.at, message))
        }
        other => Ok(other),
    }
}

fn type_of(expr: &Expr, ids: &Ids<'_>) -> Result<Type, ExpressionError> {
    match &expr.kind {
        Kind::Number(_) => Ok(Type::Scalar),
        Kind::Text(_) => Err(ExpressionError::new(expr.at, format!("Unexpected text {expr}"))),
        Kind::Keyword(word) => Err(ExpressionError::new(expr.at, format!("Unexpected keyword '{word}'"))),
        Kind::Id(id) => match ids(id) {
            Some(IdType::Metric) => Ok(Type::Series),
            Some(IdType::Expression(of)) => Ok(of),
            None => Err(ExpressionError::new(expr.at, format!("Id '{id}' not found"))),
        },
        Kind::Negate(operand) => type_of(operand, ids),
        Kind::Power(base, exponent) => combined(Operator::Power, expr.at, type_of(base, ids)?, type_of(exponent, ids)?),
        Kind::Chain(first, links) => {
            links.iter().try_fold(type_of(first, ids)?, |left, Link { operator, at, operand }| {
                combined(*operator, *at, left, type_of(operand, ids)?)
            })
        }
        Kind::Array(members) => {
            members.iter().try_for_each(|member| match type_of(member, ids)? {
                Type::Scalar => Err(ExpressionError::new(member.at, "An array can only have time series, not scalars")),
                Type::Series | Type::Array => Ok(()),
            })?;
            Ok(Type::Array)
        }
        Kind::Call(function, arguments) => {
            let given: Vec<Given<'_>> =
                arguments.iter().map(|argument| given(argument, ids)).collect::<Result<_, _>>()?;
            let signature = function.signature(&given);
            signature.map_err(|mismatch| {
                let at = mismatch.argument.and_then(|index| arguments.get(index)).map_or(expr.at, |wrong| wrong.at);
                ExpressionError::new(at, mismatch.message)
            })
        }
    }
}

fn given<'e>(argument: &'e Expr, ids: &Ids<'_>) -> Result<Given<'e>, ExpressionError> {
    let is_text = |member: &Expr| matches!(member.kind, Kind::Text(_));
    match &argument.kind {
        Kind::Number(number) => Ok(Given::Number(*number)),
        Kind::Text(_) => Ok(Given::Text),
        Kind::Keyword(word) => Ok(Given::Keyword(word)),
        Kind::Array(members) if members.iter().all(is_text) => Ok(Given::Texts),
        Kind::Id(id) if ids(id) == Some(IdType::Metric) => Ok(Given::Metric),
        _ => type_of(argument, ids).map(Given::Type),
    }
}

/// The type of what an operator makes of two types.
fn combined(operator: Operator, at: usize, left: Type, right: Type) -> Result<Type, ExpressionError> {
    match (left, right) {
        (Type::Array, Type::Array) => {
            let message = format!("Unsupported operand type(s) for {}: '[{left}, {right}]'", operator.symbol());
            Err(ExpressionError::new(at, message))
        }
        (Type::Array, _) | (_, Type::Array) => Ok(Type::Array),
        (Type::Series, _) | (_, Type::Series) => Ok(Type::Series),
        (Type::Scalar, Type::Scalar) => Ok(Type::Scalar),
    }
}
