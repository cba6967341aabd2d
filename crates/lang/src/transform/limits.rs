//! The limits of transformers (the processors' pages, and the shapes of PutTransformer), and ours where there are none.

/// Processors of a transformer.
pub const PROCESSORS_MAX: usize = 20;

/// Parsers among them.
pub const PARSERS_MAX: usize = 5;

/// Bytes of an event that is transformed.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// Bytes of what becomes of it. Copies and substitutions could make any amount of it otherwise.
pub const TRANSFORMED_BYTES_MAX: usize = 1024 * 1024;

/// Characters of a path, and of most other texts of processors.
pub const TEXT_CHARS_MAX: usize = 128;

/// Characters of a value that addKeys adds.
pub const VALUE_CHARS_MAX: usize = 256;

/// Keys of a path, one within the other.
pub const PATH_KEYS_MAX: usize = 3;

/// Entries of processors that take few.
pub const ENTRIES_MAX: usize = 5;

/// Entries of processors of strings and types.
pub const STRING_ENTRIES_MAX: usize = 10;

/// Columns of csv.
pub const COLUMNS_MAX: usize = 100;

/// Characters of a grok expression.
pub const GROK_CHARS_MAX: usize = 512;

/// Patterns of a grok expression.
pub const GROK_PATTERNS_MAX: usize = 20;

/// Patterns of a grok expression of those that could match nearly anything, together.
pub const GROK_BROAD_PATTERNS_MAX: usize = 5;

/// Bytes of a compiled regular expression.
pub const REGEX_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Patterns that dateTimeConverter tries.
pub const DATE_PATTERNS_MAX: usize = 5;

/// Characters of a date pattern.
pub const DATE_PATTERN_CHARS_MAX: usize = 128;

/// Characters of the pattern that dateTimeConverter writes.
pub const DATE_FORMAT_CHARS_MAX: usize = 64;

/// Characters of a text that is read as a date.
pub const DATE_CHARS_MAX: usize = 256;
