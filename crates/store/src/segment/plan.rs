//! What a scan means for one segment: which of its columns are tested, in what order, and which are delivered.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, RecordBatch, StringArray, UInt64Array, new_null_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, UInt64Type};

use super::error::SegmentError;
use super::footer::Footer;
use super::limits::BATCH_ROWS;
use super::shred;
use crate::scan::{AlsoIn, Choice, Fields, KeySet, Scan, Spelling};
use crate::table::{ColumnKind, SEQ};

/// A scan bound to the columns of one segment.
pub(super) struct Plan<'a> {
    pub(super) scan: &'a Scan,
    /// What every row must pass beside the text filter.
    pub(super) filters: Vec<Filter<'a>>,
    /// The text column's place in the file, if the scan filters by text.
    pub(super) text: Option<usize>,
    schema: SchemaRef,
    /// For each delivered column its place in the file; `None` for one that the file is too old to have.
    delivered: Vec<Option<usize>>,
    /// For each delivered column what is there where the file has nothing to deliver.
    fillers: Vec<ArrayRef>,
    /// The same where fields stand in for the text, if they can.
    standing_in: Option<StandingIn>,
    /// The columns that the reader chooses rows by, if there is one for each of its fields.
    choice: Option<FieldPlaces>,
}

/// How rows are delivered where fields stand in for the text.
struct StandingIn {
    schema: SchemaRef,
    delivered: Vec<Option<usize>>,
    fillers: Vec<ArrayRef>,
    fields: FieldPlaces,
}

/// The columns of fields in one segment.
struct FieldPlaces {
    /// Their places, in the order of the paths.
    places: Vec<usize>,
    /// The places of the columns that must be empty for them to say the same as the texts.
    unless: Vec<usize>,
    /// The places of the columns that must have a value in every row for it.
    complete: Vec<usize>,
}

/// In which of its two forms a row group is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// With the text.
    Text,
    /// With fields that stand in for the text.
    Fields,
}

/// A test of one column.
pub(super) struct Filter<'a> {
    /// The column's index in the table.
    pub(super) column: usize,
    /// The column's place in the file.
    pub(super) place: usize,
    pub(super) test: Test<'a>,
}

