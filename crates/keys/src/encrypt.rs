//! Encrypt, Decrypt, ReEncrypt: up to four kilobytes under a symmetric encryption key.

use std::sync::Arc;

use uuid::Uuid;
use watchkeep_core::{Caller, SecretBytes};
use watchkeep_model::ServiceError;
use watchkeep_model::kms::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, ReEncryptRequest, ReEncryptResponse,
    errors as model,
};

use crate::Keys;
use crate::ciphertext::{self, Blob, Context};
use crate::errors::{end_dry_run, internal, invalid, invalid_ciphertext, missing, no_recipient};
use crate::identifier::{Accepts, Place, arn_of};
use crate::key_states::{check_algorithm, check_use};
use crate::limits::{CONTEXT_BYTES_MAX, PLAINTEXT_BYTES_MAX};
use crate::resources::{FoundKey, KeyUsage};

/// The one algorithm of symmetric encryption keys.
const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

/// Encrypts.
pub(crate) async fn encrypt(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: EncryptRequest,
) -> Result<EncryptResponse, ServiceError> {
    let plaintext = SecretBytes::from(input.plaintext);
    if plaintext.expose().len() > PLAINTEXT_BYTES_MAX {
        return Err(invalid(format!("A plaintext can have no more than {PLAINTEXT_BYTES_MAX} bytes.")));
    }
    keys.check_grant_tokens(input.grant_tokens.as_deref())?;
    let context = checked_context(input.encryption_context)?;
    let found = keys.find(&Place::from(caller), &input.key_id, Accepts::Cryptographic)?;
    check_use(&found, KeyUsage::EncryptDecrypt, "Encrypt")?;
    check_algorithm(&found, ALGORITHM, input.encryption_algorithm.as_deref().unwrap_or(ALGORITHM))?;
    end_dry_run(input.dry_run)?;
    let sealed = keys.encrypt_under(&found, &context, plaintext.expose())?;
    Ok(EncryptResponse {
        ciphertext_blob: Some(sealed.blob),
        key_id: Some(arn_of(&found)),
        encryption_algorithm: Some(ALGORITHM.to_owned()),
    })
}

/// Decrypts. The ciphertext says which key it needs; a key that the call names must be that one.
pub(crate) async fn decrypt(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: DecryptRequest,
) -> Result<DecryptResponse, ServiceError> {
    no_recipient(input.recipient.as_ref())?;
    keys.check_grant_tokens(input.grant_tokens.as_deref())?;
    let source = Source {
        operation: "Decrypt",
        blob: input.ciphertext_blob.as_deref(),
        key_id: input.key_id.as_deref(),
        context: checked_context(input.encryption_context)?,
        algorithm: input.encryption_algorithm.as_deref(),
        needs_blob: needs_blob(input.dry_run, input.dry_run_modifiers.as_deref()),
    };
    let opened = keys.open_source(&Place::from(caller), &source)?;
    end_dry_run(input.dry_run)?;
    let Some(plaintext) = opened.plaintext else { return Err(internal()) };
    Ok(DecryptResponse {
        key_id: Some(arn_of(&opened.key)),
        plaintext: Some(plaintext.expose().to_vec()),
        encryption_algorithm: Some(ALGORITHM.to_owned()),
        key_material_id: opened.material_id,
        ..DecryptResponse::default()
    })
}

/// Decrypts, and encrypts under another key, context or material, without the plaintext leaving the service.
pub(crate) async fn re_encrypt(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: ReEncryptRequest,
) -> Result<ReEncryptResponse, ServiceError> {
    keys.check_grant_tokens(input.grant_tokens.as_deref())?;
    let place = Place::from(caller);
    let source = Source {
        operation: "ReEncrypt",
        blob: input.ciphertext_blob.as_deref(),
        key_id: input.source_key_id.as_deref(),
        context: checked_context(input.source_encryption_context)?,
        algorithm: input.source_encryption_algorithm.as_deref(),
        needs_blob: needs_blob(input.dry_run, input.dry_run_modifiers.as_deref()),
    };
    let context = checked_context(input.destination_encryption_context)?;
    let destination = keys.find(&place, &input.destination_key_id, Accepts::Cryptographic)?;
    check_use(&destination, KeyUsage::EncryptDecrypt, "ReEncrypt")?;
    let algorithm = input.destination_encryption_algorithm.as_deref().unwrap_or(ALGORITHM);
    check_algorithm(&destination, ALGORITHM, algorithm)?;
    let opened = keys.open_source(&place, &source)?;
    end_dry_run(input.dry_run)?;
    let Some(plaintext) = opened.plaintext else { return Err(internal()) };
    let sealed = keys.encrypt_under(&destination, &context, plaintext.expose())?;
    Ok(ReEncryptResponse {
        ciphertext_blob: Some(sealed.blob),
        source_key_id: Some(arn_of(&opened.key)),
        key_id: Some(arn_of(&destination)),
        source_encryption_algorithm: Some(ALGORITHM.to_owned()),
        destination_encryption_algorithm: Some(ALGORITHM.to_owned()),
        source_key_material_id: opened.material_id,
        destination_key_material_id: Some(sealed.material_id),
    })
}

