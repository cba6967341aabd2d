//! What the catalog keeps of each column of a segment: bounds and counts, as JSON, for engines that plan over the open files.
//!
//! ```json
//! {"ts": {"values": 2, "nulls": 0, "bytes": 93, "min": "1700000000000", "max": "1700000000001"}, "message": {...}}
//! ```
//!
//! `values` counts nulls too, `bytes` is the size in the file. Bounds are text and are left out where there are none, where
//! they would be long, for bytes and messages, and for fractions among which there is a NaN (`"nan": true`).

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, Float64Type};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use serde::Serialize;

/// Texts longer than this are no bounds.
const BOUND_BYTES_MAX: usize = 64;

/// Bounds and counts of the columns of a segment.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct ColumnStats(BTreeMap<String, OneColumn>);

#[derive(Debug, Default, Serialize)]
struct OneColumn {
    values: u64,
    nulls: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    nan: bool,
    #[serde(skip)]
    bounds: Bounds,
    #[serde(skip)]
    kind: Kind,
}

/// What bounds a column can have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    U64,
    I64,
    F64,
    Text,
    /// None.
    #[default]
    Other,
}

#[derive(Debug, Default)]
enum Bounds {
    /// No value yet.
    #[default]
    None,
    U64(u64, u64),
    I64(i64, i64),
    F64(f64, f64),
    Text(String, String),
    /// There can be none.
    Unknown,
}

impl ColumnStats {
    /// Takes in the rows of a batch. The column `text` gets no bounds.
    pub(super) fn add(&mut self, batch: &RecordBatch, text: Option<usize>) {
        for (index, (field, array)) in batch.schema_ref().fields().iter().zip(batch.columns()).enumerate() {
            let column = self.0.entry(field.name().clone()).or_default();
            column.values += array.len() as u64;
            column.nulls += array.null_count() as u64;
            column.kind = match field.data_type() {
                _ if text == Some(index) => Kind::Other,
                DataType::UInt64 => Kind::U64,
                DataType::Int64 => Kind::I64,
                DataType::Float64 => Kind::F64,
                DataType::Utf8 => Kind::Text,
                _ => Kind::Other,
            };
            // Parquet's own bounds of fractions say nothing of NaN.
            if column.kind == Kind::F64 {
                let found = fractions(array);
                column.nan |= matches!(found, Bounds::Unknown);
                column.bounds = std::mem::take(&mut column.bounds).joined(found);
            }
        }
    }

    /// The JSON, with the sizes that the file has, and the bounds that its writer found.
    pub(super) fn json(mut self, parquet: &ParquetMetaData) -> String {
        for chunk in parquet.row_groups().iter().flat_map(|group| group.columns()) {
            if let Some(column) = chunk.column_path().parts().first().and_then(|name| self.0.get_mut(name)) {
                column.bytes += u64::try_from(chunk.compressed_size()).unwrap_or(0);
                if column.kind != Kind::F64 {
                    let found = written(column.kind, chunk.statistics(), chunk.num_values());
                    column.bounds = std::mem::take(&mut column.bounds).joined(found);
                }
            }
        }
        for column in self.0.values_mut() {
            (column.min, column.max) = column.bounds.spelled();
        }
        serde_json::to_string(&self).unwrap_or_default()
    }
}

impl Bounds {
    fn joined(self, other: Bounds) -> Bounds {
        match (self, other) {
            (Bounds::None, bounds) | (bounds, Bounds::None) => bounds,
            (Bounds::U64(a, b), Bounds::U64(c, d)) => Bounds::U64(a.min(c), b.max(d)),
            (Bounds::I64(a, b), Bounds::I64(c, d)) => Bounds::I64(a.min(c), b.max(d)),
            (Bounds::F64(a, b), Bounds::F64(c, d)) => Bounds::F64(a.min(c), b.max(d)),
            (Bounds::Text(a, b), Bounds::Text(c, d)) => Bounds::Text(a.min(c), b.max(d)),
            _ => Bounds::Unknown,
        }
    }

