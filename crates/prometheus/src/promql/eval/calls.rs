//! Function calls.

use super::super::ast::{Call, Expr, ExprKind};
use super::super::functions::RangeFunction;
use super::super::labels::{Labels, METRIC_NAME};
use super::super::matcher::{MatchOperator, Matcher};
use super::sums::nan_first;
use super::window::{Ranges, Resets, slide};
use super::*;

impl Evaluator<'_> {
    pub(super) fn call(&mut self, call: &Call, grid: Grid) -> Evaluated<Value> {
        match call.function.kind {
            FunctionKind::Math(function) => mapped(self.argument(call, 0, grid)?, function).map(Value::Vector),
            FunctionKind::Calendar(function) => {
                let rows = if call.arguments.is_empty() { self.now(grid)? } else { self.argument(call, 0, grid)? };
                let part = |seconds| calendar::moment(seconds).map_or(f64::NAN, function);
                mapped(rows, part).map(Value::Vector)
            }
            FunctionKind::Range(function) => self.range_function(call, function, grid).map(Value::Vector),
            FunctionKind::Special(Special::Time) => Ok(Value::Scalar(seconds(grid))),
            FunctionKind::Special(Special::Pi) => Ok(Value::Scalar(vec![std::f64::consts::PI; grid.steps])),
            FunctionKind::Special(Special::Scalar) => {
                let rows = self.argument(call, 0, grid)?;
                Ok(Value::Scalar((0..grid.steps).map(|step| only_value(&rows, step)).collect()))
            }
            FunctionKind::Special(special) => self.special(call, special, grid).map(Value::Vector),
        }
    }

    fn special(&mut self, call: &Call, special: Special, grid: Grid) -> Evaluated<Vec<Row>> {
        match special {
            Special::Absent => {
                let rows = self.argument(call, 0, grid)?;
                Ok(absences(call, grid, |step| {
                    rows.iter().any(|row| row.values.get(step).is_some_and(|value| !is_absent(*value)))
                }))
            }
            Special::AbsentOverTime => self.absent_over_time(call, grid),
            Special::Clamp => {
                let (low, high) = (self.number(call, 1, grid)?, self.number(call, 2, grid)?);
                // Of bounds the wrong way round nothing is left.
                self.bounded(call, grid, |step, value| {
                    let (low, high) = (at(&low, step), at(&high, step));
                    if high < low { ABSENT } else { larger(low, smaller(high, value)) }
                })
            }
            Special::ClampMax => {
                let high = self.number(call, 1, grid)?;
                self.bounded(call, grid, |step, value| smaller(at(&high, step), value))
            }
            Special::ClampMin => {
                let low = self.number(call, 1, grid)?;
                self.bounded(call, grid, |step, value| larger(at(&low, step), value))
            }
            Special::Round => {
                let nearest =
                    if call.arguments.len() > 1 { self.number(call, 1, grid)? } else { vec![1.0; grid.steps] };
                self.bounded(call, grid, |step, value| {
                    // Dividing by the inverse is exact more often than multiplying.
                    let inverse = 1.0 / at(&nearest, step);
                    (value * inverse + 0.5).floor() / inverse
                })
            }
            Special::HistogramQuantile => {
                let quantiles = self.number(call, 0, grid)?;
                let buckets = self.argument(call, 1, grid)?;
                histogram::quantiles(&quantiles, buckets, grid.steps)
            }
            // Its selector reads that statistic.
            Special::HistogramStatistic(_) => nameless(self.argument(call, 0, grid)?),
            Special::LabelReplace => relabel::replace(self.argument(call, 0, grid)?, &texts(call)),
            Special::LabelJoin => relabel::join(self.argument(call, 0, grid)?, &texts(call)),
            Special::Sort | Special::SortDescending => {
                let mut rows = self.argument(call, 0, grid)?;
                sort_by_value(&mut rows, special == Special::SortDescending);
                Ok(rows)
            }
            Special::SortByLabel | Special::SortByLabelDescending => {
                let mut rows = self.argument(call, 0, grid)?;
                relabel::sort(&mut rows, &texts(call), special == Special::SortByLabelDescending);
                Ok(rows)
            }
            Special::Timestamp => {
                let Some(argument) = call.arguments.first() else { return Ok(Vec::new()) };
                match &argument.bare().kind {
                    ExprKind::Selector(selector) => nameless(self.selected(selector, grid, true)?),
                    _ => {
                        let (mut rows, times) = (self.vector(argument, grid)?, seconds(grid));
                        for (value, time) in rows.iter_mut().flat_map(|row| row.values.iter_mut().zip(&times)) {
                            if !is_absent(*value) {
                                *value = *time;
                            }
                        }
                        nameless(rows)
                    }
                }
            }
            Special::Vector => Ok(vec![Row { labels: Labels::default(), values: self.number(call, 0, grid)? }]),
            Special::Time | Special::Pi | Special::Scalar => refuse("not a vector"),
        }
    }

    fn argument(&mut self, call: &Call, place: usize, grid: Grid) -> Evaluated<Vec<Row>> {
        match call.arguments.get(place) {
            Some(argument) => self.vector(argument, grid),
            None => refuse("an argument is missing"),
        }
    }

    fn number(&mut self, call: &Call, place: usize, grid: Grid) -> Evaluated<Vec<f64>> {
        match call.arguments.get(place) {
            Some(argument) => self.scalar(argument, grid),
            None => refuse("an argument is missing"),
        }
    }

    fn now(&mut self, grid: Grid) -> Evaluated<Vec<Row>> {
        self.charge(1, grid)?;
        Ok(vec![Row { labels: Labels::default(), values: seconds(grid) }])
    }

    /// A value of each value and step.
    fn bounded(&mut self, call: &Call, grid: Grid, map: impl Fn(usize, f64) -> f64) -> Evaluated<Vec<Row>> {
        let mut rows = self.argument(call, 0, grid)?;
        for row in &mut rows {
            for (step, value) in row.values.iter_mut().enumerate().filter(|(_, value)| !is_absent(**value)) {
                *value = map(step, *value);
            }
        }
        nameless(present(rows))
    }

    fn range_function(&mut self, call: &Call, function: RangeFunction, grid: Grid) -> Evaluated<Vec<Row>> {
        let mut range: Option<&Expr> = None;
        let mut scalars: Vec<Vec<f64>> = Vec::new();
        for argument in &call.arguments {
            match argument.r#type() {
                Type::Matrix => range = Some(argument),
                _ => scalars.push(self.scalar(argument, grid)?),
            }
        }
        let Some(range) = range else { return refuse("expected a range vector") };
        let scalars: Vec<Vec<f64>> =
            (0..grid.steps).map(|step| scalars.iter().map(|values| at(values, step)).collect()).collect();
        for scalars in &scalars {
            (function.check)(scalars).map_err(EvalError::Execution)?;
        }
        let ranged = self.ranged(range, grid)?;
        self.charge(ranged.series().len(), grid)?;
        let mut rows = Vec::with_capacity(ranged.series().len());
        for series in ranged.series() {
            (self.go_on)()?;
            if let Some(values) = over_windows(series, function, &scalars, grid, ranged.ranges, self.go_on)? {
                rows.push(Row { labels: series.labels.clone(), values });
            }
        }
        if function.keeps_name { merged(rows) } else { nameless(rows) }
    }

    fn absent_over_time(&mut self, call: &Call, grid: Grid) -> Evaluated<Vec<Row>> {
        let Some(argument) = call.arguments.first() else { return Ok(Vec::new()) };
        let mut has_any = vec![false; grid.steps];
        let ranged = self.ranged(argument, grid)?;
        for series in ranged.series() {
            slide(series, &Resets::default(), grid, ranged.ranges, |step, window| {
                if let Some(has_any) = has_any.get_mut(step) {
                    *has_any |= !window.values.is_empty();
                }
            });
        }
        Ok(absences(call, grid, |step| has_any.get(step).copied().unwrap_or(false)))
    }
}

