//! From a tree to its value.

use super::ExpressionError;
use super::external::{BandSource, External};
use super::functions::Call;
use super::limits::{POINTS_MAX, SERIES_MAX};
use super::series::{Grid, Series, Value};
use super::syntax::{Expr, Kind, Operator};
use super::types::{self, IdType};
use std::borrow::Cow;
use std::cell::Cell;

/// What an expression is evaluated in: the window, the values of its request, and what was found outside.
pub trait Environment {
    /// The window. Its period is the query's `Period`, or else the longest of the metrics that the expression refers to.
    fn grid(&self) -> Grid;

    /// The value of the query with this id, a metric or another expression; `None` if there is no such query.
    fn value(&self, id: &str) -> Option<&Value>;

    /// The ids of the metric queries, in the order of the request.
    fn metric_ids(&self) -> Vec<&str>;

    /// What was found of [`Expression::externals`](super::Expression::externals); `None` if this service has no such thing.
    /// Bands are asked for with [`Environment::band`] instead.
    fn external(&self, external: &External) -> Option<&Value>;

    /// The upper and the lower band of a series, so many standard deviations from what is expected; without points if there is
    /// no model.
    fn band(&self, source: &BandSource, series: &Series, deviations: f64) -> [Series; 2];
}

/// A series on the way: of the environment, or computed.
pub(super) type Item<'e> = Cow<'e, Series>;

/// A value on the way.
#[derive(Debug, Clone)]
pub(super) enum Val<'e> {
    Scalar(f64),
    Series(Item<'e>),
    Array(Vec<Item<'e>>),
}

impl<'e> Val<'e> {
    fn borrowed(value: &'e Value) -> Val<'e> {
        match value {
            Value::Scalar(number) => Val::Scalar(*number),
            Value::Series(series) => Val::Series(Cow::Borrowed(series)),
            Value::Array(array) => Val::Array(array.iter().map(Cow::Borrowed).collect()),
        }
    }

    pub(super) fn series(series: Series) -> Val<'e> {
        Val::Series(Cow::Owned(series))
    }

    fn into_owned(self) -> Value {
        match self {
            Val::Scalar(number) => Value::Scalar(number),
            Val::Series(series) => Value::Series(series.into_owned()),
            Val::Array(array) => Value::Array(array.into_iter().map(Cow::into_owned).collect()),
        }
    }
}

/// Checks and evaluates, computing [`POINTS_MAX`] points at most.
pub(super) fn evaluate(root: &Expr, environment: &dyn Environment) -> Result<Value, ExpressionError> {
    evaluate_within(POINTS_MAX, root, environment)
}

/// Checks and evaluates, computing so many points at most.
pub(super) fn evaluate_within(
    points_max: usize,
    root: &Expr,
    environment: &dyn Environment,
) -> Result<Value, ExpressionError> {
    let metric_ids = environment.metric_ids();
    types::check(root, &|id| match environment.value(id)? {
        Value::Series(_) if metric_ids.contains(&id) => Some(IdType::Metric),
        other => Some(IdType::Expression(other.type_of())),
    })?;
    let evaluator = Evaluator { environment, grid: environment.grid(), points_max, points_left: Cell::new(points_max) };
    evaluator.value(root).map(Val::into_owned)
}

pub(super) struct Evaluator<'e> {
    pub environment: &'e dyn Environment,
    pub grid: Grid,
    points_max: usize,
    points_left: Cell<usize>,
}

