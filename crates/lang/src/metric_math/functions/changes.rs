//! Functions of points and those before them.

use super::{Call, EACH, Function, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::series::{Point, point};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "DIFF",
        signatures: EACH,
        summary: "The difference between each point and the point before it, however long ago that was.",
        apply: |call| of_neighbours(call, |before, now| now.1 - before.1),
    },
    Function {
        name: "DIFF_TIME",
        signatures: EACH,
        summary: "The seconds between each point and the point before it.",
        apply: |call| of_neighbours(call, seconds),
    },
    Function {
        name: "RATE",
        signatures: EACH,
        summary: "The difference between each point and the point before it, for each second between them.",
        apply: |call| of_neighbours(call, |before, now| (now.1 - before.1) / seconds(before, now)),
    },
    Function {
        name: "RUNNING_SUM",
        signatures: EACH,
        summary: "The sum of each point and all points before it.",
        apply: running_sum,
    },
];

fn seconds(before: Point, now: Point) -> f64 {
    now.0.saturating_sub(before.0) as f64 / 1000.0
}

fn of_neighbours<'e>(mut call: Call<'_, 'e>, of: fn(Point, Point) -> f64) -> Result<Val<'e>, ExpressionError> {
    let value = call.value(0)?;
    call.each(value, |series| {
        let pairs = series.points.iter().zip(series.points.iter().skip(1));
        Ok(pairs.filter_map(|(before, now)| point(now.0, of(*before, *now))).collect())
    })
}

fn running_sum<'e>(mut call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let value = call.value(0)?;
    call.each(value, |series| {
        let mut sum = 0.0;
        let sums = series.points.iter().filter_map(|(time, value)| {
            sum += value;
            point(*time, sum)
        });
        Ok(sums.collect())
    })
}
