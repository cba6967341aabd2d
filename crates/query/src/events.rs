//! Reading events: which rows a query needs, in batches, with the values that are asked of each.

use std::cell::OnceCell;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use hashbrown::HashMap;
use watchkeep_lang::insights::discover::Discovered;
use watchkeep_lang::insights::plan::{Path, System};
use watchkeep_lang::insights::value::Value;
use watchkeep_store::{Batch, FieldPath, Fields, Order, Scan, Spelling, Store, TextFilter, Texts};

use crate::answer::{Pointer, Statistics};
use crate::control::Bounds;
use crate::error::QueryError;
use crate::request::{EventTable, Group, Surroundings};

/// What of events is read.
#[derive(Clone)]
pub(crate) struct Reading {
    /// The table.
    pub table: EventTable,
    /// The groups.
    pub groups: Arc<Groups>,
    /// Times in milliseconds since the epoch; the end is not included.
    pub time: Range<i64>,
    /// In what order.
    pub order: Order,
    /// The table's columns that are needed beside the times and the group's and stream's numbers.
    pub columns: Vec<usize>,
    /// The discovered fields that are needed, if nothing else of the message is: columns may stand in for it.
    pub fields: Option<Arc<[(Path, Spelling)]>>,
    /// What messages must contain, as far as is certain.
    pub text: Option<TextFilter>,
    /// Whether what is masked is shown.
    pub unmasked: bool,
    /// Who knows the rest.
    pub surroundings: Arc<dyn Surroundings>,
}

/// Groups, found by number.
#[derive(Debug)]
pub(crate) struct Groups {
    pub all: Vec<Group>,
    by_id: HashMap<u64, usize, foldhash::fast::FixedState>,
}

impl Groups {
    /// These groups, each once.
    pub(crate) fn new(groups: impl IntoIterator<Item = Group>) -> Groups {
        let mut all: Vec<Group> = Vec::new();
        let mut by_id = HashMap::default();
        for group in groups {
            if !by_id.contains_key(&group.id) {
                by_id.insert(group.id, all.len());
                all.push(group);
            }
        }
        Groups { all, by_id }
    }

    fn get(&self, id: u64) -> Option<&Group> {
        self.all.get(*self.by_id.get(&id)?)
    }
}

/// What a query has read so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    scanned: AtomicU64,
    bytes: AtomicU64,
    matched: AtomicU64,
    groups: AtomicU64,
    is_incomplete: AtomicBool,
}

impl Counts {
    /// Adds events that passed the query's filters.
    pub(crate) fn add_matched(&self, events: u64) {
        self.matched.fetch_add(events, Ordering::Relaxed);
    }

    fn add_scanned(&self, events: u64, bytes: u64) {
        self.scanned.fetch_add(events, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The counts, for the answer.
    pub(crate) fn statistics(&self) -> Statistics {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        Statistics {
            records_matched: of(&self.matched),
            records_scanned: of(&self.scanned),
            bytes_scanned: of(&self.bytes),
            groups_scanned: of(&self.groups),
            is_incomplete: self.is_incomplete.load(Ordering::Relaxed),
        }
    }
}

/// Takes batches of events, and says whether more are wanted.
pub(crate) type Visit<'v> = dyn FnMut(&EventBatch<'_>) -> Result<ControlFlow<()>, QueryError> + 'v;

impl Reading {
    /// Reads the events. Blocks.
    pub(crate) fn run(
        &self,
        store: &Store,
        bounds: &Bounds,
        counts: &Arc<Counts>,
        visit: &mut Visit<'_>,
    ) -> Result<(), QueryError> {
        if self.groups.all.is_empty() {
            return Ok(());
        }
        bounds.check()?;
        let counted_by_filter = self.text.is_some();
        let mut failed = None;
        let mut each = |batch: &Batch| {
            let step = || {
                bounds.check()?;
                if !counted_by_filter || batch.fields().is_some() {
                    let bytes = batch.u64s(self.table.bytes).iter().sum();
                    counts.add_scanned(batch.len() as u64, bytes);
                }
                visit(&EventBatch::new(self, batch))
            };
            step().unwrap_or_else(|error| {
                failed = Some(error);
                ControlFlow::Break(())
            })
        };
        let stats = store.scan(&self.scan(counts), &mut each)?;
        if let Some(failed) = failed {
            return Err(failed);
        }
        counts.groups.fetch_max(self.groups.all.len() as u64, Ordering::Relaxed);
        if stats.segments_damaged > 0 || stats.locked > 0 {
            counts.is_incomplete.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn scan(&self, counts: &Arc<Counts>) -> Scan {
        let table = self.table;
        let mut columns = vec![table.group, table.stream, table.bytes];
        columns.extend(&self.columns);
        let ids = self.groups.all.iter().map(|group| group.id);
        let mut scan = Scan::new(table.table).ids(table.group, ids).time(self.time.clone()).order(self.order);
        scan = scan.columns(&columns);
        if self.order == Order::Any {
            scan = scan.without_seqs();
        }
        if let Some(text) = &self.text {
            let (matches, counts) = (text.matches.clone(), counts.clone());
            let counting = move |message: &[u8]| {
                counts.add_scanned(1, message.len() as u64);
                matches(message)
            };
            scan = scan.text(TextFilter { matches: Arc::new(counting), ..text.clone() });
        }
        if let Some(fields) = &self.fields {
            let path = |(path, spelling): &(Path, Spelling)| FieldPath { path: path.name.as_ref().to_owned(), spelling: *spelling };
            let masks = table.masks.filter(|_| self.unmasked);
            let unless = table.transformed.into_iter().chain(masks).collect();
            scan = scan.fields(Fields { paths: fields.iter().map(path).collect(), unless });
        }
        scan
    }

    /// The same, with everything that says what is in an event.
    pub(crate) fn whole_events(&mut self) {
        let table = self.table;
        self.columns.push(table.message);
        self.columns.extend(table.transformed.into_iter().chain(table.entity));
        self.columns.extend(table.masks.filter(|_| self.unmasked));
    }
}

/// Some events.
pub(crate) struct EventBatch<'b> {
    reading: &'b Reading,
    batch: &'b Batch,
    messages: Texts<'b>,
    /// The columns that stand in for messages.
    columns: Option<Vec<FieldColumn<'b>>>,
}

impl<'b> EventBatch<'b> {
    fn new(reading: &'b Reading, batch: &'b Batch) -> EventBatch<'b> {
        let columns = batch.fields().map(|fields| fields.iter().map(FieldColumn::new).collect());
        EventBatch { reading, batch, messages: batch.texts(reading.table.message), columns }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.batch.len()
    }

