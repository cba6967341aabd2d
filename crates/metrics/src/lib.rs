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
mod datum;
mod entity;
mod errors;
mod expressions;
mod get_metric_data;
mod get_metric_statistics;
mod head;
mod index;
mod limits;
mod list_metrics;
mod open;
mod point;
mod put_metric_data;
mod queries;
mod read;
mod rollup;
mod series;
mod sink;
mod source;
mod tables;
#[cfg(test)]
mod tests;
mod total;
mod unit;
mod window;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use watchkeep_core::Clock;
use watchkeep_model::cloudwatch::SERVICE;
use watchkeep_store::{Store, Table};
use watchkeep_wire::service::{Routed, RoutedService};

use anomaly::Anomaly;
use index::SeriesIndex;
use limits::SWEEP_INTERVAL_MS;
use rollup::Rollups;

pub use rollup::Retention;

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[
    &tables::METRIC_POINTS,
    &tables::METRIC_SERIES,
    &tables::METRIC_POINTS_5M,
    &tables::METRIC_POINTS_1H,
    &tables::METRIC_ROLLUPS,
];

watchkeep_wire::routes! {
    /// What the service answers.
    pub static ROUTES: Metrics = cloudwatch {
        PutMetricData => put_metric_data::put_metric_data,
        ListMetrics => list_metrics::list_metrics,
        GetMetricStatistics => get_metric_statistics::get_metric_statistics,
        GetMetricData => get_metric_data::get_metric_data,
        PutAnomalyDetector => anomaly::put_anomaly_detector,
        DescribeAnomalyDetectors => anomaly::describe_anomaly_detectors,
        DeleteAnomalyDetector => anomaly::delete_anomaly_detector,
    }
}

/// The metrics service.
pub struct Metrics {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    index: Arc<SeriesIndex>,
    rollups: Arc<Rollups>,
    /// Held by who rolls up.
    rolling: tokio::sync::Mutex<()>,
    anomaly: Anomaly,
    /// When memory is next freed of what is old.
    next_sweep_ms: AtomicI64,
}

impl Metrics {
    /// The service with its routing table, for the doors.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&SERVICE, self.clone(), ROUTES))
    }

    /// Begins the work in the background: rolling up points, training the models of anomaly detectors.
    pub fn start(self: &Arc<Self>) {
        self.start_training();
        tokio::spawn(self.clone().keep_rolling_up());
    }

    /// Forgets everything. To be called when the store was reset, while no call is under way.
    pub async fn reset(&self) {
        self.index.clear();
        self.rollups.reset();
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
