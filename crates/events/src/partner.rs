//! Partner event sources. On AWS only registered partners make them; here every caller may act as one. Sources: "Receiving events
//! from a SaaS partner with Amazon EventBridge", and the operations' pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::{AccountId, Caller, TimestampMs, uuid};
use watchkeep_model::events::{
    ActivateEventSourceRequest, CreatePartnerEventSourceRequest, CreatePartnerEventSourceResponse,
    DeactivateEventSourceRequest, DeletePartnerEventSourceRequest, DescribeEventSourceRequest,
    DescribeEventSourceResponse, DescribePartnerEventSourceRequest, DescribePartnerEventSourceResponse, EventSource,
    ListEventSourcesRequest, ListEventSourcesResponse, ListPartnerEventSourceAccountsRequest,
    ListPartnerEventSourceAccountsResponse, ListPartnerEventSourcesRequest, ListPartnerEventSourcesResponse,
    PartnerEventSource, PartnerEventSourceAccount, PutPartnerEventsRequest, PutPartnerEventsResponse,
    PutPartnerEventsResultEntry, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Events;
use crate::errors::{finish, invalid_parameter, store, too_many};
use crate::ingest::{Arrival, Recipients};
use crate::limits::{SOURCE_PENDING_MS, SOURCES_MAX};
use crate::measures::Putting;
use crate::names::PARTNER_PREFIX;
use crate::paging::{Paged, page};
use crate::put_events::{Checked, Entry, Refused};
use crate::resources::{SourceDocument, SourceState};

/// A partner makes an event source for a customer.
pub(crate) async fn create_partner_event_source(
    events: &Arc<Events>,
    caller: &Caller,
    input: CreatePartnerEventSourceRequest,
) -> Result<CreatePartnerEventSourceResponse, ServiceError> {
    let account: AccountId =
        input.account.parse().map_err(|_| invalid_parameter("Account", "it must have 12 digits."))?;
    if !input.name.starts_with(PARTNER_PREFIX) {
        return Err(invalid_parameter("Name", format!("it must begin with {PARTNER_PREFIX}")));
    }
    let key = ResourceKey::new(account, &caller.region, input.name);
    let now_ms = events.core.clock.now().0;
    let source = SourceDocument {
        partner: caller.account.to_string(),
        created: now_ms,
        since: now_ms,
        state: SourceState::Pending,
    };
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        if events.source(&key).is_some() {
            let message = format!("Event source {} already exists.", key.name);
            return Err(model::resource_already_exists_exception(message));
        }
        if events.sources.list(&key.account, key.region.as_ref(), "", None, SOURCES_MAX).len() >= SOURCES_MAX {
            return Err(too_many());
        }
        events.sources.put(key.clone(), source).await.map_err(store)?;
        Ok(CreatePartnerEventSourceResponse { event_source_arn: Some(source_arn(&key)) })
    })
    .await
}

/// A partner deletes a customer's event source; one that is not there is no error.
pub(crate) async fn delete_partner_event_source(
    events: &Arc<Events>,
    caller: &Caller,
    input: DeletePartnerEventSourceRequest,
) -> Result<Unit, ServiceError> {
    let account: AccountId =
        input.account.parse().map_err(|_| invalid_parameter("Account", "it must have 12 digits."))?;
    let key = ResourceKey::new(account, &caller.region, input.name);
    let (events, partner) = (events.clone(), caller.account);
    finish(async move {
        let _changing = events.changing.lock().await;
        let Some(source) = events.source(&key).filter(|source| source.partner == partner.as_str()) else {
            return Ok(Unit {});
        };
        // The customer sees it as long as its bus is there.
        match events.core.buses.get(&key) {
            Some(_) => events.set_source(&source, SourceState::Deleted).await?,
            None => drop(events.sources.delete(&key).await.map_err(store)?),
        }
        Ok(Unit {})
    })
    .await
}

/// A partner describes an event source.
pub(crate) async fn describe_partner_event_source(
    events: &Arc<Events>,
    caller: &Caller,
    input: DescribePartnerEventSourceRequest,
) -> Result<DescribePartnerEventSourceResponse, ServiceError> {
    let found = events.of_partner(caller).into_iter().find(|source| source.key.name == input.name);
    let source = found.ok_or_else(|| no_source(&input.name))?;
    Ok(DescribePartnerEventSourceResponse { arn: Some(source_arn(&source.key)), name: Some(input.name) })
}

/// A partner lists its event sources by name.
pub(crate) async fn list_partner_event_sources(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListPartnerEventSourcesRequest,
) -> Result<ListPartnerEventSourcesResponse, ServiceError> {
    let sources = events.of_partner(caller).into_iter().filter(|one| one.key.name.starts_with(&input.name_prefix));
    // One for each name, however many customers it has.
    let named: BTreeMap<String, PartnerEventSource> = sources
        .map(|source| {
            let name = source.key.name.clone();
            (name.clone(), PartnerEventSource { arn: Some(source_arn(&source.key)), name: Some(name) })
        })
        .collect();
    let place = (input.next_token.as_deref(), input.limit);
    let (sources, next_token) = page(Paged::PartnerSources, events.core.clock.now(), place, named.into_iter())?;
    Ok(ListPartnerEventSourcesResponse { partner_event_sources: Some(sources), next_token })
}

