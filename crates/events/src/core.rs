//! What deliveries need: the store, the directory, and the ways out. The outbox holds it; it knows the outbox only weakly.

use std::sync::{Arc, OnceLock, Weak};

use watchkeep_core::{BoxFuture, Clock, Random};
use watchkeep_delivery::outbox::{
    Note, Outbox, OutboxLog, OutboxStore, Parcel, Pending, Recent, Stage, hour, number_bytes, numbers,
};
use watchkeep_store::{Batch, Collection, ResourceKey, Rows, Store, StoreError};

use crate::EventsPorts;
use crate::connections::Tokens;
use crate::directory::Directory;
use crate::event::{Crossed, Event};
use crate::failures::Failures;
use crate::gates::Gates;
use crate::measures::Measures;
use crate::resources::{BusDocument, ConnectionDocument, DestinationDocument, RuleDocument, ScheduleMark};
use crate::tables::{CROSSED, CROSSED_ACCOUNT, CROSSED_REGION, EVENT, EVENT_ID, EventTables, PATH, TIME, TRACE};

/// What deliveries need.
pub(crate) struct Core {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub buses: Collection<BusDocument>,
    pub rules: Collection<RuleDocument>,
    pub marks: Collection<ScheduleMark>,
    pub connections: Collection<ConnectionDocument>,
    pub destinations: Collection<DestinationDocument>,
    pub tokens: Tokens,
    pub gates: Gates,
    pub directory: Directory,
    pub measures: Arc<Measures>,
    pub ports: EventsPorts,
    /// The events in memory.
    pub events: Recent<Arc<Event>>,
    pub failures: Failures,
    pub kept: OutboxStore<EventTables>,
    /// For events that go on to another bus.
    pub outbox: OnceLock<Weak<Outbox>>,
}

impl Core {
    /// Reads a bus and its rules again, after a change.
    pub(crate) fn refresh(&self, bus: &ResourceKey) {
        self.directory.refresh(bus, &self.buses, &self.rules);
    }

    /// The outbox, while the service is there.
    pub(crate) fn outbox(&self) -> Option<Arc<Outbox>> {
        self.outbox.get().and_then(Weak::upgrade)
    }

    /// The event of a parcel; none if it is gone.
    pub(crate) async fn event(&self, parcel: Parcel) -> Result<Option<Arc<Event>>, StoreError> {
        if let Some(event) = self.events.get(parcel.content) {
            return Ok(Some(event));
        }
        let columns = &[TIME, EVENT_ID, TRACE, PATH, CROSSED, EVENT];
        let read = move |batch: &Batch, row: usize| event_at(batch, row, parcel.time_ms);
        let found = self.kept.content(parcel, columns, read).await?.map(Arc::new);
        if let Some(event) = &found {
            self.events.add(parcel.content, event.clone(), event.bytes());
        }
        Ok(found)
    }

    async fn write_note(&self, note: Note) -> Result<(), String> {
        // Why it was given up goes into the dead letter, also after a restart.
        let failure = match note {
            Note::Settled(parcel) => {
                self.failures.forget(parcel);
                None
            }
            Note::Postponed(Pending { parcel, progress }) if progress.stage == Stage::DeadLettering => {
                self.failures.of(parcel)
            }
            Note::Postponed(_) => None,
        };
        let write = |rows: &mut Rows| {
            rows.text_or_null(failure.as_ref().map(|failure| failure.code.as_str()));
            rows.text_or_null(failure.as_ref().map(|failure| failure.message.as_str()));
            rows.u64_or_null(failure.as_ref().map(|failure| u64::from(failure.retries)));
            let exhausted = failure.as_ref().and_then(|failure| failure.exhausted);
            rows.text_or_null(exhausted.map(|exhausted| exhausted.as_str()));
        };
        self.kept.note(note, write).await
    }
}

impl OutboxLog for Core {
    fn note(&self, note: Note) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.write_note(note))
    }
}

/// Adds an event to rows of [`BUS_EVENTS`].
pub(crate) struct EventRow<'a> {
    pub bus: &'a ResourceKey,
    pub event: &'a Event,
    pub targets: &'a [u64],
    /// The number of the rule whose schedule made it, and the time that was planned.
    pub schedule: Option<(u64, i64)>,
}

impl EventRow<'_> {
    /// Writes it.
    pub(crate) fn write(&self, rows: &mut Rows) {
        let EventRow { bus, event, targets, schedule } = self;
        rows.u64(hour(event.ingested_ms));
        rows.i64(event.ingested_ms);
        rows.text(bus.account.as_str());
        rows.text(bus.region.as_ref().map_or("", |region| region.as_str()));
        rows.text(&bus.name);
        rows.text(&event.id);
        rows.bytes(&number_bytes(targets));
        rows.u64_or_null(schedule.map(|(rule, _)| rule));
        rows.i64_or_null(schedule.map(|(_, planned)| planned));
        rows.text_or_null(event.trace.as_deref());
        rows.bytes(&number_bytes(&event.path));
        let crossed = |is_crossed: bool, bit: u64| if is_crossed { bit } else { 0 };
        rows.u64(crossed(event.crossed.account, CROSSED_ACCOUNT) + crossed(event.crossed.region, CROSSED_REGION));
        rows.text(event.text());
        rows.end_row();
    }
}

fn event_at(batch: &Batch, row: usize, ingested_ms: i64) -> Event {
    let crossed = batch.u64s(CROSSED).get(row).copied().unwrap_or(0);
    Event {
        id: batch.text(EVENT_ID, row).to_owned(),
        envelope: batch.text(EVENT, row).to_owned().into(),
        ingested_ms,
        trace: (!batch.is_null(TRACE, row)).then(|| batch.text(TRACE, row).to_owned()),
        path: numbers(batch.bytes(PATH, row)).collect(),
        crossed: Crossed { account: crossed & CROSSED_ACCOUNT != 0, region: crossed & CROSSED_REGION != 0 },
    }
}
