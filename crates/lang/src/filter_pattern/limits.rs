//! The limits of filter patterns, a sentence each.

/// The longest pattern, in characters (model: `FilterPattern`).
pub const PATTERN_CHARS_MAX: usize = 1_024;

/// The regular expressions of one pattern ("Filter pattern syntax", quota on regular expressions).
pub const REGEXES_MAX: usize = 2;

/// The bytes that a compiled regular expression may take: counted repetitions multiply, and this stops them.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// How deep parentheses may stand in one another; ours, for the language has no limit of its own.
pub const PARENTHESES_DEPTH_MAX: usize = 32;

/// The conditions of a JSON pattern, and the selectors among them: what they found is a set of as many bits. A pattern of 1,024
/// characters could have a few more.
pub const CONDITIONS_MAX: usize = 128;

/// The steps of a selector; ours.
pub const SELECTOR_STEPS_MAX: usize = 64;

/// The wildcards of a selector ("Filter pattern syntax").
pub const SELECTOR_WILDCARDS_MAX: usize = 1;

/// The wildcard selectors of a JSON pattern ("Filter pattern syntax").
pub const PATTERN_WILDCARDS_MAX: usize = 3;

/// The fields of a space-delimited pattern, on each side of `...`; more than 1,024 characters can name.
pub const FIELDS_MAX: usize = 1_024;

/// The literals that are searched before a message is read as JSON: with more, reading costs no more.
pub const SEARCHED_LITERALS_MAX: usize = 4;
