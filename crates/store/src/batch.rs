//! What a scan delivers: some rows, column by column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};

use crate::table::Table;

/// Rows that a scan delivers, stored by columns. Columns are named by their index in [`Table::columns`]; those that the scan
/// did not ask for are absent, and read as empty.
#[derive(Debug, Clone)]
pub struct Batch {
    /// For each column of the table its array, if the scan asked for it.
    columns: Vec<Option<ArrayRef>>,
    seqs: ArrayRef,
    time: usize,
    /// The fields that stand in for the text, if they do.
    fields: Option<Vec<ArrayRef>>,
}

impl Batch {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.seqs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a U64 column; zero where absent.
    pub fn u64s(&self, column: usize) -> &[u64] {
        self.column(column).and_then(|array| array.as_primitive_opt::<UInt64Type>()).map_or(&[], |array| array.values())
    }

    /// The values of an I64 column; zero where absent.
    pub fn i64s(&self, column: usize) -> &[i64] {
        self.column(column).and_then(|array| array.as_primitive_opt::<Int64Type>()).map_or(&[], |array| array.values())
    }

    /// The values of an F64 column; zero where absent.
    pub fn f64s(&self, column: usize) -> &[f64] {
        self.column(column)
            .and_then(|array| array.as_primitive_opt::<Float64Type>())
            .map_or(&[], |array| array.values())
    }

    /// The value of a Bytes or Text column in a row; empty where absent.
    pub fn bytes(&self, column: usize, row: usize) -> &[u8] {
        let Some(array) = self.column(column).filter(|array| row < array.len()) else { return &[] };
        if let Some(bytes) = array.as_binary_opt::<i32>() {
            bytes.value(row)
        } else {
            array.as_string_opt::<i32>().map_or(&[], |text| text.value(row).as_bytes())
        }
    }

    /// The value of a Text column in a row; empty where absent, and for a Bytes column.
    pub fn text(&self, column: usize, row: usize) -> &str {
        let array = self.column(column).filter(|array| row < array.len());
        array.and_then(|array| array.as_string_opt::<i32>()).map_or("", |text| text.value(row))
    }

    /// The values of a Text column, for one who looks at many of them.
    pub fn texts(&self, column: usize) -> Texts<'_> {
        Texts(self.column(column).and_then(|array| array.as_string_opt::<i32>()))
    }

    /// Which values of a column are absent, for one who looks at many of them.
    pub fn absent(&self, column: usize) -> Absent<'_> {
        match self.column(column) {
            None => Absent::All,
            Some(array) => match array.nulls() {
                Some(nulls) if nulls.null_count() == array.len() => Absent::All,
                Some(nulls) if nulls.null_count() > 0 => Absent::Some(nulls),
                _ => Absent::None,
            },
        }
    }

    /// Whether the value of a column is absent in a row (or the column in the batch).
    pub fn is_null(&self, column: usize, row: usize) -> bool {
        self.column(column).is_none_or(|array| row >= array.len() || array.is_null(row))
    }

    /// The times of the rows, in milliseconds since the epoch; always there.
    pub fn times(&self) -> &[i64] {
        self.i64s(self.time)
    }

    /// The sequence numbers of the rows; always there, but zero if the scan ignores them.
    pub fn seqs(&self) -> &[u64] {
        self.seqs.as_primitive_opt::<UInt64Type>().map_or(&[], |array| array.values())
    }

    /// The columns of the fields that stand in for the text, in the order of [`crate::Fields::paths`]; `None` if the text is
    /// there itself.
    pub fn fields(&self) -> Option<&[ArrayRef]> {
        self.fields.as_deref()
    }

    /// The Arrow array of a column; `None` if the scan did not ask for it.
    pub fn array(&self, column: usize) -> Option<&ArrayRef> {
        self.column(column)
    }

    /// The batch of an Arrow batch that holds the table's columns `columns`, then `seq`, then fields that stand in for the text,
    /// if any do. `None` if it holds too few.
    pub(crate) fn from_arrow(table: &Table, columns: &[usize], arrow: &RecordBatch) -> Option<Batch> {
        let seqs = arrow.columns().get(columns.len())?.clone();
        let fields = arrow.columns().get(columns.len() + 1..).filter(|fields| !fields.is_empty()).map(<[_]>::to_vec);
        let mut slots = vec![None; table.columns.len()];
        for (&column, array) in columns.iter().zip(arrow.columns()) {
            *slots.get_mut(column)? = Some(zero_where_absent(array));
        }
        Some(Batch { columns: slots, seqs, time: table.time, fields })
    }

    fn column(&self, column: usize) -> Option<&ArrayRef> {
        self.columns.get(column)?.as_ref()
    }
}

/// The same array, with zeros where values are absent: what Parquet's decoder leaves there is anything.
fn zero_where_absent(array: &ArrayRef) -> ArrayRef {
    fn zeroed<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<ArrayRef> {
        let array = array.as_primitive_opt::<T>()?;
        let values: Vec<T::Native> = array.iter().map(Option::unwrap_or_default).collect();
        Some(Arc::new(PrimitiveArray::<T>::new(values.into(), array.nulls().cloned())))
    }
    if array.null_count() == 0 || array.null_count() == array.len() {
        return array.clone();
    }
    let zeroed = match array.data_type() {
        DataType::UInt64 => zeroed::<UInt64Type>(array),
        DataType::Int64 => zeroed::<Int64Type>(array),
        DataType::Float64 => zeroed::<Float64Type>(array),
        _ => None,
    };
    zeroed.unwrap_or_else(|| array.clone())
}

/// The values of a Text column.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'b>(Option<&'b StringArray>);

impl<'b> Texts<'b> {
    /// The value in a row; empty where absent.
    #[inline]
    pub fn get(&self, row: usize) -> &'b str {
        self.0.filter(|texts| row < texts.len()).map_or("", |texts| texts.value(row))
    }
}

/// Which values of a column are absent.
#[derive(Debug, Clone, Copy)]
pub enum Absent<'b> {
    /// None is.
    None,
    /// All are.
    All,
    /// Those that are marked.
    Some(&'b NullBuffer),
}

impl Absent<'_> {
    /// Whether the value in a row is.
    #[inline]
    pub fn is(&self, row: usize) -> bool {
        match self {
            Absent::None => false,
            Absent::All => true,
            Absent::Some(nulls) => row >= nulls.len() || nulls.is_null(row),
        }
    }
}
