//! Checking a presented signature.

use std::borrow::Cow;

use subtle::ConstantTimeEq;
use watchkeep_core::ports::Credential;
use watchkeep_core::{Region, TimestampMs};

use super::canonical::{SignedRequest, Style, canonical_request, string_to_sign};
use super::date::{parse_amz_date, parse_date_header};
use super::key::{KeyCache, SigningKey};
use super::limits::{EXPIRES_SECONDS_MAX, SIGNED_HEADERS_MAX, SKEW_MS};
use super::payload::{ContentHash, Streaming, sha256_hex};
use super::presented::{CredentialScope, Mechanism, Presented};
use super::refusal::{Mismatch, Refusal};

/// What a signature must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The signing name of the service that is called.
    pub service: &'a str,
    /// The time.
    pub now: TimestampMs,
}

/// Claims that hold as far as they can without the secret.
#[derive(Debug, Clone)]
pub struct Claims {
    /// Whose key, and its scope.
    pub scope: CredentialScope,
    /// The scope's Region.
    pub region: Region,
    /// The request's time, as it stands in the string to sign: `20260115T123045Z`.
    pub amz_date: String,
    /// How the service's requests are canonicalized.
    pub style: Style,
}

/// A request whose signature is right.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What is needed to check the chunks of a body that has its own signatures.
    pub seed: ChunkSeed,
    /// How the body's chunks are covered, if it comes in chunks.
    pub streaming: Option<Streaming>,
    /// The SHA-256 in hex that the body must have, if it was not at hand to be compared.
    pub body_sha256: Option<String>,
}

/// The body of a request whose signature is checked.
#[derive(Debug, Clone, Copy)]
pub enum SignedBody<'a> {
    /// It is here, as it came over the wire, before any content coding is undone.
    Whole(&'a [u8]),
    /// It is still to come: whoever reads it compares it with [`Verified::body_sha256`]. Only S3's requests say their body's
    /// hash beforehand; those of others are taken to have none.
    ToCome,
}

/// From what the signatures of an aws-chunked body's chunks follow.
#[derive(Debug, Clone)]
pub struct ChunkSeed {
    /// The signing key of the request.
    pub key: SigningKey,
    /// The request's time.
    pub amz_date: String,
    /// `date/Region/service/aws4_request`.
    pub scope: String,
    /// The request's signature.
    pub signature: String,
}

impl ChunkSeed {
    /// What a chunk's signature signs; `previous` is the signature before it, the first time the request's own, `hash` the
    /// data's SHA-256 in hex.
    pub(crate) fn chunk_text(&self, previous: &str, hash: &str) -> String {
        let ChunkSeed { amz_date, scope, .. } = self;
        let empty = sha256_hex(b"");
        format!("AWS4-HMAC-SHA256-PAYLOAD\n{amz_date}\n{scope}\n{previous}\n{empty}\n{hash}")
    }

    /// What the trailers' signature signs; `lines` is `name:value` and a line feed for each.
    pub(crate) fn trailer_text(&self, previous: &str, lines: &str) -> String {
        let ChunkSeed { amz_date, scope, .. } = self;
        let hash = sha256_hex(lines.as_bytes());
        format!("AWS4-HMAC-SHA256-TRAILER\n{amz_date}\n{scope}\n{previous}\n{hash}")
    }
}

/// Verifies signatures; keeps the derived keys of recent callers.
#[derive(Debug, Default)]
pub struct Verifier {
    keys: KeyCache,
}

