//! Keys as they are described, listed and switched: DescribeKey, ListKeys, UpdateKeyDescription, EnableKey, DisableKey.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kms::{
    DescribeKeyRequest, DescribeKeyResponse, DisableKeyRequest, EnableKeyRequest, KeyListEntry, KeyMetadata,
    ListKeysRequest, ListKeysResponse, UpdateKeyDescriptionRequest,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};

use crate::Keys;
use crate::identifier::{Accepts, Place, arn_of};
use crate::key_states::Needs;
use crate::paging::{Page, Paged};
use crate::resources::{FoundKey, KeyState, KeyUsage};

/// Describes a key.
pub(crate) async fn describe_key(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: DescribeKeyRequest,
) -> Result<DescribeKeyResponse, ServiceError> {
    keys.check_grant_tokens(input.grant_tokens.as_deref())?;
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Description)?;
    Ok(DescribeKeyResponse { key_metadata: Some(metadata(&found)) })
}

/// Lists keys by id.
pub(crate) async fn list_keys(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ListKeysRequest,
) -> Result<ListKeysResponse, ServiceError> {
    let page = Page::asked(Paged::Keys, input.limit, input.marker.as_deref())?;
    let now = keys.clock.now();
    // Keys that other accounts share are listed on demand; nobody shares any.
    let own = input.resource_owners.is_none_or(|owners| owners.iter().any(|owner| owner == "SELF"));
    let mut found = Vec::new();
    let mut after = page.after.clone();
    // Those that are gone and still in the catalog are few: the background removes them.
    while own && found.len() <= page.limit {
        let more =
            keys.keys.list(&caller.account, Some(&caller.region), "", after.as_deref(), page.limit + 1 - found.len());
        let Some(last) = more.last() else { break };
        after = Some(last.key.name.clone());
        found.extend(more.into_iter().filter(|key| !key.is_gone(now)));
    }
    let listed = page.of(found, |key| key.key.name.clone());
    let truncated = listed.is_truncated();
    let entry = |found: &FoundKey| KeyListEntry { key_id: Some(found.key.name.clone()), key_arn: Some(arn_of(found)) };
    Ok(ListKeysResponse {
        keys: Some(listed.entries.iter().map(entry).collect()),
        next_marker: listed.next_marker,
        truncated,
    })
}

/// Replaces what a key's owner says of it.
pub(crate) async fn update_key_description(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: UpdateKeyDescriptionRequest,
) -> Result<Unit, ServiceError> {
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    let arn = arn_of(&found);
    keys.change(&found, |key| {
        Needs::Kept.check(key, &arn)?;
        key.description.clone_from(&input.description);
        Ok(())
    })
    .await?;
    Ok(Unit {})
}

/// Lets a key be used again.
pub(crate) async fn enable_key(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: EnableKeyRequest,
) -> Result<Unit, ServiceError> {
    set_state(keys, caller, &input.key_id, KeyState::Enabled).await
}

/// Lets a key not be used until it is enabled.
pub(crate) async fn disable_key(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: DisableKeyRequest,
) -> Result<Unit, ServiceError> {
    set_state(keys, caller, &input.key_id, KeyState::Disabled).await
}

/// What answers say of a key.
pub(crate) fn metadata(found: &FoundKey) -> KeyMetadata {
    let spec = Some(found.spec.as_str().to_owned());
    let encrypts = found.spec.usage() == KeyUsage::EncryptDecrypt;
    let material = found.materials.last().filter(|_| encrypts);
    KeyMetadata {
        aws_account_id: Some(found.key.account.to_string()),
        key_id: found.key.name.clone(),
        arn: Some(arn_of(found)),
        creation_date: Some(Timestamp(found.created.0)),
        enabled: Some(found.state == KeyState::Enabled),
        description: Some(found.description.clone()),
        key_usage: Some(found.spec.usage().as_str().to_owned()),
        key_state: Some(found.state.as_str().to_owned()),
        deletion_date: match found.state {
            KeyState::PendingDeletion { delete_at } => Some(Timestamp(delete_at.0)),
            KeyState::Enabled | KeyState::Disabled => None,
        },
        origin: Some("AWS_KMS".to_owned()),
        key_manager: Some(found.manager.as_str().to_owned()),
        customer_master_key_spec: spec.clone(),
        key_spec: spec,
        encryption_algorithms: encrypts.then(|| vec!["SYMMETRIC_DEFAULT".to_owned()]),
        mac_algorithms: found.spec.mac_algorithm().map(|algorithm| vec![algorithm.to_owned()]),
        multi_region: Some(false),
        current_key_material_id: material.map(|material| material.id.clone()),
        ..KeyMetadata::default()
    }
}

async fn set_state(keys: &Keys, caller: &Caller, key_id: &str, state: KeyState) -> Result<Unit, ServiceError> {
    let found = keys.find(&Place::from(caller), key_id, Accepts::Key)?;
    let arn = arn_of(&found);
    keys.change(&found, |key| {
        Needs::Kept.check(key, &arn)?;
        key.state = state;
        Ok(())
    })
    .await?;
    Ok(Unit {})
}
