//! Points on their way into the store, whoever hands them in: durable first, then in the hot heads (M-1).

use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_store::{Append, Rows, StoreError};

use crate::Metrics;
use crate::datum::Accepted;
use crate::limits::REGISTER_INTERVAL_MS;
use crate::point::Point;
use crate::series::{Series, SeriesId};
use crate::streams::Ticket;
use crate::tables::{METRIC_POINTS, METRIC_SERIES};

/// A row's fixed columns, and the most that a common distribution takes: what a row is likely to need.
const ROW_VALUE_BYTES: usize = 16;

/// Points on their way into the store, with the series that they belong to.
#[derive(Default)]
pub(crate) struct Batch {
    points: Vec<(Arc<Series>, Point)>,
    /// Series to be registered: the newest time, and the entity as JSON.
    registrations: HashMap<SeriesId, Registration, foldhash::fast::RandomState>,
}

struct Registration {
    series: Arc<Series>,
    time_ms: i64,
    entity: Option<Arc<str>>,
}

impl Batch {
    /// For so many points.
    pub(crate) fn with_capacity(points: usize) -> Batch {
        Batch { points: Vec::with_capacity(points), ..Batch::default() }
    }

    /// Adds a point of this series, which belongs to this entity (as JSON).
    pub(crate) fn add(&mut self, series: Arc<Series>, point: Point, entity: Option<&Arc<str>>) {
        let time_ms = point.time_ms;
        let is_due = time_ms.saturating_sub(series.registered_ms()) >= REGISTER_INTERVAL_MS;
        let has_new_entity = entity.is_some_and(|entity| series.entity() != hash(entity));
        if is_due || has_new_entity {
            let registration = self.registrations.entry(series.id);
            let registration =
                registration.or_insert_with(|| Registration { series: series.clone(), time_ms, entity: None });
            registration.time_ms = registration.time_ms.max(time_ms);
            if let Some(entity) = entity {
                registration.entity = Some(entity.clone());
            }
        }
        self.points.push((series, point));
    }

    fn rows(&self) -> Append {
        let mut append = Append::new();
        self.write(&mut append);
        append
    }

    /// Adds the rows to an append.
    pub(crate) fn write(&self, append: &mut Append) {
        if !self.registrations.is_empty() {
            let mut rows = Rows::new(&METRIC_SERIES);
            self.registrations.values().for_each(|registration| registration.write(&mut rows));
            append.push(rows);
        }
        if !self.points.is_empty() {
            let mut rows = Rows::with_capacity(&METRIC_POINTS, self.points.len(), self.points.len() * ROW_VALUE_BYTES);
            for (series, point) in &self.points {
                point.as_ref().write(series.id.0, &mut rows);
            }
            append.push(rows);
        }
    }
}

impl Registration {
    fn write(&self, rows: &mut Rows) {
        let identity = self.series.identity();
        rows.u64(self.series.id.0);
        rows.i64(self.time_ms);
        rows.text(identity.account);
        rows.text(identity.region);
        rows.text(identity.namespace);
        rows.text(identity.name);
        rows.text(&identity.dimensions_json());
        rows.text_or_null(self.entity.as_deref());
        rows.end_row();
    }
}

/// A number that tells entities apart, and is not 0.
fn hash(entity: &str) -> u64 {
    SeriesId::of(entity, 0).0 | 1
}

impl Metrics {
    /// Of which times data are taken now.
    pub(crate) fn accepted(&self) -> Accepted {
        let now = self.clock.now();
        Accepted { now, from: self.rollups.accepted_from(now) }
    }

    /// Makes the points durable, then shows them in the hot heads (M-1).
    ///
    /// # Errors
    ///
    /// What appending to the store can meet.
    pub(crate) async fn append(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.points.is_empty() {
            return Ok(());
        }
        let mut in_flight = self.in_flight(batch);
        let appended = self.store.append(in_flight.batch.rows()).await;
        // An error that may pass says that nothing was appended; after any other the points may or may not be there.
        in_flight.is_settled = appended.as_ref().map_or_else(|error| error.is_retryable(), |_| true);
        appended?;
        self.show(in_flight);
        Ok(())
    }

    /// The points, about to be appended.
    pub(crate) fn in_flight(&self, batch: Batch) -> InFlight {
        InFlight { batch, is_settled: false, ticket: self.feeds.ticket() }
    }

    /// Shows points that are durable.
    pub(crate) fn show(&self, mut in_flight: InFlight) {
        in_flight.is_settled = true;
        let (now_ms, batch) = (self.clock.now().0, &in_flight.batch);
        for (series, point) in &batch.points {
            self.index.push(series, &point.as_ref(), now_ms);
        }
        for registration in batch.registrations.values() {
            let entity = registration.entity.as_deref().map_or(0, hash);
            registration.series.was_registered(registration.time_ms, entity);
        }
        self.feeds.mark(batch.points.iter().map(|(series, point)| (series, point.time_ms)));
        self.sweep_when_due();
    }
}

/// Points that the store may or may not have. If their caller gives up before that is known, the heads and the streams' feeds
/// have to know that they do not know (M-2).
pub(crate) struct InFlight {
    batch: Batch,
    is_settled: bool,
    ticket: Ticket,
}

impl InFlight {
    /// The points.
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.is_settled && !self.batch.points.is_empty() {
            self.batch.points.iter().for_each(|(series, point)| series.head().missed(point.time_ms));
            self.ticket.unsure();
        }
    }
}
