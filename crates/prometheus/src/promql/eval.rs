//! Evaluates an expression at all steps of a grid at once: every part of it becomes series with a value a step, and the samples of
//! a selector are passed over once however many steps there are.

use std::sync::Arc;

use hashbrown::HashMap;

use super::ast::{At, Expr, ExprKind, Selector, Subquery, Type, When};
use super::functions::{FunctionKind, Special};
use super::labels::Labels;
use crate::limits::{SAMPLES_MAX, SUBQUERY_STEP_MS};

mod aggregate;
mod binary;
pub mod calendar;
mod calls;
mod histogram;
mod matching;
pub mod over_time;
pub mod plan;
pub mod rate;
mod relabel;
mod sums;
#[cfg(test)]
mod tests;
pub mod window;

use window::{Ranges, advance};

/// A map by labels.
type ByLabels<V> = HashMap<Labels, V, foldhash::fast::RandomState>;

/// The times at which an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The first.
    pub start_ms: i64,
    /// From one to the next.
    pub step_ms: i64,
    /// How many.
    pub steps: usize,
}

impl Grid {
    /// One time.
    pub fn instant(time_ms: i64) -> Grid {
        Grid { start_ms: time_ms, step_ms: 1, steps: 1 }
    }

    /// The times from `start_ms` to `end_ms`, that included if it is one of them.
    pub fn range(start_ms: i64, end_ms: i64, step_ms: i64) -> Grid {
        let steps = if end_ms < start_ms { 0 } else { (end_ms - start_ms) / step_ms.max(1) + 1 };
        Grid { start_ms, step_ms, steps: usize::try_from(steps).unwrap_or(usize::MAX) }
    }

    /// The steps' numbers and times.
    pub fn times(self) -> impl Iterator<Item = (usize, i64)> {
        (0..self.steps).map(move |step| (step, self.start_ms + step as i64 * self.step_ms))
    }

    /// The last time.
    pub fn end_ms(self) -> i64 {
        self.start_ms + self.steps.saturating_sub(1) as i64 * self.step_ms
    }
}

/// The value that stands for none: Prometheus's staleness marker, a NaN that no computation yields. As a sample it says that its
/// series ended.
pub const ABSENT: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether a value stands for none.
pub fn is_absent(value: f64) -> bool {
    value.to_bits() == ABSENT.to_bits()
}

/// The samples of a series, by time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SampleSeries {
    /// Its labels.
    pub labels: Labels,
    /// The samples' times.
    pub times_ms: Vec<i64>,
    /// Their values; as many.
    pub values: Vec<f64>,
}

/// A series with a value at each step, [`ABSENT`] where it has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its labels.
    pub labels: Labels,
    /// Its values.
    pub values: Vec<f64>,
}

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number a step.
    Scalar(Vec<f64>),
    /// A text.
    String(String),
    /// Series.
    Vector(Vec<Row>),
}

/// Why an expression comes to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The data do not allow it, or there are too many.
    #[error("{0}")]
    Execution(String),
    /// It took too long.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Nobody waits for it.
    #[error("query was canceled in expression evaluation")]
    Canceled,
}

pub(crate) type Evaluated<T> = Result<T, EvalError>;

pub(crate) fn refuse<T>(reason: impl Into<String>) -> Evaluated<T> {
    Err(EvalError::Execution(reason.into()))
}

/// What is told where a query reads or computes too much.
const TOO_MANY: &str = "query processing would load too many samples into memory in query execution";

/// What is told where a vector would have two values of one series.
const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// An evaluation under way.
pub struct Evaluator<'q> {
    /// The samples of each selector, by its number.
    pub samples: &'q [Vec<SampleSeries>],
    /// The times of the whole query.
    pub query: Grid,
    /// How far back an instant selector looks.
    pub lookback_ms: i64,
    /// Asked again and again whether to go on.
    pub go_on: &'q dyn Fn() -> Evaluated<()>,
    /// How many values were computed.
    pub computed: usize,
}

impl<'q> Evaluator<'q> {
    /// Evaluates an expression over the whole query.
    ///
    /// # Errors
    /// Why it comes to nothing.
    pub fn run(&mut self, expr: &Expr) -> Evaluated<Value> {
        self.eval(expr, self.query)
    }

