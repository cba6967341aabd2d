//! Why a request is not authenticated, and the error that each family of protocols has for it (the services' "Common
//! Errors", S3's "Error responses").

use watchkeep_core::TimestampMs;
use watchkeep_model::{Protocol, ServiceError};

use super::date::amz_date;
use super::details::Details;
use super::limits::SKEW_MS;

/// Protocols that name authentication failures alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorFamily {
    /// awsJson and CBOR: `...Exception`, status 400.
    Json,
    /// restJson: the same codes, status 403.
    RestJson,
    /// awsQuery: IAM's and STS's codes.
    Query,
    /// S3's codes.
    S3,
}

impl ErrorFamily {
    /// The family of a protocol.
    pub fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::AwsCbor11 | Protocol::RpcV2Cbor => ErrorFamily::Json,
            Protocol::RestJson => ErrorFamily::RestJson,
            Protocol::AwsQuery => ErrorFamily::Query,
            Protocol::RestXml => ErrorFamily::S3,
        }
    }
}

/// Why a request is refused before its operation is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It carries no credentials.
    NoCredentials,
    /// It is signed both in the header and in the query string.
    TwoMechanisms,
    /// Its algorithm, named here, is not spoken.
    UnsupportedAlgorithm(String),
    /// Its `Authorization` header or date cannot be read; the text says why.
    MalformedHeader(String),
    /// Its query parameters cannot be read; the text says why.
    MalformedQuery(String),
    /// `X-Amz-Expires` is no number of seconds between 1 and a week; the text says which.
    ExpiresOutOfRange(&'static str),
    /// The host is not among the signed headers.
    HostNotSigned,
    /// These `x-amz-` headers are present but not signed.
    HeadersNotSigned(Vec<String>),
    /// Its time is too far from ours.
    Skewed {
        /// The request's time.
        requested_at: TimestampMs,
        /// Our time.
        now: TimestampMs,
    },
    /// A presigned URL's time is over.
    Expired {
        /// When it was signed.
        requested_at: TimestampMs,
        /// For how long it was good, seconds.
        expires_seconds: i64,
        /// Our time.
        now: TimestampMs,
    },
    /// The credential's scope is not that of this service, day and kind; the text has a sentence for each fault.
    Scope(String),
    /// The access key is unknown, inactive or deleted.
    UnknownKey(String),
    /// The session token is missing, or does not belong to the key.
    InvalidToken,
    /// The session is over.
    TokenExpired,
    /// The signature is another than the one we calculate.
    SignatureMismatch(Box<Mismatch>),
    /// S3: `x-amz-content-sha256` is missing.
    NoContentHash,
    /// S3: `x-amz-content-sha256` has a value that means nothing.
    InvalidContentHash,
    /// S3: the body is another than the signed one.
    ContentHashMismatch {
        /// The hash that the client signed.
        signed: String,
        /// The hash of the body.
        computed: String,
    },
}

/// What a person needs to find out why two signatures differ. It is for the caller alone: the request may hold a session token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// The access key id.
    pub access_key_id: String,
    /// The signature that the client sent.
    pub signature: String,
    /// The string that we signed.
    pub string_to_sign: String,
    /// The canonical request that we made of the request.
    pub canonical_request: String,
}

/// For our log: without the request.
impl std::fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mismatch").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
     Access Key and signing method. Consult the service documentation for details.";
const INVALID_TOKEN: &str = "The security token included in the request is invalid.";

impl Refusal {
    pub(super) fn malformed_header(message: impl Into<String>) -> Self {
        Refusal::MalformedHeader(message.into())
    }

    /// The error that clients of this family know.
    pub fn into_error(self, family: ErrorFamily) -> ServiceError {
        if family == ErrorFamily::S3 { self.into_s3_error() } else { self.into_common_error(family) }
    }

