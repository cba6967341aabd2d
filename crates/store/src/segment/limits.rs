//! The limits of segments, a sentence each.

/// The rows of one row group: what a search opens or skips at once, and the most that it holds decoded.
pub const ROW_GROUP_ROWS_MAX: usize = 128 << 10;

/// The value bytes of one row group, so that long messages do not make one that fits in no memory; one row may exceed it.
pub const ROW_GROUP_BYTES_MAX: usize = 64 << 20;

/// The bytes of one page before compression: what reading a single row costs at most.
pub const PAGE_BYTES: usize = 256 << 10;

/// The rows of one page, so that short values do not make one that covers too much.
pub const PAGE_ROWS_MAX: usize = 20_000;

/// The values of a column that the writer takes between two looks at the size of its page.
pub const WRITE_BATCH_VALUES_MAX: usize = 1024;

/// The bytes of a column's dictionary in one row group, beyond which its values are written plainly.
pub const DICTIONARY_BYTES_MAX: usize = 512 << 10;

/// The rows looked at to tell whether a column repeats itself enough for a dictionary.
pub const DICTIONARY_SAMPLE_ROWS: usize = 4096;

/// How often a bloom filter may say "perhaps" of a value that is absent.
pub const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// The bytes covered by one checksum: the least that is read.
pub const CHECKSUM_BLOCK_BYTES: u64 = 64 << 10;

/// The blocks that a check reads at once: few requests to a bucket, and little memory.
pub const VERIFY_BLOCKS: u64 = 64;

/// The bytes read from the end of a segment in the hope that its whole tail is in them.
pub const TAIL_PREFETCH_BYTES: u64 = 64 << 10;

/// The bytes of checksums, page index and footer together; a longer tail is damage.
pub const TAIL_BYTES_MAX: u64 = 128 << 20;

/// The bytes of one segment, so that no length computed from a damaged one overflows.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 40;

/// Two wanted ranges nearer than this are read as one: a second request costs more than the bytes between.
pub const READ_GAP_BYTES: u64 = 128 << 10;

/// The rows of one batch that a scan of a segment delivers.
pub const BATCH_ROWS: usize = 8 << 10;

/// The distinct tokens of one row group: with more there is no filter, and its text is always searched.
pub const TOKENS_MAX: usize = 4 << 20;

/// The rows that share a filter of the pieces of their texts: what a search for a literal opens at least.
pub const PIECE_BLOCK_ROWS: usize = 4 << 10;

/// The columns that shredding may add to a segment: as many fields as CloudWatch Logs discovers in JSON.
pub const SHRED_COLUMNS_MAX: usize = 200;

/// The values of a message, null and those in arrays among them, that fields are discovered in, as CloudWatch Logs Insights
/// does: a field that comes later in some message gets no column.
pub const SHRED_LEAVES_MAX: usize = 200;

/// A field occurring in fewer than one of this many rows of every row group gets no column.
pub const SHRED_ROWS_PER_FIELD: usize = 100;

/// The paths followed while shredding; fields first seen later get no column.
pub const SHRED_PATHS_MAX: usize = 1000;

/// The depth of objects and arrays to which fields get columns.
pub const SHRED_DEPTH_MAX: usize = 8;

/// The depth of JSON that is read at all: a message nested deeper is a plain text. The depth that most parsers allow; reading
/// goes as deep on the stack.
pub const JSON_DEPTH_MAX: usize = 128;

/// The items of an array that get columns.
pub const SHRED_ITEMS_MAX: usize = 16;

/// The bytes of a path that may become a column's name.
pub const SHRED_PATH_BYTES_MAX: usize = 256;

/// The bytes of distinct values of one shredded column; with more it gets none.
pub const SHRED_VALUES_BYTES_MAX: usize = 16 << 20;

/// The bytes of parsed footers and filters that a cache keeps if nothing else is said.
pub const CACHE_BYTES_DEFAULT: usize = 64 << 20;
