//! Metric math: the expressions of GetMetricData, alarms and dashboards, from their text to series of points. Source: "Use
//! metric math".
//!
//! ```text
//! expr   = or                                   or  = and { ("OR" | "||") and }
//! and    = cmp { ("AND" | "&&") cmp }           cmp = add [ ("==" | "!=" | "<=" | ">=" | "<" | ">") add ]
//! add    = mul { ("+" | "-") mul }              mul = unary { ("*" | "/") unary }
//! unary  = "-" unary | pow                      pow = atom [ "^" unary ]
//! atom   = number | id | NAME "(" [ arg { "," arg } ] ")" | "[" expr { "," expr } "]" | "(" expr ")"
//! arg    = expr | text | keyword
//! ```
//!
//! An expression is parsed once ([`Expression::parse`]), put in order with the others of its request ([`order`]), checked
//! against the types of their ids ([`Expression::check`]), and evaluated in an [`Environment`], which holds the series of
//! metrics and of other expressions. What is found elsewhere (searches, quotas, insight rules, anomaly models) is listed by
//! [`Expression::externals`], so that it can be fetched before: evaluation itself waits for nothing.
//!
//! ```
//! use watchkeep_lang::metric_math::{Expression, IdType, Type};
//!
//! let rate = Expression::parse("100 * errors / FILL(requests, 0)")?;
//! assert_eq!(rate.references(), ["errors", "requests"]);
//! assert_eq!(rate.check(&|_| Some(IdType::Metric)), Ok(Type::Series));
//! let scalar = Expression::parse("SUM(errors)")?.check(&|_| Some(IdType::Metric));
//! assert!(scalar.unwrap_err().message.contains("must return a time series"));
//! # Ok::<(), watchkeep_lang::metric_math::ExpressionError>(())
//! ```

mod dependencies;
mod evaluate;
mod external;
mod functions;
mod lexer;
pub mod limits;
mod operators;
mod parse;
mod series;
mod syntax;
#[cfg(test)]
mod tests;
mod types;

pub use dependencies::{CircularReference, order};
pub use evaluate::Environment;
pub use external::{BandSource, DatabaseMetrics, External, LambdaArgument};
pub use functions::{Function, functions};
pub use series::{Fold, Grid, Point, Series, Value};
pub use types::{IdType, Ids, Type};

use std::fmt;
use syntax::{Expr, Kind};

/// Why an expression cannot be parsed, does not fit its ids, or cannot be evaluated. The text is the reason alone, for the
/// caller of the API (`ValidationError`, after `Error in expression 'id': `).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// The reason.
    pub message: String,
    /// The byte of the expression where it shows.
    pub position: usize,
}

impl ExpressionError {
    fn new(position: usize, message: impl Into<String>) -> ExpressionError {
        ExpressionError { message: message.into(), position }
    }

    /// A reason that a person finds by counting characters.
    fn syntax(text: &str, position: usize, problem: &str) -> ExpressionError {
        let characters = text.get(..position).unwrap_or(text).chars().count() + 1;
        ExpressionError::new(position, format!("Invalid syntax at position {characters}: {problem}"))
    }
}

/// An expression, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Expr,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`] if the text does not follow the grammar, names an unknown function, or is too long or nested.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        parse::parse(text).map(|root| Expression { root })
    }

    /// The ids that it refers to, each once, in the order of their first use. `METRICS()` refers to metric queries without
    /// naming them, and is not among these.
    pub fn references(&self) -> Vec<&str> {
        self.collect(|expr| match &expr.kind {
            Kind::Id(id) => Some(id.as_str()),
            _ => None,
        })
    }

    /// The functions that it calls, each once, in the order of their first use. Some callers refuse some: alarms `SEARCH`,
    /// anomaly detectors also `METRICS`.
    pub fn functions(&self) -> Vec<&'static str> {
        self.collect(|expr| match &expr.kind {
            Kind::Call(function, _) => Some(function.name()),
            _ => None,
        })
    }

    /// What it needs from outside of its request, each once, in the order of the text. Calls whose arguments do not fit are
    /// left to [`Expression::check`] to refuse.
    pub fn externals(&self) -> Vec<External> {
        self.collect(|expr| match &expr.kind {
            Kind::Call(function, arguments) => External::of(function.name(), arguments),
            _ => None,
        })
    }

    /// The type of its result: a series or an array of series.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`] if an id is unknown, operands or arguments have types that do not fit, or the result is a scalar.
    pub fn check(&self, ids: &Ids<'_>) -> Result<Type, ExpressionError> {
        types::check(&self.root, ids)
    }

    /// Its result: a series or an array of series. A series that is not an element of an array needs no label, and may have
    /// none.
    ///
    /// # Errors
    ///
    /// [`ExpressionError`] of [`Expression::check`] against the values of the environment; if something from outside is not
    /// there; if it would take more series, slots or points than the [`limits`].
    pub fn evaluate(&self, environment: &dyn Environment) -> Result<Value, ExpressionError> {
        evaluate::evaluate(&self.root, environment)
    }

    /// The canonical text with something else in the place of each id: two expressions have the same if they compute the same
    /// of operands that are given the same names.
    pub fn text_with(&self, name: &dyn Fn(&str) -> String) -> String {
        let mut root = self.root.clone();
        root.rename(name);
        root.to_string()
    }

    fn collect<'e, T: PartialEq>(&'e self, pick: impl Fn(&'e Expr) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        self.root.visit(&mut |expr| match pick(expr) {
            Some(picked) if !found.contains(&picked) => found.push(picked),
            _ => {}
        });
        found
    }
}

/// The canonical text, which parses to an equal expression.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}
