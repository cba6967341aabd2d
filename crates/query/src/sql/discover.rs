//! Which columns a table of events has for a query, and of which types.
//!
//! Events are looked at before the query runs (`look`), those that WHERE rules out by their text left out. A field whose values are all
//! whole numbers, be they quoted or not, is BIGINT; all numbers, DOUBLE; all conditions, BOOLEAN; otherwise STRING, in which objects
//! and arrays are JSON.

use std::sync::Arc;

use arrow::array::Array as _;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use hashbrown::HashMap;
use watchkeep_lang::insights::plan::{Path, System};
use watchkeep_lang::insights::value::{Value, number_of};
use watchkeep_store::Spelling;

use super::rewrite::Names;
use crate::events::{FieldColumn, Reading};

/// What every event has, by its name.
const SYSTEM: &[(&str, System)] = &[
    ("@timestamp", System::Timestamp),
    ("@message", System::Message),
    ("@logStream", System::LogStream),
    ("@log", System::Log),
    ("@ingestionTime", System::IngestionTime),
    ("@aws.account", System::Account),
    ("@aws.region", System::Region),
    ("@source.log", System::SourceLog),
    ("@data_source_name", System::DataSourceName),
    ("@data_source_type", System::DataSourceType),
    ("@data_format", System::DataFormat),
    ("@ptr", System::Pointer),
];

/// How many of them `*` shows.
const SHOWN_BY_ALL: usize = 5;

/// The type of a field's values so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// There are none.
    #[default]
    Nothing,
    Integer,
    Number,
    Boolean,
    Text,
}

impl Kind {
    pub(super) fn of(value: &Value<'_>) -> Kind {
        match value {
            Value::Null => Kind::Nothing,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(number) if number.trunc() == *number && number.abs() < 1e15 => Kind::Integer,
            Value::Number(_) => Kind::Number,
            Value::Text(text) => Kind::of_text(text),
            Value::Time(_) | Value::Json(_) => Kind::Text,
        }
    }

    /// A text is a number if it is written as one: `007` is none.
    fn of_text(text: &str) -> Kind {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let has_leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        if has_leading_zero || number_of(text).is_none() || text.starts_with('+') {
            return Kind::Text;
        }
        match text.parse::<i64>() {
            Ok(_) => Kind::Integer,
            // A long identifier would lose digits as a fraction.
            Err(_) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Kind::Text,
            Err(_) => Kind::Number,
        }
    }

    pub(super) fn widen(&mut self, other: Kind) {
        *self = match (*self, other) {
            (own, Kind::Nothing) => own,
            (Kind::Nothing, other) => other,
            (own, other) if own == other => own,
            (Kind::Integer, Kind::Number) | (Kind::Number, Kind::Integer) => Kind::Number,
            _ => Kind::Text,
        };
    }

    pub(super) fn data_type(self) -> DataType {
        match self {
            Kind::Integer => DataType::Int64,
            Kind::Number => DataType::Float64,
            Kind::Boolean => DataType::Boolean,
            Kind::Text | Kind::Nothing => DataType::Utf8View,
        }
    }
}

/// The columns of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    pub system: Vec<(String, System)>,
    pub fields: Vec<(Path, Kind)>,
}

impl Columns {
    /// The columns that a query names, before it is known what is in them.
    pub(super) fn named(names: &Names) -> Columns {
        let system_of = |name: &str| SYSTEM.iter().find(|(of, _)| *of == name).map(|(_, what)| *what);
        let mut columns = Columns::default();
        if names.wants_all {
            let shown = SYSTEM.iter().take(SHOWN_BY_ALL);
            columns.system.extend(shown.map(|(name, what)| ((*name).to_owned(), *what)));
        }
        for name in &names.fields {
            match system_of(name) {
                Some(what) if !columns.system.iter().any(|(of, _)| of == name) => {
                    columns.system.push((name.clone(), what));
                }
                Some(_) => {}
                None => {
                    let slot = columns.fields.len();
                    columns.fields.push((Path { name: name.as_str().into(), slot }, Kind::Nothing));
                }
            }
        }
        columns
    }

    /// Adds fields behind those that are there already.
    pub(super) fn add(&mut self, others: HashMap<String, Kind>) {
        let mut others: Vec<(String, Kind)> = others.into_iter().collect();
        others.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (name, kind) in others {
            if !self.fields.iter().any(|(path, _)| *path.name == *name) {
                let slot = self.fields.len();
                self.fields.push((Path { name: name.as_str().into(), slot }, kind));
            }
        }
    }

    /// Whether no further event can change a type: a text stays one.
    pub(super) fn are_settled(&self) -> bool {
        self.fields.iter().all(|(_, kind)| *kind == Kind::Text)
    }

