//! Reading events: which rows a query needs, in batches, with the values that are asked of each.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use hashbrown::HashMap;
use watchkeep_lang::insights::discover::Discoverer;
use watchkeep_lang::insights::event::Event;
use watchkeep_lang::insights::plan::Path;
use watchkeep_lang::insights::value::Value;
use watchkeep_store::{
    AlsoIn, Batch, Choice, FieldPath, Fields, Order, RowTest, Scan, ScanStats, Spelling, Store, TextFilter, Texts,
};

use crate::answer::{Pointer, Statistics};
use crate::control::Bounds;
use crate::error::QueryError;
use crate::request::{EventTable, Group, Surroundings};

/// With what JSON may write any letter: a message with it is never skipped for lack of a literal.
pub(crate) const JSON_ESCAPE: &[u8] = b"\\u00";

/// Whole numbers below this are exact, and shown alike, as floating-point numbers.
pub(crate) const EXACT_WHOLE: u64 = 1_000_000_000_000_000;

/// After how many messages that do not match a query is asked whether it may go on.
const CHECKED_EVERY: u64 = 4096;

/// About how many bytes a reader takes that has not said how many events it wants, and may stop at any.
const BYTES_WANTED: usize = 1 << 20;

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
    /// How many at most.
    pub limit: Option<usize>,
    /// The table's columns that are needed beside the times and the group's and stream's numbers.
    pub columns: Vec<usize>,
    /// Whether the events' places are asked for ([`EventBatch::pointer`]).
    pub seqs: bool,
    /// Whether the names of streams are asked for.
    pub stream_names: bool,
    /// The discovered fields that are needed, perhaps none, if nothing else of the message is: columns may stand in for it.
    pub fields: Option<Arc<[(Path, Spelling)]>>,
    /// What messages must contain, as far as is certain.
    pub text: Option<TextFilter>,
    /// Which events are wanted, as far as a few fields tell.
    pub choice: Option<EventChoice>,
    /// Whether what is masked is shown.
    pub unmasked: bool,
    /// Who knows the rest.
    pub surroundings: Arc<dyn Surroundings>,
}

/// Leaves out events that would be passed over, by some of their fields.
#[derive(Clone)]
pub(crate) struct EventChoice {
    /// The fields.
    pub fields: Arc<[(Path, Spelling)]>,
    /// Of the columns of some events, in the order of the fields, which events are wanted.
    pub wanted: Arc<RowTest>,
}

/// Groups, found by number.
#[derive(Debug)]
pub(crate) struct Groups {
    all: Vec<Group>,
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

    pub(crate) fn all(&self) -> &[Group] {
        &self.all
    }

    /// Whether some are Lambda's, in whose lines there are fields beside those of JSON.
    pub(crate) fn are_of_lambda(&self) -> bool {
        self.all.iter().any(|group| group.shown.is_lambda())
    }

    fn get(&self, id: u64) -> Option<&Group> {
        self.all.get(*self.by_id.get(&id)?)
    }
}

/// What a query has read so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// By thread: several look at messages at once, and would else wait for each other at each of them.
    scanned: [Scanned; SHARDS],
    matched: AtomicU64,
    groups: AtomicU64,
    is_incomplete: AtomicBool,
    locked: AtomicU64,
    lost: AtomicU64,
}

/// Events that were looked at, and the bytes of their messages; in a line of the processor's cache of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Scanned {
    events: AtomicU64,
    bytes: AtomicU64,
}

/// How many threads count apart from each other.
const SHARDS: usize = 8;

/// Where this thread counts.
fn shard() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    SHARD.with(|shard| *shard)
}

impl Counts {
    /// Adds events that passed the query's filters.
    pub(crate) fn add_matched(&self, events: u64) {
        self.matched.fetch_add(events, Ordering::Relaxed);
    }

    /// Adds what a scan of another table looked at.
    pub(crate) fn add_read(&self, stats: &ScanStats) {
        self.add_matched(stats.rows);
        self.add_scanned(stats.rows_scanned, stats.bytes_scanned);
        self.add_missing(stats);
    }

    /// Adds what a scan could not read.
    fn add_missing(&self, stats: &ScanStats) {
        self.locked.fetch_add(stats.locked, Ordering::Relaxed);
        self.lost.fetch_add(stats.lost, Ordering::Relaxed);
        if stats.segments_damaged > 0 || stats.locked > 0 {
            self.is_incomplete.store(true, Ordering::Relaxed);
        }
    }

