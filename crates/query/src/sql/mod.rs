//! SQL, carried out by DataFusion over tables that are made for the query.
//!
//! A log group has no columns of its own: those that a query names are found in the events first (`discover`), with the type that all
//! of their values have, and then read as columns (`table`). What users write in Spark's dialect is put into DataFusion's words
//! (`rewrite`, `functions`). Nothing but a query is carried out.

mod casts;
mod check;
mod discover;
mod functions;
mod json;
mod pushdown;
mod rewrite;
mod session;
mod source;
mod stack;
mod store_table;
mod stream;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Statement;
use watchkeep_store::Order;

use crate::answer::Answer;
use crate::control::Control;
use crate::engine::Engine;
use crate::error::QueryError;
use crate::events::{Counts, Groups, Reading};
use crate::limits::{SQL_CHARS_MAX, SQL_TABLES_MAX};
use crate::request::{EventTable, Group, Surroundings};
use crate::required::Required;
use discover::Columns;
use rewrite::Names;
use session::Session;
pub use source::SqlSource;
use table::{Events, EventsStream, FirstLook};

/// A query in SQL that was found to be one.
#[derive(Debug, Clone)]
pub struct SqlQuery {
    /// As it was written.
    text: Arc<str>,
    statement: Statement,
    names: Names,
    sources: Vec<SqlSource>,
    /// What WHERE says of the messages of tables, by their names.
    required: BTreeMap<String, Required>,
    /// Whether its rows are events, and the column [`POINTER`] of its result says which.
    shows_events: bool,
}

/// The column that says which event a row is.
const POINTER: &str = "@ptr";

impl SqlQuery {
    /// Reads a query over log groups.
    ///
    /// # Errors
    ///
    /// [`QueryError::Malformed`] if it is none, or not only one, or changes anything.
    pub fn parse(text: &str) -> Result<SqlQuery, QueryError> {
        if text.chars().count() > SQL_CHARS_MAX {
            return Err(QueryError::malformed(format!("the query has more than {SQL_CHARS_MAX} characters")));
        }
        stack::read_with_room(|| SqlQuery::read(text))
    }

    fn read(text: &str) -> Result<SqlQuery, QueryError> {
        let (statement, names) = rewrite::parse(text)?;
        let sources: Vec<SqlSource> =
            names.relations.iter().map(|name| SqlSource::parse(name)).collect::<Result<_, _>>()?;
        if sources.len() > SQL_TABLES_MAX {
            return Err(QueryError::malformed(format!("the query reads more than {SQL_TABLES_MAX} tables")));
        }
        let required = match &statement {
            Statement::Query(query) => pushdown::required(query),
            _ => BTreeMap::new(),
        };
        Ok(SqlQuery { text: text.into(), statement, names, sources, required, shows_events: false })
    }

    /// The tables that it reads: who asks finds the groups of each.
    pub fn sources(&self) -> &[SqlSource] {
        &self.sources
    }
}

/// What a query in SQL is asked of.
#[derive(Debug, Clone)]
pub struct SqlRequest {
    /// The query.
    pub query: SqlQuery,
    /// For each of [`SqlQuery::sources`], the groups.
    pub groups: Vec<Vec<Group>>,
    /// The times of the events, in milliseconds since the epoch; the end is not included.
    pub time: Range<i64>,
    /// At most how many rows the answer has.
    pub limit: usize,
}

impl Engine {
    /// Carries out a query in SQL over log groups. Masked text stays masked.
    ///
    /// # Errors
    ///
    /// [`QueryError`]; nothing was changed, whatever it is.
    pub async fn run_sql(
        &self,
        request: SqlRequest,
        table: EventTable,
        surroundings: Arc<dyn Surroundings>,
        control: Control,
    ) -> Result<Answer, QueryError> {
        let SqlRequest { query, groups, time, limit } = request;
        let (bounds, counts) = (self.bounds(control), Arc::new(Counts::default()));
        let mut found = Vec::new();
        for (source, groups) in query.sources.iter().zip(groups) {
            let is_indexed = |group: &Group| {
                source.indexed.iter().all(|(field, _)| group.indexed.iter().any(|(name, _)| name == field))
            };
            let required = query.required.get(&source.name).cloned().unwrap_or_default();
            let groups = Arc::new(Groups::new(groups.into_iter().filter(is_indexed)));
            // What a transformer made of a message says nothing of the message.
            let are_transformed =
                table.transformed.is_some() && groups.all().iter().any(|group| group.may_be_transformed);
            let reading = Reading {
                table,
                groups,
                time: time.clone(),
                order: if query.names.aggregates { Order::Any } else { Order::Descending },
                limit: None,
                columns: Vec::new(),
                seqs: !query.names.aggregates || query.names.fields.iter().any(|name| name == POINTER),
                stream_names: false,
                fields: None,
                choice: None,
                text: if are_transformed { required.without_fields() } else { required }.filter(),
                unmasked: false,
                surroundings: surroundings.clone(),
            };
            let columns = Columns::named(&query.names);
            let look = if columns.fields.is_empty() && !query.names.wants_all {
                FirstLook::none(columns)
            } else {
                let (wants_all, bounds) = (query.names.wants_all, bounds.clone());
                let events = Events::new(reading.clone(), columns, source.indexed.clone());
                self.store.blocking(move |store| events.look(store, wants_all, &bounds)).await?
            };
            found.push((source, reading, look));
        }
        discover::settle(&query.names, found.iter_mut().map(|(.., look)| &mut look.columns));
        let mut tables = Vec::new();
        for (source, reading, look) in found {
            let of_source = (reading, source.indexed.clone());
            let stream = EventsStream::new(self.store.clone(), of_source, look, bounds.clone(), counts.clone())?;
            tables.push((&source.name, stream));
        }
        let session = Session::new(&bounds, tables.iter().map(|(_, stream)| stream.bytes()).sum())?;
        for (name, stream) in tables {
            session.register_stream(name, Arc::new(stream))?;
        }
        let pointer = query.shows_events.then_some(POINTER);
        let answer = async move {
            let rows = session.run(query.statement, limit, pointer, &bounds, &counts).await?;
            Ok(Answer { rows, statistics: counts.statistics() })
        };
        stack::with_room(answer).await
    }

    /// Carries out a query in SQL over the store's own tables, each with its columns, `seq`, and its labels.
    ///
    /// # Errors
    ///
    /// [`QueryError`]; nothing was changed, whatever it is.
    pub async fn run_over_tables(&self, text: &str, limit: usize, control: Control) -> Result<Answer, QueryError> {
        let (statement, _) = stack::read_with_room(|| rewrite::parse_plain(text))?;
        let (bounds, counts) = (self.bounds(control), Arc::new(Counts::default()));
        let session = Session::new(&bounds, 0)?;
        for table in self.store.tables() {
            let provider = store_table::StoreTable::new(self.store.clone(), table, bounds.clone(), counts.clone());
            session.register(table.name, Arc::new(provider))?;
        }
        let answer = async move {
            let rows = session.run(statement, limit, None, &bounds, &counts).await?;
            Ok(Answer { rows, statistics: counts.statistics() })
        };
        stack::with_room(answer).await
    }
}
