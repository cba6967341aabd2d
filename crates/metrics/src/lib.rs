//! CloudWatch metrics: publishing, listing and reading them. Points are rows of the store; the newest three hours of each
//! series are in memory besides, in its hot head.
//!
//! It knows no HTTP and no other service. Identity of a series: `series`; what is in memory: `index` and `head`; how a datum
//! becomes a point: `datum`, `point`; how points become data: `window`, `buckets`, `read`.
//!
//! M-1 a point is in a hot head only after it is durable, and always before its call returns. M-2 a read takes a series from its
//! head or from the store, never from both; from the head only if that has every acknowledged point of the range.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod anomaly;
mod append;
mod buckets;
mod dashboards;
mod datasets;
mod datum;
mod entity;
mod errors;
mod expressions;
mod get_metric_data;
mod get_metric_statistics;
mod get_metric_widget_image;
mod head;
mod index;
mod insight_rules;
mod known;
mod limits;
mod list_metrics;
mod open;
mod otel_enrichment;
mod paging;
mod point;
mod put_metric_data;
mod queries;
mod query_definitions;
mod read;
mod resource_metrics;
mod resources;
mod rollup;
mod series;
mod sink;
mod source;
mod staged;
mod streams;
mod tables;
mod tags;
#[cfg(test)]
mod tests;
mod total;
mod unit;
mod watch;
mod widget;
mod window;

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;
use watchkeep_core::ports::{AlarmPictures, Functions, NoFunctions, TaggedResources};
use watchkeep_core::{Clock, Random};
use watchkeep_delivery::{DeliveryStreams, NoDeliveryStreams};
use watchkeep_model::cloudwatch::SERVICE;
use watchkeep_store::{Store, Table};
use watchkeep_wire::service::{Routed, RoutedService};

use anomaly::Anomaly;
use datasets::DatasetKeys;
use index::SeriesIndex;
use insight_rules::RuleBook;
use known::Known;
use limits::SWEEP_INTERVAL_MS;
use resources::Resources;
use rollup::Rollups;
use streams::Feeds;

pub use insight_rules::{Contributions, LogEvent};
pub use rollup::Retention;
pub use staged::Staged;

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[
    &tables::METRIC_POINTS,
    &tables::METRIC_SERIES,
    &tables::METRIC_POINTS_5M,
    &tables::METRIC_POINTS_1H,
    &tables::METRIC_ROLLUPS,
    &tables::METRIC_CONTRIBUTIONS,
];

watchkeep_wire::routes! {
    /// What the service answers.
    pub static ROUTES: Metrics = cloudwatch {
        PutMetricData => put_metric_data::put_metric_data,
        ListMetrics => list_metrics::list_metrics,
        GetMetricStatistics => get_metric_statistics::get_metric_statistics,
        GetMetricData => get_metric_data::get_metric_data,
        GetMetricWidgetImage => get_metric_widget_image::get_metric_widget_image,
        PutDashboard => dashboards::put_dashboard,
        GetDashboard => dashboards::get_dashboard,
        ListDashboards => dashboards::list_dashboards,
        DeleteDashboards => dashboards::delete_dashboards,
        PutMetricDataQueryDefinition => query_definitions::put_metric_data_query_definition,
        GetMetricDataQueryDefinition => query_definitions::get_metric_data_query_definition,
        ListMetricDataQueryDefinitions => query_definitions::list_metric_data_query_definitions,
        DeleteMetricDataQueryDefinition => query_definitions::delete_metric_data_query_definition,
        PutInsightRule => insight_rules::put_insight_rule,
        DescribeInsightRules => insight_rules::describe_insight_rules,
        EnableInsightRules => insight_rules::enable_insight_rules,
        DisableInsightRules => insight_rules::disable_insight_rules,
        DeleteInsightRules => insight_rules::delete_insight_rules,
        GetInsightRuleReport => insight_rules::get_insight_rule_report,
        PutManagedInsightRules => insight_rules::put_managed_insight_rules,
        ListManagedInsightRules => insight_rules::list_managed_insight_rules,
        PutMetricStream => streams::put_metric_stream,
        GetMetricStream => streams::get_metric_stream,
        ListMetricStreams => streams::list_metric_streams,
        DeleteMetricStream => streams::delete_metric_stream,
        StartMetricStreams => streams::start_metric_streams,
        StopMetricStreams => streams::stop_metric_streams,
        PutAnomalyDetector => anomaly::put_anomaly_detector,
        DescribeAnomalyDetectors => anomaly::describe_anomaly_detectors,
        DeleteAnomalyDetector => anomaly::delete_anomaly_detector,
        StartOTelEnrichment => otel_enrichment::start_otel_enrichment,
        UpdateOTelEnrichment => otel_enrichment::update_otel_enrichment,
        GetOTelEnrichment => otel_enrichment::get_otel_enrichment,
        StopOTelEnrichment => otel_enrichment::stop_otel_enrichment,
        CreateResourceMetricsConfiguration => resource_metrics::create_resource_metrics_configuration,
        GetResourceMetricsConfiguration => resource_metrics::get_resource_metrics_configuration,
        UpdateResourceMetricsConfiguration => resource_metrics::update_resource_metrics_configuration,
        DeleteResourceMetricsConfiguration => resource_metrics::delete_resource_metrics_configuration,
        GetDataset => datasets::get_dataset,
        AssociateDatasetKmsKey => datasets::associate_dataset_kms_key,
        DisassociateDatasetKmsKey => datasets::disassociate_dataset_kms_key,
        TagResource => tags::tag_resource,
        UntagResource => tags::untag_resource,
        ListTagsForResource => tags::list_tags_for_resource,
    }
}

