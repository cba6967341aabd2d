//! gRPC's frames and statuses ("gRPC over HTTP2"), as far as unary calls need them.

use std::borrow::Cow;
use std::io::Read as _;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::HeaderMap;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::HttpAnswer;

use crate::answer::{too_large, unreadable};
use crate::limits::METRICS_BODY;

/// What precedes a message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// The compressions that are undone.
const ENCODINGS: &str = "gzip, identity";

/// What a status message may not hold as it is.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// Codes of gRPC's statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Ok = 0,
    InvalidArgument = 3,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    /// The code of what HTTP has this status for. What exporters may try again is `Unavailable` ("OTLP/gRPC Response").
    pub(crate) fn of_status(status: u16) -> Code {
        match status {
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            413 => Code::ResourceExhausted,
            404 | 415 | 501 => Code::Unimplemented,
            408 | 429 | 502..=504 => Code::Unavailable,
            400..=499 => Code::InvalidArgument,
            _ => Code::Internal,
        }
    }
}

/// The message of a unary call.
///
/// # Errors
/// If it is not one whole frame, or its compression is unknown or hides too much.
pub(crate) fn message<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, ServiceError> {
    let (prefix, message) =
        body.split_at_checked(PREFIX_BYTES).ok_or_else(|| unreadable("The gRPC frame is not whole."))?;
    let &[compressed, a, b, c, d] = prefix else { return Err(unreadable("The gRPC frame is not whole.")) };
    if u32::from_be_bytes([a, b, c, d]) as usize != message.len() {
        return Err(unreadable("A unary call has one gRPC frame."));
    }
    let encoding = headers.get("grpc-encoding").and_then(|value| value.to_str().ok()).unwrap_or("identity");
    match (compressed, encoding) {
        (0, _) => Ok(message.into()),
        (1, "gzip") => inflate(message).map(Cow::Owned),
        (1, "identity") => Err(unreadable("The gRPC message is compressed, and grpc-encoding does not say how.")),
        (1, _) => {
            let message = "Messages may be compressed with gzip only.";
            Err(ServiceError::common("UnsupportedMediaType", "UnsupportedMediaType", 415, message))
        }
        _ => Err(unreadable("The gRPC frame has unknown flags.")),
    }
}

fn inflate(message: &[u8]) -> Result<Vec<u8>, ServiceError> {
    let bytes_max = METRICS_BODY.decoded_bytes;
    let mut bytes = Vec::with_capacity(message.len().saturating_mul(4).min(bytes_max));
    let mut decoder = MultiGzDecoder::new(message).take(bytes_max as u64 + 1);
    decoder.read_to_end(&mut bytes).map_err(|_| unreadable("The gRPC message is not valid gzip."))?;
    if bytes.len() > bytes_max { Err(too_large()) } else { Ok(bytes) }
}

/// The answer of success.
pub(crate) fn success(message: &[u8]) -> HttpAnswer {
    let length = (message.len() as u32).to_be_bytes();
    let body = [&[0], &length[..], message].concat();
    answer(Bytes::from(body)).with_trailer("grpc-status", (Code::Ok as i32).to_string())
}

/// The answer of failure: a status without a message.
pub(crate) fn failure(code: Code, text: &str) -> HttpAnswer {
    answer(Bytes::new())
        .with_header("grpc-status", (code as i32).to_string())
        .with_header("grpc-message", utf8_percent_encode(text, ENCODED).to_string())
}

fn answer(body: Bytes) -> HttpAnswer {
    HttpAnswer::new(200, "application/grpc", body).with_header("grpc-accept-encoding", ENCODINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: Option<&str>, body: &[u8]) -> Result<Vec<u8>, u16> {
        let mut headers = HeaderMap::new();
        if let Some(encoding) = encoding {
            headers.insert("grpc-encoding", encoding.parse().unwrap());
        }
        message(&headers, body).map(Cow::into_owned).map_err(|error| error.status)
    }

    #[test]
    fn frames_are_read() {
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            std::io::Write::write_all(&mut encoder, bytes).unwrap();
            let zipped = encoder.finish().unwrap();
            [&[1], &(zipped.len() as u32).to_be_bytes()[..], &zipped].concat()
        };
        assert_eq!(check(None, b"\0\0\0\0\x02hi"), Ok(b"hi".to_vec()));
        assert_eq!(check(Some("gzip"), b"\0\0\0\0\x02hi"), Ok(b"hi".to_vec()));
        assert_eq!(check(None, b"\0\0\0\0\0"), Ok(Vec::new()));
        assert_eq!(check(Some("gzip"), &gzip(b"hi")), Ok(b"hi".to_vec()));
        for (encoding, body, status) in [
            (None, &b""[..], 400),
            (None, b"\0\0\0\0", 400),
            (None, b"\0\0\0\0\x03hi", 400),
            (None, b"\0\0\0\0\x02hi\0\0\0\0\0", 400),
            (None, b"\x01\0\0\0\x02hi", 400),
            (Some("gzip"), b"\x01\0\0\0\x02hi", 400),
            (Some("zstd"), b"\x01\0\0\0\x02hi", 415),
            (None, b"\x02\0\0\0\x02hi", 400),
            (Some("gzip"), &gzip(&vec![0; METRICS_BODY.decoded_bytes + 1]), 413),
        ] {
            assert_eq!(check(encoding, body), Err(status), "{encoding:?}");
        }
    }

    #[test]
    fn statuses_follow_the_answer() {
        let answer = success(b"hi");
        assert_eq!((answer.status, &answer.body[..]), (200, &b"\0\0\0\0\x02hi"[..]));
        assert_eq!(answer.trailers, [("grpc-status", "0".to_owned())]);
        let answer = failure(Code::of_status(503), "busy: 100 %\n\u{fc}");
        assert!(answer.headers.contains(&("grpc-status", "14".to_owned())));
        assert!(answer.headers.contains(&("grpc-message", "busy: 100 %25%0A%C3%BC".to_owned())));
        for (status, code) in [(400, 3), (401, 16), (403, 7), (413, 8), (415, 12), (408, 14), (500, 13)] {
            assert_eq!(Code::of_status(status) as i32, code);
        }
    }
}
