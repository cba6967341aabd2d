//! Queries over log events: CloudWatch Logs Insights, its languages and SQL; `watchkeep_query` carries them out. Sources: "StartQuery", "GetQueryResults" and the pages of their siblings.
//!
//! A query is a document of the catalog from the moment its id is answered. It waits for its turn, runs where it may block, and ends: its
//! rows are durable in [`QUERY_RESULTS`](crate::tables::QUERY_RESULTS) before its document says so. Whatever had not ended when the
//! process did, has failed.

mod definitions;
mod describe;
mod execute;
mod groups;
mod language;
mod lookup_tables;
mod record;
mod resources;
mod results;
mod running;
mod schedules;
mod start;
#[cfg(test)]
mod tests;
mod world;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use watchkeep_core::Clock;
use watchkeep_core::ports::{AlarmLogQueryListener, Buckets, EventBus, NoAlarmLogQueryListener, NoBuckets, NoEventBus};
use watchkeep_query::{Engine, Settings};
use watchkeep_store::{Collection, Keep, ResourceKey, Store, StoreError, TableOwner};

use crate::limits::{QUERIES_RUNNING_MAX, QUERY_RESULTS_AGE_MS_MAX};
use resources::{LogQuery, LookupTableDocument, QueryDefinitionDocument, ScheduledQueryDocument};
use running::Running;
use schedules::AlarmResults;

pub(crate) use definitions::{delete_query_definition, describe_query_definitions, put_query_definition};
pub(crate) use describe::{describe_queries, list_log_groups_for_query};
pub(crate) use lookup_tables::{
    create_lookup_table, delete_lookup_table, describe_lookup_tables, get_lookup_table, update_lookup_table,
};
pub(crate) use record::get_log_record;
pub(crate) use results::{get_query_results, stop_query};
pub(crate) use schedules::tags as schedule_tags;
pub(crate) use schedules::{
    AlarmQueries, create_scheduled_query, delete_scheduled_query, get_scheduled_query, get_scheduled_query_history,
    list_scheduled_queries, run_schedules, update_scheduled_query,
};
pub(crate) use start::start_query;

/// Queries, saved ones, scheduled ones, and lookup tables.
#[derive(Debug)]
pub(crate) struct Queries {
    engine: Engine,
    documents: Collection<LogQuery>,
    definitions: Collection<QueryDefinitionDocument>,
    lookup_tables: Collection<LookupTableDocument>,
    schedules: Collection<ScheduledQueryDocument>,
    /// Those that have not ended, by id.
    running: Mutex<HashMap<String, Arc<Running>>>,
    /// How many may run now.
    turns: Semaphore,
    /// Held while documents of schedules are changed.
    changing_schedules: tokio::sync::Mutex<()>,
    /// Held while runs are begun, so that none is begun twice.
    beginning_runs: tokio::sync::Mutex<()>,
    /// Each run reads it for as long as it lasts: who writes waits for all of them.
    runs_under_way: Arc<tokio::sync::RwLock<()>>,
    /// The scheduled queries that have a run under way.
    busy_schedules: Mutex<HashSet<ResourceKey>>,
    /// How many runs may have their queries under way.
    run_turns: Semaphore,
    /// Told when schedules change.
    schedules_changed: tokio::sync::Notify,
    ports: Mutex<QueryPorts>,
}

/// What scheduled queries deliver to.
#[derive(Clone)]
pub struct QueryPorts {
    /// Where results are put.
    pub buckets: Arc<dyn Buckets>,
    /// Who hears that a query was completed.
    pub events: Arc<dyn EventBus>,
    /// Who hears that a query of an alarm has run.
    pub alarms: Arc<dyn AlarmLogQueryListener>,
}

impl std::fmt::Debug for QueryPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryPorts").finish_non_exhaustive()
    }
}

impl Default for QueryPorts {
    fn default() -> Self {
        QueryPorts {
            buckets: Arc::new(NoBuckets),
            events: Arc::new(NoEventBus),
            alarms: Arc::new(NoAlarmLogQueryListener),
        }
    }
}

impl Queries {
    /// Reads what the catalog has; what had not ended has failed.
    pub(crate) async fn open(store: &Arc<Store>, clock: &Arc<dyn Clock>) -> Result<Queries, StoreError> {
        let catalog = store.catalog();
        let queries = Queries {
            engine: Engine::new(store.clone(), clock.clone(), Settings::default()),
            documents: catalog.collection().await?,
            definitions: catalog.collection().await?,
            lookup_tables: catalog.collection().await?,
            schedules: catalog.collection().await?,
            running: Mutex::default(),
            turns: Semaphore::new(QUERIES_RUNNING_MAX),
            changing_schedules: tokio::sync::Mutex::default(),
            beginning_runs: tokio::sync::Mutex::default(),
            runs_under_way: Arc::default(),
            busy_schedules: Mutex::default(),
            run_turns: Semaphore::new(QUERIES_RUNNING_MAX),
            schedules_changed: tokio::sync::Notify::new(),
            ports: Mutex::default(),
        };
        for document in queries.documents.all() {
            if !document.status.has_ended() {
                let mut failed = LogQuery::clone(&document);
                failed.status = resources::Status::Failed;
                queries.documents.update(&document, failed).await?;
            }
        }
        for schedule in queries.schedules.all() {
            if let Some(ended) = schedule.ended() {
                queries.schedules.update(&schedule, ended).await?;
            }
        }
        store.set_owner(&crate::tables::QUERY_RESULTS, Arc::new(Results));
        store.set_owner(&crate::tables::ALARM_QUERY_RESULTS, Arc::new(AlarmResults(queries.schedules.clone())));
        Ok(queries)
    }

    /// Forgets what runs, after the store was reset.
    pub(crate) fn reset(&self) {
        self.running().drain().for_each(|(_, running)| running.cancel());
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy_schedules(&self) -> MutexGuard<'_, HashSet<ResourceKey>> {
        self.busy_schedules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ports(&self) -> QueryPorts {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets what scheduled queries deliver to.
    pub(crate) fn set_ports(&self, ports: QueryPorts) {
        *self.ports.lock().unwrap_or_else(PoisonError::into_inner) = ports;
    }
}

/// How long results are kept.
struct Results;

impl TableOwner for Results {
    fn keep(&self, _: &[u64]) -> Keep {
        Keep::For(std::time::Duration::from_millis(QUERY_RESULTS_AGE_MS_MAX.unsigned_abs()))
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}