    fn eval(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Value> {
        (self.go_on)()?;
        // What is the same at all times is computed once.
        if grid.steps > 1 && !matches!(expr.kind, ExprKind::Number(_) | ExprKind::String(_)) && plan::is_invariant(expr)
        {
            let once = self.eval(expr, Grid::instant(grid.start_ms))?;
            return self.repeated(once, grid.steps);
        }
        match &expr.kind {
            ExprKind::Number(number) => {
                self.charge(1, grid)?;
                Ok(Value::Scalar(vec![*number; grid.steps]))
            }
            ExprKind::String(text) => Ok(Value::String(text.clone())),
            ExprKind::Paren(inner) => self.eval(inner, grid),
            ExprKind::Selector(selector) => self.selected(selector, grid, false).map(Value::Vector),
            ExprKind::Negation(inner) => self.eval(inner, grid).and_then(negated),
            ExprKind::Binary(operation) => self.binary(operation, grid),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, grid).map(Value::Vector),
            ExprKind::Call(call) => self.call(call, grid),
            ExprKind::Range { .. } | ExprKind::Subquery(_) => refuse("a range vector has no value at a time"),
        }
    }

    fn vector(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Vec<Row>> {
        match self.eval(expr, grid)? {
            Value::Vector(rows) => Ok(rows),
            _ => refuse("expected an instant vector"),
        }
    }

    fn scalar(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Vec<f64>> {
        match self.eval(expr, grid)? {
            Value::Scalar(values) => Ok(values),
            _ => refuse("expected a scalar"),
        }
    }

    /// Counts values that are about to be computed, and refuses if there are too many.
    fn charge(&mut self, rows: usize, grid: Grid) -> Evaluated<()> {
        self.computed = self.computed.saturating_add(rows.saturating_mul(grid.steps));
        if self.computed > SAMPLES_MAX {
            return refuse(TOO_MANY);
        }
        Ok(())
    }

    fn repeated(&mut self, once: Value, steps: usize) -> Evaluated<Value> {
        let repeat = |values: Vec<f64>| vec![values.first().copied().unwrap_or(ABSENT); steps];
        Ok(match once {
            Value::Scalar(values) => Value::Scalar(repeat(values)),
            Value::String(text) => Value::String(text),
            Value::Vector(rows) => {
                self.charge(rows.len(), Grid { start_ms: 0, step_ms: 1, steps })?;
                Value::Vector(rows.into_iter().map(|row| Row { values: repeat(row.values), ..row }).collect())
            }
        })
    }

    /// The time that a fixed selector looks at.
    fn fixed_ms(&self, when: When) -> Option<i64> {
        when.at.map(|at| match at {
            At::Time(time_ms) => time_ms,
            At::Start => self.query.start_ms,
            At::End => self.query.end_ms(),
        })
    }

    /// An instant vector: of each series the newest sample, or its time in seconds, unless that is too old or says that the
    /// series ended.
    fn selected(&mut self, selector: &Selector, grid: Grid, wants_times: bool) -> Evaluated<Vec<Row>> {
        let series = self.samples.get(selector.id).map(Vec::as_slice).unwrap_or_default();
        self.charge(series.len(), grid)?;
        let (fixed_ms, offset_ms) = (self.fixed_ms(selector.when), selector.when.offset_ms.unwrap_or(0));
        let mut rows = Vec::new();
        for SampleSeries { labels, times_ms, values } in series {
            (self.go_on)()?;
            let mut row = vec![ABSENT; grid.steps];
            let (mut place, mut has_any) = (0, false);
            for (cell, (_, now_ms)) in row.iter_mut().zip(grid.times()) {
                let time_ms = fixed_ms.unwrap_or(now_ms) - offset_ms;
                place = advance(times_ms, place, |sample_ms| *sample_ms <= time_ms);
                let Some(newest) = place.checked_sub(1) else { continue };
                let (Some(sample_ms), Some(value)) = (times_ms.get(newest), values.get(newest)) else { continue };
                if *sample_ms > time_ms - self.lookback_ms && !is_absent(*value) {
                    *cell = if wants_times { *sample_ms as f64 / 1000.0 } else { *value };
                    has_any = true;
                }
            }
            if has_any {
                rows.push(Row { labels: labels.clone(), values: row });
            }
        }
        Ok(rows)
    }

    /// The samples of a range vector, and where its ranges are.
    fn ranged(&mut self, expr: &Expr, grid: Grid) -> Evaluated<Ranged<'q>> {
        match &expr.bare().kind {
            ExprKind::Range { selector, range_ms } => {
                let series = self.samples.get(selector.id).map(Vec::as_slice).unwrap_or_default();
                Ok(Ranged { series: Series::Selected(series), ranges: self.ranges(selector.when, *range_ms) })
            }
            ExprKind::Subquery(subquery) => {
                let series = Series::Computed(self.subquery(subquery, grid)?);
                Ok(Ranged { series, ranges: self.ranges(subquery.when, subquery.range_ms) })
            }
            _ => refuse("expected a range vector"),
        }
    }

    fn ranges(&self, when: When, length_ms: i64) -> Ranges {
        Ranges { fixed_ms: self.fixed_ms(when), offset_ms: when.offset_ms.unwrap_or(0), length_ms }
    }

    fn subquery(&mut self, subquery: &Subquery, grid: Grid) -> Evaluated<Vec<SampleSeries>> {
        let inner = plan::inner_grid(subquery, grid, self.query);
        if inner.steps == 0 {
            return Ok(Vec::new());
        }
        self.charge(1, inner)?;
        let rows = match self.eval(&subquery.expr, inner)? {
            Value::Vector(rows) => rows,
            _ => return refuse("expected an instant vector"),
        };
        self.charge(rows.len(), inner)?;
        Ok(rows.into_iter().map(|row| samples_of(row, inner)).collect())
    }

    /// The samples in the range before the query's time: what a range vector by itself answers.
    ///
    /// # Errors
    /// Why it comes to nothing.
    pub fn run_range(&mut self, expr: &Expr) -> Evaluated<Vec<SampleSeries>> {
        let grid = self.query;
        let ranged = self.ranged(expr, grid)?;
        let end_ms = ranged.ranges.end_ms(grid.start_ms);
        let start_ms = end_ms - ranged.ranges.length_ms;
        let cut = |series: &SampleSeries| {
            let low = series.times_ms.partition_point(|time_ms| *time_ms <= start_ms);
            let high = series.times_ms.partition_point(|time_ms| *time_ms <= end_ms);
            SampleSeries {
                labels: series.labels.clone(),
                times_ms: series.times_ms.get(low..high).unwrap_or_default().to_vec(),
                values: series.values.get(low..high).unwrap_or_default().to_vec(),
            }
        };
        Ok(ranged.series().iter().map(cut).filter(|series| !series.times_ms.is_empty()).collect())
    }
}

enum Series<'q> {
    Selected(&'q [SampleSeries]),
    Computed(Vec<SampleSeries>),
}

/// The samples of a range vector.
struct Ranged<'q> {
    series: Series<'q>,
    ranges: Ranges,
}

