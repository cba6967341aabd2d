//! Connections: how somebody's API is authorized to. Source: "Connections for endpoint targets in Amazon EventBridge", and the
//! operations' pages. Secrets are kept sealed, and are in no answer.

mod auth;
mod token;

use std::sync::Arc;

use watchkeep_core::{Arn, Caller, uuid};
use watchkeep_model::events::{
    Connection, CreateConnectionRequest, CreateConnectionResponse, DeauthorizeConnectionRequest,
    DeauthorizeConnectionResponse, DeleteConnectionRequest, DeleteConnectionResponse, DescribeConnectionRequest,
    DescribeConnectionResponse, ListConnectionsRequest, ListConnectionsResponse, UpdateConnectionRequest,
    UpdateConnectionResponse, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Events;
use crate::core::Core;
use crate::errors::{finish, invalid, invalid_parameter, store, too_many};
use crate::limits::CONNECTIONS_MAX;
use crate::names::arn;
use crate::paging::{Paged, page};
use crate::resources::{ConnectionDocument, ConnectionState};

pub(crate) use auth::{Auth, Parameter, Scheme};
pub(crate) use token::Tokens;

type Found = Arc<Versioned<ConnectionDocument>>;

/// Creates a connection. One with client credentials is authorized a moment later, when it was given a token.
pub(crate) async fn create_connection(
    events: &Arc<Events>,
    caller: &Caller,
    input: CreateConnectionRequest,
) -> Result<CreateConnectionResponse, ServiceError> {
    let parameters = &input.auth_parameters;
    if input.invocation_connectivity_parameters.is_some() || parameters.connectivity_parameters.is_some() {
        return Err(no_private_apis());
    }
    let auth = Auth::of(&input.authorization_type, auth::as_change(input.auth_parameters), None)?;
    check(events, &auth)?;
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let connections = &events.core.connections;
        if connections.get(&key).is_some() {
            let message = format!("Connection {} already exists.", key.name);
            return Err(model::resource_already_exists_exception(message));
        }
        if connections.list(&key.account, key.region.as_ref(), "", None, CONNECTIONS_MAX).len() >= CONNECTIONS_MAX {
            return Err(too_many());
        }
        let now_ms = events.core.clock.now().0;
        let id = uuid(events.core.random.as_ref()).to_string();
        let sealed = events.core.seal(&id, &auth)?;
        let mut document = ConnectionDocument {
            id,
            changes: 0,
            created: now_ms,
            modified: now_ms,
            authorized: None,
            description: input.description,
            kms_key: input.kms_key_identifier.filter(|kms_key| !kms_key.is_empty()),
            state: ConnectionState::Authorizing,
            reason: None,
            shown: auth.without_secrets(),
            sealed: Some(sealed),
        };
        settle(&mut document, now_ms);
        connections.put(key.clone(), document.clone()).await.map_err(store)?;
        events.authorize(&key, &document);
        Ok(CreateConnectionResponse {
            connection_arn: Some(connection_arn(&key, &document)),
            connection_state: Some(document.state.as_str().to_owned()),
            creation_time: Some(Timestamp(document.created)),
            last_modified_time: Some(Timestamp(document.modified)),
        })
    })
    .await
}

/// Changes a connection; what is not said stays.
pub(crate) async fn update_connection(
    events: &Arc<Events>,
    caller: &Caller,
    input: UpdateConnectionRequest,
) -> Result<UpdateConnectionResponse, ServiceError> {
    let given = input.auth_parameters.unwrap_or_default();
    if input.invocation_connectivity_parameters.is_some() || given.connectivity_parameters.is_some() {
        return Err(no_private_apis());
    }
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let known = found(&events, &key)?;
        let mut document = known.value.clone();
        let before = document.sealed.is_some().then(|| events.core.secrets(&document)).transpose()?;
        let way = input.authorization_type.unwrap_or_else(|| document.shown.way().to_owned());
        let auth = Auth::of(&way, given, before)?;
        check(&events, &auth)?;
        document.sealed = Some(events.core.seal(&document.id, &auth)?);
        document.shown = auth.without_secrets();
        document.description = input.description.or(document.description);
        document.kms_key = input.kms_key_identifier.or(document.kms_key).filter(|kms_key| !kms_key.is_empty());
        document.changes += 1;
        document.modified = events.core.clock.now().0;
        let modified = document.modified;
        settle(&mut document, modified);
        events.core.connections.update(&known, document.clone()).await.map_err(store)?;
        events.authorize(&key, &document);
        Ok(UpdateConnectionResponse {
            connection_arn: Some(connection_arn(&key, &document)),
            connection_state: Some(document.state.as_str().to_owned()),
            creation_time: Some(Timestamp(document.created)),
            last_modified_time: Some(Timestamp(document.modified)),
            last_authorized_time: document.authorized.map(Timestamp),
        })
    })
    .await
}

