//! Functions of the window and of metrics' periods.

use super::{Call, Function, Parameter, Signature, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::series::{Series, point};
use crate::metric_math::types::Type;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "PERIOD",
        signatures: &[Signature::new(&[Parameter::Metric], Type::Scalar)],
        summary: "The period of a metric, in seconds. It is not for expressions.",
        apply: |mut call| Ok(Val::Scalar(call.series(0)?.period_ms as f64 / 1000.0)),
    },
    Function {
        name: "TIME_SERIES",
        signatures: &[Signature::new(&[Parameter::Scalar], Type::Series)],
        summary: "A series that has the number at every period of the window.",
        apply: time_series,
    },
];

fn time_series<'e>(mut call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let number = call.scalar(0)?;
    let mut series = Series::computed(call.evaluator.grid.period_ms, Vec::new());
    series.points = call.slots(&series)?.filter_map(|slot| point(slot, number)).collect();
    call.evaluator.charged(call.at, series).map(Val::series)
}
