//! The log service: CloudWatch Logs' groups, streams and events.
//!
//! Groups and streams are resources of the catalog, mirrored by the [`Directory`] so that no event waits for a look-up; events
//! are rows of the store's table [`LOG_EVENTS`]. A group or stream that is deleted is forgotten by the directory, and from
//! that moment on none of its rows is kept (`Keep::Drop`); its number is never given to another.
//!
//! It knows no HTTP, no wire format and no other service.

mod directory;
mod entity;
mod errors;
mod filter_log_events;
mod get_log_events;
mod known;
mod limits;
mod list_log_groups;
mod log_groups;
mod log_streams;
mod names;
mod page;
mod paging;
mod position;
mod put_log_events;
mod queries;
mod resources;
mod retention;
mod statistics;
mod tables;
mod tags;
mod tap;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use watchkeep_core::{Clock, Random};
use watchkeep_store::{Collection, Rows, Store, StoreError, Table};
use watchkeep_wire::model::logs as model;
use watchkeep_wire::routes;
use watchkeep_wire::service::{Routed, RoutedService};

use directory::Directory;
use resources::{LogGroup, LogStream};
use tap::Taps;

pub use queries::QueryPorts;
pub use resources::Class as LogClass;
pub use tables::{LOG_EVENTS, QUERY_RESULTS};
pub use tap::{Incoming, Stored, Tap};

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[&LOG_EVENTS, &QUERY_RESULTS];

routes! {
    /// What the service answers.
    pub static ROUTES: Logs = logs {
        CreateLogGroup => log_groups::create_log_group,
        DeleteLogGroup => log_groups::delete_log_group,
        DescribeLogGroups => log_groups::describe_log_groups,
        ListLogGroups => list_log_groups::list_log_groups,
        PutLogGroupDeletionProtection => log_groups::put_log_group_deletion_protection,
        PutRetentionPolicy => retention::put_retention_policy,
        DeleteRetentionPolicy => retention::delete_retention_policy,
        TagResource => tags::tag_resource,
        UntagResource => tags::untag_resource,
        ListTagsForResource => tags::list_tags_for_resource,
        TagLogGroup => tags::tag_log_group,
        UntagLogGroup => tags::untag_log_group,
        ListTagsLogGroup => tags::list_tags_log_group,
        CreateLogStream => log_streams::create_log_stream,
        DeleteLogStream => log_streams::delete_log_stream,
        DescribeLogStreams => log_streams::describe_log_streams,
        PutLogEvents => put_log_events::put_log_events,
        GetLogEvents => get_log_events::get_log_events,
        FilterLogEvents => filter_log_events::filter_log_events,
        StartQuery => queries::start_query,
        GetQueryResults => queries::get_query_results,
        StopQuery => queries::stop_query,
        DescribeQueries => queries::describe_queries,
        GetLogRecord => queries::get_log_record,
        ListLogGroupsForQuery => queries::list_log_groups_for_query,
        PutQueryDefinition => queries::put_query_definition,
        DescribeQueryDefinitions => queries::describe_query_definitions,
        DeleteQueryDefinition => queries::delete_query_definition,
        CreateLookupTable => queries::create_lookup_table,
        GetLookupTable => queries::get_lookup_table,
        UpdateLookupTable => queries::update_lookup_table,
        DescribeLookupTables => queries::describe_lookup_tables,
        DeleteLookupTable => queries::delete_lookup_table,
        CreateScheduledQuery => queries::create_scheduled_query,
        GetScheduledQuery => queries::get_scheduled_query,
        UpdateScheduledQuery => queries::update_scheduled_query,
        DeleteScheduledQuery => queries::delete_scheduled_query,
        ListScheduledQueries => queries::list_scheduled_queries,
        GetScheduledQueryHistory => queries::get_scheduled_query_history,
    }
}

/// The log service, open.
#[derive(Debug)]
pub struct Logs {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    groups: Collection<LogGroup>,
    streams: Collection<LogStream>,
    directory: Arc<Directory>,
    taps: Taps,
    queries: queries::Queries,
    /// Rows below this `seq` were there before the service was opened: they are not in its statistics until they are asked
    /// for.
    history_end_seq: u64,
}

impl Logs {
    /// Opens the service on a store that was opened with [`TABLES`] and is not started yet.
    ///
    /// # Errors
    ///
    /// What reading the catalog can meet.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Logs>, StoreError> {
        let groups = store.catalog().collection::<LogGroup>().await?;
        let streams = store.catalog().collection::<LogStream>().await?;
        let directory = Arc::new(Directory::default());
        let orphans = directory.load(groups.all(), streams.all());
        for key in orphans {
            // Its group was deleted, and the process ended before its streams were.
            streams.delete(&key).await?;
        }
        store.set_owner(&LOG_EVENTS, directory.clone());
        let last = store.append(Rows::new(&LOG_EVENTS)).await?;
        let history_end_seq = last.next().0 << tables::SEQ_ROW_BITS;
        let queries = queries::Queries::open(&store).await?;
        let taps = Taps::default();
        let logs = Logs { store, clock, random, groups, streams, directory, taps, queries, history_end_seq };
        Ok(Arc::new(logs))
    }

    /// Sets what scheduled queries deliver to; before [`Logs::start`].
    pub fn set_query_ports(&self, ports: QueryPorts) {
        self.queries.set_ports(ports);
    }

    /// Begins to run scheduled queries.
    pub fn start(self: &Arc<Self>) {
        tokio::spawn(queries::run_schedules(Arc::downgrade(self)));
    }

    /// Sets what hears of events as they come in; once, before the first call. The tables of its rows must be among those that
    /// the store was opened with.
    pub fn set_taps(&self, taps: Vec<Arc<dyn Tap>>) {
        self.taps.set(taps);
    }

    /// The service with its routing table.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&model::SERVICE, self.clone(), ROUTES))
    }

    /// Forgets all groups and streams, after the store was reset.
    pub async fn reset(&self) {
        self.directory.clear();
        self.queries.reset();
    }
}
