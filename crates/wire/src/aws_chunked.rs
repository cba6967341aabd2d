//! The aws-chunked content coding (S3 API reference, "Signature calculations for the Authorization header: transferring
//! payload in multiple chunks"): a body in chunks, each optionally signed, with checksums after the last one.
//!
//! Reading the frame needs no key; checking it does, and comes second: [`parse`], then [`Chunked::verify`], then
//! [`Chunked::check_trailers`]. A body that is too large for memory is read piece by piece by a [`ChunkReader`].

mod reader;

pub use reader::ChunkReader;

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use watchkeep_model::ServiceError;

use crate::crc64::crc64_nvme;
use crate::sigv4::{ChunkSeed, ErrorFamily, Mismatch, Refusal, Streaming, sha256_hex};

/// Chunks of one body; a body of 16 MiB in AWS's smallest chunks of 8 KiB has 2,048.
pub const CHUNKS_MAX: usize = 65_536;

/// Trailers of one body; AWS has one checksum and its signature.
pub const TRAILERS_MAX: usize = 16;

/// The longest line that introduces a chunk or holds a trailer.
pub const LINE_BYTES_MAX: usize = 4_096;

/// The body is not what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// It ends early, or its length is not the promised one.
    #[error("The request body terminated unexpectedly")]
    Incomplete,
    /// Its frame cannot be read.
    #[error("The request body is not encoded in aws-chunked")]
    Malformed,
    /// A promised trailer is missing, or a trailer cannot be read.
    #[error("The request contained trailing data that was not well-formed or did not conform to our published schema.")]
    MalformedTrailer,
    /// The data's checksum is another than the trailer's.
    #[error("The {0} you specified did not match the calculated checksum.")]
    BadDigest(&'static str),
    /// A chunk's or the trailer's signature is wrong.
    #[error("The request signature we calculated does not match the signature you provided.")]
    Signature,
}

impl ChunkError {
    /// The error that clients of this family know.
    pub fn into_error(self, family: ErrorFamily) -> ServiceError {
        let code = match self {
            ChunkError::Signature => return Refusal::SignatureMismatch(Box::<Mismatch>::default()).into_error(family),
            ChunkError::Incomplete => "IncompleteBody",
            ChunkError::Malformed => "InvalidRequest",
            ChunkError::MalformedTrailer => "MalformedTrailerError",
            ChunkError::BadDigest(_) => "BadDigest",
        };
        ServiceError::common(code, code, 400, self.to_string())
    }
}

/// A body, its frame undone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunked {
    /// The data.
    pub data: Vec<u8>,
    /// The trailers, names in lower case, without the trailers' signature.
    pub trailers: Vec<(String, String)>,
    /// Where each chunk's data stands, the empty last one among them, and its signature.
    chunks: Vec<(Range<usize>, Option<String>)>,
    trailer_signature: Option<String>,
}

/// Frames data in chunks of `chunk_bytes`, each signed: the body of a request that was signed with
/// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`.
pub fn encode_signed(seed: &ChunkSeed, data: &[u8], chunk_bytes: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(data.len() + 512);
    let mut previous = seed.signature.clone();
    for chunk in data.chunks(chunk_bytes.max(1)).chain([&[][..]]) {
        let signature = seed.key.sign(seed.chunk_text(&previous, &sha256_hex(chunk)).as_bytes());
        body.extend(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).bytes());
        body.extend(chunk);
        body.extend(b"\r\n");
        previous = signature;
    }
    body
}