    fn spelled(&self) -> (Option<String>, Option<String>) {
        match self {
            Bounds::None | Bounds::Unknown => (None, None),
            Bounds::U64(min, max) => (Some(min.to_string()), Some(max.to_string())),
            Bounds::I64(min, max) => (Some(min.to_string()), Some(max.to_string())),
            Bounds::F64(min, max) => (Some(min.to_string()), Some(max.to_string())),
            Bounds::Text(min, max) => (Some(min.clone()), Some(max.clone())),
        }
    }
}

fn fractions(array: &ArrayRef) -> Bounds {
    if array.null_count() == array.len() {
        return Bounds::None;
    }
    let values = array.as_primitive_opt::<Float64Type>();
    let whole = values.filter(|values| !values.iter().flatten().any(f64::is_nan));
    whole.and_then(|values| Some(Bounds::F64(min(values)?, max(values)?))).unwrap_or(Bounds::Unknown)
}

/// The bounds of a row group's `values` values, absent ones included, as the file has them.
fn written(kind: Kind, statistics: Option<&Statistics>, values: i64) -> Bounds {
    let Some(statistics) = statistics else { return Bounds::Unknown };
    if statistics.null_count_opt().and_then(|nulls| i64::try_from(nulls).ok()) == Some(values) {
        return Bounds::None;
    }
    let found = match (kind, statistics) {
        (Kind::U64, Statistics::Int64(of)) => {
            of.min_opt().zip(of.max_opt()).map(|(min, max)| Bounds::U64(min.cast_unsigned(), max.cast_unsigned()))
        }
        (Kind::I64, Statistics::Int64(of)) => of.min_opt().zip(of.max_opt()).map(|(min, max)| Bounds::I64(*min, *max)),
        (Kind::Text, Statistics::ByteArray(of)) if of.min_is_exact() && of.max_is_exact() => {
            of.min_opt().zip(of.max_opt()).and_then(|(min, max)| {
                let (min, max) = (min.as_utf8().ok()?, max.as_utf8().ok()?);
                let short = min.len() <= BOUND_BYTES_MAX && max.len() <= BOUND_BYTES_MAX;
                short.then(|| Bounds::Text(min.to_owned(), max.to_owned()))
            })
        }
        _ => None,
    };
    found.unwrap_or(Bounds::Unknown)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray, UInt64Array};

    use super::*;

    #[test]
    fn bounds_join_over_batches() {
        let batch = |n: i64, text: Option<&str>, fraction: f64| {
            RecordBatch::try_from_iter([
                ("u", Arc::new(UInt64Array::from(vec![u64::MAX - n as u64])) as ArrayRef),
                ("i", Arc::new(Int64Array::from(vec![-n])) as ArrayRef),
                ("t", Arc::new(StringArray::from(vec![text])) as ArrayRef),
                ("f", Arc::new(Float64Array::from(vec![fraction])) as ArrayRef),
                ("m", Arc::new(StringArray::from(vec!["message"])) as ArrayRef),
            ])
            .unwrap()
        };
        let mut stats = ColumnStats::default();
        let schema = batch(0, None, 0.0).schema();
        let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
        for batch in [batch(1, Some("b"), 1.5), batch(2, None, -0.5), batch(3, Some("a"), f64::NAN)] {
            stats.add(&batch, Some(4));
            writer.write(&batch).unwrap();
            writer.flush().unwrap();
        }
        let mut json: serde_json::Value = serde_json::from_str(&stats.json(&writer.finish().unwrap())).unwrap();
        json.as_object_mut().unwrap().values_mut().for_each(|column| column["bytes"] = 0.into());
        let json = json.to_string();
        insta::assert_snapshot!(json.replace("},", "},\n"), @r#"
        {"f":{"values":3,"nulls":0,"bytes":0,"nan":true},
        "i":{"values":3,"nulls":0,"bytes":0,"min":"-3","max":"-1"},
        "m":{"values":3,"nulls":0,"bytes":0},
        "t":{"values":3,"nulls":1,"bytes":0,"min":"a","max":"b"},
        "u":{"values":3,"nulls":0,"bytes":0,"min":"18446744073709551612","max":"18446744073709551614"}}
        "#);
    }
}