/// What the service is told.
#[derive(Debug, Clone)]
pub struct MetricsConfig {
    /// How long points are kept.
    pub retention: Retention,
    /// Where metric streams deliver.
    pub deliveries: Arc<dyn DeliveryStreams>,
    /// The custom data sources of metric math.
    pub functions: Arc<dyn Functions>,
}

impl Default for MetricsConfig {
    fn default() -> MetricsConfig {
        MetricsConfig {
            retention: Retention::default(),
            deliveries: Arc::new(NoDeliveryStreams),
            functions: Arc::new(NoFunctions),
        }
    }
}

/// The metrics service.
pub struct Metrics {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    index: Arc<SeriesIndex>,
    rollups: Arc<Rollups>,
    /// Held by who rolls up.
    rolling: tokio::sync::Mutex<()>,
    /// What the catalog has.
    resources: Resources,
    insight_rules: Arc<RuleBook>,
    /// What metric streams still have to deliver, and where to.
    feeds: Feeds,
    deliveries: Arc<dyn DeliveryStreams>,
    functions: Arc<dyn Functions>,
    dataset_keys: DatasetKeys,
    anomaly: Anomaly,
    /// What the other services know of resources.
    known: Arc<Known>,
    /// What has tags under the same API and is kept by another service.
    tagged_elsewhere: OnceLock<Arc<dyn TaggedResources>>,
    /// Who knows what pictures of alarms show.
    alarm_pictures: OnceLock<Arc<dyn AlarmPictures>>,
    /// When memory is next freed of what is old.
    next_sweep_ms: AtomicI64,
    /// The turns of those who draw pictures.
    drawings: Semaphore,
}

impl Metrics {
    /// The service with its routing table, for the doors.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&SERVICE, self.clone(), ROUTES))
    }

    /// Plugs in who knows what pictures of alarms show. The first one counts.
    pub fn set_alarm_pictures(&self, pictures: Arc<dyn AlarmPictures>) {
        let _ = self.alarm_pictures.set(pictures);
    }

    /// Plugs in who keeps the tags of other resources under the same API. The first one counts.
    pub fn set_tagged_elsewhere(&self, others: Arc<dyn TaggedResources>) {
        let _ = self.tagged_elsewhere.set(others);
    }

    /// Begins the work in the background: rolling up points, streaming them, training the models of anomaly detectors.
    pub fn start(self: &Arc<Self>) {
        self.start_training();
        tokio::spawn(self.clone().keep_rolling_up());
        tokio::spawn(self.clone().keep_publishing());
        tokio::spawn(self.clone().keep_dataset_keys());
    }

    /// Forgets everything. To be called when the store was reset, while no call is under way.
    pub async fn reset(&self) {
        self.index.clear();
        self.rollups.reset();
        self.insight_rules.clear();
        self.feeds.clear();
        self.dataset_keys.clear();
        self.anomaly.clear();
    }

    /// How many series have had data of late.
    pub fn series(&self) -> usize {
        self.index.count()
    }

    /// Frees memory of what is old, if that was not done for a while.
    fn sweep_when_due(&self) {
        let (now_ms, due_ms) = (self.clock.now().0, self.next_sweep_ms.load(Ordering::Acquire));
        let next_ms = now_ms.saturating_add(SWEEP_INTERVAL_MS);
        let is_mine =
            || self.next_sweep_ms.compare_exchange(due_ms, next_ms, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if now_ms >= due_ms && is_mine() {
            let index = self.index.clone();
            tokio::task::spawn_blocking(move || index.sweep(now_ms));
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("series", &self.series()).finish_non_exhaustive()
    }
}
