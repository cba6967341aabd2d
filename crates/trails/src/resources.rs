//! What the service keeps in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_core::Arn;
use watchkeep_store::{Resource, ResourceKey};

use crate::limits::{DAY_MS, RETENTION_DAYS_EXTENDABLE, RETENTION_DAYS_FIXED, Retention, STORE_DELETION_WAIT_MS};
use crate::selectors::EventSelector;

/// An event data store; its key's name is the id, a UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventDataStore {
    /// Its number in [`STORED_EVENTS`](crate::tables::STORED_EVENTS).
    pub id: u64,
    /// Its name, unique in the account and Region.
    pub name: String,
    /// Which events it collects: those that one of the selectors selects.
    pub selectors: Vec<EventSelector>,
    /// Whether it collects the events of all Regions.
    pub multi_region: bool,
    /// For how many days after their own time events are kept.
    pub retention_days: i32,
    /// What retention it can have.
    pub billing_mode: BillingMode,
    /// Whether it cannot be deleted.
    pub termination_protection: bool,
    /// Whether it collects.
    pub ingestion: Ingestion,
    /// The ARN of the KMS key that its events are encrypted under, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When it was changed last.
    pub updated: i64,
    /// When it was deleted; it goes seven days later, unless it is restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<i64>,
    /// Its tags; one may have no value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Option<String>>,
}

impl Resource for EventDataStore {
    const KIND: &'static str = "event_data_store";
}

/// What a store costs on AWS, which here only says how long it may keep events (`BillingMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum BillingMode {
    /// A year, and up to ten.
    ExtendableRetentionPricing,
    /// Seven years at most.
    FixedRetentionPricing,
}

impl BillingMode {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BillingMode::ExtendableRetentionPricing => "EXTENDABLE_RETENTION_PRICING",
            BillingMode::FixedRetentionPricing => "FIXED_RETENTION_PRICING",
        }
    }

    /// The mode of this word.
    pub(crate) fn parse(text: &str) -> Option<BillingMode> {
        [BillingMode::ExtendableRetentionPricing, BillingMode::FixedRetentionPricing]
            .into_iter()
            .find(|mode| mode.as_str() == text)
    }

    /// What retention a store of this mode can have.
    pub(crate) fn retention(self) -> &'static Retention {
        match self {
            BillingMode::ExtendableRetentionPricing => &RETENTION_DAYS_EXTENDABLE,
            BillingMode::FixedRetentionPricing => &RETENTION_DAYS_FIXED,
        }
    }
}

/// Whether a store collects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Ingestion {
    /// It does.
    Started,
    /// It keeps what it has.
    Stopped,
}

impl EventDataStore {
    /// How it stands, by the API's word (`EventDataStoreStatus`). Nothing takes so long that a store would be seen on its way.
    pub(crate) fn status(&self) -> &'static str {
        match (self.deleted, self.ingestion) {
            (Some(_), _) => "PENDING_DELETION",
            (None, Ingestion::Started) => "ENABLED",
            (None, Ingestion::Stopped) => "STOPPED_INGESTION",
        }
    }

    /// Whether it is no more at `now_ms`: it was deleted, and the time in which it could be restored is over.
    pub(crate) fn is_gone(&self, now_ms: i64) -> bool {
        self.deleted.is_some_and(|deleted| now_ms.saturating_sub(deleted) >= STORE_DELETION_WAIT_MS)
    }

    /// Events before this time are not kept at `now_ms`.
    pub(crate) fn cutoff(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(i64::from(self.retention_days) * DAY_MS)
    }
}

/// The ARN of a store.
pub(crate) fn store_arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("cloudtrail", region, key.account.as_str(), format!("{STORE_ARN_PREFIX}{}", key.name)).to_string()
}

/// What the resource of a store's ARN begins with; its id follows.
pub(crate) const STORE_ARN_PREFIX: &str = "eventdatastore/";
