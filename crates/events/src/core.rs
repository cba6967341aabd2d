//! What deliveries need: the store, the directory, and the ways out. The outbox holds it; it knows the outbox only weakly.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use watchkeep_core::{BoxFuture, Clock, Random};
use watchkeep_delivery::outbox::{Note, Outbox, OutboxLog, Parcel, Pending, Stage};
use watchkeep_store::{Batch, Collection, Keep, ResourceKey, Rows, Scan, Store, StoreError, TableOwner};

use crate::EventsPorts;
use crate::connections::Tokens;
use crate::directory::Directory;
use crate::event::{Crossed, Event};
use crate::failures::Failures;
use crate::gates::Gates;
use crate::limits::{EVENTS_BYTES_MAX, HOUR_MS, NOTE_PAUSE, NOTE_TRIES_MAX};
use crate::measures::Measures;
use crate::resources::{BusDocument, ConnectionDocument, DestinationDocument, RuleDocument, ScheduleMark, Watermark};
use crate::tables::{
    BUS_EVENTS, CROSSED, CROSSED_ACCOUNT, CROSSED_REGION, DEAD_LETTERING, DELIVERING, EVENT, EVENT_DELIVERIES,
    EVENT_ID, HOUR, PATH, SETTLED, TIME, TRACE, hour, numbers,
};

/// What deliveries need.
pub(crate) struct Core {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub buses: Collection<BusDocument>,
    pub rules: Collection<RuleDocument>,
    pub marks: Collection<ScheduleMark>,
    pub watermarks: Collection<Watermark>,
    pub connections: Collection<ConnectionDocument>,
    pub destinations: Collection<DestinationDocument>,
    pub tokens: Tokens,
    pub gates: Gates,
    pub directory: Directory,
    pub measures: Arc<Measures>,
    pub ports: EventsPorts,
    pub events: EventsInMemory,
    pub failures: Failures,
    pub kept: Arc<Kept>,
    /// For events that go on to another bus.
    pub outbox: OnceLock<Weak<Outbox>>,
}

/// Which rows are kept: those of this hour, counted from the epoch, and later ones.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    from_hour: AtomicU64,
}

impl Kept {
    /// The hour.
    pub(crate) fn first_hour(&self) -> u64 {
        self.from_hour.load(Ordering::Acquire)
    }

    /// Its beginning, in milliseconds since the epoch.
    pub(crate) fn first_ms(&self) -> i64 {
        i64::try_from(self.first_hour()).unwrap_or(i64::MAX / HOUR_MS).saturating_mul(HOUR_MS)
    }

    /// Keeps rows from a later hour on. It never goes back.
    pub(crate) fn advance(&self, hour: u64) {
        self.from_hour.fetch_max(hour, Ordering::AcqRel);
    }
}

impl TableOwner for Kept {
    fn keep(&self, key: &[u64]) -> Keep {
        match key.first() {
            Some(hour) if *hour < self.first_hour() => Keep::Drop,
            _ => Keep::Forever,
        }
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}

/// Events in memory, the newest, as many as there is room for.
#[derive(Debug, Default)]
pub(crate) struct EventsInMemory {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_seq: HashMap<u64, Arc<Event>>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl EventsInMemory {
    /// Keeps an event for a while.
    pub(crate) fn add(&self, seq: u64, event: Arc<Event>) {
        let mut inner = self.lock();
        inner.bytes += event.bytes();
        if let Some(replaced) = inner.by_seq.insert(seq, event) {
            inner.bytes = inner.bytes.saturating_sub(replaced.bytes());
        } else {
            inner.order.push_back(seq);
        }
        while inner.bytes > EVENTS_BYTES_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            let freed = inner.by_seq.remove(&oldest).map_or(0, |event| event.bytes());
            inner.bytes = inner.bytes.saturating_sub(freed);
        }
    }

    /// The event, if it is still here.
    pub(crate) fn get(&self, seq: u64) -> Option<Arc<Event>> {
        self.lock().by_seq.get(&seq).cloned()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let found = self.store.blocking(move |store| read_event(store, parcel)).await?;
        let found = found.map(Arc::new);
        if let Some(event) = &found {
            self.events.add(parcel.content, event.clone());
        }
        Ok(found)
    }

    async fn write_note(&self, note: Note) -> Result<(), String> {
        let (parcel, state, failed, due_ms) = match note {
            Note::Settled(parcel) => {
                self.failures.forget(parcel);
                (parcel, SETTLED, 0, 0)
            }
            Note::Postponed(Pending { parcel, progress }) => {
                let state = match progress.stage {
                    Stage::Delivering => DELIVERING,
                    Stage::DeadLettering => DEAD_LETTERING,
                };
                (parcel, state, u64::from(progress.failed), progress.due_ms)
            }
        };
        // Why it was given up goes into the dead letter, also after a restart.
        let failure = (state == DEAD_LETTERING).then(|| self.failures.of(parcel)).flatten();
        let mut rows = Rows::new(&EVENT_DELIVERIES);
        rows.u64(hour(parcel.time_ms));
        rows.i64(parcel.time_ms);
        rows.u64(parcel.content);
        rows.u64(parcel.lane);
        rows.u64(state);
        rows.u64(failed);
        rows.i64(due_ms);
        rows.text_or_null(failure.as_ref().map(|failure| failure.code.as_str()));
        rows.text_or_null(failure.as_ref().map(|failure| failure.message.as_str()));
        rows.u64_or_null(failure.as_ref().map(|failure| u64::from(failure.retries)));
        rows.text_or_null(failure.as_ref().and_then(|failure| failure.exhausted).map(|exhausted| exhausted.as_str()));
        rows.end_row();
        for tries in 1.. {
            match self.store.append(rows.clone()).await {
                Ok(_) => break,
                Err(error) if error.is_retryable() && tries < NOTE_TRIES_MAX => self.clock.sleep(NOTE_PAUSE).await,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
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
        rows.bytes(&crate::tables::number_bytes(targets));
        rows.u64_or_null(schedule.map(|(rule, _)| rule));
        rows.i64_or_null(schedule.map(|(_, planned)| planned));
        rows.text_or_null(event.trace.as_deref());
        rows.bytes(&crate::tables::number_bytes(&event.path));
        let crossed = |is_crossed: bool, bit: u64| if is_crossed { bit } else { 0 };
        rows.u64(crossed(event.crossed.account, CROSSED_ACCOUNT) + crossed(event.crossed.region, CROSSED_REGION));
        rows.text(event.text());
        rows.end_row();
    }
}

fn read_event(store: &Store, parcel: Parcel) -> Result<Option<Event>, StoreError> {
    let scan = Scan::new(&BUS_EVENTS)
        .time(parcel.time_ms..parcel.time_ms.saturating_add(1))
        .ids(HOUR, [hour(parcel.time_ms)])
        .columns(&[TIME, EVENT_ID, TRACE, PATH, CROSSED, EVENT]);
    let mut found = None;
    store.scan(&scan, &mut |batch| match batch.seqs().iter().position(|seq| *seq == parcel.content) {
        Some(row) => {
            found = Some(event_at(batch, row, parcel.time_ms));
            ControlFlow::Break(())
        }
        None => ControlFlow::Continue(()),
    })?;
    Ok(found)
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
