//! Limits on messages.

/// Longest message, in bytes; AWS's limit.
pub const MESSAGE_BYTES_MAX: usize = 24 << 20;

/// Most bytes of a message's headers; AWS's limit.
pub const HEADERS_BYTES_MAX: usize = 128 << 10;

/// Longest name of a header, in bytes: its length is one byte.
pub const HEADER_NAME_BYTES_MAX: usize = 255;

/// Longest text or bytes of a header; AWS's limit.
pub const HEADER_VALUE_BYTES_MAX: usize = 32_767;
