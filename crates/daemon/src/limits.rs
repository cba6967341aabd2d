//! The limits of the daemon, a sentence each; those of the AWS daemon are beside ours.

use std::time::Duration;

/// The bytes of a datagram: the most that UDP carries is 65,507.
pub const DATAGRAM_BYTES_MAX: usize = 64 << 10;

/// What the kernel is asked to keep of datagrams that were not read yet; it grants as much as `net.core.rmem_max`.
pub const SOCKET_BUFFER_BYTES: usize = 16 << 20;

/// Datagrams that are read before others get their turn.
pub const RECEIVE_BURST: usize = 256;

/// Bursts that are still read after the daemon was told to end: as many datagrams as the kernel's buffer may hold.
pub const DRAIN_BURSTS_MAX: usize = 256;

/// The bytes of documents that wait to be handed in; AWS's takes 1 % of memory, at least 3 MB.
pub const BUFFER_BYTES_MAX: usize = 32 << 20;

/// The documents that wait to be handed in, whatever their size.
pub const BUFFER_SEGMENTS_MAX: usize = 64 << 10;

/// The documents of one batch, as AWS's has it.
pub const BATCH_SEGMENTS: usize = 50;

/// How long a document waits for others; AWS's waits until nothing came for a second.
pub const BATCH_WAIT: Duration = Duration::from_millis(250);

/// Batches that are handed in at the same time, as AWS's has it.
pub const CONCURRENCY: usize = 8;

/// How often a batch is handed in again while the other side is busy; AWS's tries twice.
pub const RETRIES_MAX: u32 = 10;

/// How long it waits in between.
pub const RETRY_WAIT: Duration = Duration::from_millis(500);

/// HTTP connections that are served at the same time.
pub const CONNECTIONS_MAX: usize = 256;

/// The bytes of a request that is passed on: far more than any sampling request.
pub const REQUEST_BYTES_MAX: usize = 5 << 20;

/// How long the API may take to begin its answer.
pub const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// How long connections may take to end after the daemon was told to.
pub const DRAIN_WAIT: Duration = Duration::from_secs(5);
