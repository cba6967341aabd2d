//! Data protection: sensitive data in events is found and masked as they come in. Sources: "Help protect sensitive log data with
//! masking" and its sub-pages, "PutDataProtectionPolicy", "PutAccountPolicy".
//!
//! **Events are masked before anything else happens to them** ([`Logs::shielded`], called by `accept`): the message that is stored,
//! searched, shredded, filtered, subscribed to, queried, exported and read is the masked one. Nothing that reads events needs to know
//! of masks, and nothing can forget them (P-1). What was masked is kept in the column `masks`, sealed with a key of its own
//! ([`vault`]); to put it back takes leave for `logs:Unmask` ([`Unmasking`]).
//!
//! So a policy that is put masks no older events, and one that is deleted unmasks none.

mod findings;
mod policies;
mod shield;
mod unmask;
mod vault;

use std::fmt;
use std::sync::{Arc, OnceLock};

use watchkeep_core::ports::{Authorizer, Buckets, SecretSealing};
use watchkeep_core::{Meter, Random};
use watchkeep_delivery::DeliveryStreams;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::errors as model;
use watchkeep_store::{Store, StoreError};

pub(crate) use findings::{FindingsOwner, ForGroup};
pub(crate) use policies::{
    check_account_policy, delete_data_protection_policy, get_data_protection_policy, inherited,
    put_data_protection_policy, status,
};
pub(crate) use shield::{CachedShield, Shielded};
pub(crate) use unmask::Unmasking;

use findings::Deliveries;
use shield::Shields;
use vault::Vault;

/// What data protection needs of the other services.
#[derive(Clone)]
pub struct DataProtectionPorts {
    /// Seals the keys that originals are sealed with.
    pub sealing: Arc<dyn SecretSealing>,
    /// Is asked for leave to unmask.
    pub authorizer: Arc<dyn Authorizer>,
    /// Takes findings.
    pub buckets: Arc<dyn Buckets>,
    /// Takes findings.
    pub deliveries: Arc<dyn DeliveryStreams>,
    /// Counts events with findings.
    pub meter: Arc<Meter>,
}

/// Data protection, open.
pub(crate) struct DataProtection {
    ports: OnceLock<DataProtectionPorts>,
    vault: Vault,
    shields: Shields,
    deliveries: Deliveries,
}

impl DataProtection {
    pub(crate) async fn open(store: &Arc<Store>, random: Arc<dyn Random>) -> Result<DataProtection, StoreError> {
        Ok(DataProtection {
            ports: OnceLock::new(),
            vault: Vault::open(store, random).await?,
            shields: Shields::default(),
            deliveries: Deliveries::open(store).await?,
        })
    }

    /// Sets what it needs of the others; once.
    pub(crate) fn set_ports(&self, ports: DataProtectionPorts) {
        if self.ports.set(ports).is_err() {
            tracing::error!("the ports of data protection were set twice; the first ones stay");
        }
    }

    /// What it needs of the others.
    fn ports(&self) -> Result<&DataProtectionPorts, ServiceError> {
        self.ports.get().ok_or_else(|| model::service_unavailable_exception("Data protection is not available."))
    }

    /// Forgets everything, after the store was reset.
    pub(crate) fn clear(&self) {
        self.vault.clear();
        self.shields.clear();
    }
}

impl fmt::Debug for DataProtection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataProtection").finish_non_exhaustive()
    }
}
