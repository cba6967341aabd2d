//! Functions that make one number of a series, and one series of an array.

use super::{Call, Function, Parameter, REDUCE, Signature, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::evaluate::Item;
use crate::metric_math::series::{Common, Grid, Point, Series, point};
use crate::metric_math::types::Type;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "AVG",
        signatures: REDUCE,
        summary: "The average; of a series over all periods of the window, of an array over all its series at each time. What is \
                  missing counts as 0.",
        apply: |call| apply(call, average, |tally, members| tally.sum / members as f64),
    },
    Function {
        name: "DATAPOINT_COUNT",
        signatures: REDUCE,
        summary: "The number of points; of an array, the number of series that have a point at each time.",
        apply: |call| apply(call, |series, _| series.points.len() as f64, |tally, _| tally.count),
    },
    Function {
        name: "MAX",
        signatures: REDUCE,
        summary: "The greatest value; of an array, the greatest at each time. What is missing does not count.",
        apply: |call| apply(call, maximum, |tally, _| tally.greatest),
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
        apply: |call| apply(call, minimum, |tally, _| tally.least),
    },
    Function {
        name: "STDDEV",
        signatures: REDUCE,
        summary: "The standard deviation of the population; of a series over all periods of the window, what is missing counting \
                  as 0; of an array over the series that have a point at each time.",
        apply: |call| apply(call, deviation, |tally, _| (tally.squares / tally.count).sqrt()),
    },
    Function {
        name: "SUM",
        signatures: REDUCE,
        summary: "The sum of the values; of an array, the sum at each time.",
        apply: |call| apply(call, sum, |tally, _| tally.sum),
    },
];

/// What is made of a whole series; not a number if there is nothing.
pub(super) type OfSeries = fn(&Series, &Grid) -> f64;

/// What is made of the values that so many members of an array have at one time.
type OfMembers = fn(&Tally, usize) -> f64;

fn apply<'e>(mut call: Call<'_, 'e>, of_series: OfSeries, of_members: OfMembers) -> Result<Val<'e>, ExpressionError> {
    let grid = &call.evaluator.grid;
    let members = match call.value(0)? {
        Val::Series(series) => return Ok(Val::Scalar(of_series(&series, grid))),
        Val::Array(members) => members,
        Val::Scalar(_) => return Err(call.misfit(0)),
    };
    let common = Common::of(members.iter().map(|member| &**member), grid);
    let tallies = tallies(&members, common);
    let points = tallies.iter().filter_map(|(time, tally)| point(*time, of_members(tally, members.len()))).collect();
    call.evaluator.charged(call.at, Series::computed(common.period_ms, points)).map(Val::series)
}

/// What is to be known of the values at one time.
#[derive(Debug, Clone, Copy)]
struct Tally {
    count: f64,
    sum: f64,
    least: f64,
    greatest: f64,
    /// The sum of the squares of the differences to the mean.
    squares: f64,
}

impl Tally {
    fn of(value: f64) -> Tally {
        Tally { count: 1.0, sum: value, least: value, greatest: value, squares: 0.0 }
    }

    fn with(self, other: Tally) -> Tally {
        let count = self.count + other.count;
        // The difference of the means, times both counts: one division is enough.
        let apart = self.sum * other.count - other.sum * self.count;
        Tally {
            count,
            sum: self.sum + other.sum,
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
            squares: self.squares + other.squares + apart * apart / (self.count * other.count * count),
        }
    }
}

/// The tallies of all times at which a member has a point. Halves are merged, not one member after the other: members that
/// share few times would make the list to merge with ever longer.
fn tallies(members: &[Item<'_>], common: Common) -> Vec<(i64, Tally)> {
    let (left, right) = match members {
        [] => return Vec::new(),
        [member] => return common.fold(member).points.iter().map(|(time, value)| (*time, Tally::of(*value))).collect(),
        _ => members.split_at_checked(members.len() / 2).unwrap_or_default(),
    };
    let (left, right) = (tallies(left, common), tallies(right, common));
    let mut merged = Vec::with_capacity(left.len().max(right.len()));
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let next = match (left.peek(), right.peek()) {
            (Some(one), Some(other)) if one.0 == other.0 => {
                let other = right.next();
                left.next().zip(other).map(|(one, other)| (one.0, one.1.with(other.1)))
            }
            (Some(one), Some(other)) if one.0 > other.0 => right.next(),
            (Some(_), _) => left.next(),
            (None, _) => right.next(),
        };
        match next {
            Some(tally) => merged.push(tally),
            None => return merged,
        }
    }
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
    values(&series.points).reduce(f64::min).unwrap_or(f64::NAN)
}

pub(super) fn maximum(series: &Series, _: &Grid) -> f64 {
    values(&series.points).reduce(f64::max).unwrap_or(f64::NAN)
}

pub(super) fn sum(series: &Series, _: &Grid) -> f64 {
    sum_of(&series.points)
}

fn deviation(series: &Series, grid: &Grid) -> f64 {
    let count = full_count(series, grid) as f64;
    let mean = sum_of(&series.points) / count;
    let squares: f64 = values(&series.points).map(|value| (value - mean).powi(2)).sum();
    let missing = count - series.points.len() as f64;
    ((squares + missing * mean.powi(2)) / count).sqrt()
}

fn values(points: &[Point]) -> impl Iterator<Item = f64> {
    points.iter().map(|point| point.1)
}

fn sum_of(points: &[Point]) -> f64 {
    // An empty sum of floating point numbers is -0.
    values(points).sum::<f64>() + 0.0
}
