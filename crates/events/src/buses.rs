//! Event buses: CreateEventBus, DescribeEventBus, UpdateEventBus, DeleteEventBus, ListEventBuses.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::events::{
    CreateEventBusRequest, CreateEventBusResponse, DeadLetterConfig, DeleteEventBusRequest, DescribeEventBusRequest,
    DescribeEventBusResponse, EventBus, ListEventBusesRequest, ListEventBusesResponse, LogConfig,
    UpdateEventBusRequest, UpdateEventBusResponse, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Events;
use crate::errors::{finish, invalid, invalid_parameter, no_bus, store, too_many};
use crate::limits::BUSES_MAX;
use crate::names::{DEFAULT_BUS, PARTNER_PREFIX, bus_arn, is_bus_name, own_bus_key, rule_prefix};
use crate::paging::{Paged, page};
use crate::resources::{BusDocument, LogSettings};
use crate::tags::{checked, tags_of};

/// Creates a bus.
pub(crate) async fn create_event_bus(
    events: &Arc<Events>,
    caller: &Caller,
    input: CreateEventBusRequest,
) -> Result<CreateEventBusResponse, ServiceError> {
    let CreateEventBusRequest { name, event_source_name, description, kms_key_identifier, .. } = input;
    if !is_bus_name(&name) {
        return Err(invalid_parameter("Name", "it has other characters than letters, digits, /, ., - and _"));
    }
    match (&event_source_name, name.contains('/')) {
        (Some(source), _) if *source != name => {
            return Err(invalid_parameter("Name", "the name of a partner's event bus is that of its event source."));
        }
        (None, true) => return Err(invalid_parameter("Name", "the name of a custom event bus has no /.")),
        _ => {}
    }
    let now_ms = events.core.clock.now().0;
    let document = BusDocument {
        created: now_ms,
        modified: now_ms,
        description,
        kms_key: kms_key_identifier.filter(|key| !key.is_empty()),
        dead_letters: dead_letters(input.dead_letter_config)?,
        logs: input.log_config.map(log_settings),
        policy: None,
        tags: checked(input.tags.unwrap_or_default())?,
    };
    let key = ResourceKey::new(caller.account, &caller.region, name);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let exists = || model::resource_already_exists_exception(format!("Event bus {} already exists.", key.name));
        if key.name == DEFAULT_BUS || events.core.buses.get(&key).is_some() {
            return Err(exists());
        }
        let buses = events.core.buses.list(&key.account, key.region.as_ref(), "", None, BUSES_MAX + 1);
        if buses.iter().filter(|bus| bus.key.name != DEFAULT_BUS).count() >= BUSES_MAX {
            return Err(too_many());
        }
        if event_source_name.is_some() {
            events.associate_source(&key).await?;
        }
        let created = events.core.buses.create(key.clone(), document).await.map_err(store)?;
        events.core.refresh(&key);
        Ok(CreateEventBusResponse {
            event_bus_arn: Some(bus_arn(&key)),
            description: created.description.clone(),
            kms_key_identifier: created.kms_key.clone(),
            dead_letter_config: created.dead_letters.clone().map(dead_letter_config),
            log_config: created.logs.clone().map(log_config),
        })
    })
    .await
}

/// Describes a bus; the default one if none is named.
pub(crate) async fn describe_event_bus(
    events: &Arc<Events>,
    caller: &Caller,
    input: DescribeEventBusRequest,
) -> Result<DescribeEventBusResponse, ServiceError> {
    let key = own_bus_key(caller, input.name.as_deref())?;
    let document = events.bus_document(&key)?;
    let times = |time_ms: i64| (key.name != DEFAULT_BUS).then_some(Timestamp(time_ms));
    Ok(DescribeEventBusResponse {
        name: Some(key.name.clone()),
        arn: Some(bus_arn(&key)),
        description: document.description.clone(),
        kms_key_identifier: document.kms_key.clone(),
        dead_letter_config: document.dead_letters.clone().map(dead_letter_config),
        policy: document.policy.as_ref().map(ToString::to_string),
        log_config: document.logs.clone().map(log_config),
        creation_time: times(document.created),
        last_modified_time: times(document.modified),
        managed_by: None,
    })
}

/// Changes a bus: what the call does not name stays.
pub(crate) async fn update_event_bus(
    events: &Arc<Events>,
    caller: &Caller,
    input: UpdateEventBusRequest,
) -> Result<UpdateEventBusResponse, ServiceError> {
    let key = own_bus_key(caller, input.name.as_deref())?;
    let dead_letters_given = input.dead_letter_config.is_some();
    let dead_letters = dead_letters(input.dead_letter_config)?;
    let UpdateEventBusRequest { kms_key_identifier, description, log_config: logs, .. } = input;
    let changed = events
        .change_bus(key.clone(), move |bus| {
            if let Some(kms_key) = kms_key_identifier {
                // An empty one goes back to AWS's own key.
                bus.kms_key = Some(kms_key).filter(|key| !key.is_empty());
            }
            if description.is_some() {
                bus.description = description;
            }
            if dead_letters_given {
                bus.dead_letters = dead_letters;
            }
            if let Some(logs) = logs {
                bus.logs = Some(log_settings(logs));
            }
            Ok(())
        })
        .await?;
    Ok(UpdateEventBusResponse {
        arn: Some(bus_arn(&key)),
        name: Some(key.name),
        kms_key_identifier: changed.kms_key.clone(),
        description: changed.description.clone(),
        dead_letter_config: changed.dead_letters.clone().map(dead_letter_config),
        log_config: changed.logs.clone().map(log_config),
    })
}