impl<'e> Evaluator<'e> {
    fn value(&self, expr: &'e Expr) -> Result<Val<'e>, ExpressionError> {
        match &expr.kind {
            Kind::Number(number) => Ok(Val::Scalar(*number)),
            // The checker has refused these.
            Kind::Text(_) | Kind::Keyword(_) => Err(ExpressionError::new(expr.at, "Unexpected text")),
            Kind::Id(id) => self.id(id, expr.at),
            Kind::Negate(operand) => self.operate(Operator::Multiply, expr.at, Val::Scalar(-1.0), self.value(operand)?),
            Kind::Power(base, exponent) => {
                self.operate(Operator::Power, expr.at, self.value(base)?, self.value(exponent)?)
            }
            Kind::Chain(first, links) => links.iter().try_fold(self.value(first)?, |left, link| {
                self.operate(link.operator, link.at, left, self.value(&link.operand)?)
            }),
            Kind::Array(members) => self.array(members, expr.at),
            Kind::Call(function, arguments) => {
                let values = arguments.iter().map(|argument| self.argument(argument)).collect::<Result<_, _>>()?;
                function.apply(Call { evaluator: self, function, at: expr.at, arguments, values })
            }
        }
    }

    /// The value of an argument; `None` if it is a text, a list of texts or a keyword.
    fn argument(&self, argument: &'e Expr) -> Result<Option<Val<'e>>, ExpressionError> {
        match &argument.kind {
            Kind::Text(_) | Kind::Keyword(_) => Ok(None),
            Kind::Array(members) if members.iter().all(|member| matches!(member.kind, Kind::Text(_))) => Ok(None),
            _ => self.value(argument).map(Some),
        }
    }

    pub(super) fn id(&self, id: &str, at: usize) -> Result<Val<'e>, ExpressionError> {
        let value = self.environment.value(id);
        value.map(Val::borrowed).ok_or_else(|| ExpressionError::new(at, format!("Id '{id}' not found")))
    }

    /// The value of something from outside.
    pub(super) fn external(&self, external: &External) -> Option<Val<'e>> {
        self.environment.external(external).map(Val::borrowed)
    }

    /// The members, those of arrays among them one by one. What has no name is called by its text.
    fn array(&self, members: &'e [Expr], at: usize) -> Result<Val<'e>, ExpressionError> {
        let mut array = Vec::new();
        for member in members {
            match self.value(member)? {
                Val::Array(inner) => array.extend(inner),
                Val::Series(mut series) => {
                    if series.label.is_empty() {
                        series.to_mut().label = member.to_string();
                    }
                    array.push(series);
                }
                Val::Scalar(_) => return Err(ExpressionError::new(member.at, "An array can only have time series")),
            }
            limit_series(&array, at)?;
        }
        Ok(Val::Array(array))
    }

    fn operate(
        &self,
        operator: Operator,
        at: usize,
        left: Val<'e>,
        right: Val<'e>,
    ) -> Result<Val<'e>, ExpressionError> {
        let each = |array: Vec<Item<'e>>, of: &dyn Fn(&Series) -> Series| {
            let computed = array.iter().map(|member| self.charged(at, of(member).named_like(member)).map(Cow::Owned));
            computed.collect::<Result<_, _>>().map(Val::Array)
        };
        let grid = &self.grid;
        match (left, right) {
            (Val::Scalar(left), Val::Scalar(right)) => {
                Ok(Val::Scalar(operator.of_scalars(left, right).unwrap_or(f64::NAN)))
            }
            (Val::Series(left), Val::Scalar(right)) => {
                self.charged(at, operator.of_series_and_scalar(&left, right)).map(Val::series)
            }
            (Val::Scalar(left), Val::Series(right)) => {
                self.charged(at, operator.of_scalar_and_series(left, &right)).map(Val::series)
            }
            (Val::Series(left), Val::Series(right)) => {
                self.charged(at, operator.of_series(&left, &right, grid)).map(Val::series)
            }
            (Val::Array(left), Val::Scalar(right)) => {
                each(left, &|member| operator.of_series_and_scalar(member, right))
            }
            (Val::Scalar(left), Val::Array(right)) => {
                each(right, &|member| operator.of_scalar_and_series(left, member))
            }
            (Val::Array(left), Val::Series(right)) => each(left, &|member| operator.of_series(member, &right, grid)),
            (Val::Series(left), Val::Array(right)) => each(right, &|member| operator.of_series(&left, member, grid)),
            (Val::Array(_), Val::Array(_)) => {
                Err(ExpressionError::new(at, format!("Unsupported operand type(s) for {}", operator.symbol())))
            }
        }
    }

    /// A series that was computed, if its points are within what the evaluation may still compute.
    pub(super) fn charged(&self, at: usize, series: Series) -> Result<Series, ExpressionError> {
        let left = self.points_left.get().checked_sub(series.points.len());
        let message = || format!("The expression takes more than {} data points to compute", self.points_max);
        self.points_left.set(left.ok_or_else(|| ExpressionError::new(at, message()))?);
        Ok(series)
    }
}

/// Refuses an array of too many series.
pub(super) fn limit_series(array: &[Item<'_>], at: usize) -> Result<(), ExpressionError> {
    match array.len() <= SERIES_MAX {
        true => Ok(()),
        false => Err(ExpressionError::new(at, format!("An array can have at most {SERIES_MAX} time series"))),
    }
}
