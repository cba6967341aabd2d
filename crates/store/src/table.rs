//! What a service declares of the rows it keeps: the columns, how segments are sorted, and who says how long rows live.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// The name of the implicit column that every table has: the row's place in the journal, unique in the table.
pub const SEQ: &str = "seq";

/// How many of the low bits of a `seq` number the row within its frame; the rest is the frame's number.
pub const SEQ_ROW_BITS: u32 = 20;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Unsigned integers: identifiers and counts.
    U64,
    /// Signed integers: times and amounts.
    I64,
    /// Double-precision numbers.
    F64,
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Bytes,
}

impl ColumnKind {
    /// Whether each value takes eight bytes.
    pub fn is_fixed(self) -> bool {
        matches!(self, ColumnKind::U64 | ColumnKind::I64 | ColumnKind::F64)
    }

    /// The Arrow type of such a column, in memory and in segments.
    pub(crate) fn arrow(self) -> DataType {
        match self {
            ColumnKind::U64 => DataType::UInt64,
            ColumnKind::I64 => DataType::Int64,
            ColumnKind::F64 => DataType::Float64,
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::Bytes => DataType::Binary,
        }
    }
}

/// One column of a [`Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The column's name, as readers of the open files see it.
    pub name: &'static str,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether a value may be absent.
    pub nullable: bool,
}

impl Column {
    /// A column that always has a value.
    pub const fn new(name: &'static str, kind: ColumnKind) -> Column {
        Column { name, kind, nullable: false }
    }

    /// A column whose value may be absent.
    pub const fn nullable(name: &'static str, kind: ColumnKind) -> Column {
        Column { name, kind, nullable: true }
    }
}

/// An extra text column, written into segments only, that spells out an identifier for readers of the open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// The name of the extra column.
    pub name: &'static str,
    /// The index of the U64 column whose values are spelled out by [`TableOwner::label`].
    pub of: usize,
}

/// A kind of row that the store keeps. Services declare theirs as statics.
///
/// Beside its columns every table has the implicit column `seq`: unique in the table, stable for ever, growing in the order
/// in which rows were acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// The table's name, as `log_events`; also the name of its folder of segments.
    pub name: &'static str,
    /// The table's number in the journal: never changed, never given to another table.
    pub id: u16,
    /// The columns, in the order in which rows are written. A table may gain nullable ones at its end, which rows from before
    /// then do not have.
    pub columns: &'static [Column],
    /// The index of the I64 column that holds the row's time, in milliseconds since the epoch.
    pub time: usize,
    /// The columns by which segments are sorted, ascending; `seq` follows them. Not nullable, not F64.
    pub sort: &'static [usize],
    /// The U64 columns by which [`TableOwner::keep`] decides how long a row lives; may be empty.
    pub retention_key: &'static [usize],
    /// The Text or Bytes column whose words get filters and whose JSON is shredded when segments are compacted.
    pub text: Option<usize>,
    /// Columns with bloom filters, for equality look-ups.
    pub bloom: &'static [usize],
    /// A segment never holds rows from both sides of a multiple of this many milliseconds.
    pub window_ms: i64,
    /// Extra text columns in segments, for readers of the open files.
    pub labels: &'static [Label],
}

impl Table {
    /// The index of the column of this name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The start of the window that `time_ms` lies in; times before the first representable window share that one.
    pub fn window_of(&self, time_ms: i64) -> i64 {
        let step = self.window_ms.max(1);
        time_ms.checked_sub(time_ms.rem_euclid(step)).unwrap_or(i64::MIN)
    }

    /// The first column of the sort order, if its values are U64: the key by which blocks and segments are skipped.
    pub fn prune_key(&self) -> Option<usize> {
        let first = *self.sort.first()?;
        (self.columns.get(first)?.kind == ColumnKind::U64).then_some(first)
    }

