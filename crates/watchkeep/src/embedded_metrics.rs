//! Log events in the embedded metric format become metrics, whichever log group they are put to, and so does what metric filters
//! make of events: events and metrics are durable together.

use std::sync::Arc;

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{Measurement, MetricIdentity, MetricPlace, Precision, Publisher, Reading, Samples};
use watchkeep_lang::embedded_metrics::{self, read};
use watchkeep_logs::{Incoming, LogClass, MetricStaging, Stored, Tap};
use watchkeep_metrics::{Metrics, Staged};
use watchkeep_store::Append;

/// Measurements of one PutLogEvents; what is beyond counts as skipped. A call holds a megabyte of events, which could make millions.
const MEASUREMENTS_MAX: usize = 50_000;

/// Reads the metrics out of events.
pub struct EmbeddedMetrics(pub Arc<Metrics>);

impl Tap for EmbeddedMetrics {
    fn tap(&self, incoming: &Incoming<'_>, append: &mut Append) -> Option<Stored> {
        if incoming.class != LogClass::Standard {
            return None;
        }
        let mut measurements = Vec::new();
        let (mut malformed, mut skipped, mut disabled) = (0, 0, 0);
        for event in incoming.events {
            match read(event.message.as_bytes()) {
                Ok(None) => {}
                Ok(Some(_)) | Err(_) if !incoming.makes_metrics => disabled += 1,
                Ok(Some(found)) => {
                    let time = TimestampMs(found.timestamp_ms);
                    let room = MEASUREMENTS_MAX - measurements.len();
                    skipped += found.skipped + found.measurements.len().saturating_sub(room);
                    measurements.extend(found.measurements.into_iter().take(room).map(|one| measurement(one, time)));
                }
                Err(_) => malformed += 1,
            }
        }
        if measurements.is_empty() && malformed + skipped + disabled == 0 {
            return None;
        }
        let place = MetricPlace { account: incoming.account, region: incoming.region.clone() };
        let staged = self.0.stage(&place, Publisher::Client, measurements);
        skipped += staged.refused();
        let failures =
            [("EMFParsingErrors", malformed), ("EMFValidationErrors", skipped), ("EMFDisabledErrors", disabled)];
        let failures = failures.into_iter().filter(|(_, count)| *count > 0);
        let failures = failures.map(|(name, count)| failure(incoming, name, count)).collect();
        let staged: [Staged; 2] = [staged, self.0.stage(&place, Publisher::Service, failures)];
        staged.iter().for_each(|staged| staged.add_to(append));
        Some(Box::new(move || staged.into_iter().for_each(Staged::stored)))
    }
}

/// Stores what metric filters make of events.
pub struct FilteredMetrics(pub Arc<Metrics>);

impl MetricStaging for FilteredMetrics {
    fn stage(&self, place: &MetricPlace, measurements: Vec<Measurement>, append: &mut Append) -> Stored {
        let staged = self.0.stage(place, Publisher::Client, measurements);
        staged.add_to(append);
        Box::new(move || staged.stored())
    }
}

fn measurement(read: embedded_metrics::Measurement, time: TimestampMs) -> Measurement {
    let embedded_metrics::Measurement { namespace, name, dimensions, unit, high_resolution, samples } = read;
    let samples = match samples {
        embedded_metrics::Samples::Values(values) => {
            Samples::Weighted(values.into_iter().map(|sample| (sample.value, sample.count)).collect())
        }
        embedded_metrics::Samples::Summary(set) => {
            Samples::Summary(Reading { count: set.count, sum: set.sum, minimum: set.minimum, maximum: set.maximum })
        }
    };
    let precision = if high_resolution { Precision::Second } else { Precision::Minute };
    Measurement { metric: MetricIdentity { namespace, name, dimensions }, time, precision, unit, samples }
}

/// CloudWatch Logs' own metric of what it could not read ("Monitoring with CloudWatch metrics").
fn failure(incoming: &Incoming<'_>, name: &str, count: usize) -> Measurement {
    let dimensions = vec![("LogGroupName".into(), incoming.log_group.into())];
    Measurement {
        metric: MetricIdentity { namespace: "AWS/Logs".into(), name: name.into(), dimensions },
        time: incoming.received,
        precision: Precision::Minute,
        unit: "Count",
        samples: Samples::One(count as f64),
    }
}
