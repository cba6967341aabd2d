//! Columns that say the same in every row of a row group, told by its statistics: units and resolutions, and what is absent.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, UInt64Array, new_null_array};
use arrow::datatypes::DataType;
use parquet::file::statistics::Statistics;

/// `rows` rows of a column of `values` values (absent ones count) with these statistics; `None` if it may hold several values.
/// Fractions are never taken for constant: statistics do not speak of NaN.
pub(super) fn array(statistics: &Statistics, values: i64, data_type: &DataType, rows: usize) -> Option<ArrayRef> {
    let nulls = statistics.null_count_opt()?;
    if i64::try_from(nulls) == Ok(values) {
        return Some(new_null_array(data_type, rows));
    }
    if nulls > 0 {
        return None;
    }
    match (statistics, data_type) {
        (Statistics::Int64(of), DataType::UInt64) => {
            let value = of.min_opt().filter(|min| Some(*min) == of.max_opt())?;
            Some(Arc::new(UInt64Array::from_value(value.cast_unsigned(), rows)))
        }
        (Statistics::Int64(of), DataType::Int64) => {
            let value = of.min_opt().filter(|min| Some(*min) == of.max_opt())?;
            Some(Arc::new(Int64Array::from_value(*value, rows)))
        }
        (Statistics::ByteArray(of), DataType::Utf8) if of.min_is_exact() && of.max_is_exact() => {
            let value = of.min_opt().filter(|min| Some(*min) == of.max_opt())?;
            let text = value.as_utf8().ok()?;
            Some(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows))))
        }
        _ => None,
    }
}

/// Whether a column of texts or bytes, of `values` values, certainly is absent or of no length in every row.
pub(super) fn is_empty(statistics: &Statistics, values: i64) -> bool {
    if statistics.null_count_opt().is_some_and(|nulls| i64::try_from(nulls) == Ok(values)) {
        return true;
    }
    // What is greater than nothing has a byte, and a greatest value that was cut short has one, too.
    matches!(statistics, Statistics::ByteArray(of) if of.max_opt().is_some_and(|max| max.is_empty()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::UInt64Type;
    use parquet::data_type::ByteArray;
    use parquet::file::statistics::ValueStatistics;

    use super::*;

    fn numbers(min: i64, max: i64, nulls: Option<u64>) -> Statistics {
        Statistics::Int64(ValueStatistics::new(Some(min), Some(max), None, nulls, false))
    }

    #[test]
    fn only_what_is_certain_is_constant() {
        let of = |statistics: &Statistics, data_type: DataType| array(statistics, 10, &data_type, 3);
        let same = of(&numbers(-1, -1, Some(0)), DataType::UInt64).unwrap();
        assert_eq!(same.as_primitive::<UInt64Type>().values().as_ref(), [u64::MAX; 3]);
        assert!(of(&numbers(1, 2, Some(0)), DataType::Int64).is_none());
        assert!(of(&numbers(1, 1, Some(1)), DataType::Int64).is_none(), "one is absent");
        assert!(of(&numbers(1, 1, None), DataType::Int64).is_none(), "nobody counted");
        assert_eq!(of(&numbers(1, 1, Some(10)), DataType::Int64).unwrap().null_count(), 3);
        let zeros = Statistics::Double(ValueStatistics::new(Some(0.0), Some(0.0), None, Some(0), false));
        assert!(of(&zeros, DataType::Float64).is_none(), "there may be NaN, or -0");
        let text = |exact| {
            let value = Some(ByteArray::from("None"));
            let of = ValueStatistics::new(value.clone(), value, None, Some(0), false);
            Statistics::ByteArray(of.with_max_is_exact(exact).with_min_is_exact(true))
        };
        assert_eq!(of(&text(true), DataType::Utf8).unwrap().as_string::<i32>().value(2), "None");
        assert!(of(&text(false), DataType::Utf8).is_none(), "shortened");
    }
}
