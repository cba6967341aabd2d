//! Grants: CreateGrant, ListGrants, ListRetirableGrants, RetireGrant, RevokeGrant. They are kept as data, with their constraints;
//! nothing asks them for leave yet.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::kms::{
    CreateGrantRequest, CreateGrantResponse, GrantConstraints, GrantListEntry, ListGrantsRequest, ListGrantsResponse,
    ListRetirableGrantsRequest, RetireGrantRequest, RevokeGrantRequest, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Keys;
use crate::errors::{self, end_dry_run, invalid, missing};
use crate::identifier::{Accepts, Place, arn_of};
use crate::key_states::Needs;
use crate::limits::GRANTS_MAX;
use crate::paging::{Page, Paged};
use crate::principal::identity;
use crate::resources::{FoundKey, Grant, GrantTerms, KeyUsage, Principal, grant_name, grant_prefix};

/// Bytes of a grant's id.
const ID_BYTES: usize = 32;

/// What grant tokens are sealed for.
const TOKEN_PURPOSE: &str = "kms:grant-token";

/// What grants may allow, by what the key is for ("Grant operations").
const FOR_ANY_KEY: &[&str] = &["CreateGrant", "DescribeKey", "RetireGrant"];
const FOR_ENCRYPTION: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];
const FOR_MAC: &[&str] = &["GenerateMac", "VerifyMac"];

/// Allows somebody the use of a key. With a name, the same grant again is no other grant.
pub(crate) async fn create_grant(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: CreateGrantRequest,
) -> Result<CreateGrantResponse, ServiceError> {
    keys.check_grant_tokens(input.grant_tokens.as_deref())?;
    let place = Place::from(caller);
    let found = keys.find(&place, &input.key_id, Accepts::Key)?;
    Needs::Enabled.check(&found, &arn_of(&found))?;
    let dry_run = input.dry_run;
    let terms = terms(&found, input)?;
    end_dry_run(dry_run)?;
    let prefix = grant_prefix(&found.key.name);
    let all = keys.grants.list(&place.account, Some(&place.region), &prefix, None, GRANTS_MAX);
    let is_same = |grant: &&Arc<Versioned<Grant>>| grant.terms.name.is_some() && grant.terms == terms;
    if let Some(same) = all.iter().find(is_same) {
        return answer(keys, &same.key);
    }
    if all.len() >= GRANTS_MAX {
        return Err(model::limit_exceeded_exception(format!("A key can have no more than {GRANTS_MAX} grants.")));
    }
    let id = hex::encode(keys.random_bytes(ID_BYTES).expose());
    let issuing_account = format!("arn:aws:iam::{}:root", place.account);
    let grant = Grant { created: keys.clock.now(), issuing_account, terms };
    let created = keys.grants.create(place.key(grant_name(&found.key.name, &id)), grant).await;
    answer(keys, &created.map_err(errors::store)?.key)
}

/// Lists a key's grants.
pub(crate) async fn list_grants(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ListGrantsRequest,
) -> Result<ListGrantsResponse, ServiceError> {
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Key)?;
    let page = Page::asked(Paged::Grants, input.limit, input.marker.as_deref())?;
    let grantee = one_principal(input.grantee_principal, input.grantee_service_principal, "grantee")?;
    let prefix = grant_prefix(&found.key.name);
    let wanted = |grant: &Arc<Versioned<Grant>>| {
        input.grant_id.as_ref().is_none_or(|id| grant.key.name.strip_prefix(&prefix) == Some(id))
            && grantee.as_ref().is_none_or(|grantee| grant.terms.grantee == *grantee)
    };
    Ok(keys.page_of_grants(caller, &page, &prefix, wanted))
}

