//! API destinations: endpoints of somebody's HTTP API. Source: "API destinations as targets in Amazon EventBridge", and the
//! operations' pages. How one is called is in [`invoke`](crate::invoke).

use std::net::IpAddr;
use std::sync::Arc;

use watchkeep_core::{Arn, Caller, uuid};
use watchkeep_model::events::{
    ApiDestination, CreateApiDestinationRequest, CreateApiDestinationResponse, DeleteApiDestinationRequest,
    DeleteApiDestinationResponse, DescribeApiDestinationRequest, DescribeApiDestinationResponse,
    ListApiDestinationsRequest, ListApiDestinationsResponse, UpdateApiDestinationRequest, UpdateApiDestinationResponse,
    errors as model,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Events;
use crate::connections::bad_connection_arn;
use crate::core::Core;
use crate::errors::{finish, invalid_parameter, store, too_many};
use crate::limits::{DESTINATION_RATE_DEFAULT, DESTINATIONS_MAX};
use crate::names::arn;
use crate::paging::{Paged, page};
use crate::resources::{ConnectionState, DestinationDocument};

/// Creates a destination.
pub(crate) async fn create_api_destination(
    events: &Arc<Events>,
    caller: &Caller,
    input: CreateApiDestinationRequest,
) -> Result<CreateApiDestinationResponse, ServiceError> {
    check_endpoint(events, "InvocationEndpoint", &input.invocation_endpoint)?;
    check_connection(events, &input.connection_arn)?;
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let now_ms = events.core.clock.now().0;
    let document = DestinationDocument {
        id: uuid(events.core.random.as_ref()).to_string(),
        created: now_ms,
        modified: now_ms,
        description: input.description,
        connection: input.connection_arn,
        endpoint: input.invocation_endpoint,
        method: input.http_method,
        rate: rate(input.invocation_rate_limit_per_second).unwrap_or(DESTINATION_RATE_DEFAULT),
    };
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let destinations = &events.core.destinations;
        if destinations.get(&key).is_some() {
            let message = format!("An api-destination '{}' already exists.", key.name);
            return Err(model::resource_already_exists_exception(message));
        }
        if destinations.list(&key.account, key.region.as_ref(), "", None, DESTINATIONS_MAX).len() >= DESTINATIONS_MAX {
            return Err(too_many());
        }
        destinations.put(key.clone(), document.clone()).await.map_err(store)?;
        Ok(CreateApiDestinationResponse {
            api_destination_arn: Some(destination_arn(&key, &document)),
            api_destination_state: Some(events.core.destination_state(&document)),
            creation_time: Some(Timestamp(document.created)),
            last_modified_time: Some(Timestamp(document.modified)),
        })
    })
    .await
}

/// Changes a destination; what is not said stays.
pub(crate) async fn update_api_destination(
    events: &Arc<Events>,
    caller: &Caller,
    input: UpdateApiDestinationRequest,
) -> Result<UpdateApiDestinationResponse, ServiceError> {
    if let Some(endpoint) = &input.invocation_endpoint {
        check_endpoint(events, "InvocationEndpoint", endpoint)?;
    }
    if let Some(connection) = &input.connection_arn {
        check_connection(events, connection)?;
    }
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let known = found(&events, &key)?;
        let before = known.value.clone();
        let document = DestinationDocument {
            modified: events.core.clock.now().0,
            description: input.description.or(before.description),
            connection: input.connection_arn.unwrap_or(before.connection),
            endpoint: input.invocation_endpoint.unwrap_or(before.endpoint),
            method: input.http_method.unwrap_or(before.method),
            rate: rate(input.invocation_rate_limit_per_second).unwrap_or(before.rate),
            id: before.id,
            created: before.created,
        };
        events.core.destinations.update(&known, document.clone()).await.map_err(store)?;
        Ok(UpdateApiDestinationResponse {
            api_destination_arn: Some(destination_arn(&key, &document)),
            api_destination_state: Some(events.core.destination_state(&document)),
            creation_time: Some(Timestamp(document.created)),
            last_modified_time: Some(Timestamp(document.modified)),
        })
    })
    .await
}

/// Describes a destination.
pub(crate) async fn describe_api_destination(
    events: &Arc<Events>,
    caller: &Caller,
    input: DescribeApiDestinationRequest,
) -> Result<DescribeApiDestinationResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let found = found(events, &key)?;
    Ok(DescribeApiDestinationResponse {
        api_destination_arn: Some(destination_arn(&key, &found)),
        description: found.description.clone(),
        api_destination_state: Some(events.core.destination_state(&found)),
        connection_arn: Some(found.connection.clone()),
        invocation_endpoint: Some(found.endpoint.clone()),
        http_method: Some(found.method.clone()),
        invocation_rate_limit_per_second: i32::try_from(found.rate).ok(),
        creation_time: Some(Timestamp(found.created)),
        last_modified_time: Some(Timestamp(found.modified)),
        name: Some(key.name),
    })
}

