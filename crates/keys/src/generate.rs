//! Random bytes, bare or encrypted under a key: GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.

use std::sync::Arc;

use watchkeep_core::{Caller, SecretBytes};
use watchkeep_model::ServiceError;
use watchkeep_model::kms::{
    GenerateDataKeyRequest, GenerateDataKeyResponse, GenerateDataKeyWithoutPlaintextRequest,
    GenerateDataKeyWithoutPlaintextResponse, GenerateRandomRequest, GenerateRandomResponse, errors as model,
};

use crate::Keys;
use crate::ciphertext::Context;
use crate::encrypt::{Sealed, checked_context};
use crate::errors::{end_dry_run, invalid, missing, no_recipient};
use crate::identifier::{Accepts, Place, arn_of};
use crate::key_states::check_use;
use crate::resources::{FoundKey, KeyUsage};

/// A new data key, plain and encrypted.
pub(crate) async fn generate_data_key(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: GenerateDataKeyRequest,
) -> Result<GenerateDataKeyResponse, ServiceError> {
    no_recipient(input.recipient.as_ref())?;
    let asked = Asked {
        operation: "GenerateDataKey",
        key_id: &input.key_id,
        grant_tokens: input.grant_tokens.as_deref(),
        key_spec: input.key_spec.as_deref(),
        number_of_bytes: input.number_of_bytes,
        dry_run: input.dry_run,
    };
    let (found, plaintext, sealed) = keys.generate(caller, &asked, input.encryption_context)?;
    Ok(GenerateDataKeyResponse {
        ciphertext_blob: Some(sealed.blob),
        plaintext: Some(plaintext.expose().to_vec()),
        key_id: Some(arn_of(&found)),
        key_material_id: Some(sealed.material_id),
        ..GenerateDataKeyResponse::default()
    })
}

/// A new data key, encrypted: for somebody who will need it later.
pub(crate) async fn generate_data_key_without_plaintext(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: GenerateDataKeyWithoutPlaintextRequest,
) -> Result<GenerateDataKeyWithoutPlaintextResponse, ServiceError> {
    let asked = Asked {
        operation: "GenerateDataKeyWithoutPlaintext",
        key_id: &input.key_id,
        grant_tokens: input.grant_tokens.as_deref(),
        key_spec: input.key_spec.as_deref(),
        number_of_bytes: input.number_of_bytes,
        dry_run: input.dry_run,
    };
    let (found, _, sealed) = keys.generate(caller, &asked, input.encryption_context)?;
    Ok(GenerateDataKeyWithoutPlaintextResponse {
        ciphertext_blob: Some(sealed.blob),
        key_id: Some(arn_of(&found)),
        key_material_id: Some(sealed.material_id),
    })
}

/// Random bytes.
pub(crate) async fn generate_random(
    keys: &Arc<Keys>,
    _: &Caller,
    input: GenerateRandomRequest,
) -> Result<GenerateRandomResponse, ServiceError> {
    no_recipient(input.recipient.as_ref())?;
    if let Some(id) = input.custom_key_store_id {
        return Err(model::custom_key_store_not_found_exception(format!("Custom key store '{id}' does not exist.")));
    }
    let count = byte_count(input.number_of_bytes.ok_or_else(|| missing("numberOfBytes"))?)?;
    let plaintext = Some(keys.random_bytes(count).expose().to_vec());
    Ok(GenerateRandomResponse { plaintext, ..GenerateRandomResponse::default() })
}

/// What a call wants of a data key.
struct Asked<'a> {
    operation: &'static str,
    key_id: &'a str,
    grant_tokens: Option<&'a [String]>,
    key_spec: Option<&'a str>,
    number_of_bytes: Option<i32>,
    dry_run: Option<bool>,
}

impl Keys {
    fn generate(
        &self,
        caller: &Caller,
        asked: &Asked<'_>,
        context: Option<Context>,
    ) -> Result<(FoundKey, SecretBytes, Sealed), ServiceError> {
        let count = match (asked.key_spec, asked.number_of_bytes) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(number)) => byte_count(number)?,
            _ => return Err(invalid("Please specify either number of bytes or key spec.")),
        };
        self.check_grant_tokens(asked.grant_tokens)?;
        let context = checked_context(context)?;
        let found = self.find(&Place::from(caller), asked.key_id, Accepts::Cryptographic)?;
        check_use(&found, KeyUsage::EncryptDecrypt, asked.operation)?;
        end_dry_run(asked.dry_run)?;
        let plaintext = self.random_bytes(count);
        let sealed = self.encrypt_under(&found, &context, plaintext.expose())?;
        Ok((found, plaintext, sealed))
    }
}

/// A number of bytes that the model's constraints allow.
fn byte_count(number: i32) -> Result<usize, ServiceError> {
    match number {
        1..=1024 => Ok(number.unsigned_abs() as usize),
        _ => Err(invalid("NumberOfBytes must be between 1 and 1024")),
    }
}
