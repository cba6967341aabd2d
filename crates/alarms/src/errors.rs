//! The errors of alarms' operations, and the one place where the store's become theirs (G-1).

use std::future::Future;

use watchkeep_core::ports::{AlarmLogQueryError, WatchError};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{ResourceNotFoundException, errors};
use watchkeep_store::{CatalogError, StoreError};

/// `ValidationError`.
pub(crate) fn validation(message: impl Into<String>) -> ServiceError {
    errors::validation_exception(message)
}

/// `LimitExceeded`.
pub(crate) fn too_many(message: impl Into<String>) -> ServiceError {
    errors::limit_exceeded_fault(message)
}

/// `ResourceConflict`.
pub(crate) fn conflict(message: impl Into<String>) -> ServiceError {
    errors::resource_conflict(message)
}

/// `InvalidNextToken`, which has no message.
pub(crate) fn invalid_token() -> ServiceError {
    errors::invalid_next_token("")
}

/// `InvalidFormat`: text that should be JSON.
pub(crate) fn invalid_format(message: impl Into<String>) -> ServiceError {
    errors::invalid_format_fault(message)
}

/// `ResourceNotFound`, as SetAlarmState says it: without a message.
pub(crate) fn no_such_alarm() -> ServiceError {
    errors::resource_not_found("")
}

/// `ResourceNotFoundException`.
pub(crate) fn not_found(kind: &str, id: &str) -> ServiceError {
    let details = ResourceNotFoundException { resource_type: Some(kind.to_owned()), resource_id: Some(id.to_owned()) };
    errors::resource_not_found_exception(format!("The {kind} {id} does not exist.")).with_details(details)
}

/// The error of a call whose use of the store failed: one that SDKs try again after a while, or an internal one.
pub(crate) fn of_store(error: &StoreError) -> ServiceError {
    if error.is_retryable() {
        return unavailable();
    }
    tracing::error!(%error, "the store failed");
    internal()
}

/// [`of_store`], for the catalog.
pub(crate) fn of_catalog(error: CatalogError) -> ServiceError {
    match error {
        CatalogError::Conflict { .. } | CatalogError::Exists { .. } => unavailable(),
        error => of_store(&error.into()),
    }
}

/// The error of a call that asked metrics.
pub(crate) fn of_watch(error: WatchError) -> ServiceError {
    match error {
        WatchError::Invalid(message) => validation(message),
        WatchError::Busy(_) => unavailable(),
        WatchError::Failed(error) => {
            tracing::error!(error, "metrics failed");
            internal()
        }
    }
}

/// The error of a call whose query logs would not keep.
pub(crate) fn of_log_query(error: AlarmLogQueryError) -> ServiceError {
    match error {
        AlarmLogQueryError::Invalid(message) => {
            validation(format!("The ScheduledQueryConfiguration is not valid: {message}"))
        }
        AlarmLogQueryError::TooMany(message) => too_many(message),
        AlarmLogQueryError::Failed(error) => {
            tracing::error!(error, "logs failed");
            unavailable()
        }
    }
}

fn unavailable() -> ServiceError {
    ServiceError::common(
        "ServiceUnavailable",
        "ServiceUnavailable",
        503,
        "The service is temporarily unable to handle the request. Try again later.",
    )
}

fn internal() -> ServiceError {
    errors::internal_service_fault("The request processing has failed because of an internal error.")
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
