//! Functions that make one number of a series, and one series of an array.

use super::{Call, Function, Parameter, REDUCE, Signature, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::series::{Common, Grid, Point, Series, point};
use crate::metric_math::types::Type;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "AVG",
        signatures: REDUCE,
        summary: "The average; of a series over all periods of the window, of an array over all its series at each time. What is \
                  missing counts as 0.",
        apply: |call| apply(call, average, |points, members| sum_of(points) / members as f64),
    },
    Function {
        name: "DATAPOINT_COUNT",
        signatures: REDUCE,
        summary: "The number of points; of an array, the number of series that have a point at each time.",
        apply: |call| apply(call, |series, _| series.points.len() as f64, |points, _| points.len() as f64),
    },
    Function {
        name: "MAX",
        signatures: REDUCE,
        summary: "The greatest value; of an array, the greatest at each time. What is missing does not count.",
        apply: |call| apply(call, maximum, |points, _| maximum_of(points)),
    },
    Function {
        name: "METRIC_COUNT",
        signatures: &[Signature::new(&[Parameter::Array], Type::Scalar)],
        summary: "The number of series in an array.",
        apply: |mut call| Ok(Val::Scalar(call.array(0)?.len() as f64)),
    },
    Function {
        name: "MIN",
        signatures: REDUCE,
        summary: "The least value; of an array, the least at each time. What is missing does not count.",
        apply: |call| apply(call, minimum, |points, _| minimum_of(points)),
    },
    Function {
        name: "STDDEV",
        signatures: REDUCE,
        summary: "The standard deviation of the population; of a series over all periods of the window, what is missing counting \
                  as 0; of an array over the series that have a point at each time.",
        apply: |call| apply(call, deviation, |points, _| deviation_of(points, points.len())),
    },
    Function {
        name: "SUM",
        signatures: REDUCE,
        summary: "The sum of the values; of an array, the sum at each time.",
        apply: |call| apply(call, sum, |points, _| sum_of(points)),
    },
];

/// What is made of a whole series; not a number if there is nothing.
pub(super) type OfSeries = fn(&Series, &Grid) -> f64;

/// What is made of the points that the members of an array have at one time, at least one.
type OfMembers = fn(&[Point], usize) -> f64;

fn apply<'e>(mut call: Call<'_, 'e>, of_series: OfSeries, of_members: OfMembers) -> Result<Val<'e>, ExpressionError> {
    let grid = &call.evaluator.grid;
    let members = match call.value(0)? {
        Val::Series(series) => return Ok(Val::Scalar(of_series(&series, grid))),
        Val::Array(members) => members,
        Val::Scalar(_) => return Err(call.misfit(0)),
    };
    let common = Common::of(members.iter().map(|member| &**member), grid);
    let mut all: Vec<Point> = Vec::new();
    for member in &members {
        all.extend(&common.fold(member).points);
    }
    // Stable, and quick where runs are in order already.
    all.sort_by_key(|point| point.0);
    let at_one_time = all.chunk_by(|a, b| a.0 == b.0);
    let points = at_one_time.filter_map(|points| point(points.first()?.0, of_members(points, members.len()))).collect();
    call.evaluator.charged(call.at, Series::computed(common.period_ms, points)).map(Val::series)
}

/// The number of points that a series would have if none was missing.
fn full_count(series: &Series, grid: &Grid) -> usize {
    let slots = grid.slot_count(series.period_ms, series.anchor(grid));
    usize::try_from(slots).unwrap_or_default().max(series.points.len())
}

pub(super) fn average(series: &Series, grid: &Grid) -> f64 {
    sum_of(&series.points) / full_count(series, grid) as f64
}

pub(super) fn minimum(series: &Series, _: &Grid) -> f64 {
    minimum_of(&series.points)
}

pub(super) fn maximum(series: &Series, _: &Grid) -> f64 {
    maximum_of(&series.points)
}

pub(super) fn sum(series: &Series, _: &Grid) -> f64 {
    sum_of(&series.points)
}

fn deviation(series: &Series, grid: &Grid) -> f64 {
    deviation_of(&series.points, full_count(series, grid))
}

fn values(points: &[Point]) -> impl Iterator<Item = f64> {
    points.iter().map(|point| point.1)
}

fn sum_of(points: &[Point]) -> f64 {
    // An empty sum of floating point numbers is -0.
    values(points).sum::<f64>() + 0.0
}

fn minimum_of(points: &[Point]) -> f64 {
    values(points).reduce(f64::min).unwrap_or(f64::NAN)
}

fn maximum_of(points: &[Point]) -> f64 {
    values(points).reduce(f64::max).unwrap_or(f64::NAN)
}

/// The deviation of `count` values, of which those that are not among the points are 0.
fn deviation_of(points: &[Point], count: usize) -> f64 {
    let count = count as f64;
    let mean = sum_of(points) / count;
    let squares: f64 = values(points).map(|value| (value - mean).powi(2)).sum();
    let missing = count - points.len() as f64;
    ((squares + missing * mean.powi(2)) / count).sqrt()
}
