//! Functions that choose among the series of an array, or of the request.

use super::aggregates::{OfSeries, average, maximum, minimum, sum};
use super::{Call, Function, Parameter, Signature, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::evaluate::{Item, limit_series};
use crate::metric_math::series::Series;
use crate::metric_math::types::Type;
use std::cmp::Ordering;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "FIRST",
        signatures: &[Signature::new(&[Parameter::Array], Type::Series)],
        summary: "The first series of an array; of a band, the upper one.",
        apply: |call| one(call, |array| array.into_iter().next()),
    },
    Function {
        name: "LAST",
        signatures: &[Signature::new(&[Parameter::Array], Type::Series)],
        summary: "The last series of an array; of a band, the lower one.",
        apply: |call| one(call, |array| array.into_iter().next_back()),
    },
    Function {
        name: "METRICS",
        signatures: &[Signature::new(&[], Type::Array).with_optional(&[Parameter::Text])],
        summary: "The metrics of the request, without its expressions; with a text, those whose id contains it.",
        apply: metrics,
    },
    Function {
        name: "REMOVE_EMPTY",
        signatures: &[Signature::new(&[Parameter::Array], Type::Array)],
        summary: "The series of an array that have points.",
        apply: |mut call| {
            let mut array = call.array(0)?;
            array.retain(|series| !series.points.is_empty());
            Ok(Val::Array(array))
        },
    },
    Function {
        name: "SLICE",
        signatures: &[
            Signature::new(&[Parameter::Array, Parameter::Scalar], Type::Array).with_optional(&[Parameter::Scalar])
        ],
        summary: "The series of an array from one index, counted from 0, to before another, or to the end.",
        apply: slice,
    },
    Function {
        name: "SORT",
        signatures: &[Signature::new(
            &[
                Parameter::Array,
                Parameter::Keyword(&["AVG", "MIN", "MAX", "SUM"]),
                Parameter::Keyword(&["ASC", "DESC"]),
            ],
            Type::Array,
        )
        .with_optional(&[Parameter::Scalar])],
        summary: "The series of an array by their average, least, greatest value or sum, ascending or descending; with a number, only \
                  so many of them. Those without a value come last.",
        apply: sort,
    },
];

/// One of an array; of none, a series without points.
fn one<'e>(mut call: Call<'_, 'e>, choose: fn(Vec<Item<'e>>) -> Option<Item<'e>>) -> Result<Val<'e>, ExpressionError> {
    let chosen = choose(call.array(0)?);
    let none = || Val::series(Series::computed(call.evaluator.grid.period_ms, Vec::new()));
    Ok(chosen.map_or_else(none, Val::Series))
}

fn metrics<'e>(call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let part = call.text(0).unwrap_or_default();
    let mut array = Vec::new();
    for id in call.evaluator.environment.metric_ids() {
        if id.contains(part)
            && let Val::Series(series) = call.evaluator.id(id, call.at)?
        {
            array.push(series);
        }
    }
    limit_series(&array, call.at)?;
    Ok(Val::Array(array))
}

fn slice<'e>(mut call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let array = call.array(0)?;
    let from = call.count(1)?.unwrap_or_default();
    let to = call.count(2)?.unwrap_or(array.len());
    Ok(Val::Array(array.into_iter().take(to).skip(from).collect()))
}

fn sort<'e>(mut call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let array = call.array(0)?;
    let key: OfSeries = match call.keyword(1) {
        Some("AVG") => average,
        Some("MIN") => minimum,
        Some("MAX") => maximum,
        Some("SUM") => sum,
        _ => return Err(call.misfit(1)),
    };
    let is_descending = call.keyword(2) == Some("DESC");
    let limit = call.count(3)?.unwrap_or(array.len());
    let grid = &call.evaluator.grid;
    let mut keyed: Vec<(f64, Item<'e>)> = array.into_iter().map(|series| (key(&series, grid), series)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.is_nan().cmp(&b.is_nan()).then(ordered(*a, *b, is_descending)));
    Ok(Val::Array(keyed.into_iter().take(limit).map(|(_, series)| series).collect()))
}

fn ordered(a: f64, b: f64, is_descending: bool) -> Ordering {
    if is_descending { b.total_cmp(&a) } else { a.total_cmp(&b) }
}
