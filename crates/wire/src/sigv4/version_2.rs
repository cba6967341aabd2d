//! URLs presigned with Signature Version 2, which boto3 still makes by default (S3 user guide, "Signing and authenticating REST
//! requests", query string request authentication alternative). Only S3 knows it, and only in the query string.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac};
use percent_encoding::percent_decode_str;
use sha1::Sha1;
use subtle::ConstantTimeEq;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::Credential;

use super::canonical::SignedRequest;
use super::refusal::{Mismatch, Refusal};

/// The query-string keys that are signed: what names a part of a resource, and what overrides headers.
const SIGNED_KEYS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// What such a URL presents; none of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedV2 {
    /// The access key id.
    pub access_key_id: String,
    signature: String,
    expires: String,
    security_token: Option<String>,
}

impl PresignedV2 {
    /// What a request's URL presents, if it is such a one.
    pub fn read(request: &SignedRequest<'_>) -> Option<PresignedV2> {
        let pairs = pairs(request.query);
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string());
        if value("SignatureVersion").is_some() {
            // The Query protocol's form of it, which no service takes any more.
            return None;
        }
        Some(PresignedV2 {
            access_key_id: value("AWSAccessKeyId")?,
            signature: value("Signature")?,
            expires: value("Expires")?,
            security_token: value("x-amz-security-token"),
        })
    }

    /// Checks it against the credential that was found for the key. `resource` is the path with the bucket, as it was sent.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn check(
        &self,
        request: &SignedRequest<'_>,
        resource: &str,
        credential: Option<&Credential>,
        now: TimestampMs,
    ) -> Result<(), Refusal> {
        let expires: i64 = self
            .expires
            .parse()
            .map_err(|_| Refusal::MalformedQuery("Invalid date (should be seconds since epoch)".into()))?;
        let expires_at = TimestampMs(expires.saturating_mul(1_000));
        if now > expires_at {
            return Err(Refusal::Expired { requested_at: expires_at, expires_seconds: 0, now });
        }
        let credential = credential.ok_or_else(|| Refusal::UnknownKey(self.access_key_id.clone()))?;
        if credential.expires_at.is_some_and(|end| end <= now) {
            return Err(Refusal::TokenExpired);
        }
        let token_fits = match (&credential.session_token, &self.security_token) {
            (None, None) => true,
            (Some(expected), Some(token)) => bool::from(expected.as_bytes().ct_eq(token.as_bytes())),
            _ => false,
        };
        if !token_fits {
            return Err(Refusal::InvalidToken);
        }
        let to_sign = self.string_to_sign(request, resource);
        let computed =
            STANDARD.encode(keyed(&credential.secret).chain_update(to_sign.as_bytes()).finalize().into_bytes());
        if bool::from(computed.as_bytes().ct_eq(self.signature.as_bytes())) {
            return Ok(());
        }
        Err(Refusal::SignatureMismatch(Box::new(Mismatch {
            access_key_id: self.access_key_id.clone(),
            signature: self.signature.chars().take(128).collect(),
            string_to_sign: to_sign,
            canonical_request: String::new(),
        })))
    }

    fn string_to_sign(&self, request: &SignedRequest<'_>, resource: &str) -> String {
        let pairs = pairs(request.query);
        // Signed headers may have moved into the query string.
        let of = |name: &str| {
            let in_query = pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string());
            let in_header = || request.headers.get(name)?.to_str().ok().map(str::to_owned);
            in_query.or_else(in_header).unwrap_or_default()
        };
        let mut amz: Vec<(String, String)> = pairs
            .iter()
            .filter(|(key, _)| key.starts_with("x-amz-"))
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        for name in request.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-")) {
            let values: Vec<&str> =
                request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim).collect();
            amz.push((name.to_owned(), values.join(",")));
        }
        amz.sort();
        let amz: String = amz.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let mut signed: Vec<String> = pairs
            .iter()
            .filter(|(key, _)| SIGNED_KEYS.contains(&key.as_ref()))
            .map(|(key, value)| if value.is_empty() { key.to_string() } else { format!("{key}={value}") })
            .collect();
        signed.sort();
        let query = if signed.is_empty() { String::new() } else { format!("?{}", signed.join("&")) };
        let (md5, content_type) = (of("content-md5"), of("content-type"));
        format!("{}\n{md5}\n{content_type}\n{}\n{amz}{resource}{query}", request.method, self.expires)
    }
}

fn keyed(secret: &str) -> Hmac<Sha1> {
    // HMAC takes keys of any length, so the second arm is never taken.
    Hmac::new_from_slice(secret.as_bytes()).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

/// The pairs of a query string, decoded.
fn pairs(query: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use watchkeep_core::Principal;

    use super::*;

    const NOW: TimestampMs = TimestampMs(1_795_781_000_000);

    fn check(method: &str, path: &str, query: &str, secret: &str, now: TimestampMs) -> String {
        let headers = HeaderMap::new();
        let request = SignedRequest { method, path, query, host: None, headers: &headers };
        let presented = PresignedV2::read(&request).unwrap();
        let credential = Credential {
            account: watchkeep_core::AccountId::DEFAULT,
            principal: Principal::Root,
            secret: secret.into(),
            session_token: None,
            expires_at: None,
        };
        let known = (presented.access_key_id == "a").then_some(&credential);
        match presented.check(&request, path, known, now) {
            Ok(()) => "right".to_owned(),
            Err(refusal) => format!("{refusal:?}").split([' ', '(']).next().unwrap().to_owned(),
        }
    }

    #[test]
    fn urls_of_boto3_are_right() {
        // Made by boto3 1.44 with the key `a` and the secret `b`.
        let url = "AWSAccessKeyId=a&Signature=y9Q08ttW1R%2BZ5VrJZa1E7sJ8Bvg%3D&Expires=1795781985";
        assert_eq!(check("GET", "/b/k", url, "b", NOW), "right");
        assert_eq!(check("GET", "/b/k", url, "other", NOW), "SignatureMismatch");
        assert_eq!(check("GET", "/b/other", url, "b", NOW), "SignatureMismatch");
        assert_eq!(check("PUT", "/b/k", url, "b", NOW), "SignatureMismatch");
        assert_eq!(check("GET", "/b/k", &format!("{url}&response-content-type=x"), "b", NOW), "SignatureMismatch");
        assert_eq!(check("GET", "/b/k", &url.replace("=a&", "=c&"), "b", NOW), "UnknownKey");
        assert_eq!(check("GET", "/b/k", url, "b", TimestampMs(1_795_781_985_001)), "Expired");
        assert_eq!(check("GET", "/b/k", &url.replace("=1795781985", "=soon"), "b", NOW), "MalformedQuery");
    }

    #[test]
    fn others_are_none() {
        let headers = HeaderMap::new();
        let by_query = "Action=X&AWSAccessKeyId=a&Signature=x&Expires=1&SignatureVersion=2";
        for query in ["", "AWSAccessKeyId=a&Signature=x", "X-Amz-Signature=x&Expires=1", by_query] {
            let request = SignedRequest { method: "GET", path: "/", query, host: None, headers: &headers };
            assert_eq!(PresignedV2::read(&request), None, "{query}");
        }
    }
}
