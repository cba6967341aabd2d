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

/// How often a batch is tried before it is given back to who delivers.
pub const TRIES_MAX: u32 = 6;

/// The pause after the first try; each further one is twice as long, and half of it left to chance.
pub const PAUSE_FIRST: Duration = Duration::from_secs(1);

/// The longest pause.
pub const PAUSE_MAX: Duration = Duration::from_secs(60);