    /// Adds events that were looked at, and the bytes of their messages; says how many this thread, and some others, had before.
    fn add_scanned(&self, events: u64, bytes: u64) -> u64 {
        let Some(own) = self.scanned.get(shard()) else { return 0 };
        own.bytes.fetch_add(bytes, Ordering::Relaxed);
        own.events.fetch_add(events, Ordering::Relaxed)
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn add(&self, other: &Counts) {
        let scanned = self.scanned.iter().zip(&other.scanned);
        let scanned = scanned.flat_map(|(own, other)| [(&own.events, &other.events), (&own.bytes, &other.bytes)]);
        let counts = [(&self.matched, &other.matched), (&self.locked, &other.locked), (&self.lost, &other.lost)];
        for (own, other) in scanned.chain(counts) {
            own.fetch_add(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.groups.fetch_max(other.groups.load(Ordering::Relaxed), Ordering::Relaxed);
        self.is_incomplete.fetch_or(other.is_incomplete.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// What it holds now, of its own.
    pub(crate) fn copied(&self) -> Counts {
        let copy = Counts::default();
        copy.add(self);
        copy
    }

    /// Forgets everything but what was counted elsewhere.
    pub(crate) fn become_as(&self, other: &Counts) {
        let scanned = self.scanned.iter().flat_map(|own| [&own.events, &own.bytes]);
        let counts = [&self.matched, &self.groups, &self.locked, &self.lost];
        scanned.chain(counts).for_each(|own| own.store(0, Ordering::Relaxed));
        self.is_incomplete.store(false, Ordering::Relaxed);
        self.add(other);
    }

    /// The counts, for the answer.
    pub(crate) fn statistics(&self) -> Statistics {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        let of_threads = |count: fn(&Scanned) -> &AtomicU64| self.scanned.iter().map(|own| of(count(own))).sum();
        Statistics {
            records_matched: of(&self.matched),
            records_scanned: of_threads(|own| &own.events),
            bytes_scanned: of_threads(|own| &own.bytes),
            groups_scanned: of(&self.groups),
            is_incomplete: self.is_incomplete.load(Ordering::Relaxed),
            locked: self.locked.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }
}

/// Takes batches of events, and says whether more are wanted.
pub(crate) type Visit<'v> = dyn FnMut(&EventBatch<'_>) -> Result<ControlFlow<()>, QueryError> + 'v;

impl Reading {
    /// Reads the events; says what was read. Blocks.
    pub(crate) fn run(
        &self,
        store: &Store,
        bounds: &Bounds,
        counts: &Arc<Counts>,
        visit: &mut Visit<'_>,
    ) -> Result<ScanStats, QueryError> {
        bounds.check()?;
        if self.groups.all.is_empty() || self.time.start >= self.time.end {
            return Ok(ScanStats::default());
        }
        let is_counted_by_filter = self.text.is_some();
        let mut failed = None;
        let mut each = |batch: &Batch| {
            let mut step = || {
                bounds.check()?;
                if !is_counted_by_filter || batch.fields().is_some() {
                    counts.add_scanned(batch.len() as u64, batch.u64s(self.table.bytes).iter().sum());
                }
                visit(&EventBatch::new(self, batch))
            };
            step().unwrap_or_else(|error| {
                failed = Some(error);
                ControlFlow::Break(())
            })
        };
        let stats = store.scan(&self.scan(bounds, counts), &mut each)?;
        if let Some(failed) = failed {
            return Err(failed);
        }
        // A filter lets everything pass once the query must end: its end is noticed here.
        bounds.check()?;
        counts.groups.fetch_max(self.groups.all.len() as u64, Ordering::Relaxed);
        counts.add_missing(&stats);
        counts.add_scanned(stats.left_out, stats.left_out_bytes);
        Ok(stats)
    }

    fn scan(&self, bounds: &Bounds, counts: &Arc<Counts>) -> Scan {
        let table = self.table;
        let mut columns = vec![table.group, table.bytes];
        columns.extend(&self.columns);
        if self.seqs || self.stream_names || self.unmasked {
            columns.push(table.stream);
        }
        let ids = self.groups.all.iter().map(|group| group.id);
        let mut scan = Scan::new(table.table).ids(table.group, ids).time(self.time.clone()).order(self.order);
        scan = scan.columns(&columns);
        scan.limit = self.limit;
        if self.limit.is_none() {
            scan = scan.bytes_wanted(BYTES_WANTED);
        }
        if !self.seqs {
            scan = scan.without_seqs();
        }
        if let Some(text) = &self.text {
            let (matches, counts, bounds) = (text.matches.clone(), counts.clone(), bounds.clone());
            let is_over = AtomicBool::new(false);
            let counting = move |message: &[u8]| {
                let before = counts.add_scanned(1, message.len() as u64);
                if before.is_multiple_of(CHECKED_EVERY) && bounds.check().is_err() {
                    is_over.store(true, Ordering::Relaxed);
                }
                // Whatever comes is let through then, so that a batch is delivered soon and the scan ended.
                is_over.load(Ordering::Relaxed) || matches(message)
            };
            scan = scan.text(TextFilter { matches: Arc::new(counting), ..text.clone() }.or_escaped(JSON_ESCAPE));
        }
        if let Some(fields) = self.fields.as_ref().filter(|fields| !fields.is_empty()) {
            scan = scan.fields(self.columns_of(fields));
        }
        if let Some(choice) = &self.choice {
            scan = scan.choosing(Choice { by: self.columns_of(&choice.fields), wanted: choice.wanted.clone() });
        }
        scan
    }

    fn columns_of(&self, fields: &[(Path, Spelling)]) -> Fields {
        let path = |(path, spelling): &(Path, Spelling)| FieldPath {
            path: path.name.as_ref().to_owned(),
            spelling: *spelling,
            also_in: if is_of_lines(path) { AlsoIn::OtherTexts } else { AlsoIn::Nothing },
        };
        let masks = self.table.masks.filter(|_| self.unmasked);
        let unless = self.table.transformed.into_iter().chain(masks).collect();
        Fields { paths: fields.iter().map(path).collect(), unless }
    }
}

/// Some events.
pub(crate) struct EventBatch<'b> {
    reading: &'b Reading,
    batch: &'b Batch,
    messages: Texts<'b>,
    names: HashMap<u64, Arc<str>, foldhash::fast::FixedState>,
    /// The columns that stand in for messages, in the order of [`Reading::fields`].
    columns: Option<Vec<FieldColumn<'b>>>,
}

impl<'b> EventBatch<'b> {
    fn new(reading: &'b Reading, batch: &'b Batch) -> EventBatch<'b> {
        let of_batch = batch.fields().map(|fields| fields.iter().map(FieldColumn::new).collect());
        let needs_none = reading.fields.as_deref().is_some_and(<[_]>::is_empty);
        let columns = of_batch.or_else(|| needs_none.then(Vec::new));
        let mut names = HashMap::default();
        if reading.stream_names {
            for &stream in batch.u64s(reading.table.stream) {
                names.entry(stream).or_insert_with(|| reading.surroundings.stream_name(stream).unwrap_or_default());
            }
        }
        EventBatch { reading, batch, messages: batch.texts(reading.table.message), names, columns }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.batch.len()
    }

    /// Their times.
    pub(crate) fn times(&self) -> &'b [i64] {
        self.batch.times()
    }

    /// The group and the stream of an event.
    pub(crate) fn stream(&self, row: usize) -> (u64, u64) {
        (self.id(self.reading.table.group, row), self.id(self.reading.table.stream, row))
    }

    /// The columns that stand in for messages, if they do, in the order of [`Reading::fields`].
    pub(crate) fn columns(&self) -> Option<&[FieldColumn<'b>]> {
        self.columns.as_deref()
    }

    /// The column that stands in for a field.
    pub(crate) fn column(&self, path: &Path) -> Option<&FieldColumn<'b>> {
        let wanted = self.reading.fields.as_deref()?;
        let at = wanted.iter().position(|(found, _)| found.slot == path.slot)?;
        self.columns.as_ref()?.get(at)
    }

    /// Where an event is.
    pub(crate) fn pointer(&self, row: usize) -> Pointer {
        Pointer {
            group: self.id(self.reading.table.group, row),
            stream: self.id(self.reading.table.stream, row),
            time_ms: self.batch.times().get(row).copied().unwrap_or_default(),
            seq: self.batch.seqs().get(row).copied().unwrap_or_default(),
        }
    }

    /// The group of an event.
    pub(crate) fn group(&self, row: usize) -> Option<&'b Group> {
        self.reading.groups.get(self.id(self.reading.table.group, row))
    }

