//! Prometheus's HTTP API over CloudWatch's metrics: PromQL queries and the lists that a data source of Grafana needs, and remote
//! write in both its versions. Series that came by remote write look as they were written; every other metric is a series, too
//! (`series`).
//!
//! It keeps nothing but what metadata senders told of late: metrics are handed in to and read from the ports of `core`. It knows no
//! service and no socket. The language itself is `promql`, which does no IO.
//!
//! P-1 a sample is acknowledged only after the sink has it. P-2 a query reads each series once, whatever its steps.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod alarms;
mod answer;
mod api;
mod errors;
mod form;
pub mod fuzzing;
pub mod limits;
mod lists;
mod metadata;
pub mod promql;
mod query;
mod read;
mod series;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use watchkeep_core::Clock;
use watchkeep_core::ports::{MetricSink, MetricSource};

use limits::QUERIES_AT_ONCE;
use metadata::Metadata;

pub use api::OPERATIONS;

/// The Prometheus API.
pub struct Prometheus {
    sink: Arc<dyn MetricSink>,
    source: Arc<dyn MetricSource>,
    clock: Arc<dyn Clock>,
    metadata: Metadata,
    /// Room for queries that are computed.
    queries: Semaphore,
}

impl Prometheus {
    /// The API over these metrics.
    pub fn new(sink: Arc<dyn MetricSink>, source: Arc<dyn MetricSource>, clock: Arc<dyn Clock>) -> Arc<Prometheus> {
        let (metadata, queries) = (Metadata::default(), Semaphore::new(QUERIES_AT_ONCE));
        Arc::new(Prometheus { sink, source, clock, metadata, queries })
    }

    /// Forgets everything. To be called when the metrics were reset.
    pub fn reset(&self) {
        self.metadata.clear();
    }
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus").finish_non_exhaustive()
    }
}
