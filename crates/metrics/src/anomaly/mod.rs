//! Anomaly detection: detectors, the models that are trained for them, and the bands of `ANOMALY_DETECTION_BAND`. Sources: "Using
//! CloudWatch anomaly detection", "PutAnomalyDetector".
//!
//! A **detector** (`detectors`) is a resource of the catalog: of which metric, or which metric math, and how to train. A **model**
//! is of a band's **source** (`source`) at its period, trained from what is stored (`training`) and only in memory (`models`):
//! after a restart it is trained anew. A band of a metric without a detector is of a model with nothing said about it.
//!
//! A-1 what a model is trained on is read as GetMetricData reads it. A-2 a model is used only for the source and the revision of
//! the detector that it was trained for.

mod describe;
mod detectors;
mod models;
mod resource;
mod source;
mod target;
mod training;

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};
use watchkeep_store::{Catalog, CatalogError, Collection};

pub(crate) use describe::describe_anomaly_detectors;
pub(crate) use detectors::{delete_anomaly_detector, put_anomaly_detector};
pub(crate) use source::{RequestBand, request_bands};
pub(crate) use training::times;

use crate::limits::BAND_TRAININGS_AT_ONCE;
use models::Models;
use resource::AnomalyDetector;

/// What the service keeps for anomaly detection.
pub(crate) struct Anomaly {
    pub(crate) detectors: Collection<AnomalyDetector>,
    models: Models,
    /// The turns of those who train.
    turns: Semaphore,
    /// Told of each detector that was put.
    was_put: Arc<Notify>,
}

impl Anomaly {
    /// Opens it over the catalog.
    pub(crate) async fn open(catalog: &Catalog) -> Result<Anomaly, CatalogError> {
        Ok(Anomaly {
            detectors: catalog.collection().await?,
            models: Models::default(),
            turns: Semaphore::new(BAND_TRAININGS_AT_ONCE),
            was_put: Arc::default(),
        })
    }

    /// Forgets the models.
    pub(crate) fn clear(&self) {
        self.models.clear();
    }
}