    /// The message of an event as it was before it was masked, if it was and that is asked for.
    pub(crate) fn unmasked(&self, row: usize) -> Option<String> {
        let column = self.reading.table.masks.filter(|_| self.reading.unmasked)?;
        let masks = self.batch.bytes(column, row);
        let place = || self.pointer(row);
        if masks.is_empty() { None } else { self.reading.surroundings.unmasked(place(), self.messages.get(row), masks) }
    }

    /// An event. What was not asked for is empty in it.
    pub(crate) fn event<'e>(&'e self, row: usize, unmasked: Option<&'e str>, pointer: &'e str) -> Option<Event<'e>> {
        let table = self.reading.table;
        let text = |column: Option<usize>| column.map_or("", |column| self.batch.text(column, row));
        Some(Event {
            group: &self.group(row)?.shown,
            log_stream: self.names.get(&self.id(table.stream, row)).map_or("", |name| name),
            time_ms: self.batch.times().get(row).copied().unwrap_or_default(),
            ingested_ms: self.batch.i64s(table.ingested).get(row).copied().unwrap_or_default(),
            message: self.messages.get(row),
            unmasked,
            transformed: text(table.transformed),
            entity: text(table.entity),
            pointer,
        })
    }

    fn id(&self, column: usize, row: usize) -> u64 {
        self.batch.u64s(column).get(row).copied().unwrap_or_default()
    }
}