/// Undoes the frame.
///
/// # Errors
/// [`ChunkError::Incomplete`], [`ChunkError::Malformed`] or [`ChunkError::MalformedTrailer`]; the first also if the data is
/// not `decoded_bytes` long (`x-amz-decoded-content-length`).
pub fn parse(body: &[u8], decoded_bytes: Option<u64>) -> Result<Chunked, ChunkError> {
    let mut chunked = Chunked { data: Vec::with_capacity(body.len()), ..Chunked::default() };
    let mut rest = body;
    loop {
        let line = take_line(&mut rest).ok_or(ChunkError::Incomplete)?;
        let (size, signature) = chunk_head(line).ok_or(ChunkError::Malformed)?;
        if chunked.chunks.len() >= CHUNKS_MAX {
            return Err(ChunkError::Malformed);
        }
        let (data, after) = rest.split_at_checked(size).ok_or(ChunkError::Incomplete)?;
        let start = chunked.data.len();
        chunked.data.extend(data);
        chunked.chunks.push((start..chunked.data.len(), signature));
        rest = after;
        if size == 0 {
            break;
        }
        rest = match rest {
            [b'\r', b'\n', after @ ..] => after,
            [] | [b'\r'] => return Err(ChunkError::Incomplete),
            _ => return Err(ChunkError::Malformed),
        };
    }
    parse_trailers(rest, &mut chunked)?;
    if decoded_bytes.is_some_and(|bytes| bytes != chunked.data.len() as u64) {
        return Err(ChunkError::Incomplete);
    }
    Ok(chunked)
}

fn parse_trailers(mut rest: &[u8], chunked: &mut Chunked) -> Result<(), ChunkError> {
    // Some clients leave out the empty line at the very end.
    while !rest.is_empty() {
        let line = take_line(&mut rest).ok_or(ChunkError::MalformedTrailer)?;
        if line.is_empty() {
            return if rest.is_empty() { Ok(()) } else { Err(ChunkError::MalformedTrailer) };
        }
        let text = std::str::from_utf8(line).map_err(|_| ChunkError::MalformedTrailer)?;
        let (name, value) = text.split_once(':').ok_or(ChunkError::MalformedTrailer)?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if chunked.trailers.len() >= TRAILERS_MAX || chunked.trailer_signature.is_some() {
            return Err(ChunkError::MalformedTrailer);
        }
        if name == "x-amz-trailer-signature" {
            chunked.trailer_signature = Some(value);
        } else {
            chunked.trailers.push((name, value));
        }
    }
    Ok(())
}

/// The line up to CR LF (or a bare LF, which some clients end trailers with).
fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n')?;
    let (line, after) = (rest.get(..end)?, rest.get(end + 1..)?);
    *rest = after;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// Size and signature of `400;chunk-signature=...`.
fn chunk_head(line: &[u8]) -> Option<(usize, Option<String>)> {
    let text = std::str::from_utf8(line).ok()?;
    let (size, extension) = text.split_once(';').map_or((text, None), |(size, extension)| (size, Some(extension)));
    let size = size.trim();
    if size.is_empty() || size.len() > 8 || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let signature = extension.and_then(|extension| extension.trim().strip_prefix("chunk-signature="));
    Some((usize::from_str_radix(size, 16).ok()?, signature.map(str::to_owned)))
}

impl Chunked {
    /// Checks the signatures of the chunks and of the trailers.
    ///
    /// # Errors
    /// [`ChunkError::Signature`] if one is missing or wrong.
    pub fn verify(&self, seed: &ChunkSeed, streaming: Streaming) -> Result<(), ChunkError> {
        if !streaming.signed {
            return Ok(());
        }
        let mut previous: &str = &seed.signature;
        for (range, signature) in &self.chunks {
            let signature = signature.as_deref().ok_or(ChunkError::Signature)?;
            let data = self.data.get(range.clone()).ok_or(ChunkError::Signature)?;
            if !seed.key.verify(seed.chunk_text(previous, &sha256_hex(data)).as_bytes(), signature) {
                return Err(ChunkError::Signature);
            }
            previous = signature;
        }
        if !streaming.trailer {
            // Trailers that nothing covers are none.
            return if self.trailers.is_empty() { Ok(()) } else { Err(ChunkError::MalformedTrailer) };
        }
        let lines: String = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        match &self.trailer_signature {
            Some(signature) if seed.key.verify(seed.trailer_text(previous, &lines).as_bytes(), signature) => Ok(()),
            _ => Err(ChunkError::Signature),
        }
    }

