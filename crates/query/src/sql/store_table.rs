//! The store's own tables, with their columns, `seq`, and the labels that spell out identifiers.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use hashbrown::HashMap;
use watchkeep_store::{Batch, ColumnKind, SEQ, Scan, Store, Table};

use super::stream::{self, Give};
use crate::control::Bounds;
use crate::error::QueryError;
use crate::events::Counts;

/// A table of the store.
#[derive(Clone)]
pub(super) struct StoreTable {
    store: Arc<Store>,
    table: &'static Table,
    schema: SchemaRef,
    bounds: Bounds,
    counts: Arc<Counts>,
}

impl StoreTable {
    /// A table of this store.
    pub(super) fn new(store: Arc<Store>, table: &'static Table, bounds: Bounds, counts: Arc<Counts>) -> StoreTable {
        let data_type = |kind: ColumnKind| match kind {
            ColumnKind::U64 => DataType::UInt64,
            ColumnKind::I64 => DataType::Int64,
            ColumnKind::F64 => DataType::Float64,
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::Bytes => DataType::Binary,
        };
        let columns = table.columns.iter().map(|column| Field::new(column.name, data_type(column.kind), true));
        let labels = table.labels.iter().map(|label| Field::new(label.name, DataType::Utf8, true));
        let fields = columns.chain([Field::new(SEQ, DataType::UInt64, true)]).chain(labels);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        StoreTable { store, table, schema, bounds, counts }
    }
}

impl fmt::Debug for StoreTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreTable").field(&self.table.name).finish()
    }
}

impl TableProvider for StoreTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let time = self.table.columns.get(self.table.time).map_or("", |column| column.name);
        let support = |filter: &&Expr| match bound(filter, time) {
            // Rows outside are not read, and those read are tested again.
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    fn scan<'a, 'b, 'c, 'd, 'f>(
        &'a self,
        _session: &'b dyn Session,
        projection: Option<&'c Vec<usize>>,
        filters: &'d [Expr],
        limit: Option<usize>,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<dyn ExecutionPlan>>> + Send + 'f>>
    where
        'a: 'f,
        'b: 'f,
        'c: 'f,
        'd: 'f,
        Self: 'f,
    {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.cloned().unwrap_or(all);
        let time = self.table.columns.get(self.table.time).map_or("", |column| column.name);
        let mut range = i64::MIN..i64::MAX;
        for bound in filters.iter().filter_map(|filter| bound(filter, time)) {
            range = range.start.max(bound.start)..range.end.min(bound.end);
        }
        Box::pin(async move {
            let schema = Arc::new(self.schema.project(&projection)?);
            let rows = StoreRows { table: self.clone(), schema: schema.clone(), projection, time: range };
            let exec = StreamingTableExec::try_new(schema, vec![Arc::new(rows)], None, [], false, limit)?;
            Ok(Arc::new(exec) as Arc<dyn ExecutionPlan>)
        })
    }
}

/// The times that a comparison of the time with a number leaves; the end is not included but as `i64::MAX`.
fn bound(filter: &Expr, time: &str) -> Option<Range<i64>> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
    let number = |expr: &Expr| match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => Some(*number),
        _ => None,
    };
    let is_time = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == time);
    let (op, number) = match (is_time(left), is_time(right)) {
        (true, _) => (*op, number(right)?),
        (_, true) => (op.swap()?, number(left)?),
        _ => return None,
    };
    match op {
        Operator::Eq => Some(number..number.saturating_add(1)),
        Operator::Lt => Some(i64::MIN..number),
        Operator::LtEq => Some(i64::MIN..number.saturating_add(1)),
        Operator::Gt => Some(number.saturating_add(1)..i64::MAX),
        Operator::GtEq => Some(number..i64::MAX),
        _ => None,
    }
}

/// Rows of a table, of some columns and times.
struct StoreRows {
    table: StoreTable,
    schema: SchemaRef,
    projection: Vec<usize>,
    time: Range<i64>,
}

impl fmt::Debug for StoreRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreRows").field("table", &self.table).field("time", &self.time).finish_non_exhaustive()
    }
}

impl PartitionStream for StoreRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (table, projection, time) = (self.table.clone(), self.projection.clone(), self.time.clone());
        let schema = self.schema.clone();
        stream::of_thread(self.table.store.clone(), self.schema.clone(), move |store, give| {
            read(&table, store, &projection, time, &schema, give)
        })
    }
}

fn read(
    of: &StoreTable,
    store: &Store,
    projection: &[usize],
    time: Range<i64>,
    schema: &SchemaRef,
    give: &mut Give<'_>,
) -> std::result::Result<(), QueryError> {
    let table = of.table;
    let label = |at: usize| at.checked_sub(table.columns.len() + 1).and_then(|at| table.labels.get(at));
    let ids = projection.iter().filter_map(|&at| label(at)).map(|label| label.of);
    let columns: Vec<usize> = projection.iter().copied().filter(|&at| at < table.columns.len()).chain(ids).collect();
    let mut names: HashMap<(&'static str, u64), Option<String>> = HashMap::new();
    let mut failed = None;
    let stats = store.scan(&Scan::new(table).time(time).columns(&columns), &mut |batch| {
        let mut step = || {
            of.bounds.check()?;
            let arrays = projection.iter().map(|&at| match label(at) {
                Some(label) => {
                    let text = |&id: &u64| {
                        let name = names.entry((label.name, id)).or_insert_with(|| store.label(table, label.name, id));
                        name.clone()
                    };
                    Arc::new(StringArray::from_iter(batch.u64s(label.of).iter().map(text))) as ArrayRef
                }
                None => column(batch, table, at),
            });
            let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
            let rows = RecordBatch::try_new_with_options(schema.clone(), arrays.collect(), &options);
            rows.map_err(|error| QueryError::Failed(error.to_string()))
        };
        match step() {
            Ok(rows) => {
                if give(rows) {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    of.counts.add_read(&stats);
    failed.map_or(Ok(()), Err)
}

fn column(batch: &Batch, table: &Table, at: usize) -> ArrayRef {
    if at == table.columns.len() {
        return Arc::new(UInt64Array::from_iter_values(batch.seqs().iter().copied()));
    }
    batch.array(at).cloned().unwrap_or_else(|| new_null_array(&DataType::Null, batch.len()))
}
