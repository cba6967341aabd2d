//! The limits of signature verification.

/// How far a client's clock may be from ours, either way; AWS's own.
pub const SKEW_MS: i64 = 15 * 60 * 1000;

/// The longest life of a presigned URL, one week; AWS's own.
pub const EXPIRES_SECONDS_MAX: i64 = 604_800;

/// Derived keys that are kept: a thousand keys signing for one service on one day.
pub const CACHED_KEYS_MAX: usize = 1_024;

/// Names in `SignedHeaders`; more than any HTTP stack lets a client send.
pub const SIGNED_HEADERS_MAX: usize = 128;

/// The longest `Authorization` header that is looked at.
pub const AUTHORIZATION_BYTES_MAX: usize = 8 * 1024;

/// The characters of an unknown algorithm that an error repeats, as many as the longest name has: what stands there may be a secret
/// that was sent without its scheme.
pub const ALGORITHM_CHARS_MAX: usize = 24;
