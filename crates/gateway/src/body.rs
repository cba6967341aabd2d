//! Reading a request's body, bounded in size, time, and in memory over all requests together.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use watchkeep_model::ServiceError;

use crate::limits::{BodyLimit, DISCARDED_BYTES_MAX};
use crate::shared::Shared;
use crate::timer::within;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is larger than the operation allows.
    #[error("The request body is larger than {0} bytes.")]
    TooLarge(usize),
    /// It did not come in time.
    #[error("The request body did not arrive in time.")]
    TooSlow,
    /// It ended early, or broke HTTP's rules.
    #[error("The request body could not be read.")]
    Broken,
    /// There is no room for it.
    #[error("Too many requests are being served. Try again.")]
    NoRoom,
}

impl BodyError {
    pub(crate) fn status(self) -> u16 {
        match self {
            BodyError::TooLarge(_) => 413,
            BodyError::TooSlow => 408,
            BodyError::Broken => 400,
            BodyError::NoRoom => 503,
        }
    }

    pub(crate) fn into_error(self) -> ServiceError {
        let code = match self {
            BodyError::TooLarge(_) => "RequestEntityTooLarge",
            BodyError::TooSlow => "RequestTimeout",
            BodyError::Broken => "IncompleteBody",
            BodyError::NoRoom => "ServiceUnavailable",
        };
        ServiceError::common(code, code, self.status(), self.to_string())
    }
}

/// A body, with its share of the memory for bodies.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// Reads the body.
pub(crate) async fn read(
    shared: &Shared,
    mut incoming: Incoming,
    headers: &HeaderMap,
    limit: BodyLimit,
) -> Result<Body, BodyError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let expected = announced.unwrap_or(limit.wire_bytes).min(limit.wire_bytes);
    let room = room_for(shared, expected).await.ok_or(BodyError::NoRoom)?;
    let reading = async {
        let mut bytes = BytesMut::with_capacity(announced.map_or(0, |_| expected));
        let mut length: usize = 0;
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            length = length.saturating_add(data.len());
            if length <= limit.wire_bytes {
                bytes.extend_from_slice(&data);
            } else if length > DISCARDED_BYTES_MAX {
                break;
            }
        }
        if length > limit.wire_bytes { Err(BodyError::TooLarge(limit.wire_bytes)) } else { Ok(bytes.freeze()) }
    };
    let read = within(shared.patience.as_ref(), shared.config.limits.body_time, reading).await;
    let bytes = read.ok_or(BodyError::TooSlow)??;
    Ok(Body { bytes, _room: room })
}

async fn room_for(shared: &Shared, bytes: usize) -> Option<OwnedSemaphorePermit> {
    let kibibytes = (bytes / 1024 + 1).min((shared.config.limits.bodies_bytes / 1024).max(1) as usize) as u32;
    let room = shared.bodies.clone().acquire_many_owned(kibibytes);
    within(shared.patience.as_ref(), shared.config.limits.room_time, room).await?.ok()
}