/// A column that stands in for a field.
#[derive(Debug)]
pub(crate) enum FieldColumn<'b> {
    /// Whole numbers.
    I64(&'b Int64Array),
    /// Numbers.
    F64(&'b Float64Array),
    /// Conditions.
    Bool(&'b BooleanArray),
    /// Texts: for each row the number of its text.
    Text { array: &'b ArrayRef, keys: &'b [i32], nulls: Option<&'b NullBuffer>, texts: &'b StringArray },
    /// Nothing in any row.
    Absent,
}

impl<'b> FieldColumn<'b> {
    /// The column in this array.
    pub(crate) fn new(array: &'b ArrayRef) -> FieldColumn<'b> {
        let column = match array.data_type() {
            DataType::Int64 => array.as_primitive_opt::<Int64Type>().map(FieldColumn::I64),
            DataType::Float64 => array.as_primitive_opt::<Float64Type>().map(FieldColumn::F64),
            DataType::Boolean => array.as_boolean_opt().map(FieldColumn::Bool),
            _ => array.as_dictionary_opt::<Int32Type>().and_then(|dictionary| {
                let keys = dictionary.keys();
                let texts = dictionary.values().as_string_opt::<i32>()?;
                Some(FieldColumn::Text { array, keys: keys.values(), nulls: keys.nulls(), texts })
            }),
        };
        column.unwrap_or(FieldColumn::Absent)
    }

    /// Whether there is no value in a row.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        let is_null = |array: &dyn Array| row >= array.len() || array.is_null(row);
        match self {
            FieldColumn::I64(array) => is_null(*array),
            FieldColumn::F64(array) => is_null(*array),
            FieldColumn::Bool(array) => is_null(*array),
            FieldColumn::Text { .. } => self.key(row).is_none(),
            FieldColumn::Absent => true,
        }
    }

    /// The value in a row.
    pub(crate) fn value(&self, row: usize) -> Value<'b> {
        match self {
            FieldColumn::I64(array) if row < array.len() && array.is_valid(row) => whole(array.value(row)),
            FieldColumn::F64(array) if row < array.len() && array.is_valid(row) => Value::Number(array.value(row)),
            FieldColumn::Bool(array) if row < array.len() && array.is_valid(row) => Value::Bool(array.value(row)),
            FieldColumn::Text { texts, .. } => match self.key(row) {
                Some(key) => Value::Text(texts.value(key).into()),
                None => Value::Null,
            },
            _ => Value::Null,
        }
    }

    /// The number of the text in a row, if it has one.
    pub(crate) fn key(&self, row: usize) -> Option<usize> {
        let FieldColumn::Text { keys, nulls, texts, .. } = self else { return None };
        if nulls.is_some_and(|nulls| row >= nulls.len() || nulls.is_null(row)) {
            return None;
        }
        keys.get(row).and_then(|&key| usize::try_from(key).ok()).filter(|&key| key < texts.len())
    }
}

/// A whole number as a value that reads like its digits.
fn whole(number: i64) -> Value<'static> {
    if number.unsigned_abs() < EXACT_WHOLE { Value::Number(number as f64) } else { Value::text(number.to_string()) }
}

/// Whether a field is one of lines that AWS's services write, and so may be in messages that are no JSON.
fn is_of_lines(path: &Path) -> bool {
    let group = watchkeep_lang::insights::event::EventGroup::new("", "", "");
    let discoverer = Discoverer::new(std::slice::from_ref(path));
    LINES.iter().any(|message| {
        let event = Event {
            group: &group,
            log_stream: "",
            time_ms: 0,
            ingested_ms: 0,
            message,
            unmasked: None,
            transformed: "",
            entity: "",
            pointer: "",
        };
        discoverer.discover(&event).iter().any(|value| !value.is_null())
    })
}

/// A line of each service, with all of its fields.
const LINES: &[&str] = &[
    "2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1620000000 1620000060 ACCEPT OK",
    "1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.168.1.1 192.168.1.0/24",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_lines_are_known() {
        let path = |name: &str| Path { name: name.into(), slot: 0 };
        for name in ["srcAddr", "action", "logStatus", "queryName", "ednsClientSubnet", "version"] {
            assert!(is_of_lines(&path(name)), "{name}");
        }
        for name in ["level", "user.id", "status"] {
            assert!(!is_of_lines(&path(name)), "{name}");
        }
    }
}
