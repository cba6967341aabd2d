//! `FILL`.

use super::{Call, Function, Parameter, Signature, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::series::{Common, Point, Series, point};
use crate::metric_math::types::Type;

const HOW: Parameter = Parameter::Keyword(&["REPEAT", "LINEAR"]);

pub(super) const FUNCTIONS: &[Function] = &[Function {
    name: "FILL",
    signatures: &[
        Signature::new(&[Parameter::Series, Parameter::Scalar], Type::Series),
        Signature::new(&[Parameter::Series, Parameter::Series], Type::Series),
        Signature::new(&[Parameter::Series, HOW], Type::Series),
        Signature::new(&[Parameter::Array, Parameter::Scalar], Type::Array),
        Signature::new(&[Parameter::Array, Parameter::Series], Type::Array),
        Signature::new(&[Parameter::Array, HOW], Type::Array),
    ],
    summary: "Gives missing points a value: a number, that of another series at the time, the last one before (REPEAT), or one on \
              the line between the neighbours (LINEAR).",
    apply,
}];

fn apply<'e>(mut call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let value = call.value(0)?;
    match call.keyword(1) {
        Some("REPEAT") => return call.each(value, |series| filled(&call, series, repeated)),
        Some(_) => return call.each(value, |series| filled(&call, series, interpolated)),
        None => {}
    }
    match call.value(1)? {
        Val::Scalar(number) => call.each(value, |series| filled(&call, series, |_, _, _| Some(number))),
        Val::Series(filler) => call.each(value, |series| {
            // A filler of shorter periods is brought to those of the series.
            let common = Common::of([series, &*filler].into_iter(), &call.evaluator.grid);
            let filler = common.fold(&filler);
            filled(&call, series, |_, slot, _| filler.value_at(slot))
        }),
        Val::Array(_) => Err(call.misfit(1)),
    }
}

/// The points of a series, and between them what `fill` makes of the point before, the slot, and the point after.
fn filled(
    call: &Call<'_, '_>,
    series: &Series,
    fill: impl Fn(Option<Point>, i64, Option<Point>) -> Option<f64>,
) -> Result<Vec<Point>, ExpressionError> {
    let slots = call.slots(series)?;
    let mut points = Vec::with_capacity(slots.len().max(series.points.len()));
    let mut ahead = series.points.iter().copied().peekable();
    let mut before = None;
    for slot in slots {
        while let Some(point) = ahead.next_if(|point| point.0 <= slot) {
            points.push(point);
            before = Some(point);
        }
        if before.is_none_or(|before| before.0 != slot) {
            points.extend(fill(before, slot, ahead.peek().copied()).and_then(|value| point(slot, value)));
        }
    }
    points.extend(ahead);
    Ok(points)
}

fn repeated(before: Option<Point>, _: i64, _: Option<Point>) -> Option<f64> {
    before.map(|point| point.1)
}

fn interpolated(before: Option<Point>, slot: i64, after: Option<Point>) -> Option<f64> {
    let (before, after) = (before?, after?);
    let part = slot.saturating_sub(before.0) as f64 / after.0.saturating_sub(before.0) as f64;
    Some(before.1 + (after.1 - before.1) * part)
}
