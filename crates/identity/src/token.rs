//! Tokens: `ACWL`, and behind it, as base64, the credential's alias, a colon, and random bytes (base64, too). The alias is not
//! secret; it says which credential's digest a token is to be compared with.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use watchkeep_core::Random;

use crate::limits::SECRET_BYTES;

/// What CloudWatch Logs' tokens begin with.
const PREFIX: &str = "ACWL";

/// A new token of the credential of this alias.
pub(crate) fn make(random: &dyn Random, alias: &str) -> String {
    let mut secret = [0; SECRET_BYTES];
    random.fill(&mut secret);
    let secret = URL_SAFE_NO_PAD.encode(secret);
    PREFIX.to_owned() + &STANDARD.encode(format!("{alias}:{secret}"))
}

/// The alias that a token names; `None` if it is no token.
pub(crate) fn alias(token: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(token.strip_prefix(PREFIX)?).ok()?).ok()?;
    decoded.split_once(':').map(|(alias, _)| alias.to_owned())
}

/// What is kept of a token: its SHA-256, hexadecimal.
pub(crate) fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// Whether this is the token of the credential of this digest. It takes as long whether or not there is such a credential.
pub(crate) fn is_of(token: &str, expected: Option<&str>) -> bool {
    let compared = expected.unwrap_or_default();
    let is_same = bool::from(digest(token).as_bytes().ct_eq(compared.as_bytes()));
    is_same && expected.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_core::SeededRandom;

    #[test]
    fn tokens_name_their_credential_and_differ() {
        let random = SeededRandom::new(1);
        let token = make(&random, "alice-at-123456789012");
        assert_eq!(alias(&token).as_deref(), Some("alice-at-123456789012"));
        assert_ne!(make(&random, "alice-at-123456789012"), token);
        for other in ["", "ACWL", "ACWL!", "ACWLYWxpY2U=", token.trim_start_matches("ACWL")] {
            assert_eq!(alias(other), None, "{other}");
        }
        assert!(is_of(&token, Some(&digest(&token))));
        assert!(!is_of(&token, Some(&digest("another"))) && !is_of(&token, None) && !is_of(&token, Some("")));
    }
}
