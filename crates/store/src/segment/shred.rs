//! Shredding: the fields of JSON messages as typed columns beside the untouched message (S-3).
//!
//! A field gets the column `f_<path>` if in some row group at least one row in a hundred has it; keys and array positions are
//! joined with dots. A column holds its field's value for every row whose text is one JSON object, or it does not exist: so
//! it may stand in for the message, and a field without a column only costs the time to parse messages. No column is made of
//! fields whose path is ambiguous (a key that occurs twice in an object, or that holds a dot like a nested one) or leads to an
//! object or an array in some row, and of texts that are mostly distinct. JSON's null leaves a value absent.
//!
//! Types are per file: I64 if all values are integers; F64 if some are fractions and all are exact as such; Bool; otherwise
//! text, in a dictionary, where integers are spelled as in JSON. Fractions among texts would lose their spelling, and what
//! was a boolean could not be told among texts, so such a field gets no column.

use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Field, Int32Type};
use arrow::error::ArrowError;
use hashbrown::HashTable;

use super::limits::{SHRED_COLUMNS_MAX, SHRED_ROWS_PER_FIELD, SHRED_VALUES_BYTES_MAX};
use super::paths::{Paths, Value};

/// What the name of a shredded column begins with.
pub(super) const PREFIX: &str = "f_";

/// From how many values on a field is looked at for being mostly distinct already while it is gathered.
const DISTINCT_CHECKED_FROM: usize = 4096;

/// The columns shredded from the texts of a segment.
pub(super) struct Shredded {
    columns: Vec<(String, Gathered)>,
}

impl Shredded {
    /// Shreds the column at `text` of all row groups.
    pub(super) fn of(row_groups: &[Vec<RecordBatch>], text: usize) -> Shredded {
        let mut paths = Paths::new();
        let mut fields: Vec<Gathered> = Vec::new();
        let mut groups = Vec::new();
        let mut row = 0;
        for group in row_groups {
            let first = row;
            for column in group.iter().filter_map(|batch| batch.columns().get(text)) {
                each_text(column, |text| {
                    paths.walk(text, row, |path, value| {
                        if fields.len() <= path {
                            fields.resize_with(path + 1, Gathered::default);
                        }
                        if let Some(field) = fields.get_mut(path) {
                            field.push(row, value);
                        }
                    });
                    row += 1;
                });
            }
            groups.push(first..row);
        }
        let mut columns: Vec<(String, Gathered)> = paths
            .names()
            .zip(fields)
            .filter_map(|(name, field)| Some((format!("{PREFIX}{}", name?), field)))
            .filter(|(_, field)| field.deserves_column(&groups))
            .collect();
        columns.sort_by_key(|(_, field)| std::cmp::Reverse(field.rows.len()));
        columns.truncate(SHRED_COLUMNS_MAX);
        columns.sort_by(|(left, _), (right, _)| left.cmp(right));
        Shredded { columns }
    }

    /// Leaves out columns whose name is taken by another column of the segment.
    pub(super) fn without(mut self, taken: impl Fn(&str) -> bool) -> Shredded {
        self.columns.retain(|(name, _)| !taken(name));
        self
    }

    /// The columns' Arrow fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.columns.iter().map(|(name, field)| Field::new(name, field.values.array_type(), true))
    }

    /// The columns' values in `rows`, numbered from the segment's first row.
    pub(super) fn arrays(&self, rows: Range<u32>) -> Result<Vec<ArrayRef>, ArrowError> {
        self.columns.iter().map(|(_, field)| field.array(rows.clone())).collect()
    }
}

fn each_text(column: &ArrayRef, mut each: impl FnMut(&[u8])) {
    if let Some(bytes) = column.as_binary_opt::<i32>() {
        bytes.iter().for_each(|text| each(text.unwrap_or_default()));
    } else if let Some(texts) = column.as_string_opt::<i32>() {
        texts.iter().for_each(|text| each(text.unwrap_or_default().as_bytes()));
    }
}

/// The values of one field so far: the rows that have one, ascending, and their values.
#[derive(Default)]
struct Gathered {
    rows: Vec<u32>,
    values: Values,
}

#[derive(Default)]
enum Values {
    #[default]
    None,
    Bool(Vec<bool>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    Text(Texts),
    /// No column can be made of them.
    Mixed,
}

impl Gathered {
    fn push(&mut self, row: u32, value: Value<'_>) {
        let same = match (&mut self.values, value) {
            (Values::Mixed, _) => return,
            (Values::Bool(values), Value::Bool(value)) => {
                values.push(value);
                true
            }
            (Values::I64(values), Value::I64(value)) => {
                values.push(value);
                true
            }
            (Values::F64(values), Value::F64(value)) => {
                values.push(value);
                true
            }
            (Values::Text(texts), Value::Text(value)) => texts.push(value),
            _ => false,
        };
        if !same {
            self.values = std::mem::take(&mut self.values).widened(value);
        }
        match self.values {
            Values::Mixed => self.rows = Vec::new(),
            _ => self.rows.push(row),
        }
    }

    fn deserves_column(&self, groups: &[Range<u32>]) -> bool {
        let exists = match &self.values {
            Values::None | Values::Mixed => false,
            Values::Text(texts) => texts.ends.len() * 2 <= self.rows.len(),
            Values::Bool(_) | Values::I64(_) | Values::F64(_) => true,
        };
        exists && groups.iter().any(|group| self.within(group).len() * SHRED_ROWS_PER_FIELD >= group.len())
    }

    /// Which of the values lie in `rows`.
    fn within(&self, rows: &Range<u32>) -> Range<usize> {
        let before = |row: u32| self.rows.partition_point(|&have| have < row);
        before(rows.start)..before(rows.end)
    }

