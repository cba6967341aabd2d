//! The errors of queues: where one of the store becomes AWS's (G-1), and texts that several operations give.

use std::future::Future;

use watchkeep_core::ports::DataKeyError;
use watchkeep_model::ServiceError;
use watchkeep_model::sqs::errors;
use watchkeep_store::{CatalogError, StoreError};

/// The error for a queue that does not exist.
pub(crate) fn no_queue() -> ServiceError {
    errors::queue_does_not_exist("The specified queue does not exist.")
}

/// The error for a parameter that breaks a rule.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::common("InvalidParameterValueException", "InvalidParameterValue", 400, message)
}

/// The error for a value of a parameter; the reason is a sentence.
pub(crate) fn invalid_value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> ServiceError {
    invalid(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
}

/// The error for a parameter that is not there.
pub(crate) fn missing(parameter: &str) -> ServiceError {
    let text = format!("The request must contain the parameter {parameter}.");
    ServiceError::common("MissingRequiredParameterException", "MissingParameter", 400, text)
}

/// The error for a receipt handle that is none.
pub(crate) fn invalid_handle() -> ServiceError {
    errors::receipt_handle_is_invalid("The input receipt handle is invalid.")
}

/// The error for a paging token that is not ours.
pub(crate) fn invalid_token() -> ServiceError {
    invalid("Invalid or expired next token.")
}

/// The error for what a queue's policy does not let the caller do.
pub(crate) fn access_denied(message: impl Into<String>) -> ServiceError {
    ServiceError::common("AccessDeniedException", "AccessDenied", 403, message)
}

/// What a client is told of a KMS key that cannot be used.
pub(crate) fn of_data_key(error: &DataKeyError) -> ServiceError {
    let message = error.to_string();
    match error {
        DataKeyError::NotFound(_) => errors::kms_not_found(message),
        DataKeyError::Disabled(_) => errors::kms_disabled(message),
        DataKeyError::PendingDeletion(_) => errors::kms_invalid_state(message),
        DataKeyError::AccessDenied(_) | DataKeyError::Unopenable => errors::kms_access_denied(message),
        DataKeyError::WrongKind(_) => errors::kms_invalid_key_usage(message),
        DataKeyError::Unavailable(_) => errors::kms_throttled(message),
    }
}

/// What a client is told when the store fails.
pub(crate) fn store(error: impl Into<StoreError>) -> ServiceError {
    match error.into() {
        StoreError::Catalog(CatalogError::Conflict { .. }) => {
            errors::request_throttled("Another request is changing this queue. Please try again.")
        }
        StoreError::Locked(locked) => of_data_key(&locked.source),
        error => {
            if error.is_retryable() {
                tracing::warn!(%error, "a call on queues was refused");
            } else {
                tracing::error!(%error, "a call on queues failed");
            }
            let text = "The service cannot complete the request.";
            ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, text)
        }
    }
}

/// Runs work to its end even if the caller stops waiting, so that what the store and memory say stays the same.
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
