//! The agent's limits, a sentence each.

use std::time::Duration;

/// The most datums that one PutMetricData takes (CloudWatch's quota).
pub(crate) const DATUMS_PER_CALL_MAX: usize = 1000;

/// The datums kept while the service does not answer; beyond them the oldest go (the CloudWatch agent's figure).
pub(crate) const DATUMS_QUEUED_MAX: usize = 10_000;

/// The disks, interfaces or file systems that one plugin reports at most: each is a handful of series.
pub(crate) const DEVICES_MAX: usize = 256;

/// How long after the first reading the second is taken: rates need two, and a newcomer shall not wait for them.
pub(crate) const SECOND_READING_AFTER: Duration = Duration::from_secs(1);

/// How long one request may take, with its answer.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes; those to our requests are short.
pub(crate) const ANSWER_BYTES_MAX: usize = 1 << 20;

/// How long a look for commands waits for one, in seconds; with its answer it stays within [`REQUEST_TIMEOUT`].
pub(crate) const COMMAND_POLL_SECONDS: i32 = 5;

/// The pause between two looks for commands.
pub(crate) const COMMAND_POLL_PAUSE: Duration = Duration::from_millis(100);

/// The characters of the name of a queue. AWS: 80.
pub(crate) const COMMAND_QUEUE_NAME_CHARS_MAX: usize = 80;

/// The first pause before a refused or failed request is repeated; later ones double.
pub(crate) const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(200);

/// The longest pause before a request is repeated.
pub(crate) const RETRY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How often log files are looked at.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is looked for new log files.
pub(crate) const DISCOVER_INTERVAL: Duration = Duration::from_secs(5);

/// The most files that are tailed at once; each holds a file descriptor.
pub(crate) const FILES_MAX: usize = 512;

/// The most paths that the patterns of log files are followed to in one look.
pub(crate) const PATHS_MAX: usize = 10_000;

/// The most entries of a directory that are looked at to find a rotated file.
pub(crate) const SIBLINGS_MAX: usize = 10_000;

/// How much of a file that was there before the agent first looked is handed in, in bytes from its end.
pub(crate) const FIRST_SIGHT_BYTES: u64 = 64 << 10;

/// The bytes of a file that are read at once.
pub(crate) const READ_BYTES: usize = 1 << 20;

/// How much of a file's start is looked at to tell text from other things, in bytes.
pub(crate) const SNIFF_BYTES: usize = 1024;

/// The events of one PutLogEvents (CloudWatch Logs' quota).
pub(crate) const BATCH_EVENTS_MAX: usize = 10_000;

/// The bytes of one PutLogEvents, each event counted with [`EVENT_OVERHEAD_BYTES`] (CloudWatch Logs' quota).
pub(crate) const BATCH_BYTES_MAX: usize = 1_048_576;

/// What CloudWatch Logs counts for an event besides its message, in bytes.
pub(crate) const EVENT_OVERHEAD_BYTES: usize = 26;

/// The longest message of an event, in bytes: longer lines are cut. The CloudWatch agent's figure.
pub(crate) const EVENT_BYTES_MAX: usize = 1_048_576 - 200;

/// The time between the oldest and the newest event of one PutLogEvents (CloudWatch Logs' quota), in milliseconds.
pub(crate) const BATCH_SPAN_MS_MAX: i64 = 24 * 3600 * 1000;

/// How old an event may be (CloudWatch Logs' quota), in milliseconds.
pub(crate) const EVENT_AGE_MS_MAX: i64 = 14 * 24 * 3600 * 1000;

/// How far in the future an event may be (CloudWatch Logs' quota), in milliseconds.
pub(crate) const EVENT_AHEAD_MS_MAX: i64 = 2 * 3600 * 1000;

/// The batches of one file that are handed in before the next file has its turn.
pub(crate) const BATCHES_PER_TURN: usize = 8;

/// How long a file that was rotated away is still read: its writer may not have noticed yet.
pub(crate) const ROTATED_GRACE: Duration = Duration::from_secs(10);

/// The entries of the journal that are handed in when it is first seen: the newest of them.
pub(crate) const JOURNAL_FIRST_ENTRIES: usize = 500;

/// The longest entry of the journal that is read, in bytes of JSON.
pub(crate) const JOURNAL_ENTRY_BYTES_MAX: usize = 4 << 20;

/// The bytes of the journal's entries that are read at once.
pub(crate) const JOURNAL_READ_BYTES: usize = 256 << 10;

/// The values of one datum (CloudWatch's quota).
pub(crate) const VALUES_PER_DATUM_MAX: usize = 150;

/// The series that StatsD's packets of one interval may make; each takes some hundred bytes.
pub(crate) const STATSD_SERIES_MAX: usize = 10_000;

/// Different values of a series in an interval; beyond them values are put into buckets that differ by a tenth.
pub(crate) const STATSD_VALUES_MAX: usize = 1_000;

/// Different texts of a set that are counted.
pub(crate) const STATSD_SET_MEMBERS_MAX: usize = 100_000;

/// The packets that are still taken from StatsD's socket when the agent stops (the CloudWatch agent's `allowed_pending_messages`).
pub(crate) const STATSD_LAST_PACKETS_MAX: usize = 10_000;
