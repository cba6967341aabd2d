//! What to read: a [`Scan`] says which rows, which columns, in what order and how many.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::segment::inner_tokens;
use crate::table::{SEQ, Table};

/// A reading of one table. Rows that are delivered satisfy `time`, all of `keys`, and `text`: exactly, not just by pruning.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The table.
    pub table: &'static Table,
    /// Times in milliseconds since the epoch; the end is not included, except that `i64::MAX` means "without end".
    pub time: Range<i64>,
    /// Equality filters; a row must pass all of them.
    pub keys: Vec<KeyFilter>,
    /// The columns wanted, as indexes into [`Table::columns`]. Batches also hold the time, wanted or not,
    /// and `seq`, unless that is ignored.
    pub columns: Vec<usize>,
    /// In what order rows are delivered.
    pub order: Order,
    /// At most how many rows are delivered.
    pub limit: Option<usize>,
    /// About how many bytes of rows the reader takes, if it may stop before the limit: an ordered scan then does not gather
    /// far more at once.
    pub bytes_wanted: Option<usize>,
    /// What the text column must contain.
    pub text: Option<TextFilter>,
    /// Under which data key the rows must be on disk, or under none.
    pub data_key: Option<Option<u64>>,
    /// Whether the reader looks at the rows' `seq`.
    pub seqs: Seqs,
    /// Fields of JSON messages that may stand in for the text column; only for rows in any order.
    pub fields: Option<Fields>,
    /// Which rows the reader wants, by fields of their messages; only for rows in any order.
    pub choice: Option<Choice>,
}

/// Fields of the JSON objects in the text column, for a reader that can do without the text where it gets all of them.
///
/// Where a segment has a column for each path, and the columns `unless` are empty in all rows at hand, batches hold the
/// fields' columns ([`crate::Batch::fields`]) and an empty text. There the scan's text filter only skips: the reader judges the
/// rows. Everywhere else batches hold the text, as ever.
///
/// A column holds its field's value for every row whose text is one JSON object that has it: I64, F64, Bool, or a dictionary
/// of texts, among which integers are spelled as in JSON. JSON's null is absent; a field that is an object or an array in some
/// row has no column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// The fields.
    pub paths: Arc<[FieldPath]>,
    /// Text or Bytes columns that, where they are not empty, say that the text is not to be taken as it is.
    pub unless: Vec<usize>,
}

/// Leaves out rows that the reader would pass over, by some of their fields, before any other of their columns is decoded. Where a
/// segment has no columns that say the same of these fields as the texts do, it is not asked, and neither is it of rows in memory. It
/// is asked of rows that are not kept any more, too ([`ScanStats::chosen_in_vain`]).
#[derive(Clone)]
pub struct Choice {
    /// The fields, in columns as of [`Fields`].
    pub by: Fields,
    /// Of the columns of some rows, in the order of the fields' paths, which rows are wanted.
    pub wanted: Arc<RowTest>,
}

/// A test of rows, by columns.
pub type RowTest = dyn Fn(&[ArrayRef]) -> BooleanBuffer + Send + Sync;

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choice").field("by", &self.by).finish_non_exhaustive()
    }
}

/// A field of JSON objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    /// Keys and the positions of array items, joined with dots.
    pub path: String,
    /// What is wanted of its numbers.
    pub spelling: Spelling,
    /// Where else the reader finds such a field.
    pub also_in: AlsoIn,
}

/// Whether the reader finds a field in texts that are no JSON objects, too: a column of which some values are absent does not do
/// then, as the text of such a row may be one of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlsoIn {
    /// It does not.
    Nothing,
    /// It may.
    OtherTexts,
}

/// Whether it matters how a number was written: of a fraction, a column keeps the value only, so that 1 and 1.0 are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// It matters: a column of fractions does not do.
    Kept,
    /// Only the value does.
    Ignored,
}

