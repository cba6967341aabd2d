//! The bounds of decoding, a sentence each.

/// How deep lists, maps, structures and documents may nest; AWS's own parsers allow some hundred levels.
pub const DEPTH_MAX: usize = 100;

/// The most entries of one list or map in a request: AWS's largest (`PutLogEvents`) takes 10,000, and an entry of two bytes
/// on the wire may be a structure of hundreds of bytes in memory.
pub const ENTRIES_MAX: usize = 100_000;

/// The most entries of all lists and maps of a request together, as a list may be given again and again:
/// `PutMetricData`'s 1,000 datums of 30 dimensions and 150 values with counts have 331,000.
pub const ENTRIES_ALL_MAX: usize = 500_000;

/// Constraint failures named in one error, as further ones help nobody.
pub const VIOLATIONS_MAX: usize = 20;

/// Characters of a refused value that its error repeats.
pub const VALUE_SHOWN_MAX: usize = 256;

/// Members of one structure whose presence is tracked; the largest structure of all models has fewer.
pub const MEMBERS_TRACKED: usize = 128;

/// The longest text, in bytes, against which a pattern of the model is tried: longer than any length constraint that
/// stands beside a pattern.
pub const PATTERN_TEXT_BYTES_MAX: usize = 1 << 20;

/// The greatest compiled size of one of the model's patterns, in bytes.
pub const PATTERN_BYTES_MAX: usize = 4 << 20;

/// The most parameters of a Query form that are looked through for its `Action`.
pub const FORM_PARAMETERS_SCANNED: usize = 1_000_000;
