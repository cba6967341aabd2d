//! Signing our own calls, as a client of AWS or of anything that speaks like it.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use watchkeep_core::TimestampMs;

use super::ALGORITHM;
use super::canonical::{SignedRequest, Style, canonical_request, string_to_sign};
use super::date::amz_date;
use super::encode::encoded;
use super::key::{KeyCache, SigningKey};
use super::limits::EXPIRES_SECONDS_MAX;
use super::payload::{Streaming, sha256_hex};
use super::verify::ChunkSeed;

/// Why a request cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Neither the URI nor a `Host` header names the host.
    #[error("the request names no host")]
    NoHost,
    /// The credential, Region or token cannot stand in a header.
    #[error("the credential holds a character that no header may hold")]
    NotAHeader,
    /// The presigned URL would be longer than URLs may be.
    #[error("the signed URL is too long")]
    UrlTooLong,
    /// A presigned URL lives from one second to a week.
    #[error("a presigned URL is good for 1 to 604800 seconds")]
    ExpiresOutOfRange,
}

/// Signs requests of one credential to one service in one Region.
#[derive(Debug)]
pub struct Signer {
    access_key_id: String,
    secret: Secret,
    session_token: Option<String>,
    region: String,
    service: String,
    keys: KeyCache,
}

/// How a body is covered by the signature.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// By its hash.
    Bytes(&'a [u8]),
    /// Not at all.
    Unsigned,
    /// It comes in chunks.
    Streaming(Streaming),
}

struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Signer {
    /// A signer for `service` (its signing name, as `monitoring`) in `region`.
    pub fn new(
        access_key_id: impl Into<String>,
        secret: impl Into<String>,
        session_token: Option<String>,
        region: impl Into<String>,
        service: impl Into<String>,
    ) -> Self {
        Signer {
            access_key_id: access_key_id.into(),
            secret: Secret(secret.into()),
            session_token,
            region: region.into(),
            service: service.into(),
            keys: KeyCache::default(),
        }
    }

    /// Adds `x-amz-date`, the token, for S3 the body's hash, and `authorization`. `content-type`, `host` and every `x-amz-`
    /// header that the request has is signed; headers that proxies change are not.
    ///
    /// # Errors
    /// See [`SignError`]; the request is then without `authorization`.
    pub fn sign(&self, parts: &mut Parts, body: &[u8], now: TimestampMs) -> Result<(), SignError> {
        self.sign_payload(parts, Payload::Bytes(body), now).map(drop)
    }

    /// The same for a body that is covered otherwise. The seed signs its chunks, if it comes in signed chunks.
    ///
    /// # Errors
    /// See [`SignError`]; the request is then without `authorization`.
    pub fn sign_payload(
        &self,
        parts: &mut Parts,
        payload: Payload<'_>,
        now: TimestampMs,
    ) -> Result<ChunkSeed, SignError> {
        let date = amz_date(now);
        let hash: Cow<'_, str> = match payload {
            Payload::Bytes(body) => sha256_hex(body).into(),
            Payload::Unsigned => "UNSIGNED-PAYLOAD".into(),
            Payload::Streaming(streaming) => streaming.name().into(),
        };
        parts.headers.remove(AUTHORIZATION);
        parts.headers.insert("x-amz-date", value(&date)?);
        if let Some(token) = &self.session_token {
            parts.headers.insert("x-amz-security-token", value(token)?);
        }
        if Style::of_service(&self.service) == Style::S3 || !matches!(payload, Payload::Bytes(_)) {
            parts.headers.insert("x-amz-content-sha256", value(&hash)?);
        }
        let signed = |name: &&HeaderName| name.as_str().starts_with("x-amz-") || *name == "content-type";
        let mut names: Vec<&str> = parts.headers.keys().filter(signed).map(HeaderName::as_str).collect();
        names.push("host");
        names.sort_unstable();
        let names = names.join(";");
        let signature = self.signature(parts, parts.uri.query().unwrap_or_default(), &names, &hash, &date)?;
        let scope = self.scope(&date);
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key_id
        );
        parts.headers.insert(AUTHORIZATION, value(&authorization)?);
        Ok(ChunkSeed { key: self.key(&date), amz_date: date, scope, signature })
    }

    /// Puts a signature into the URI that is good for `expires_seconds`; only the host is signed besides. The body of an S3
    /// request is not covered; that of others must be empty.
    ///
    /// # Errors
    /// See [`SignError`]; the request is then unchanged.
    pub fn presign(&self, parts: &mut Parts, expires_seconds: u32, now: TimestampMs) -> Result<(), SignError> {
        if !(1..=EXPIRES_SECONDS_MAX).contains(&i64::from(expires_seconds)) {
            return Err(SignError::ExpiresOutOfRange);
        }
        let date = amz_date(now);
        let mut query = parts.uri.query().map(|query| format!("{query}&")).unwrap_or_default();
        query.push_str(&format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={date}&X-Amz-Expires={expires_seconds}\
             &X-Amz-SignedHeaders=host",
            encoded(&format!("{}/{}", self.access_key_id, self.scope(&date)))
        ));
        if let Some(token) = &self.session_token {
            query.push_str(&format!("&X-Amz-Security-Token={}", encoded(token)));
        }
        let hash = match Style::of_service(&self.service) {
            Style::S3 => "UNSIGNED-PAYLOAD".to_owned(),
            Style::Standard => sha256_hex(b""),
        };
        let signature = self.signature(parts, &query, "host", &hash, &date)?;
        let target = format!("{}?{query}&X-Amz-Signature={signature}", parts.uri.path());
        let mut uri = parts.uri.clone().into_parts();
        uri.path_and_query = Some(PathAndQuery::try_from(target).map_err(|_| SignError::UrlTooLong)?);
        parts.uri = http::Uri::from_parts(uri).map_err(|_| SignError::UrlTooLong)?;
        Ok(())
    }

    fn signature(
        &self,
        parts: &Parts,
        query: &str,
        signed_headers: &str,
        payload_hash: &str,
        date: &str,
    ) -> Result<String, SignError> {
        let host = match parts.headers.get(HOST) {
            Some(host) => host.to_str().map_err(|_| SignError::NotAHeader)?,
            None => parts.uri.authority().ok_or(SignError::NoHost)?.as_str(),
        };
        let request = SignedRequest {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query,
            host: Some(host),
            headers: &parts.headers,
        };
        let canonical = canonical_request(&request, Style::of_service(&self.service), signed_headers, payload_hash);
        Ok(self.key(date).sign(string_to_sign(date, &self.scope(date), &canonical).as_bytes()))
    }

    fn key(&self, date: &str) -> SigningKey {
        let day = date.get(..8).unwrap_or_default();
        self.keys.get(&self.access_key_id, &self.secret.0, day, &self.region, &self.service)
    }

    fn scope(&self, date: &str) -> String {
        let day = date.get(..8).unwrap_or_default();
        format!("{day}/{}/{}/aws4_request", self.region, self.service)
    }
}

fn value(text: &str) -> Result<HeaderValue, SignError> {
    HeaderValue::from_str(text).map_err(|_| SignError::NotAHeader)
}
