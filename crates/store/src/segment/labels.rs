//! Reading the labels of a segment back: what its identifiers were called when it was written.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::error::SegmentError;
use super::limits::BATCH_ROWS;
use super::read::SegmentReader;
use super::source::Source;
use crate::table::Table;

impl SegmentReader<'_> {
    /// Calls `visit` with each label that the segment has: its index among the table's labels, the identifier, the text. Of rows
    /// behind one another with the same identifier, once. A segment that is older than a label has none of it.
    pub fn labels(&self, table: &Table, visit: &mut dyn FnMut(usize, u64, &str)) -> Result<(), SegmentError> {
        let source = Arc::new(Source::new(self.blobs.clone(), self.path.clone(), self.footer.clone()));
        let schema = self.footer.arrow.schema();
        for (index, label) in table.labels.iter().enumerate() {
            let column = table.columns.get(label.of).and_then(|column| schema.index_of(column.name).ok());
            let Some((ids, texts)) = column.zip(schema.index_of(label.name).ok()) else { continue };
            for row_group in 0..self.footer.parquet().num_row_groups() {
                let chunks = self.footer.parquet().row_groups().get(row_group).map(|group| group.columns());
                let chunks = chunks.unwrap_or_default();
                let chunk = |place: usize| {
                    let (start, length) = chunks.get(place)?.byte_range();
                    Some(start..start.saturating_add(length))
                };
                let pages = source.pages([ids, texts].into_iter().filter_map(chunk).collect())?;
                let projection = ProjectionMask::leaves(self.footer.arrow.parquet_schema(), [ids, texts]);
                let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(pages, self.footer.arrow.clone())
                    .with_projection(projection)
                    .with_row_groups(vec![row_group])
                    .with_batch_size(BATCH_ROWS)
                    .build()
                    .map_err(|error| source.failure(error))?;
                for batch in reader {
                    let batch = batch.map_err(|error| source.failure(error))?;
                    let ids = batch.column_by_name(schema.field(ids).name());
                    let texts = batch.column_by_name(label.name).and_then(|texts| texts.as_string_opt::<i32>());
                    let ids = ids.and_then(|ids| ids.as_primitive_opt::<UInt64Type>());
                    let Some((ids, texts)) = ids.zip(texts) else { continue };
                    let mut last = None;
                    for (id, text) in ids.values().iter().zip(texts) {
                        if let Some(text) = text.filter(|_| last != Some(*id)) {
                            visit(index, *id, text);
                            last = Some(*id);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