/// How many windows are computed before it is asked whether to go on.
const WINDOWS_BETWEEN: usize = 512;

fn over_windows(
    series: &SampleSeries,
    function: RangeFunction,
    scalars: &[Vec<f64>],
    grid: Grid,
    ranges: Ranges,
    go_on: &dyn Fn() -> Evaluated<()>,
) -> Evaluated<Option<Vec<f64>>> {
    let resets = if function.is_counter { Resets::of(&series.values) } else { Resets::default() };
    let mut values = vec![ABSENT; grid.steps];
    let (mut has_any, mut stopped) = (false, Ok(()));
    slide(series, &resets, grid, ranges, |step, window| {
        if step % WINDOWS_BETWEEN == WINDOWS_BETWEEN - 1 && stopped.is_ok() {
            stopped = go_on();
        }
        let scalars = scalars.get(step).map(Vec::as_slice).unwrap_or_default();
        if stopped.is_ok()
            && let (Some(value), Some(cell)) = ((function.compute)(window, scalars), values.get_mut(step))
        {
            *cell = value;
            has_any = true;
        }
    });
    stopped.map(|()| has_any.then_some(values))
}

fn seconds(grid: Grid) -> Vec<f64> {
    grid.times().map(|(_, time_ms)| time_ms as f64 / 1000.0).collect()
}