/// A partner lists the customers of an event source.
pub(crate) async fn list_partner_event_source_accounts(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListPartnerEventSourceAccountsRequest,
) -> Result<ListPartnerEventSourceAccountsResponse, ServiceError> {
    let mut sources = events.of_partner(caller);
    sources.retain(|source| source.key.name == input.event_source_name);
    if sources.is_empty() {
        return Err(no_source(&input.event_source_name));
    }
    let accounts = sources.into_iter().map(|source| {
        let account = source.key.account.to_string();
        let shown = PartnerEventSourceAccount {
            account: Some(account.clone()),
            creation_time: Some(Timestamp(source.created)),
            expiration_time: expiration(&source),
            state: Some(source.state.as_str().to_owned()),
        };
        (account, shown)
    });
    let place = (input.next_token.as_deref(), input.limit);
    let (accounts, next_token) = page(Paged::PartnerAccounts, events.core.clock.now(), place, accounts)?;
    Ok(ListPartnerEventSourceAccountsResponse { partner_event_source_accounts: Some(accounts), next_token })
}

/// A customer describes an event source.
pub(crate) async fn describe_event_source(
    events: &Arc<Events>,
    caller: &Caller,
    input: DescribeEventSourceRequest,
) -> Result<DescribeEventSourceResponse, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, input.name);
    let source = events.source(&key).ok_or_else(|| no_source(&key.name))?;
    Ok(DescribeEventSourceResponse {
        arn: Some(source_arn(&key)),
        created_by: Some(source.partner.clone()),
        creation_time: Some(Timestamp(source.created)),
        expiration_time: expiration(&source),
        name: Some(key.name),
        state: Some(source.state.as_str().to_owned()),
    })
}

/// A customer lists the event sources that partners have made for it.
pub(crate) async fn list_event_sources(
    events: &Arc<Events>,
    caller: &Caller,
    input: ListEventSourcesRequest,
) -> Result<ListEventSourcesResponse, ServiceError> {
    let prefix = input.name_prefix.unwrap_or_default();
    let found = events.sources.list(&caller.account, Some(&caller.region), &prefix, None, usize::MAX);
    let sources = found.into_iter().filter(|source| events.is_there(source)).map(|source| {
        let shown = EventSource {
            arn: Some(source_arn(&source.key)),
            created_by: Some(source.partner.clone()),
            creation_time: Some(Timestamp(source.created)),
            expiration_time: expiration(&source),
            name: Some(source.key.name.clone()),
            state: Some(source.state.as_str().to_owned()),
        };
        (source.key.name.clone(), shown)
    });
    let place = (input.next_token.as_deref(), input.limit);
    let (event_sources, next_token) = page(Paged::Sources, events.core.clock.now(), place, sources)?;
    Ok(ListEventSourcesResponse { event_sources: Some(event_sources), next_token })
}

/// A customer lets the events of a source onto its bus again.
pub(crate) async fn activate_event_source(
    events: &Arc<Events>,
    caller: &Caller,
    input: ActivateEventSourceRequest,
) -> Result<Unit, ServiceError> {
    change_state(events, caller, input.name, SourceState::Active).await
}

/// A customer lets no more events of a source onto its bus.
pub(crate) async fn deactivate_event_source(
    events: &Arc<Events>,
    caller: &Caller,
    input: DeactivateEventSourceRequest,
) -> Result<Unit, ServiceError> {
    change_state(events, caller, input.name, SourceState::Pending).await
}

async fn change_state(
    events: &Arc<Events>,
    caller: &Caller,
    name: String,
    state: SourceState,
) -> Result<Unit, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, name);
    let events = events.clone();
    finish(async move {
        let _changing = events.changing.lock().await;
        let source = events.source(&key).ok_or_else(|| no_source(&key.name))?;
        let has_bus = events.core.buses.get(&key).is_some();
        if source.state == SourceState::Deleted || !has_bus {
            return Err(wrong_state(&key.name));
        }
        if source.state != state {
            events.set_source(&source, state).await?;
        }
        Ok(Unit {})
    })
    .await
}

