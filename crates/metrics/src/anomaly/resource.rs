//! What the catalog has of a detector.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use watchkeep_lang::anomaly::{Adaptation, Outliers, Settings, Zone};
use watchkeep_model::cloudwatch::PutAnomalyDetectorInput;
use watchkeep_store::Resource;
use watchkeep_wire::constraints::Missing;
use watchkeep_wire::json::{Members, decode_members, encode_members};

/// A detector; its key's name is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AnomalyDetector {
    /// The input of the operation that put it, with its target in the member that is not deprecated; in the API's JSON.
    pub(super) put: Value,
    /// How far its training is.
    pub(crate) state: State,
    /// How often it was put: a model is of one revision.
    pub(crate) revision: u64,
}

impl Resource for AnomalyDetector {
    const KIND: &'static str = "anomaly_detector";
}

/// How far the training of a detector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum State {
    /// It was not tried since it was put.
    PendingTraining,
    /// There was too little data.
    TrainedInsufficientData,
    /// There is a model, or will be shortly after a restart.
    Trained,
}

impl State {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::PendingTraining => "PENDING_TRAINING",
            State::TrainedInsufficientData => "TRAINED_INSUFFICIENT_DATA",
            State::Trained => "TRAINED",
        }
    }
}

impl AnomalyDetector {
    /// One that was just put.
    pub(crate) fn new(put: &PutAnomalyDetectorInput, revision: u64) -> AnomalyDetector {
        let put = serde_json::from_slice(&encode_members(put, Members::All)).unwrap_or_default();
        AnomalyDetector { put, state: State::PendingTraining, revision }
    }

    /// What was put.
    pub(crate) fn put(&self) -> PutAnomalyDetectorInput {
        let mut put = PutAnomalyDetectorInput::default();
        let text = self.put.to_string();
        if let Err(error) = decode_members(text.as_bytes(), &mut put, Members::All, &mut Missing::default()) {
            tracing::error!(error = error.message, "an anomaly detector in the catalog cannot be read");
        }
        put
    }
}

/// How a model is trained at a period by what was put.
pub(crate) fn settings(put: &PutAnomalyDetectorInput, period_ms: i64) -> Settings {
    let configuration = put.configuration.clone().unwrap_or_default();
    let excluded = configuration.excluded_time_ranges.unwrap_or_default();
    let characteristics = put.metric_characteristics.as_ref();
    Settings {
        zone: configuration.metric_timezone.as_deref().and_then(Zone::named).unwrap_or_default(),
        excluded: excluded.iter().map(|range| Range { start: range.start_time.0, end: range.end_time.0 }).collect(),
        expects_spikes: characteristics.and_then(|given| given.periodic_spikes).unwrap_or_default(),
        adaptation: match configuration.adaptation_speed.as_deref() {
            Some("FAST") => Adaptation::Fast,
            Some("SLOW") => Adaptation::Slow,
            _ => Adaptation::Normal,
        },
        outliers: match configuration.outlier_filtering_strength.as_deref() {
            Some("MINIMAL") => Outliers::Minimal,
            Some("STRICT") => Outliers::Strict,
            _ => Outliers::Moderate,
        },
        ..Settings::new(period_ms)
    }
}
