//! Who collects events: the event data stores that are at work, as every record meets them.

use std::sync::{Arc, PoisonError, RwLock};

use watchkeep_core::ports::EncryptionContext;

use crate::record::Recorded;
use crate::selectors::EventSelector;

/// An event data store at work.
#[derive(Debug)]
pub struct Collector {
    /// Its number.
    pub store_id: u64,
    /// Whose events it collects.
    pub account: String,
    /// The Region whose events it collects; of all if absent.
    pub region: Option<String>,
    /// Which events.
    pub selectors: Vec<EventSelector>,
    /// The ARN of the KMS key that they are encrypted under, and in which context.
    pub encryption: Option<(String, EncryptionContext)>,
}

impl Collector {
    /// Whether it collects this one.
    pub fn collects(&self, record: &Recorded) -> bool {
        let (account, region) = record.place();
        self.account == account
            && self.region.as_deref().is_none_or(|of| of == region)
            && self.selectors.iter().any(|selector| selector.selects(&|field, test| record.any(field, test)))
    }
}

/// All stores at work. Each record asks, so they are at hand.
#[derive(Debug)]
pub struct Collectors(RwLock<Arc<[Arc<Collector>]>>);

impl Default for Collectors {
    fn default() -> Self {
        Collectors(RwLock::new(Arc::from([])))
    }
}

impl Collectors {
    /// Those of this moment.
    pub fn current(&self) -> Arc<[Arc<Collector>]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on these.
    pub fn set(&self, collectors: impl IntoIterator<Item = Collector>) {
        let collectors = collectors.into_iter().map(Arc::new).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = collectors;
    }

    /// Whether one of them may want data events of resources of this type.
    pub fn may_want_data_of(&self, resource_type: &str) -> bool {
        let may_want = |collector: &Arc<Collector>| {
            collector.selectors.iter().any(|selector| selector.may_select_data_of(resource_type))
        };
        self.current().iter().any(may_want)
    }
}