impl Ranged<'_> {
    fn series(&self) -> &[SampleSeries] {
        match &self.series {
            Series::Selected(series) => series,
            Series::Computed(series) => series,
        }
    }
}

fn samples_of(row: Row, grid: Grid) -> SampleSeries {
    let present = || grid.times().zip(&row.values).filter(|(_, value)| !is_absent(**value));
    let times_ms = present().map(|((_, time_ms), _)| time_ms).collect();
    let values = present().map(|(_, value)| *value).collect();
    SampleSeries { labels: row.labels, times_ms, values }
}

fn negated(value: Value) -> Evaluated<Value> {
    match value {
        Value::Scalar(values) => Ok(Value::Scalar(values.into_iter().map(|value| -value).collect())),
        Value::Vector(rows) => mapped(rows, |value| -value).map(Value::Vector),
        Value::String(_) => refuse("a string cannot be negated"),
    }
}

/// A value of each value; the metric's name is dropped, as it is no longer that metric.
fn mapped(mut rows: Vec<Row>, map: impl Fn(f64) -> f64) -> Evaluated<Vec<Row>> {
    for row in &mut rows {
        row.values.iter_mut().filter(|value| !is_absent(**value)).for_each(|value| *value = map(*value));
    }
    nameless(rows)
}

/// The same series without the metric's name.
fn nameless(mut rows: Vec<Row>) -> Evaluated<Vec<Row>> {
    rows.iter_mut().for_each(|row| row.labels = row.labels.without_name());
    merged(rows)
}

/// Puts series of the same labels together. They may not have values at the same time.
fn merged(rows: Vec<Row>) -> Evaluated<Vec<Row>> {
    let mut places = ByLabels::<usize>::default();
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        let place = *places.entry(row.labels.clone()).or_insert(merged.len());
        match merged.get_mut(place) {
            None => merged.push(row),
            Some(first) => {
                for (own, other) in first.values.iter_mut().zip(row.values).filter(|(_, other)| !is_absent(*other)) {
                    if !is_absent(*own) {
                        return refuse(SAME_LABELS);
                    }
                    *own = other;
                }
            }
        }
    }
    Ok(merged)
}

/// Leaves out series without a value.
fn present(mut rows: Vec<Row>) -> Vec<Row> {
    rows.retain(|row| row.values.iter().any(|value| !is_absent(*value)));
    rows
}
