//! The limits of data protection, a sentence each ("Data protection", "Custom data identifier constraints").

/// The characters of a policy's document.
pub const DOCUMENT_CHARS_MAX: usize = 30_720;

/// The custom data identifiers of a policy.
pub const CUSTOM_IDENTIFIERS_MAX: usize = 10;

/// The characters of the name of a custom data identifier.
pub const CUSTOM_NAME_CHARS_MAX: usize = 128;

/// The characters of the regular expression of a custom data identifier.
pub const CUSTOM_REGEX_CHARS_MAX: usize = 200;

/// The bytes that the compiled form of one regular expression may take: repetitions multiply.
pub(super) const REGEX_BYTES_MAX: usize = 1 << 20;

/// The characters that may lie between a keyword and what it tells of.
pub(super) const KEYWORD_CHARS_APART_MAX: usize = 30;

/// The bytes of the longest value that a keyword tells of: how far beyond a keyword's reach is looked.
pub(super) const VALUE_BYTES_MAX: usize = 80;

/// How often escapes are resolved: JSON may stand in a text of JSON.
pub(super) const ESCAPES_DEEP_MAX: usize = 3;

/// The statements of a topic's policy; AWS has no quota but that of the document's length.
pub const TOPIC_STATEMENTS_MAX: usize = 20;
