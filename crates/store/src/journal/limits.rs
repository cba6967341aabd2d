//! Every limit of the journal, with a sentence each.

use std::time::Duration;

/// Length of a segment file unless the configuration names another: long enough that changing files costs nothing.
pub const SEGMENT_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;

/// Length of the very first segment file unless the configuration names another: it is filled with zeros while the journal
/// opens, and somebody waits for that.
pub const FIRST_SEGMENT_BYTES_DEFAULT: u64 = 4 * 1024 * 1024;

/// The shortest first segment file: a header page and as much again.
pub const FIRST_SEGMENT_BYTES_MIN: u64 = 8 * 1024;

/// The shortest segment file: a header page and some frames.
pub const SEGMENT_BYTES_MIN: u64 = 16 * 1024;

/// The longest segment file; recovery holds one segment in memory at a time.
pub const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Zero-filled files kept ready unless the configuration names another number.
pub const POOL_DEFAULT: usize = 4;

/// Most files that a pool may hold.
pub const POOL_MAX: usize = 64;

/// Payload bytes that may wait for the writer unless the configuration names another number: about a tenth of a second of a
/// good disk's work.
pub const QUEUE_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;

/// Space left free on the file system below which no further segment file is made, unless the configuration names another.
pub const DISK_FREE_MIN_DEFAULT: u64 = 2 * 1024 * 1024 * 1024;

/// Most bytes written and synced as one group, so that nobody waits long behind the others.
pub const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most frames of one group: what one `pwritev` of Linux takes (`IOV_MAX`).
pub const GROUP_FRAMES_MAX: usize = 1024;

/// Most sections of a frame: one for each table and some to spare.
pub const SECTIONS_MAX: usize = 4096;

/// Frames with a longer payload are compressed; below, the gain is not worth the time.
pub const COMPRESS_ABOVE_BYTES: usize = 4096;

/// How long the pool of a new journal leaves the disk to the rest of the start before it makes its files, unless they are
/// wanted.
pub const POOL_PATIENCE: Duration = Duration::from_secs(1);

/// How often a pool that found no space looks again.
pub const POOL_RETRY: Duration = Duration::from_millis(250);

/// The shortest sync interval that may be configured.
pub const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// The longest sync interval that may be configured: more than a minute of loss is nobody's wish.
pub const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// Bytes checksummed, in multiples of the segment's length, while looking for good frames behind a bad one. Only a payload
/// made to look like headers comes near it.
pub const RESYNC_PASSES_MAX: usize = 16;
