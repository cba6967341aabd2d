//! Reading a request's body, bounded in size, time, and in memory over all requests together.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::BodyLimit;

use crate::limits::{BODY_BYTES_FIRST, DISCARDED_BYTES_MAX};
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
    _room: Option<OwnedSemaphorePermit>,
}

impl Body {
    /// One that has nothing.
    pub(crate) fn empty() -> Body {
        Body { bytes: Bytes::new(), _room: None }
    }
}

/// Reads the body.
pub(crate) async fn read(
    shared: &Shared,
    mut incoming: Incoming,
    headers: &HeaderMap,
    limit: BodyLimit,
) -> Result<Body, BodyError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let too_large = BodyError::TooLarge(limit.wire_bytes);
    // Who asks first, or announces more than is ever thrown away, is answered before the body comes.
    let at_once = if headers.contains_key(EXPECT) { limit.wire_bytes } else { DISCARDED_BYTES_MAX };
    if announced.is_some_and(|length| length > at_once.max(limit.wire_bytes)) {
        return Err(too_large);
    }
    let expected = announced.unwrap_or(limit.wire_bytes).min(limit.wire_bytes);
    let mut reserved = expected.min(BODY_BYTES_FIRST);
    let mut room = room_for(shared, reserved).await?;
    let reading = async {
        let mut bytes = BytesMut::with_capacity(announced.map_or(0, |_| reserved));
        let mut length: usize = 0;
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            length = length.saturating_add(data.len());
            if length > DISCARDED_BYTES_MAX.max(limit.wire_bytes) {
                break;
            }
            if length > limit.wire_bytes {
                continue;
            }
            if length > reserved {
                // Twice as much each time, so that there are few such steps.
                let wanted = reserved.saturating_mul(2).max(length).min(expected.max(length));
                room.merge(room_for(shared, wanted - reserved).await?);
                reserved = wanted;
            }
            bytes.extend_from_slice(&data);
        }
        if length > limit.wire_bytes { Err(too_large) } else { Ok(bytes.freeze()) }
    };
    let read = within(shared.patience.as_ref(), shared.config.limits.body_time, reading).await;
    let bytes = read.ok_or(BodyError::TooSlow)??;
    Ok(Body { bytes, _room: Some(room) })
}

async fn room_for(shared: &Shared, bytes: usize) -> Result<OwnedSemaphorePermit, BodyError> {
    let kibibytes = (bytes / 1024 + 1).min((shared.config.limits.bodies_bytes / 1024).max(1) as usize) as u32;
    let room = shared.bodies.clone().acquire_many_owned(kibibytes);
    let room = within(shared.patience.as_ref(), shared.config.limits.room_time, room).await;
    room.and_then(Result::ok).ok_or(BodyError::NoRoom)
}
