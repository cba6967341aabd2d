//! The limits of filter patterns, a sentence each.

/// The longest pattern, in characters (model: `FilterPattern`).
pub const PATTERN_CHARS_MAX: usize = 1_024;

/// The regular expressions of one pattern ("Filter pattern syntax", quota on regular expressions).
pub const REGEXES_MAX: usize = 2;

/// The bytes that a compiled regular expression may take: counted repetitions multiply, and this stops them.
pub const REGEX_BYTES_MAX: usize = 1 << 20;