impl Verifier {
    /// Checks all that needs no secret, in AWS's order.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn check_claims(
        &self,
        request: &SignedRequest<'_>,
        presented: &Presented<'_>,
        expected: Expected<'_>,
    ) -> Result<Claims, Refusal> {
        let style = Style::of_service(expected.service);
        check_signed_headers(request, presented, style)?;
        let (requested_at, amz_date) = date(request, presented)?;
        check_time(presented, requested_at, expected.now)?;
        let malformed = |message: String| match presented.mechanism {
            Mechanism::Header => Refusal::MalformedHeader(message),
            Mechanism::Query => Refusal::MalformedQuery(message),
        };
        let scope = CredentialScope::parse(&presented.credential).ok_or_else(|| {
            malformed(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
                presented.credential.chars().take(256).collect::<String>()
            ))
        })?;
        let region = check_scope(&scope, &amz_date, expected.service)?;
        Ok(Claims { scope, region, amz_date, style })
    }

    /// Checks token and signature against the credential that was found for the claimed key.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies, in AWS's order.
    pub fn check_signature(
        &self,
        request: &SignedRequest<'_>,
        presented: &Presented<'_>,
        claims: &Claims,
        credential: Option<&Credential>,
        body: SignedBody<'_>,
        now: TimestampMs,
    ) -> Result<Verified, Refusal> {
        let key_id = &claims.scope.access_key_id;
        let credential = credential.ok_or_else(|| Refusal::UnknownKey(key_id.clone()))?;
        check_token(presented, credential, now)?;
        let content =
            presented.content_hash.as_deref().map_or_else(|| ContentHash::of(request.headers), ContentHash::parse);
        let bytes = match body {
            SignedBody::Whole(bytes) => bytes,
            SignedBody::ToCome => b"",
        };
        let payload = payload_hash(presented.mechanism, claims.style, content, bytes)?;
        let canonical = canonical_request(request, claims.style, &presented.signed_headers, &payload);
        let scope = claims.scope.text();
        let to_sign = string_to_sign(&claims.amz_date, &scope, &canonical);
        let CredentialScope { date, region, service, .. } = &claims.scope;
        let key = self.keys.get(key_id, &credential.secret, date, region, service);
        if !key.verify(to_sign.as_bytes(), &presented.signature) {
            return Err(Refusal::SignatureMismatch(Box::new(Mismatch {
                access_key_id: key_id.clone(),
                signature: presented.signature.chars().take(128).collect(),
                string_to_sign: to_sign,
                canonical_request: String::from_utf8_lossy(&canonical).into_owned(),
            })));
        }
        let mut body_sha256 = None;
        if let (Style::S3, ContentHash::Sha256(signed)) = (claims.style, content) {
            match body {
                SignedBody::Whole(bytes) => {
                    let computed = sha256_hex(bytes);
                    if !signed.eq_ignore_ascii_case(&computed) {
                        return Err(Refusal::ContentHashMismatch { signed: signed.into(), computed });
                    }
                }
                SignedBody::ToCome => body_sha256 = Some(signed.to_owned()),
            }
        }
        let streaming = match content {
            ContentHash::Streaming(streaming) => Some(streaming),
            _ => None,
        };
        let signature = presented.signature.clone().into_owned();
        let seed = ChunkSeed { key, amz_date: claims.amz_date.clone(), scope, signature };
        Ok(Verified { seed, streaming, body_sha256 })
    }
}

/// `host`, and every `x-amz-` header that is present, must be signed: an unsigned one could have been added on the way.
fn check_signed_headers(request: &SignedRequest<'_>, presented: &Presented<'_>, style: Style) -> Result<(), Refusal> {
    let names = || presented.signed_headers.split(';');
    let count = names().count();
    let plain = |name: &str| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase() || byte <= b' ');
    if count > SIGNED_HEADERS_MAX || !names().all(plain) {
        return Err(Refusal::MalformedHeader("SignedHeaders must be lower-case header names joined by ';'.".into()));
    }
    if !names().any(|name| name == "host" || name == ":authority") {
        return Err(Refusal::HostNotSigned);
    }
    let must_be_signed = |name: &str| match style {
        Style::S3 => name.starts_with("x-amz-"),
        // The token is compared with the key's own, so that it need not be signed; some SDKs add it after signing.
        Style::Standard => name.starts_with("x-amz-") && name != "x-amz-security-token",
    };
    let unsigned: Vec<String> = request
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| must_be_signed(name) && !names().any(|signed| signed == *name))
        .map(str::to_owned)
        .collect();
    if unsigned.is_empty() { Ok(()) } else { Err(Refusal::HeadersNotSigned(unsigned)) }
}