/// Deletes a destination.
pub(crate) async fn delete_api_destination(
    events: &Arc<Events>,
    caller: &Caller,
    input: DeleteApiDestinationRequest,
) -> Result<DeleteApiDestinationResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let known = found(&events, &key)?;
        events.core.destinations.delete(&key).await.map_err(store)?;
        events.core.gates.forget(&known.id);
        Ok(DeleteApiDestinationResponse {})
    })
    .await
}

/// Lists destinations by name.
pub(crate) async fn list_api_destinations(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListApiDestinationsRequest,
) -> Result<ListApiDestinationsResponse, ServiceError> {
    let prefix = input.name_prefix.unwrap_or_default();
    let found = events.core.destinations.list(&caller.account, Some(&caller.region), &prefix, None, usize::MAX);
    let is_of = |one: &DestinationDocument| input.connection_arn.as_ref().is_none_or(|arn| *arn == one.connection);
    let destinations = found.iter().filter(|one| is_of(one)).map(|one| {
        let shown = ApiDestination {
            api_destination_arn: Some(destination_arn(&one.key, one)),
            name: Some(one.key.name.clone()),
            api_destination_state: Some(events.core.destination_state(one)),
            connection_arn: Some(one.connection.clone()),
            invocation_endpoint: Some(one.endpoint.clone()),
            http_method: Some(one.method.clone()),
            invocation_rate_limit_per_second: i32::try_from(one.rate).ok(),
            creation_time: Some(Timestamp(one.created)),
            last_modified_time: Some(Timestamp(one.modified)),
        };
        (one.key.name.clone(), shown)
    });
    let place = (input.next_token.as_deref(), input.limit);
    let (destinations, next_token) = page(Paged::ApiDestinations, events.core.clock.now(), place, destinations)?;
    Ok(ListApiDestinationsResponse { api_destinations: Some(destinations), next_token })
}

impl Core {
    /// The destination of an ARN, if it is this very one.
    pub(crate) fn destination(&self, text: &str) -> Option<Arc<Versioned<DestinationDocument>>> {
        let arn: Arn = text.parse().ok()?;
        let (name, id) = arn.resource.strip_prefix("api-destination/")?.split_once('/')?;
        let key = ResourceKey::new(arn.account.parse().ok()?, &arn.region.parse().ok()?, name);
        self.destinations.get(&key).filter(|found| found.id == id)
    }

    fn destination_state(&self, document: &DestinationDocument) -> String {
        let connection = self.connection(&document.connection);
        match connection.is_some_and(|connection| connection.state == ConnectionState::Authorized) {
            true => "ACTIVE".to_owned(),
            false => "INACTIVE".to_owned(),
        }
    }
}

/// Checks a URL that events, or credentials, are to be sent to: HTTPS, or HTTP as far as nobody else listens in.
///
/// # Errors
///
/// `ValidationException`.
pub(crate) fn check_endpoint(events: &Events, parameter: &str, url: &str) -> Result<(), ServiceError> {
    // A star may stand in a path only.
    let plain = url.replace('*', "x");
    events.core.ports.webhooks.check(&plain).map_err(|error| invalid_parameter(parameter, error))?;
    let Some(rest) = plain.get(..7).filter(|start| start.eq_ignore_ascii_case("http://")).and(plain.get(7..)) else {
        return Ok(());
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((host, _)) => host,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    let is_near = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => !host.contains('.') || host.ends_with(".local") || host.ends_with(".internal"),
    };
    match is_near {
        true => Ok(()),
        false => Err(invalid_parameter(parameter, "it must be an https:// URL; http:// is for private hosts only.")),
    }
}

fn check_connection(events: &Events, text: &str) -> Result<(), ServiceError> {
    let arn: Arn = text.parse().map_err(|_| bad_connection_arn())?;
    let name = arn.resource.strip_prefix("connection/").filter(|_| arn.service == "events");
    let name = name.ok_or_else(bad_connection_arn)?;
    let name = name.split_once('/').map_or(name, |(name, _)| name);
    match events.core.connection(text) {
        Some(_) => Ok(()),
        None => Err(model::resource_not_found_exception(format!("Connection '{name}' does not exist."))),
    }
}

fn rate(given: Option<i32>) -> Option<u32> {
    given.and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0)
}

fn destination_arn(key: &ResourceKey, document: &DestinationDocument) -> String {
    arn(key, &format!("api-destination/{}/{}", key.name, document.id))
}

fn found(events: &Events, key: &ResourceKey) -> Result<Arc<Versioned<DestinationDocument>>, ServiceError> {
    let message =
        || format!("Failed to describe the api-destination(s). An api-destination '{}' does not exist.", key.name);
    events.core.destinations.get(key).ok_or_else(|| model::resource_not_found_exception(message()))
}