/// Describes a connection, without its secrets.
pub(crate) async fn describe_connection(
    events: &Arc<Events>,
    caller: &Caller,
    input: DescribeConnectionRequest,
) -> Result<DescribeConnectionResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let found = found(events, &key)?;
    let suffix: String = found.id.chars().filter(char::is_ascii_hexdigit).take(6).collect();
    let secret = format!("secret:events!connection/{}/{}-{suffix}", key.name, found.id);
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    let secret = Arn::new("secretsmanager", region, key.account.as_str(), &secret).to_string();
    Ok(DescribeConnectionResponse {
        connection_arn: Some(connection_arn(&key, &found)),
        description: found.description.clone(),
        invocation_connectivity_parameters: None,
        connection_state: Some(found.state.as_str().to_owned()),
        state_reason: found.reason.clone(),
        authorization_type: Some(found.shown.way().to_owned()),
        secret_arn: found.sealed.is_some().then_some(secret),
        kms_key_identifier: found.kms_key.clone(),
        auth_parameters: Some(found.shown.shown()),
        creation_time: Some(Timestamp(found.created)),
        last_modified_time: Some(Timestamp(found.modified)),
        last_authorized_time: found.authorized.map(Timestamp),
        name: Some(key.name),
    })
}

/// Deletes a connection with its secrets. Destinations that use it become inactive.
pub(crate) async fn delete_connection(
    events: &Arc<Events>,
    caller: &Caller,
    input: DeleteConnectionRequest,
) -> Result<DeleteConnectionResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let known = found(&events, &key)?;
        events.core.connections.delete(&key).await.map_err(store)?;
        events.core.tokens.forget(&known.id);
        Ok(DeleteConnectionResponse {
            connection_arn: Some(connection_arn(&key, &known)),
            connection_state: Some("DELETING".to_owned()),
            creation_time: Some(Timestamp(known.created)),
            last_modified_time: Some(Timestamp(known.modified)),
            last_authorized_time: known.authorized.map(Timestamp),
        })
    })
    .await
}

/// Removes the secrets of a connection.
pub(crate) async fn deauthorize_connection(
    events: &Arc<Events>,
    caller: &Caller,
    input: DeauthorizeConnectionRequest,
) -> Result<DeauthorizeConnectionResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let known = found(&events, &key)?;
        let document = ConnectionDocument {
            sealed: None,
            state: ConnectionState::Deauthorized,
            reason: None,
            changes: known.changes + 1,
            modified: events.core.clock.now().0,
            ..known.value.clone()
        };
        events.core.connections.update(&known, document.clone()).await.map_err(store)?;
        events.core.tokens.forget(&known.id);
        Ok(DeauthorizeConnectionResponse {
            connection_arn: Some(connection_arn(&key, &document)),
            connection_state: Some("DEAUTHORIZING".to_owned()),
            creation_time: Some(Timestamp(document.created)),
            last_modified_time: Some(Timestamp(document.modified)),
            last_authorized_time: document.authorized.map(Timestamp),
        })
    })
    .await
}

/// Lists connections by name.
pub(crate) async fn list_connections(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListConnectionsRequest,
) -> Result<ListConnectionsResponse, ServiceError> {
    let prefix = input.name_prefix.unwrap_or_default();
    let found = events.core.connections.list(&caller.account, Some(&caller.region), &prefix, None, usize::MAX);
    let wanted = |state: ConnectionState| input.connection_state.as_deref().is_none_or(|word| word == state.as_str());
    let connections = found.iter().filter(|one| wanted(one.state)).map(|one| {
        let shown = Connection {
            connection_arn: Some(connection_arn(&one.key, one)),
            name: Some(one.key.name.clone()),
            connection_state: Some(one.state.as_str().to_owned()),
            state_reason: one.reason.clone(),
            authorization_type: Some(one.shown.way().to_owned()),
            creation_time: Some(Timestamp(one.created)),
            last_modified_time: Some(Timestamp(one.modified)),
            last_authorized_time: one.authorized.map(Timestamp),
        };
        (one.key.name.clone(), shown)
    });
    let place = (input.next_token.as_deref(), input.limit);
    let (connections, next_token) = page(Paged::Connections, events.core.clock.now(), place, connections)?;
    Ok(ListConnectionsResponse { connections: Some(connections), next_token })
}

