//! The limits of the store's engine, a sentence each. Those of the journal, the catalog and segments are in their modules.

use std::time::Duration;

use crate::table::SEQ_ROW_BITS;

/// The columns that one table may have: their directory in a block stays a small fixed part of it.
pub const COLUMNS_MAX: usize = 256;

/// The rows of one table in one append: a row's place in its frame must fit the low bits of its `seq`.
pub const APPEND_ROWS_MAX: usize = (1 << SEQ_ROW_BITS) - 1;

/// The bytes of one table's rows in one append: offsets within a block are 32 bits wide, and one append must not hold the
/// journal's writer for long.
pub const APPEND_BYTES_MAX: usize = 48 << 20;

/// The small blocks of one size class that are merged into one of the next class.
pub const MERGE_FAN_IN: usize = 32;

/// Blocks of this many rows are large enough to stay as they are: what describes a block weighs about a kilobyte.
pub const BLOCK_ROWS_FULL: usize = 1 << 10;

/// Blocks of this many bytes are large enough to stay as they are.
pub const BLOCK_BYTES_FULL: usize = 64 << 10;

/// The rows of one batch that a scan delivers.
pub const BATCH_ROWS: usize = 8 << 10;

/// The bytes of values that a scan in any order gathers for one batch before it delivers them, however few rows they are.
pub const BATCH_BYTES: usize = 4 << 20;

/// The rows that an ordered scan may gather before it halves the span of time it works on.
pub const SORT_ROWS_MAX: usize = 1 << 20;

/// How long an append waits for memory before it is refused.
pub const APPEND_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long the sealing task waits between two looks at what is due, unless memory presses.
pub const SEAL_INTERVAL: Duration = Duration::from_secs(1);

/// How often compaction looks at what is due; more often if rows are sealed more often.
pub const COMPACTION_INTERVAL: Duration = Duration::from_secs(10);

/// How long sealing waits after it failed.
pub const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The segments of a table that one pass of retention looks at, so that the work is spread over time.
pub const EXAMINED_PER_PASS: usize = 16;

/// The files of ended segments that one pass removes.
pub const FORGET_PER_PASS: usize = 256;

/// How often retention makes a pass and files of ended segments are removed; more often if rows are sealed very often.
pub const RETENTION_PASS_INTERVAL: Duration = Duration::from_secs(30);

/// How often files that belong to no segment are looked for.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// How many times its budget an ordered scan may use for one millisecond, which cannot be divided any further.
pub const SORT_ONE_MS_FACTOR: usize = 16;

/// How many times the bytes that its reader wants an ordered scan may gather of a span of time.
pub const SORT_WANTED_FACTOR: usize = 8;

/// The threads that one scan decodes segments with, on machines that have as many processors.
pub const SCAN_THREADS_MAX: usize = 4;

/// The segments that a scan with several threads opens at once.
pub const SCAN_SEGMENTS_AT_ONCE: usize = 16;

/// The batches that each thread of a scan may be ahead of who takes them.
pub const SCAN_BATCHES_AHEAD: usize = 8;

/// By how much an ordered scan widens the span of time it works on when it found little.
pub const SPAN_GROWTH: u64 = 8;

/// How long a data key is used before its owner's key is asked for again: so long, at most, what a disabled key encrypted can still
/// be read. AWS speaks of minutes to hours.
pub const DATA_KEY_TRUSTED_FOR: Duration = Duration::from_secs(60);

/// How long a refusal of an owner's key is believed before it is asked again: a key that is enabled again works soon.
pub const DATA_KEY_LOCKED_FOR: Duration = Duration::from_secs(5);

/// How long new rows are encrypted under one data key.
pub const DATA_KEY_AGE_MS_MAX: i64 = 30 * 24 * 3600 * 1000;

/// The data keys that are held in memory; beyond, all are forgotten and asked for again.
pub const DATA_KEYS_HELD_MAX: usize = 10_000;

/// How long the journal's database may be away, where it has the journal, before the process gives up: less than it may be
/// without anybody else taking over.
pub(crate) const JOURNAL_PATIENCE: Duration = Duration::from_secs(8);

/// The pause before a group is handed to it again.
pub(crate) const JOURNAL_RETRY_INTERVAL: Duration = Duration::from_millis(100);
