//! A request as measurements.

use std::collections::BTreeSet;
use std::sync::Arc;

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{Measurement, MetricIdentity, Precision, Samples};
use watchkeep_model::ServiceError;

use super::messages::v1::{self, Sample};
use super::messages::v2;
use super::too_large;
use crate::errors::bad_data;
use crate::limits::{LABELS_MAX, WRITE_SAMPLES_MAX};
use crate::metadata::MetricMetadata;
use crate::promql::labels::METRIC_NAME;
use crate::series::{MARKERS, WRITTEN, marker};

/// What is handed in, what was told of metrics, and what cannot be taken.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) measurements: Vec<Measurement>,
    pub(super) metadata: Vec<(String, MetricMetadata)>,
    pub(super) refusals: Refusals,
}

/// Samples that are not taken.
#[derive(Default)]
pub(super) struct Refusals {
    pub(super) count: usize,
    /// Why, each reason once, the first few of them.
    pub(super) reasons: Vec<String>,
    pub(super) has_more: bool,
}

type Label = (Arc<str>, Arc<str>);

impl Batch {
    /// # Errors
    /// There are too many samples.
    pub(super) fn of_v1(request: v1::WriteRequest) -> Result<Batch, ServiceError> {
        check_samples(request.timeseries.iter().map(|series| series.samples.len() + series.histograms.len()))?;
        let mut batch = Batch::default();
        for series in request.timeseries {
            let label = |label: v1::Label| (Arc::from(label.name), Arc::from(label.value));
            let labels = series.labels.into_iter().map(label).collect();
            batch.series(labels, &series.samples, series.histograms.len());
        }
        for metadata in request.metadata {
            let told = MetricMetadata::new(metadata.r#type, &metadata.help, &metadata.unit);
            batch.metadata.push((metadata.metric_family_name, told));
        }
        Ok(batch)
    }

    /// # Errors
    /// There are too many samples; or a symbol is not there, and then nothing of the request can be trusted.
    pub(super) fn of_v2(request: v2::Request) -> Result<Batch, ServiceError> {
        check_samples(request.timeseries.iter().map(|series| series.samples.len() + series.histograms.len()))?;
        let symbols: Vec<Arc<str>> = request.symbols.into_iter().map(Arc::from).collect();
        if symbols.first().is_some_and(|first| !first.is_empty()) {
            return Err(bad_data("the first symbol must be empty"));
        }
        let symbol = |number: u32| {
            let missing = || bad_data(format!("symbol {number} is not among the {} of the request", symbols.len()));
            symbols.get(number as usize).ok_or_else(missing)
        };
        let mut batch = Batch::default();
        for series in request.timeseries {
            let mut labels: Vec<Label> = Vec::with_capacity(series.labels_refs.len() / 2);
            let (pairs, rest) = series.labels_refs.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(bad_data("a series has an odd number of symbols for its labels"));
            }
            for [name, value] in pairs {
                labels.push((symbol(*name)?.clone(), symbol(*value)?.clone()));
            }
            let name = labels.iter().find(|(name, _)| name.as_ref() == METRIC_NAME).map(|(_, name)| name.to_string());
            if let (Some(name), Some(metadata)) = (name, series.metadata) {
                let (help, unit) = match (metadata.help_ref, metadata.unit_ref) {
                    (0, 0) => ("", ""),
                    (help, unit) => (symbol(help)?.as_ref(), symbol(unit)?.as_ref()),
                };
                if metadata.r#type != 0 || !help.is_empty() || !unit.is_empty() {
                    batch.metadata.push((name, MetricMetadata::new(metadata.r#type, help, unit)));
                }
            }
            batch.series(labels, &series.samples, series.histograms.len());
        }
        Ok(batch)
    }

    fn series(&mut self, labels: Vec<Label>, samples: &[Sample], histograms: usize) {
        let identity = match identity(labels) {
            Ok(identity) => identity,
            Err(reason) => {
                (0..samples.len() + histograms).for_each(|_| self.refusals.add(reason.clone()));
                return;
            }
        };
        for _ in 0..histograms {
            self.refusals.add(format!("{}: native histograms are not supported, send classic ones", identity.name));
        }
        let mut before: Option<&Sample> = None;
        for sample in samples {
            // What is there twice counts once.
            if before.is_some_and(|before| is_same(before, sample)) {
                continue;
            }
            before = Some(sample);
            self.measurements.push(measurement(&identity, *sample));
        }
    }
}

fn check_samples(counts: impl Iterator<Item = usize>) -> Result<(), ServiceError> {
    if counts.sum::<usize>() > WRITE_SAMPLES_MAX {
        return Err(too_large(format!("the request has more than {WRITE_SAMPLES_MAX} samples")));
    }
    Ok(())
}

fn is_same(one: &Sample, other: &Sample) -> bool {
    one.timestamp == other.timestamp && one.value.to_bits() == other.value.to_bits()
}

fn measurement(identity: &MetricIdentity, sample: Sample) -> Measurement {
    let (metric, value) = if sample.value.is_finite() {
        (identity.clone(), sample.value)
    } else {
        (MetricIdentity { namespace: MARKERS.into(), ..identity.clone() }, marker(sample.value))
    };
    let time = TimestampMs(sample.timestamp);
    Measurement { metric, time, precision: Precision::Second, unit: "None", samples: Samples::One(value) }
}

/// The metric of a series. What CloudWatch does not allow in names and values is found by the sink.
fn identity(labels: Vec<Label>) -> Result<MetricIdentity, String> {
    let mut name: Option<Arc<str>> = None;
    let mut seen = BTreeSet::new();
    let mut dimensions = Vec::with_capacity(labels.len());
    for (label, value) in labels {
        if label.is_empty() {
            return Err("a series has a label without a name".to_owned());
        }
        if !seen.insert(label.clone()) {
            return Err(format!("a series has the label {label:?} twice"));
        }
        if label.as_ref() == METRIC_NAME {
            name = Some(value);
        } else if !value.is_empty() {
            // A label without a value is one that is not there.
            dimensions.push((label, value));
        }
    }
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(format!("a series has no label {METRIC_NAME:?}"));
    };
    if dimensions.len() > LABELS_MAX {
        return Err(format!("{name}: a series has {} labels, {LABELS_MAX} are allowed", dimensions.len()));
    }
    Ok(MetricIdentity { namespace: WRITTEN.into(), name, dimensions })
}