impl Core {
    /// The connection of an ARN, if it is this very one.
    pub(crate) fn connection(&self, text: &str) -> Option<Found> {
        let arn: Arn = text.parse().ok()?;
        let (name, id) = arn.resource.strip_prefix("connection/")?.split_once('/')?;
        let key = ResourceKey::new(arn.account.parse().ok()?, &arn.region.parse().ok()?, name);
        self.connections.get(&key).filter(|found| found.id == id)
    }

    fn seal(&self, id: &str, auth: &Auth) -> Result<String, ServiceError> {
        let failed = |_| model::internal_exception("Internal Service Failure");
        let text = watchkeep_core::SecretBytes::from(
            serde_json::to_vec(auth).map_err(|_| model::internal_exception("Internal Service Failure"))?,
        );
        self.ports.sealing.seal(&purpose(id), text.expose()).map_err(failed)
    }

    /// A connection's secrets.
    ///
    /// # Errors
    ///
    /// There are none, or they cannot be opened.
    pub(crate) fn secrets(&self, document: &ConnectionDocument) -> Result<Auth, ServiceError> {
        let failed = || model::internal_exception("The connection's secret cannot be opened.");
        let sealed = document.sealed.as_ref().ok_or_else(failed)?;
        let opened = self.ports.sealing.open(&purpose(&document.id), sealed).map_err(|error| {
            tracing::error!(%error, "the secret of a connection of events");
            failed()
        })?;
        serde_json::from_slice(opened.expose()).map_err(|_| failed())
    }
}

impl Events {
    /// Has a connection's token asked for, if it waits for one.
    pub(crate) fn authorize(self: &Arc<Self>, key: &ResourceKey, document: &ConnectionDocument) {
        if document.state == ConnectionState::Authorizing {
            tokio::spawn(self.clone().exchange(key.clone(), document.clone()));
        }
    }

    async fn exchange(self: Arc<Self>, key: ResourceKey, document: ConnectionDocument) {
        let mut stopped = self.stop.subscribe();
        let outcome = tokio::select! {
            outcome = self.core.fetch_token(&document) => outcome,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let _changing = self.changing.lock().await;
        let known = self.core.connections.get(&key);
        let is_same = |known: &Found| known.id == document.id && known.changes == document.changes;
        let Some(known) = known.filter(is_same) else { return };
        let now_ms = self.core.clock.now().0;
        let changed = match outcome {
            Ok(_) => ConnectionDocument {
                state: ConnectionState::Authorized,
                authorized: Some(now_ms),
                reason: None,
                ..document
            },
            Err(error) => {
                ConnectionDocument { state: ConnectionState::Deauthorized, reason: Some(error.to_string()), ..document }
            }
        };
        if let Err(error) = self.core.connections.update(&known, changed).await {
            tracing::warn!(%error, "a connection of events stays as it was until the next start");
        }
    }

    /// Goes on with connections that waited for a token when the service ended.
    pub(crate) fn resume_connections(self: &Arc<Self>) {
        self.core.connections.all().iter().for_each(|one| self.authorize(&one.key, &one.value));
    }
}

/// Only an exchange takes time.
fn settle(document: &mut ConnectionDocument, now_ms: i64) {
    document.reason = None;
    document.state = match document.shown.scheme {
        Scheme::OAuth(_) => ConnectionState::Authorizing,
        _ => {
            document.authorized = Some(now_ms);
            ConnectionState::Authorized
        }
    };
}

fn check(events: &Events, auth: &Auth) -> Result<(), ServiceError> {
    match &auth.scheme {
        Scheme::OAuth(o_auth) => {
            crate::api_destinations::check_endpoint(events, "AuthorizationEndpoint", &o_auth.endpoint)
        }
        _ => Ok(()),
    }
}

/// The ARN of a connection.
pub(crate) fn connection_arn(key: &ResourceKey, document: &ConnectionDocument) -> String {
    arn(key, &format!("connection/{}/{}", key.name, document.id))
}

fn purpose(id: &str) -> String {
    format!("events:connection:{id}")
}

fn found(events: &Events, key: &ResourceKey) -> Result<Found, ServiceError> {
    events.core.connections.get(key).ok_or_else(|| {
        let name = &key.name;
        let message = format!("Failed to describe the connection(s). Connection '{name}' does not exist.");
        model::resource_not_found_exception(message)
    })
}

fn no_private_apis() -> ServiceError {
    invalid_parameter("InvocationConnectivityParameters", "private APIs by VPC Lattice are not available here.")
}

/// `ValidationException`: no such connection may be named.
pub(crate) fn bad_connection_arn() -> ServiceError {
    invalid("Parameter ConnectionArn is not valid. Reason: Provided Arn is not in correct format.")
}