    /// Their times.
    pub(crate) fn times(&self) -> &'b [i64] {
        self.batch.times()
    }

    /// The columns that stand in for messages, if they do, in the order of [`Reading::fields`].
    pub(crate) fn field_arrays(&self) -> Option<&'b [ArrayRef]> {
        self.batch.fields()
    }

    /// The events, one after the other.
    pub(crate) fn events(&self) -> impl Iterator<Item = Event<'_>> {
        (0..self.len()).map(|row| self.event(row))
    }

    /// One of them.
    pub(crate) fn event(&self, row: usize) -> Event<'_> {
        Event { batch: self, row, discovered: OnceCell::new(), unmasked: OnceCell::new() }
    }
}

/// A column that stands in for a field.
enum FieldColumn<'b> {
    I64(&'b arrow::array::Int64Array),
    F64(&'b arrow::array::Float64Array),
    Bool(&'b arrow::array::BooleanArray),
    Text(&'b [i32], Option<&'b arrow::buffer::NullBuffer>, &'b arrow::array::StringArray),
    Absent,
}

impl<'b> FieldColumn<'b> {
    fn new(array: &'b ArrayRef) -> FieldColumn<'b> {
        let column = match array.data_type() {
            DataType::Int64 => array.as_primitive_opt::<Int64Type>().map(FieldColumn::I64),
            DataType::Float64 => array.as_primitive_opt::<Float64Type>().map(FieldColumn::F64),
            DataType::Boolean => array.as_boolean_opt().map(FieldColumn::Bool),
            _ => array.as_dictionary_opt::<Int32Type>().and_then(|dictionary| {
                let texts = dictionary.values().as_string_opt::<i32>()?;
                Some(FieldColumn::Text(dictionary.keys().values(), dictionary.keys().nulls(), texts))
            }),
        };
        column.unwrap_or(FieldColumn::Absent)
    }

    fn value(&self, row: usize) -> Value<'b> {
        let valid = |array: &dyn Array| row < array.len() && array.is_valid(row);
        match self {
            FieldColumn::I64(array) if valid(*array) => Value::text(array.value(row).to_string()),
            FieldColumn::F64(array) if valid(*array) => Value::Number(array.value(row)),
            FieldColumn::Bool(array) if valid(*array) => Value::Bool(array.value(row)),
            FieldColumn::Text(keys, nulls, texts) if nulls.is_none_or(|nulls| nulls.is_valid(row)) => {
                let key = keys.get(row).and_then(|&key| usize::try_from(key).ok()).filter(|&key| key < texts.len());
                key.map_or(Value::Null, |key| Value::Text(texts.value(key).into()))
            }
            _ => Value::Null,
        }
    }
}

/// An event that is looked at.
pub(crate) struct Event<'e> {
    batch: &'e EventBatch<'e>,
    row: usize,
    discovered: OnceCell<Discovered<'e>>,
    unmasked: OnceCell<Option<String>>,
}
