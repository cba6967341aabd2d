//! What is wrong with a query whatever the events are: it is said before the query begins.
//!
//! Which types fields have, and which table has which, only the events know. So the query is planned over tables with no events, with one
//! type of all fields after the other, until a plan is found. An error that is always the same is not of them.

use std::sync::Arc;

use datafusion::common::diagnostic::Diagnostic;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::EmptyRecordBatchStream;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem, SetExpr, Statement};

use super::discover::{Columns, Kind};
use super::pushdown::{only_table, plain_select};
use super::rewrite::offset;
use super::session::{Session, failure};
use super::{POINTER, SqlQuery, stack};
use crate::control::{Bounds, Control};
use crate::engine::Engine;
use crate::error::QueryError;

/// Which tables have the fields that a query names.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// The first has all but those that the query gives names to itself.
    First,
    /// Each has all.
    Each,
}

/// What is tried, one after the other.
const TRIES: &[(Layout, Kind)] = &[
    (Layout::First, Kind::Text),
    (Layout::First, Kind::Number),
    (Layout::First, Kind::Integer),
    (Layout::First, Kind::Boolean),
    (Layout::Each, Kind::Text),
    (Layout::Each, Kind::Number),
];

impl Engine {
    /// Finds what is wrong with a query, as far as it does not depend on the events; a query whose rows are events shows which from
    /// here on ([`crate::Row::pointer`]).
    ///
    /// # Errors
    ///
    /// [`QueryError::Malformed`], with the place.
    pub async fn check_sql(&self, query: SqlQuery) -> Result<SqlQuery, QueryError> {
        let bounds = self.bounds(Control::default());
        stack::with_room(checked(query, bounds)).await
    }
}

async fn checked(mut query: SqlQuery, bounds: Bounds) -> Result<SqlQuery, QueryError> {
    let mut always: Option<DataFusionError> = None;
    for (layout, kind) in TRIES {
        match plan(&query, *layout, *kind, &bounds).await? {
            Ok(plan) => {
                if shows_events(&plan) {
                    query.show_events();
                }
                return Ok(query);
            }
            Err(error) => match &always {
                Some(before) if said(before) != said(&error) => return Ok(query),
                Some(_) => {}
                None => always = Some(error),
            },
        }
    }
    let Some(error) = always else { return Ok(query) };
    let place = error.diagnostic().and_then(|diagnostic| place(&query.text, diagnostic));
    Err(match failure(error, &bounds) {
        QueryError::Malformed { message, .. } => {
            let location = place.or_else(|| mentioned(&query.text, &message));
            QueryError::Malformed { message, location: Some(location.unwrap_or((0, query.text.chars().count()))) }
        }
        other => other,
    })
}

/// What an error says, without the name that may have been meant: of names that are equally near, now the one is told, now the other.
fn said(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    text.split_once("\nDid you mean").map(|(said, _)| said.to_owned()).unwrap_or(text)
}

/// The plan over tables with no events; the inner error is the query's.
async fn plan(
    query: &SqlQuery,
    layout: Layout,
    kind: Kind,
    bounds: &Bounds,
) -> Result<Result<LogicalPlan, DataFusionError>, QueryError> {
    let session = Session::new(bounds, 0)?;
    for (at, source) in query.sources.iter().enumerate() {
        let mut columns = Columns::named(&query.names);
        columns.fields.retain(|(path, _)| match layout {
            Layout::First => at == 0 && !query.names.defined.contains(path.name.as_ref()),
            Layout::Each => true,
        });
        columns.fields.iter_mut().for_each(|(_, of)| *of = kind);
        session.register_stream(&source.name, Arc::new(NoEvents(columns.schema())))?;
    }
    Ok(session.check(query.statement.clone()).await)
}

/// Whether each row is one of a table's.
fn shows_events(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::SubqueryAlias(_) => plan.inputs().into_iter().all(shows_events),
        _ => false,
    }
}

impl SqlQuery {
    /// Adds which event each row is to the result, unless it is asked for as a column of its own.
    fn show_events(&mut self) {
        let Statement::Query(query) = &mut self.statement else { return };
        let table = plain_select(query).and_then(only_table);
        let SetExpr::Select(select) = &mut *query.body else { return };
        let is_of_events = table.is_some_and(|table| self.names.relations.contains(&table));
        if !is_of_events || self.names.fields.contains(POINTER) {
            return;
        }
        let is_all = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        if !select.projection.iter().any(is_all) {
            let pointer = Expr::Identifier(Ident::with_quote('`', POINTER));
            select.projection.push(SelectItem::UnnamedExpr(pointer));
        }
        self.names.fields.insert(POINTER.to_owned());
        // Places are read with rows that are in order.
        self.names.aggregates = false;
        self.shows_events = true;
    }
}

/// The characters that a diagnostic is about.
fn place(text: &str, diagnostic: &Diagnostic) -> Option<(usize, usize)> {
    let span = diagnostic.span?;
    let start = offset(text, span.start.line, span.start.column)?;
    let end = offset(text, span.end.line, span.end.column)?;
    (start < end && end <= text.chars().count()).then_some((start, end))
}

/// Where the query has the first of the names that a message has in quotes.
fn mentioned(text: &str, message: &str) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let names = message.split(['\'', '"', '`']).skip(1).step_by(2);
    let found = names.filter(|name| !name.is_empty()).find_map(|name| {
        let name = name.to_ascii_lowercase();
        lower.find(&name).map(|at| (at, name.len()))
    });
    let (at, bytes) = found?;
    let start = text.get(..at)?.chars().count();
    Some((start, start + text.get(at..at + bytes)?.chars().count()))
}

/// A table with no events.
#[derive(Debug)]
struct NoEvents(arrow::datatypes::SchemaRef);

impl PartitionStream for NoEvents {
    fn schema(&self) -> &arrow::datatypes::SchemaRef {
        &self.0
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        Box::pin(EmptyRecordBatchStream::new(self.0.clone()))
    }
}
