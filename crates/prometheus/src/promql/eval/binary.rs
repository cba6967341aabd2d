//! Binary operations between numbers, and between a vector and a number. Source: "Operators: binary operators".

use super::super::ast::{Binary, BinaryOperator};
use super::*;

impl Evaluator<'_> {
    pub(super) fn binary(&mut self, operation: &Binary, grid: Grid) -> Evaluated<Value> {
        let left = self.eval(&operation.left, grid)?;
        let right = self.eval(&operation.right, grid)?;
        match (left, right) {
            (Value::Scalar(left), Value::Scalar(right)) => {
                let pairs = left.into_iter().zip(right);
                let value = |(left, right)| number(operation.operator, left, right);
                Ok(Value::Scalar(pairs.map(value).collect()))
            }
            (Value::Vector(rows), Value::Scalar(numbers)) => {
                with_numbers(operation, rows, &numbers, |value, number| (value, number)).map(Value::Vector)
            }
            (Value::Scalar(numbers), Value::Vector(rows)) => {
                with_numbers(operation, rows, &numbers, |value, number| (number, value)).map(Value::Vector)
            }
            (Value::Vector(left), Value::Vector(right)) => {
                let values_max = SAMPLES_MAX.saturating_sub(self.computed);
                let limits = matching::Limits { steps: grid.steps, values_max, go_on: self.go_on };
                let rows = matching::vectors(operation, left, right, limits)?;
                self.charge(rows.len(), grid)?;
                Ok(Value::Vector(rows))
            }
            _ => refuse("binary expression must contain only scalar and instant vector types"),
        }
    }
}

/// The value of an operation on two numbers; a comparison's is 0 or 1.
pub(super) fn number(operator: BinaryOperator, left: f64, right: f64) -> f64 {
    match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => left / right,
        BinaryOperator::Modulo => left % right,
        BinaryOperator::Power => power(left, right),
        BinaryOperator::Atan2 => left.atan2(right),
        _ => f64::from(u8::from(holds(operator, left, right))),
    }
}

/// As Go's Pow, which differs from C's nowhere that Rust's does not.
fn power(base: f64, exponent: f64) -> f64 {
    base.powf(exponent)
}

/// Whether a comparison holds.
pub(super) fn holds(operator: BinaryOperator, left: f64, right: f64) -> bool {
    match operator {
        BinaryOperator::Equal => left == right,
        BinaryOperator::NotEqual => left != right,
        BinaryOperator::Greater => left > right,
        BinaryOperator::Less => left < right,
        BinaryOperator::GreaterOrEqual => left >= right,
        BinaryOperator::LessOrEqual => left <= right,
        _ => false,
    }
}

/// A vector with a number at each step; `order` puts value and number left and right.
fn with_numbers(
    operation: &Binary,
    mut rows: Vec<Row>,
    numbers: &[f64],
    order: impl Fn(f64, f64) -> (f64, f64),
) -> Evaluated<Vec<Row>> {
    let operator = operation.operator;
    let filters = operator.is_comparison() && !operation.is_bool;
    for row in &mut rows {
        for (value, scalar) in row.values.iter_mut().zip(numbers).filter(|(value, _)| !is_absent(**value)) {
            let (left, right) = order(*value, *scalar);
            if !filters {
                *value = number(operator, left, right);
            } else if !holds(operator, left, right) {
                *value = ABSENT;
            }
        }
    }
    // A comparison lets through what it compares; everything else makes something new of it.
    if filters { Ok(present(rows)) } else { nameless(rows) }
}
