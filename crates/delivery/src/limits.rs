//! The limits of deliveries, a sentence each, with AWS's quota where there is one.

use std::time::Duration;

/// The records of one batch. AWS: 500 of PutRecordBatch.
pub const BATCH_RECORDS_MAX: usize = 500;

/// The bytes of the records of one batch. AWS: 4 MiB of PutRecordBatch.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// How long a receiver may take to answer. AWS: 3 minutes.
pub const ANSWER_TIME: Duration = Duration::from_secs(180);

/// How long it may take to connect to a receiver.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How much of a receiver's answer is read.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How much of a function's answer is read. AWS: 6 MB.
pub const FUNCTION_ANSWER_BYTES_MAX: usize = 6 << 20;

/// How long AWS may take to answer.
pub const AWS_TIME: Duration = Duration::from_secs(20);

/// How much of an answer of AWS's is read.
pub const AWS_ANSWER_BYTES_MAX: usize = 1 << 20;

/// The services and Regions that signing keys are kept for.
pub const AWS_SIGNERS_MAX: usize = 256;

/// How often a batch is tried before it is given back to who delivers.
pub const TRIES_MAX: u32 = 6;

/// The pause after the first try; each further one is twice as long, and half of it left to chance.
pub const PAUSE_FIRST: Duration = Duration::from_secs(1);

/// The longest pause.
pub const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The deliveries that an outbox has on their way, tried or waiting: what it knows of each takes less than a hundred bytes.
pub const OUTBOX_PENDING_MAX: usize = 1_000_000;

/// The tries of an outbox that run at once, over all targets.
pub const OUTBOX_AT_ONCE_MAX: usize = 1_024;

/// How long it takes until a dead letter that was not taken is tried again.
pub const DEAD_LETTER_PAUSE: Duration = Duration::from_secs(60);

/// How long it takes until a parcel that is held is looked at again.
pub const HELD_PAUSE: Duration = Duration::from_secs(15);

/// The shortest pause that is written down.
pub const NOTED_PAUSE_MIN: Duration = Duration::from_secs(5);

/// How long it takes until a note that could not be written is tried again.
pub const NOTE_PAUSE: Duration = Duration::from_millis(500);

/// How often it is.
pub const NOTE_TRIES_MAX: u32 = 120;

/// How long the rows of what is settled are kept, in milliseconds: topics know by them, after a restart, which keys came lately.
pub const SETTLED_KEPT_MS: i64 = 3_600_000;

/// How long the end of the program waits for deliveries that are under way.
pub const STOP_TIME: Duration = Duration::from_secs(5);

/// How long a webhook may take to answer. AWS: 15 seconds.
pub const WEBHOOK_TIME: Duration = Duration::from_secs(15);

/// How long it may take to connect to a webhook.
pub const WEBHOOK_CONNECT_TIME: Duration = Duration::from_secs(5);

/// How much of what a webhook answers to an error is read, for the log.
pub const WEBHOOK_ANSWER_BYTES_MAX: usize = 1 << 10;

/// How long a mail server may take for each step.
pub const MAIL_TIME: Duration = Duration::from_secs(20);

/// How much of what `_bulk` answers is read: some hundred bytes for each of its documents.
pub const BULK_ANSWER_BYTES_MAX: usize = 16 << 20;

/// The bytes of a log subscription's message, uncompressed: more than there ever are.
pub const SUBSCRIPTION_MESSAGE_BYTES_MAX: u64 = 64 << 20;

/// The bytes that are read of the answer of an API.
pub const CALL_ANSWER_BYTES_MAX: usize = 64 << 10;
