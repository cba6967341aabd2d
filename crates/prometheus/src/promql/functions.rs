//! The functions of PromQL: a row each. To add one, copy a neighbour. Source: "Query functions" of the Prometheus documentation.

use super::ast::{Call, ExprKind, Type};
use super::eval::calendar::{self, Moment};
use super::eval::over_time;
use super::eval::rate;
use super::eval::window::Window;
use super::parse::{ParseError, check_type};

/// A function.
#[derive(Debug, PartialEq)]
pub struct FunctionSpec {
    /// Its name.
    pub name: &'static str,
    /// The types of its arguments.
    pub arguments: &'static [Type],
    /// How many of the arguments may be left out; `None`: the last may be left out and repeated.
    pub optional: Option<usize>,
    /// What it answers.
    pub returns: Type,
    /// What it does.
    pub kind: FunctionKind,
}

/// What a function does.
#[derive(Debug, Clone, Copy)]
pub enum FunctionKind {
    /// A value of each value.
    Math(fn(f64) -> f64),
    /// A value of the time that each value is (of the evaluation's time, if there is no argument).
    Calendar(fn(Moment) -> f64),
    /// A value of the samples of each range, and of the scalar arguments.
    Range(RangeFunction),
    /// Anything else.
    Special(Special),
}

impl PartialEq for FunctionKind {
    /// By kind only: functions are told apart by their names.
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// A function of the samples of a range.
#[derive(Debug, Clone, Copy)]
pub struct RangeFunction {
    /// Its value, if it has one. Of the window and the scalar arguments at the evaluation's time.
    pub compute: fn(&Window<'_>, &[f64]) -> Option<f64>,
    /// Whether its series keep the metric's name.
    pub keeps_name: bool,
    /// Whether it wants to know where the values fall, as counters do when they restart.
    pub is_counter: bool,
    /// What its scalar arguments have to be.
    pub check: fn(&[f64]) -> Result<(), String>,
}

const fn plain(compute: Compute) -> RangeFunction {
    RangeFunction { compute, keeps_name: false, is_counter: false, check: |_| Ok(()) }
}

/// Functions that are like no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Special {
    Absent,
    AbsentOverTime,
    Clamp,
    ClampMax,
    ClampMin,
    HistogramQuantile,
    HistogramStatistic(&'static str),
    LabelJoin,
    LabelReplace,
    Pi,
    Round,
    Scalar,
    Sort,
    SortDescending,
    SortByLabel,
    SortByLabelDescending,
    Time,
    Timestamp,
    Vector,
}

const V: Type = Type::Vector;
const M: Type = Type::Matrix;
const S: Type = Type::Scalar;
const T: Type = Type::String;

const fn math(name: &'static str, function: fn(f64) -> f64) -> FunctionSpec {
    FunctionSpec { name, arguments: &[V], optional: Some(0), returns: V, kind: FunctionKind::Math(function) }
}

const fn calendar(name: &'static str, function: fn(Moment) -> f64) -> FunctionSpec {
    FunctionSpec { name, arguments: &[V], optional: Some(1), returns: V, kind: FunctionKind::Calendar(function) }
}

type Compute = fn(&Window<'_>, &[f64]) -> Option<f64>;

const fn range_with(name: &'static str, arguments: &'static [Type], function: RangeFunction) -> FunctionSpec {
    FunctionSpec { name, arguments, optional: Some(0), returns: V, kind: FunctionKind::Range(function) }
}

const fn range(name: &'static str, compute: Compute) -> FunctionSpec {
    range_with(name, &[M], plain(compute))
}

const fn counter(name: &'static str, compute: Compute) -> FunctionSpec {
    range_with(name, &[M], RangeFunction { is_counter: true, ..plain(compute) })
}

const fn sample(name: &'static str, compute: Compute) -> FunctionSpec {
    range_with(name, &[M], RangeFunction { keeps_name: true, ..plain(compute) })
}

const fn special(
    name: &'static str,
    arguments: &'static [Type],
    optional: Option<usize>,
    returns: Type,
    kind: Special,
) -> FunctionSpec {
    FunctionSpec { name, arguments, optional, returns, kind: FunctionKind::Special(kind) }
}

/// All functions, by name.
pub static FUNCTIONS: &[FunctionSpec] = &[
    math("abs", f64::abs),
    special("absent", &[V], Some(0), V, Special::Absent),
    special("absent_over_time", &[M], Some(0), V, Special::AbsentOverTime),
    math("acos", f64::acos),
    math("acosh", f64::acosh),
    math("asin", f64::asin),
    math("asinh", f64::asinh),
    math("atan", f64::atan),
    math("atanh", f64::atanh),
    range("avg_over_time", over_time::avg),
    math("ceil", f64::ceil),
    range("changes", rate::changes),
    special("clamp", &[V, S, S], Some(0), V, Special::Clamp),
    special("clamp_max", &[V, S], Some(0), V, Special::ClampMax),
    special("clamp_min", &[V, S], Some(0), V, Special::ClampMin),
    math("cos", f64::cos),
    math("cosh", f64::cosh),
    range("count_over_time", over_time::count),
    calendar("day_of_month", calendar::day_of_month),
    calendar("day_of_week", calendar::day_of_week),
    calendar("day_of_year", calendar::day_of_year),
    calendar("days_in_month", calendar::days_in_month),
    math("deg", f64::to_degrees),
    range("delta", rate::delta),
    range("deriv", rate::deriv),
    range_with("double_exponential_smoothing", &[M, S, S], smoothing()),
    math("exp", f64::exp),
    sample("first_over_time", over_time::first),
    math("floor", f64::floor),
    special("histogram_avg", &[V], Some(0), V, Special::HistogramStatistic("Average")),
    special("histogram_count", &[V], Some(0), V, Special::HistogramStatistic("SampleCount")),
    special("histogram_quantile", &[S, V], Some(0), V, Special::HistogramQuantile),
    special("histogram_sum", &[V], Some(0), V, Special::HistogramStatistic("Sum")),
    range_with("holt_winters", &[M, S, S], smoothing()),
    calendar("hour", calendar::hour),
    range("idelta", rate::idelta),
    counter("increase", rate::increase),
    counter("irate", rate::irate),
    special("label_join", &[V, T, T, T], None, V, Special::LabelJoin),
    special("label_replace", &[V, T, T, T, T], Some(0), V, Special::LabelReplace),
    sample("last_over_time", over_time::last),
    math("ln", f64::ln),
    math("log10", f64::log10),
    math("log2", f64::log2),
    range("mad_over_time", over_time::mad),
    range("max_over_time", over_time::max),
    range("min_over_time", over_time::min),
    calendar("minute", calendar::minute),
    calendar("month", calendar::month),
    special("pi", &[], Some(0), S, Special::Pi),
    range_with("predict_linear", &[M, S], plain(rate::predict_linear)),
    range("present_over_time", over_time::present),
    range_with("quantile_over_time", &[S, M], plain(over_time::quantile)),
    math("rad", f64::to_radians),
    counter("rate", rate::rate),
    counter("resets", rate::resets),
    special("round", &[V, S], Some(1), V, Special::Round),
    special("scalar", &[V], Some(0), S, Special::Scalar),
    math("sgn", sign),
    math("sin", f64::sin),
    math("sinh", f64::sinh),
    special("sort", &[V], Some(0), V, Special::Sort),
    special("sort_by_label", &[V, T], None, V, Special::SortByLabel),
    special("sort_by_label_desc", &[V, T], None, V, Special::SortByLabelDescending),
    special("sort_desc", &[V], Some(0), V, Special::SortDescending),
    math("sqrt", f64::sqrt),
    range("stddev_over_time", over_time::stddev),
    range("stdvar_over_time", over_time::stdvar),
    range("sum_over_time", over_time::sum),
    math("tan", f64::tan),
    math("tanh", f64::tanh),
    special("time", &[], Some(0), S, Special::Time),
    special("timestamp", &[V], Some(0), V, Special::Timestamp),
    special("vector", &[S], Some(0), V, Special::Vector),
    calendar("year", calendar::year),
];

const fn smoothing() -> RangeFunction {
    RangeFunction { check: over_time::check_factors, ..plain(over_time::double_exponential_smoothing) }
}

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        // Zero with its sign, and NaN.
        value
    }
}

/// The function of this name.
pub fn find(name: &str) -> Option<&'static FunctionSpec> {
    let place = FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok()?;
    FUNCTIONS.get(place)
}