/// The encryption context of a call; none is an empty one.
pub(crate) fn checked_context(context: Option<Context>) -> Result<Context, ServiceError> {
    let context = context.unwrap_or_default();
    let bytes: usize = context.iter().map(|(key, value)| key.len() + value.len()).sum();
    match bytes <= CONTEXT_BYTES_MAX {
        true => Ok(context),
        false => Err(invalid(format!("An encryption context can have no more than {CONTEXT_BYTES_MAX} bytes."))),
    }
}

/// What was encrypted.
pub(crate) struct Sealed {
    /// The blob.
    pub blob: Vec<u8>,
    /// The name of the material that it is encrypted under.
    pub material_id: String,
}

/// What a call wants decrypted.
struct Source<'a> {
    operation: &'static str,
    blob: Option<&'a [u8]>,
    key_id: Option<&'a str>,
    context: Context,
    algorithm: Option<&'a str>,
    needs_blob: bool,
}

/// What was decrypted.
struct Opened {
    key: FoundKey,
    material_id: Option<String>,
    /// Absent only in a dry run that ignores the ciphertext.
    plaintext: Option<SecretBytes>,
}

impl Keys {
    /// Encrypts under the current material of a key that may be used.
    pub(crate) fn encrypt_under(
        &self,
        found: &FoundKey,
        context: &Context,
        plaintext: &[u8],
    ) -> Result<Sealed, ServiceError> {
        let material = found.current_material()?;
        let key_id = Uuid::try_parse(&found.key.name).map_err(|_| internal())?;
        let bytes = self.open_material(found, material)?;
        let named = (key_id, material.version);
        let blob = ciphertext::seal(named, &bytes, context, plaintext, self.random.as_ref()).ok_or_else(internal)?;
        Ok(Sealed { blob, material_id: material.id.clone() })
    }

    /// Decrypts a blob of a key that may be used; the name of the material that it is of, and the plaintext.
    pub(crate) fn decrypt_under(
        &self,
        found: &FoundKey,
        context: &Context,
        blob: &Blob<'_>,
    ) -> Result<(String, SecretBytes), ServiceError> {
        let material = found.material(blob.material_version).ok_or_else(invalid_ciphertext)?;
        let bytes = self.open_material(found, material)?;
        let plaintext = blob.open(&bytes, context).ok_or_else(invalid_ciphertext)?;
        Ok((material.id.clone(), plaintext))
    }

    fn open_source(&self, place: &Place, source: &Source<'_>) -> Result<Opened, ServiceError> {
        let named = source.key_id.map(|key_id| self.find(place, key_id, Accepts::Cryptographic)).transpose()?;
        let check = |found: &FoundKey| {
            check_use(found, KeyUsage::EncryptDecrypt, source.operation)?;
            check_algorithm(found, ALGORITHM, source.algorithm.unwrap_or(ALGORITHM))
        };
        if !source.needs_blob {
            let key = named.ok_or_else(|| missing("keyId"))?;
            check(&key)?;
            return Ok(Opened { key, material_id: None, plaintext: None });
        }
        let blob = source.blob.ok_or_else(|| missing("ciphertextBlob"))?;
        let blob = Blob::parse(blob).ok_or_else(invalid_ciphertext)?;
        let id = blob.key_id.to_string();
        if named.as_ref().is_some_and(|named| named.key.name != id) {
            return Err(model::incorrect_key_exception(
                "The key ID in the request does not identify a CMK that can perform this operation.",
            ));
        }
        let key = self.of_id(place, &id).ok_or_else(invalid_ciphertext)?;
        check(&key)?;
        let (material_id, plaintext) = self.decrypt_under(&key, &source.context, &blob)?;
        Ok(Opened { key, material_id: Some(material_id), plaintext: Some(plaintext) })
    }
}

/// A dry run may leave the ciphertext aside.
fn needs_blob(dry_run: Option<bool>, modifiers: Option<&[String]>) -> bool {
    let ignores = modifiers.unwrap_or_default().iter().any(|modifier| modifier == "IGNORE_CIPHERTEXT");
    !(ignores && dry_run == Some(true))
}
