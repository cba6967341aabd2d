//! HTTP Basic authentication (RFC 7617) with an access key: its id is the user name, its secret the password. For clients of
//! HTTP APIs that cannot sign as AWS's do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::Credential;

use crate::sigv4::sha256_hex;

/// The longest `Authorization` header that is read, in bytes: keys and secrets are far shorter.
const AUTHORIZATION_BYTES_MAX: usize = 1_024;

/// An access key as a request presents it.
pub struct BasicCredentials {
    /// The access key id.
    pub access_key_id: String,
    secret: String,
    session_token: Option<String>,
}

/// Whether a request presents an access key in this way.
pub fn is_presented(headers: &HeaderMap) -> bool {
    encoded(headers).is_some()
}

/// Reads what a request presents, without any check. `None` if it presents nothing that can be read.
pub fn read(headers: &HeaderMap) -> Option<BasicCredentials> {
    let encoded = encoded(headers).filter(|encoded| encoded.len() <= AUTHORIZATION_BYTES_MAX)?;
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (access_key_id, secret) = decoded.split_once(':')?;
    let session_token = headers.get("x-amz-security-token").and_then(|value| value.to_str().ok());
    Some(BasicCredentials {
        access_key_id: access_key_id.to_owned(),
        secret: secret.to_owned(),
        session_token: session_token.map(str::to_owned),
    })
}

impl BasicCredentials {
    /// Whether this is the key's secret and token, and the key has not ended. It takes as long whether or not there is such a key.
    pub fn is_right(&self, credential: Option<&Credential>, now: TimestampMs) -> bool {
        let secret_fits = same(credential.map_or("", |credential| &credential.secret), &self.secret);
        let Some(credential) = credential else { return false };
        let token_fits = match (&credential.session_token, &self.session_token) {
            (None, None) => true,
            (Some(expected), Some(token)) => same(expected, token),
            _ => false,
        };
        secret_fits && token_fits && credential.expires_at.is_none_or(|end| end > now)
    }
}

/// Compares in a time that tells neither where texts differ nor how long they are.
fn same(a: &str, b: &str) -> bool {
    sha256_hex(a.as_bytes()).as_bytes().ct_eq(sha256_hex(b.as_bytes()).as_bytes()).into()
}

fn encoded(headers: &HeaderMap) -> Option<&str> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| encoded.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_core::{AccountId, Principal};

    const NOW: TimestampMs = TimestampMs(1_768_480_245_000);

    fn presented(authorization: &str, token: Option<&str>) -> Option<BasicCredentials> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        if let Some(token) = token {
            headers.insert("x-amz-security-token", token.parse().unwrap());
        }
        read(&headers)
    }

    fn credential(session_token: Option<&str>, expires_at: Option<TimestampMs>) -> Credential {
        Credential {
            account: AccountId::DEFAULT,
            principal: Principal::Root,
            secret: "open sesame".into(),
            session_token: session_token.map(str::to_owned),
            expires_at,
        }
    }

    #[test]
    fn what_is_presented_is_read() {
        for (header, expected) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
            ("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
            ("Basic QTpiOmM=", Some(("A", "b:c"))),
            ("Basic QWxhZGRpbg==", None),
            ("Basic !", None),
            ("Basic", None),
            ("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
        ] {
            let read = presented(header, None);
            let read = read.as_ref().map(|read| (read.access_key_id.as_str(), read.secret.as_str()));
            assert_eq!(read, expected, "{header}");
        }
        assert!(presented(&format!("Basic {}", "A".repeat(AUTHORIZATION_BYTES_MAX + 4)), None).is_none());
    }

    #[test]
    fn only_the_whole_credential_is_right() {
        const RIGHT: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        let later = Some(NOW.plus_ms(1));
        for (header, token, credential, right) in [
            (RIGHT, None, Some(credential(None, None)), true),
            (RIGHT, None, Some(credential(None, later)), true),
            (RIGHT, None, Some(credential(None, Some(NOW))), false),
            (RIGHT, None, Some(credential(Some("t"), None)), false),
            (RIGHT, Some("t"), Some(credential(Some("t"), later)), true),
            (RIGHT, Some("u"), Some(credential(Some("t"), later)), false),
            (RIGHT, Some("t"), Some(credential(None, None)), false),
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZTA=", None, Some(credential(None, None)), false),
            (RIGHT, None, None, false),
            ("Basic QWxhZGRpbjo=", None, None, false),
        ] {
            let presented = presented(header, token).unwrap();
            assert_eq!(presented.is_right(credential.as_ref(), NOW), right, "{header} {token:?} {credential:?}");
        }
    }
}
