//! DataFusion, set up for one query: memory with a limit, no files, no statements but queries.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMillisecondType};
use arrow::temporal_conversions::timestamp_ms_to_datetime;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as AnyStatement;
use datafusion::sql::sqlparser::ast::Statement;
use futures_util::StreamExt as _;
use watchkeep_core::TimestampMs;
use watchkeep_lang::insights::{render_number, time};

use super::casts::LenientCasts;
use super::functions;
use crate::answer::{Partial, Row};
use crate::control::Bounds;
use crate::error::QueryError;
use crate::events::Counts;

/// How often a query that gives no rows is asked whether it may go on.
const CHECKED_EVERY: Duration = Duration::from_millis(100);

/// A session for one query.
pub(super) struct Session {
    context: SessionContext,
    /// What `now()` is.
    now: TimestampMs,
}

impl Session {
    /// A session with no tables, of a query that holds so many bytes already.
    pub(super) fn new(bounds: &Bounds, held_bytes: usize) -> Result<Session, QueryError> {
        let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        // As in Spark: what is nothing is less than anything.
        config.options_mut().sql_parser.default_null_ordering = "nulls_min".to_owned();
        // For the places of errors.
        config.options_mut().sql_parser.collect_spans = true;
        // Fields are told apart by case.
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(bounds.memory_bytes_max().saturating_sub(held_bytes))))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
            .build_arc()
            .map_err(|error| failure(error, bounds))?;
        let context = SessionContext::new_with_config_rt(config, runtime);
        context.add_analyzer_rule(Arc::new(LenientCasts));
        functions::WITHOUT_BOUNDS.iter().for_each(|name| context.deregister_udf(name));
        functions::all().for_each(|function| context.register_udf(function));
        Ok(Session { context, now: bounds.clock().now() })
    }

    /// Adds a table that is read from one end to the other.
    pub(super) fn register_stream(&self, name: &str, stream: Arc<dyn PartitionStream>) -> Result<(), QueryError> {
        let table = StreamingTable::try_new(stream.schema().clone(), vec![stream]);
        let table = table.map_err(|error| QueryError::Failed(error.to_string()))?;
        self.register(name, Arc::new(table))
    }

    /// Adds a table.
    pub(super) fn register(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<(), QueryError> {
        let registered = self.context.register_table(TableReference::bare(name), table);
        registered.map(drop).map_err(|error| QueryError::Failed(error.to_string()))
    }

    /// What DataFusion plans by. Left alone it would ask the system for the time.
    fn state(&self) -> SessionState {
        let mut state = self.context.state();
        let now = timestamp_ms_to_datetime(self.now.0).map(|now| now.and_utc());
        state.execution_props_mut().query_execution_start_time = now;
        state
    }

    /// The plan of a query.
    pub(super) async fn plan(&self, statement: Statement) -> Result<LogicalPlan, DataFusionError> {
        let plan = self.state().statement_to_plan(AnyStatement::Statement(Box::new(statement))).await?;
        let only_queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        only_queries.verify_plan(&plan)?;
        Ok(plan)
    }

    /// Plans a query down to what would be carried out.
    pub(super) async fn check(&self, statement: Statement) -> Result<LogicalPlan, DataFusionError> {
        let plan = self.plan(statement).await?;
        self.state().create_physical_plan(&plan).await?;
        Ok(plan)
    }

    /// The rows of a query, at most so many. The column `pointer` of its result says which event each row is.
    pub(super) async fn run(
        &self,
        statement: Statement,
        limit: usize,
        pointer: Option<&str>,
        bounds: &Bounds,
        counts: &Counts,
    ) -> Result<Vec<Row>, QueryError> {
        let fail = |error: DataFusionError| failure(error, bounds);
        let plan = self.plan(statement).await.map_err(fail)?;
        let state = self.state();
        let plan = state.create_physical_plan(&plan).await.map_err(fail)?;
        let mut stream = execute_stream(plan, state.task_ctx()).map_err(fail)?;
        let mut rows = Vec::new();
        let mut reported = bounds.clock().monotonic();
        loop {
            let batch = tokio::select! {
                batch = stream.next() => batch,
                () = bounds.clock().sleep(CHECKED_EVERY) => {
                    bounds.check()?;
                    continue;
                }
            };
            bounds.check()?;
            let Some(batch) = batch else { return Ok(rows) };
            let batch = batch.map_err(|error| of_events(failure(error, bounds)))?;
            shown(&batch, limit, pointer, bounds, &mut rows)?;
            if rows.len() >= limit {
                return Ok(rows);
            }
            if let Some(on_partial) = &bounds.control().on_partial
                && bounds.clock().monotonic().saturating_sub(reported) >= crate::limits::PARTIAL_EVERY
            {
                reported = bounds.clock().monotonic();
                let shown = rows.iter().take(crate::limits::PARTIAL_ROWS_MAX).cloned().collect();
                on_partial(Partial { rows: shown, statistics: counts.statistics() });
            }
        }
    }
}