fn at(values: &[f64], step: usize) -> f64 {
    values.get(step).copied().unwrap_or(f64::NAN)
}

/// The larger of two, NaN if one is.
fn larger(one: f64, other: f64) -> f64 {
    if one.is_nan() || other.is_nan() { f64::NAN } else { one.max(other) }
}

/// The smaller of two, NaN if one is.
fn smaller(one: f64, other: f64) -> f64 {
    if one.is_nan() || other.is_nan() { f64::NAN } else { one.min(other) }
}

/// The value of the only series at a step.
fn only_value(rows: &[Row], step: usize) -> f64 {
    let mut values = rows.iter().filter_map(|row| row.values.get(step)).filter(|value| !is_absent(**value));
    match (values.next(), values.next()) {
        (Some(value), None) => *value,
        _ => f64::NAN,
    }
}

/// The texts among the arguments.
fn texts(call: &Call) -> Vec<String> {
    let text = |argument: &Expr| match &argument.bare().kind {
        ExprKind::String(text) => Some(text.clone()),
        _ => None,
    };
    call.arguments.iter().filter_map(text).collect()
}

/// Sorts the series of one time by their values, NaN at the end. Over a range there is no order of values.
fn sort_by_value(rows: &mut [Row], descending: bool) {
    if rows.iter().any(|row| row.values.len() != 1) {
        return;
    }
    rows.sort_by(|one, other| {
        let (one, other) = (at(&one.values, 0), at(&other.values, 0));
        match (one.is_nan(), other.is_nan()) {
            (false, false) if descending => nan_first(&other, &one),
            (false, false) => nan_first(&one, &other),
            (one, other) => one.cmp(&other),
        }
    });
}

/// 1 at each step where nothing is there, with the labels that the selector is certain of.
fn absences(call: &Call, grid: Grid, is_there: impl Fn(usize) -> bool) -> Vec<Row> {
    let matchers = match call.arguments.first().map(|argument| &argument.bare().kind) {
        Some(ExprKind::Selector(selector) | ExprKind::Range { selector, .. }) => selector.matchers.as_slice(),
        _ => &[],
    };
    let count = |name: &str| matchers.iter().filter(|matcher| matcher.name == name).count();
    let is_certain = |matcher: &&Matcher| {
        matcher.operator == MatchOperator::Equal && matcher.name != METRIC_NAME && count(&matcher.name) == 1
    };
    let labels = matchers.iter().filter(is_certain);
    let labels = labels.map(|matcher| (Arc::from(matcher.name.as_str()), Arc::from(matcher.value.as_str())));
    let values = (0..grid.steps).map(|step| if is_there(step) { ABSENT } else { 1.0 }).collect();
    present(vec![Row { labels: Labels::new(labels), values }])
}
