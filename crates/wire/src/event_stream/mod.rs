//! `application/vnd.amazon.eventstream`: framed messages with typed headers and two checksums, in both directions, and the
//! events of an operation's output as such messages.

mod events;
mod frame;
mod headers;
mod limits;

pub use events::{decode_event, encode_event, encode_exception, encode_initial_response};
pub use frame::{Decoder, FrameError, Message};
pub use headers::HeaderValue;
pub use limits::{HEADERS_BYTES_MAX, MESSAGE_BYTES_MAX};

/// The content type of a body of messages.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

#[cfg(test)]
mod tests;