/// The request's time, and its text in the basic format.
fn date(request: &SignedRequest<'_>, presented: &Presented<'_>) -> Result<(TimestampMs, String), Refusal> {
    let sent: &str = &presented.date;
    let bad = || {
        format!(
            "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
            sent.chars().take(64).collect::<String>()
        )
    };
    match presented.mechanism {
        Mechanism::Query => {
            let time = parse_amz_date(sent).ok_or_else(|| Refusal::MalformedQuery(bad()))?;
            Ok((time, sent.into()))
        }
        Mechanism::Header if request.headers.contains_key("x-amz-date") => {
            let time = parse_amz_date(sent).ok_or_else(|| Refusal::MalformedHeader(bad()))?;
            Ok((time, sent.into()))
        }
        Mechanism::Header => {
            let time = parse_date_header(sent).ok_or_else(|| Refusal::MalformedHeader(bad()))?;
            Ok((time, super::amz_date(time)))
        }
    }
}

fn check_time(presented: &Presented<'_>, requested_at: TimestampMs, now: TimestampMs) -> Result<(), Refusal> {
    if requested_at > now.plus_ms(SKEW_MS) {
        return Err(Refusal::Skewed { requested_at, now });
    }
    let Some(expires) = &presented.expires else {
        let late = requested_at < now.plus_ms(-SKEW_MS);
        return if late { Err(Refusal::Skewed { requested_at, now }) } else { Ok(()) };
    };
    let expires_seconds: i64 =
        expires.parse().map_err(|_| Refusal::ExpiresOutOfRange("X-Amz-Expires should be a number"))?;
    if expires_seconds < 1 {
        return Err(Refusal::ExpiresOutOfRange("X-Amz-Expires must be non-negative"));
    }
    if expires_seconds > EXPIRES_SECONDS_MAX {
        return Err(Refusal::ExpiresOutOfRange(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 \
             seconds",
        ));
    }
    if now > requested_at.plus_ms(expires_seconds * 1000) {
        return Err(Refusal::Expired { requested_at, expires_seconds, now });
    }
    Ok(())
}

/// The scope's Region, if the scope is right. Any well-formed Region is; AWS joins the sentences of all faults.
fn check_scope(scope: &CredentialScope, amz_date: &str, service: &str) -> Result<Region, Refusal> {
    let mut faults = Vec::new();
    let region = scope.region.parse::<Region>();
    if region.is_err() {
        faults.push("Credential should be scoped to a valid region.".to_owned());
    }
    if scope.service != service {
        faults.push(format!("Credential should be scoped to correct service: '{service}'."));
    }
    let day = amz_date.get(..8).unwrap_or_default();
    if scope.date != day {
        faults.push(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{day}', from \
             '{amz_date}'.",
            scope.date
        ));
    }
    match region {
        Ok(region) if faults.is_empty() => Ok(region),
        _ => Err(Refusal::Scope(faults.join(" "))),
    }
}

fn check_token(presented: &Presented<'_>, credential: &Credential, now: TimestampMs) -> Result<(), Refusal> {
    if credential.expires_at.is_some_and(|end| end <= now) {
        return Err(Refusal::TokenExpired);
    }
    let fits = match (&credential.session_token, &presented.security_token) {
        (None, None) => true,
        (Some(expected), Some(token)) => bool::from(expected.as_bytes().ct_eq(token.as_bytes())),
        _ => false,
    };
    if fits { Ok(()) } else { Err(Refusal::InvalidToken) }
}

/// The canonical request's last line.
fn payload_hash<'a>(
    mechanism: Mechanism,
    style: Style,
    content: ContentHash<'a>,
    body: &[u8],
) -> Result<Cow<'a, str>, Refusal> {
    Ok(match (content, style, mechanism) {
        (ContentHash::Unsigned, ..) => "UNSIGNED-PAYLOAD".into(),
        (ContentHash::Streaming(streaming), ..) => streaming.name().into(),
        (ContentHash::Absent, Style::S3, Mechanism::Query) => "UNSIGNED-PAYLOAD".into(),
        (ContentHash::Absent, Style::S3, Mechanism::Header) => return Err(Refusal::NoContentHash),
        (ContentHash::Sha256(hash), Style::S3, _) => hash.into(),
        (ContentHash::Invalid(_), Style::S3, _) => return Err(Refusal::InvalidContentHash),
        // Whatever hash the client names, the signature must cover the body that came.
        (ContentHash::Absent | ContentHash::Sha256(_) | ContentHash::Invalid(_), Style::Standard, _) => {
            sha256_hex(body).into()
        }
    })
}
