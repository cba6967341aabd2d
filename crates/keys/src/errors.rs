//! The errors of the service: where one of the store becomes AWS's (G-1), and texts that several operations give.

use std::fmt::Display;

use watchkeep_core::ports::SealingError;
use watchkeep_model::ServiceError;
use watchkeep_model::kms::errors;
use watchkeep_store::{CatalogError, StoreError};

/// `ValidationException`: input that breaks a rule beyond the model's constraints.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::common("ValidationException", "ValidationError", 400, message)
}

/// `ValidationException`: a member that the operation needs in this case is absent.
pub(crate) fn missing(member: &str) -> ServiceError {
    invalid(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// `NotFoundException`: what stands for a key is none.
pub(crate) fn invalid_key_id(identifier: &str) -> ServiceError {
    errors::not_found_exception(format!("Invalid keyId '{identifier}'"))
}

/// `NotFoundException`: no key has this ARN.
pub(crate) fn no_key(arn: impl Display) -> ServiceError {
    errors::not_found_exception(format!("Key '{arn}' does not exist"))
}

/// `NotFoundException`: no alias has this ARN.
pub(crate) fn no_alias(arn: impl Display) -> ServiceError {
    errors::not_found_exception(format!("Alias {arn} is not found."))
}

/// `AccessDeniedException`: the resource is another account's.
pub(crate) fn access_denied(resource: &str) -> ServiceError {
    let message = format!(
        "The caller is not authorized to use {resource}: it belongs to another account, and no resource-based policy allows it"
    );
    ServiceError::common("AccessDeniedException", "AccessDenied", 400, message)
}

/// `AccessDeniedException`: the key is a service's, which alone may use it.
pub(crate) fn managed(arn: impl Display) -> ServiceError {
    let message = format!(
        "The caller is not authorized to do this with {arn}: it is managed by AWS for a service, and its policy allows that service alone to use it"
    );
    ServiceError::common("AccessDeniedException", "AccessDenied", 400, message)
}

/// `DisabledException`.
pub(crate) fn disabled(arn: impl Display) -> ServiceError {
    errors::disabled_exception(format!("{arn} is disabled."))
}

/// `KMSInvalidStateException`.
pub(crate) fn pending_deletion(arn: impl Display) -> ServiceError {
    errors::kms_invalid_state_exception(format!("{arn} is pending deletion."))
}

/// `InvalidCiphertextException`, which has no message.
pub(crate) fn invalid_ciphertext() -> ServiceError {
    errors::invalid_ciphertext_exception("")
}

/// `UnsupportedOperationException`.
pub(crate) fn unsupported(message: impl Into<String>) -> ServiceError {
    errors::unsupported_operation_exception(message)
}

/// Ends a dry run that got so far (`DryRunOperationException`); other calls go on.
pub(crate) fn end_dry_run(dry_run: Option<bool>) -> Result<(), ServiceError> {
    match dry_run {
        Some(true) => {
            Err(errors::dry_run_operation_exception("The request would have succeeded, but the DryRun option is set."))
        }
        _ => Ok(()),
    }
}

/// Refuses to encrypt for a Nitro enclave: there is nobody here to verify its attestation.
pub(crate) fn no_recipient<T>(recipient: Option<&T>) -> Result<(), ServiceError> {
    match recipient {
        Some(_) => Err(unsupported("Recipient is not supported: attestation documents cannot be verified.")),
        None => Ok(()),
    }
}

/// What a client is told when the store fails.
pub(crate) fn store(error: impl Into<StoreError>) -> ServiceError {
    let error = error.into();
    if error.is_retryable() || matches!(error, StoreError::Catalog(CatalogError::Conflict { .. })) {
        tracing::warn!(%error, "a call on keys was refused");
        return errors::dependency_timeout_exception("The request was not completed in time. Try again.");
    }
    tracing::error!(%error, "a call on keys failed");
    internal()
}

/// What a client is told when key material cannot be sealed or opened.
pub(crate) fn sealing(error: SealingError) -> ServiceError {
    tracing::error!(%error, "key material cannot be used");
    internal()
}

/// `KMSInternalException`.
pub(crate) fn internal() -> ServiceError {
    errors::kms_internal_exception("The request could not be completed because of an internal error.")
}
