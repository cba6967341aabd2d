//! PutMetricData: all or nothing, durable when it returns. Sources: "PutMetricData", "EntityMetricData", "Publish custom
//! metrics".

use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::{Caller, TimestampMs};
use watchkeep_model::cloudwatch::{MetricDatum, PutMetricDataInput};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{Append, Rows};
use watchkeep_wire::service::Reply;

use crate::Metrics;
use crate::datum::{self, Place};
use crate::entity;
use crate::errors::{
    collection_too_large, invalid_combination, invalid_value, missing, of_store, repeated_dimension, too_many_series,
};
use crate::limits::{DATUMS_MAX, ENTITIES_MAX, REGISTER_INTERVAL_MS};
use crate::point::Point;
use crate::series::{KeyWriter, Series, SeriesId};
use crate::tables::{METRIC_POINTS, METRIC_SERIES};

/// A row's fixed columns, and the most that a common distribution takes: what a row is likely to need.
const ROW_VALUE_BYTES: usize = 16;

/// Puts metric data.
pub(crate) async fn put_metric_data(
    service: &Metrics,
    caller: &Caller,
    input: PutMetricDataInput,
) -> Result<Reply<Unit>, ServiceError> {
    datum::check_namespace(&input.namespace)?;
    let now = service.clock.now();
    let (batch, failure) = collect(service, caller, &input, now)?;
    service.append(batch).await?;
    let mut reply = Reply::from(Unit {});
    if let Some(code) = failure {
        reply.headers.push(("x-amzn-failure-message", code.to_owned()));
    }
    Ok(reply)
}

/// Points on their way into the store, with the series that they belong to.
#[derive(Default)]
struct Batch {
    points: Vec<(Arc<Series>, Point)>,
    /// Series to be registered: the newest time, and the entity as JSON.
    registrations: HashMap<SeriesId, Registration, foldhash::fast::RandomState>,
}

struct Registration {
    series: Arc<Series>,
    time_ms: i64,
    entity: Option<Arc<str>>,
}

/// Checks the whole request; and the failure of an entity that was let pass.
fn collect<'i>(
    service: &Metrics,
    caller: &Caller,
    input: &'i PutMetricDataInput,
    now: TimestampMs,
) -> Result<(Batch, Option<&'static str>), ServiceError> {
    let plain = input.metric_data.as_deref().unwrap_or_default();
    let with_entity = input.entity_metric_data.as_deref().unwrap_or_default();
    if !with_entity.is_empty() && input.strict_entity_validation.is_none() {
        let text =
            "The parameter StrictEntityValidation must be specified when the parameter EntityMetricData is specified.";
        return Err(invalid_combination(text));
    }
    let is_strict = input.strict_entity_validation == Some(true);
    // Too many entities are a fault of the entities: without strictness their data are kept all the same.
    let too_many = with_entity.len() > ENTITIES_MAX;
    if too_many && is_strict {
        return Err(collection_too_large("EntityMetricData", ENTITIES_MAX));
    }
    let of_entities = || with_entity.iter().map(|data| data.metric_data.as_deref().unwrap_or_default());
    let datums = plain.len() + of_entities().map(<[MetricDatum]>::len).sum::<usize>();
    if datums == 0 {
        return Err(missing("At least one MetricDatum object must be present in the request."));
    }
    if datums > DATUMS_MAX {
        return Err(collection_too_large("MetricData", DATUMS_MAX));
    }
    let mut checked = Vec::with_capacity(datums);
    let mut check = |data: &'i [MetricDatum], entity_place: Option<usize>, entity: Option<&Arc<str>>| {
        for (index, datum) in data.iter().enumerate() {
            if let Some(point) = datum::check(datum, Place { entity: entity_place, datum: index }, now)? {
                checked.push((datum, point, entity.cloned()));
            }
        }
        Ok::<(), ServiceError>(())
    };
    check(plain, None, None)?;
    let mut failure = too_many.then_some("EntitySizeTooLarge");
    for (index, (data, entity_of)) in of_entities().zip(with_entity).enumerate() {
        let entity = match entity::check(entity_of.entity.as_ref()) {
            Err(error) if is_strict => return Err(invalid_value(format!("{}: {}", error.code, error.reason))),
            Err(error) => {
                failure.get_or_insert(error.code);
                None
            }
            Ok(_) if too_many => None,
            Ok(entity) => Some(Arc::from(entity::json(entity))),
        };
        check(data, Some(index), entity.as_ref())?;
    }
    // Only now, when nothing is refused any more, may series come into being.
    let mut batch = Batch { points: Vec::with_capacity(checked.len()), ..Batch::default() };
    let mut writer = KeyWriter::new(caller.account, &caller.region, &input.namespace);
    for (datum, point, entity) in checked {
        let key = writer.key(&datum.metric_name, datum.dimensions.as_deref().unwrap_or_default());
        let key = key.map_err(|_| repeated_dimension())?;
        let series = service.index.get_or_create(key, now.0).map_err(|_| too_many_series())?;
        batch.add(series, point, entity.as_ref());
    }
    Ok((batch, failure))
}

impl Batch {
    fn add(&mut self, series: Arc<Series>, point: Point, entity: Option<&Arc<str>>) {
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
        if !self.registrations.is_empty() {
            let mut rows = Rows::new(&METRIC_SERIES);
            self.registrations.values().for_each(|registration| registration.write(&mut rows));
            append.push(rows);
        }
        let mut rows = Rows::with_capacity(&METRIC_POINTS, self.points.len(), self.points.len() * ROW_VALUE_BYTES);
        for (series, point) in &self.points {
            point.as_ref().write(series.id.0, &mut rows);
        }
        append.and(rows)
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
    /// Makes the points durable, then shows them in the hot heads (M-1).
    async fn append(&self, batch: Batch) -> Result<(), ServiceError> {
        if batch.points.is_empty() {
            return Ok(());
        }
        let mut in_flight = InFlight { batch, is_settled: false };
        let appended = self.store.append(in_flight.batch.rows()).await;
        // An error that may pass says that nothing was appended; after any other the points may or may not be there.
        in_flight.is_settled = appended.as_ref().map_or_else(|error| error.is_retryable(), |_| true);
        appended.map_err(|error| of_store(&error))?;
        let batch = &in_flight.batch;
        let now_ms = self.clock.now().0;
        for (series, point) in &batch.points {
            self.index.push(series, &point.as_ref(), now_ms);
        }
        for registration in batch.registrations.values() {
            let entity = registration.entity.as_deref().map_or(0, hash);
            registration.series.was_registered(registration.time_ms, entity);
        }
        self.sweep_when_due();
        Ok(())
    }
}

/// Points that the store may or may not have. If their caller gives up before that is known, the heads have to say that they
/// do not know (M-2).
struct InFlight {
    batch: Batch,
    is_settled: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.is_settled {
            self.batch.points.iter().for_each(|(series, point)| series.head().missed(point.time_ms));
        }
    }
}
