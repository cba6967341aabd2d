//! Receiving content: its digests are computed as it comes and compared with what the client says, its bytes go to where they stay.

use futures_util::StreamExt as _;
use watchkeep_model::ServiceError;
use watchkeep_wire::service::{BodyPiece, IncomingBody};

use crate::Objects;
use crate::checksums::{Algorithm, Checksum, Claimed, Digests};
use crate::contents::Unknown;
use crate::errors::{coded, too_large};
use crate::limits::PUT_BYTES_MAX;

/// Content that was received, and that no entry knows yet.
pub(crate) struct Received {
    /// Where it is.
    pub unknown: Unknown,
    /// The MD5 in hex.
    pub etag: String,
    /// The checksum.
    pub checksum: Option<Checksum>,
}

/// Receives content, with a checksum by `algorithm` if the client claims none itself.
///
/// # Errors
/// `EntityTooLarge`, `BadDigest`, and what the stream ends with: nothing is kept then.
pub(crate) async fn receive(
    objects: &Objects,
    body: IncomingBody,
    claimed: &Claimed,
    algorithm: Option<Algorithm>,
) -> Result<Received, ServiceError> {
    if body.length.is_some_and(|length| length > PUT_BYTES_MAX) {
        return Err(too_large(PUT_BYTES_MAX));
    }
    let mut digests = Digests::new(claimed.algorithm().or(algorithm));
    let mut writer = objects.contents.writer();
    let mut trailers = Vec::new();
    let mut size: u64 = 0;
    let mut pieces = body.pieces;
    while let Some(piece) = pieces.next().await {
        match piece? {
            BodyPiece::Data(data) => {
                size = size.saturating_add(data.len() as u64);
                if size > PUT_BYTES_MAX {
                    return Err(too_large(PUT_BYTES_MAX));
                }
                digests.update(&data);
                writer.write(&data).await?;
            }
            BodyPiece::Trailers(came) => trailers = came,
        }
    }
    if body.length.is_some_and(|length| length != size) {
        let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
        return Err(coded("IncompleteBody", 400, message));
    }
    let (md5, checksum) = digests.finish();
    claimed.check(&md5, checksum.as_ref(), &trailers)?;
    let unknown = writer.finish().await?;
    Ok(Received { unknown, etag: hex::encode(md5), checksum })
}

/// Checks that the client says how long its body is.
///
/// # Errors
/// `MissingContentLength`.
pub(crate) fn check_length(body: &IncomingBody) -> Result<(), ServiceError> {
    match body.length {
        Some(_) => Ok(()),
        None => Err(coded("MissingContentLength", 411, "You must provide the Content-Length HTTP header.")),
    }
}
