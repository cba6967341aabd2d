//! What expressions compute with: numbers, series of points, arrays of series, and the slots of a window.

use super::limits::SLOTS_MAX;
use super::types::Type;
use std::borrow::Cow;

/// A time in milliseconds since the epoch (the start of its slot), and the value there.
pub type Point = (i64, f64);

/// How points of a shorter period become one of a longer period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fold {
    /// Their mean: Average, percentiles and everything computed.
    #[default]
    Mean,
    /// Their sum: Sum and SampleCount.
    Sum,
    /// The least: Minimum.
    Minimum,
    /// The greatest: Maximum.
    Maximum,
}

/// Points of one metric, or computed from some.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// What an element of an array is called. Functions of one series keep it; what is computed from several has none, unless
    /// all had the same.
    pub label: String,
    /// By what the caller knows the metric, for instance to fill in dynamic labels. It goes where the label goes.
    pub source: Option<usize>,
    /// In ascending order of their times, each time once, values finite.
    pub points: Vec<Point>,
    /// The time from one slot to the next, in milliseconds; more than 0.
    pub period_ms: i64,
    /// What combining with a series of a longer period makes of the points.
    pub fold: Fold,
}

/// What an expression or an id stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number; not a number if there is none, as of `1/0` or the maximum of no points.
    Scalar(f64),
    /// One series.
    Series(Series),
    /// Several, or one, or none.
    Array(Vec<Series>),
}

impl Value {
    /// The value's type.
    pub fn type_of(&self) -> Type {
        match self {
            Value::Scalar(_) => Type::Scalar,
            Value::Series(_) => Type::Series,
            Value::Array(_) => Type::Array,
        }
    }
}

/// The window that is asked for, rounded to the slots of `period_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The start of the first slot, in milliseconds since the epoch.
    pub start_ms: i64,
    /// What every slot begins before.
    pub end_ms: i64,
    /// The period of what has no metrics to take it from, as `TIME_SERIES(1)`; more than 0.
    pub period_ms: i64,
}

impl Grid {
    /// How many slots a period has, one of which begins at `anchor_ms`.
    pub(super) fn slot_count(&self, period_ms: i64, anchor_ms: i64) -> i64 {
        let period_ms = period_ms.max(1);
        let length = self.end_ms.saturating_sub(floor(self.start_ms, period_ms, anchor_ms)).max(0);
        length / period_ms + i64::from(length % period_ms > 0)
    }

    /// These slots. `None` if there are more than [`SLOTS_MAX`].
    pub(super) fn slots(&self, period_ms: i64, anchor_ms: i64) -> Option<impl ExactSizeIterator<Item = i64> + use<>> {
        let period_ms = period_ms.max(1);
        let first = floor(self.start_ms, period_ms, anchor_ms);
        let count = self.slot_count(period_ms, anchor_ms);
        let count = u32::try_from(count).ok().filter(|_| count <= SLOTS_MAX)?;
        Some((0..count).map(move |index| first.saturating_add(period_ms.saturating_mul(index.into()))))
    }
}

/// The last slot of a period that begins at or before `time`.
fn floor(time: i64, period_ms: i64, anchor_ms: i64) -> i64 {
    time.saturating_sub(time.saturating_sub(anchor_ms).rem_euclid(period_ms.max(1)))
}

impl Series {
    /// A series without label, with points of `period_ms`.
    pub(super) fn computed(period_ms: i64, points: Vec<Point>) -> Series {
        Series { period_ms, points, ..Series::default() }
    }

    /// Other points of the same name, period and fold.
    pub(super) fn with_points(&self, points: Vec<Point>) -> Series {
        Series { label: self.label.clone(), source: self.source, points, period_ms: self.period_ms, fold: self.fold }
    }

    /// Takes the name that `from` has.
    pub(super) fn named_like(mut self, from: &Series) -> Series {
        self.label.clone_from(&from.label);
        self.source = from.source;
        self
    }

    /// Where a slot of the series begins: its slots are those of its points, or of the window if it has none.
    pub(super) fn anchor(&self, grid: &Grid) -> i64 {
        self.points.first().map_or(grid.start_ms, |point| point.0)
    }

    /// The value of the slot that a time is in.
    pub(super) fn value_at(&self, time: i64) -> Option<f64> {
        let after = self.points.partition_point(|point| point.0 <= time);
        let (slot, value) = self.points.get(after.checked_sub(1)?)?;
        (time.saturating_sub(*slot) < self.period_ms).then_some(*value)
    }

    /// The series with points of a period that is not shorter than its own.
    fn folded(&self, common: Common) -> Cow<'_, Series> {
        if common.period_ms <= self.period_ms {
            return Cow::Borrowed(self);
        }
        let slot = |point: &Point| floor(point.0, common.period_ms, common.anchor_ms);
        let groups = self.points.chunk_by(|a, b| slot(a) == slot(b));
        let points = groups.filter_map(|group| Some((slot(group.first()?), self.fold.of(group)))).collect();
        Cow::Owned(Series { period_ms: common.period_ms, ..self.with_points(points) })
    }
}

impl Fold {
    fn of(self, points: &[Point]) -> f64 {
        let values = points.iter().map(|point| point.1);
        match self {
            Fold::Mean => values.sum::<f64>() / points.len() as f64,
            Fold::Sum => values.sum(),
            Fold::Minimum => values.fold(f64::INFINITY, f64::min),
            Fold::Maximum => values.fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// The period on which series are combined: the longest, with the slots of a series that has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Common {
    pub period_ms: i64,
    anchor_ms: i64,
}

impl Common {
    /// Of no series, it is that of the window.
    pub(super) fn of<'s>(series: impl Iterator<Item = &'s Series> + Clone, grid: &Grid) -> Common {
        let period_ms = series.clone().map(|series| series.period_ms).max().unwrap_or(grid.period_ms);
        let mut longest = series.filter(|series| series.period_ms == period_ms);
        let anchor_ms = longest.find_map(|series| series.points.first()).map_or(grid.start_ms, |point| point.0);
        Common { period_ms, anchor_ms }
    }

    pub(super) fn fold(self, series: &Series) -> Cow<'_, Series> {
        series.folded(self)
    }
}

/// Two series over the union of their times; what one lacks is 0. `None` and what is not finite is dropped.
pub(super) fn union(left: &[Point], right: &[Point], combine: impl Fn(f64, f64) -> Option<f64>) -> Vec<Point> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut points = Vec::with_capacity(left.len().max(right.len()));
    loop {
        let time = match (left.peek(), right.peek()) {
            (Some(left), Some(right)) => left.0.min(right.0),
            (Some(one), None) | (None, Some(one)) => one.0,
            (None, None) => return points,
        };
        let left = left.next_if(|point| point.0 == time).map_or(0.0, |point| point.1);
        let right = right.next_if(|point| point.0 == time).map_or(0.0, |point| point.1);
        points.extend(combine(left, right).and_then(|value| point(time, value)));
    }
}

/// A point, unless its value is not finite. Negative zero becomes zero, which prints better.
pub(super) fn point(time: i64, value: f64) -> Option<Point> {
    value.is_finite().then_some((time, value + 0.0))
}