/// Deletes a bus that has no rules.
pub(crate) async fn delete_event_bus(
    events: &Arc<Events>,
    caller: &Caller,
    input: DeleteEventBusRequest,
) -> Result<Unit, ServiceError> {
    let key = own_bus_key(caller, Some(&input.name))?;
    if key.name == DEFAULT_BUS {
        return Err(invalid("Cannot delete event bus default."));
    }
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        if events.core.buses.get(&key).is_none() {
            return Err(no_bus(&key.name));
        }
        let rules = events.core.rules.list(&key.account, key.region.as_ref(), &rule_prefix(&key), None, 1);
        if !rules.is_empty() {
            return Err(invalid(format!("Cannot delete event bus {} since it has rules.", key.name)));
        }
        events.core.buses.delete(&key).await.map_err(store)?;
        events.core.refresh(&key);
        if key.name.starts_with(PARTNER_PREFIX) {
            events.part_source(&key).await?;
        }
        Ok(Unit {})
    })
    .await
}

/// Lists buses by name.
pub(crate) async fn list_event_buses(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListEventBusesRequest,
) -> Result<ListEventBusesResponse, ServiceError> {
    let default = ResourceKey::new(caller.account, &caller.region, DEFAULT_BUS);
    let mut keys: Vec<ResourceKey> = events
        .core
        .buses
        .list(&caller.account, Some(&caller.region), "", None, usize::MAX)
        .into_iter()
        .map(|bus| bus.key.clone())
        .collect();
    if !keys.contains(&default) {
        keys.push(default);
        keys.sort();
    }
    let prefix = input.name_prefix.unwrap_or_default();
    let found = keys.into_iter().filter(|key| key.name.starts_with(&prefix)).map(|key| {
        let document = events.bus_document(&key).unwrap_or_default();
        let times = |time_ms: i64| (key.name != DEFAULT_BUS).then_some(Timestamp(time_ms));
        let bus = EventBus {
            name: Some(key.name.clone()),
            arn: Some(bus_arn(&key)),
            description: document.description.clone(),
            policy: document.policy.as_ref().map(ToString::to_string),
            creation_time: times(document.created),
            last_modified_time: times(document.modified),
            managed_by: None,
        };
        (key.name, bus)
    });
    let now = events.core.clock.now();
    let (event_buses, next_token) = page(Paged::Buses, now, (input.next_token.as_deref(), input.limit), found)?;
    Ok(ListEventBusesResponse { event_buses: Some(event_buses), next_token })
}

impl Events {
    /// What is known of a bus.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(crate) fn bus_document(&self, key: &ResourceKey) -> Result<BusDocument, ServiceError> {
        match self.core.buses.get(key) {
            Some(document) => Ok(document.value.clone()),
            None if key.name == DEFAULT_BUS => Ok(BusDocument::default()),
            None => Err(no_bus(&key.name)),
        }
    }

    /// Changes a bus. The default one gets a document by that.
    pub(crate) async fn change_bus(
        self: &Arc<Self>,
        key: ResourceKey,
        change: impl FnOnce(&mut BusDocument) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Arc<Versioned<BusDocument>>, ServiceError> {
        let events = self.clone();
        finish(async move {
            let _changing = events.changing.lock().await;
            let mut document = events.bus_document(&key)?;
            change(&mut document)?;
            document.modified = events.core.clock.now().0;
            let changed = events.core.buses.put(key.clone(), document).await.map_err(store)?;
            events.core.refresh(&key);
            Ok(changed)
        })
        .await
    }

    /// The tags of a bus.
    pub(crate) fn bus_tags(&self, key: &ResourceKey) -> Result<Vec<watchkeep_model::events::Tag>, ServiceError> {
        self.bus_document(key).map(|bus| tags_of(&bus.tags))
    }
}

fn dead_letters(config: Option<DeadLetterConfig>) -> Result<Option<String>, ServiceError> {
    let arn = config.and_then(|config| config.arn);
    arn.map(|arn| crate::targets::checked_dead_letters(&arn).map(|()| arn)).transpose()
}

fn dead_letter_config(arn: String) -> DeadLetterConfig {
    DeadLetterConfig { arn: Some(arn) }
}

fn log_settings(config: LogConfig) -> LogSettings {
    LogSettings { level: config.level, include_detail: config.include_detail }
}

fn log_config(settings: LogSettings) -> LogConfig {
    LogConfig { level: settings.level, include_detail: settings.include_detail }
}
