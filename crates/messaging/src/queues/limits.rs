//! The limits of queues, a sentence each, with AWS's quota ("Amazon SQS quotas", and the API pages).

use std::time::Duration;

/// The queues of an account in a Region; AWS has no quota.
pub const QUEUES_MAX: usize = 100_000;

/// The characters of a queue's name, `.fifo` included.
pub const NAME_CHARS_MAX: usize = 80;

/// The queues of a page of ListQueues and ListDeadLetterSourceQueues.
pub const PAGE_MAX: usize = 1_000;

/// The tags of a queue.
pub const TAGS_MAX: usize = 50;

/// The messages of all queues together: each costs up to two hundred bytes of memory beside its body. AWS has no quota.
pub const MESSAGES_MAX: usize = 10_000_000;

/// The bytes of bodies that are kept in memory when messages are sent; those beyond are read from the store when they are received.
pub const CACHED_BYTES_MAX: usize = 64 << 20;

/// The bytes of bodies in memory up to which the neighbours of a message that had to be read are kept, too.
pub const READ_AHEAD_BYTES_MAX: usize = 96 << 20;

/// The bytes of a message, and of all messages of a batch together: bodies and attributes.
pub const MESSAGE_BYTES_MAX: usize = 1_048_576;

/// The attributes of a message.
pub const MESSAGE_ATTRIBUTES_MAX: usize = 10;

/// The characters of the name or the type of a message's attribute.
pub const MESSAGE_ATTRIBUTE_CHARS_MAX: usize = 256;

/// The characters of a deduplication id, of a message group's id and of a ReceiveRequestAttemptId.
pub const TOKEN_CHARS_MAX: usize = 128;

/// The entries of a batch, and the messages of one ReceiveMessage.
pub const BATCH_MAX: usize = 10;

/// The characters of an entry's id in a batch.
pub const ENTRY_ID_CHARS_MAX: usize = 80;

/// Messages of a queue that were received and neither deleted nor visible again. A standard queue's short polls are then refused with
/// `OverLimit`; a FIFO queue gives none.
pub const IN_FLIGHT_MAX: usize = 120_000;

/// The longest delay.
pub const DELAY_SECONDS_MAX: i64 = 900;

/// The longest long poll.
pub const WAIT_SECONDS_MAX: i64 = 20;

/// The longest that a message can stay invisible, in one go and counted from when it was received.
pub const VISIBILITY_SECONDS_MAX: i64 = 43_200;

/// The longest that a message is kept.
pub const RETENTION_SECONDS_MAX: i64 = 1_209_600;

/// How long after a message of a FIFO queue its deduplication id stands for it.
pub const DEDUPLICATION_MS: i64 = 300_000;

/// The deduplication ids that a FIFO queue remembers; further messages are throttled.
pub const DEDUPLICATION_IDS_MAX: usize = 2_000_000;

/// The ReceiveRequestAttemptIds that a FIFO queue remembers; beyond, the oldest are forgotten.
pub const ATTEMPTS_MAX: usize = 10_000;

/// The calls to a FIFO queue that are brought into one append, at most.
pub const LINE_MAX: usize = 200;

/// The bytes of messages of those calls, but for the last one.
pub const LINE_BYTES_MAX: usize = 8 << 20;

/// Long polls that wait at the same time: half of the calls that the gateway answers at once, so that there is always room for those that
/// send. One more is answered at once.
pub const WAITING_MAX: usize = 512;

/// How long a queue must not be purged again.
pub const PURGE_PAUSE_MS: i64 = 60_000;

/// How often a dead-letter queue may be the target: the source queues that a RedriveAllowPolicy may name.
pub const ALLOWED_SOURCES_MAX: usize = 10;

/// The labels of a queue's policy that AddPermission adds ("AddPermission": seven actions a statement, twenty statements a policy).
pub const POLICY_STATEMENTS_MAX: usize = 20;

/// The actions of a statement that AddPermission adds.
pub const POLICY_ACTIONS_MAX: usize = 7;

/// The principals of a statement that AddPermission adds.
pub const POLICY_PRINCIPALS_MAX: usize = 50;

/// The bytes of a queue's policy ("Amazon SQS policy quotas").
pub const POLICY_BYTES_MAX: usize = 8_192;

/// The data keys that a queue uses again; beyond, all are asked for again.
pub const HELD_KEYS_MAX: usize = 100;

/// For how long the store uses a data key before it asks KMS again: the shortest `KmsDataKeyReusePeriodSeconds`.
pub const STORE_TRUSTS_KEYS_SECONDS: u64 = 60;

/// The messages of a chunk: the unit in which the space of deleted messages comes back.
pub const CHUNK_MESSAGES: u32 = 1_000;

/// The bytes of the bodies of a chunk, but for the last one.
pub const CHUNK_BYTES: u64 = 4 << 20;

/// After so long a chunk takes no more messages.
pub const CHUNK_AGE_MS: i64 = 3_600_000;

/// How long after a chunk was dropped its number is remembered: longer than any message of it could have been kept, so that none comes back
/// though its rows may still be there.
pub const DROPS_KEPT: Duration = Duration::from_secs(15 * 86_400);

/// How often what is received from standard queues is written down, and dropped chunks are looked for.
pub const TIDY_INTERVAL: Duration = Duration::from_secs(1);

/// The receipts that may wait to be written; the next one is written at once with all others.
pub const LAZY_MARKS_MAX: usize = 20_000;

/// While a message is being deleted or moved it is nobody else's for so long.
pub const HOLD_MS: i64 = 60_000;

/// How long after it was last used a queue is measured ("CloudWatch metrics for Amazon SQS": six hours).
pub const ACTIVE_MS: i64 = 6 * 3_600_000;

/// The move tasks of an account in a Region that run at the same time.
pub const MOVE_TASKS_RUNNING_MAX: usize = 100;

/// The move tasks of a source queue that ListMessageMoveTasks tells.
pub const MOVE_TASKS_TOLD_MAX: usize = 10;

/// The messages a second of a move task.
pub const MOVE_RATE_MAX: i32 = 500;

/// How long a move task may run.
pub const MOVE_TASK_MS_MAX: i64 = 36 * 3_600_000;

/// The messages that a move task moves at once.
pub const MOVE_BATCH_MAX: usize = 20;

/// After so many messages a move task writes down how far it has come.
pub const MOVE_NOTED_EVERY: u64 = 500;

/// So many messages of a group that somebody has let those of groups with fewer pass.
pub(crate) const FAIR_STEP: usize = 10;
