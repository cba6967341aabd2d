//! Failures: as Prometheus tells them, and as an audit record does. Source: "HTTP API: format overview".

use watchkeep_core::ports::MetricsError;
use watchkeep_model::ServiceError;

use crate::promql::eval::EvalError;

/// The kind of an error, by its status; what takes too long and what has no room share one.
pub(crate) fn error_type(error: &ServiceError) -> &'static str {
    match error.status {
        404 => "not_found",
        422 => "execution",
        503 | 408 if error.code == TIMEOUT => "timeout",
        499 => "canceled",
        503 => "unavailable",
        500.. => "internal",
        _ => "bad_data",
    }
}

const TIMEOUT: &str = "RequestTimeout";

/// The request is wrong.
pub(crate) fn bad_data(reason: impl Into<String>) -> ServiceError {
    ServiceError::common("ValidationError", "ValidationError", 400, reason)
}

/// A parameter is wrong.
pub(crate) fn invalid_parameter(name: &str, reason: impl std::fmt::Display) -> ServiceError {
    bad_data(format!("invalid parameter {name:?}: {reason}"))
}

/// The query cannot be carried out.
pub(crate) fn execution(reason: impl Into<String>) -> ServiceError {
    ServiceError::common("InvalidQuery", "InvalidQuery", 422, reason)
}

pub(crate) fn timeout() -> ServiceError {
    ServiceError::common(TIMEOUT, TIMEOUT, 503, EvalError::Timeout.to_string())
}

pub(crate) fn internal(reason: impl Into<String>) -> ServiceError {
    ServiceError::common("InternalFailure", "InternalFailure", 500, reason)
}

pub(crate) fn of_evaluation(error: EvalError) -> ServiceError {
    match error {
        EvalError::Execution(reason) => execution(reason),
        EvalError::Timeout => timeout(),
        EvalError::Canceled => ServiceError::common("RequestAbandoned", "RequestAbandoned", 499, error.to_string()),
    }
}

pub(crate) fn of_metrics(error: MetricsError) -> ServiceError {
    match error {
        MetricsError::Busy(_) => {
            ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, error.to_string())
        }
        MetricsError::TooMany(_) => execution(format!("the query reads {error}")),
        MetricsError::Failed(_) => internal(error.to_string()),
    }
}