/// What a value is tested for.
pub(super) enum Test<'a> {
    Time(&'a Scan),
    Key(&'a KeySet),
}

impl<'a> Plan<'a> {
    /// Binds `scan` to a segment; `None` if no row of it can pass.
    pub(super) fn new(path: &str, footer: &Footer, scan: &'a Scan) -> Result<Option<Plan<'a>>, SegmentError> {
        let table = scan.table;
        let place = |name: &str, kind: ColumnKind| {
            let Some((place, field)) = footer.arrow.schema().column_with_name(name) else { return Ok(None) };
            if *field.data_type() != kind.arrow() {
                return Err(SegmentError::damaged(path, format!("column {name} is {}", field.data_type())));
            }
            Ok(Some(place))
        };
        let column = |index: usize| {
            let refuse = || SegmentError::Scan { table: table.name, reason: format!("it has no column {index}") };
            table.columns.get(index).ok_or_else(refuse)
        };
        let mut filters = Vec::new();
        if scan.time.start > i64::MIN || scan.time.end < i64::MAX {
            let time = column(table.time)?;
            let Some(place) = place(time.name, time.kind)? else {
                return Err(SegmentError::damaged(path, "it has no time column"));
            };
            filters.push(Filter { column: table.time, place, test: Test::Time(scan) });
        }
        for filter in &scan.keys {
            let key = column(filter.column)?;
            let fits = match &filter.one_of {
                KeySet::U64(_) => key.kind == ColumnKind::U64,
                KeySet::Text(_) => key.kind == ColumnKind::Text,
            };
            if !fits {
                let reason = format!("the values for column {} are of another kind", key.name);
                return Err(SegmentError::Scan { table: table.name, reason });
            }
            // A column younger than the file is absent from all of its rows.
            let Some(place) = place(key.name, key.kind)? else { return Ok(None) };
            filters.push(Filter { column: filter.column, place, test: Test::Key(&filter.one_of) });
        }
        let text = match &scan.text {
            None => None,
            Some(_) => {
                let refuse = || SegmentError::Scan { table: table.name, reason: "it has no text column".to_owned() };
                let text = column(table.text.ok_or_else(refuse)?)?;
                let Some(place) = place(text.name, text.kind)? else { return Ok(None) };
                Some(place)
            }
        };
        let mut delivered = Vec::new();
        for index in scan.delivered_columns() {
            let wanted = column(index)?;
            let found = place(wanted.name, wanted.kind)?;
            if found.is_none() && !wanted.nullable {
                return Err(SegmentError::damaged(path, format!("it has no column {}", wanted.name)));
            }
            delivered.push(found);
        }
        let seq = place(SEQ, ColumnKind::U64)?;
        let seq = seq.ok_or_else(|| SegmentError::damaged(path, "it has no column seq"))?;
        delivered.push(scan.needs_seqs().then_some(seq));
        let schema = scan.delivered_schema();
        let standing_in = standing_in(footer, scan, &schema, &delivered);
        let choice = scan.choosing_by_fields().and_then(|choice| FieldPlaces::find(footer, scan, &choice.by));
        let fillers = schema.fields().iter().map(|field| filler(field, BATCH_ROWS)).collect();
        Ok(Some(Plan { scan, filters, text, schema, delivered, fillers, standing_in, choice }))
    }

    /// In which form a row group is delivered.
    pub(super) fn form(&self, columns: &dyn Occupancy) -> Form {
        let stands_in = self.standing_in.as_ref().is_some_and(|standing_in| standing_in.fields.do_for(columns));
        if stands_in { Form::Fields } else { Form::Text }
    }

    /// How the reader chooses rows of a row group, and the places of the columns for it.
    pub(super) fn choice(&self, columns: &dyn Occupancy) -> Option<(&Choice, &[usize])> {
        let fields = self.choice.as_ref().filter(|fields| fields.do_for(columns))?;
        Some((self.scan.choosing_by_fields()?, &fields.places))
    }

    fn delivered(&self, form: Form) -> (&SchemaRef, &[Option<usize>]) {
        match (&self.standing_in, form) {
            (Some(standing_in), Form::Fields) => (&standing_in.schema, &standing_in.delivered),
            _ => (&self.schema, &self.delivered),
        }
    }

    /// The places of the delivered columns that are not among `known`.
    pub(super) fn rest(&self, form: Form, known: &Columns) -> Vec<usize> {
        let delivered = self.delivered(form).1.iter().flatten().copied();
        let mut rest: Vec<usize> = delivered.filter(|&place| known.get(place).is_none()).collect();
        rest.sort_unstable();
        rest.dedup();
        rest
    }

    /// Whether the column at this place is delivered.
    pub(super) fn delivers(&self, form: Form, place: usize) -> bool {
        self.delivered(form).1.contains(&Some(place))
    }

    /// The delivered batch of these columns, all of `rows` rows.
    pub(super) fn assemble(&self, form: Form, columns: &Columns, rows: usize) -> Result<RecordBatch, SegmentError> {
        let (schema, delivered) = self.delivered(form);
        let fillers = match (&self.standing_in, form) {
            (Some(standing_in), Form::Fields) => &standing_in.fillers,
            _ => &self.fillers,
        };
        let arrays = delivered.iter().zip(schema.fields()).zip(fillers).map(|((place, field), made)| {
            let found = place.and_then(|place| columns.get(place)).cloned();
            found.unwrap_or_else(|| if rows <= made.len() { made.slice(0, rows) } else { filler(field, rows) })
        });
        Ok(RecordBatch::try_new(schema.clone(), arrays.collect())?)
    }
}

/// What is delivered of a column that the file has nothing of, or whose values nobody asked for.
fn filler(field: &Field, rows: usize) -> ArrayRef {
    match (field.is_nullable(), field.data_type()) {
        (true, data_type) => new_null_array(data_type, rows),
        // The text that fields stand in for is left out though it always has a value, and `seq`.
        (false, DataType::Utf8) => Arc::new(StringArray::new(OffsetBuffer::new_zeroed(rows), Buffer::default(), None)),
        (false, DataType::Binary) => {
            Arc::new(BinaryArray::new(OffsetBuffer::new_zeroed(rows), Buffer::default(), None))
        }
        (false, _) => Arc::new(UInt64Array::from_value(0, rows)),
    }
}

/// How fields stand in for the text, if the segment has a column for each of them.
fn standing_in(footer: &Footer, scan: &Scan, schema: &SchemaRef, delivered: &[Option<usize>]) -> Option<StandingIn> {
    let wanted = FieldPlaces::find(footer, scan, scan.fields_standing_in()?)?;
    let file = footer.arrow.schema();
    let text = scan.table.columns.get(scan.table.text?)?.name;
    let without_text = schema.fields().iter().zip(delivered);
    let mut places: Vec<Option<usize>> =
        without_text.map(|(field, &place)| place.filter(|_| field.name() != text)).collect();
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    for &place in &wanted.places {
        places.push(Some(place));
        fields.push(file.fields().get(place)?.clone());
    }
    let fillers = fields.iter().map(|field| filler(field, BATCH_ROWS)).collect();
    Some(StandingIn { schema: Arc::new(Schema::new(fields)), delivered: places, fillers, fields: wanted })
}

/// What the columns of a row group have, by their places.
pub(super) trait Occupancy {
    /// Whether a column says nothing in any row.
    fn is_empty(&self, place: usize) -> bool;

    /// Whether a column has a value in every row.
    fn is_complete(&self, place: usize) -> bool;
}

impl FieldPlaces {
    /// The columns of these fields; `None` if the segment does not have all of them.
    fn find(footer: &Footer, scan: &Scan, fields: &Fields) -> Option<FieldPlaces> {
        if !footer.about.fields_stand_in {
            return None;
        }
        let file = footer.arrow.schema();
        let (mut places, mut complete) = (Vec::new(), Vec::new());
        for wanted in fields.paths.iter() {
            let name = format!("{}{}", shred::PREFIX, wanted.path);
            // A column of the table's own may have such a name.
            if scan.table.column(&name).is_some() || scan.table.labels.iter().any(|label| label.name == name) {
                return None;
            }
            let (place, field) = file.column_with_name(&name)?;
            if *field.data_type() == DataType::Float64 && wanted.spelling == Spelling::Kept {
                return None;
            }
            places.push(place);
            if wanted.also_in == AlsoIn::OtherTexts {
                complete.push(place);
            }
        }
        let place =
            |&column: &usize| file.column_with_name(scan.table.columns.get(column)?.name).map(|(place, _)| place);
        Some(FieldPlaces { places, unless: fields.unless.iter().filter_map(place).collect(), complete })
    }

    /// Whether they say the same as the texts in a row group of such columns.
    fn do_for(&self, columns: &dyn Occupancy) -> bool {
        self.unless.iter().all(|&place| columns.is_empty(place))
            && self.complete.iter().all(|&place| columns.is_complete(place))
    }
}

/// Columns of some rows, by their place in the file.
#[derive(Clone, Default)]
pub(super) struct Columns(Vec<(usize, ArrayRef)>);

impl Columns {
    pub(super) fn get(&self, place: usize) -> Option<&ArrayRef> {
        self.0.iter().find(|(found, _)| *found == place).map(|(_, array)| array)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, place: usize, array: ArrayRef) {
        self.0.push((place, array));
    }

    /// Adds other columns.
    pub(super) fn append(&mut self, other: Columns) {
        self.0.extend(other.0);
    }

    /// Adds the columns of a batch that was read of `places`, ascending.
    pub(super) fn extend(&mut self, places: &[usize], batch: &RecordBatch) {
        self.0.extend(places.iter().copied().zip(batch.columns().iter().cloned()));
    }

    /// These columns, each passed through `change`.
    pub(super) fn map<E>(&self, change: impl Fn(&ArrayRef) -> Result<ArrayRef, E>) -> Result<Columns, E> {
        let changed = self.0.iter().map(|(place, array)| Ok((*place, change(array)?)));
        Ok(Columns(changed.collect::<Result<_, E>>()?))
    }
}

impl Filter<'_> {
    /// Which values of the column pass; absent ones do not.
    pub(super) fn mask(&self, array: &dyn Array) -> Option<BooleanBuffer> {
        let passes = match &self.test {
            Test::Time(scan) => {
                let times = array.as_primitive_opt::<Int64Type>()?;
                times.values().iter().map(|&time| scan.holds_time(time)).collect()
            }
            Test::Key(set @ KeySet::U64(_)) => {
                let ids = array.as_primitive_opt::<UInt64Type>()?;
                // Sorted columns say the same value many times over.
                let mut last = None;
                let passes = ids.values().iter().map(|&id| match last {
                    Some((same, passes)) if same == id => passes,
                    _ => {
                        let passes = set.has_id(id);
                        last = Some((id, passes));
                        passes
                    }
                });
                passes.collect()
            }
            Test::Key(set @ KeySet::Text(_)) => {
                let texts = array.as_string_opt::<i32>()?;
                texts.iter().map(|text| text.is_some_and(|text| set.has_text(text))).collect::<BooleanBuffer>()
            }
        };
        Some(match array.nulls() {
            Some(present) => &passes & present.inner(),
            None => passes,
        })
    }
}

/// Which rows pass all `filters`, over columns read of `places`.
pub(super) fn mask(filters: &[&Filter<'_>], columns: &Columns, rows: usize) -> Option<BooleanArray> {
    let mut all = BooleanBuffer::new_set(rows);
    for filter in filters {
        all = &all & &filter.mask(columns.get(filter.place)?)?;
    }
    Some(BooleanArray::new(all, None))
}

/// Which texts match; absent ones do not.
pub(super) fn text_mask(array: &dyn Array, matches: &(dyn Fn(&[u8]) -> bool + Send + Sync)) -> Option<BooleanArray> {
    let passes: BooleanBuffer = if let Some(bytes) = array.as_binary_opt::<i32>() {
        bytes.iter().map(|text| text.is_some_and(matches)).collect()
    } else {
        let texts = array.as_string_opt::<i32>()?;
        texts.iter().map(|text| text.is_some_and(|text| matches(text.as_bytes()))).collect()
    };
    Some(BooleanArray::new(passes, None))
}

/// The runs of consecutive numbers in ascending `rows`.
pub(super) fn runs(rows: &[usize]) -> impl Iterator<Item = Range<usize>> + '_ {
    rows.chunk_by(|before, after| before + 1 == *after).filter_map(|run| Some(*run.first()?..*run.last()? + 1))
}
