//! X-Ray's quotas and our own limits.

/// The bytes of one document. Source: "AWS X-Ray endpoints and quotas".
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;

/// The bytes of a trace's documents beyond which the rest is left out and `LimitExceeded` is told. Source: the same page.
pub const TRACE_BYTES_MAX: usize = 500 * 1024;

/// The rows of one trace that are read at most: far more than fit into [`TRACE_BYTES_MAX`] of any real documents.
pub const TRACE_ROWS_MAX: usize = 20_000;

/// The characters of a name. Source: "AWS X-Ray segment documents".
pub const NAME_CHARACTERS_MAX: usize = 200;

/// The characters of an annotation's key, and of its value if it is a string. Source: "AWS X-Ray segment documents".
pub const ANNOTATION_KEY_CHARACTERS_MAX: usize = 500;
/// See [`ANNOTATION_KEY_CHARACTERS_MAX`].
pub const ANNOTATION_VALUE_CHARACTERS_MAX: usize = 1000;

/// The ids that BatchGetTraces takes. Source: the operation's own error message.
pub const TRACE_IDS_MAX: usize = 5;

/// How deep subsegments nest in an assembled trace; what lies deeper is not shown.
pub const DEPTH_MAX: usize = 100;

/// How deep subsegments nest in one document: real ones reach a hundred.
pub const DOCUMENT_DEPTH_MAX: usize = 256;

/// How long traces are kept, in days. Source: "AWS X-Ray endpoints and quotas".
pub const KEEP_DAYS: u64 = 30;

/// The accounts and Regions whose traces are counted at once; beyond, counting begins anew.
pub const COUNTERS_MAX: usize = 10_000;
