//! The log service: CloudWatch Logs' groups, streams and events.
//!
//! Groups and streams are resources of the catalog, mirrored by the [`Directory`] so that no event waits for a look-up; events
//! are rows of the store's table [`LOG_EVENTS`]. A group or stream that is deleted is forgotten by the directory, and from
//! that moment on none of its rows is kept (`Keep::Drop`); its number is never given to another.
//!
//! It knows no HTTP, no wire format and no other service.

mod account_policies;
mod anomaly_detectors;
mod bearer_tokens;
mod data_protection;
mod data_sources;
mod deliveries;
mod directory;
mod entity;
mod errors;
mod event_fields;
mod exports;
mod field_indexes;
mod filter_log_events;
mod get_log_events;
mod http_endpoints;
mod imports;
mod kms_keys;
mod known;
mod large_objects;
mod limits;
mod list_log_groups;
mod live_tail;
mod log_group_fields;
mod log_groups;
mod log_streams;
mod metric_filters;
mod names;
mod page;
mod paging;
mod pointed;
mod position;
mod put_log_events;
mod queries;
mod resource_policies;
mod resources;
mod retention;
mod s3_tables;
mod sink;
mod statistics;
mod subscriptions;
mod syslog;
mod tables;
mod tags;
mod tap;
#[cfg(test)]
mod tests;
mod transformers;

use std::sync::Arc;

use watchkeep_core::ports::{AlarmLogQueries, LogSink};
use watchkeep_core::{Clock, Random};
use watchkeep_store::{Collection, Rows, Store, StoreError, Table};
use watchkeep_wire::http_api::HttpApi;
use watchkeep_wire::model::{logs as model, observabilityadmin, s3tables};
use watchkeep_wire::routes;
use watchkeep_wire::service::{Routed, RoutedService};

use account_policies::AccountPolicies;
use anomaly_detectors::AnomalyDetectors;
use data_protection::{DataProtection, FindingsOwner};
use deliveries::Deliveries;
use directory::Directory;
use exports::Exports;
use imports::Imports;
use kms_keys::QueryResultsKey;
use live_tail::LiveTails;
use metric_filters::{METRIC_FILTER_MINUTES, MetricFilters};
use resource_policies::AccountResourcePolicy;
use resources::{LogGroup, LogStream};
use s3_tables::S3Tables;
use subscriptions::Subscriptions;
use syslog::SyslogConfigurations;
use tap::Taps;
use transformers::Transformers;

pub use data_protection::DataProtectionPorts;
pub use deliveries::DeliveryPorts;
pub use metric_filters::MetricStaging;
pub use queries::QueryPorts;
pub use resources::Class as LogClass;
pub use subscriptions::SubscriptionPorts;
pub use tables::{ALARM_QUERY_RESULTS, LOG_EVENTS, LOG_FINDINGS, LOG_OBJECTS, QUERY_RESULTS, VENDED_LOGS};
pub use tap::{Incoming, Stored, Tap};
pub use transformers::{Level as TransformerLevel, Transformation, Transformed};

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[
    &ALARM_QUERY_RESULTS,
    &LOG_EVENTS,
    &LOG_OBJECTS,
    &LOG_FINDINGS,
    &METRIC_FILTER_MINUTES,
    &QUERY_RESULTS,
    &VENDED_LOGS,
];