    /// The codes of JSON and of Query stand in one error; the protocol picks.
    fn into_common_error(self, family: ErrorFamily) -> ServiceError {
        let (code, query_code, query_status) = match &self {
            Refusal::NoCredentials => ("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403),
            Refusal::UnsupportedAlgorithm(_)
            | Refusal::MalformedHeader(_)
            | Refusal::MalformedQuery(_)
            | Refusal::ExpiresOutOfRange(_) => ("IncompleteSignatureException", "IncompleteSignature", 400),
            Refusal::UnknownKey(_) | Refusal::InvalidToken => {
                ("UnrecognizedClientException", "InvalidClientTokenId", 403)
            }
            Refusal::TokenExpired => ("ExpiredTokenException", "ExpiredToken", 403),
            Refusal::Expired { .. } => ("InvalidSignatureException", "RequestExpired", 400),
            Refusal::TwoMechanisms
            | Refusal::HostNotSigned
            | Refusal::HeadersNotSigned(_)
            | Refusal::Skewed { .. }
            | Refusal::Scope(_)
            | Refusal::SignatureMismatch(_)
            | Refusal::NoContentHash
            | Refusal::InvalidContentHash
            | Refusal::ContentHashMismatch { .. } => ("InvalidSignatureException", "SignatureDoesNotMatch", 403),
        };
        let message = match self {
            Refusal::NoCredentials => "Request is missing Authentication Token".into(),
            Refusal::UnsupportedAlgorithm(name) => format!("Unsupported AWS 'algorithm': '{name}'."),
            Refusal::MalformedHeader(message) | Refusal::MalformedQuery(message) | Refusal::Scope(message) => message,
            Refusal::ExpiresOutOfRange(message) => message.into(),
            Refusal::HostNotSigned => {
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into()
            }
            Refusal::HeadersNotSigned(names) => {
                format!("There were headers present in the request which were not signed: {}", names.join(", "))
            }
            Refusal::Skewed { requested_at, now } => skew_message(requested_at, now),
            Refusal::Expired { requested_at, expires_seconds, now } => format!(
                "Signature expired: {} is now earlier than {} ({} - {} sec.)",
                amz_date(requested_at),
                amz_date(now.plus_ms(-expires_seconds * 1000)),
                amz_date(now),
                expires_seconds
            ),
            Refusal::UnknownKey(_) | Refusal::InvalidToken => INVALID_TOKEN.into(),
            Refusal::TokenExpired => "The security token included in the request is expired".into(),
            // AWS gives no reason for a request that is signed twice.
            Refusal::TwoMechanisms => String::new(),
            Refusal::SignatureMismatch(_)
            | Refusal::NoContentHash
            | Refusal::InvalidContentHash
            | Refusal::ContentHashMismatch { .. } => MISMATCH.into(),
        };
        let status = match family {
            ErrorFamily::Json => 400,
            ErrorFamily::RestJson => 403,
            ErrorFamily::Query | ErrorFamily::S3 => query_status,
        };
        ServiceError::common(code, query_code, status, message)
    }

    fn into_s3_error(self) -> ServiceError {
        let error = |code, status, message: &str| ServiceError::common(code, code, status, message);
        match self {
            Refusal::NoCredentials => error("AccessDenied", 403, "Access Denied"),
            Refusal::TwoMechanisms => error(
                "InvalidArgument",
                400,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified",
            ),
            Refusal::UnsupportedAlgorithm(_) => error("InvalidArgument", 400, "Unsupported Authorization Type"),
            Refusal::MalformedHeader(message) | Refusal::Scope(message) => {
                error("AuthorizationHeaderMalformed", 400, &message)
            }
            Refusal::MalformedQuery(message) => error("AuthorizationQueryParametersError", 400, &message),
            Refusal::ExpiresOutOfRange(message) => error("AuthorizationQueryParametersError", 400, message),
            Refusal::HostNotSigned => headers_not_signed(&["host".to_owned()]),
            Refusal::HeadersNotSigned(names) => headers_not_signed(&names),
            Refusal::Skewed { requested_at, now } => error(
                "RequestTimeTooSkewed",
                403,
                "The difference between the request time and the current time is too large.",
            )
            .with_details(Details::of([
                ("RequestTime", amz_date(requested_at)),
                ("ServerTime", iso(now)),
                ("MaxAllowedSkewMilliseconds", SKEW_MS.to_string()),
            ])),
            Refusal::Expired { requested_at, expires_seconds, now } => {
                error("AccessDenied", 403, "Request has expired").with_details(Details::of([
                    ("X-Amz-Expires", expires_seconds.to_string()),
                    ("Expires", iso(requested_at.plus_ms(expires_seconds * 1000))),
                    ("ServerTime", iso(now)),
                ]))
            }
            Refusal::UnknownKey(key) => {
                error("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records.")
                    .with_details(Details::of([("AWSAccessKeyId", key)]))
            }
            Refusal::InvalidToken => {
                error("InvalidToken", 400, "The provided token is malformed or otherwise invalid.")
            }
            Refusal::TokenExpired => error("ExpiredToken", 400, "The provided token has expired."),
            Refusal::SignatureMismatch(mismatch) => error(
                "SignatureDoesNotMatch",
                403,
                "The request signature we calculated does not match the signature you provided. Check your key and \
                 signing method.",
            )
            .with_details(Details::of([
                ("AWSAccessKeyId", mismatch.access_key_id),
                ("StringToSignBytes", spaced_hex(&mismatch.string_to_sign)),
                ("StringToSign", mismatch.string_to_sign),
                ("SignatureProvided", mismatch.signature),
                ("CanonicalRequestBytes", spaced_hex(&mismatch.canonical_request)),
                ("CanonicalRequest", mismatch.canonical_request),
            ])),
            Refusal::NoContentHash => {
                error("MissingSecurityHeader", 400, "Your request was missing a required header: x-amz-content-sha256")
            }
            Refusal::InvalidContentHash => error(
                "InvalidArgument",
                400,
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
            ),
            Refusal::ContentHashMismatch { signed, computed } => error(
                "XAmzContentSHA256Mismatch",
                400,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
            .with_details(Details::of([
                ("ClientComputedContentSHA256", signed),
                ("S3ComputedContentSHA256", computed),
            ])),
        }
    }
}

/// The error of a caller who is known but not allowed.
pub fn access_denied(family: ErrorFamily, message: impl Into<String>) -> ServiceError {
    match family {
        ErrorFamily::Json => ServiceError::common("AccessDeniedException", "AccessDenied", 400, message),
        ErrorFamily::RestJson | ErrorFamily::Query => {
            ServiceError::common("AccessDeniedException", "AccessDenied", 403, message)
        }
        ErrorFamily::S3 => ServiceError::common("AccessDenied", "AccessDenied", 403, message),
    }
}

fn headers_not_signed(names: &[String]) -> ServiceError {
    ServiceError::common(
        "AccessDenied",
        "AccessDenied",
        403,
        "There were headers present in the request which were not signed",
    )
    .with_details(Details::of([("HeadersNotSigned", names.join(", "))]))
}

fn skew_message(requested_at: TimestampMs, now: TimestampMs) -> String {
    let (request, server) = (amz_date(requested_at), amz_date(now));
    if requested_at < now {
        let earliest = amz_date(now.plus_ms(-SKEW_MS));
        format!("Signature expired: {request} is now earlier than {earliest} ({server} - 15 min.)")
    } else {
        let latest = amz_date(now.plus_ms(SKEW_MS));
        format!("Signature not yet current: {request} is still later than {latest} ({server} + 15 min.)")
    }
}

/// `2026-01-15T12:30:45Z`.
fn iso(time: TimestampMs) -> String {
    jiff::Timestamp::from_second(time.seconds()).unwrap_or_default().to_string()
}

fn spaced_hex(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_own_code() {
        let at = TimestampMs(1_768_480_245_000);
        let skewed = Refusal::Skewed { requested_at: at, now: at.plus_ms(3_600_000) };
        let expired = Refusal::Expired { requested_at: at, expires_seconds: 60, now: at.plus_ms(3_600_000) };
        for (refusal, json, query, query_status, s3, s3_status) in [
            (
                Refusal::NoCredentials,
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
                403,
                "AccessDenied",
                403,
            ),
            (Refusal::TwoMechanisms, "InvalidSignatureException", "SignatureDoesNotMatch", 403, "InvalidArgument", 400),
            (
                Refusal::UnsupportedAlgorithm("x".into()),
                "IncompleteSignatureException",
                "IncompleteSignature",
                400,
                "InvalidArgument",
                400,
            ),
            (
                Refusal::MalformedHeader("x".into()),
                "IncompleteSignatureException",
                "IncompleteSignature",
                400,
                "AuthorizationHeaderMalformed",
                400,
            ),
            (
                Refusal::MalformedQuery("x".into()),
                "IncompleteSignatureException",
                "IncompleteSignature",
                400,
                "AuthorizationQueryParametersError",
                400,
            ),
            (
                Refusal::UnknownKey("x".into()),
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                403,
                "InvalidAccessKeyId",
                403,
            ),
            (Refusal::InvalidToken, "UnrecognizedClientException", "InvalidClientTokenId", 403, "InvalidToken", 400),
            (Refusal::TokenExpired, "ExpiredTokenException", "ExpiredToken", 403, "ExpiredToken", 400),
            (
                Refusal::SignatureMismatch(Box::default()),
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                403,
                "SignatureDoesNotMatch",
                403,
            ),
            (skewed, "InvalidSignatureException", "SignatureDoesNotMatch", 403, "RequestTimeTooSkewed", 403),
            (expired, "InvalidSignatureException", "RequestExpired", 400, "AccessDenied", 403),
            (
                Refusal::Scope("x".into()),
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                403,
                "AuthorizationHeaderMalformed",
                400,
            ),
            (
                Refusal::HeadersNotSigned(vec![]),
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                403,
                "AccessDenied",
                403,
            ),
            (
                Refusal::NoContentHash,
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                403,
                "MissingSecurityHeader",
                400,
            ),
        ] {
            let error = refusal.clone().into_error(ErrorFamily::Json);
            assert_eq!((&*error.code, error.status), (json, 400), "{refusal:?}");
            assert_eq!(refusal.clone().into_error(ErrorFamily::RestJson).status, 403);
            let error = refusal.clone().into_error(ErrorFamily::Query);
            assert_eq!((&*error.query_code, error.status), (query, query_status), "{refusal:?}");
            let error = refusal.clone().into_error(ErrorFamily::S3);
            assert_eq!((&*error.code, error.status), (s3, s3_status), "{refusal:?}");
        }
    }

    #[test]
    fn logs_hold_no_session_token() {
        let mismatch = Mismatch {
            access_key_id: "ASIAKEY".into(),
            canonical_request: "GET\n/\n\nx-amz-security-token:hush\n".into(),
            ..Default::default()
        };
        let logged = format!("{:?}", Refusal::SignatureMismatch(Box::new(mismatch)));
        assert!(logged.contains("ASIAKEY") && !logged.contains("hush"), "{logged}");
    }

    #[test]
    fn skew_is_explained_as_aws_does() {
        let now = TimestampMs(1_768_480_245_000);
        let message =
            |ms| Refusal::Skewed { requested_at: now.plus_ms(ms), now }.into_error(ErrorFamily::Query).message;
        assert_eq!(
            message(-3_600_000),
            "Signature expired: 20260115T113045Z is now earlier than 20260115T121545Z (20260115T123045Z - 15 min.)"
        );
        assert_eq!(
            message(3_600_000),
            "Signature not yet current: 20260115T133045Z is still later than 20260115T124545Z (20260115T123045Z + 15 min.)"
        );
    }
}
