//! The errors of data streams: where one of the store becomes AWS's (G-1), and texts that several operations give.

use std::future::Future;

use watchkeep_core::ports::DataKeyError;
use watchkeep_model::ServiceError;
use watchkeep_model::kinesis::errors;
use watchkeep_store::{CatalogError, ResourceKey, StoreError};

/// The error for a stream that does not exist.
pub(crate) fn no_stream(key: &ResourceKey) -> ServiceError {
    errors::resource_not_found_exception(format!("Stream {} under account {} not found.", key.name, key.account))
}

/// The error for a shard that does not exist.
pub(crate) fn no_shard(key: &ResourceKey, shard_id: &str) -> ServiceError {
    errors::resource_not_found_exception(format!(
        "Could not find shard {shard_id} in stream {} under account {}.",
        key.name, key.account
    ))
}

/// The error for a consumer that does not exist.
pub(crate) fn no_consumer(what: &str) -> ServiceError {
    errors::resource_not_found_exception(format!("Consumer {what} not found."))
}

/// The error for input that breaks a rule.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    errors::invalid_argument_exception(message)
}

/// The error for more than there may be.
pub(crate) fn too_many(message: impl Into<String>) -> ServiceError {
    errors::limit_exceeded_exception(message)
}

/// The error for a request that is right, and was only to be tried.
pub(crate) fn dry_run() -> ServiceError {
    errors::dry_run_operation_exception("The request would have succeeded, but the DryRun flag is set.")
}

/// What a client is told when the store fails.
pub(crate) fn store(error: impl Into<StoreError>) -> ServiceError {
    match error.into() {
        StoreError::Catalog(CatalogError::Conflict { .. } | CatalogError::Exists { .. }) => {
            errors::resource_in_use_exception("Another call is changing the resource. Please try again.")
        }
        StoreError::Locked(locked) => of_data_key(&locked.source),
        error => {
            if error.is_retryable() {
                tracing::warn!(%error, "a call on data streams was refused");
            } else {
                tracing::error!(%error, "a call on data streams failed");
            }
            let text = "The service cannot complete the request.";
            ServiceError::common("ServiceUnavailable", "ServiceUnavailable", 503, text)
        }
    }
}

/// What a client is told of a KMS key that cannot be used.
pub(crate) fn of_data_key(error: &DataKeyError) -> ServiceError {
    let message = error.to_string();
    match error {
        DataKeyError::NotFound(_) => errors::kms_not_found_exception(message),
        DataKeyError::Disabled(_) => errors::kms_disabled_exception(message),
        DataKeyError::PendingDeletion(_) => errors::kms_invalid_state_exception(message),
        DataKeyError::AccessDenied(_) | DataKeyError::Unopenable => errors::kms_access_denied_exception(message),
        DataKeyError::WrongKind(_) => invalid(message),
        DataKeyError::Unavailable(_) => errors::kms_throttling_exception(message),
    }
}

/// The same error for another call.
pub(crate) fn copy(error: &ServiceError) -> ServiceError {
    ServiceError {
        code: error.code.clone(),
        query_code: error.query_code.clone(),
        status: error.status,
        sender: error.sender,
        message: error.message.clone(),
        details: None,
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
