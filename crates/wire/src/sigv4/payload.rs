//! How the body of a request is covered by its signature.

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::refusal::Refusal;

/// What `x-amz-content-sha256` says of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentHash<'a> {
    /// There is no such header: the signature covers the body's hash all the same.
    Absent,
    /// The body's SHA-256 in hex.
    Sha256(&'a str),
    /// The signature does not cover the body.
    Unsigned,
    /// The body comes in chunks (aws-chunked).
    Streaming(Streaming),
    /// Anything else.
    Invalid(&'a str),
}

/// How the chunks of an aws-chunked body are covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streaming {
    /// Each chunk has its own signature.
    pub signed: bool,
    /// Checksums follow the last chunk.
    pub trailer: bool,
}

impl<'a> ContentHash<'a> {
    /// What the request's headers say.
    pub fn of(headers: &'a HeaderMap) -> Self {
        let Some(value) = headers.get("x-amz-content-sha256") else { return ContentHash::Absent };
        value.to_str().map_or(ContentHash::Invalid(""), ContentHash::parse)
    }

    /// What the header's text means.
    pub fn parse(text: &'a str) -> Self {
        match text {
            "UNSIGNED-PAYLOAD" => ContentHash::Unsigned,
            _ if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => ContentHash::Sha256(text),
            _ => Streaming::ALL
                .into_iter()
                .find(|streaming| streaming.name() == text)
                .map_or(ContentHash::Invalid(text), ContentHash::Streaming),
        }
    }
}

impl Streaming {
    const ALL: [Streaming; 3] = [
        Streaming { signed: false, trailer: true },
        Streaming { signed: true, trailer: false },
        Streaming { signed: true, trailer: true },
    ];

    /// Its name in `x-amz-content-sha256`.
    pub fn name(self) -> &'static str {
        match (self.signed, self.trailer) {
            (false, _) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            (true, false) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            (true, true) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        }
    }
}

/// Compares a body that comes in pieces with the hash that the client signed.
#[derive(Debug, Clone)]
pub struct BodyCheck {
    hash: Sha256,
    signed: String,
}

impl BodyCheck {
    /// The check against a SHA-256 in hex: [`Verified::body_sha256`](super::Verified::body_sha256).
    pub fn new(signed: String) -> BodyCheck {
        BodyCheck { hash: Sha256::new(), signed }
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.hash.update(piece);
    }

    /// Compares.
    ///
    /// # Errors
    /// [`Refusal::ContentHashMismatch`].
    pub fn finish(self) -> Result<(), Refusal> {
        let computed = hex::encode(self.hash.finalize());
        match self.signed.eq_ignore_ascii_case(&computed) {
            true => Ok(()),
            false => Err(Refusal::ContentHashMismatch { signed: self.signed, computed }),
        }
    }
}

/// The SHA-256 of bytes in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