/// A partner puts events.
pub(crate) async fn put_partner_events(
    events: &Arc<Events>,
    caller: &Caller,
    input: PutPartnerEventsRequest,
) -> Result<PutPartnerEventsResponse, ServiceError> {
    let entries = input.entries.into_iter().map(|entry| Entry {
        time: entry.time.map(|time| TimestampMs(time.0)),
        source: entry.source,
        resources: entry.resources.unwrap_or_default(),
        detail_type: entry.detail_type,
        detail: entry.detail,
        bus: None,
        trace: None,
    });
    let entries = entries.collect();
    let (events, caller) = (events.clone(), caller.clone());
    let outcomes = finish(async move { events.put(&caller, entries, Putting::PartnerEvents).await }).await?;
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let entries = outcomes.into_iter().map(|outcome| match outcome {
        Ok(id) => PutPartnerEventsResultEntry { event_id: Some(id), error_code: None, error_message: None },
        Err(Refused { code, message }) => PutPartnerEventsResultEntry {
            event_id: None,
            error_code: Some(code.to_owned()),
            error_message: Some(message),
        },
    });
    Ok(PutPartnerEventsResponse {
        failed_entry_count: Some(i32::try_from(failed).unwrap_or(i32::MAX)),
        entries: Some(entries.collect()),
    })
}

impl Events {
    /// The events of a partner's entry, one for each customer whose source is active.
    pub(crate) fn partner_arrivals(&self, caller: &Caller, entry: &Entry) -> Result<(String, Vec<Arrival>), Refused> {
        let checked = Checked::new(entry)?;
        let mut sources = self.of_partner(caller);
        sources.retain(|source| source.key.name == checked.source);
        if sources.is_empty() {
            let reason = format!("Event source {} does not exist.", checked.source);
            return Err(Refused::new("InvalidArgument", format!("Parameter Source is not valid. Reason: {reason}")));
        }
        let id = uuid(self.core.random.as_ref()).to_string();
        let active = sources.iter().filter(|source| source.state == SourceState::Active);
        let buses = active.filter_map(|source| self.core.directory.bus(&source.key));
        let arrivals = buses.map(|bus| {
            bus.measures.of_partner();
            let now = self.core.clock.now();
            let event = checked.event(bus.key.account, caller.region.as_str(), now, id.clone(), entry);
            Arrival { bus, event, recipients: Recipients::Matching }
        });
        let arrivals = arrivals.collect();
        Ok((id, arrivals))
    }

    /// The event source of this key, unless it has waited too long.
    fn source(&self, key: &ResourceKey) -> Option<Arc<Versioned<SourceDocument>>> {
        self.sources.get(key).filter(|source| self.is_there(source))
    }

    fn is_there(&self, source: &SourceDocument) -> bool {
        let is_waiting = source.state == SourceState::Pending;
        !is_waiting || self.core.clock.now().0 < source.since.saturating_add(SOURCE_PENDING_MS)
    }

    /// The event sources that the caller has made, for all customers, in its Region.
    fn of_partner(&self, caller: &Caller) -> Vec<Arc<Versioned<SourceDocument>>> {
        let mut sources = self.sources.all();
        sources.retain(|source| {
            let is_own =
                source.partner == caller.account.as_str() && source.key.region.as_ref() == Some(&caller.region);
            is_own && self.is_there(source)
        });
        sources
    }

    async fn set_source(&self, source: &Versioned<SourceDocument>, state: SourceState) -> Result<(), ServiceError> {
        let changed = SourceDocument { state, since: self.core.clock.now().0, ..source.value.clone() };
        self.sources.update(source, changed).await.map(drop).map_err(store)
    }

    /// A bus is created for an event source, which becomes active.
    pub(crate) async fn associate_source(&self, key: &ResourceKey) -> Result<(), ServiceError> {
        let source = self.source(key).ok_or_else(|| no_source(&key.name))?;
        if source.state != SourceState::Pending {
            return Err(wrong_state(&key.name));
        }
        self.set_source(&source, SourceState::Active).await
    }

    /// The bus of an event source was deleted.
    pub(crate) async fn part_source(&self, key: &ResourceKey) -> Result<(), ServiceError> {
        match self.sources.get(key) {
            Some(source) if source.state == SourceState::Deleted => {
                self.sources.delete(key).await.map(drop).map_err(store)
            }
            Some(source) => self.set_source(&source, SourceState::Pending).await,
            None => Ok(()),
        }
    }

    /// Forgets event sources that have waited too long.
    pub(crate) async fn forget_sources(&self) -> Result<(), ServiceError> {
        for source in self.sources.all().iter().filter(|source| !self.is_there(source)) {
            self.sources.delete(&source.key).await.map_err(store)?;
        }
        Ok(())
    }
}

/// The ARN of an event source, which names no account.
fn source_arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    format!("arn:aws:events:{region}::event-source/{}", key.name)
}

fn expiration(source: &SourceDocument) -> Option<Timestamp> {
    let is_waiting = source.state == SourceState::Pending;
    is_waiting.then(|| Timestamp(source.since.saturating_add(SOURCE_PENDING_MS)))
}

fn no_source(name: &str) -> ServiceError {
    model::resource_not_found_exception(format!("Event source {name} does not exist."))
}

fn wrong_state(name: &str) -> ServiceError {
    model::invalid_state_exception(format!("Event source {name} is not in a valid state for this operation."))
}
