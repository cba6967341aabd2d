//! The port through which services tell of what happens, on their account's default bus.

use std::sync::Weak;

use watchkeep_core::BoxFuture;
use watchkeep_core::ports::{BusEvent, EventBus, EventBusError};
use watchkeep_store::ResourceKey;

use crate::Events;
use crate::event::{Crossed, Envelope, Event, id_of};
use crate::ingest::{Arrival, Recipients};
use crate::limits::ENTRIES_BYTES_MAX;
use crate::names::DEFAULT_BUS;

/// The default buses as the other services see them, which the service holds through ports of its own.
pub(crate) struct BusDoor(pub Weak<Events>);

impl EventBus for BusDoor {
    fn put(&self, event: BusEvent) -> BoxFuture<'_, Result<(), EventBusError>> {
        Box::pin(async move {
            match self.0.upgrade() {
                Some(events) => put(&events, event).await,
                None => Err(EventBusError::Busy("the service ends".to_owned())),
            }
        })
    }
}

async fn put(events: &Events, event: BusEvent) -> Result<(), EventBusError> {
    let key = ResourceKey::new(event.place.account, &event.place.region, DEFAULT_BUS);
    // The default bus is always there.
    let Some(bus) = events.core.directory.bus(&key) else { return Ok(()) };
    // The same id however often the event is handed in: who must not do something twice can tell.
    let id = id_of(&event.id);
    let detail = event.detail.to_string();
    if detail.len() > ENTRIES_BYTES_MAX {
        return Err(EventBusError::Refused("the event is too large".to_owned()));
    }
    let envelope = Envelope {
        id: &id,
        detail_type: event.detail_type,
        source: &event.source,
        account: event.place.account.as_str(),
        time: event.time,
        region: event.place.region.as_str(),
        resources: &event.resources,
        detail: &detail,
        replay_name: None,
    };
    let envelope = envelope.write().into();
    let event = Event { id, envelope, ingested_ms: 0, trace: None, path: Vec::new(), crossed: Crossed::default() };
    let arrival = Arrival { bus, event, recipients: Recipients::Matching };
    events.core.take(vec![arrival]).await.map_err(|error| match error.is_retryable() {
        true => EventBusError::Busy(error.to_string()),
        false => EventBusError::Refused(error.to_string()),
    })
}
