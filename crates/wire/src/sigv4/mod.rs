//! AWS Signature Version 4: verifying what clients sign, by header or in a presigned URL, and signing our own calls.
//!
//! A server reads what a request claims ([`read`]), checks the claims that need no secret ([`Verifier::check_claims`]), looks
//! up the key, and then checks the signature ([`Verifier::check_signature`]); the order of the checks is AWS's own, since
//! each has its own error. What is wrong is a [`Refusal`], which becomes the error that each family of protocols uses. It is
//! pure: no clock, no key store, no socket.

mod canonical;
mod date;
mod details;
mod encode;
mod key;
mod limits;
mod payload;
mod presented;
mod refusal;
mod sign;
mod verify;
mod version_2;

#[cfg(test)]
mod tests;

pub use canonical::{SignedRequest, Style};
pub use date::{amz_date, parse_amz_date};
pub use key::{KeyCache, SigningKey};
pub use payload::{BodyCheck, ContentHash, Streaming, sha256_hex};
pub use presented::{CredentialScope, Mechanism, Presented, read, scope_hint};
pub use refusal::{ErrorFamily, Mismatch, Refusal, access_denied};
pub use sign::{Payload, SignError, Signer};
pub use verify::{ChunkSeed, Claims, Expected, SignedBody, Verified, Verifier};
pub use version_2::PresignedV2;

/// The only algorithm that is spoken.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