/// Whether the `seq` of rows is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seqs {
    /// It is.
    Wanted,
    /// Nobody looks at it: it may be zero in any row.
    Ignored,
}

impl Scan {
    /// All rows of a table, with all columns, in any order.
    pub fn new(table: &'static Table) -> Scan {
        Scan {
            table,
            time: i64::MIN..i64::MAX,
            keys: Vec::new(),
            columns: (0..table.columns.len()).collect(),
            order: Order::Any,
            limit: None,
            bytes_wanted: None,
            text: None,
            data_key: None,
            seqs: Seqs::Wanted,
            fields: None,
            choice: None,
        }
    }

    /// The same scan, of the times in `time` only (milliseconds, the end not included).
    pub fn time(mut self, time: Range<i64>) -> Scan {
        self.time = time;
        self
    }

    /// The same scan, of rows whose U64 column `column` holds one of `values` only.
    pub fn ids(mut self, column: usize, values: impl IntoIterator<Item = u64>) -> Scan {
        self.keys.push(KeyFilter { column, one_of: KeySet::ids(values) });
        self
    }

    /// The same scan, of rows whose Text column `column` holds one of `values` only.
    pub fn texts(mut self, column: usize, values: impl IntoIterator<Item = String>) -> Scan {
        self.keys.push(KeyFilter { column, one_of: KeySet::texts(values) });
        self
    }

    /// The same scan with these columns only (and the time and `seq`).
    pub fn columns(mut self, columns: &[usize]) -> Scan {
        self.columns = columns.to_vec();
        self
    }

    /// The same scan in this order.
    pub fn order(mut self, order: Order) -> Scan {
        self.order = order;
        self
    }

    /// The same scan, stopping after `limit` rows.
    pub fn limit(mut self, limit: usize) -> Scan {
        self.limit = Some(limit);
        self
    }

    /// The same scan, for a reader that stops after about so many bytes of rows.
    pub fn bytes_wanted(mut self, bytes: usize) -> Scan {
        self.bytes_wanted = Some(bytes);
        self
    }

    /// The same scan, of rows that pass `text` only.
    pub fn text(mut self, text: TextFilter) -> Scan {
        self.text = Some(text);
        self
    }

    /// The same scan, of rows that are encrypted under this data key only; or, if it is none, that are under no key.
    pub fn under(mut self, data_key: Option<u64>) -> Scan {
        self.data_key = Some(data_key);
        self
    }

    /// Whether rows under this data key are asked for.
    pub(crate) fn is_of_key(&self, data_key: Option<u64>) -> bool {
        self.data_key.is_none_or(|wanted| wanted == data_key)
    }

    /// The same scan, for a reader who does not look at [`crate::Batch::seqs`]: of a column that hardly compresses.
    pub fn without_seqs(mut self) -> Scan {
        self.seqs = Seqs::Ignored;
        self
    }

    /// The same scan, for a reader that takes these fields instead of the text where it can get them.
    pub fn fields(mut self, fields: Fields) -> Scan {
        self.fields = Some(fields);
        self
    }

    /// The same scan, for a reader that wants only some rows.
    pub fn choosing(mut self, choice: Choice) -> Scan {
        self.choice = Some(choice);
        self
    }

    /// How the reader chooses rows by their fields.
    pub(crate) fn choosing_by_fields(&self) -> Option<&Choice> {
        self.choice.as_ref().filter(|_| self.order == Order::Any && self.table.text.is_some())
    }

    /// The fields that may stand in for the text.
    pub(crate) fn fields_standing_in(&self) -> Option<&Fields> {
        self.fields.as_ref().filter(|_| self.order == Order::Any && self.table.text.is_some())
    }

    /// Whether `seq` must be read: rows in order are told apart by it.
    pub(crate) fn needs_seqs(&self) -> bool {
        self.seqs == Seqs::Wanted || self.order != Order::Any
    }

