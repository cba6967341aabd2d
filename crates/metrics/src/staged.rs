//! Measurements that become durable together with rows of somebody else's: what was read out of log events, with the events.

use std::sync::Arc;

use watchkeep_core::ports::{Measurement, MetricPlace, Publisher};
use watchkeep_store::Append;

use crate::Metrics;
use crate::append::{Batch, InFlight};

/// Checked measurements on their way into somebody's append.
pub struct Staged {
    metrics: Arc<Metrics>,
    in_flight: InFlight,
    refused: usize,
}

impl Metrics {
    /// Checks measurements, as the port for them does; those that are not taken are left out.
    pub fn stage(
        self: &Arc<Metrics>,
        place: &MetricPlace,
        publisher: Publisher,
        measurements: Vec<Measurement>,
    ) -> Staged {
        let accepted = self.accepted();
        let mut batch = Batch::with_capacity(measurements.len());
        let mut refused = 0;
        for (index, measurement) in measurements.into_iter().enumerate() {
            if let Err(error) = self.take(place, publisher, index, measurement, &accepted, &mut batch) {
                tracing::debug!(message = error.message, "a measurement was not taken");
                refused += 1;
            }
        }
        Staged { metrics: Arc::clone(self), in_flight: self.in_flight(batch), refused }
    }
}

impl Staged {
    /// How many measurements were not taken.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// Adds the rows.
    pub fn add_to(&self, append: &mut Append) {
        self.in_flight.batch().write(append);
    }

    /// To be called once the rows are durable: from then on they are read (M-1). If it is not called, because they are not or
    /// nobody knows, the hot heads and metric streams know that they do not know.
    pub fn stored(self) {
        self.metrics.show(self.in_flight);
    }
}
