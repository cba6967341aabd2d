//! The models in memory, each with what it is a model of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use watchkeep_core::{AccountId, Region};
use watchkeep_lang::anomaly::Model;

use super::source::Source;
use crate::limits::{BAND_MODELS_MAX, BAND_USED_MS};

/// What a model is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ModelKey {
    pub account: AccountId,
    pub region: Region,
    /// The identity of the source, with its period.
    pub source: String,
    /// The detector's id and revision, if there is one.
    pub detector: Option<(String, u64)>,
}

/// A model that is kept.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub model: Arc<Model>,
    pub source: Source,
    pub trained_ms: i64,
    used_ms: i64,
}

/// The models.
#[derive(Debug, Default)]
pub(super) struct Models {
    kept: Mutex<HashMap<ModelKey, Kept>>,
}

impl Models {
    /// The model of this key, and when it was trained; that it is used is noted.
    pub(super) fn used(&self, key: &ModelKey, now_ms: i64) -> Option<(Arc<Model>, i64)> {
        let mut kept = self.lock();
        let kept = kept.get_mut(key)?;
        kept.used_ms = now_ms;
        Some((kept.model.clone(), kept.trained_ms))
    }

    /// When the model of this key was trained.
    pub(super) fn trained_ms(&self, key: &ModelKey) -> Option<i64> {
        self.lock().get(key).map(|kept| kept.trained_ms)
    }

    /// The sources of the models of a detector that were used of late.
    pub(super) fn sources_of(&self, key: &ModelKey, now_ms: i64) -> Vec<(ModelKey, Source)> {
        let is_wanted = |other: &ModelKey, kept: &Kept| {
            (&other.account, &other.region, &other.detector) == (&key.account, &key.region, &key.detector)
                && kept.used_ms >= now_ms.saturating_sub(BAND_USED_MS)
        };
        let kept = self.lock();
        let wanted = kept.iter().filter(|(other, kept)| is_wanted(other, kept));
        wanted.map(|(key, kept)| (key.clone(), kept.source.clone())).collect()
    }

    /// Keeps a model that was just trained, and forgets the one that was not used for longest if there are too many.
    pub(super) fn keep(&self, key: ModelKey, model: Arc<Model>, source: Source, now_ms: i64) {
        let mut kept = self.lock();
        let used_ms = kept.get(&key).map_or(now_ms, |kept| kept.used_ms);
        if kept.len() >= BAND_MODELS_MAX && !kept.contains_key(&key) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.used_ms).map(|(key, _)| key.clone());
            oldest.map(|oldest| kept.remove(&oldest));
        }
        kept.insert(key, Kept { model, source, trained_ms: now_ms, used_ms });
    }

    /// Forgets the models of a detector.
    pub(super) fn forget(&self, account: AccountId, region: &Region, detector: &str) {
        let is_of = |key: &ModelKey| {
            key.account == account
                && key.region == *region
                && key.detector.as_ref().is_some_and(|(id, _)| id == detector)
        };
        self.lock().retain(|key, _| !is_of(key));
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ModelKey, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
