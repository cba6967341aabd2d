//! The errors of the service: where one of the store becomes AWS's (G-1), and texts that several operations give.

use watchkeep_model::ServiceError;
use watchkeep_model::iam::errors;
use watchkeep_store::{CatalogError, StoreError};

/// `ValidationError`: input that breaks a rule beyond the model's constraints.
pub(crate) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::common("ValidationException", "ValidationError", 400, message)
}

/// `NoSuchEntity`: there is no such user.
pub(crate) fn no_user(name: &str) -> ServiceError {
    errors::no_such_entity_exception(format!("The user with name {name} cannot be found."))
}

/// `NoSuchEntity`: the user has no such credential.
pub(crate) fn no_credential(id: &str) -> ServiceError {
    errors::no_such_entity_exception(format!("The service specific credential with id {id} cannot be found."))
}

/// What a client is told when the store fails.
pub(crate) fn store(error: impl Into<StoreError>) -> ServiceError {
    let error = error.into();
    if matches!(error, StoreError::Catalog(CatalogError::Conflict { .. } | CatalogError::Exists { .. })) {
        return errors::concurrent_modification_exception("The request was rejected because of a concurrent change.");
    }
    tracing::error!(%error, "a call on credentials failed");
    errors::service_failure_exception("The request processing has failed because of an internal error.")
}
