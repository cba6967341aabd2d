//! The errors of events: where one of the store becomes AWS's (G-1), and texts that several operations give.

use std::fmt::Display;
use std::future::Future;

use watchkeep_model::ServiceError;
use watchkeep_model::events::errors;
use watchkeep_store::{CatalogError, StoreError};

/// `ValidationException`, which the model does not list.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::common("ValidationException", "ValidationException", 400, message)
}

/// `ValidationException`: a parameter is wrong, for this reason.
pub(crate) fn invalid_parameter(parameter: &str, reason: impl Display) -> ServiceError {
    invalid(format!("Parameter {parameter} is not valid. Reason: {reason}"))
}

/// There is no such bus.
pub(crate) fn no_bus(name: &str) -> ServiceError {
    errors::resource_not_found_exception(format!("Event bus {name} does not exist."))
}

/// There is no such rule.
pub(crate) fn no_rule(rule: &str, bus: &str) -> ServiceError {
    errors::resource_not_found_exception(format!("Rule {rule} does not exist on EventBus {bus}."))
}

/// More than there may be.
pub(crate) fn too_many() -> ServiceError {
    errors::limit_exceeded_exception("The requested resource exceeds the maximum number allowed.")
}

/// An AWS service manages the rule.
pub(crate) fn managed(rule: &str) -> ServiceError {
    errors::managed_rule_exception(format!(
        "Rule {rule} is managed by an AWS service and can only be modified by the service."
    ))
}

/// The token of a list is none of ours, or too old.
pub(crate) fn invalid_token() -> ServiceError {
    ServiceError::common("InvalidToken", "InvalidToken", 400, "The token is invalid or has expired.")
}

/// What a client is told when the store fails.
pub(crate) fn store(error: impl Into<StoreError>) -> ServiceError {
    match error.into() {
        StoreError::Catalog(CatalogError::Conflict { .. } | CatalogError::Exists { .. }) => {
            let message = "There is concurrent modification on a rule, target, archive, or replay.";
            errors::concurrent_modification_exception(message)
        }
        error if error.is_retryable() => {
            tracing::warn!(%error, "a call on events was refused");
            let message = "The service is temporarily unable to handle the request. Try again later.";
            ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, message)
        }
        error => {
            tracing::error!(%error, "a call on events failed");
            errors::internal_exception("Internal Service Failure")
        }
    }
}

/// Runs work to its end even if the caller stops waiting, so that what the catalog, the store and memory say stays the same.
pub(crate) async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, ServiceError> {
    match tokio::spawn(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(store(StoreError::Stopped)),
        },
    }
}