routes! {
    /// What the service answers.
    pub static ROUTES: Logs = logs {
        CreateLogGroup => log_groups::create_log_group,
        DeleteLogGroup => log_groups::delete_log_group,
        DescribeLogGroups => log_groups::describe_log_groups,
        ListLogGroups => list_log_groups::list_log_groups,
        ListAggregateLogGroupSummaries => data_sources::list_aggregate_log_group_summaries,
        PutLogGroupDeletionProtection => log_groups::put_log_group_deletion_protection,
        PutBearerTokenAuthentication => bearer_tokens::put_bearer_token_authentication,
        AssociateKmsKey => kms_keys::associate_kms_key,
        DisassociateKmsKey => kms_keys::disassociate_kms_key,
        PutDataProtectionPolicy => data_protection::put_data_protection_policy,
        GetDataProtectionPolicy => data_protection::get_data_protection_policy,
        DeleteDataProtectionPolicy => data_protection::delete_data_protection_policy,
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
        GetLogObject => large_objects::get_log_object,
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
        PutSubscriptionFilter => subscriptions::put_subscription_filter,
        DescribeSubscriptionFilters => subscriptions::describe_subscription_filters,
        DeleteSubscriptionFilter => subscriptions::delete_subscription_filter,
        PutDestination => subscriptions::put_destination,
        PutDestinationPolicy => subscriptions::put_destination_policy,
        DescribeDestinations => subscriptions::describe_destinations,
        DeleteDestination => subscriptions::delete_destination,
        PutDeliverySource => deliveries::put_delivery_source,
        GetDeliverySource => deliveries::get_delivery_source,
        DescribeDeliverySources => deliveries::describe_delivery_sources,
        DeleteDeliverySource => deliveries::delete_delivery_source,
        PutDeliveryDestination => deliveries::put_delivery_destination,
        GetDeliveryDestination => deliveries::get_delivery_destination,
        DescribeDeliveryDestinations => deliveries::describe_delivery_destinations,
        DeleteDeliveryDestination => deliveries::delete_delivery_destination,
        PutDeliveryDestinationPolicy => deliveries::put_delivery_destination_policy,
        GetDeliveryDestinationPolicy => deliveries::get_delivery_destination_policy,
        DeleteDeliveryDestinationPolicy => deliveries::delete_delivery_destination_policy,
        CreateDelivery => deliveries::create_delivery,
        GetDelivery => deliveries::get_delivery,
        DescribeDeliveries => deliveries::describe_deliveries,
        UpdateDeliveryConfiguration => deliveries::update_delivery_configuration,
        DeleteDelivery => deliveries::delete_delivery,
        DescribeConfigurationTemplates => deliveries::describe_configuration_templates,
        CreateExportTask => exports::create_export_task,
        DescribeExportTasks => exports::describe_export_tasks,
        CancelExportTask => exports::cancel_export_task,
        CreateImportTask => imports::create_import_task,
        DescribeImportTasks => imports::describe_import_tasks,
        DescribeImportTaskBatches => imports::describe_import_task_batches,
        CancelImportTask => imports::cancel_import_task,
        StartLiveTail => live_tail::start_live_tail,
        PutMetricFilter => metric_filters::put_metric_filter,
        DescribeMetricFilters => metric_filters::describe_metric_filters,
        DeleteMetricFilter => metric_filters::delete_metric_filter,
        TestMetricFilter => metric_filters::test_metric_filter,
        PutAccountPolicy => account_policies::put_account_policy,
        DescribeAccountPolicies => account_policies::describe_account_policies,
        DeleteAccountPolicy => account_policies::delete_account_policy,
        PutTransformer => transformers::put_transformer,
        GetTransformer => transformers::get_transformer,
        DeleteTransformer => transformers::delete_transformer,
        TestTransformer => transformers::test_transformer,
        GetLogGroupFields => log_group_fields::get_log_group_fields,
        GetLogFields => data_sources::get_log_fields,
        PutSyslogConfiguration => syslog::put_syslog_configuration,
        ListSyslogConfigurations => syslog::list_syslog_configurations,
        DeleteSyslogConfiguration => syslog::delete_syslog_configuration,
        PutResourcePolicy => resource_policies::put_resource_policy,
        DescribeResourcePolicies => resource_policies::describe_resource_policies,
        DeleteResourcePolicy => resource_policies::delete_resource_policy,
        CreateLogAnomalyDetector => anomaly_detectors::create_log_anomaly_detector,
        GetLogAnomalyDetector => anomaly_detectors::get_log_anomaly_detector,
        ListLogAnomalyDetectors => anomaly_detectors::list_log_anomaly_detectors,
        UpdateLogAnomalyDetector => anomaly_detectors::update_log_anomaly_detector,
        DeleteLogAnomalyDetector => anomaly_detectors::delete_log_anomaly_detector,
        ListAnomalies => anomaly_detectors::list_anomalies,
        UpdateAnomaly => anomaly_detectors::update_anomaly,
        PutIndexPolicy => field_indexes::put_index_policy,
        DescribeIndexPolicies => field_indexes::describe_index_policies,
        DeleteIndexPolicy => field_indexes::delete_index_policy,
        DescribeFieldIndexes => field_indexes::describe_field_indexes,
        AssociateSourceToS3TableIntegration => s3_tables::associate_source_to_s3_table_integration,
        DisassociateSourceFromS3TableIntegration => s3_tables::disassociate_source_from_s3_table_integration,
        ListSourcesForS3TableIntegration => s3_tables::list_sources_for_s3_table_integration,
    }
}

