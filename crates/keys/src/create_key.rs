//! CreateKey.

use std::sync::Arc;

use watchkeep_core::{Caller, uuid};
use watchkeep_model::ServiceError;
use watchkeep_model::kms::{CreateKeyRequest, CreateKeyResponse, errors as model};

use crate::errors::{self, invalid, unsupported};
use crate::identifier::Place;
use crate::keys::metadata;
use crate::limits::KEYS_MAX;
use crate::policies::Lockout;
use crate::resources::{Key, KeySpec, KeyState, Manager};
use crate::{Keys, policies, tags};

/// Creates a key.
pub(crate) async fn create_key(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: CreateKeyRequest,
) -> Result<CreateKeyResponse, ServiceError> {
    check_place(&input)?;
    let spec = spec(&input)?;
    let place = Place::from(caller);
    let policy = match input.policy {
        Some(policy) => {
            policies::check(caller, &policy, Lockout::from(input.bypass_policy_lockout_safety_check))?;
            policy
        }
        None => policies::default_policy(caller),
    };
    let tags = tags::checked(input.tags.unwrap_or_default())?;
    if keys.keys.len() >= KEYS_MAX
        && keys.keys.list(&place.account, Some(&place.region), "", None, KEYS_MAX).len() >= KEYS_MAX
    {
        return Err(model::limit_exceeded_exception("The quota of KMS keys has been reached."));
    }
    let (id, created) = (uuid(keys.random.as_ref()).to_string(), keys.clock.now());
    let key = Key {
        description: input.description.unwrap_or_default(),
        created,
        spec,
        state: KeyState::Enabled,
        manager: Manager::Customer,
        policy,
        tags,
        rotation: None,
        materials: vec![keys.new_material(&id, spec, 1, None, created)?],
    };
    let created = keys.keys.create(place.key(id), key).await.map_err(errors::store)?;
    Ok(CreateKeyResponse { key_metadata: Some(metadata(&created)) })
}

/// Refuses keys whose material is not made here and kept here.
fn check_place(input: &CreateKeyRequest) -> Result<(), ServiceError> {
    if let Some(id) = &input.custom_key_store_id {
        return Err(model::custom_key_store_not_found_exception(format!("Custom key store '{id}' does not exist.")));
    }
    if input.multi_region == Some(true) {
        return Err(unsupported("Multi-Region keys are not supported."));
    }
    match input.origin.as_deref() {
        None | Some("AWS_KMS") if input.xks_key_id.is_none() => Ok(()),
        origin => Err(unsupported(format!(
            "Keys of origin {} are not supported.",
            origin.filter(|origin| *origin != "AWS_KMS").unwrap_or("EXTERNAL_KEY_STORE")
        ))),
    }
}

/// The kind of key that is asked for.
fn spec(input: &CreateKeyRequest) -> Result<KeySpec, ServiceError> {
    let asked = match (&input.key_spec, &input.customer_master_key_spec) {
        (Some(_), Some(_)) => {
            return Err(invalid(
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.",
            ));
        }
        (Some(spec), None) | (None, Some(spec)) => spec.as_str(),
        (None, None) => KeySpec::SymmetricDefault.as_str(),
    };
    let spec = KeySpec::ALL.into_iter().find(|spec| spec.as_str() == asked);
    let spec = spec.ok_or_else(|| unsupported(format!("Keys of spec {asked} are not supported.")))?;
    match &input.key_usage {
        Some(usage) if usage == spec.usage().as_str() => Ok(spec),
        Some(usage) => Err(invalid(format!("KeyUsage {usage} is not compatible with KeySpec {asked}"))),
        None if spec == KeySpec::SymmetricDefault => Ok(spec),
        None => Err(invalid(format!("You must specify a KeyUsage value for KeySpec {asked}"))),
    }
}