    /// Whether a time lies within the scan's range.
    pub fn holds_time(&self, time_ms: i64) -> bool {
        time_ms >= self.time.start && (time_ms < self.time.end || self.time.end == i64::MAX)
    }

    /// Whether any time between `min` and `max`, both included, may lie within the scan's range.
    pub fn overlaps_time(&self, min: i64, max: i64) -> bool {
        max >= self.time.start && (min < self.time.end || self.time.end == i64::MAX)
    }

    /// The table columns that the scan's batches hold, ascending: those wanted, and the time.
    pub(crate) fn delivered_columns(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self.columns.iter().copied().filter(|&c| c < self.table.columns.len()).collect();
        columns.push(self.table.time);
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// The Arrow schema of the scan's batches: [`Scan::delivered_columns`], then `seq`.
    pub(crate) fn delivered_schema(&self) -> SchemaRef {
        let delivered = self.delivered_columns();
        let columns = delivered.iter().filter_map(|&index| self.table.columns.get(index));
        let mut fields: Vec<Field> =
            columns.map(|column| Field::new(column.name, column.kind.arrow(), column.nullable)).collect();
        fields.push(Field::new(SEQ, DataType::UInt64, false));
        Arc::new(Schema::new(fields))
    }
}

/// The order in which rows are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Whatever order is quickest.
    Any,
    /// By (time, seq), oldest first.
    Ascending,
    /// By (time, seq), newest first.
    Descending,
}

/// A row passes if its value in `column` is one of a set; an absent value never passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFilter {
    /// The column's index in [`Table::columns`]; its kind is that of the set.
    pub column: usize,
    /// The values that pass.
    pub one_of: KeySet,
}

/// Values for a [`KeyFilter`], sorted and without repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySet {
    /// For a U64 column.
    U64(Vec<u64>),
    /// For a Text column.
    Text(Vec<String>),
}

impl KeySet {
    /// A set of identifiers, in any order.
    pub fn ids(values: impl IntoIterator<Item = u64>) -> KeySet {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        KeySet::U64(values)
    }

    /// A set of texts, in any order.
    pub fn texts(values: impl IntoIterator<Item = String>) -> KeySet {
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        KeySet::Text(values)
    }

    /// Whether the set holds this identifier.
    pub fn has_id(&self, value: u64) -> bool {
        match self {
            KeySet::U64(values) => match values.as_slice() {
                [only] => *only == value,
                values => values.binary_search(&value).is_ok(),
            },
            KeySet::Text(_) => false,
        }
    }

    /// Whether the set holds this text.
    pub fn has_text(&self, value: &str) -> bool {
        match self {
            KeySet::Text(values) => values.binary_search_by(|probe| probe.as_str().cmp(value)).is_ok(),
            KeySet::U64(_) => false,
        }
    }

    /// Whether the set holds any identifier between `min` and `max`, both included.
    pub fn meets_ids(&self, min: u64, max: u64) -> bool {
        match self {
            KeySet::U64(values) => {
                values.get(values.partition_point(|&value| value < min)).is_some_and(|&value| value <= max)
            }
            KeySet::Text(_) => false,
        }
    }
}

/// What the text column ([`Table::text`]) of a row must contain.
#[derive(Clone)]
pub struct TextFilter {
    /// Whole tokens (longest runs of letters, digits, `_` and bytes above 127) that every matching text contains. They only
    /// let the store skip what cannot match; empty when nothing is certain.
    pub tokens: Vec<String>,
    /// Literals that every matching text contains somewhere, be it within a longer word. They, too, only let the store skip.
    pub literals: Vec<Vec<u8>>,
    /// What a matching text contains that lacks some of the tokens or literals, three bytes or more, as JSON's `\u00`: a format may
    /// spell any character as an escape.
    pub escape: Option<Vec<u8>>,
    /// The truth: whether a text matches.
    pub matches: Arc<TextTest>,
}

/// A test of a text.
pub type TextTest = dyn Fn(&[u8]) -> bool + Send + Sync;