    /// Checks that the trailers promised in `x-amz-trailer` came, and that the checksums among them fit the data.
    ///
    /// # Errors
    /// [`ChunkError::MalformedTrailer`] and [`ChunkError::BadDigest`]; the former also for a checksum that is not known.
    pub fn check_trailers(&self, promised: Option<&str>) -> Result<(), ChunkError> {
        let promised = promised.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
        for name in promised {
            if !self.trailers.iter().any(|(trailer, _)| trailer.eq_ignore_ascii_case(name)) {
                return Err(ChunkError::MalformedTrailer);
            }
        }
        for (name, value) in &self.trailers {
            let Some(algorithm) = name.strip_prefix("x-amz-checksum-") else { continue };
            let (label, computed): (_, Vec<u8>) = match algorithm {
                "crc32" => ("CRC32", crc32fast::hash(&self.data).to_be_bytes().into()),
                "crc32c" => ("CRC32C", crc32c::crc32c(&self.data).to_be_bytes().into()),
                "crc64nvme" => ("CRC64NVME", crc64_nvme(&self.data).to_be_bytes().into()),
                "sha256" => ("SHA256", Sha256::digest(&self.data).to_vec()),
                "sha1" => ("SHA1", sha1::Sha1::digest(&self.data).to_vec()),
                _ => return Err(ChunkError::MalformedTrailer),
            };
            if *value != STANDARD.encode(computed) {
                return Err(ChunkError::BadDigest(label));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        for (body, expected) in [
            ("5\r\nhello\r\n0\r\n\r\n", Ok("hello")),
            ("0\r\n\r\n", Ok("")),
            ("0\r\n", Ok("")),
            ("3;chunk-signature=ab\r\nabc\r\n2;chunk-signature=cd\r\nde\r\n0;chunk-signature=ef\r\n\r\n", Ok("abcde")),
            ("1\r\na\r\n0\r\nX-Amz-Checksum-Crc32: 6Le+Qw==\r\n\r\n", Ok("a")),
            ("", Err(ChunkError::Incomplete)),
            ("5\r\nhel", Err(ChunkError::Incomplete)),
            ("5\r\nhello\r\n", Err(ChunkError::Incomplete)),
            ("5\r\nhelloworld", Err(ChunkError::Malformed)),
            ("-1\r\n", Err(ChunkError::Malformed)),
            ("fffffffff\r\n", Err(ChunkError::Malformed)),
            ("ffffffff\r\n", Err(ChunkError::Incomplete)),
            ("x\r\n", Err(ChunkError::Malformed)),
            ("0\r\nnocolon\r\n\r\n", Err(ChunkError::MalformedTrailer)),
            ("0\r\n\r\nmore", Err(ChunkError::MalformedTrailer)),
        ] {
            let parsed = parse(body.as_bytes(), None);
            let data = parsed.as_ref().map(|chunked| std::str::from_utf8(&chunked.data).unwrap());
            assert_eq!(data, expected.as_ref().copied(), "{body:?}");
        }
        assert_eq!(parse(b"1\r\na\r\n0\r\n\r\n", Some(2)), Err(ChunkError::Incomplete));
    }

    #[test]
    fn checksums() {
        let check = |trailer: &str, promised: Option<&str>| {
            let body = format!("9\r\n123456789\r\n0\r\n{trailer}\r\n\r\n");
            parse(body.as_bytes(), Some(9)).unwrap().check_trailers(promised)
        };
        for (name, value, label) in [
            ("crc32", "y/Q5Jg==", "CRC32"),
            ("crc32c", "4waSgw==", "CRC32C"),
            ("crc64nvme", "rosUhgp5mIg=", "CRC64NVME"),
            ("sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=", "SHA256"),
            ("sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=", "SHA1"),
        ] {
            let header = format!("x-amz-checksum-{name}");
            let trailer = format!("{header}:{value}");
            assert_eq!(check(&trailer, Some(&*header)), Ok(()), "{name}");
            assert_eq!(check(&format!("{header}:AAAA"), None), Err(ChunkError::BadDigest(label)));
        }
        assert_eq!(check("x-other:1", Some("x-amz-checksum-crc32")), Err(ChunkError::MalformedTrailer));
        assert_eq!(check("x-amz-checksum-md9:1", None), Err(ChunkError::MalformedTrailer));
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 256, failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            if let Ok(chunked) = parse(&body, None) {
                proptest::prop_assert!(chunked.data.len() <= body.len());
                let _ = chunked.check_trailers(None);
            }
        }
    }
}
