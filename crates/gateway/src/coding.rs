//! Undoing content codings: gzip on every operation, and aws-chunked.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::bufread::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use watchkeep_model::{Protocol, ServiceError};
use watchkeep_wire::aws_chunked::{self, Chunked};
use watchkeep_wire::sigv4::{ContentHash, ErrorFamily};

use crate::body::BodyError;

/// A body without its codings.
#[derive(Debug)]
pub(crate) struct Decoded<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    /// The frame of an aws-chunked body, whose signatures are still to be checked. Its data has moved to `bytes` unless it
    /// was compressed.
    pub(crate) chunked: Option<Chunked>,
}

/// Undoes the codings of a body, the outermost first. S3's objects keep their `gzip`: there it is theirs.
pub(crate) fn decode<'a>(
    body: &'a [u8],
    headers: &HeaderMap,
    protocol: Protocol,
    decoded_bytes_max: usize,
) -> Result<Decoded<'a>, ServiceError> {
    let codings = codings(headers);
    let family = ErrorFamily::of(protocol);
    let mut chunked = None;
    if is_chunked(headers) {
        let length = header(headers, "x-amz-decoded-content-length").and_then(|value| value.parse().ok());
        let parsed = aws_chunked::parse(body, length)
            .and_then(|parsed| parsed.check_trailers(header(headers, "x-amz-trailer")).map(|()| parsed));
        chunked = Some(parsed.map_err(|error| error.into_error(family))?);
    }
    let data: Cow<'a, [u8]> = match &chunked {
        Some(chunked) => Cow::Owned(chunked.data.clone()),
        None => Cow::Borrowed(body),
    };
    let gzip = protocol != Protocol::RestXml && codings.iter().any(|coding| coding == "gzip" || coding == "x-gzip");
    let bytes = if gzip { Cow::Owned(inflate(&data, decoded_bytes_max)?) } else { data };
    if bytes.len() > decoded_bytes_max {
        return Err(BodyError::TooLarge(decoded_bytes_max).into_error());
    }
    Ok(Decoded { bytes, chunked })
}

/// Whether the body is framed by aws-chunked.
pub(crate) fn is_chunked(headers: &HeaderMap) -> bool {
    matches!(ContentHash::of(headers), ContentHash::Streaming(_))
        || codings(headers).iter().any(|coding| coding == "aws-chunked")
}

fn inflate(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, ServiceError> {
    let mut bytes = Vec::with_capacity(body.len().saturating_mul(4).min(bytes_max));
    let mut decoder = MultiGzDecoder::new(body).take(bytes_max as u64 + 1);
    decoder.read_to_end(&mut bytes).map_err(|_| {
        ServiceError::common("SerializationException", "MalformedInput", 400, "The request body is not valid gzip.")
    })?;
    if bytes.len() > bytes_max { Err(BodyError::TooLarge(bytes_max).into_error()) } else { Ok(bytes) }
}

fn codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|coding| coding.trim().to_ascii_lowercase()).collect()
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn check(codings: &[&str], body: &[u8], protocol: Protocol) -> Result<Vec<u8>, String> {
        let mut headers = HeaderMap::new();
        for coding in codings {
            headers.append(CONTENT_ENCODING, coding.parse().unwrap());
        }
        decode(body, &headers, protocol, 1000)
            .map(|decoded| decoded.bytes.into_owned())
            .map_err(|error| error.code.into_owned())
    }

    #[test]
    fn codings_are_undone_from_the_outside() {
        let zipped = gzip(b"hello");
        let mut chunked = format!("{:x}\r\n", zipped.len()).into_bytes();
        chunked.extend(&zipped);
        chunked.extend(b"\r\n0\r\n\r\n");
        let json = Protocol::AwsJson11;
        assert_eq!(check(&[], b"hello", json), Ok(b"hello".to_vec()));
        assert_eq!(check(&["gzip"], &zipped, json), Ok(b"hello".to_vec()));
        assert_eq!(check(&["GZIP"], &zipped, json), Ok(b"hello".to_vec()));
        assert_eq!(check(&["gzip, aws-chunked"], &chunked, json), Ok(b"hello".to_vec()));
        assert_eq!(check(&["gzip", "aws-chunked"], &chunked, json), Ok(b"hello".to_vec()));
        assert_eq!(check(&["gzip"], &zipped, Protocol::RestXml), Ok(zipped.clone()));
        assert_eq!(check(&["gzip"], b"hello", json), Err("SerializationException".into()));
        assert_eq!(check(&["gzip"], &zipped[..zipped.len() - 3], json), Err("SerializationException".into()));
        assert_eq!(check(&["aws-chunked"], b"hello", json), Err("IncompleteBody".into()));
        assert_eq!(check(&["gzip"], &gzip(&[0; 1000]), json), Ok(vec![0; 1000]));
        assert_eq!(check(&["gzip"], &gzip(&vec![0; 1_000_000]), json), Err("RequestEntityTooLarge".into()));
        assert_eq!(check(&[], &[0; 1001], json), Err("RequestEntityTooLarge".into()));
    }
}
