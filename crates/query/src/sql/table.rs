//! Events as a table.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::SchemaRef;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::streaming::PartitionStream;
use watchkeep_lang::insights::discover::Discoverer;
use watchkeep_lang::insights::event::Event;
use watchkeep_lang::insights::plan::{Path, System};
use watchkeep_lang::insights::value::{Value, ValueSet};
use watchkeep_store::{Spelling, Store};

use super::discover::{Columns, Kind};
use super::stream::{self, Give};
use crate::control::Bounds;
use crate::error::QueryError;
use crate::events::{Counts, EventBatch, Reading};

/// The rows of a table, and how they are read.
#[derive(Clone)]
pub(super) struct Events {
    reading: Reading,
    columns: Columns,
    schema: SchemaRef,
    discoverer: Arc<Discoverer>,
    /// What `filterIndex` asks for: a field's place among the discovered, its name, and its values.
    indexed: Arc<[(Path, ValueSet)]>,
}

impl Events {
    /// The events of a reading with these columns, of which indexed fields have one of some values.
    pub(super) fn new(mut reading: Reading, columns: Columns, indexed: Vec<(String, Vec<String>)>) -> Events {
        let spelling = |kind: Kind| if kind == Kind::Text { Spelling::Kept } else { Spelling::Ignored };
        columns.ask(&mut reading, spelling);
        let mut paths: Vec<Path> = columns.fields.iter().map(|(path, _)| path.clone()).collect();
        let mut wanted = Vec::new();
        for (field, values) in indexed {
            let path = Path { name: field.as_str().into(), slot: paths.len() };
            paths.push(path.clone());
            wanted.push((path, values.into_iter().map(Value::text).collect::<ValueSet>()));
        }
        if !wanted.is_empty() {
            // These fields are looked for in the events themselves.
            reading.fields = None;
            let table = reading.table;
            reading.columns.push(table.message);
            reading.columns.extend(table.transformed);
        }
        Events {
            schema: columns.schema(),
            discoverer: Arc::new(Discoverer::new(&paths)),
            reading,
            columns,
            indexed: wanted.into(),
        }
    }

    fn read(
        &self,
        store: &Store,
        bounds: &Bounds,
        counts: &Arc<Counts>,
        give: &mut Give<'_>,
    ) -> Result<(), QueryError> {
        self.reading.run(store, bounds, counts, &mut |batch| {
            let rows = self.rows(batch)?;
            counts.add_matched(rows.num_rows() as u64);
            Ok(if give(rows) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(())
    }

    /// The rows of a batch.
    fn rows(&self, batch: &EventBatch<'_>) -> Result<RecordBatch, QueryError> {
        let mut taken: Vec<usize> = Vec::with_capacity(batch.len());
        let mut found: Vec<Vec<Value<'_>>> = self.columns.fields.iter().map(|_| Vec::new()).collect();
        let by_column = batch.columns().is_some();
        for at in 0..batch.len() {
            let Some(event) = batch.event(at, None, "") else { continue };
            if by_column {
                for ((path, _), values) in self.columns.fields.iter().zip(&mut found) {
                    values.push(batch.column(path).map_or(Value::Null, |column| column.value(at)));
                }
            } else if !self.columns.fields.is_empty() || !self.indexed.is_empty() {
                let discovered = self.discoverer.discover(&event);
                let passes = self.indexed.iter().all(|(path, wanted)| {
                    let since = batch.group(at).into_iter().flat_map(|group| group.indexed.iter());
                    let is_indexed =
                        since.into_iter().any(|(name, since_ms)| **name == *path.name && event.time_ms >= *since_ms);
                    is_indexed && discovered.get(path.slot).is_some_and(|value| wanted.has(value))
                });
                if !passes {
                    continue;
                }
                found.iter_mut().zip(discovered).for_each(|(values, value)| values.push(value));
            }
            taken.push(at);
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (_, what) in &self.columns.system {
            arrays.push(system(batch, &taken, *what));
        }
        for ((_, kind), values) in self.columns.fields.iter().zip(&found) {
            arrays.push(column(*kind, values));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(taken.len()));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| QueryError::Failed(error.to_string()))
    }
}

fn system(batch: &EventBatch<'_>, rows: &[usize], what: System) -> ArrayRef {
    let value = |of: &dyn Fn(&Event<'_>) -> Value<'static>| -> Vec<Value<'static>> {
        rows.iter().map(|&at| batch.event(at, None, "").map_or(Value::Null, |event| of(&event))).collect()
    };
    match what {
        System::Timestamp | System::IngestionTime => {
            let times = value(&|event| event.system(what).into_owned());
            let times = times.iter().map(|value| match value {
                Value::Time(time_ms) => Some(*time_ms),
                _ => None,
            });
            Arc::new(TimestampMillisecondArray::from_iter(times))
        }
        System::Pointer => {
            Arc::new(StringArray::from_iter_values(rows.iter().map(|&at| batch.pointer(at).to_string())))
        }
        System::Message => {
            let texts = rows.iter().map(|&at| batch.event(at, None, "").map(|event| event.message));
            Arc::new(StringArray::from_iter(texts))
        }
        _ => column(Kind::Text, &value(&|event| event.system(what).into_owned())),
    }
}

fn column(kind: Kind, values: &[Value<'_>]) -> ArrayRef {
    match kind {
        Kind::Integer => Arc::new(Int64Array::from_iter(values.iter().map(|value| match value {
            Value::Text(text) => text.parse::<i64>().ok(),
            value => value.as_number().map(|number| number as i64),
        }))),
        Kind::Number => Arc::new(Float64Array::from_iter(values.iter().map(Value::as_number))),
        Kind::Boolean => Arc::new(BooleanArray::from_iter(values.iter().map(|value| match value {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        }))),
        Kind::Text | Kind::Nothing => {
            let texts = values.iter().map(|value| match value {
                Value::Null => None,
                Value::Json(json) => Some(json.to_string()),
                Value::Bool(bool) => Some(bool.to_string()),
                value => value.as_text().map(std::borrow::Cow::into_owned),
            });
            Arc::new(StringArray::from_iter(texts))
        }
    }
}

/// A table of events, as DataFusion reads it.
pub(super) struct EventsStream {
    store: Arc<Store>,
    events: Events,
    bounds: Bounds,
    counts: Arc<Counts>,
}

impl EventsStream {
    /// Over a store.
    pub(super) fn new(store: Arc<Store>, events: Events, bounds: Bounds, counts: Arc<Counts>) -> EventsStream {
        EventsStream { store, events, bounds, counts }
    }
}

impl fmt::Debug for EventsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsStream").field("columns", &self.events.columns).finish_non_exhaustive()
    }
}

impl PartitionStream for EventsStream {
    fn schema(&self) -> &SchemaRef {
        &self.events.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (events, bounds, counts) = (self.events.clone(), self.bounds.clone(), self.counts.clone());
        let schema = self.events.schema.clone();
        stream::of_thread(self.store.clone(), schema, move |store, give| events.read(store, &bounds, &counts, give))
    }
}
