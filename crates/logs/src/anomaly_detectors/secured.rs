//! What detectors learned and found has texts of log events in it. Under a KMS key it lies sealed in the catalog, under a data key of
//! that key: the detector's, or else that of its group, whose events are in clear nowhere on disk (E-1). As long as the key cannot
//! be used, it is not shown and does not change (E-2).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::errors::service_unavailable_exception;
use watchkeep_store::{EncryptionKey, ResourceKey, Versioned};

use super::kept::{Detector, detector_arn};
use crate::Logs;
use crate::kms_keys::locked;

/// What errors call it.
const WHAT: &str = "Anomalies";

/// Something as it lies in the catalog.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Secured<T> {
    /// Its JSON, sealed.
    Sealed {
        /// The number of the data key.
        data_key: u64,
        /// The cell, in base64.
        sealed: String,
    },
    /// There is no key.
    Clear(T),
}

#[derive(Deserialize)]
struct Sealed {
    data_key: u64,
    sealed: String,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Secured<T> {
    // By hand, since derived untagged enums do not read numbers as keys of maps.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secured<T>, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.get("sealed").is_some() {
            let Sealed { data_key, sealed } = serde_json::from_value(value).map_err(D::Error::custom)?;
            return Ok(Secured::Sealed { data_key, sealed });
        }
        serde_json::from_value(value).map(Secured::Clear).map_err(D::Error::custom)
    }
}

impl<T> Secured<T> {
    /// The number of the data key, if it is sealed.
    pub(super) fn data_key(&self) -> Option<u64> {
        match self {
            Secured::Sealed { data_key, .. } => Some(*data_key),
            Secured::Clear(_) => None,
        }
    }
}

impl Logs {
    /// Something of a detector as it is to be kept by `key`. `made_of` is the data key of what it was made of, which is sealed again
    /// even if there is no KMS key any more.
    ///
    /// # Errors
    /// AccessDeniedException if the KMS key cannot be used.
    pub(super) async fn secured<T: Serialize>(
        &self,
        detector: &Versioned<Detector>,
        key: &ResourceKey,
        value: T,
        made_of: Option<u64>,
    ) -> Result<Secured<T>, ServiceError> {
        let data_key = match (self.key_of(detector).await?, made_of) {
            (Some(data_key), _) => data_key,
            (None, Some(id)) => self.store.data_key(id).await.map_err(|error| locked(WHAT, error))?,
            (None, None) => return Ok(Secured::Clear(value)),
        };
        let json = serde_json::to_vec(&value).ok();
        let random = &*self.anomaly_detectors.random;
        let cell = json.and_then(|json| data_key.seal(key.name.as_bytes(), &json, random));
        let cell = cell.ok_or_else(|| service_unavailable_exception("Anomalies cannot be encrypted."))?;
        Ok(Secured::Sealed { data_key: data_key.id(), sealed: STANDARD.encode(cell) })
    }

    /// The data key that a detector encrypts under.
    async fn key_of(&self, detector: &Versioned<Detector>) -> Result<Option<Arc<EncryptionKey>>, ServiceError> {
        match (&detector.kms_key, self.watched(detector)) {
            (Some(kms_key), _) => {
                let data_key = self.data_key(kms_key, &detector_arn(&detector.key).to_string()).await;
                data_key.map(Some).map_err(|error| locked(WHAT, error))
            }
            (None, Ok(group)) => self.encryption_key(&group).await,
            (None, Err(_)) => Ok(None),
        }
    }

    /// What is kept by `key`.
    ///
    /// # Errors
    /// AccessDeniedException if it is sealed and its KMS key cannot be used.
    pub(super) async fn opened<T: DeserializeOwned + Clone>(
        &self,
        key: &ResourceKey,
        kept: &Secured<T>,
    ) -> Result<T, ServiceError> {
        let (data_key, sealed) = match kept {
            Secured::Clear(value) => return Ok(value.clone()),
            Secured::Sealed { data_key, sealed } => (*data_key, sealed),
        };
        let data_key = self.store.data_key(data_key).await.map_err(|error| locked(WHAT, error))?;
        let cell = STANDARD.decode(sealed).ok();
        let json = cell.and_then(|cell| data_key.open(key.name.as_bytes(), &cell));
        let value = json.and_then(|json| serde_json::from_slice(&json).ok());
        value.ok_or_else(|| {
            tracing::error!(key = key.name, "what an anomaly detector kept is damaged");
            service_unavailable_exception("Anomalies cannot be decrypted.")
        })
    }
}
