//! The errors of the service: where one of the store becomes AWS's (G-1), and texts that several operations give.

use std::future::Future;

use watchkeep_model::ServiceError;
use watchkeep_model::logs::errors;
use watchkeep_store::{CatalogError, StoreError};

use crate::limits::REGEX_FILTERS_MAX;

/// The error for a group that does not exist.
pub(crate) fn no_group() -> ServiceError {
    errors::resource_not_found_exception("The specified log group does not exist.")
}

/// The error for a stream that does not exist.
pub(crate) fn no_stream() -> ServiceError {
    errors::resource_not_found_exception("The specified log stream does not exist.")
}

/// The error for input that breaks a rule.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    errors::invalid_parameter_exception(message)
}

/// Refuses one more filter with regular expressions, if a group has so many others already.
pub(crate) fn check_regexes(others: usize) -> Result<(), ServiceError> {
    if others < REGEX_FILTERS_MAX {
        return Ok(());
    }
    let text = format!("A log group can have no more than {REGEX_FILTERS_MAX} filters with regular expressions.");
    Err(errors::limit_exceeded_exception(text))
}

/// The error for what may not be done, which every call can give.
pub(crate) fn access_denied(message: impl Into<String>) -> ServiceError {
    ServiceError::common("AccessDeniedException", "AccessDenied", 400, message)
}

/// The error for a paging token that is not ours, or too old.
pub(crate) fn invalid_token() -> ServiceError {
    invalid("The specified nextToken is invalid.")
}

/// The error for a class of group that does not have the operation.
pub(crate) fn not_of_class(operation: &str, class: &str) -> ServiceError {
    invalid(format!("{operation} is not supported for log groups of class {class}."))
}

/// What a client is told when the store fails.
pub(crate) fn store(error: impl Into<StoreError>) -> ServiceError {
    match error.into() {
        StoreError::Catalog(CatalogError::Conflict { .. }) => errors::operation_aborted_exception(
            "A conflicting operation is currently in progress against this resource. Please try again.",
        ),
        error => {
            if error.is_retryable() {
                tracing::warn!(%error, "a call on logs was refused");
            } else {
                tracing::error!(%error, "a call on logs failed");
            }
            errors::service_unavailable_exception("The service cannot complete the request.")
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
