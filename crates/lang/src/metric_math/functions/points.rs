//! Functions of each point.

use super::{Call, EACH, Function, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::series::point;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "ABS",
        signatures: EACH,
        summary: "The absolute value of each point.",
        apply: |call| of_values(call, f64::abs),
    },
    Function {
        name: "CEIL",
        signatures: EACH,
        summary: "The least whole number that is at least the value of each point.",
        apply: |call| of_values(call, f64::ceil),
    },
    Function {
        name: "FLOOR",
        signatures: EACH,
        summary: "The greatest whole number that is at most the value of each point.",
        apply: |call| of_values(call, f64::floor),
    },
    Function {
        name: "LOG",
        signatures: EACH,
        summary: "The natural logarithm of each point; points that are not above 0 are dropped.",
        apply: |call| of_values(call, f64::ln),
    },
    Function {
        name: "LOG10",
        signatures: EACH,
        summary: "The logarithm to base 10 of each point; points that are not above 0 are dropped.",
        apply: |call| of_values(call, f64::log10),
    },
];

fn of_values<'e>(mut call: Call<'_, 'e>, of: fn(f64) -> f64) -> Result<Val<'e>, ExpressionError> {
    let value = call.value(0)?;
    call.each(value, |series| Ok(series.points.iter().filter_map(|(time, old)| point(*time, of(*old))).collect()))
}