/// Checks number and types of the arguments; a function that stands for a statistic of CloudWatch's metrics tells its selector.
pub(super) fn call(mut call: Call, position: usize) -> Result<Call, ParseError> {
    let FunctionSpec { name, arguments, optional, .. } = call.function;
    let given = call.arguments.len();
    let (least, most) = match optional {
        Some(optional) => (arguments.len() - optional.min(&arguments.len()), Some(arguments.len())),
        None => (arguments.len().saturating_sub(1), None),
    };
    if given < least {
        let at_least = if most == Some(least) { "" } else { "at least " };
        let reason = format!("expected {at_least}{least} argument(s) in call to {name:?}, got {given}");
        return Err(ParseError { position, reason });
    }
    if let Some(most) = most.filter(|most| given > *most) {
        let at_most = if most == least { "" } else { "at most " };
        let reason = format!("expected {at_most}{most} argument(s) in call to {name:?}, got {given}");
        return Err(ParseError { position, reason });
    }
    let context = format!("call to function {name:?}");
    for (place, argument) in call.arguments.iter().enumerate() {
        let Some(expected) = arguments.get(place).or(arguments.last()) else { continue };
        check_type(argument, *expected, &context)?;
    }
    if let FunctionKind::Special(Special::HistogramStatistic(statistic)) = call.function.kind {
        let Some(ExprKind::Selector(selector)) = call.arguments.first_mut().map(|argument| &mut argument.kind) else {
            let reason = format!("{name} takes a metric of CloudWatch, selected in its parentheses");
            return Err(ParseError { position, reason });
        };
        selector.statistic = Some(statistic);
    }
    Ok(call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_in_order() {
        assert!(FUNCTIONS.is_sorted_by(|one, other| one.name < other.name));
    }
}
