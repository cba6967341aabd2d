//! Identity: of IAM, the service-specific credentials. Each is a secret of a user that is good for one service, as a bearer token
//! in place of a signature; the gateway asks for whom one stands by the port [`BearerTokens`].
//!
//! I-1 a token is told once, in the answer of the call that made it, and is kept nowhere. The catalog has its SHA-256: a token has
//! 256 random bits, so that nobody finds it by its digest. I-2, that it lets in at operations of its service only, is the gateway's
//! to hold.
//!
//! It knows no HTTP, no wire format and no other service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod bearer_tokens;
mod errors;
mod limits;
mod paging;
mod resources;
mod service_specific_credentials;
#[cfg(test)]
mod tests;
mod token;
mod users;

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use watchkeep_core::ports::BearerTokens;
use watchkeep_core::{Clock, Random};
use watchkeep_store::{Collection, Store, StoreError};
use watchkeep_wire::model::iam as model;
use watchkeep_wire::routes;
use watchkeep_wire::service::{Routed, RoutedService};

use resources::Credential;

routes! {
    /// What the service answers.
    pub static ROUTES: Identity = iam {
        CreateServiceSpecificCredential => service_specific_credentials::create_service_specific_credential,
        ListServiceSpecificCredentials => service_specific_credentials::list_service_specific_credentials,
        UpdateServiceSpecificCredential => service_specific_credentials::update_service_specific_credential,
        ResetServiceSpecificCredential => service_specific_credentials::reset_service_specific_credential,
        DeleteServiceSpecificCredential => service_specific_credentials::delete_service_specific_credential,
    }
}

/// The service, open.
pub struct Identity {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    credentials: Collection<Credential>,
    /// Held while credentials change, so that a user never has too many.
    changing: Mutex<()>,
}

impl Identity {
    /// Opens the service. `random` must be fit for keys.
    ///
    /// # Errors
    ///
    /// What reading the catalog can meet.
    pub async fn open(
        store: &Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Identity>, StoreError> {
        let credentials = store.catalog().collection::<Credential>().await?;
        Ok(Arc::new(Identity { clock, random, credentials, changing: Mutex::default() }))
    }

    /// The service with its routing table.
    pub fn routed(self: &Arc<Self>) -> Arc<dyn RoutedService> {
        Arc::new(Routed::new(&model::SERVICE, self.clone(), ROUTES))
    }

    /// Whom bearer tokens stand for.
    pub fn bearer_tokens(self: &Arc<Self>) -> Arc<dyn BearerTokens> {
        self.clone()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("credentials", &self.credentials.len()).finish_non_exhaustive()
    }
}
