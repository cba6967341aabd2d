//! Carrying out a query: the engine runs it, and what it found becomes rows of the service.

use std::sync::Arc;

use watchkeep_model::ServiceError;
use watchkeep_query::{Answer, Control, InsightsQuery, QueryError, Row, SqlRequest};
use watchkeep_store::ScanStats;

use super::resources::Statistics;
use super::running::Running;
use super::world::{EVENTS, World};
use crate::Logs;
use crate::directory::Group;

/// A query, ready to be carried out.
pub(super) struct Prepared {
    pub(super) asked: Asked,
    /// The groups that it names, or that the request named.
    pub(super) groups: Vec<Arc<Group>>,
    pub(super) world: Arc<World>,
}

/// What the engine is asked.
pub(super) enum Asked {
    /// In Logs Insights QL or PPL.
    Insights(Box<InsightsQuery>),
    /// In SQL.
    Sql(Box<SqlRequest>),
}

/// A row: columns and their values.
pub(super) type ResultRow = Vec<(Arc<str>, String)>;

/// What a query found.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) rows: Arc<Vec<ResultRow>>,
    pub(super) statistics: Statistics,
}

impl Found {
    fn new(rows: Vec<Row>, statistics: &watchkeep_query::Statistics) -> Found {
        let pointer_name: Arc<str> = "@ptr".into();
        let row = |row: Row| {
            let mut fields = row.fields;
            fields.extend(row.pointer.map(|pointer| (pointer_name.clone(), pointer.to_string())));
            fields
        };
        let statistics = Statistics {
            records_matched: statistics.records_matched,
            records_scanned: statistics.records_scanned,
            bytes_scanned: statistics.bytes_scanned,
            groups_scanned: statistics.groups_scanned,
        };
        Found { rows: Arc::new(rows.into_iter().map(row).collect()), statistics }
    }
}

/// Why a query came to no result. It is for the log: clients see that the query failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The engine gave it up.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Events that it asks for cannot be read.
    #[error("{}", .0.message)]
    Locked(ServiceError),
}

/// Carries out a query; what it finds on the way is told to `running`.
pub(super) async fn execute(logs: &Logs, prepared: Prepared, running: &Arc<Running>) -> Result<Found, Failure> {
    let Prepared { asked, groups, world } = prepared;
    let of_query = running.clone();
    let on_partial = Arc::new(move |partial: watchkeep_query::Partial| {
        of_query.found(Found::new(partial.rows, &partial.statistics))
    });
    let control = Control { cancel: running.canceller(), on_partial: Some(on_partial) };
    let engine = &logs.queries.engine;
    let answer = match asked {
        Asked::Insights(query) => engine.run(&query, EVENTS, world, control).await?,
        Asked::Sql(request) => {
            // A query that has its rows ends before all is read, and may not have come to what it cannot read.
            for group in &groups {
                logs.encryption_key(group).await.map_err(Failure::Locked)?;
            }
            engine.run_sql(*request, EVENTS, world, control).await?
        }
    };
    ensure_complete(logs, &groups, &answer).await?;
    Ok(Found::new(answer.rows, &answer.statistics))
}

/// Refuses an answer that lacks events because their key cannot be used.
async fn ensure_complete(logs: &Logs, groups: &[Arc<Group>], answer: &Answer) -> Result<(), Failure> {
    let watchkeep_query::Statistics { locked, lost, is_incomplete, .. } = answer.statistics;
    let stats = ScanStats { locked, lost, ..ScanStats::default() };
    for group in groups {
        logs.ensure_unlocked(group, &stats).await.map_err(Failure::Locked)?;
    }
    if is_incomplete {
        tracing::warn!("rows may be missing from the result of a query: files are damaged");
    }
    Ok(())
}