/// Lists the grants of all keys that somebody may retire.
pub(crate) async fn list_retirable_grants(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ListRetirableGrantsRequest,
) -> Result<ListGrantsResponse, ServiceError> {
    let page = Page::asked(Paged::RetirableGrants, input.limit, input.marker.as_deref())?;
    let retiring = one_principal(input.retiring_principal, input.retiring_service_principal, "retiring")?;
    let retiring = retiring.ok_or_else(|| missing("retiringPrincipal"))?;
    let wanted = |grant: &Arc<Versioned<Grant>>| grant.terms.retiring.as_ref() == Some(&retiring);
    Ok(keys.page_of_grants(caller, &page, "", wanted))
}

/// Ends a grant, named by its token, or by its key and id.
pub(crate) async fn retire_grant(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: RetireGrantRequest,
) -> Result<Unit, ServiceError> {
    let place = Place::from(caller);
    let key = match (input.grant_token, input.key_id, input.grant_id) {
        (Some(token), None, None) => place.key(keys.grant_of_token(&token)?),
        (None, Some(key_id), Some(grant_id)) => {
            place.key(grant_name(&keys.find(&place, &key_id, Accepts::Key)?.key.name, &grant_id))
        }
        _ => return Err(invalid("Specify either a GrantToken, or a KeyId and a GrantId.")),
    };
    keys.end_grant(&key, input.dry_run).await
}

/// Ends a grant.
pub(crate) async fn revoke_grant(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: RevokeGrantRequest,
) -> Result<Unit, ServiceError> {
    let place = Place::from(caller);
    let found = keys.find(&place, &input.key_id, Accepts::Key)?;
    keys.end_grant(&place.key(grant_name(&found.key.name, &input.grant_id)), input.dry_run).await
}

impl Keys {
    /// Refuses grant tokens that were not given here.
    pub(crate) fn check_grant_tokens(&self, tokens: Option<&[String]>) -> Result<(), ServiceError> {
        tokens.unwrap_or_default().iter().try_for_each(|token| self.grant_of_token(token).map(drop))
    }

    /// The name in the catalog of the grant of this token.
    fn grant_of_token(&self, token: &str) -> Result<String, ServiceError> {
        let refused = || model::invalid_grant_token_exception("The grant token is not valid.");
        let opened = self.sealing.open(TOKEN_PURPOSE, token).map_err(|_| refused())?;
        String::from_utf8(opened.expose().to_vec()).map_err(|_| refused())
    }

    async fn end_grant(&self, key: &ResourceKey, dry_run: Option<bool>) -> Result<Unit, ServiceError> {
        let missing = || {
            let id = key.name.split_once('/').map_or("", |(_, id)| id);
            model::not_found_exception(format!("Grant ID {id} not found"))
        };
        self.grants.get(key).ok_or_else(missing)?;
        end_dry_run(dry_run)?;
        match self.grants.delete(key).await {
            Ok(true) => Ok(Unit {}),
            Ok(false) => Err(missing()),
            Err(error) => Err(errors::store(error)),
        }
    }

    fn page_of_grants(
        &self,
        caller: &Caller,
        page: &Page,
        prefix: &str,
        wanted: impl Fn(&Arc<Versioned<Grant>>) -> bool,
    ) -> ListGrantsResponse {
        let place = Place::from(caller);
        let all = self.grants.list(&place.account, Some(&place.region), prefix, page.after.as_deref(), usize::MAX);
        let listed =
            page.of(all.into_iter().filter(wanted).take(page.limit + 1).collect(), |grant| grant.key.name.clone());
        let truncated = listed.is_truncated();
        let grants = Some(listed.entries.iter().map(|grant| entry(&place, grant)).collect());
        ListGrantsResponse { grants, next_marker: listed.next_marker, truncated }
    }
}

