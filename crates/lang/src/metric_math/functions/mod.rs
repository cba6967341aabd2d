//! The functions: each is a row of the table of its family, from which its name, its arguments and their types are checked and
//! documentation is made. To add one, copy a neighbour.

mod aggregates;
mod calendar;
mod changes;
mod conditional;
mod fill;
mod members;
mod outside;
mod points;
mod signature;
mod window;

pub(super) use signature::{EACH, Mismatch, Parameter, REDUCE, Signature};

use super::ExpressionError;
use super::evaluate::{Evaluator, Item, Val};
use super::limits::SLOTS_MAX;
use super::series::{Point, Series};
use super::syntax::{Expr, Kind};
use super::types::{Given, Type};
use std::borrow::Cow;
use std::fmt;

/// The families, in the order of documentation.
const FAMILIES: &[&[Function]] = &[
    points::FUNCTIONS,
    aggregates::FUNCTIONS,
    changes::FUNCTIONS,
    fill::FUNCTIONS,
    conditional::FUNCTIONS,
    members::FUNCTIONS,
    window::FUNCTIONS,
    calendar::FUNCTIONS,
    outside::FUNCTIONS,
];

/// A function of metric math.
pub struct Function {
    name: &'static str,
    signatures: &'static [Signature],
    summary: &'static str,
    apply: Apply,
}

type Apply = for<'c, 'e> fn(Call<'c, 'e>) -> Result<Val<'e>, ExpressionError>;

/// All functions, families together.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().copied().flatten()
}

/// The function of this name, if there is one.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    functions().find(|function| function.name == name)
}

impl Function {
    /// Its name, in upper case.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its forms, as `FILL(TS, S) -> TS`.
    pub fn forms(&self) -> Vec<String> {
        self.signatures.iter().map(|signature| format!("{}{signature}", self.name)).collect()
    }

    /// What it does, in a sentence or two.
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// The type that it returns for these arguments.
    pub(super) fn signature(&self, given: &[Given<'_>]) -> Result<Type, Mismatch> {
        signature::resolve(self.name, self.signatures, given)
    }

    pub(super) fn apply<'e>(&self, call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
        (self.apply)(call)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A call of a function, its arguments evaluated.
pub(super) struct Call<'c, 'e> {
    pub evaluator: &'c Evaluator<'e>,
    pub function: &'static Function,
    pub at: usize,
    pub arguments: &'e [Expr],
    /// `None` for texts and keywords, and for what was taken.
    pub values: Vec<Option<Val<'e>>>,
}

impl<'e> Call<'_, 'e> {
    fn error(&self, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(self.at, message)
    }

    /// An argument that the checker should have refused.
    fn misfit(&self, index: usize) -> ExpressionError {
        self.error(format!("Function '{}' does not take such an argument {}", self.function.name, index + 1))
    }

    /// An argument that is a number, a series or an array; each can be taken once.
    fn value(&mut self, index: usize) -> Result<Val<'e>, ExpressionError> {
        let value = self.values.get_mut(index).and_then(Option::take);
        value.ok_or_else(|| self.misfit(index))
    }

    fn series(&mut self, index: usize) -> Result<Item<'e>, ExpressionError> {
        match self.value(index)? {
            Val::Series(series) => Ok(series),
            Val::Scalar(_) | Val::Array(_) => Err(self.misfit(index)),
        }
    }

    fn array(&mut self, index: usize) -> Result<Vec<Item<'e>>, ExpressionError> {
        match self.value(index)? {
            Val::Array(array) => Ok(array),
            Val::Scalar(_) | Val::Series(_) => Err(self.misfit(index)),
        }
    }

    /// A number; not a number if it has no value.
    fn scalar(&mut self, index: usize) -> Result<f64, ExpressionError> {
        match self.value(index)? {
            Val::Scalar(number) => Ok(number),
            Val::Series(_) | Val::Array(_) => Err(self.misfit(index)),
        }
    }

    /// An optional number of series, rounded down.
    fn count(&mut self, index: usize) -> Result<Option<usize>, ExpressionError> {
        if self.values.get(index).is_none() {
            return Ok(None);
        }
        let number = self.scalar(index)?;
        match number >= 0.0 {
            true => Ok(Some(number as usize)),
            false => {
                Err(self.error(format!("Argument {} of '{}' must not be negative", index + 1, self.function.name)))
            }
        }
    }

    fn text(&self, index: usize) -> Option<&'e str> {
        match &self.arguments.get(index)?.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    fn keyword(&self, index: usize) -> Option<&'e str> {
        match &self.arguments.get(index)?.kind {
            Kind::Keyword(word) => Some(word),
            _ => None,
        }
    }

    /// A series, or each of an array, with the points that `compute` makes of it.
    fn each(
        &self,
        value: Val<'e>,
        compute: impl Fn(&Series) -> Result<Vec<Point>, ExpressionError>,
    ) -> Result<Val<'e>, ExpressionError> {
        let one = |series: &Series| {
            let computed = series.with_points(compute(series)?);
            self.evaluator.charged(self.at, computed)
        };
        match value {
            Val::Series(series) => one(&series).map(Val::series),
            Val::Array(array) => {
                let computed = array.iter().map(|series| one(series).map(Cow::Owned));
                computed.collect::<Result<_, _>>().map(Val::Array)
            }
            Val::Scalar(_) => Err(self.misfit(0)),
        }
    }

    /// The slots of the window, as a series has them.
    fn slots(&self, series: &Series) -> Result<impl ExactSizeIterator<Item = i64> + use<>, ExpressionError> {
        let grid = &self.evaluator.grid;
        let slots = grid.slots(series.period_ms, series.anchor(grid));
        slots.ok_or_else(|| self.error(format!("The time range has more than {SLOTS_MAX} periods")))
    }
}
