//! Expressions, evaluated row by row.

use super::call;
use super::json;
use super::plan::{Arithmetic, Comparison, Expr, ExprKind, Field};
use super::value::{Value, ValueSet};

/// A row that expressions are asked about.
pub trait Row {
    /// The value of a field; masked, if it is.
    fn field(&self, field: &Field) -> Value<'_>;

    /// The value of a field as it was before it was masked.
    fn unmasked(&self, field: &Field) -> Value<'_> {
        self.field(field)
    }

    /// The result of an aggregate, by its index in [`Stats::calls`](super::plan::Stats::calls).
    fn aggregate(&self, _: usize) -> Value<'_> {
        Value::Null
    }
}

/// What expressions need beside the row.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// When the query was started, in milliseconds since the epoch.
    pub now_ms: i64,
    /// What the nested queries found, by [`Plan::subqueries`](super::plan::Plan::subqueries).
    pub subqueries: Vec<ValueSet>,
}

impl Expr {
    /// The value for a row.
    pub fn evaluate<'r>(&'r self, row: &'r dyn Row, context: &'r Context) -> Value<'r> {
        match &self.kind {
            ExprKind::Literal(value) => value.borrowed(),
            ExprKind::Field(field) => row.field(field),
            ExprKind::Part(whole, part) => json::part_of(&whole.evaluate(row, context), part),
            ExprKind::Negate(operand) => match operand.evaluate(row, context).as_number() {
                Some(number) => Value::number(-number),
                None => Value::Null,
            },
            ExprKind::Arithmetic(operator, left, right) => {
                let (left, right) = (left.evaluate(row, context), right.evaluate(row, context));
                arithmetic(*operator, &left, &right)
            }
            ExprKind::Call(function, arguments) => call::call(*function, arguments, row, context),
            ExprKind::Round { time, period, up } => period.round(&time.evaluate(row, context), *up),
            ExprKind::Aggregate(index) => row.aggregate(*index),
            _ => Value::Bool(self.is_true(row, context)),
        }
    }

    /// Whether it is true of a row.
    pub fn is_true(&self, row: &dyn Row, context: &Context) -> bool {
        match &self.kind {
            ExprKind::Not(operand) => !operand.is_true(row, context),
            ExprKind::And(all) => all.iter().all(|one| one.is_true(row, context)),
            ExprKind::Or(all) => all.iter().any(|one| one.is_true(row, context)),
            ExprKind::Compare(comparison, left, right) => {
                let (left, right) = (left.evaluate(row, context), right.evaluate(row, context));
                comparison.holds(&left, &right)
            }
            ExprKind::Like { operand, pattern, negated } => {
                let operand = operand.evaluate(row, context);
                operand.as_text().is_some_and(|text| pattern.is_in(&text)) != *negated
            }
            ExprKind::In { operand, list, negated } => list.has(&operand.evaluate(row, context)) != *negated,
            ExprKind::InQuery { operand, subquery, negated } => {
                let found = context.subqueries.get(*subquery);
                found.is_some_and(|found| found.has(&operand.evaluate(row, context))) != *negated
            }
            _ => self.evaluate(row, context).is_true(),
        }
    }
}

impl Comparison {
    /// Whether it holds.
    pub fn holds(self, left: &Value<'_>, right: &Value<'_>) -> bool {
        left.compare(right).is_some_and(|ordering| match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

/// Arithmetic on two values.
pub fn arithmetic(operator: Arithmetic, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    let (Some(left), Some(right)) = (left.as_number(), right.as_number()) else { return Value::Null };
    Value::number(match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
        Arithmetic::Power => left.powf(right),
    })
}
