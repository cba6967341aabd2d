//! Which state a key must have for an operation ("Key states of AWS KMS keys"), and how keys are changed.

use watchkeep_model::ServiceError;
use watchkeep_model::kms::errors as model;
use watchkeep_store::CatalogError;

use crate::Keys;
use crate::errors::{self, disabled, managed, no_key, pending_deletion, unsupported};
use crate::identifier::{arn_of, key_arn};
use crate::limits::CONFLICTS_MAX;
use crate::resources::{FoundKey, Key, KeyState, KeyUsage, Manager};

/// What an operation asks of a key's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// It is enabled.
    Enabled,
    /// It is not about to be deleted.
    Kept,
}

impl Needs {
    /// Refuses a key in another state, and one that nobody but a service may change and use.
    pub(crate) fn check(self, key: &Key, arn: &str) -> Result<(), ServiceError> {
        if key.manager == Manager::Aws {
            return Err(managed(arn));
        }
        match (key.state, self) {
            (KeyState::PendingDeletion { .. }, _) => Err(pending_deletion(arn)),
            (KeyState::Disabled, Needs::Enabled) => Err(disabled(arn)),
            (KeyState::Enabled | KeyState::Disabled, _) => Ok(()),
        }
    }
}

/// Refuses a key that cannot be used for this operation now: because of its state, or because it is for something else.
pub(crate) fn check_use(found: &FoundKey, usage: KeyUsage, operation: &str) -> Result<(), ServiceError> {
    let arn = arn_of(found);
    Needs::Enabled.check(found, &arn)?;
    match found.spec.usage() {
        actual if actual == usage => Ok(()),
        actual => Err(model::invalid_key_usage_exception(format!(
            "{arn} key usage is {} which is not valid for {operation}.",
            actual.as_str()
        ))),
    }
}

/// Refuses an algorithm that the key does not have.
pub(crate) fn check_algorithm(found: &FoundKey, known: &str, given: &str) -> Result<(), ServiceError> {
    match given == known {
        true => Ok(()),
        false => Err(model::invalid_key_usage_exception(format!(
            "Algorithm {given} is incompatible with key spec {}.",
            found.spec.as_str()
        ))),
    }
}

/// Refuses a key that has no rotation.
pub(crate) fn check_rotatable(found: &FoundKey) -> Result<(), ServiceError> {
    match found.spec.usage() {
        KeyUsage::EncryptDecrypt => Ok(()),
        KeyUsage::GenerateVerifyMac => {
            Err(unsupported(format!("{} does not support key rotation: it is an HMAC key.", arn_of(found))))
        }
    }
}

impl Keys {
    /// Changes what the catalog has of a key. `change` is asked again if somebody else changed the key first.
    pub(crate) async fn change(
        &self,
        found: &FoundKey,
        change: impl Fn(&mut Key) -> Result<(), ServiceError>,
    ) -> Result<FoundKey, ServiceError> {
        let mut current = found.clone();
        for _ in 0..CONFLICTS_MAX {
            let mut changed = current.value.clone();
            change(&mut changed)?;
            if changed == current.value {
                return Ok(current);
            }
            match self.keys.update(&current, changed).await {
                Ok(updated) => return Ok(updated),
                Err(CatalogError::Conflict { .. }) => {
                    current = self.present(&found.key).ok_or_else(|| no_key(key_arn(&found.key)))?;
                }
                Err(error) => return Err(errors::store(error)),
            }
        }
        Err(model::dependency_timeout_exception("The key is being changed by others. Try again."))
    }
}
