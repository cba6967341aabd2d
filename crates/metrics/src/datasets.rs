//! The dataset that the metrics of an account in a Region are, and the customer's KMS key that it is encrypted under. There is one,
//! `default`. GetDataset, AssociateDatasetKmsKey, DisassociateDatasetKmsKey. Sources: those pages, "Encryption at rest for
//! OpenTelemetry metrics".
//!
//! All points of a dataset with a key are encrypted, however they came in, and so are their roll-ups; which metrics there are (their
//! names and dimensions) is not. As long as the key cannot be used, nothing is taken and nothing is read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use watchkeep_core::ports::{DataKeyError, EncryptionContext, MetricPlace};
use watchkeep_core::{AccountId, Arn, Caller, Region};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{
    AssociateDatasetKmsKeyInput, AssociateDatasetKmsKeyOutput, DisassociateDatasetKmsKeyInput,
    DisassociateDatasetKmsKeyOutput, GetDatasetInput, GetDatasetOutput, MessageData, errors as modelled,
};
use watchkeep_store::{EncryptionKey, LockedKey, ResourceKey, StoreError};

use crate::Metrics;
use crate::errors::{self, not_found, of_store, validation};
use crate::limits::{DATASET_EARLIER_KEYS_MAX, DATASET_KEY_REFRESH, DATASET_KEY_REQUIRED_MS};
use crate::resources::{Dataset, EarlierKey, change};

/// The only dataset.
const DEFAULT: &str = "default";

/// What the encryption context names.
const CONTEXT: &str = "aws:cloudwatch:arn";

/// The data keys that points were last encrypted under, by dataset: for those who cannot wait.
#[derive(Debug, Default)]
pub(crate) struct DatasetKeys(Mutex<HashMap<ResourceKey, Arc<EncryptionKey>>>);

/// Describes the dataset that is named by its id or its ARN.
pub(crate) async fn get_dataset(
    service: &Metrics,
    caller: &Caller,
    input: GetDatasetInput,
) -> Result<GetDatasetOutput, ServiceError> {
    let key = key_of(caller, &input.dataset_identifier)?;
    let kms_key_arn = service.resources.datasets.get(&key).and_then(|dataset| dataset.value.kms_key.clone());
    Ok(GetDatasetOutput { dataset_id: DEFAULT.to_owned(), arn: arn(&key), kms_key_arn })
}

/// Encrypts what is put from now on under this key.
pub(crate) async fn associate_dataset_kms_key(
    service: &Arc<Metrics>,
    caller: &Caller,
    input: AssociateDatasetKmsKeyInput,
) -> Result<AssociateDatasetKmsKeyOutput, ServiceError> {
    let key = key_of(caller, &input.dataset_identifier)?;
    let in_region = input.kms_key_arn.parse().is_ok_and(|arn: Arn| arn.region == caller.region.as_str());
    if !in_region {
        return Err(of_data_key(&DataKeyError::NotFound(input.kms_key_arn)));
    }
    let data_keys = service.store.data_keys().map_err(|error| of_data_key(&error))?;
    let found = data_keys.find((caller.account, &caller.region), &input.kms_key_arn).await;
    let kms_key = found.map_err(|error| of_data_key(&error))?;
    let service = service.clone();
    errors::finish(async move {
        // So that the first point does not find out that the key does not do.
        service.store.encryption_key(&kms_key, &context(&key)).await.map_err(|error| of_store(&error))?;
        service.set_kms_key(&key, Some(kms_key)).await?;
        Ok(AssociateDatasetKmsKeyOutput {})
    })
    .await
}

/// Encrypts what is put from now on under no key of the customer's. What is encrypted stays so.
pub(crate) async fn disassociate_dataset_kms_key(
    service: &Arc<Metrics>,
    caller: &Caller,
    input: DisassociateDatasetKmsKeyInput,
) -> Result<DisassociateDatasetKmsKeyOutput, ServiceError> {
    let key = key_of(caller, &input.dataset_identifier)?;
    if service.resources.datasets.get(&key).is_none_or(|dataset| dataset.value.kms_key.is_none()) {
        return Err(not_found("KMS key of the dataset", &input.dataset_identifier));
    }
    let service = service.clone();
    errors::finish(async move {
        service.set_kms_key(&key, None).await?;
        Ok(DisassociateDatasetKmsKeyOutput {})
    })
    .await
}

impl Metrics {
    async fn set_kms_key(&self, key: &ResourceKey, kms_key: Option<String>) -> Result<(), ServiceError> {
        let now = self.clock.now().0;
        change(&self.resources.datasets, key, |current| {
            let mut dataset = current.cloned().unwrap_or_default();
            if dataset.kms_key == kms_key {
                return Ok(dataset);
            }
            if let Some(before) = dataset.kms_key.take() {
                dataset.earlier.push(EarlierKey { kms_key: before, until: now });
                let too_many = dataset.earlier.len().saturating_sub(DATASET_EARLIER_KEYS_MAX);
                dataset.earlier.drain(..too_many);
            }
            Ok(Dataset { kms_key: kms_key.clone(), ..dataset })
        })
        .await?;
        self.encryption_key(key).await.map_err(|error| of_store(&error))?;
        Ok(())
    }

    /// The data key that points of this account and Region are encrypted under, if they are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if its KMS key cannot be used: then nothing may be put.
    pub(crate) async fn key_of_place(
        &self,
        account: &str,
        region: &str,
    ) -> Result<Option<Arc<EncryptionKey>>, StoreError> {
        match self.dataset_of(account, region) {
            Some(key) => self.encryption_key(&key).await,
            None => Ok(None),
        }
    }

