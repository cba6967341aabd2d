//! Tests of the whole service, in process, over a store in a temporary directory and on a manual clock.

mod anomaly;
mod dashboards;
mod datasets;
mod durability;
mod expressions;
mod get_metric_data;
mod get_metric_statistics;
mod insight_rules;
mod known;
mod lambda;
mod list_metrics;
mod managed_rules;
mod oracle;
mod otel_enrichment;
#[path = "../../../store/tests/support/owners.rs"]
mod owners;
mod put_metric_data;
mod query_definitions;
mod resource_metrics;
mod retention;
mod rollups;
mod service;
mod staged;
mod tags;
mod watch;
mod widget_image;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use watchkeep_core::ports::Functions;
use watchkeep_core::{AccountId, Caller, Clock as _, ManualClock, Principal, SeededRandom, SystemClock, TimestampMs};
use watchkeep_delivery::DeliveryStreams;
use watchkeep_model::cloudwatch::*;
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{MasterKey, Store, StoreConfig};
use watchkeep_wire::service::Reply;

use crate::{Metrics, MetricsConfig, Retention};
use owners::{Master, Owners};

/// 2026-01-15T10:00:00Z.
pub const NOW: i64 = 1_768_471_200_000;
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// The service, its store and its clock.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub store: Arc<Store>,
    pub metrics: Arc<Metrics>,
    /// Who keeps KMS keys.
    pub owners: Arc<Owners>,
    directory: TempDir,
}

impl World {
    /// An empty one; it is [`NOW`].
    pub async fn new() -> World {
        World::with(Retention::default()).await
    }

    /// An empty one that keeps points so long.
    pub async fn with(retention: Retention) -> World {
        World::configured(MetricsConfig { retention, ..Default::default() }).await
    }

    /// An empty one that delivers there.
    pub async fn delivering(deliveries: Arc<dyn DeliveryStreams>) -> World {
        World::configured(MetricsConfig { deliveries, ..Default::default() }).await
    }

    /// An empty one whose metric math calls these.
    pub async fn calling(functions: Arc<dyn Functions>) -> World {
        World::configured(MetricsConfig { functions, ..Default::default() }).await
    }

    async fn configured(config: MetricsConfig) -> World {
        let clock = Arc::new(ManualClock::new(TimestampMs(NOW)));
        World::open(TempDir::new().unwrap(), clock, Owners::new(), config).await
    }

    async fn open(directory: TempDir, clock: Arc<ManualClock>, owners: Arc<Owners>, config: MetricsConfig) -> World {
        let random = Arc::new(SeededRandom::new(1));
        let master_key = MasterKey(Some(Arc::new(Master)));
        let store_config = StoreConfig { master_key, ..StoreConfig::small(directory.path()) };
        let fatal = |error: &watchkeep_store::JournalError| panic!("the journal failed: {error}");
        let store = Store::open(store_config, crate::TABLES, clock.clone(), random.clone(), fatal).await.unwrap();
        store.set_data_keys(owners.clone());
        let metrics = Metrics::open(store.clone(), clock.clone(), random, config).await.unwrap();
        World { clock, store, metrics, owners, directory }
    }

    /// The same after the process ended in order, and began again.
    pub async fn restart(self) -> World {
        self.store.close().await;
        self.reopened(Default::default()).await
    }

    /// The same after the process just ended: nothing is closed.
    pub async fn crash(self) -> World {
        self.reopened(Default::default()).await
    }

    /// The same, delivering there.
    pub async fn crash_delivering(self, deliveries: Arc<dyn DeliveryStreams>) -> World {
        self.reopened(MetricsConfig { deliveries, ..Default::default() }).await
    }

    async fn reopened(self, config: MetricsConfig) -> World {
        let World { clock, store, metrics, owners, directory } = self;
        drop(metrics);
        // What was given up may still be at its last read.
        let real = SystemClock::new();
        for _ in 0..10_000 {
            if Arc::strong_count(&store) == 1 {
                break;
            }
            real.sleep(Duration::from_millis(1)).await;
        }
        drop(store);
        World::open(directory, clock, owners, config).await
    }

    pub fn pass(&self, ms: i64) {
        self.clock.advance(Duration::from_millis(ms as u64));
    }

    pub async fn put(&self, namespace: &str, data: Vec<MetricDatum>) -> Result<(), ServiceError> {
        let input = PutMetricDataInput { namespace: namespace.into(), metric_data: Some(data), ..Default::default() };
        self.put_input(input).await.map(|_| ())
    }

    pub async fn put_input(&self, input: PutMetricDataInput) -> Result<Reply<watchkeep_model::Unit>, ServiceError> {
        crate::put_metric_data::put_metric_data(&self.metrics, &caller(), input).await
    }

    pub async fn list(&self, input: ListMetricsInput) -> Result<ListMetricsOutput, ServiceError> {
        crate::list_metrics::list_metrics(&self.metrics, &caller(), input).await
    }

    pub async fn statistics(&self, input: GetMetricStatisticsInput) -> Result<GetMetricStatisticsOutput, ServiceError> {
        crate::get_metric_statistics::get_metric_statistics(&self.metrics, &caller(), input).await
    }

    pub async fn data(&self, input: GetMetricDataInput) -> Result<GetMetricDataOutput, ServiceError> {
        crate::get_metric_data::get_metric_data(&self.metrics, &caller(), input).await
    }

    /// The points of one metric without dimensions, oldest first, their times relative to [`NOW`].
    pub async fn series(&self, stat: &str, period: i32, start: i64, end: i64) -> Vec<(i64, f64)> {
        let input =
            GetMetricDataInput { scan_by: Some("TimestampAscending".into()), ..query(stat, period, start, end) };
        points(&self.data(input).await.unwrap().metric_data_results.unwrap()[0])
    }
}

pub fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

/// A datum of the metric `Load`, a time relative to [`NOW`].
pub fn datum(at: i64, value: f64) -> MetricDatum {
    MetricDatum {
        metric_name: "Load".into(),
        timestamp: Some(Timestamp(NOW + at)),
        value: Some(value),
        ..Default::default()
    }
}

pub fn dimensions(pairs: &[(&str, &str)]) -> Option<Vec<Dimension>> {
    Some(pairs.iter().map(|(name, value)| Dimension { name: name.to_string(), value: value.to_string() }).collect())
}

pub fn metric_query(id: &str, name: &str, stat: &str, period: i32) -> MetricDataQuery {
    let metric = Metric { namespace: Some("Shop".into()), metric_name: Some(name.into()), dimensions: None };
    MetricDataQuery {
        id: id.into(),
        metric_stat: Some(MetricStat { metric, period, stat: stat.into(), unit: None }),
        ..Default::default()
    }
}

/// One query of `Load` in `Shop`, times relative to [`NOW`].
pub fn query(stat: &str, period: i32, start: i64, end: i64) -> GetMetricDataInput {
    GetMetricDataInput {
        metric_data_queries: vec![metric_query("m1", "Load", stat, period)],
        start_time: Timestamp(NOW + start),
        end_time: Timestamp(NOW + end),
        ..Default::default()
    }
}

/// The points of a result, times relative to [`NOW`].
pub fn points(result: &MetricDataResult) -> Vec<(i64, f64)> {
    let times = result.timestamps.iter().flatten().map(|time| time.0 - NOW);
    times.zip(result.values.iter().flatten().copied()).collect()
}