/// What the call wants of a grant, if this key can grant it.
fn terms(found: &FoundKey, input: CreateGrantRequest) -> Result<GrantTerms, ServiceError> {
    let grantee = one_principal(input.grantee_principal, input.grantee_service_principal, "grantee")?;
    let grantee = grantee.ok_or_else(|| missing("granteePrincipal"))?;
    let retiring = one_principal(input.retiring_principal, input.retiring_service_principal, "retiring")?;
    let usage = found.spec.usage();
    let for_usage = match usage {
        KeyUsage::EncryptDecrypt => FOR_ENCRYPTION,
        KeyUsage::GenerateVerifyMac => FOR_MAC,
    };
    if input.operations.is_empty() {
        return Err(invalid("A grant must allow at least one operation."));
    }
    let can_grant = |operation: &str| FOR_ANY_KEY.contains(&operation) || for_usage.contains(&operation);
    if let Some(operation) = input.operations.iter().find(|operation| !can_grant(operation)) {
        return Err(invalid(format!("A grant for a key with usage {} cannot allow {operation}.", usage.as_str())));
    }
    let GrantConstraints { encryption_context_subset, encryption_context_equals, source_arn } =
        input.constraints.unwrap_or_default();
    let has_context = encryption_context_subset.is_some() || encryption_context_equals.is_some();
    if has_context && usage != KeyUsage::EncryptDecrypt {
        return Err(invalid("Only grants for symmetric encryption keys can constrain the encryption context."));
    }
    if matches!(grantee, Principal::Service(_)) && (source_arn.is_none() || retiring.is_none()) {
        return Err(invalid("A grant for a service must have a SourceArn constraint and a retiring principal."));
    }
    let mut operations = input.operations;
    operations.sort_unstable();
    operations.dedup();
    Ok(GrantTerms {
        name: input.name,
        grantee,
        retiring,
        operations,
        context_subset: encryption_context_subset,
        context_equals: encryption_context_equals,
        source_arn,
    })
}

/// The principal that one of two members names.
fn one_principal(arn: Option<String>, service: Option<String>, role: &str) -> Result<Option<Principal>, ServiceError> {
    match (arn, service) {
        (Some(_), Some(_)) => Err(invalid(format!("Specify only one {role} principal."))),
        (Some(arn), None) => identity(arn).map(Some),
        (None, service) => Ok(service.map(Principal::Service)),
    }
}

fn answer(keys: &Keys, key: &ResourceKey) -> Result<CreateGrantResponse, ServiceError> {
    let token = keys.sealing.seal(TOKEN_PURPOSE, key.name.as_bytes()).map_err(errors::sealing)?;
    let id = key.name.split_once('/').map(|(_, id)| id.to_owned());
    Ok(CreateGrantResponse { grant_token: Some(token), grant_id: id })
}

fn entry(place: &Place, grant: &Versioned<Grant>) -> GrantListEntry {
    let (key_id, id) = grant.key.name.split_once('/').unwrap_or_default();
    let terms = &grant.terms;
    let parts = |principal: Option<&Principal>| match principal {
        Some(Principal::Identity(arn)) => (Some(arn.clone()), None),
        Some(Principal::Service(name)) => (None, Some(name.clone())),
        None => (None, None),
    };
    let (grantee_principal, grantee_service_principal) = parts(Some(&terms.grantee));
    let (retiring_principal, retiring_service_principal) = parts(terms.retiring.as_ref());
    let constraints = GrantConstraints {
        encryption_context_subset: terms.context_subset.clone(),
        encryption_context_equals: terms.context_equals.clone(),
        source_arn: terms.source_arn.clone(),
    };
    let is_free = terms.context_subset.is_none() && terms.context_equals.is_none() && terms.source_arn.is_none();
    GrantListEntry {
        key_id: Some(place.arn(&format!("key/{key_id}"))),
        grant_id: Some(id.to_owned()),
        name: terms.name.clone(),
        creation_date: Some(Timestamp(grant.created.0)),
        grantee_principal,
        retiring_principal,
        issuing_account: Some(grant.issuing_account.clone()),
        operations: Some(terms.operations.clone()),
        constraints: (!is_free).then_some(constraints),
        grantee_service_principal,
        retiring_service_principal,
    }
}