/// Adds the rows of a batch as texts, as long as there are fewer than `limit`.
fn shown(
    batch: &RecordBatch,
    limit: usize,
    pointer: Option<&str>,
    bounds: &Bounds,
    rows: &mut Vec<Row>,
) -> Result<(), QueryError> {
    let names: Vec<Arc<str>> =
        batch.schema_ref().fields().iter().map(|field| Arc::from(field.name().as_str())).collect();
    let columns: Vec<Vec<Option<String>>> = batch.columns().iter().map(texts).collect::<Result<_, _>>()?;
    for at in 0..batch.num_rows().min(limit.saturating_sub(rows.len())) {
        let mut row = Row::default();
        for (name, column) in names.iter().zip(&columns) {
            let Some(text) = column.get(at).cloned().flatten() else { continue };
            if pointer == Some(&**name) {
                row.pointer = text.parse().ok();
            } else {
                row.fields.push((name.clone(), text));
            }
        }
        bounds.take(row.fields.iter().map(|(_, text)| text.len() + size_of::<(Arc<str>, String)>()).sum())?;
        rows.push(row);
    }
    Ok(())
}

/// The values of a column as results show them.
fn texts(array: &ArrayRef) -> Result<Vec<Option<String>>, QueryError> {
    let fail = |error: arrow::error::ArrowError| QueryError::Failed(error.to_string());
    match array.data_type() {
        DataType::Float64 | DataType::Float32 | DataType::Float16 => {
            let numbers = cast(array, &DataType::Float64).map_err(fail)?;
            let numbers = numbers.as_primitive_opt::<Float64Type>().map(|numbers| {
                numbers.iter().map(|number| number.filter(|number| number.is_finite()).map(render_number)).collect()
            });
            Ok(numbers.unwrap_or_default())
        }
        DataType::Timestamp(..) => {
            let times = cast(array, &DataType::Timestamp(TimeUnit::Millisecond, None)).map_err(fail)?;
            let times = times.as_primitive_opt::<TimestampMillisecondType>();
            Ok(times.map(|times| times.iter().map(|time| time.map(time::render)).collect()).unwrap_or_default())
        }
        _ => {
            let options = FormatOptions::new();
            let formatter = ArrayFormatter::try_new(array, &options).map_err(fail)?;
            let text = |row: usize| array.is_valid(row).then(|| formatter.value(row).to_string());
            Ok((0..array.len()).map(text).collect())
        }
    }
}

/// What went wrong while events were looked at: nothing of what was in them, since this is logged.
fn of_events(error: QueryError) -> QueryError {
    match error {
        QueryError::Malformed { .. } => {
            QueryError::malformed("what an event has does not fit what the query does with it")
        }
        QueryError::Failed(_) => QueryError::Failed("an operator failed on what an event has".to_owned()),
        other => other,
    }
}

/// What went wrong, for who asked.
pub(super) fn failure(error: DataFusionError, bounds: &Bounds) -> QueryError {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<QueryError>() {
            Ok(own) => *own,
            Err(other) => QueryError::Failed(other.to_string()),
        },
        DataFusionError::Context(_, inner) => failure(*inner, bounds),
        DataFusionError::Diagnostic(_, inner) => failure(*inner, bounds),
        DataFusionError::ResourcesExhausted(_) => QueryError::Memory { limit_bytes: bounds.memory_bytes_max() },
        DataFusionError::Plan(message) | DataFusionError::NotImplemented(message) => QueryError::malformed(message),
        error @ (DataFusionError::SQL(..) | DataFusionError::SchemaError(..)) => {
            QueryError::malformed(error.strip_backtrace())
        }
        // A value that does not fit what the query does with it.
        DataFusionError::Execution(message) => QueryError::malformed(message),
        DataFusionError::ArrowError(error, _) => QueryError::malformed(error.to_string()),
        other => QueryError::Failed(other.strip_backtrace()),
    }
}
