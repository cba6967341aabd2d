//! What X-Ray measures of itself: `ApproximateTraceCount` in `AWS/X-Ray`, by `GroupName`. There is one group, `Default`, of all traces.
//! Source: "Configuring groups in the X-Ray console".

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use watchkeep_core::ports::{MetricIdentity, MetricPlace};
use watchkeep_core::{AccountId, Counter, Meter, Region};

use crate::document::Document;
use crate::limits::COUNTERS_MAX;

/// The group of all traces.
const DEFAULT_GROUP: &str = "Default";

/// Counts traces.
pub(crate) struct TraceCounts {
    meter: Arc<Meter>,
    counters: RwLock<HashMap<(AccountId, Region), Arc<Counter>>>,
}

impl TraceCounts {
    pub(crate) fn new(meter: Arc<Meter>) -> TraceCounts {
        TraceCounts { meter, counters: RwLock::default() }
    }

    /// Counts so many traces in this place.
    pub(crate) fn add(&self, account: AccountId, region: &Region, traces: usize) {
        if traces == 0 {
            return;
        }
        let key = (account, region.clone());
        if let Some(counter) = self.counters.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return counter.add(traces as f64);
        }
        let mut counters = self.counters.write().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= COUNTERS_MAX {
            counters.clear();
        }
        let place = MetricPlace { account, region: region.clone() };
        let metric = MetricIdentity {
            namespace: "AWS/X-Ray".into(),
            name: "ApproximateTraceCount".into(),
            dimensions: vec![("GroupName".into(), DEFAULT_GROUP.into())],
        };
        counters.entry(key).or_insert_with(|| self.meter.counter(place, metric, "Count")).add(traces as f64);
    }
}

impl fmt::Debug for TraceCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TraceCounts")
    }
}

/// Whether a trace came with this document: it is the segment that began it, and is finished.
pub(crate) fn begins_trace(document: &Document<'_>) -> bool {
    document.parent.is_none() && document.end_ms.is_some()
}
