//! Events as a table.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
    StringViewArray, TimestampMillisecondArray, new_null_array,
};
use arrow::buffer::Buffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int32Type, SchemaRef};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use hashbrown::{HashMap, HashSet};
use watchkeep_lang::insights::discover::{Discoverer, all_fields};
use watchkeep_lang::insights::event::Event;
use watchkeep_lang::insights::plan::{Path, System};
use watchkeep_lang::insights::value::{Value, ValueSet};
use watchkeep_store::{Spelling, Store};

use super::discover::{Columns, Kind, kind_of_column};
use super::stream::{self, Give};
use crate::control::Bounds;
use crate::error::QueryError;
use crate::events::{Counts, EventBatch, FieldColumn, Reading};
use crate::limits::{SQL_FIELDS_MAX, SQL_KEPT_BYTES_MAX};

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
        let kinds: Vec<Kind> = self.columns.fields.iter().map(|(_, kind)| *kind).collect();
        self.arrays(batch, &self.found(batch), &kinds, self.schema.clone())
    }

    /// The events of a batch that are of the table, and the values of their fields.
    fn found<'b>(&self, batch: &'b EventBatch<'_>) -> Found<'b> {
        let needs_no_messages = self.columns.fields.is_empty() && self.indexed.is_empty();
        if batch.columns().is_some() || needs_no_messages {
            return Found { taken: (0..batch.len()).collect(), values: Values::OfColumns };
        }
        let mut taken: Vec<usize> = Vec::with_capacity(batch.len());
        let mut values: Vec<Vec<Value<'b>>> = self.columns.fields.iter().map(|_| Vec::new()).collect();
        for at in 0..batch.len() {
            let Some(event) = batch.event(at, None, "") else { continue };
            if !self.columns.fields.is_empty() || !self.indexed.is_empty() {
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
                values.iter_mut().zip(discovered).for_each(|(values, value)| values.push(value));
            }
            taken.push(at);
        }
        Found { taken, values: Values::OfEvents(values) }
    }

    fn arrays(
        &self,
        batch: &EventBatch<'_>,
        found: &Found<'_>,
        kinds: &[Kind],
        schema: SchemaRef,
    ) -> Result<RecordBatch, QueryError> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for (_, what) in &self.columns.system {
            arrays.push(system(batch, &found.taken, *what));
        }
        match &found.values {
            Values::OfEvents(values) => {
                arrays.extend(kinds.iter().zip(values).map(|(kind, values)| column(*kind, values)));
            }
            Values::OfColumns => {
                for (kind, (path, _)) in kinds.iter().zip(&self.columns.fields) {
                    arrays.push(match batch.column(path) {
                        Some(column) => of_column(*kind, column, batch.len())?,
                        None => new_null_array(&kind.data_type(), batch.len()),
                    });
                }
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(found.taken.len()));
        RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|error| QueryError::Failed(error.to_string()))
    }

    /// Reads all events to see of which types the fields are, and keeps their rows if there are few.
    pub(super) fn look(mut self, store: &Store, wants_all: bool, bounds: &Bounds) -> Result<FirstLook, QueryError> {
        if wants_all {
            // Whatever is in the events is wanted, and not known before all were read.
            self.reading.fields = None;
        }
        let counts = Arc::new(Counts::default());
        let mut columns = self.columns.clone();
        let mut others: HashMap<String, Kind> = HashMap::new();
        let bytes_max = SQL_KEPT_BYTES_MAX.min(bounds.memory_bytes_max() / 4);
        let mut kept = (!wants_all).then(Kept::default);
        self.reading.run(store, bounds, &counts, &mut |batch| {
            let found = self.found(batch);
            let kinds = found.kinds(batch, &columns);
            columns.fields.iter_mut().zip(&kinds).for_each(|((_, kind), found)| kind.widen(*found));
            counts.add_matched(found.taken.len() as u64);
            if let Some(rows) = &mut kept {
                let typed = self.columns.fields.iter().zip(&kinds).map(|((path, _), kind)| (path.clone(), *kind));
                let schema = Columns { system: self.columns.system.clone(), fields: typed.collect() }.schema();
                rows.add(self.arrays(batch, &found, &kinds, schema)?, kinds);
                if rows.bytes > bytes_max {
                    kept = None;
                }
            }
            for event in found.taken.iter().filter(|_| wants_all).filter_map(|&at| batch.event(at, None, "")) {
                for (name, value) in all_fields(&event) {
                    if others.len() < SQL_FIELDS_MAX || others.contains_key(&name) {
                        others.entry(name).or_default().widen(Kind::of(&value));
                    }
                }
            }
            // The rows are read once more then.
            let is_done = !wants_all && kept.is_none() && columns.are_settled();
            Ok(if is_done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        columns.add(others);
        Ok(FirstLook { columns, kept, counts })
    }
}

/// What a batch has of a table.
struct Found<'b> {
    /// The places of its events.
    taken: Vec<usize>,
    values: Values<'b>,
}

/// The values of fields.
enum Values<'b> {
    /// The columns that stand in for messages have them.
    OfColumns,
    /// For each field those of the events.
    OfEvents(Vec<Vec<Value<'b>>>),
}

impl Found<'_> {
    /// The types of the fields in this batch, where they had those of `columns` in the batches before.
    fn kinds(&self, batch: &EventBatch<'_>, columns: &Columns) -> Vec<Kind> {
        match &self.values {
            Values::OfColumns => {
                let kind = |(path, before): &(Path, Kind)| match batch.column(path) {
                    // Texts need not be read to see that the column's type stays.
                    Some(FieldColumn::Text { .. }) if *before == Kind::Text => Kind::Text,
                    Some(column) => kind_of_column(column, batch.len()),
                    None => Kind::Nothing,
                };
                columns.fields.iter().map(kind).collect()
            }
            Values::OfEvents(values) => {
                let kind = |values: &Vec<Value<'_>>| {
                    let mut kind = Kind::Nothing;
                    values.iter().for_each(|value| kind.widen(Kind::of(value)));
                    kind
                };
                values.iter().map(kind).collect()
            }
        }
    }
}