    /// The same without waiting: the data key that was last used.
    pub(crate) fn last_key_of(&self, place: &MetricPlace) -> Result<Option<Arc<EncryptionKey>>, NoKey> {
        let Some(key) = self.dataset_of(place.account.as_str(), place.region.as_str()) else { return Ok(None) };
        if self.resources.datasets.get(&key).is_none_or(|dataset| dataset.value.kms_key.is_none()) {
            return Ok(None);
        }
        self.dataset_keys.last().get(&key).cloned().map(Some).ok_or(NoKey)
    }

    /// Refuses to read the points of this account and Region as long as the KMS key is not usable that they are encrypted under, or
    /// were until some hours ago. Otherwise, the earlier key that locks the newest points, if one does.
    pub(crate) async fn ensure_readable(&self, account: &str, region: &str) -> Result<Option<Lock>, StoreError> {
        let Some(key) = self.dataset_of(account, region) else { return Ok(None) };
        let Some(dataset) = self.resources.datasets.get(&key) else { return Ok(None) };
        if let Some(kms_key) = &dataset.value.kms_key {
            self.store.encryption_key(kms_key, &context(&key)).await?;
        }
        let required_since = self.clock.now().0.saturating_sub(DATASET_KEY_REQUIRED_MS);
        for EarlierKey { kms_key, until } in dataset.value.earlier.iter().rev() {
            match self.store.encryption_key(kms_key, &context(&key)).await {
                Err(StoreError::Locked(locked)) if *until <= required_since => {
                    return Ok(Some(Lock { until_ms: *until, why: locked }));
                }
                usable => drop(usable?),
            }
        }
        Ok(None)
    }

    /// What is to be said to somebody who reads points of this time or later, if some are under an earlier key that cannot be used.
    pub(crate) async fn locked_before(
        &self,
        caller: &Caller,
        start_ms: i64,
    ) -> Result<Option<MessageData>, StoreError> {
        let lock = self.ensure_readable(caller.account.as_str(), caller.region.as_str()).await?;
        Ok(lock.filter(|lock| lock.until_ms > start_ms).map(|lock| MessageData {
            code: Some("PartialData".to_owned()),
            value: Some(format!("Some older data cannot be read: {}", lock.why)),
        }))
    }

    /// Asks for the keys of all datasets from time to time, for those who cannot wait.
    pub(crate) async fn keep_dataset_keys(self: Arc<Self>) {
        loop {
            self.refresh_dataset_keys().await;
            self.clock.sleep(DATASET_KEY_REFRESH).await;
        }
    }

    /// Asks for the keys of all datasets.
    pub(crate) async fn refresh_dataset_keys(&self) {
        for dataset in self.resources.datasets.all() {
            if let Err(error) = self.encryption_key(&dataset.key).await {
                tracing::warn!(%error, "metrics of a dataset are not taken");
            }
        }
    }

    /// The key of the account's dataset in the Region, if it ever had a key of the customer's.
    fn dataset_of(&self, account: &str, region: &str) -> Option<ResourceKey> {
        if self.resources.datasets.is_empty() {
            return None;
        }
        let (account, region): (AccountId, Region) = (account.parse().ok()?, region.parse().ok()?);
        Some(ResourceKey::new(account, &region, DEFAULT))
    }

    async fn encryption_key(&self, key: &ResourceKey) -> Result<Option<Arc<EncryptionKey>>, StoreError> {
        let kms_key = self.resources.datasets.get(key).and_then(|dataset| dataset.value.kms_key.clone());
        let current = match kms_key {
            Some(kms_key) => self.store.encryption_key(&kms_key, &context(key)).await.map(Some),
            None => Ok(None),
        };
        match &current {
            Ok(Some(current)) => drop(self.dataset_keys.last().insert(key.clone(), current.clone())),
            _ => drop(self.dataset_keys.last().remove(key)),
        }
        current
    }
}

/// Points that were put before some time may be under a key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    /// That time, in milliseconds since the epoch.
    pub(crate) until_ms: i64,
    why: LockedKey,
}

/// There is no data key at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoKey;

impl DatasetKeys {
    fn last(&self) -> std::sync::MutexGuard<'_, HashMap<ResourceKey, Arc<EncryptionKey>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all keys.
    pub(crate) fn clear(&self) {
        self.last().clear();
    }
}

/// The error of a call that met a key that cannot be used.
pub(crate) fn of_locked(locked: &LockedKey) -> ServiceError {
    of_data_key(&locked.source)
}

fn of_data_key(error: &DataKeyError) -> ServiceError {
    let message = error.to_string();
    match error {
        DataKeyError::NotFound(_) => modelled::kms_key_not_found_exception(message),
        DataKeyError::Disabled(_) | DataKeyError::PendingDeletion(_) => modelled::kms_key_disabled_exception(message),
        DataKeyError::AccessDenied(_) | DataKeyError::Unopenable => modelled::kms_access_denied_exception(message),
        DataKeyError::WrongKind(_) => validation(message),
        DataKeyError::Unavailable(_) => ServiceError::common(
            "ServiceUnavailable",
            "ServiceUnavailable",
            503,
            "The KMS key cannot be used just now.",
        ),
    }
}

/// The key of the dataset that the caller names.
fn key_of(caller: &Caller, identifier: &str) -> Result<ResourceKey, ServiceError> {
    let key = ResourceKey::new(caller.account, &caller.region, DEFAULT);
    match identifier == DEFAULT || identifier == arn(&key) {
        true => Ok(key),
        false => Err(not_found("dataset", identifier)),
    }
}

fn arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("cloudwatch", region, key.account.as_str(), format!("dataset/{DEFAULT}")).to_string()
}

fn context(key: &ResourceKey) -> EncryptionContext {
    EncryptionContext::from([(CONTEXT.to_owned(), arn(key))])
}
