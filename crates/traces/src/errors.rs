//! The errors of the X-Ray operations, and the one place where the store's become theirs.

use watchkeep_model::ServiceError;
use watchkeep_model::xray::errors;
use watchkeep_store::StoreError;

/// `InvalidRequestException`.
pub(crate) fn invalid_request(message: impl Into<String>) -> ServiceError {
    errors::invalid_request_exception(message)
}

/// `ThrottledException`, which SDKs try again after a while, or an internal error.
pub(crate) fn of_store(error: &StoreError) -> ServiceError {
    tracing::error!(%error, "the store failed");
    if error.is_retryable() {
        return errors::throttled_exception("The service is overloaded or short of disk space. Try again later.");
    }
    ServiceError::common("InternalFailure", "InternalFailure", 500, "The request failed because of an internal error.")
}