impl TextFilter {
    /// Texts that contain these bytes somewhere.
    pub fn containing(literal: &[u8]) -> TextFilter {
        TextFilter::containing_all([literal])
    }

    /// Texts that contain each of these literals somewhere.
    pub fn containing_all<'l>(literals: impl IntoIterator<Item = &'l [u8]>) -> TextFilter {
        let literals: Vec<Vec<u8>> = literals.into_iter().map(<[u8]>::to_vec).collect();
        let tokens = literals.iter().flat_map(|literal| inner_tokens(literal));
        let tokens = tokens.filter_map(|token| std::str::from_utf8(token).ok()).map(str::to_owned).collect();
        let finder = |literal: &Vec<u8>| memchr::memmem::Finder::new(literal).into_owned();
        let finders: Vec<memchr::memmem::Finder<'static>> = literals.iter().map(finder).collect();
        let matches = move |text: &[u8]| finders.iter().all(|finder| finder.find(text).is_some());
        TextFilter { tokens, literals, escape: None, matches: Arc::new(matches) }
    }

    /// The same filter, where texts that contain `escape` are never skipped for lack of tokens and literals.
    pub fn or_escaped(self, escape: &[u8]) -> TextFilter {
        TextFilter { escape: Some(escape.to_vec()), ..self }
    }
}

impl fmt::Debug for TextFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextFilter").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// What a scan touched: for the log, for `queryStatistics`, and for tests of pruning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanStats {
    /// Rows delivered.
    pub rows: u64,
    /// Rows looked at, in memory and in segments.
    pub rows_scanned: u64,
    /// Bytes looked at: of values in memory, of pages in segments.
    pub bytes_scanned: u64,
    /// Segments opened.
    pub segments_opened: u64,
    /// Segments that could not be read, or not to their end, because they are damaged: rows may be missing.
    pub segments_damaged: u64,
    /// Segments, and blocks in memory, passed over because their data key cannot be used now.
    pub locked: u64,
    /// Segments, and blocks in memory, passed over because the key of their owner does not exist any more.
    pub lost: u64,
    /// Segments skipped by their time or key range.
    pub segments_skipped: u64,
    /// Row groups skipped by statistics, bloom or token filters.
    pub row_groups_skipped: u64,
    /// Row groups read.
    pub row_groups_read: u64,
    /// Rows that the reader left out ([`Choice`]); among them may be some that are not kept any more.
    pub left_out: u64,
    /// About how many bytes the texts of these rows have.
    pub left_out_bytes: u64,
    /// Rows that their owner does not keep any more, of segments whose rows the reader chose among: who left out others for them
    /// must read again without a choice.
    pub chosen_in_vain: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_meets_a_range_that_holds_one_of_its_values() {
        let set = KeySet::ids([30, 10, 20, 10]);
        assert_eq!(set, KeySet::U64(vec![10, 20, 30]));
        let cases =
            [(0, 9, false), (0, 10, true), (11, 19, false), (11, 29, true), (30, 30, true), (31, u64::MAX, false)];
        for (min, max, meets) in cases {
            assert_eq!(set.meets_ids(min, max), meets, "{min}..={max}");
        }
        assert!(set.has_id(20) && !set.has_id(21) && !set.has_text("20"));
        assert!(KeySet::texts(["b".into(), "a".into()]).has_text("a"));
        assert!(KeySet::ids([7]).has_id(7) && !KeySet::ids([]).has_id(7));
    }

    #[test]
    fn a_substring_is_certain_of_its_inner_words_only() {
        let filter = TextFilter::containing(b"st status=500 in ");
        assert_eq!(filter.tokens, ["status", "500", "in"]);
        assert!((filter.matches)(b"first status=500 in 3 ms") && !(filter.matches)(b"status=500 in"));
        assert!(TextFilter::containing(b"word").tokens.is_empty());
        assert!((TextFilter::containing(b"").matches)(b""));
    }
}