routes! {
    /// What the service answers of CloudWatch's observability administration.
    pub static OBSERVABILITY_ROUTES: Logs = observabilityadmin {
        CreateS3TableIntegration => s3_tables::create_s3_table_integration,
        GetS3TableIntegration => s3_tables::get_s3_table_integration,
        ListS3TableIntegrations => s3_tables::list_s3_table_integrations,
        DeleteS3TableIntegration => s3_tables::delete_s3_table_integration,
        TagResource => s3_tables::tag_resource,
        UntagResource => s3_tables::untag_resource,
        ListTagsForResource => s3_tables::list_tags_for_resource,
    }
}

routes! {
    /// What the service answers of S3 Tables, for its own tables.
    pub static S3_TABLES_ROUTES: Logs = s3tables {
        ListTableBuckets => s3_tables::list_table_buckets,
        GetTableBucket => s3_tables::get_table_bucket,
        ListNamespaces => s3_tables::list_namespaces,
        GetNamespace => s3_tables::get_namespace,
        ListTables => s3_tables::list_tables,
        GetTable => s3_tables::get_table,
        GetTableMetadataLocation => s3_tables::get_table_metadata_location,
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
    query_results_keys: Collection<QueryResultsKey>,
    directory: Arc<Directory>,
    taps: Taps,
    subscriptions: Subscriptions,
    queries: queries::Queries,
    exports: Exports,
    imports: Imports,
    deliveries: Deliveries,
    s3_tables: Arc<S3Tables>,
    account_policies: AccountPolicies,
    metric_filters: Arc<MetricFilters>,
    live_tails: LiveTails,
    transformers: Transformers,
    anomaly_detectors: AnomalyDetectors,
    resource_policies: Collection<AccountResourcePolicy>,
    /// Held while resource policies of an account change, so that there are never too many.
    changing_resource_policies: tokio::sync::Mutex<()>,
    data_protection: DataProtection,
    syslog: SyslogConfigurations,
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
        let exports = Exports::open(store.catalog(), random.clone()).await?;
        let imports = Imports::open(store.catalog(), random.clone()).await?;
        let query_results_keys = store.catalog().collection::<QueryResultsKey>().await?;
        let anomaly_detectors = AnomalyDetectors::open(&store, random.clone()).await?;
        let resource_policies = store.catalog().collection::<AccountResourcePolicy>().await?;
        let account_policies = AccountPolicies::open(&store).await?;
        let data_protection = DataProtection::open(&store, random.clone()).await?;
        let syslog = SyslogConfigurations::open(&store).await?;
        let directory = Arc::new(Directory::default());
        let orphans = directory.load(groups.all(), streams.all());
        for key in orphans {
            // Its group was deleted, and the process ended before its streams were.
            streams.delete(&key).await?;
        }
        store.set_owner(&LOG_EVENTS, directory.clone());
        store.set_owner(&LOG_OBJECTS, directory.clone());
        store.set_owner(&LOG_FINDINGS, Arc::new(FindingsOwner));
        let last = store.append(Rows::new(&LOG_EVENTS)).await?;
        let history_end_seq = last.next().0 << tables::SEQ_ROW_BITS;
        let metric_filters = Arc::new(MetricFilters::open(&store, directory.clone()).await?);
        metric_filters.recover_minutes(&store, clock.now())?;
        store.set_owner(&METRIC_FILTER_MINUTES, metric_filters.clone());
        let subscriptions = Subscriptions::open(&store).await?;
        let deliveries = Deliveries::open(&store).await?;
        let s3_tables = Arc::new(S3Tables::open(&store).await?);
        let queries = queries::Queries::open(&store, &clock).await?;
        let logs = Logs {
            store,
            clock,
            random,
            groups,
            streams,
            query_results_keys,
            directory,
            taps: Taps::default(),
            account_policies,
            transformers: Transformers::default(),
            metric_filters,
            live_tails: LiveTails::default(),
            exports,
            imports,
            deliveries,
            s3_tables,
            anomaly_detectors,
            resource_policies,
            changing_resource_policies: tokio::sync::Mutex::default(),
            data_protection,
            syslog,
            subscriptions,
            queries,
            history_end_seq,
        };
        logs.load_subscriptions().await?;
        Ok(Arc::new(logs))
    }

    /// Sets what hears of events as they come in; once, before the first call. The tables of its rows must be among those that
    /// the store was opened with.
    pub fn set_taps(&self, taps: Vec<Arc<dyn Tap>>) {
        self.taps.set(taps);
    }

    /// Sets who stores what metric filters make of events; once, before the first call.
    pub fn set_metric_staging(&self, staging: Arc<dyn MetricStaging>) {
        self.metric_filters.set_staging(staging);
    }

    /// Sets what data protection needs of the other services; once, before the first call. Without it no policy can be put.
    pub fn set_data_protection(&self, ports: DataProtectionPorts) {
        self.data_protection.set_ports(ports);
    }

    /// Sets what scheduled queries deliver to; before [`Logs::start`].
    pub fn set_query_ports(&self, ports: QueryPorts) {
        self.queries.set_ports(ports);
    }

    /// Begins what the service does by itself: default values of metric filters are settled, log anomaly detectors look at what came
    /// in, findings of data protection and vended logs are delivered, S3 tables are written, scheduled queries run. It ends when the service is dropped.
    pub fn start(self: &Arc<Self>) {
        tokio::spawn(metric_filters::keep_settling(Arc::downgrade(self)));
        tokio::spawn(anomaly_detectors::keep_watching(Arc::downgrade(self)));
        tokio::spawn(self.clone().keep_delivering_findings());
        tokio::spawn(queries::run_schedules(Arc::downgrade(self)));
        tokio::spawn(deliveries::keep_delivering(Arc::downgrade(self)));
        tokio::spawn(s3_tables::keep_writing(Arc::downgrade(self)));
    }

    /// The service with its routing table.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&model::SERVICE, self.clone(), ROUTES))
    }

    /// The part of CloudWatch's observability administration that is about log data.
    pub fn routed_observability(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&observabilityadmin::SERVICE, self.clone(), OBSERVABILITY_ROUTES))
    }

    /// S3 Tables' own API, for the tables of log data.
    pub fn routed_s3_tables(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&s3tables::SERVICE, self.clone(), S3_TABLES_ROUTES))
    }

    /// The service as log alarms ask it.
    pub fn alarm_queries(self: &Arc<Self>) -> Arc<dyn AlarmLogQueries> {
        Arc::new(queries::AlarmQueries(Arc::downgrade(self)))
    }

    /// The service as others hand events to it.
    pub fn sink(self: &Arc<Self>) -> Arc<dyn LogSink> {
        Arc::new(sink::Sink(self.clone()))
    }

    /// The endpoints that take logs by plain HTTP.
    pub fn http_endpoints(self: &Arc<Self>) -> Arc<dyn HttpApi> {
        Arc::new(http_endpoints::HttpEndpoints(self.clone()))
    }

    /// Forgets all groups and streams, after the store was reset.
    pub async fn reset(&self) {
        self.subscriptions.clear();
        self.deliveries.clear();
        self.s3_tables.clear();
        self.queries.reset();
        self.directory.clear();
        self.metric_filters.clear();
        self.data_protection.clear();
    }
}
