//! Functions whose values come from outside of the request.

use super::{Call, Function, Parameter, Signature, Val};
use crate::metric_math::ExpressionError;
use crate::metric_math::evaluate::limit_series;
use crate::metric_math::external::{BandSource, DatabaseMetrics, External};
use crate::metric_math::limits::LAMBDA_ARGUMENTS_MAX;
use crate::metric_math::types::Type;
use std::borrow::Cow;

/// How many standard deviations wide a band is, if nothing is said.
const DEVIATIONS_DEFAULT: f64 = 2.0;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "ANOMALY_DETECTION_BAND",
        signatures: &[Signature::new(&[Parameter::Series], Type::Array).with_optional(&[Parameter::Scalar])],
        summary: "The upper and the lower bound of what is expected of a series, so many standard deviations (2 by default) apart \
                  from it.",
        apply: band,
    },
    Function {
        name: "DB_PERF_INSIGHTS",
        signatures: &[
            Signature::new(&[Parameter::Text, Parameter::Text, Parameter::Text], Type::Series)
                .with_optional(&[Parameter::Number]),
            Signature::new(&[Parameter::Text, Parameter::Text, Parameter::Texts], Type::Array)
                .with_optional(&[Parameter::Number]),
        ],
        summary: "Performance Insights counters of a database, as 'RDS' or 'DOCDB', its resource id, and a metric or several.",
        apply: found,
    },
    Function {
        name: "INSIGHT_RULE_METRIC",
        signatures: &[Signature::new(&[Parameter::Text, Parameter::Text], Type::Series)],
        summary: "A metric of the report of a Contributor Insights rule.",
        apply: found,
    },
    Function {
        name: "LAMBDA",
        signatures: &[
            Signature::new(&[Parameter::Text], Type::Array).with_optional(&[Parameter::Literal; LAMBDA_ARGUMENTS_MAX])
        ],
        summary: "The series that a function returns, a custom data source.",
        apply: found,
    },
    Function {
        name: "SEARCH",
        signatures: &[
            Signature::new(&[Parameter::Text, Parameter::Text], Type::Array).with_optional(&[Parameter::Number])
        ],
        summary: "A series of a statistic for each metric that a search expression finds.",
        apply: found,
    },
    Function {
        name: "SERVICE_QUOTA",
        signatures: &[Signature::new(&[Parameter::Metric], Type::Series)],
        summary: "The quota that a usage metric counts against.",
        apply: found,
    },
];

/// What the service has found before.
fn found<'e>(call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let external = External::of(call.function.name, call.arguments).ok_or_else(|| call.misfit(0))?;
    let is_array = match &external {
        External::Search { .. } | External::Lambda { .. } => true,
        External::DatabaseInsights { metrics, .. } => matches!(metrics, DatabaseMetrics::Several(_)),
        External::Band { .. } | External::InsightRule { .. } | External::ServiceQuota { .. } => false,
    };
    match call.evaluator.external(&external) {
        Some(Val::Array(array)) if is_array => {
            limit_series(&array, call.at)?;
            Ok(Val::Array(array))
        }
        Some(Val::Series(series)) if !is_array => Ok(Val::Series(series)),
        _ => Err(call.error(format!("Function '{}' is not available", call.function.name))),
    }
}

fn band<'e>(mut call: Call<'_, 'e>) -> Result<Val<'e>, ExpressionError> {
    let series = call.series(0)?;
    let deviations = if call.arguments.len() > 1 { call.scalar(1)? } else { DEVIATIONS_DEFAULT };
    if !(deviations.is_finite() && deviations > 0.0) {
        return Err(call.error(format!("Argument 2 of '{}' must be above 0", call.function.name)));
    }
    let source = call.arguments.first().map(BandSource::of).ok_or_else(|| call.misfit(0))?;
    let bands = call.evaluator.environment.band(&source, &series, deviations);
    let charged = bands.into_iter().map(|band| call.evaluator.charged(call.at, band).map(Cow::Owned));
    charged.collect::<Result<_, _>>().map(Val::Array)
}
