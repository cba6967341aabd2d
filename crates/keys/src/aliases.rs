//! Aliases: CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kms::{
    AliasListEntry, CreateAliasRequest, DeleteAliasRequest, ListAliasesRequest, ListAliasesResponse,
    UpdateAliasRequest, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::{CatalogError, Versioned};

use crate::Keys;
use crate::errors::{self, invalid, no_alias};
use crate::identifier::{ALIAS_PREFIX, Accepts, Place, arn_of};
use crate::key_states::Needs;
use crate::limits::ALIASES_MAX;
use crate::paging::{Page, Paged};
use crate::resources::Alias;

/// What the names of the aliases of AWS's own keys begin with.
pub(crate) const RESERVED_PREFIX: &str = "alias/aws/";

/// Gives a key a name.
pub(crate) async fn create_alias(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: CreateAliasRequest,
) -> Result<Unit, ServiceError> {
    let (name, place) = (input.alias_name, Place::from(caller));
    check_name(&name)?;
    let target = keys.find(&place, &input.target_key_id, Accepts::AliasTarget)?;
    Needs::Kept.check(&target, &arn_of(&target))?;
    if keys.aliases.get(&place.key(&*name)).is_some() {
        return Err(taken(&place, &name));
    }
    check_quota(keys, &place, &target.key.name)?;
    let now = keys.clock.now();
    let alias = Alias { target: target.key.name.clone(), created: now, updated: now };
    match keys.aliases.create(place.key(&*name), alias).await {
        Ok(_) => Ok(Unit {}),
        Err(CatalogError::Exists { .. }) => Err(taken(&place, &name)),
        Err(error) => Err(errors::store(error)),
    }
}

/// Lets a name stand for another key of the same kind.
pub(crate) async fn update_alias(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: UpdateAliasRequest,
) -> Result<Unit, ServiceError> {
    let (name, place) = (input.alias_name, Place::from(caller));
    check_reserved(&name)?;
    let current = keys.aliases.get(&place.key(&*name)).ok_or_else(|| no_alias(place.arn(&name)))?;
    let target = keys.find(&place, &input.target_key_id, Accepts::AliasTarget)?;
    Needs::Kept.check(&target, &arn_of(&target))?;
    if keys.of_id(&place, &current.target).is_some_and(|old| old.spec.usage() != target.spec.usage()) {
        return Err(invalid(format!(
            "Alias {} cannot be changed from its key to one of another type or usage",
            place.arn(&name)
        )));
    }
    if current.target != target.key.name {
        check_quota(keys, &place, &target.key.name)?;
    }
    let updated = Alias { target: target.key.name.clone(), updated: keys.clock.now(), ..current.value.clone() };
    match keys.aliases.update(&current, updated).await {
        Ok(_) => Ok(Unit {}),
        Err(error) => Err(errors::store(error)),
    }
}

/// Takes a name away. The key stays as it is.
pub(crate) async fn delete_alias(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: DeleteAliasRequest,
) -> Result<Unit, ServiceError> {
    let place = Place::from(caller);
    check_reserved(&input.alias_name)?;
    match keys.aliases.delete(&place.key(&*input.alias_name)).await {
        Ok(true) => Ok(Unit {}),
        Ok(false) => Err(no_alias(place.arn(&input.alias_name))),
        Err(error) => Err(errors::store(error)),
    }
}

/// Lists aliases by name: all, or those of a key.
pub(crate) async fn list_aliases(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ListAliasesRequest,
) -> Result<ListAliasesResponse, ServiceError> {
    let place = Place::from(caller);
    let page = Page::asked(Paged::Aliases, input.limit, input.marker.as_deref())?;
    let key = input.key_id.map(|key_id| keys.find(&place, &key_id, Accepts::Key)).transpose()?;
    let all = keys.aliases.list(&place.account, Some(&place.region), "", page.after.as_deref(), usize::MAX);
    let wanted = |alias: &Arc<Versioned<Alias>>| match &key {
        Some(key) => alias.target == key.key.name,
        None => keys.of_id(&place, &alias.target).is_some(),
    };
    let listed = page.of(all.into_iter().filter(wanted).take(page.limit + 1).collect(), |alias| alias.key.name.clone());
    let truncated = listed.is_truncated();
    let entry = |alias: &Arc<Versioned<Alias>>| AliasListEntry {
        alias_name: Some(alias.key.name.clone()),
        alias_arn: Some(place.arn(&alias.key.name)),
        target_key_id: Some(alias.target.clone()),
        creation_date: Some(Timestamp(alias.created.0)),
        last_updated_date: Some(Timestamp(alias.updated.0)),
    };
    Ok(ListAliasesResponse {
        aliases: Some(listed.entries.iter().map(entry).collect()),
        next_marker: listed.next_marker,
        truncated,
    })
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    check_reserved(name)?;
    let is_name = |rest: &str| !rest.is_empty() && !rest.contains(':');
    match name.strip_prefix(ALIAS_PREFIX).is_some_and(is_name) {
        true => Ok(()),
        false => Err(model::invalid_alias_name_exception(
            "An alias must begin with alias/, followed by letters, digits, slashes, underscores and dashes",
        )),
    }
}

fn check_reserved(name: &str) -> Result<(), ServiceError> {
    match name.starts_with(RESERVED_PREFIX) {
        true => Err(ServiceError::common("NotAuthorizedException", "NotAuthorized", 400, "")),
        false => Ok(()),
    }
}

fn check_quota(keys: &Keys, place: &Place, key_id: &str) -> Result<(), ServiceError> {
    let all = keys.aliases.list(&place.account, Some(&place.region), "", None, usize::MAX);
    match all.iter().filter(|alias| alias.target == key_id).count() {
        count if count < ALIASES_MAX => Ok(()),
        _ => Err(model::limit_exceeded_exception(format!("A key can have no more than {ALIASES_MAX} aliases."))),
    }
}

fn taken(place: &Place, name: &str) -> ServiceError {
    model::already_exists_exception(format!("An alias with the name {} already exists", place.arn(name)))
}