/// What was found when all events of a table were read for the first time.
pub(super) struct FirstLook {
    /// The columns, with their types.
    pub columns: Columns,
    kept: Option<Kept>,
    counts: Arc<Counts>,
}

/// Rows, in batches that have types of their own.
#[derive(Default)]
struct Kept {
    batches: Vec<(Vec<Kind>, RecordBatch)>,
    bytes: usize,
    /// The memory that texts lie in: those of a dictionary's batches share it.
    shared: HashSet<usize>,
}

impl Kept {
    fn add(&mut self, batch: RecordBatch, kinds: Vec<Kind>) {
        for array in batch.columns() {
            self.bytes += match array.as_string_view_opt() {
                Some(texts) => {
                    let own = texts.data_buffers().iter().filter(|buffer| self.shared.insert(buffer.as_ptr().addr()));
                    texts.views().len() * size_of::<u128>() + own.map(Buffer::capacity).sum::<usize>()
                }
                None => array.get_array_memory_size(),
            };
        }
        self.batches.push((kinds, batch));
    }
}

impl FirstLook {
    /// A table that has these columns without having been read.
    pub(super) fn none(columns: Columns) -> FirstLook {
        FirstLook { columns, kept: None, counts: Arc::default() }
    }

    /// The rows, if all were kept and none would read otherwise in a column of the type that it has come to have; and their bytes.
    /// They are counted then.
    fn rows(self, schema: &SchemaRef, counts: &Counts) -> Option<(Vec<RecordBatch>, usize)> {
        let kept = self.kept?;
        let systems = self.columns.system.len();
        let rows = |(kinds, batch): &(Vec<Kind>, RecordBatch)| {
            let mut arrays = batch.columns().get(..systems)?.to_vec();
            for (path, kind) in &self.columns.fields {
                let array = batch.column_by_name(&path.name)?;
                let at = batch.schema_ref().index_of(&path.name).ok()?.checked_sub(systems)?;
                arrays.push(match (*kinds.get(at)?, *kind) {
                    (found, wanted) if found == wanted => array.clone(),
                    (Kind::Nothing, wanted) => new_null_array(&wanted.data_type(), batch.num_rows()),
                    (Kind::Integer, Kind::Number) => cast(array, &DataType::Float64).ok()?,
                    _ => return None,
                });
            }
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), arrays, &options).ok()
        };
        let rows: Vec<RecordBatch> = kept.batches.iter().map(rows).collect::<Option<_>>()?;
        counts.add(&self.counts);
        Some((rows, kept.bytes))
    }
}

