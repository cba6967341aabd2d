//! What expressions ask of others than metrics: quotas of usage metrics, and counters of databases (functions: `lambda`). Sources:
//! "SERVICE_QUOTA", "DB_PERF_INSIGHTS" of "Use metric math"; "AWS usage metrics".

use watchkeep_lang::metric_math::{DatabaseMetrics, Expression, External, Fold, Series, Value};
use watchkeep_model::ServiceError;

use super::{PERIOD_REQUIRED, in_expression};
use crate::Metrics;
use crate::limits::FUNCTION_PERIOD_S_MIN;
use crate::queries::{Query, check_period};
use crate::series::Identity;
use crate::window::Window;

/// The namespace of usage metrics.
const USAGE: &str = "AWS/Usage";

/// Checks that quotas are asked of usage metrics.
///
/// # Errors
///
/// `ValidationError`.
pub(super) fn check_quotas(id: &str, expression: &Expression, queries: &[Query]) -> Result<(), ServiceError> {
    for external in expression.externals() {
        let External::ServiceQuota { metric } = &external else { continue };
        let query = queries.iter().find(|query| query.id == *metric);
        if query.is_some_and(|query| Identity::of(&query.key).namespace != USAGE) {
            let text = format!("SERVICE_QUOTA: the metric '{metric}' is not a usage metric of the namespace {USAGE}.");
            return Err(in_expression(id, text));
        }
    }
    Ok(())
}

/// Checks what is asked of functions.
///
/// # Errors
///
/// `ValidationError`.
pub(super) fn check_functions(id: &str, expression: &Expression, period_s: Option<i64>) -> Result<(), ServiceError> {
    if !expression.externals().iter().any(|external| matches!(external, External::Lambda { .. })) {
        return Ok(());
    }
    match period_s.ok_or_else(|| in_expression(id, PERIOD_REQUIRED))? {
        period_s if period_s < FUNCTION_PERIOD_S_MIN => {
            let text = format!("The period of a LAMBDA must be at least {FUNCTION_PERIOD_S_MIN} seconds.");
            Err(in_expression(id, text))
        }
        _ => Ok(()),
    }
}

/// Checks what is asked of databases. Answers the longest period that is written there, in seconds.
///
/// # Errors
///
/// `ValidationError`.
pub(super) fn check_databases(
    id: &str,
    expression: &Expression,
    period_s: Option<i64>,
) -> Result<Option<i64>, ServiceError> {
    let mut longest_s = None;
    for external in expression.externals() {
        let External::DatabaseInsights { service, period_seconds, .. } = &external else { continue };
        if !matches!(service.as_str(), "RDS" | "DOCDB") {
            return Err(in_expression(id, format!("DB_PERF_INSIGHTS: the value {service} is neither RDS nor DOCDB.")));
        }
        let own_s = period_seconds.map(|seconds| seconds as i64);
        let used_s = own_s.or(period_s).ok_or_else(|| in_expression(id, PERIOD_REQUIRED))?;
        check_period(used_s, "Period").map_err(|error| in_expression(id, error.message))?;
        longest_s = longest_s.max(Some(used_s));
    }
    Ok(longest_s)
}

impl Metrics {
    /// The quota of a usage metric at every time of a window; no points if it has none.
    pub(super) fn quota_of(&self, query: &Query, window: &Window, now_ms: i64) -> Value {
        let identity = Identity::of(&query.key);
        let value = |wanted: &str| {
            let mut dimensions = identity.dimensions();
            dimensions.find_map(|(name, value)| (name == wanted).then_some(value))
        };
        // Calls have no quota here.
        let counts_resources = identity.name == "ResourceCount" && value("Type") == Some("Resource");
        let counted = value("Service").zip(value("Resource")).filter(|_| counts_resources);
        let quota = counted.and_then(|(service, resource)| self.known.quota(service, resource));
        let points = quota.map(|quota| {
            let end_ms = window.end_ms.min(now_ms);
            let starts = std::iter::successors(Some(window.start_ms), |time| time.checked_add(window.period_ms));
            starts.take_while(|time| *time < end_ms).map(|time| (time, quota as f64)).collect()
        });
        let (label, period_ms) = ("Service quota".to_owned(), window.period_ms);
        Value::Series(Series {
            label,
            points: points.unwrap_or_default(),
            period_ms,
            fold: Fold::Maximum,
            ..Series::default()
        })
    }
}

/// The counters of a database: there are no databases here, so that there are no points.
pub(super) fn of_database(metrics: &DatabaseMetrics, window: &Window) -> Value {
    let empty = |name: &String| Series { label: name.clone(), period_ms: window.period_ms, ..Series::default() };
    match metrics {
        DatabaseMetrics::One(name) => Value::Series(empty(name)),
        DatabaseMetrics::Several(names) => Value::Array(names.iter().map(empty).collect()),
    }
}
