//! The limits of the syslog receiver, a sentence each.

use std::time::Duration;

/// The bytes of a message; longer ones over TCP are cut, and the rest is passed over. RFC 5425 wants 8 KiB at least.
pub const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// The bytes of a datagram: the most that UDP carries is 65,507.
pub const DATAGRAM_BYTES_MAX: usize = 64 << 10;

/// What the kernel is asked to keep of datagrams that were not read yet; it grants as much as `net.core.rmem_max`.
pub const SOCKET_BUFFER_BYTES: usize = 16 << 20;

/// Messages that wait to be stored.
pub const QUEUE_MESSAGES_MAX: usize = 16 << 10;

/// Messages that are stored at once.
pub const BATCH_MESSAGES_MAX: usize = 4096;

/// The bytes of messages that are stored at once.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// How long a message waits for others.
pub const BATCH_WAIT: Duration = Duration::from_millis(100);

/// How long it waits before a batch is handed over again that could not be stored.
pub const RETRY_WAIT: Duration = Duration::from_secs(1);

/// How often a batch is handed over again once the receiver is to stop.
pub const RETRIES_AT_END: u32 = 5;

/// The log groups, with reasons, whose counters are kept ready. Beyond, all are let go and made anew as they are needed.
pub const COUNTERS_MAX: usize = 100;

/// Connections that are served at the same time.
pub const CONNECTIONS_MAX: usize = 1024;

/// How long a connection may be silent.
pub const IDLE_MAX: Duration = Duration::from_secs(3600);

/// How long the handshake of TLS may take.
pub const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);

/// How far ahead of its receipt a message may say that it happened. Log groups take no events that are further ahead.
pub const AHEAD_MS_MAX: i64 = 2 * 3600 * 1000;

/// How long before its receipt a message may say that it happened. Log groups take no older events.
pub const AGE_MS_MAX: i64 = 14 * 24 * 3600 * 1000;

/// The characters of a stream's name.
pub const STREAM_CHARS_MAX: usize = 512;