    /// Has the reading deliver what the columns need.
    pub(super) fn ask(&self, reading: &mut Reading, spelling: impl Fn(Kind) -> Spelling) {
        let table = reading.table;
        let has = |what: System| self.system.iter().any(|(_, of)| *of == what);
        let mut columns = Vec::new();
        if has(System::Message) || !self.fields.is_empty() || reading.text.is_some() {
            columns.push(table.message);
        }
        if !self.fields.is_empty() {
            columns.extend(table.transformed.into_iter().chain(table.entity));
        }
        if has(System::IngestionTime) {
            columns.push(table.ingested);
        }
        reading.columns = columns;
        reading.stream_names = has(System::LogStream);
        let in_json = |path: &Path| !path.name.starts_with('@');
        let only_json = !has(System::Message)
            && !self.fields.is_empty()
            && self.fields.iter().all(|(path, _)| in_json(path))
            && !reading.groups.are_of_lambda();
        reading.fields =
            only_json.then(|| self.fields.iter().map(|(path, kind)| (path.clone(), spelling(*kind))).collect());
    }

    /// The columns as Arrow has them.
    pub(super) fn schema(&self) -> SchemaRef {
        let system = self.system.iter().map(|(name, what)| {
            let kind = match what {
                System::Timestamp | System::IngestionTime => DataType::Timestamp(TimeUnit::Millisecond, None),
                _ => DataType::Utf8View,
            };
            Field::new(name, kind, true)
        });
        let fields = self.fields.iter().map(|(path, kind)| Field::new(path.name.as_ref(), kind.data_type(), true));
        Arc::new(Schema::new(system.chain(fields).collect::<Vec<_>>()))
    }
}

/// Leaves out columns that are in no event of a table, unless they are in none of any: these are nothing in the first table. What the query
/// gives a name to itself is meant then.
pub(super) fn settle<'c>(names: &Names, tables: impl Iterator<Item = &'c mut Columns>) {
    let mut tables: Vec<&mut Columns> = tables.collect();
    let is_somewhere = |name: &str| {
        tables
            .iter()
            .any(|columns| columns.fields.iter().any(|(path, kind)| *path.name == *name && *kind != Kind::Nothing))
    };
    let somewhere: Vec<String> = names.fields.iter().filter(|name| is_somewhere(name)).cloned().collect();
    for (index, columns) in tables.iter_mut().enumerate() {
        columns.fields.retain(|(path, kind)| {
            let is_known = somewhere.iter().any(|name| **name == *path.name);
            *kind != Kind::Nothing || (index == 0 && !is_known && !names.defined.contains(path.name.as_ref()))
        });
        for (slot, (path, _)) in columns.fields.iter_mut().enumerate() {
            path.slot = slot;
        }
    }
}

/// The type of the values of a column that stands in for a field: what it is of the values one by one.
pub(super) fn kind_of_column(column: &FieldColumn<'_>, rows: usize) -> Kind {
    match column {
        FieldColumn::I64(array) if array.null_count() < rows => Kind::Integer,
        FieldColumn::F64(array) => {
            let mut kind = Kind::Nothing;
            for number in array.iter().flatten() {
                kind.widen(Kind::of(&Value::Number(number)));
                if kind == Kind::Number {
                    break;
                }
            }
            kind
        }
        FieldColumn::Bool(array) if array.null_count() < rows => Kind::Boolean,
        FieldColumn::Text { texts, .. } => {
            // The dictionary has the texts of other rows as well.
            let mut seen = vec![false; texts.len()];
            let mut kind = Kind::Nothing;
            for key in (0..rows).filter_map(|row| column.key(row)) {
                if let Some(seen) = seen.get_mut(key).filter(|seen| !**seen) {
                    *seen = true;
                    kind.widen(Kind::of_text(texts.value(key)));
                }
            }
            kind
        }
        _ => Kind::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_texts() {
        let cases = [
            ("1", Kind::Integer),
            ("-5", Kind::Integer),
            ("0", Kind::Integer),
            ("0.5", Kind::Number),
            ("1e3", Kind::Number),
            ("007", Kind::Text),
            ("+1", Kind::Text),
            ("12345678901234567890", Kind::Text),
            ("x", Kind::Text),
            ("", Kind::Text),
        ];
        for (text, kind) in cases {
            assert_eq!(Kind::of_text(text), kind, "{text}");
        }
        let mut kind = Kind::Integer;
        kind.widen(Kind::Number);
        assert_eq!(kind, Kind::Number);
        kind.widen(Kind::Boolean);
        assert_eq!(kind, Kind::Text);
    }
}
