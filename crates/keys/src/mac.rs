//! Message authentication codes with HMAC keys: GenerateMac, VerifyMac (RFC 2104).

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Sha224, Sha256, Sha384, Sha512};
use watchkeep_core::{Caller, SecretBytes};
use watchkeep_model::ServiceError;
use watchkeep_model::kms::{
    GenerateMacRequest, GenerateMacResponse, VerifyMacRequest, VerifyMacResponse, errors as model,
};

use crate::Keys;
use crate::errors::{end_dry_run, internal};
use crate::identifier::{Accepts, Place, arn_of};
use crate::key_states::{check_algorithm, check_use};
use crate::resources::{FoundKey, KeySpec, KeyUsage};

/// Makes a code.
pub(crate) async fn generate_mac(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: GenerateMacRequest,
) -> Result<GenerateMacResponse, ServiceError> {
    let message = SecretBytes::from(input.message);
    keys.check_grant_tokens(input.grant_tokens.as_deref())?;
    let found = keys.mac_key(caller, &input.key_id, &input.mac_algorithm, "GenerateMac")?;
    end_dry_run(input.dry_run)?;
    let made = keys.mac(&found, message.expose(), Task::Generate)?;
    let Outcome::Generated(mac) = made else { return Err(internal()) };
    Ok(GenerateMacResponse { mac: Some(mac), mac_algorithm: Some(input.mac_algorithm), key_id: Some(arn_of(&found)) })
}

/// Checks a code, in a time that does not depend on where it is wrong.
pub(crate) async fn verify_mac(
    keys: &Arc<Keys>,
    caller: &Caller,
    input: VerifyMacRequest,
) -> Result<VerifyMacResponse, ServiceError> {
    let message = SecretBytes::from(input.message);
    keys.check_grant_tokens(input.grant_tokens.as_deref())?;
    let found = keys.mac_key(caller, &input.key_id, &input.mac_algorithm, "VerifyMac")?;
    let outcome = keys.mac(&found, message.expose(), Task::Verify(&input.mac))?;
    if !matches!(outcome, Outcome::Verified) {
        return Err(model::kms_invalid_mac_exception(""));
    }
    end_dry_run(input.dry_run)?;
    Ok(VerifyMacResponse {
        key_id: Some(arn_of(&found)),
        mac_valid: Some(true),
        mac_algorithm: Some(input.mac_algorithm),
    })
}

/// What to do with a message.
#[derive(Clone, Copy)]
enum Task<'a> {
    Generate,
    Verify(&'a [u8]),
}

enum Outcome {
    Generated(Vec<u8>),
    Verified,
    Refused,
}

impl Keys {
    fn mac_key(
        &self,
        caller: &Caller,
        key_id: &str,
        algorithm: &str,
        operation: &str,
    ) -> Result<FoundKey, ServiceError> {
        let found = self.find(&Place::from(caller), key_id, Accepts::Cryptographic)?;
        check_use(&found, KeyUsage::GenerateVerifyMac, operation)?;
        check_algorithm(&found, found.spec.mac_algorithm().unwrap_or_default(), algorithm)?;
        Ok(found)
    }

    fn mac(&self, found: &FoundKey, message: &[u8], task: Task<'_>) -> Result<Outcome, ServiceError> {
        let key = self.open_material(found, found.current_material()?)?;
        compute(found.spec, key.expose(), message, task).ok_or_else(internal)
    }
}

/// `None` for a key that is not for HMAC.
fn compute(spec: KeySpec, key: &[u8], message: &[u8], task: Task<'_>) -> Option<Outcome> {
    macro_rules! hmac {
        ($digest:ty) => {{
            let mut hmac = Hmac::<$digest>::new_from_slice(key).ok()?;
            hmac.update(message);
            Some(match task {
                Task::Generate => Outcome::Generated(hmac.finalize().into_bytes().to_vec()),
                Task::Verify(mac) if hmac.verify_slice(mac).is_ok() => Outcome::Verified,
                Task::Verify(_) => Outcome::Refused,
            })
        }};
    }
    match spec {
        KeySpec::SymmetricDefault => None,
        KeySpec::Hmac224 => hmac!(Sha224),
        KeySpec::Hmac256 => hmac!(Sha256),
        KeySpec::Hmac384 => hmac!(Sha384),
        KeySpec::Hmac512 => hmac!(Sha512),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn codes_are_those_of_the_standard() {
        let cases = [
            (KeySpec::Hmac224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
            (KeySpec::Hmac256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                KeySpec::Hmac384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                KeySpec::Hmac512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ];
        let message = b"what do ya want for nothing?";
        for (spec, expected) in cases {
            let Some(Outcome::Generated(mac)) = compute(spec, b"Jefe", message, Task::Generate) else { panic!() };
            assert_eq!(hex::encode(&mac), expected, "{spec:?}");
            let verify = |mac: &[u8]| compute(spec, b"Jefe", message, Task::Verify(mac));
            assert!(matches!(verify(&mac), Some(Outcome::Verified)));
            assert!(matches!(verify(&mac[1..]), Some(Outcome::Refused)));
            assert!(matches!(verify(b""), Some(Outcome::Refused)));
        }
    }
}
