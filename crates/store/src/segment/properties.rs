//! How each column of a segment is encoded.

use std::hash::{BuildHasher, Hash};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema, UInt64Type};
use hashbrown::HashSet;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::limits::{
    BLOOM_FALSE_POSITIVES, DICTIONARY_BYTES_MAX, DICTIONARY_SAMPLE_ROWS, ROW_GROUP_ROWS_MAX, WRITE_BATCH_VALUES_MAX,
};
use super::rows::{Extent, Sizes};
use crate::table::{SEQ, Table};

/// The writer's properties for a segment of this schema and extent, whose first rows are `sample`.
pub(super) fn properties(
    table: &'static Table,
    schema: &Schema,
    sample: &RecordBatch,
    extent: &Extent,
    sizes: Sizes,
) -> Result<WriterProperties, ParquetError> {
    // With long values a page would else grow far beyond its size before the writer looks at it.
    let row_bytes = usize::try_from(extent.raw_bytes / extent.rows.max(1)).unwrap_or(usize::MAX).max(1);
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("watchkeep ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_data_page_size_limit(sizes.page_bytes)
        .set_data_page_row_count_limit(sizes.page_rows)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_write_batch_size((sizes.page_bytes / row_bytes).min(sizes.page_rows).clamp(1, WRITE_BATCH_VALUES_MAX))
        .set_max_row_group_row_count(None)
        .set_bloom_filter_position(BloomFilterPosition::AfterRowGroup)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(sorting(table)));
    for (index, field) in schema.fields().iter().enumerate() {
        let path = ColumnPath::from(vec![field.name().clone()]);
        let is_text = table.text == Some(index);
        if index == table.time || (field.name() == SEQ && index == table.columns.len()) {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED);
        } else if is_text {
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        } else if index < table.columns.len() {
            let repeats = sample.columns().get(index).is_none_or(|column| repeats(column));
            properties = properties.set_column_dictionary_enabled(path.clone(), repeats);
        }
        if table.bloom.contains(&index) && index < table.columns.len() {
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path, extent.rows.clamp(1, ROW_GROUP_ROWS_MAX as u64));
        }
    }
    Ok(properties.build())
}

fn sorting(table: &'static Table) -> Vec<SortingColumn> {
    let columns = table.sort.iter().copied().chain([table.columns.len()]);
    let columns = columns.filter_map(|column| i32::try_from(column).ok());
    columns.map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: true }).collect()
}

/// Whether at most half of a column's first values are distinct, so that a dictionary pays.
fn repeats(array: &dyn Array) -> bool {
    let rows = array.len().min(DICTIONARY_SAMPLE_ROWS);
    let distinct = match array.data_type() {
        DataType::UInt64 => array.as_primitive_opt::<UInt64Type>().map(|a| distinct(a.values().iter().take(rows))),
        DataType::Int64 => array.as_primitive_opt::<Int64Type>().map(|a| distinct(a.values().iter().take(rows))),
        DataType::Float64 => {
            array.as_primitive_opt::<Float64Type>().map(|a| distinct(a.values().iter().take(rows).map(|v| v.to_bits())))
        }
        DataType::Utf8 => array.as_string_opt::<i32>().map(|a| distinct(a.iter().take(rows))),
        DataType::Binary => array.as_binary_opt::<i32>().map(|a| distinct(a.iter().take(rows))),
        _ => None,
    };
    distinct.is_none_or(|distinct| distinct * 2 <= rows)
}

fn distinct<T: Hash>(values: impl Iterator<Item = T>) -> usize {
    let state = foldhash::fast::FixedState::default();
    values.map(|value| state.hash_one(value)).collect::<HashSet<u64>>().len()
}
