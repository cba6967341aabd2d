//! The errors of the metrics operations, and the one place where the store's become theirs. PutMetricData, ListMetrics and
//! GetMetricStatistics answer with the `InvalidParameter*` family, GetMetricData with `ValidationError`.

use std::fmt::Display;
use std::future::Future;

use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{ResourceNotFoundException, errors};
use watchkeep_store::{CatalogError, StoreError};

use crate::datasets;

/// `InvalidParameterValue`.
pub(crate) fn invalid_value(message: impl Into<String>) -> ServiceError {
    errors::invalid_parameter_value_exception(message)
}

/// `InvalidParameterValue`: the value of a parameter is not allowed.
pub(crate) fn value_is_invalid(value: impl Display, parameter: impl Display) -> ServiceError {
    invalid_value(format!("The value {value} for parameter {parameter} is invalid."))
}

/// `InvalidParameterValue`: a list is too long.
pub(crate) fn collection_too_large(parameter: impl Display, max: usize) -> ServiceError {
    invalid_value(format!("The collection {parameter} must not have a size greater than {max}."))
}

/// `InvalidParameterValue`: a metric names a dimension twice.
pub(crate) fn repeated_dimension() -> ServiceError {
    invalid_value("No metric may specify the same dimension name twice.")
}

/// `InvalidParameterCombination`.
pub(crate) fn invalid_combination(message: impl Into<String>) -> ServiceError {
    errors::invalid_parameter_combination_exception(message)
}

/// The text for two parameters of which at most one may be given.
pub(crate) fn mutually_exclusive(one: impl Display, other: impl Display) -> String {
    format!("The parameters {one} and {other} are mutually exclusive and you have specified both.")
}

/// `MissingParameter`.
pub(crate) fn missing(message: impl Into<String>) -> ServiceError {
    errors::missing_required_parameter_exception(message)
}

/// `LimitExceeded`: no new metric is taken.
pub(crate) fn too_many_series() -> ServiceError {
    errors::limit_exceeded_fault("The server has no memory for more metrics. Those without data are forgotten in time.")
}

/// `ValidationError`.
pub(crate) fn validation(message: impl Into<String>) -> ServiceError {
    errors::validation_exception(message)
}

/// `InvalidNextToken`, which has no message.
pub(crate) fn invalid_token() -> ServiceError {
    errors::invalid_next_token("")
}

/// `InternalServiceError`.
pub(crate) fn internal(message: impl Into<String>) -> ServiceError {
    errors::internal_service_fault(message)
}

/// The error of a call whose use of the store failed: one that SDKs try again after a while, or an internal one.
pub(crate) fn of_store(error: &StoreError) -> ServiceError {
    if let StoreError::Locked(locked) = error {
        return datasets::of_locked(locked);
    }
    if error.is_retryable() {
        return ServiceError::common(
            "ServiceUnavailable",
            "ServiceUnavailable",
            503,
            "The service is temporarily unable to handle the request. Try again later.",
        );
    }
    tracing::error!(%error, "the store failed");
    internal("The request processing has failed because of an internal error.")
}

/// [`of_store`], for the catalog.
pub(crate) fn of_catalog(error: CatalogError) -> ServiceError {
    match error {
        CatalogError::Conflict { .. } | CatalogError::Exists { .. } => conflict(),
        error => of_store(&error.into()),
    }
}

/// `ConflictException`: others changed the same thing at the same time.
pub(crate) fn conflict() -> ServiceError {
    errors::conflict_exception("Another call changed the resource at the same time. Try again.")
}

/// `ResourceNotFoundException`.
pub(crate) fn not_found(kind: &str, id: &str) -> ServiceError {
    let details = ResourceNotFoundException { resource_type: Some(kind.to_owned()), resource_id: Some(id.to_owned()) };
    errors::resource_not_found_exception(format!("The {kind} {id} does not exist.")).with_details(details)
}

/// Runs work to its end even if the caller stops waiting, so that what the catalog, the store and memory say stays the same.
pub(crate) async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, ServiceError> {
    match tokio::spawn(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(of_store(&StoreError::Stopped)),
        },
    }
}

/// A number as AWS writes it into messages: `4.69E108`, `1.0`, `NaN`.
pub(crate) fn shown(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        let text = format!("{value:E}");
        return match text.split_once('E') {
            Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
            _ => text,
        };
    }
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_aws_does() {
        let cases = [
            (4.69e108, "4.69E108"),
            (1e108, "1.0E108"),
            (-1.0, "-1.0"),
            (0.0, "0.0"),
            (1.5e-5, "1.5E-5"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, text) in cases {
            assert_eq!(shown(value), text);
        }
    }
}