fn system(batch: &EventBatch<'_>, rows: &[usize], what: System) -> ArrayRef {
    let value = |of: &dyn Fn(&Event<'_>) -> Value<'static>| -> Vec<Value<'static>> {
        rows.iter().map(|&at| batch.event(at, None, "").map_or(Value::Null, |event| of(&event))).collect()
    };
    match what {
        System::Timestamp if rows.len() == batch.len() => {
            Arc::new(TimestampMillisecondArray::from_iter_values(batch.times().iter().copied()))
        }
        System::Timestamp | System::IngestionTime => {
            let times = value(&|event| event.system(what).into_owned());
            let times = times.iter().map(|value| match value {
                Value::Time(time_ms) => Some(*time_ms),
                _ => None,
            });
            Arc::new(TimestampMillisecondArray::from_iter(times))
        }
        System::Pointer => {
            Arc::new(StringViewArray::from_iter_values(rows.iter().map(|&at| batch.pointer(at).to_string())))
        }
        System::Message => {
            let texts = rows.iter().map(|&at| batch.event(at, None, "").map(|event| event.message));
            Arc::new(StringViewArray::from_iter(texts))
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
            Arc::new(StringViewArray::from_iter(texts))
        }
    }
}

/// A column of the table, out of one that stands in for messages.
fn of_column(kind: Kind, found: &FieldColumn<'_>, rows: usize) -> Result<ArrayRef, QueryError> {
    let fail = |error: arrow::error::ArrowError| QueryError::Failed(error.to_string());
    Ok(match (kind, found) {
        (_, FieldColumn::Absent) => new_null_array(&kind.data_type(), rows),
        (Kind::Integer, FieldColumn::I64(array)) => Arc::new(Int64Array::clone(array)),
        (Kind::Number, FieldColumn::I64(array)) => cast(*array, &DataType::Float64).map_err(fail)?,
        (Kind::Number, FieldColumn::F64(array)) => Arc::new(Float64Array::clone(array)),
        (Kind::Boolean, FieldColumn::Bool(array)) => Arc::new(BooleanArray::clone(array)),
        // A view of each text, and then only its number of each row.
        (Kind::Text, FieldColumn::Text { array, texts, .. }) if texts.len() <= rows => {
            let numbers = array.as_dictionary_opt::<Int32Type>().map(|dictionary| dictionary.keys());
            let numbers = numbers.ok_or_else(|| QueryError::Failed("a column is no dictionary".to_owned()))?;
            take(&StringViewArray::from(*texts), numbers, None).map_err(fail)?
        }
        (Kind::Text, FieldColumn::Text { array, .. }) => cast(*array, &DataType::Utf8View).map_err(fail)?,
        // Types that differ from batch to batch.
        _ => {
            let values: Vec<Value<'_>> = (0..rows).map(|row| found.value(row)).collect();
            column(kind, &values)
        }
    })
}

/// A table of events, as DataFusion reads it.
pub(super) struct EventsStream {
    store: Arc<Store>,
    events: Events,
    /// Its rows, if they were kept when they were looked at.
    kept: Option<Vec<RecordBatch>>,
    bytes: usize,
    bounds: Bounds,
    counts: Arc<Counts>,
}

impl EventsStream {
    /// A table with the columns of `look`, read again where that did not keep its rows.
    pub(super) fn new(
        store: Arc<Store>,
        (reading, indexed): (Reading, Vec<(String, Vec<String>)>),
        look: FirstLook,
        bounds: Bounds,
        counts: Arc<Counts>,
    ) -> Result<EventsStream, QueryError> {
        let events = Events::new(reading, look.columns.clone(), indexed);
        let (kept, bytes) = look.rows(&events.schema, &counts).unzip();
        let bytes = bytes.unwrap_or_default();
        bounds.take(bytes)?;
        Ok(EventsStream { store, events, kept, bytes, bounds, counts })
    }

    /// The bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
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
        let schema = self.events.schema.clone();
        if let Some(kept) = &self.kept {
            let batches = futures_util::stream::iter(kept.clone().into_iter().map(Ok));
            return Box::pin(RecordBatchStreamAdapter::new(schema, batches));
        }
        let (events, bounds, counts) = (self.events.clone(), self.bounds.clone(), self.counts.clone());
        stream::of_thread(self.store.clone(), schema, move |store, give| events.read(store, &bounds, &counts, give))
    }
}