    /// The Arrow schema of the table's rows in memory: the columns, then `seq`.
    pub(crate) fn memory_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.stored_fields()))
    }

    /// The Arrow schema of a narrow segment: the columns, then `seq`, then the labels.
    pub(crate) fn segment_schema(&self) -> SchemaRef {
        let mut fields = self.stored_fields();
        fields.extend(self.labels.iter().map(|label| Field::new(label.name, DataType::Utf8, true)));
        Arc::new(Schema::new(fields))
    }

    /// Whether the declaration keeps its own rules; the text says which one it breaks.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let kind = |index: usize| self.columns.get(index).map(|column| (column.kind, column.nullable));
        let refuse = |holds: bool, rule: &'static str| if holds { Ok(()) } else { Err(rule) };
        refuse(self.columns.len() <= crate::limits::COLUMNS_MAX, "has more columns than a block can describe")?;
        refuse(
            kind(self.time) == Some((ColumnKind::I64, false)),
            "its time is not an I64 column that is never absent",
        )?;
        refuse(self.window_ms > 0, "its window is not longer than nothing")?;
        let sortable =
            |&index: &usize| kind(index).is_some_and(|(kind, nullable)| kind != ColumnKind::F64 && !nullable);
        refuse(self.sort.iter().all(sortable), "a sort column is missing, F64 or nullable")?;
        let id = |index: usize| kind(index).is_some_and(|(kind, nullable)| kind == ColumnKind::U64 && !nullable);
        refuse(
            self.retention_key.iter().all(|&index| id(index)),
            "a retention key is not a U64 column that is never absent",
        )?;
        refuse(self.labels.iter().all(|label| id(label.of)), "a label is not of a U64 column that is never absent")?;
        refuse(self.bloom.iter().all(|&index| kind(index).is_some()), "a bloom column is missing")?;
        let textual = |index: usize| kind(index).is_some_and(|(kind, _)| !kind.is_fixed());
        refuse(self.text.is_none_or(textual), "its text column is neither Text nor Bytes")?;
        let mut names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        names.extend(self.labels.iter().map(|label| label.name));
        names.push(SEQ);
        names.sort_unstable();
        names.dedup();
        refuse(names.len() == self.columns.len() + self.labels.len() + 1, "two of its columns share a name")
    }

    fn stored_fields(&self) -> Vec<Field> {
        let field = |column: &Column| Field::new(column.name, column.kind.arrow(), column.nullable);
        let mut fields: Vec<Field> = self.columns.iter().map(field).collect();
        fields.push(Field::new(SEQ, DataType::UInt64, false));
        fields
    }
}

/// How long a row is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// As long as the store lives.
    Forever,
    /// For so long after the row's own time.
    For(Duration),
    /// Not at all: what the row belongs to was deleted. It is never shown again, and is left out at the next rewrite.
    Drop,
}

/// What only the service that owns a table knows about its rows. Called often and from many threads: it answers from memory.
pub trait TableOwner: Send + Sync {
    /// How long rows with this retention key (the values of [`Table::retention_key`], in that order) are kept. An identifier
    /// that was dropped once must never be given out again.
    fn keep(&self, key: &[u64]) -> Keep;

    /// The text of the label `label` for the identifier `id`; `None` if there is none.
    fn label(&self, label: &str, id: u64) -> Option<String>;
}

/// The owner of a table until another is set: keeps rows for ever and knows no labels.
#[derive(Debug, Default)]
pub struct KeepForever;

impl TableOwner for KeepForever {
    fn keep(&self, _key: &[u64]) -> Keep {
        Keep::Forever
    }

    fn label(&self, _label: &str, _id: u64) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::new("id", ColumnKind::U64),
        Column::new("time", ColumnKind::I64),
        Column::nullable("note", ColumnKind::Text),
    ];

    const GOOD: Table = Table {
        name: "t",
        id: 1,
        columns: COLUMNS,
        time: 1,
        sort: &[0, 1],
        retention_key: &[0],
        text: Some(2),
        bloom: &[0],
        window_ms: 1000,
        labels: &[Label { name: "id_name", of: 0 }],
    };

    #[test]
    fn a_declaration_that_breaks_a_rule_is_refused() {
        assert_eq!(GOOD.check(), Ok(()));
        let bad = [
            Table { time: 0, ..GOOD },
            Table { time: 9, ..GOOD },
            Table { sort: &[2], ..GOOD },
            Table { retention_key: &[1], ..GOOD },
            Table { text: Some(0), ..GOOD },
            Table { bloom: &[3], ..GOOD },
            Table { window_ms: 0, ..GOOD },
            Table { labels: &[Label { name: "x", of: 2 }], ..GOOD },
            Table { labels: &[Label { name: "note", of: 0 }], ..GOOD },
        ];
        for table in bad {
            assert!(table.check().is_err(), "{table:?}");
        }
    }

    #[test]
    fn windows_round_towards_the_past() {
        let cases = [(0, 0), (999, 0), (1000, 1000), (-1, -1000), (i64::MIN, i64::MIN)];
        for (time, window) in cases {
            assert_eq!(GOOD.window_of(time), window, "{time}");
        }
    }

    #[test]
    fn the_key_for_skipping_is_the_first_sort_column_if_u64() {
        assert_eq!(GOOD.prune_key(), Some(0));
        assert_eq!(Table { sort: &[1], ..GOOD }.prune_key(), None);
        assert_eq!(GOOD.column("note"), Some(2));
    }
}
