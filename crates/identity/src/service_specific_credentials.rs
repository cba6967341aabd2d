//! Service-specific credentials: CreateServiceSpecificCredential, ListServiceSpecificCredentials, UpdateServiceSpecificCredential,
//! ResetServiceSpecificCredential, DeleteServiceSpecificCredential.

use std::sync::Arc;

use watchkeep_core::{Caller, Random, TimestampMs};
use watchkeep_model::iam::{
    CreateServiceSpecificCredentialRequest, CreateServiceSpecificCredentialResponse,
    DeleteServiceSpecificCredentialRequest, ListServiceSpecificCredentialsRequest,
    ListServiceSpecificCredentialsResponse, ResetServiceSpecificCredentialRequest,
    ResetServiceSpecificCredentialResponse, ServiceSpecificCredential, ServiceSpecificCredentialMetadata,
    UpdateServiceSpecificCredentialRequest, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::Versioned;

use crate::errors::{self, invalid, no_credential};
use crate::limits::CREDENTIALS_PER_SERVICE_MAX;
use crate::resources::{Credential, Status, alias, credential_key};
use crate::{Identity, paging, token, users};

/// The services that credentials can be made for. Of AWS's others (CodeCommit, Keyspaces, Bedrock) there is none here.
const SERVICES: &[&str] = &["logs.amazonaws.com"];

const DAY_MS: i64 = 24 * 3_600_000;

/// The characters of a credential's id after its prefix: as many as a byte has room for without favour.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Creates a credential; the answer has its token, this once.
pub(crate) async fn create_service_specific_credential(
    identity: &Arc<Identity>,
    caller: &Caller,
    input: CreateServiceSpecificCredentialRequest,
) -> Result<CreateServiceSpecificCredentialResponse, ServiceError> {
    let CreateServiceSpecificCredentialRequest { user_name, service_name: service, credential_age_days } = input;
    let user = users::named(caller, Some(&user_name))?;
    check_service(&service)?;
    let _changing = identity.changing.lock().await;
    let keys = (0..CREDENTIALS_PER_SERVICE_MAX).map(|number| {
        let alias = alias(caller.account, &user, number);
        (credential_key(caller.account, &service, &alias), alias)
    });
    let free = keys.into_iter().find(|(key, _)| identity.credentials.get(key).is_none());
    let (key, alias) = free.ok_or_else(|| {
        model::limit_exceeded_exception(format!(
            "Cannot exceed quota for ServiceSpecificCredentialsPerUser: {CREDENTIALS_PER_SERVICE_MAX}"
        ))
    })?;
    let now = identity.clock.now();
    let token = token::make(identity.random.as_ref(), &alias);
    let credential = Credential {
        id: new_id(identity.random.as_ref()),
        user,
        service,
        alias,
        created: now,
        expires: credential_age_days.map(|days| now.plus_ms(i64::from(days) * DAY_MS)),
        is_active: true,
        token_sha256: token::digest(&token),
    };
    let created = identity.credentials.create(key, credential).await.map_err(errors::store)?;
    Ok(CreateServiceSpecificCredentialResponse { service_specific_credential: Some(told(&created, token, now)) })
}

/// Lists credentials, without what is secret of them.
pub(crate) async fn list_service_specific_credentials(
    identity: &Arc<Identity>,
    caller: &Caller,
    input: ListServiceSpecificCredentialsRequest,
) -> Result<ListServiceSpecificCredentialsResponse, ServiceError> {
    let user = match (input.all_users, input.user_name.as_deref()) {
        (Some(true), Some(_)) => return Err(invalid("UserName cannot be specified together with AllUsers.")),
        (Some(true), None) => None,
        (_, name) => Some(users::named(caller, name)?),
    };
    if let Some(service) = &input.service_name {
        check_service(service)?;
    }
    let now = identity.clock.now();
    let wanted = |credential: &Credential| {
        user.as_ref().is_none_or(|user| credential.user == *user)
            && input.service_name.as_ref().is_none_or(|service| credential.service == *service)
    };
    let mut credentials = of_account(identity, caller);
    credentials.retain(|credential| wanted(credential));
    let page = paging::page(credentials, |credential| &credential.key.name, input.marker.as_deref(), input.max_items)?;
    Ok(ListServiceSpecificCredentialsResponse {
        service_specific_credentials: Some(page.entries.iter().map(|credential| metadata(credential, now)).collect()),
        is_truncated: Some(page.marker.is_some()),
        marker: page.marker,
    })
}

/// Switches a credential on or off.
pub(crate) async fn update_service_specific_credential(
    identity: &Arc<Identity>,
    caller: &Caller,
    input: UpdateServiceSpecificCredentialRequest,
) -> Result<Unit, ServiceError> {
    let is_active = match input.status.as_str() {
        status if status == Status::Active.as_str() => true,
        status if status == Status::Inactive.as_str() => false,
        _ => return Err(invalid("Status must be Active or Inactive: a credential expires by itself.")),
    };
    let _changing = identity.changing.lock().await;
    let found = find(identity, caller, input.user_name.as_deref(), &input.service_specific_credential_id)?;
    if found.is_active != is_active {
        let changed = Credential { is_active, ..found.value.clone() };
        identity.credentials.update(&found, changed).await.map_err(errors::store)?;
    }
    Ok(Unit {})
}

/// Gives a credential another token, which the answer has, this once. The one before lets nobody in any more.
pub(crate) async fn reset_service_specific_credential(
    identity: &Arc<Identity>,
    caller: &Caller,
    input: ResetServiceSpecificCredentialRequest,
) -> Result<ResetServiceSpecificCredentialResponse, ServiceError> {
    let _changing = identity.changing.lock().await;
    let found = find(identity, caller, input.user_name.as_deref(), &input.service_specific_credential_id)?;
    let token = token::make(identity.random.as_ref(), &found.alias);
    let changed = Credential { token_sha256: token::digest(&token), ..found.value.clone() };
    let changed = identity.credentials.update(&found, changed).await.map_err(errors::store)?;
    let told = told(&changed, token, identity.clock.now());
    Ok(ResetServiceSpecificCredentialResponse { service_specific_credential: Some(told) })
}

/// Deletes a credential.
pub(crate) async fn delete_service_specific_credential(
    identity: &Arc<Identity>,
    caller: &Caller,
    input: DeleteServiceSpecificCredentialRequest,
) -> Result<Unit, ServiceError> {
    let _changing = identity.changing.lock().await;
    let found = find(identity, caller, input.user_name.as_deref(), &input.service_specific_credential_id)?;
    identity.credentials.delete(&found.key).await.map_err(errors::store)?;
    Ok(Unit {})
}

fn check_service(service: &str) -> Result<(), ServiceError> {
    match SERVICES.contains(&service) {
        true => Ok(()),
        false => Err(model::service_not_supported_exception(format!("No such service {service} is supported"))),
    }
}

/// The credentials of the caller's account, by service and alias; they are few, as users and services are.
fn of_account(identity: &Identity, caller: &Caller) -> Vec<Arc<Versioned<Credential>>> {
    identity.credentials.list(&caller.account, None, "", None, usize::MAX)
}

/// The credential of this id, which must be this user's, or, if none is named, the caller's.
fn find(
    identity: &Identity,
    caller: &Caller,
    user: Option<&str>,
    id: &str,
) -> Result<Arc<Versioned<Credential>>, ServiceError> {
    let user = users::named(caller, user)?;
    let mut credentials = of_account(identity, caller).into_iter();
    let found = credentials.find(|credential| credential.id == id && credential.user == user);
    found.ok_or_else(|| no_credential(id))
}

fn new_id(random: &dyn Random) -> String {
    let mut bytes = [0; 17];
    random.fill(&mut bytes);
    let character = |byte: &u8| ID_ALPHABET.get(usize::from(*byte) % ID_ALPHABET.len()).copied().map(char::from);
    "ACCA".chars().chain(bytes.iter().filter_map(character)).collect()
}

/// A credential with its token.
fn told(credential: &Credential, token: String, now: TimestampMs) -> ServiceSpecificCredential {
    let ServiceSpecificCredentialMetadata {
        user_name,
        status,
        service_user_name,
        service_credential_alias,
        create_date,
        expiration_date,
        service_specific_credential_id,
        service_name,
    } = metadata(credential, now);
    ServiceSpecificCredential {
        create_date,
        expiration_date,
        service_name,
        service_user_name,
        // Passwords are for services that ask for a user's name beside them.
        service_password: None,
        service_credential_alias,
        service_credential_secret: Some(token),
        service_specific_credential_id,
        user_name,
        status,
    }
}

/// What everybody may know of a credential.
fn metadata(credential: &Credential, now: TimestampMs) -> ServiceSpecificCredentialMetadata {
    ServiceSpecificCredentialMetadata {
        user_name: credential.user.clone(),
        status: credential.status(now).as_str().to_owned(),
        service_user_name: None,
        service_credential_alias: Some(credential.alias.clone()),
        create_date: Timestamp(credential.created.0),
        expiration_date: credential.expires.map(|expires| Timestamp(expires.0)),
        service_specific_credential_id: credential.id.clone(),
        service_name: credential.service.clone(),
    }
}