    fn array(&self, rows: Range<u32>) -> Result<ArrayRef, ArrowError> {
        let within = self.within(&rows);
        let have = self.rows.get(within.clone()).unwrap_or_default();
        let places: Vec<usize> = have.iter().map(|&row| (row - rows.start) as usize).collect();
        let sparse = Sparse { places, within, length: rows.len() };
        Ok(match &self.values {
            Values::Bool(values) => Arc::new(BooleanArray::new(sparse.dense(values).into(), Some(sparse.present()))),
            Values::I64(values) => Arc::new(Int64Array::new(sparse.dense(values).into(), Some(sparse.present()))),
            Values::F64(values) => Arc::new(Float64Array::new(sparse.dense(values).into(), Some(sparse.present()))),
            Values::Text(texts) => {
                let keys = Int32Array::new(sparse.dense(&texts.keys).into(), Some(sparse.present()));
                Arc::new(DictionaryArray::<Int32Type>::try_new(keys, texts.values())?)
            }
            Values::None | Values::Mixed => Arc::new(BooleanArray::new_null(sparse.length)),
        })
    }
}

impl Values {
    fn array_type(&self) -> DataType {
        match self {
            Values::I64(_) => DataType::Int64,
            Values::F64(_) => DataType::Float64,
            Values::Text(_) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Values::None | Values::Bool(_) | Values::Mixed => DataType::Boolean,
        }
    }

    /// These values and one more that is of another type, or the first.
    fn widened(self, value: Value<'_>) -> Values {
        match (self, value) {
            (Values::None, Value::Bool(value)) => Values::Bool(vec![value]),
            (Values::None, Value::I64(value)) => Values::I64(vec![value]),
            (Values::None, Value::F64(value)) => Values::F64(vec![value]),
            (Values::F64(mut values), Value::I64(value)) => match exact(value) {
                Some(value) => {
                    values.push(value);
                    Values::F64(values)
                }
                None => Values::Mixed,
            },
            (Values::I64(values), Value::F64(value)) => {
                let exact: Option<Vec<f64>> = values.into_iter().map(exact).chain([Some(value)]).collect();
                exact.map_or(Values::Mixed, Values::F64)
            }
            (Values::Bool(_) | Values::F64(_) | Values::Mixed, _) | (_, Value::Bool(_) | Value::F64(_)) => {
                Values::Mixed
            }
            (values, value) => values.spelled(value).map_or(Values::Mixed, Values::Text),
        }
    }

    /// These values and one more as JSON spells them; `None` if they are too many.
    fn spelled(self, value: Value<'_>) -> Option<Texts> {
        let mut texts = Texts::default();
        let spelled = match self {
            Values::Text(before) => {
                texts = before;
                true
            }
            Values::I64(values) => values.iter().all(|&value| texts.push(&Value::I64(value).spelled())),
            Values::None | Values::Bool(_) | Values::F64(_) | Values::Mixed => true,
        };
        (spelled && texts.push(&value.spelled())).then_some(texts)
    }
}

/// Texts in a dictionary.
#[derive(Default)]
struct Texts {
    keys: Vec<i32>,
    distinct: String,
    /// Where each distinct text ends.
    ends: Vec<usize>,
    index: HashTable<i32>,
}

impl Texts {
    /// Adds a text; false if that is too much or they are mostly distinct.
    fn push(&mut self, text: &str) -> bool {
        let state = foldhash::fast::FixedState::default();
        let hash = |text: &str| state.hash_one(text);
        let found = self.index.find(hash(text), |&key| at(&self.distinct, &self.ends, key) == text);
        let key = match found {
            Some(&key) => key,
            None => {
                let Ok(key) = i32::try_from(self.ends.len()) else { return false };
                self.distinct.push_str(text);
                self.ends.push(self.distinct.len());
                let (distinct, ends) = (&self.distinct, &self.ends);
                self.index.insert_unique(hash(text), key, |&key| hash(at(distinct, ends, key)));
                key
            }
        };
        self.keys.push(key);
        let checked = self.keys.len() >= DISTINCT_CHECKED_FROM && self.keys.len().is_power_of_two();
        let mostly_distinct = checked && self.ends.len() * 4 > self.keys.len() * 3;
        self.distinct.len() <= SHRED_VALUES_BYTES_MAX && !mostly_distinct
    }

    fn values(&self) -> ArrayRef {
        let keys = 0..i32::try_from(self.ends.len()).unwrap_or(i32::MAX);
        Arc::new(StringArray::from_iter_values(keys.map(|key| at(&self.distinct, &self.ends, key))))
    }
}

/// The distinct text of this key.
fn at<'t>(distinct: &'t str, ends: &[usize], key: i32) -> &'t str {
    let key = usize::try_from(key).unwrap_or(usize::MAX);
    let start = key.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    ends.get(key).and_then(|&end| distinct.get(start..end)).unwrap_or_default()
}

/// Where values stand among `length` rows.
struct Sparse {
    places: Vec<usize>,
    within: Range<usize>,
    length: usize,
}

impl Sparse {
    fn dense<T: Copy + Default>(&self, values: &[T]) -> Vec<T> {
        let mut dense = vec![T::default(); self.length];
        for (&place, &value) in self.places.iter().zip(values.get(self.within.clone()).unwrap_or_default()) {
            if let Some(slot) = dense.get_mut(place) {
                *slot = value;
            }
        }
        dense
    }

    fn present(&self) -> NullBuffer {
        let mut present = vec![false; self.length];
        for &place in &self.places {
            if let Some(slot) = present.get_mut(place) {
                *slot = true;
            }
        }
        NullBuffer::new(BooleanBuffer::from(present))
    }
}

/// An integer as a fraction, if that loses nothing.
fn exact(value: i64) -> Option<f64> {
    (value.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS).then_some(value as f64)
}
