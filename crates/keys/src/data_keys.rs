//! The port [`DataKeys`]: data keys for the store and the other services.

use watchkeep_core::ports::{DATA_KEY_BYTES, DataKey, DataKeyError, DataKeys, EncryptionContext};
use watchkeep_core::{AccountId, Arn, BoxFuture, Region, SecretBytes};
use watchkeep_model::ServiceError;

use crate::ciphertext::Blob;
use crate::identifier::{Accepts, Place, arn_of};
use crate::resources::{FoundKey, KeyState, KeyUsage};
use crate::{Keys, managed};

impl DataKeys for Keys {
    fn find<'a>(
        &'a self,
        (account, region): (AccountId, &'a Region),
        key: &'a str,
    ) -> BoxFuture<'a, Result<String, DataKeyError>> {
        let place = Place { account, region: region.clone() };
        Box::pin(async move {
            if let Some(service) = managed::service_of(&place, key) {
                return self.managed(&place, service).await.map(|found| arn_of(&found));
            }
            self.usable(&place, key).map(|found| arn_of(&found))
        })
    }

    fn generate<'a>(
        &'a self,
        key_arn: &'a str,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<DataKey, DataKeyError>> {
        Box::pin(std::future::ready(self.generate_for(key_arn, context)))
    }

    fn unwrap<'a>(
        &'a self,
        key_arn: &'a str,
        context: &'a EncryptionContext,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretBytes, DataKeyError>> {
        Box::pin(std::future::ready(self.unwrap_for(key_arn, context, wrapped)))
    }
}

impl Keys {
    fn generate_for(&self, key_arn: &str, context: &EncryptionContext) -> Result<DataKey, DataKeyError> {
        let found = self.usable(&place_of(key_arn)?, key_arn)?;
        let plaintext = self.random_bytes(DATA_KEY_BYTES);
        let sealed = self.encrypt_under(&found, context, plaintext.expose()).map_err(unavailable)?;
        Ok(DataKey { plaintext, wrapped: sealed.blob })
    }

    fn unwrap_for(
        &self,
        key_arn: &str,
        context: &EncryptionContext,
        wrapped: &[u8],
    ) -> Result<SecretBytes, DataKeyError> {
        let found = self.usable(&place_of(key_arn)?, key_arn)?;
        let blob = Blob::parse(wrapped).filter(|blob| blob.key_id.to_string() == found.key.name);
        let blob = blob.ok_or(DataKeyError::Unopenable)?;
        match self.decrypt_under(&found, context, &blob) {
            Ok((_, plaintext)) => Ok(plaintext),
            Err(error) if error.code == "InvalidCiphertextException" => Err(DataKeyError::Unopenable),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The key that `identifier` names, if it can encrypt data now.
    fn usable(&self, place: &Place, identifier: &str) -> Result<FoundKey, DataKeyError> {
        let found = Keys::find(self, place, identifier, Accepts::Cryptographic);
        let found = found.map_err(|error| match &*error.code {
            "AccessDeniedException" => DataKeyError::AccessDenied(identifier.to_owned()),
            _ => DataKeyError::NotFound(identifier.to_owned()),
        })?;
        let arn = arn_of(&found);
        match (found.state, found.spec.usage()) {
            (_, KeyUsage::GenerateVerifyMac) => Err(DataKeyError::WrongKind(arn)),
            (KeyState::Disabled, _) => Err(DataKeyError::Disabled(arn)),
            (KeyState::PendingDeletion { .. }, _) => Err(DataKeyError::PendingDeletion(arn)),
            (KeyState::Enabled, KeyUsage::EncryptDecrypt) => Ok(found),
        }
    }
}

/// Where the key of an ARN is.
fn place_of(key_arn: &str) -> Result<Place, DataKeyError> {
    let parse = |arn: Arn| Some(Place { account: arn.account.parse().ok()?, region: arn.region.parse().ok()? });
    key_arn.parse().ok().and_then(parse).ok_or_else(|| DataKeyError::NotFound(key_arn.to_owned()))
}

fn unavailable(error: ServiceError) -> DataKeyError {
    DataKeyError::Unavailable(error.to_string())
}
