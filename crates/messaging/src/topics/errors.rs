//! The errors of topics: where one of the store becomes AWS's (G-1), and texts that several operations give.

use std::fmt::Display;
use std::future::Future;

use watchkeep_core::ports::DataKeyError;
use watchkeep_model::ServiceError;
use watchkeep_model::sns::errors;
use watchkeep_store::{CatalogError, StoreError};

/// `InvalidParameter`: this is wrong.
pub(crate) fn invalid(what: impl Display) -> ServiceError {
    errors::invalid_parameter_exception(format!("Invalid parameter: {what}"))
}

/// `InvalidParameter`: this is wrong, for this reason.
pub(crate) fn invalid_because(what: impl Display, reason: impl Display) -> ServiceError {
    invalid(format!("{what} Reason: {reason}"))
}

/// `ParameterValueInvalid`: a message attribute is wrong.
pub(crate) fn invalid_value(message: impl Into<String>) -> ServiceError {
    errors::invalid_parameter_value_exception(message)
}

/// `AuthorizationError`: the caller may not do that.
pub(crate) fn denied(message: impl Into<String>) -> ServiceError {
    errors::authorization_error_exception(message)
}

/// What a client is told of a KMS key that cannot be used.
pub(crate) fn of_data_key(error: &DataKeyError) -> ServiceError {
    let message = error.to_string();
    match error {
        DataKeyError::NotFound(_) => errors::kms_not_found_exception(message),
        DataKeyError::Disabled(_) => errors::kms_disabled_exception(message),
        DataKeyError::PendingDeletion(_) | DataKeyError::WrongKind(_) => errors::kms_invalid_state_exception(message),
        DataKeyError::AccessDenied(_) | DataKeyError::Unopenable => errors::kms_access_denied_exception(message),
        DataKeyError::Unavailable(_) => errors::kms_throttling_exception(message),
    }
}

/// `NotFound`: there is no such topic.
pub(crate) fn no_topic() -> ServiceError {
    errors::not_found_exception("Topic does not exist")
}

/// `NotFound`: there is no such subscription.
pub(crate) fn no_subscription() -> ServiceError {
    errors::not_found_exception("Subscription does not exist")
}

/// `Throttled`: too much is on its way. SDKs try again.
pub(crate) fn throttled(why: impl Display) -> ServiceError {
    errors::throttled_exception(format!("Rate exceeded: {why}"))
}

/// What a client is told when the store fails.
pub(crate) fn store(error: impl Into<StoreError>) -> ServiceError {
    match error.into() {
        StoreError::Catalog(CatalogError::Conflict { .. } | CatalogError::Exists { .. }) => {
            errors::concurrent_access_exception("Another call changed the resource at the same time. Try again.")
        }
        StoreError::Locked(locked) => of_data_key(&locked.source),
        error if error.is_retryable() => {
            tracing::warn!(%error, "a call on topics was refused");
            let message = "The service is temporarily unable to handle the request. Try again later.";
            ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, message)
        }
        error => {
            tracing::error!(%error, "a call on topics failed");
            errors::internal_error_exception("The request processing has failed because of an internal error.")
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
