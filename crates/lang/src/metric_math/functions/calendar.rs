//! Functions of the times of slots, in UTC.

use super::{Call, Function, Parameter, Signature, Val};
use crate::label::civil;
use crate::metric_math::ExpressionError;
use crate::metric_math::series::point;
use crate::metric_math::types::Type;

const OF_SERIES: &[Signature] = &[Signature::new(&[Parameter::Series], Type::Series)];

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "MINUTE",
        signatures: OF_SERIES,
        summary: "At every period of the window, the minute of the hour, 0 to 59.",
        apply: |call| of_seconds(call, |second| second.div_euclid(60).rem_euclid(60)),
    },
    Function {
        name: "HOUR",
        signatures: OF_SERIES,
        summary: "At every period of the window, the hour of the day, 0 to 23.",
        apply: |call| of_seconds(call, |second| second.div_euclid(3600).rem_euclid(24)),
    },
    Function {
        name: "DAY",
        signatures: OF_SERIES,
        summary: "At every period of the window, the day of the week, 1 (Monday) to 7 (Sunday).",
        // 1970-01-01 was a Thursday.
        apply: |call| of_seconds(call, |second| (day(second) + 3).rem_euclid(7) + 1),
    },
    Function {
        name: "DATE",
        signatures: OF_SERIES,
        summary: "At every period of the window, the day of the month, 1 to 31.",
        apply: |call| of_seconds(call, |second| civil(day(second)).2),
    },
    Function {
        name: "MONTH",
        signatures: OF_SERIES,
        summary: "At every period of the window, the month of the year, 1 to 12.",
        apply: |call| of_seconds(call, |second| civil(day(second)).1),
    },
    Function {
        name: "YEAR",
        signatures: OF_SERIES,
        summary: "At every period of the window, the year.",
        apply: |call| of_seconds(call, |second| civil(day(second)).0),
    },
    Function {
        name: "EPOCH",
        signatures: OF_SERIES,
        summary: "At every period of the window, the seconds since 1970.",
        apply: |call| of_seconds(call, |second| second),
    },
];

fn day(second: i64) -> i64 {
    second.div_euclid(86_400)
}

fn of_seconds<'e>(mut call: Call<'_, 'e>, of: fn(i64) -> i64) -> Result<Val<'e>, ExpressionError> {
    let value = call.value(0)?;
    call.each(value, |series| {
        let slots = call.slots(series)?;
        Ok(slots.filter_map(|slot| point(slot, of(slot.div_euclid(1000)) as f64)).collect())
    })
}
