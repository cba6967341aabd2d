//! Parquet files for other programs: plain columns that say by number which field of a table's schema they are. They are no segments, and
//! the store does not read them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::{ArrowWriter, PARQUET_FIELD_ID_META_KEY};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::segment::SegmentError;

/// The rows of a row group at most.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// A column of such a file.
#[derive(Debug)]
pub struct OpenColumn {
    /// Its name.
    pub name: &'static str,
    /// Its number in the schema.
    pub field_id: i32,
    /// Its values.
    pub values: OpenValues,
}

/// The values of a column, one for each row.
#[derive(Debug)]
pub enum OpenValues {
    /// Texts, which may be absent.
    Texts(Vec<Option<String>>),
    /// Times in milliseconds since the epoch; in the file, microseconds in UTC.
    TimesMs(Vec<i64>),
}

impl OpenColumn {
    fn encode(self) -> (Field, ArrayRef) {
        let (kind, is_optional, array): (DataType, bool, ArrayRef) = match self.values {
            OpenValues::Texts(texts) => (DataType::Utf8, true, Arc::new(StringArray::from(texts))),
            OpenValues::TimesMs(times) => {
                let times = times.into_iter().map(|time| time.saturating_mul(1_000));
                let array = TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC");
                (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false, Arc::new(array))
            }
        };
        let number = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), self.field_id.to_string())]);
        (Field::new(self.name, kind, is_optional).with_metadata(number), array)
    }
}

/// Writes columns of the same length as a Parquet file.
///
/// # Errors
///
/// If the columns are not of one length.
pub fn open_file(columns: Vec<OpenColumn>) -> Result<Bytes, SegmentError> {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().map(OpenColumn::encode).unzip();
    let schema = Arc::new(Schema::new(fields));
    let rows = RecordBatch::try_new(schema.clone(), arrays).map_err(|error| ParquetError::External(error.into()))?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("watchkeep ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(&rows)?;
    Ok(writer.into_inner()?.into())
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::TimestampMicrosecondType;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn a_file_has_what_was_put_into_it_and_its_fields_have_numbers() {
        let texts = OpenValues::Texts(vec![Some("ä".to_owned()), None]);
        let columns = vec![
            OpenColumn { name: "at", field_id: 7, values: OpenValues::TimesMs(vec![1_700_000_000_001, -1]) },
            OpenColumn { name: "text", field_id: 9, values: texts },
        ];
        let reader = ParquetRecordBatchReaderBuilder::try_new(open_file(columns).unwrap()).unwrap();
        let fields = reader.parquet_schema().root_schema().get_fields();
        let numbers: Vec<_> =
            fields.iter().map(|field| (field.name().to_owned(), field.get_basic_info().id())).collect();
        assert_eq!(numbers, [("at".to_owned(), 7), ("text".to_owned(), 9)]);
        let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        let times = batches[0].column(0).as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.values().to_vec(), [1_700_000_000_001_000, -1_000]);
        let texts: Vec<_> = batches[0].column(1).as_string::<i32>().iter().collect();
        assert_eq!(texts, [Some("ä"), None]);
        let uneven = vec![
            OpenColumn { name: "a", field_id: 1, values: OpenValues::TimesMs(vec![1]) },
            OpenColumn { name: "b", field_id: 2, values: OpenValues::Texts(Vec::new()) },
        ];
        assert!(open_file(uneven).is_err());
    }
}
