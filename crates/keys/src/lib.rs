//! The key service: KMS's symmetric encryption keys and HMAC keys, their aliases, policies, grants and rotation.
//!
//! Keys are resources of the catalog; the bytes of their material are in it only sealed by the server's master key (port
//! [`SecretSealing`]), are opened for one call, and are wiped from memory after it. A ciphertext says itself which key and which
//! material it is of: `ciphertext` has its format, byte by byte. Other services encrypt data at rest through the port
//! [`DataKeys`], which this one implements.
//!
//! K-1 the material of a key leaves the service in no answer, record or log line. K-2 a key is gone for everybody from the moment
//! of its deletion date, however late the catalog is rid of it. K-3 material that was replaced by a rotation still decrypts.
//!
//! Key policies and grants are kept and checked as documents; who may do what is decided by the gateway's `Authorizer`.
//!
//! It knows no HTTP, no wire format and no other service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod aliases;
mod background;
mod ciphertext;
mod create_key;
mod data_keys;
mod deletion;
mod encrypt;
mod errors;
pub mod fuzzing;
mod generate;
mod grants;
mod identifier;
mod key_states;
mod keys;
mod limits;
mod mac;
mod managed;
mod material;
mod paging;
mod policies;
mod policy_document;
mod principal;
mod resources;
mod rotation;
mod tags;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use watchkeep_core::ports::{DataKeys, SecretSealing, ServiceEvents};
use watchkeep_core::{Clock, Random};
use watchkeep_store::{Collection, Store, StoreError};
use watchkeep_wire::model::kms as model;
use watchkeep_wire::routes;
use watchkeep_wire::service::{Routed, RoutedService};

use resources::{Alias, Grant, Key};

routes! {
    /// What the service answers.
    pub static ROUTES: Keys = kms {
        CreateKey => create_key::create_key,
        DescribeKey => keys::describe_key,
        ListKeys => keys::list_keys,
        UpdateKeyDescription => keys::update_key_description,
        EnableKey => keys::enable_key,
        DisableKey => keys::disable_key,
        ScheduleKeyDeletion => deletion::schedule_key_deletion,
        CancelKeyDeletion => deletion::cancel_key_deletion,
        CreateAlias => aliases::create_alias,
        UpdateAlias => aliases::update_alias,
        DeleteAlias => aliases::delete_alias,
        ListAliases => aliases::list_aliases,
        Encrypt => encrypt::encrypt,
        Decrypt => encrypt::decrypt,
        ReEncrypt => encrypt::re_encrypt,
        GenerateDataKey => generate::generate_data_key,
        GenerateDataKeyWithoutPlaintext => generate::generate_data_key_without_plaintext,
        GenerateRandom => generate::generate_random,
        GenerateMac => mac::generate_mac,
        VerifyMac => mac::verify_mac,
        GetKeyPolicy => policies::get_key_policy,
        PutKeyPolicy => policies::put_key_policy,
        ListKeyPolicies => policies::list_key_policies,
        CreateGrant => grants::create_grant,
        ListGrants => grants::list_grants,
        ListRetirableGrants => grants::list_retirable_grants,
        RetireGrant => grants::retire_grant,
        RevokeGrant => grants::revoke_grant,
        EnableKeyRotation => rotation::enable_key_rotation,
        DisableKeyRotation => rotation::disable_key_rotation,
        GetKeyRotationStatus => rotation::get_key_rotation_status,
        RotateKeyOnDemand => rotation::rotate_key_on_demand,
        ListKeyRotations => rotation::list_key_rotations,
        TagResource => tags::tag_resource,
        UntagResource => tags::untag_resource,
        ListResourceTags => tags::list_resource_tags,
    }
}

/// The key service, open.
pub struct Keys {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    sealing: Arc<dyn SecretSealing>,
    events: Arc<dyn ServiceEvents>,
    keys: Collection<Key>,
    aliases: Collection<Alias>,
    grants: Collection<Grant>,
}

impl Keys {
    /// Opens the service. `random` must be fit for keys; `sealing` must be the same that it was opened with before; `events`
    /// hears of what is done without a call.
    ///
    /// # Errors
    ///
    /// What reading the catalog can meet.
    pub async fn open(
        store: &Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        sealing: Arc<dyn SecretSealing>,
        events: Arc<dyn ServiceEvents>,
    ) -> Result<Arc<Keys>, StoreError> {
        let catalog = store.catalog();
        Ok(Arc::new(Keys {
            clock,
            random,
            sealing,
            events,
            keys: catalog.collection::<Key>().await?,
            aliases: catalog.collection::<Alias>().await?,
            grants: catalog.collection::<Grant>().await?,
        }))
    }

    /// The service with its routing table.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&model::SERVICE, self.clone(), ROUTES))
    }

    /// Where other services get data keys.
    pub fn data_keys(self: &Arc<Self>) -> Arc<dyn DataKeys> {
        self.clone()
    }

    /// Begins the work in the background, from within a tokio runtime: deleting the keys whose time has come, and rotating.
    pub fn start(self: &Arc<Self>) {
        tokio::spawn(background::keep_up(Arc::downgrade(self)));
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
