//! X-Ray: segments in, traces out. A segment document is checked, cleaned of what X-Ray does not keep, and stored as one row;
//! a trace is put together from its rows whenever it is read, so that documents may arrive in any order and more than once.
//!
//! It knows no HTTP, no UDP and no other service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod assemble;
mod batch_get_traces;
mod document;
mod entity;
mod errors;
pub mod fuzzing;
mod inferred;
mod limits;
mod measuring;
mod put_trace_segments;
mod segment_sink;
mod tables;
#[cfg(test)]
mod tests;
mod trace_id;

use std::fmt;
use std::sync::Arc;

use watchkeep_core::{Clock, Meter, Random};
use watchkeep_model::xray::SERVICE;
use watchkeep_store::{Store, StoreError, Table};
use watchkeep_wire::service::{Routed, RoutedService};

use measuring::TraceCounts;

/// The tables that the store must be opened with.
pub static TABLES: &[&Table] = &[&tables::TRACE_SEGMENTS];

watchkeep_wire::routes! {
    /// What the service answers.
    pub static ROUTES: Traces = xray {
        PutTraceSegments => put_trace_segments::put_trace_segments,
        BatchGetTraces => batch_get_traces::batch_get_traces,
    }
}

/// The traces service. It keeps nothing in memory but counts.
pub struct Traces {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    counts: TraceCounts,
}

impl Traces {
    /// Opens the service over a store that was opened with [`TABLES`].
    ///
    /// # Errors
    ///
    /// None today; services open alike.
    pub async fn open(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        _: Arc<dyn Random>,
        meter: Arc<Meter>,
    ) -> Result<Arc<Traces>, StoreError> {
        store.set_owner(&tables::TRACE_SEGMENTS, Arc::new(tables::SegmentsOwner));
        Ok(Arc::new(Traces { store, clock, counts: TraceCounts::new(meter) }))
    }

    /// The service with its routing table, for the doors.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&SERVICE, self.clone(), ROUTES))
    }

    /// Forgets what is in memory: nothing is.
    pub async fn reset(&self) {}
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}
