//! `IF`.

use super::{Call, Function, Parameter, Signature, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::series::{Common, Series, point};
use crate::metric_math::types::Type;

const SERIES: &[Parameter] = &[Parameter::Series];

pub(super) const FUNCTIONS: &[Function] = &[Function {
    name: "IF",
    signatures: &[
        Signature::new(&[Parameter::Series, Parameter::Series], Type::Series).with_optional(SERIES),
        Signature::new(&[Parameter::Series, Parameter::Series, Parameter::Scalar], Type::Series),
        Signature::new(&[Parameter::Series, Parameter::Scalar], Type::Series).with_optional(SERIES),
        Signature::new(&[Parameter::Series, Parameter::Scalar, Parameter::Scalar], Type::Series),
        Signature::new(&[Parameter::Scalar, Parameter::Series], Type::Series).with_optional(SERIES),
    ],
    summary: "At each point of the condition: the second argument where it is not 0 (0 if that has no point there), else the third, \
              or nothing. A scalar condition chooses one of two series.",
    apply,
}];

fn apply<'e>(mut call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let (condition, yes) = (call.value(0)?, call.value(1)?);
    let no = if call.arguments.len() > 2 { Some(call.value(2)?) } else { None };
    match condition {
        Val::Series(condition) => {
            let chosen = choose(&call, &condition, &yes, no.as_ref());
            call.evaluator.charged(call.at, chosen).map(Val::series)
        }
        // A condition without a value is neither true nor false.
        Val::Scalar(condition) => Ok(match no {
            _ if condition.is_finite() && condition != 0.0 => yes,
            Some(no) if condition == 0.0 => no,
            _ => Val::series(series(&yes).map(|yes| yes.with_points(Vec::new())).unwrap_or_default()),
        }),
        Val::Array(_) => Err(call.misfit(0)),
    }
}

fn series<'v>(value: &'v Val<'_>) -> Option<&'v Series> {
    match value {
        Val::Series(series) => Some(series),
        Val::Scalar(_) | Val::Array(_) => None,
    }
}

/// By a condition that is a series.
fn choose(call: &Call<'_, '_>, condition: &Series, yes: &Val<'_>, no: Option<&Val<'_>>) -> Series {
    let branches = [series(yes), no.and_then(series)];
    let all = branches.into_iter().flatten().chain([condition]);
    let common = Common::of(all, &call.evaluator.grid);
    let [yes_series, no_series] = branches.map(|branch| branch.map(|series| common.fold(series)));
    let condition = common.fold(condition);
    let points = condition.points.iter().filter_map(|(time, is_true)| {
        let (branch, series) = if *is_true != 0.0 { (Some(yes), &yes_series) } else { (no, &no_series) };
        let value = match (branch?, series) {
            (Val::Scalar(number), _) => Some(*number),
            (_, Some(series)) => series.value_at(*time),
            (_, None) => None,
        };
        let missing = if *is_true != 0.0 { Some(0.0) } else { None };
        point(*time, value.or(missing)?)
    });
    let chosen = Series::computed(common.period_ms, points.collect());
    match branches {
        [Some(yes), Some(no)] if (&yes.label, yes.source) != (&no.label, no.source) => chosen,
        [Some(from), _] | [None, Some(from)] => Series { fold: from.fold, ..chosen.named_like(from) },
        [None, None] => chosen.named_like(&condition),
    }
}
