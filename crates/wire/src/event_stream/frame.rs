//! The frame of a message, all numbers big-endian u32: length of the whole, length of the headers, CRC32 of these two, then
//! headers and payload, then the CRC32 of all before it.

use super::headers::{self, HeaderValue};
use super::limits::{HEADERS_BYTES_MAX, MESSAGE_BYTES_MAX};

const PRELUDE_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Its headers, in order.
    pub headers: Vec<(String, HeaderValue)>,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// Why bytes are no message, or a message cannot be framed. A stream cannot be read on after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than the limits allow, or shorter than a frame is.
    #[error("an event-stream message is too long or too short")]
    Length,
    /// The prelude's or the message's checksum is wrong.
    #[error("an event-stream message has a wrong checksum")]
    Checksum,
    /// A header is malformed, too long, or of an unknown kind.
    #[error("an event-stream message has a malformed header")]
    Header,
}

impl Message {
    /// The text of the header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).and_then(|(_, value)| value.as_str())
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), HeaderValue::String(value.into())));
        self
    }

    /// The message in its frame.
    ///
    /// # Errors
    /// If it is longer than the limits allow.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let mut out = vec![0; PRELUDE_BYTES];
        out.reserve(self.payload.len() + 128);
        for (name, value) in &self.headers {
            headers::write(&mut out, name, value)?;
        }
        let headers = out.len() - PRELUDE_BYTES;
        out.extend_from_slice(&self.payload);
        let total = out.len() + CHECKSUM_BYTES;
        if headers > HEADERS_BYTES_MAX || total > MESSAGE_BYTES_MAX {
            return Err(FrameError::Length);
        }
        let mut prelude = Vec::with_capacity(PRELUDE_BYTES);
        for length in [total, headers] {
            prelude.extend_from_slice(&u32::try_from(length).map_err(|_| FrameError::Length)?.to_be_bytes());
        }
        prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
        if let Some(place) = out.first_chunk_mut::<PRELUDE_BYTES>() {
            place.copy_from_slice(&prelude);
        }
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        Ok(out)
    }
}

/// Finds the messages in bytes that come piece by piece. It holds what was pushed and not yet taken, so take messages until
/// there is none before pushing on.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// How much of the buffer is behind us.
    taken: usize,
    failed: Option<FrameError>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Decoder::default()
    }

    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.drain(..self.taken);
            self.taken = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether no part of a message is waiting for the rest of it.
    pub fn is_empty(&self) -> bool {
        self.taken == self.buffer.len()
    }

    /// Takes the next message; `None` until all of it is there.
    ///
    /// # Errors
    /// If the bytes are no message; from then on always.
    #[allow(clippy::should_implement_trait, reason = "an iterator's end is final, this one's is not")]
    pub fn next(&mut self) -> Result<Option<Message>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match parse(self.buffer.get(self.taken..).unwrap_or_default()) {
            Ok(Some((message, length))) => {
                self.taken += length;
                Ok(Some(message))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                self.buffer = Vec::new();
                self.taken = 0;
                Err(error)
            }
        }
    }
}

/// The first message and its length; the prelude is judged as soon as it is there.
fn parse(bytes: &[u8]) -> Result<Option<(Message, usize)>, FrameError> {
    let Some([total, headers, checksum]) = numbers(bytes) else { return Ok(None) };
    let lengths = bytes.get(..8).unwrap_or_default();
    if crc32fast::hash(lengths) != checksum {
        return Err(FrameError::Checksum);
    }
    let length = |number: u32| usize::try_from(number).map_err(|_| FrameError::Length);
    let (total, headers_length) = (length(total)?, length(headers)?);
    let payload_end = total.checked_sub(CHECKSUM_BYTES).ok_or(FrameError::Length)?;
    let headers_end = PRELUDE_BYTES + headers_length.min(HEADERS_BYTES_MAX);
    if total > MESSAGE_BYTES_MAX || headers_length > HEADERS_BYTES_MAX || headers_end > payload_end {
        return Err(FrameError::Length);
    }
    let Some((message, checksum)) = bytes.get(..total).and_then(|frame| frame.split_last_chunk::<CHECKSUM_BYTES>())
    else {
        return Ok(None);
    };
    if crc32fast::hash(message) != u32::from_be_bytes(*checksum) {
        return Err(FrameError::Checksum);
    }
    let headers = headers::read(message.get(PRELUDE_BYTES..headers_end).unwrap_or_default())?;
    let payload = message.get(headers_end..).unwrap_or_default().to_vec();
    Ok(Some((Message { headers, payload }, total)))
}

fn numbers(bytes: &[u8]) -> Option<[u32; 3]> {
    let prelude = bytes.first_chunk::<PRELUDE_BYTES>()?;
    let (words, _) = prelude.as_chunks::<4>();
    match words {
        [total, headers, checksum] => Some([total, headers, checksum].map(|word| u32::from_be_bytes(*word))),
        _ => None,
    }
}
